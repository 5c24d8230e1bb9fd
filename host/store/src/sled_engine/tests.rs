use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crosspoint_model::Instant;
use proptest::prelude::*;

use super::*;
use crate::{Bytes, digest, dump, encode, export, import, keys};

fn open(path: &Path) -> Opened {
    SledEngine::open_or_set_aside(
        path,
        SledSettings {
            cache_bytes: 8 << 20,
        },
    )
    .unwrap()
}

fn note(number: u32) -> Vec<u8> {
    keys::note(&format!("{number:05}"))
}

/// Value bytes that differ by place and by commit.
fn value(seed: u32, length: usize) -> Vec<u8> {
    let bytes = (0..length as u32)
        .map(|at| (at.wrapping_mul(seed | 1) >> 3) as u8)
        .collect();
    encode(&Bytes(bytes)).unwrap()
}

fn reached(position: u64) -> Option<Reached> {
    Some(Reached {
        position,
        at: Instant(position as i64),
    })
}

fn put(engine: &SledEngine, number: u32, value: Option<Vec<u8>>, position: u64) {
    engine
        .commit(&Batch::new(vec![(note(number), value)], reached(position)))
        .unwrap();
}

fn contents(engine: &SledEngine) -> BTreeMap<Vec<u8>, Vec<u8>> {
    dump(engine).map(|pair| pair.unwrap()).collect()
}

#[test]
fn store_comes_back_after_a_clean_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/store");
    let opened = open(&path);
    assert_eq!(opened.rebuilt.unwrap().reason, Reason::Missing);
    assert_eq!(opened.engine.reached(), None);
    put(&opened.engine, 1, Some(value(1, 10)), 7);
    let before = digest(&opened.engine).unwrap();
    drop(opened.engine);
    assert!(path.join("clean").exists());
    let opened = open(&path);
    assert!(opened.rebuilt.is_none());
    assert!(!path.join("clean").exists());
    assert_eq!(opened.engine.reached(), reached(7));
    assert_eq!(digest(&opened.engine).unwrap(), before);
}

#[test]
fn store_killed_before_its_first_commit_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("live");
    let live = open(&path);
    copy(&path, &folder.path().join("store"));
    drop(live);
    let rebuilt = open(&folder.path().join("store")).rebuilt.unwrap();
    assert_eq!((rebuilt.reason, rebuilt.set_aside), (Reason::Missing, None));
}

#[test]
fn sound_store_can_be_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    put(&open(&path).engine, 1, Some(value(1, 10)), 7);
    let reason = Reason::Contradicts("it reaches 7, the ledger ends at 5".to_owned());
    let opened =
        SledEngine::set_aside_and_open(&path, SledSettings::default(), reason.clone()).unwrap();
    assert_eq!(opened.rebuilt.unwrap().reason, reason);
    assert_eq!(opened.engine.reached(), None);
    assert!(folder.path().join("store.set-aside-1/sled/db").exists());
}

#[test]
fn second_handle_is_refused_with_the_holder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let held = open(&path);
    let error = SledEngine::open_or_set_aside(&path, SledSettings::default()).unwrap_err();
    assert!(matches!(error, Error::Locked { .. }));
    let holder = format!("process {}", std::process::id());
    assert!(error.to_string().contains(&holder), "{error}");
    drop(held);
    open(&path);
}

#[test]
fn other_format_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    put(&open(&path).engine, 1, Some(value(1, 10)), 1);
    fs::write(path.join("format"), "crosspoint-store 9 other\n").unwrap();
    let rebuilt = open(&path).rebuilt.unwrap();
    assert!(matches!(rebuilt.reason, Reason::OtherFormat { .. }));
    let aside = folder.path().join("store.set-aside-1");
    assert_eq!(rebuilt.set_aside, Some(aside.clone()));
    assert!(aside.join("sled/db").exists());
    fs::remove_file(path.join("format")).unwrap();
    let rebuilt = open(&path).rebuilt.unwrap();
    assert_eq!(
        rebuilt.set_aside,
        Some(folder.path().join("store.set-aside-2"))
    );
}

#[test]
fn unfinished_import_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let opened = open(&path);
    opened
        .engine
        .commit(&Batch::new(vec![(note(1), Some(value(1, 10)))], None))
        .unwrap();
    drop(opened);
    assert_eq!(open(&path).rebuilt.unwrap().reason, Reason::Unfinished);
}

#[test]
fn value_of_a_newer_release_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let mut newer = value(1, 10);
    newer[0] = 200;
    put(&open(&path).engine, 1, Some(newer), 1);
    fs::remove_file(path.join("clean")).unwrap();
    let reason = open(&path).rebuilt.unwrap().reason;
    assert!(matches!(reason, Reason::OtherFormat { .. }), "{reason}");
}

#[test]
fn values_of_every_length_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let engine = open(&path).engine;
    let raw = |length: usize| (0..length).map(|at| (at % 251) as u8).collect::<Vec<_>>();
    let around = |middle: usize| middle - 2..=middle + 2;
    let lengths = [
        2,
        4087,
        4096,
        4087 + 4096,
        4096 * 2,
        4087 + 4096 * 5,
        40_000,
    ];
    let up = lengths.into_iter().flat_map(around).collect::<Vec<_>>();
    for length in up.iter().chain(up.iter().rev()) {
        put(&engine, 1, Some(raw(*length)), 1);
        assert_eq!(
            engine.get(&note(1)).unwrap(),
            Some(raw(*length)),
            "{length}"
        );
        let pairs = engine.scan(&KeyRange::all(), 9).unwrap();
        assert_eq!(pairs, [(note(1), raw(*length))]);
    }
    assert_eq!(engine.sizes().unwrap().keys, 1);
    put(&engine, 1, Some(raw(20_000)), 1);
    assert_eq!(engine.sizes().unwrap().keys, 5);
    put(&engine, 1, None, 1);
    assert_eq!(engine.sizes().unwrap().keys, 0);
    assert_eq!(engine.last(&KeyRange::all()).unwrap(), None);
    let reserved = Batch::new(vec![(vec![RESERVED_PREFIX], None)], None);
    assert!(matches!(
        engine.commit(&reserved),
        Err(Error::ReservedKey(_))
    ));
    assert!(matches!(
        engine.commit(&Batch::default()),
        Err(Error::Stopped(_))
    ));
}

/// What a store reached, and all its pairs.
type State = (Option<Reached>, BTreeMap<Vec<u8>, Vec<u8>>);

/// A store with several commits of short and long values, and its content after each.
struct History {
    folder: tempfile::TempDir,
    states: Vec<State>,
}

impl History {
    /// `clean`: closed before it is copied; else the copy is what a killed process leaves.
    fn new(clean: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("live");
        let engine = open(&path).engine;
        let mut states = vec![(None, BTreeMap::new())];
        for position in 1..=6u32 {
            let numbers = (0..300).filter(|number| number % position == 0);
            let writes = numbers.map(|number| {
                let length = if number % 50 == 0 { 9_000 } else { 60 };
                let delete = number % 7 == position % 7;
                (
                    note(number),
                    (!delete).then(|| value(number * 31 + position, length)),
                )
            });
            engine
                .commit(&Batch::new(writes.collect(), reached(position.into())))
                .unwrap();
            states.push((engine.reached(), contents(&engine)));
        }
        if clean {
            drop(engine);
            copy(&path, &folder.path().join("saved"));
        } else {
            copy(&path, &folder.path().join("saved"));
            drop(engine);
        }
        Self { folder, states }
    }

    fn fresh_copy(&self) -> (tempfile::TempDir, PathBuf) {
        let to = tempfile::tempdir().unwrap();
        let path = to.path().join("store");
        copy(&self.folder.path().join("saved"), &path);
        (to, path)
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn files(path: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn killed_store_comes_back_whole() {
    let history = History::new(false);
    let (_folder, path) = history.fresh_copy();
    let opened = open(&path);
    assert!(opened.rebuilt.is_none());
    let last = history.states.last().unwrap();
    assert_eq!((opened.engine.reached(), contents(&opened.engine)), *last);
}

#[derive(Clone, Debug)]
enum Damage {
    Flip {
        file: prop::sample::Index,
        at: prop::sample::Index,
        bits: u8,
    },
    Truncate {
        file: prop::sample::Index,
        at: prop::sample::Index,
    },
    Zero {
        file: prop::sample::Index,
        at: prop::sample::Index,
        length: usize,
    },
    Remove {
        file: prop::sample::Index,
    },
}

fn damage() -> impl Strategy<Value = Damage> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        4 => (index(), index(), 1..=255u8)
            .prop_map(|(file, at, bits)| Damage::Flip { file, at, bits }),
        2 => (index(), index()).prop_map(|(file, at)| Damage::Truncate { file, at }),
        2 => (index(), index(), 1..5000usize)
            .prop_map(|(file, at, length)| Damage::Zero { file, at, length }),
        1 => index().prop_map(|file| Damage::Remove { file }),
    ]
}

impl Damage {
    fn inflict(&self, path: &Path) {
        let files = files(path);
        let (Self::Flip { file, .. }
        | Self::Truncate { file, .. }
        | Self::Zero { file, .. }
        | Self::Remove { file }) = self;
        let file = file.get(&files);
        let mut bytes = fs::read(file).unwrap();
        if bytes.is_empty() {
            return;
        }
        match self {
            Self::Flip { at, bits, .. } => *at.get_mut(&mut bytes) ^= bits,
            Self::Truncate { at, .. } => bytes.truncate(at.index(bytes.len())),
            Self::Zero { at, length, .. } => {
                let at = at.index(bytes.len());
                let end = bytes.len().min(at + length);
                bytes[at..end].fill(0);
            }
            Self::Remove { .. } => return fs::remove_file(file).unwrap(),
        }
        fs::write(file, bytes).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, max_shrink_iters: 0, ..Default::default() })]

    #[test]
    fn damage_is_found_or_harmless(
        clean in any::<bool>(),
        damages in proptest::collection::vec(damage(), 24)
    ) {
        let history = History::new(clean);
        for damage in damages {
            let (folder, path) = history.fresh_copy();
            damage.inflict(&path);
            let opened = open(&path);
            let state = (opened.engine.reached(), contents(&opened.engine));
            match opened.rebuilt {
                Some(rebuilt) => {
                    prop_assert!(rebuilt.set_aside.is_some(), "{:?} {:?}", rebuilt, damage);
                    prop_assert_eq!(&state, &(None, BTreeMap::new()), "{:?}", rebuilt);
                    put(&opened.engine, 1, Some(value(1, 1)), 1);
                }
                None => prop_assert!(history.states.contains(&state), "{:?}", damage),
            }
            drop(opened.engine);
            drop(folder);
        }
    }
}

#[test]
fn exports_carry_everything_over() {
    let history = History::new(true);
    let (_folder, path) = history.fresh_copy();
    let engine = open(&path).engine;
    let mut bytes = Vec::new();
    export(&engine, &mut bytes).unwrap();
    let memory = crate::MemoryEngine::new();
    import(&memory, &mut bytes.as_slice()).unwrap();
    assert_eq!(digest(&memory).unwrap(), digest(&engine).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let second = open(&folder.path().join("store")).engine;
    import(&second, &mut bytes.as_slice()).unwrap();
    assert_eq!(digest(&second).unwrap(), digest(&engine).unwrap());
    let mut again = Vec::new();
    export(&memory, &mut again).unwrap();
    assert_eq!(again, bytes);
    assert!(matches!(
        import(&memory, &mut bytes.as_slice()),
        Err(Error::NotEmpty)
    ));
}
