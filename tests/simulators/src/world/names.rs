//! Words that people, places and goods are made of.

/// A town and what follows from living there.
pub struct Place {
    pub city: &'static str,
    pub postal_code: &'static str,
    pub country: &'static str,
    pub language: &'static str,
    pub time_zone: &'static str,
    pub dial: &'static str,
}

const fn place(
    city: &'static str,
    postal_code: &'static str,
    country: &'static str,
    language: &'static str,
    time_zone: &'static str,
    dial: &'static str,
) -> Place {
    Place {
        city,
        postal_code,
        country,
        language,
        time_zone,
        dial,
    }
}

pub const PLACES: &[Place] = &[
    place("München", "80331", "DE", "de", "Europe/Berlin", "+4989"),
    place("Köln", "50667", "DE", "de", "Europe/Berlin", "+49221"),
    place("Wien", "1010", "AT", "de", "Europe/Vienna", "+431"),
    place("Zürich", "8001", "CH", "de", "Europe/Zurich", "+4144"),
    place(
        "Utrecht",
        "3511 AB",
        "NL",
        "nl",
        "Europe/Amsterdam",
        "+3130",
    ),
    place("Łódź", "90-001", "PL", "pl", "Europe/Warsaw", "+4842"),
    place("Lyon", "69001", "FR", "fr", "Europe/Paris", "+334"),
    place("Málaga", "29001", "ES", "es", "Europe/Madrid", "+34952"),
    place("Leeds", "LS1 4AP", "GB", "en", "Europe/London", "+44113"),
    place("Austin", "78701", "US", "en", "America/Chicago", "+1512"),
    place(
        "São Paulo",
        "01310-100",
        "BR",
        "pt",
        "America/Sao_Paulo",
        "+5511",
    ),
    place("大阪", "530-0001", "JP", "ja", "Asia/Tokyo", "+816"),
];

pub const FIRST: &[&str] = &[
    "Anna",
    "Zoë",
    "Søren",
    "Łukasz",
    "José",
    "Mary-Jane",
    "D'Arcy",
    "Björn",
    "Chloé",
    "Ayşe",
    "Nguyễn",
    "李",
    "さくら",
    "Омар",
    "Ελένη",
    "Fatima",
    "Jan",
    "Piet",
    "Greta",
    "Tom",
    "Ines",
    "Paulo",
    "Ruth",
    "Kwame",
    "Noor",
    "Emma",
    "Liam",
    "Mia",
    "Ben",
    "Lea",
];

pub const LAST: &[&str] = &[
    "Müller",
    "O'Brien",
    "van den Berg",
    "García",
    "Łapiński",
    "Sørensen",
    "Nowak",
    "Smith-Jones",
    "de Souza",
    "Çelik",
    "王",
    "山田",
    "Иванова",
    "Παπαδοπούλου",
    "Dubois",
    "Rossi",
    "Schmidt",
    "Jansen",
    "Kowalski",
    "Brown",
    "Silva",
    "Okafor",
    "Khan",
    "Weber",
    "Fischer",
    "Le",
    "Ng",
    "Maier",
    "Kaya",
    "Lindqvist",
];

pub const MAIL: &[&str] = &["example.com", "example.org", "mail.example", "post.example"];

pub const COMPANIES: &[&str] = &[
    "Acme GmbH",
    "Brot & Söhne",
    "Delta \"D\" Ltd",
    "Ésprit SARL",
    "Foo, Bar & Co",
    "Globex",
    "日本商事",
];

pub const JOBS: &[&str] = &[
    "Buyer",
    "Head of Marketing",
    "Geschäftsführerin",
    "Engineer",
    "Owner",
];

pub const STREETS: &[&str] = &[
    "Hauptstraße",
    "Rue de l'Église",
    "High Street",
    "Calle Mayor",
    "Kerkstraat",
];

pub const TAGS: &[&str] = &["vip", "newsletter", "wholesale", "b2b", "Frühling 2026"];

pub const ADJECTIVES: &[&str] = &[
    "Blue",
    "Organic",
    "Small",
    "Folding",
    "Heavy",
    "Crème",
    "Second-hand",
];

/// By category.
pub const THINGS: &[(&str, &[&str])] = &[
    ("Books", &["Cookbook", "Atlas", "Novel", "Diary"]),
    ("Garden", &["Shovel", "Hose", "Bench", "Lantern"]),
    ("Kitchen", &["Pan", "Kettle", "Knife", "Jar"]),
    ("Clothing", &["Coat", "Scarf", "Shirt", "Socks"]),
    ("Music", &["Record", "CD", "Flute", "Drum"]),
];
