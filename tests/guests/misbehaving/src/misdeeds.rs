//! One function, one misdeed per arm.

use std::hint::black_box;
use std::time::Duration;

use crate::crosspoint::connector::errors::{Error, FieldError};
use crate::crosspoint::connector::model::{Attribute, Body, Event, Record, Value};
use crate::crosspoint::connector::{files, jobs, log, settings};
use crate::{Seen, doors};

const MIB: usize = 1 << 20;

pub fn commit(name: &str, argument: &str) -> Result<Seen, Error> {
    match name {
        "loop" => loop {
            black_box(());
        },
        "wait" => {
            std::thread::sleep(Duration::from_millis(argument.parse().unwrap()));
            Ok(Seen::text("woke up"))
        }
        "allocate" => {
            let bytes = vec![1u8; argument.parse::<usize>().unwrap() * MIB];
            Ok(Seen::text(format!("{}", black_box(bytes).len())))
        }
        "answer" => {
            let cursor = vec![1u8; argument.parse().unwrap()];
            Ok(Seen {
                cursor,
                ..Seen::default()
            })
        }
        "panic" => panic!("deliberate: {argument}"),
        "abort" => {
            eprintln!("last words: {argument}");
            std::process::abort()
        }
        "chatter" => {
            for _ in 0..1000 {
                eprintln!("{}", "x".repeat(1024));
            }
            Ok(Seen::text("still here"))
        }
        "log" => {
            for number in 0..1000 {
                log::write(
                    log::Level::Info,
                    &format!("{number} {argument} {}", "y".repeat(8192)),
                );
            }
            Ok(Seen::default())
        }
        "dump" => Ok(dump(argument)),
        "fetch" => Ok(Seen::text(doors::fetch("GET", argument, &[], None))),
        "fetch-each" => {
            let told = argument
                .lines()
                .map(|url| doors::fetch("GET", url, &[], None));
            Ok(Seen {
                notices: told.collect(),
                ..Seen::default()
            })
        }
        "post" => {
            let headers = [("webhook-id", "m1")];
            Ok(Seen::text(doors::fetch(
                "POST",
                argument,
                &headers,
                Some(b"{}".to_vec()),
            )))
        }
        "fetch-as" => {
            let (header, url) = argument.split_once(' ').unwrap();
            Ok(Seen::text(doors::fetch(
                "GET",
                url,
                &[(header, "mine")],
                None,
            )))
        }
        "fetch-long" => {
            let body = vec![b'x'; 2 * MIB];
            Ok(Seen::text(doors::fetch("POST", argument, &[], Some(body))))
        }
        "wasi-fetch" => Ok(Seen::text(doors::wasi_fetch(argument, None))),
        "wasi-fetch-as" => {
            let (header, url) = argument.split_once(' ').unwrap();
            Ok(Seen::text(doors::wasi_fetch(url, Some(header))))
        }
        "tcp" => Ok(Seen::text(doors::tcp(argument))),
        "open" => Ok(Seen::text(format!(
            "{:?}",
            std::fs::read_to_string(argument)
        ))),
        "environment" => Ok(Seen::text(format!(
            "{:?}",
            std::env::vars().collect::<Vec<_>>()
        ))),
        "file" => {
            let read = files::read(argument, 0, 64);
            Ok(Seen::text(match read {
                Ok(bytes) => format!("read {}", String::from_utf8_lossy(&bytes)),
                Err(error) => format!("{error:?}"),
            }))
        }
        "files" => Ok(Seen::text(format!("{:?}", files::list("", argument)))),
        "notes" => {
            let old = jobs::get("old").map(|note| String::from_utf8(note).unwrap());
            jobs::set("new", b"1");
            jobs::delete("old");
            Ok(Seen::text(format!("{old:?} {:?}", jobs::keys())))
        }
        "notes-flood" => {
            for number in 0..300 {
                jobs::set(&format!("note-{number}"), b"x");
            }
            Ok(Seen::default())
        }
        "records" => Ok(Seen {
            records: records(),
            ..Seen::default()
        }),
        "flood" => Ok(Seen {
            records: flood(argument),
            ..Seen::default()
        }),
        "transient" => Err(Error::Transient(argument.to_owned())),
        "invalid" => Err(Error::Invalid(FieldError {
            field: "settings.url".to_owned(),
            reason: argument.to_owned(),
        })),
        other => Err(Error::Unsupported(format!("no such misdeed: {other}"))),
    }
}

/// Everything that a plugin can lay its hands on.
fn dump(url: &str) -> Seen {
    let mut notices = vec![settings::get()];
    notices.extend(std::env::vars().map(|(name, value)| format!("{name}={value}")));
    notices.extend(std::env::args());
    notices.extend(jobs::keys());
    notices.push(doors::fetch(
        "POST",
        url,
        &[("webhook-id", "m1")],
        Some(b"{}".to_vec()),
    ));
    notices.push(doors::wasi_fetch(url, None));
    notices.push(doors::fetch(
        "GET",
        &format!("{url}/nowhere?x=%zz"),
        &[],
        None,
    ));
    for notice in &notices {
        log::write(log::Level::Error, notice);
        eprintln!("{notice}");
    }
    Seen {
        notices,
        ..Seen::default()
    }
}

/// As many records as the first number says, each with as many bytes as the second.
fn flood(sizes: &str) -> Vec<Record> {
    let (count, bytes) = sizes.split_once(' ').unwrap();
    let text = "x".repeat(bytes.parse().unwrap());
    let record = |number: usize| Record {
        id: format!("r-{number}"),
        updated_at: 1,
        identifiers: vec![],
        attributes: vec![Attribute {
            name: "text".to_owned(),
            value: Value::Text(text.clone()),
        }],
        body: Body::Event(Event {
            name: "Product Viewed".to_owned(),
            occurred_at: 1,
        }),
    };
    (0..count.parse().unwrap()).map(record).collect()
}

/// One good record between two that cannot be used.
fn records() -> Vec<Record> {
    let event = |id: &str, value: Value| Record {
        id: id.to_owned(),
        updated_at: 1,
        identifiers: vec![],
        attributes: vec![Attribute {
            name: "price".to_owned(),
            value,
        }],
        body: Body::Event(Event {
            name: "Product Viewed".to_owned(),
            occurred_at: 1,
        }),
    };
    vec![
        event("bad-decimal", Value::Decimal("1,5".to_owned())),
        event("good", Value::Decimal("1.50".to_owned())),
        event("", Value::Null),
    ]
}
