//! Calling codes by country (ITU-T E.164, list of assigned codes, November 2023).

/// Sorted by country, ISO 3166-1 alpha-2 in lower case.
const CODES: [(&str, &str); 76] = [
    ("ae", "971"),
    ("ar", "54"),
    ("at", "43"),
    ("au", "61"),
    ("be", "32"),
    ("bg", "359"),
    ("br", "55"),
    ("ca", "1"),
    ("ch", "41"),
    ("cl", "56"),
    ("cn", "86"),
    ("co", "57"),
    ("cr", "506"),
    ("cy", "357"),
    ("cz", "420"),
    ("de", "49"),
    ("dk", "45"),
    ("ec", "593"),
    ("ee", "372"),
    ("eg", "20"),
    ("es", "34"),
    ("fi", "358"),
    ("fr", "33"),
    ("gb", "44"),
    ("gr", "30"),
    ("hk", "852"),
    ("hr", "385"),
    ("hu", "36"),
    ("id", "62"),
    ("ie", "353"),
    ("il", "972"),
    ("in", "91"),
    ("is", "354"),
    ("jp", "81"),
    ("ke", "254"),
    ("kr", "82"),
    ("kw", "965"),
    ("li", "423"),
    ("lt", "370"),
    ("lu", "352"),
    ("lv", "371"),
    ("ma", "212"),
    ("mc", "377"),
    ("mt", "356"),
    ("mx", "52"),
    ("my", "60"),
    ("ng", "234"),
    ("nl", "31"),
    ("no", "47"),
    ("nz", "64"),
    ("om", "968"),
    ("pa", "507"),
    ("pe", "51"),
    ("ph", "63"),
    ("pk", "92"),
    ("pl", "48"),
    ("pt", "351"),
    ("qa", "974"),
    ("ro", "40"),
    ("rs", "381"),
    ("ru", "7"),
    ("sa", "966"),
    ("se", "46"),
    ("sg", "65"),
    ("si", "386"),
    ("sk", "421"),
    ("th", "66"),
    ("tn", "216"),
    ("tr", "90"),
    ("tw", "886"),
    ("ua", "380"),
    ("us", "1"),
    ("uy", "598"),
    ("ve", "58"),
    ("vn", "84"),
    ("za", "27"),
];

/// The calling code of a country whose national numbers drop a leading zero, or have none. Italy,
/// San Marino and Vatican City keep theirs and are not among them.
pub fn calling_code(country: &str) -> Option<&'static str> {
    let at = CODES
        .binary_search_by_key(&country, |(name, _)| name)
        .ok()?;
    Some(CODES[at].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_are_sorted_and_found() {
        assert!(CODES.is_sorted());
        assert_eq!(calling_code("us"), Some("1"));
        assert_eq!(calling_code("ae"), Some("971"));
        assert_eq!(calling_code("it"), None);
        assert_eq!(calling_code(""), None);
    }
}
