//! Numbers as a person reads them.

/// `69659` as `69,659`.
pub fn count(number: impl Into<i128>) -> String {
    let number = number.into();
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    if number < 0 {
        text.push('-');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// An amount of money for show, as `6,552.70`.
pub fn amount(amount: f64) -> String {
    let text = format!("{amount:.2}");
    match text.split_once('.') {
        Some((whole, cents)) => match whole.parse::<i64>() {
            Ok(whole) => format!("{}.{cents}", count(whole)),
            Err(_) => text,
        },
        None => text,
    }
}

/// A share of 0 to 1 as `31.9 %`.
pub fn share(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// Bytes as `3.4 MiB`.
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if number < 1024 {
        return format!("{number} B");
    }
    let mut scaled = number as f64 / 1024.0;
    let mut unit = 0;
    while scaled >= 1024.0 && unit + 1 < UNITS.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    format!("{scaled:.1} {}", UNITS[unit])
}

/// Milliseconds as `340 ms`, `1.24 s`, or `2 min 05 s`.
pub fn span(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{:02} s", ms / 1_000, ms % 1_000 / 10),
        _ => format!("{} min {:02} s", ms / 60_000, ms % 60_000 / 1_000),
    }
}

/// A rate as `45,210/s`; nothing where it would say nothing.
pub fn per_second(number: u64, elapsed_ms: u64) -> Option<String> {
    if number == 0 || elapsed_ms == 0 {
        return None;
    }
    let rate = u128::from(number) * 1_000 / u128::from(elapsed_ms);
    let rate = i128::try_from(rate).unwrap_or(i128::MAX);
    Some(format!("{}/s", count(rate)))
}

/// A bar of `width` characters, filled by a share of 0 to 1 in steps of an eighth.
pub fn bar(share: f64, width: usize) -> String {
    const PARTS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let eighths = (share.clamp(0.0, 1.0) * width as f64 * 8.0).round() as usize;
    let mut text = "█".repeat(eighths / 8);
    if !eighths.is_multiple_of(8) {
        text.push(PARTS[eighths % 8]);
    }
    let missing = width.saturating_sub(text.chars().count());
    text.push_str(&" ".repeat(missing));
    text
}
