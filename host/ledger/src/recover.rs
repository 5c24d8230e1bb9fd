//! Opening a folder: what is there, is it whole, where does it end.

use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crosspoint_model::Instant;
use tracing::{info, warn};

use crate::disk::{Disk, DiskFile};
use crate::format::{
    self, CLOSED_BYTES, CLOSED_FILE, HEADER_BYTES, Header, NEW_SUFFIX, decode_at,
    parse_segment_name, segment_name,
};
use crate::frames::{Frames, Next, SEQUENTIAL_CHUNK_BYTES};
use crate::shared::{Segment, io_error};
use crate::{Damage, Error, Result};

/// What a folder holds.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub id: u64,
    pub segments: Vec<Segment>,
    pub last_seq: u64,
    pub last_at: Instant,
    /// The last file, when open for writing.
    pub active: Option<Arc<dyn DiskFile>>,
}

/// A segment file and its header.
struct Found {
    path: PathBuf,
    header: Header,
    file: Arc<dyn DiskFile>,
    bytes: u64,
}

/// How the last file ends.
struct Tail {
    last_seq: u64,
    last_at: Instant,
    /// Where the last sound frame ends.
    end: u64,
    /// Where the last group begins.
    group_start: u64,
    points: Vec<(u64, u64)>,
    bad: Option<(u64, Damage)>,
}

/// Looks at a locked folder. When `writable`, cuts a torn tail and makes all that is there durable.
pub(crate) fn recover(disk: &dyn Disk, folder: &Path, writable: bool) -> Result<Recovered> {
    let names = disk.list(folder).map_err(io_error("list", folder))?;
    if writable {
        for name in names.iter().filter(|name| name.ends_with(NEW_SUFFIX)) {
            let path = folder.join(name);
            disk.remove(&path).map_err(io_error("remove", &path))?;
        }
    }
    let closed = read_closed(disk, folder, &names)?;
    let mut firsts: Vec<u64> = names
        .iter()
        .filter_map(|name| parse_segment_name(name))
        .collect();
    firsts.sort_unstable();
    if firsts.is_empty() {
        return match closed {
            Some((_, seq)) => Err(Error::Lost {
                folder: folder.to_owned(),
                last: 0,
                closed: seq,
            }),
            None => begin(disk, folder, writable),
        };
    }

    let found = firsts
        .iter()
        .map(|first| find(disk, folder, *first, writable))
        .collect::<Result<Vec<_>>>()?;
    check_chain(folder, &found)?;
    let id = found[0].header.id;
    let last = &found[found.len() - 1];
    if closed.is_some_and(|(closed_id, _)| closed_id != id) {
        return Err(Error::Foreign {
            file: folder.join(CLOSED_FILE),
        });
    }
    let floor = closed.map_or(0, |(_, seq)| seq);
    let tail = read_tail(last, floor)?;
    if tail.last_seq < floor {
        return Err(Error::Lost {
            folder: folder.to_owned(),
            last: tail.last_seq,
            closed: floor,
        });
    }
    if writable {
        settle(disk, folder, last, &tail, floor)?;
    }

    let active = writable.then(|| Arc::clone(&last.file));
    let ends: Vec<_> = found
        .iter()
        .skip(1)
        .map(|next| next.header.previous_at)
        .collect();
    let mut segments: Vec<_> = found
        .into_iter()
        .zip(ends.into_iter().chain([tail.last_at]))
        .map(|(found, last_at)| Segment {
            first_seq: found.header.first_seq,
            path: found.path,
            bytes: found.bytes,
            last_at,
            points: Vec::new(),
        })
        .collect();
    if let Some(segment) = segments.last_mut() {
        segment.bytes = tail.end;
        segment.points = tail.points;
    }
    Ok(Recovered {
        id,
        segments,
        last_seq: tail.last_seq,
        last_at: tail.last_at,
        active,
    })
}

/// A folder without entries.
fn begin(disk: &dyn Disk, folder: &Path, writable: bool) -> Result<Recovered> {
    let mut recovered = Recovered {
        id: RandomState::new().hash_one(std::process::id()),
        segments: Vec::new(),
        last_seq: 0,
        last_at: Instant::MIN,
        active: None,
    };
    if writable {
        let (segment, file) = create_segment(
            disk,
            folder,
            &Header {
                id: recovered.id,
                first_seq: 1,
                previous_first_seq: 0,
                previous_bytes: 0,
                previous_at: Instant::MIN,
            },
        )?;
        recovered.segments.push(segment);
        recovered.active = Some(file);
    }
    Ok(recovered)
}

/// Makes a segment file that is whole or does not exist.
pub(crate) fn create_segment(
    disk: &dyn Disk,
    folder: &Path,
    header: &Header,
) -> Result<(Segment, Arc<dyn DiskFile>)> {
    let name = segment_name(header.first_seq);
    let file = write_whole(disk, folder, &name, &header.encode())?;
    let segment = Segment {
        first_seq: header.first_seq,
        path: folder.join(name),
        bytes: HEADER_BYTES as u64,
        last_at: header.previous_at,
        points: Vec::new(),
    };
    Ok((segment, file))
}

/// Marks what is durable at an orderly close.
pub(crate) fn write_closed(disk: &dyn Disk, folder: &Path, id: u64, seq: u64) -> Result<()> {
    write_whole(disk, folder, CLOSED_FILE, &format::encode_closed(id, seq)).map(|_| ())
}

fn write_whole(
    disk: &dyn Disk,
    folder: &Path,
    name: &str,
    bytes: &[u8],
) -> Result<Arc<dyn DiskFile>> {
    let path = folder.join(name);
    let new = folder.join(format!("{name}{NEW_SUFFIX}"));
    let file = disk.create(&new).map_err(io_error("create", &new))?;
    file.write_all_at(bytes, 0)
        .map_err(io_error("write", &new))?;
    file.sync_data().map_err(io_error("sync", &new))?;
    disk.rename(&new, &path)
        .map_err(io_error("create", &path))?;
    disk.sync_folder(folder).map_err(io_error("sync", folder))?;
    Ok(file)
}

fn read_closed(disk: &dyn Disk, folder: &Path, names: &[String]) -> Result<Option<(u64, u64)>> {
    if !names.iter().any(|name| name == CLOSED_FILE) {
        return Ok(None);
    }
    let path = folder.join(CLOSED_FILE);
    let file = disk.open(&path, false).map_err(io_error("open", &path))?;
    let bytes = read_range(&*file, &path, 0, CLOSED_BYTES as u64 + 1)?;
    match format::decode_closed(&bytes) {
        Some(closed) => Ok(Some(closed)),
        None => Err(Error::Damaged {
            file: path,
            at_byte: 0,
            damage: Damage::Checksum,
        }),
    }
}

fn find(disk: &dyn Disk, folder: &Path, first_seq: u64, writable: bool) -> Result<Found> {
    let path = folder.join(segment_name(first_seq));
    let file = disk
        .open(&path, writable)
        .map_err(io_error("open", &path))?;
    let bytes = file.length().map_err(io_error("measure", &path))?;
    let header = Header::decode(&read_range(&*file, &path, 0, HEADER_BYTES as u64)?, &path)?;
    if header.first_seq != first_seq {
        let damage = Damage::Sequence {
            expected: first_seq,
            found: header.first_seq,
        };
        return Err(Error::Damaged {
            file: path,
            at_byte: 0,
            damage,
        });
    }
    Ok(Found {
        path,
        header,
        file,
        bytes,
    })
}

fn check_chain(folder: &Path, found: &[Found]) -> Result<()> {
    for (before, after) in found.iter().zip(&found[1..]) {
        if after.header.id != before.header.id {
            return Err(Error::Foreign {
                file: after.path.clone(),
            });
        }
        if after.header.previous_first_seq != before.header.first_seq {
            return Err(Error::MissingSegment {
                folder: folder.to_owned(),
                before: segment_name(before.header.first_seq),
                after: segment_name(after.header.first_seq),
            });
        }
        let end = after.header.previous_bytes;
        if before.bytes != end {
            let damage = if before.bytes < end {
                Damage::Truncated
            } else {
                Damage::Overlong
            };
            return Err(Error::Damaged {
                file: before.path.clone(),
                at_byte: before.bytes.min(end),
                damage,
            });
        }
    }
    Ok(())
}

/// Walks the last file and tells a torn tail from damage.
fn read_tail(last: &Found, floor: u64) -> Result<Tail> {
    let header = last.header;
    let mut tail = Tail {
        last_seq: header.first_seq - 1,
        last_at: header.previous_at,
        end: HEADER_BYTES as u64,
        group_start: HEADER_BYTES as u64,
        points: Vec::new(),
        bad: None,
    };
    let mut segment = Segment {
        first_seq: header.first_seq,
        path: last.path.clone(),
        bytes: last.bytes,
        last_at: header.previous_at,
        points: Vec::new(),
    };
    let mut frames = Frames::new(
        Arc::clone(&last.file),
        last.path.clone(),
        header.id,
        header.first_seq,
        tail.end,
        SEQUENTIAL_CHUNK_BYTES,
    );
    loop {
        match frames.next(last.bytes)? {
            Next::Frame {
                seq,
                at_byte,
                first_of_group,
                payload,
            } => {
                tail.last_at = decode_at(seq, frames.bytes(payload))?;
                tail.last_seq = seq;
                tail.end = frames.position();
                segment.add_point(seq, at_byte);
                if first_of_group {
                    tail.group_start = at_byte;
                }
            }
            Next::End => break,
            Next::Bad { at_byte, damage } => {
                let rest = read_range(&*last.file, &last.path, at_byte, last.bytes - at_byte)?;
                let next = tail.last_seq + 1;
                if next <= floor || format::has_later_group(&rest, header.id, next) {
                    return Err(Error::Damaged {
                        file: last.path.clone(),
                        at_byte,
                        damage,
                    });
                }
                tail.bad = Some((at_byte, damage));
                break;
            }
        }
    }
    tail.points = segment.points;
    Ok(tail)
}

/// Cuts a torn tail and makes durable what was found.
fn settle(disk: &dyn Disk, folder: &Path, last: &Found, tail: &Tail, floor: u64) -> Result<()> {
    if let Some((at_byte, damage)) = tail.bad {
        let bytes = last.bytes - at_byte;
        let file = last.path.display();
        warn!(%file, at_byte, bytes, %damage, "cut a write that was not durable off the ledger");
        last.file
            .set_length(at_byte)
            .map_err(io_error("cut", &last.path))?;
    }
    if tail.last_seq > floor || tail.bad.is_some() {
        // The last group may stand in the page cache only: never synced because the process died,
        // or marked clean by a sync that failed. Written again it is dirty again, and then synced.
        let length = tail.end - tail.group_start;
        let group = read_range(&*last.file, &last.path, tail.group_start, length)?;
        last.file
            .write_all_at(&group, tail.group_start)
            .map_err(io_error("write", &last.path))?;
        info!(
            last_seq = tail.last_seq,
            "ledger was not closed in order; its end is whole"
        );
    }
    last.file
        .sync_data()
        .map_err(io_error("sync", &last.path))?;
    disk.sync_folder(folder).map_err(io_error("sync", folder))
}

/// At most `length` bytes from position `at`; fewer at the end of the file.
fn read_range(file: &dyn DiskFile, path: &Path, at: u64, length: u64) -> Result<Vec<u8>> {
    let mut bytes = vec![0; length as usize];
    let mut done = 0;
    while done < bytes.len() {
        let read = file
            .read_at(&mut bytes[done..], at + done as u64)
            .map_err(io_error("read", path))?;
        if read == 0 {
            break;
        }
        done += read;
    }
    bytes.truncate(done);
    Ok(bytes)
}
