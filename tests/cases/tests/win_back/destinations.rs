//! What the destinations hold by their own account, against whom they ought to hold.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::oracle::Person;
use crate::project::{LIST, REGULARS};
use crate::vendors::{Vendors, rows, truth};

/// People by all that a destination may call them, and what each was meant to get so far.
#[derive(Default)]
pub struct Expected {
    /// What the sources call those who are in the segment.
    members: BTreeSet<String>,
    /// Letters due, by one of the person's names.
    letters: BTreeMap<String, usize>,
    pub entered: usize,
    pub left: usize,
}

impl Expected {
    /// Whom the campaign means now. Who was not meant before gets a letter.
    pub fn turn(&mut self, people: &[Person], now_ms: i64) {
        let mut members = BTreeSet::new();
        let mut before = self.members.clone();
        for person in people.iter().filter(|person| person.is_meant(now_ms)) {
            if person.names.is_disjoint(&self.members) {
                let name = person.names.first().unwrap().clone();
                *self.letters.entry(name).or_default() += 1;
                self.entered += 1;
            }
            before.retain(|name| !person.names.contains(name));
            members.extend(person.names.iter().cloned());
        }
        let has_left = |person: &&Person| !person.names.is_disjoint(&before);
        self.left += people.iter().filter(has_left).count();
        self.members = members;
    }

    /// What differs at the destinations, as lines; nothing where all is as it should be.
    pub fn differences(&self, people: &[Person], vendors: &Vendors) -> String {
        let mut text = String::new();
        let by_email = index(people, |person| person.emails.iter().cloned().collect());
        let by_hash = index(people, hashes);
        let meant: BTreeSet<usize> = people
            .iter()
            .enumerate()
            .filter(|(_, person)| !person.names.is_disjoint(&self.members))
            .map(|(at, _)| at)
            .collect();

        let newsletter = truth(&vendors.newsletter);
        let in_list = |it: &&Value| {
            it["deleted"] == false && it["list_id"] == REGULARS && it["status"] == "subscribed"
        };
        let is_tagged = |it: &&Value| {
            it["deleted"] == false
                && it["list_id"] != REGULARS
                && it["tags"].as_array().unwrap().iter().any(|tag| tag == LIST)
        };
        let emails = |rows: Vec<&Value>| -> Vec<String> {
            rows.iter()
                .map(|it| it["email"].as_str().unwrap().to_lowercase())
                .collect()
        };
        let tagged = emails(rows(&newsletter, "members").filter(is_tagged).collect());
        let listed = emails(rows(&newsletter, "members").filter(in_list).collect());
        compare("tagged", people, &meant, &tagged, &by_email, &mut text);
        compare("on the list", people, &meant, &listed, &by_email, &mut text);

        let ads = truth(&vendors.ads);
        let ours: Vec<&Value> = rows(&ads, "audiences")
            .filter(|it| it["name"] == LIST)
            .collect();
        assert!(ours.len() <= 1, "it was made more than once: {ours:?}");
        let ours = ours.first().map_or("", |it| it["id"].as_str().unwrap());
        let held =
            rows(&ads, "members").filter(|it| it["audience"] == ours && it["deleted"] == false);
        let keys = held.flat_map(|it| ["EMAIL", "PHONE"].map(|key| it["keys"][key].as_array()));
        let keys: Vec<String> = keys
            .flatten()
            .flatten()
            .map(|key| key.as_str().unwrap().to_owned())
            .collect();
        compare(
            "in the audience",
            people,
            &meant,
            &keys,
            &by_hash,
            &mut text,
        );

        self.compare_letters(people, &truth(&vendors.mail), &by_email, &mut text);
        text
    }

    fn compare_letters(
        &self,
        people: &[Person],
        mail: &Value,
        by_email: &BTreeMap<String, usize>,
        text: &mut String,
    ) {
        let mut sent: BTreeMap<usize, usize> = BTreeMap::new();
        let mut ids = BTreeSet::new();
        for letter in rows(mail, "messages") {
            let recipients = letter["recipients"].as_array().unwrap();
            assert_eq!(recipients.len(), 1, "{letter}");
            let id = letter["headers"]["message-id"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "it came twice: {letter}");
            match by_email.get(recipients[0].as_str().unwrap()) {
                Some(at) => *sent.entry(*at).or_default() += 1,
                None => writeln!(text, "a letter to nobody: {letter}").unwrap(),
            }
        }
        for (at, person) in people.iter().enumerate() {
            let due = person
                .names
                .iter()
                .filter_map(|name| self.letters.get(name))
                .sum::<usize>();
            let got = sent.get(&at).copied().unwrap_or(0);
            if due != got {
                writeln!(text, "{got} letters instead of {due}: {person:?}").unwrap();
            }
        }
    }
}

/// Who is meant by a key; keys of several are an error of the measure, since they would have joined.
fn index(people: &[Person], keys: impl Fn(&Person) -> Vec<String>) -> BTreeMap<String, usize> {
    let mut index = BTreeMap::new();
    for (at, person) in people.iter().enumerate() {
        for key in keys(person) {
            assert_eq!(index.insert(key, at), None, "{person:?}");
        }
    }
    index
}

/// As the vendor asks for them: addresses in lower case, numbers as digits with the calling code.
fn hashes(person: &Person) -> Vec<String> {
    let emails = person.emails.iter().map(String::as_str);
    let phones = person.phones.iter().map(|it| it.trim_start_matches('+'));
    emails
        .chain(phones)
        .map(|it| hex::encode(Sha256::digest(it)))
        .collect()
}

fn compare(
    what: &str,
    people: &[Person],
    meant: &BTreeSet<usize>,
    keys: &[String],
    by_key: &BTreeMap<String, usize>,
    text: &mut String,
) {
    let mut held = BTreeSet::new();
    for key in keys {
        match by_key.get(key) {
            Some(at) => drop(held.insert(*at)),
            None => writeln!(text, "{what}, but unknown: {key}").unwrap(),
        }
    }
    for at in meant.difference(&held) {
        writeln!(text, "not {what}: {:?}", people[*at]).unwrap();
    }
    for at in held.difference(meant) {
        writeln!(text, "still {what}: {:?}", people[*at]).unwrap();
    }
}
