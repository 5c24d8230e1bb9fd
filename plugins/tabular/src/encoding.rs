//! From a file's bytes to text, without losing count of the bytes.

use std::borrow::Cow;

use crate::settings::EncodingSetting;

/// How a file's characters are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8.
    Utf8,
    /// One byte a character, with these characters for 0x80 to 0xFF where they differ from
    /// ISO-8859-1.
    SingleByte(SingleByte),
    /// UTF-16.
    Utf16 {
        /// High byte first.
        big_endian: bool,
    },
}

/// The single-byte encodings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SingleByte {
    /// Windows code page 1252.
    Windows1252,
    /// ISO-8859-15.
    Iso8859_15,
}

/// Windows-1252's characters for 0x80 to 0x9F; NUL where there is none.
const WINDOWS_1252: [char; 32] = [
    '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', '\0', '‘',
    '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
];

impl SingleByte {
    fn char(self, byte: u8) -> Option<char> {
        match (self, byte) {
            (Self::Windows1252, 0x80..=0x9f) => {
                Some(WINDOWS_1252[usize::from(byte - 0x80)]).filter(|found| *found != '\0')
            }
            (Self::Iso8859_15, _) => Some(match byte {
                0xa4 => '€',
                0xa6 => 'Š',
                0xa8 => 'š',
                0xb4 => 'Ž',
                0xb8 => 'ž',
                0xbc => 'Œ',
                0xbd => 'œ',
                0xbe => 'Ÿ',
                other => char::from(other),
            }),
            _ => Some(char::from(byte)),
        }
    }
}

impl Encoding {
    /// What the file's beginning says, and the length of its byte order mark. `is_whole`: `head`
    /// is all there is, so that nothing at its end is merely cut.
    pub fn detect(head: &[u8], is_whole: bool, setting: EncodingSetting) -> (Self, usize) {
        let utf16 = |big_endian| Self::Utf16 { big_endian };
        match (setting, head) {
            (EncodingSetting::Auto | EncodingSetting::Utf8, [0xef, 0xbb, 0xbf, ..]) => {
                (Self::Utf8, 3)
            }
            (EncodingSetting::Auto | EncodingSetting::Utf16Le, [0xff, 0xfe, ..]) => {
                (utf16(false), 2)
            }
            (EncodingSetting::Auto | EncodingSetting::Utf16Be, [0xfe, 0xff, ..]) => {
                (utf16(true), 2)
            }
            (EncodingSetting::Utf8, _) => (Self::Utf8, 0),
            (EncodingSetting::Utf16Le, _) => (utf16(false), 0),
            (EncodingSetting::Utf16Be, _) => (utf16(true), 0),
            (EncodingSetting::Windows1252, _) => (Self::SingleByte(SingleByte::Windows1252), 0),
            (EncodingSetting::Iso8859_15, _) => (Self::SingleByte(SingleByte::Iso8859_15), 0),
            (EncodingSetting::Auto, _) => {
                let is_utf8 = match std::str::from_utf8(head) {
                    Ok(_) => true,
                    // Half a character at the end: a file that is still growing, if it has shown
                    // whole ones before.
                    Err(error) => {
                        error.error_len().is_none()
                            && (!is_whole || !head[..error.valid_up_to()].is_ascii())
                    }
                };
                if is_utf8 {
                    (Self::Utf8, 0)
                } else {
                    (Self::SingleByte(SingleByte::Windows1252), 0)
                }
            }
        }
    }

    /// The name in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::SingleByte(SingleByte::Windows1252) => "windows-1252",
            Self::SingleByte(SingleByte::Iso8859_15) => "iso-8859-15",
            Self::Utf16 { big_endian: false } => "utf-16le",
            Self::Utf16 { big_endian: true } => "utf-16be",
        }
    }

    /// Bytes in which rows can be told apart: UTF-16 becomes UTF-8, everything else stays. A lone
    /// surrogate becomes the three bytes that UTF-8 forbids, so that its row fails later. Gives
    /// how many of `raw` were used; the rest is half a character.
    pub fn widen(self, raw: &[u8], at_end: bool, out: &mut Vec<u8>) -> usize {
        let Self::Utf16 { big_endian } = self else {
            out.extend_from_slice(raw);
            return raw.len();
        };
        let (pairs, _) = raw.as_chunks::<2>();
        let unit = |pair: [u8; 2]| {
            if big_endian {
                u16::from_be_bytes(pair)
            } else {
                u16::from_le_bytes(pair)
            }
        };
        let ends_high = pairs
            .last()
            .is_some_and(|pair| (0xd800..0xdc00).contains(&unit(*pair)));
        let whole = if ends_high && !at_end {
            pairs.len() - 1
        } else {
            pairs.len()
        };
        let mut buffer = [0; 4];
        for decoded in char::decode_utf16(pairs[..whole].iter().map(|pair| unit(*pair))) {
            match decoded {
                Ok(c) => out.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes()),
                Err(error) => {
                    let lone = error.unpaired_surrogate();
                    out.extend_from_slice(&[
                        0xe0 | (lone >> 12) as u8,
                        0x80 | (lone >> 6 & 0x3f) as u8,
                        0x80 | (lone & 0x3f) as u8,
                    ]);
                }
            }
        }
        whole * 2
    }

    /// How many bytes of the file stand behind widened text.
    pub fn raw_len(self, widened: &[u8]) -> u64 {
        match self {
            Self::Utf16 { .. } => {
                let leads = widened.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
                let pairs = widened.iter().filter(|byte| **byte >= 0xf0).count();
                (leads + pairs) as u64 * 2
            }
            _ => widened.len() as u64,
        }
    }

    /// The text of a widened row; none where a character is not of this encoding.
    pub fn decode(self, widened: &[u8]) -> Option<Cow<'_, str>> {
        match self {
            Self::Utf8 | Self::Utf16 { .. } => std::str::from_utf8(widened).ok().map(Cow::Borrowed),
            Self::SingleByte(_) if widened.is_ascii() => {
                std::str::from_utf8(widened).ok().map(Cow::Borrowed)
            }
            Self::SingleByte(table) => widened
                .iter()
                .map(|byte| table.char(*byte))
                .collect::<Option<String>>()
                .map(Cow::Owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn beginning_tells_the_encoding() {
        let detect = |head: &[u8], is_whole| {
            let (encoding, mark) = Encoding::detect(head, is_whole, EncodingSetting::Auto);
            (encoding.name(), mark)
        };
        assert_eq!(detect(b"\xef\xbb\xbfid", true), ("utf-8", 3));
        assert_eq!(detect(b"\xff\xfei\0", true), ("utf-16le", 2));
        assert_eq!(detect(b"\xfe\xff\0i", true), ("utf-16be", 2));
        assert_eq!(detect("Zoë".as_bytes(), true), ("utf-8", 0));
        assert_eq!(detect(b"Zo\xc3", false), ("utf-8", 0));
        assert_eq!(detect(b"Zo\xc3", true), ("windows-1252", 0));
        assert_eq!(detect(b"\xc3\xab Zo\xc3", true), ("utf-8", 0));
        assert_eq!(detect(b"Zo\xeb;x", false), ("windows-1252", 0));
    }

    #[test]
    fn single_bytes_have_their_characters() {
        let windows = Encoding::SingleByte(SingleByte::Windows1252);
        assert_eq!(
            windows.decode(b"\x80 Zo\xeb \x93x\x94").as_deref(),
            Some("€ Zoë “x”")
        );
        assert_eq!(windows.decode(b"\x81"), None);
        let iso = Encoding::SingleByte(SingleByte::Iso8859_15);
        assert_eq!(iso.decode(b"\xa4\xe9").as_deref(), Some("€é"));
    }

    proptest! {
        #[test]
        fn utf16_keeps_count_of_its_bytes(text in "\\PC{0,20}", big_endian: bool, cut in 0usize..50) {
            let raw: Vec<u8> = text
                .encode_utf16()
                .flat_map(|unit| if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() })
                .collect();
            let encoding = Encoding::Utf16 { big_endian };
            let cut = cut.min(raw.len());
            let mut widened = Vec::new();
            let used = encoding.widen(&raw[..cut], false, &mut widened);
            prop_assert_eq!(encoding.raw_len(&widened), used as u64);
            let more = encoding.widen(&raw[used..], true, &mut widened);
            prop_assert_eq!(used + more, raw.len());
            let decoded = encoding.decode(&widened);
            prop_assert_eq!(decoded.as_deref(), Some(text.as_str()));
        }

        #[test]
        fn broken_utf16_keeps_count_too(units in prop::collection::vec(any::<u16>(), 0..20)) {
            let raw: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
            let encoding = Encoding::Utf16 { big_endian: false };
            let mut widened = Vec::new();
            prop_assert_eq!(encoding.widen(&raw, true, &mut widened), raw.len());
            prop_assert_eq!(encoding.raw_len(&widened), raw.len() as u64);
            prop_assert_eq!(encoding.decode(&widened).is_some(), String::from_utf16(&units).is_ok());
        }
    }
}
