//! Where a row ends.

/// The longest row, in bytes; the sheet of conventions asks for a limit. An unclosed quote is
/// given up after as much.
pub const MAX_ROW_BYTES: usize = 1 << 20;

/// What stands at the beginning of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// A row of `end` bytes; the next one starts at `next`, so many lines further down.
    Row {
        /// Length without the line end.
        end: usize,
        /// Length with it; the same as `end` where the file ends without one.
        next: usize,
        /// Lines that it takes.
        lines: u64,
    },
    /// A quote that is never closed. Only its first line is given up.
    Unclosed {
        /// As in a row.
        end: usize,
        /// As in a row.
        next: usize,
    },
    /// A line longer than [`MAX_ROW_BYTES`]; its end is not in the text yet.
    TooLong,
    /// The text ends before the row does.
    More,
}

/// Finds the first row of `text`. With a delimiter, line ends within quotes belong to the row; a
/// quote counts where a cell begins. Line ends are LF, CRLF and CR. `at_end`: nothing follows.
/// What is found does not depend on how much text is given, once it is enough.
pub fn split(text: &[u8], delimiter: Option<u8>, at_end: bool) -> Split {
    if let Some(plain) = plain(text, delimiter.is_some(), at_end) {
        return plain;
    }
    let mut is_quoted = false;
    let mut is_cell_start = true;
    let mut lines = 1;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        if at > MAX_ROW_BYTES {
            return give_up(text, at_end);
        }
        let following = text.get(at + 1).copied();
        let is_undecided = following.is_none() && !at_end;
        match byte {
            b'"' if is_quoted => {
                if is_undecided {
                    return Split::More;
                }
                if following == Some(b'"') {
                    at += 1;
                } else {
                    is_quoted = false;
                }
                is_cell_start = false;
            }
            b'"' if is_cell_start && delimiter.is_some() => {
                is_quoted = true;
                is_cell_start = false;
            }
            b'\r' | b'\n' => {
                if byte == b'\r' && is_undecided {
                    return Split::More;
                }
                let width = if byte == b'\r' && following == Some(b'\n') {
                    2
                } else {
                    1
                };
                if !is_quoted {
                    return Split::Row {
                        end: at,
                        next: at + width,
                        lines,
                    };
                }
                lines += 1;
                at += width - 1;
            }
            _ if Some(byte) == delimiter && !is_quoted => is_cell_start = true,
            b' ' if is_cell_start => {}
            _ => is_cell_start = false,
        }
        at += 1;
    }
    if !at_end {
        return Split::More;
    }
    if is_quoted {
        return give_up(text, at_end);
    }
    Split::Row {
        end: text.len(),
        next: text.len(),
        lines,
    }
}

/// The first row where no quote stands before its end, as in most rows of most files: one search
/// instead of looking at every byte's place. `None` where that does not tell.
fn plain(text: &[u8], has_quotes: bool, at_end: bool) -> Option<Split> {
    let within = &text[..text.len().min(MAX_ROW_BYTES + 1)];
    let end = within.iter().position(|byte| match byte {
        b'\r' | b'\n' => true,
        b'"' => has_quotes,
        _ => false,
    })?;
    let next = match (text[end], text.get(end + 1)) {
        (b'\n', _) => end + 1,
        (b'\r', Some(b'\n')) => end + 2,
        (b'\r', None) if !at_end => return Some(Split::More),
        (b'\r', _) => end + 1,
        _ => return None,
    };
    Some(Split::Row {
        end,
        next,
        lines: 1,
    })
}

/// The first line of a row that does not end within the limit.
fn give_up(text: &[u8], at_end: bool) -> Split {
    let limit = text.len().min(MAX_ROW_BYTES + 1);
    match text[..limit]
        .iter()
        .position(|byte| matches!(byte, b'\r' | b'\n'))
    {
        Some(end) => {
            let is_pair = text[end] == b'\r' && text.get(end + 1) == Some(&b'\n');
            Split::Unclosed {
                end,
                next: end + if is_pair { 2 } else { 1 },
            }
        }
        None if limit <= MAX_ROW_BYTES && at_end => Split::Unclosed {
            end: text.len(),
            next: text.len(),
        },
        None => Split::TooLong,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(text: &[u8], delimiter: Option<u8>) -> Vec<String> {
        let mut rows = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (row, next) = match split(rest, delimiter, true) {
                Split::Row { end, next, lines } => (
                    format!("{lines}:{}", String::from_utf8_lossy(&rest[..end])),
                    next,
                ),
                Split::Unclosed { end, next } => {
                    (format!("!{}", String::from_utf8_lossy(&rest[..end])), next)
                }
                other => panic!("{other:?}"),
            };
            rows.push(row);
            rest = &rest[next..];
        }
        rows
    }

    #[test]
    fn rows_end_where_they_should() {
        let csv = |text: &str| all(text.as_bytes(), Some(b','));
        assert_eq!(csv("a,b\r\nc\rd\ne"), ["1:a,b", "1:c", "1:d", "1:e"]);
        assert_eq!(csv("a,\"x\r\ny\",b\nc"), ["2:a,\"x\r\ny\",b", "1:c"]);
        assert_eq!(csv("a,\"x\"\"\n\"\nc"), ["2:a,\"x\"\"\n\"", "1:c"]);
        assert_eq!(csv("5\" pipe,b\nc"), ["1:5\" pipe,b", "1:c"]);
        assert_eq!(csv("\"open,b\nc,d\n"), ["!\"open,b", "1:c,d"]);
        assert_eq!(csv(", \"q\nq\"\n"), ["2:, \"q\nq\""]);
        assert_eq!(all(b"\"a\nb", None), ["1:\"a", "1:b"]);
    }

    #[test]
    fn too_long_rows_are_given_up() {
        let long = vec![b'x'; MAX_ROW_BYTES + 2];
        assert_eq!(split(&long, Some(b','), true), Split::TooLong);
        let mut quoted = b"\"a\n".to_vec();
        quoted.extend_from_slice(&long);
        assert_eq!(
            split(&quoted, Some(b','), false),
            Split::Unclosed { end: 2, next: 3 }
        );
        assert_eq!(split(&quoted[..100], Some(b','), false), Split::More);
    }

    proptest! {
        #[test]
        fn less_text_never_gives_another_row(text in "[a,\"\r\n]{0,24}", cut in 0usize..24) {
            let text = text.as_bytes();
            let cut = cut.min(text.len());
            match split(&text[..cut], Some(b','), false) {
                Split::More => {}
                found => prop_assert_eq!(found, split(text, Some(b','), true)),
            }
        }
    }
}
