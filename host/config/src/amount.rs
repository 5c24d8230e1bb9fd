//! Sizes in bytes. Spans are read by `crosspoint_model::time`.

/// Units of sizes: binary ones as IEC 80000-13 writes them, decimal ones as SI does.
const UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

/// Reads `256MiB`, `10 GB`, `512B` into bytes. `None` for an unknown unit, a fraction, or more than
/// 64 bits hold.
pub(crate) fn parse_size_bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok()?;
    let unit = text[digits..].trim_start();
    let (_, factor) = UNITS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    number.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sizes_with_units_only() {
        assert_eq!(parse_size_bytes("256MiB"), Some(256 << 20));
        assert_eq!(parse_size_bytes("10 gb"), Some(10_000_000_000));
        assert_eq!(parse_size_bytes("512B"), Some(512));
        for bad in ["", "256", "MiB", "1.5GiB", "-1B", "5Mio", "99999999999TiB"] {
            assert_eq!(parse_size_bytes(bad), None, "{bad}");
        }
    }
}
