//! What is read has the right type, unit and default.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;

use crosspoint_config::project::{
    Clock, FilesPlace, Grant, HostName, Limits, Plugin, ProfileTrait, Rate, Retry, Schedule,
    SecretRef, Survivorship, TraitType, Trigger,
};
use crosspoint_config::{
    Code, Error, Project, compile_rules, compile_sync, open, parse, read_folder,
};
use crosspoint_model::delivery::Action;
use crosspoint_model::identifier::IdentifierKind;
use crosspoint_model::{ConnectorId, Identifier, Symbol};

fn everything() -> Project {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/valid-everything");
    parse(&read_folder(&folder).unwrap()).unwrap()
}

#[test]
fn whole_tables_are_read_in_their_units() {
    let project = everything();
    assert_eq!(project.name, "demo-shop");
    assert_eq!(project.clock, Clock::Data);
    assert_eq!(project.store.cache_bytes, 1 << 30);
    assert_eq!(project.store.checkpoint_every_ms, 1_000);
    assert_eq!(project.ledger.keep_ms, Some(400 * 86_400_000));
    assert_eq!(project.ledger.file_bytes, 8 << 20);
    assert_eq!(project.identity.max_carriers, Some(20));
    assert_eq!(project.identity.limits[&IdentifierKind::UserId], 2);
    let blocked = [
        Identifier::vendor("shop", "0"),
        Identifier::email("office@example.com"),
    ];
    assert_eq!(project.identity.blocked, blocked.map(Option::unwrap));
}

#[test]
fn traits_have_type_and_survivorship() {
    let project = everything();
    let tier = &project.traits["loyalty_tier"];
    assert_eq!(tier.value_type, Some(TraitType::Text));
    let order = vec![ConnectorId::from("crm"), ConnectorId::from("shop")];
    assert_eq!(tier.survivorship, Survivorship::SourcePriority(order));
    assert_eq!(project.traits["points"].survivorship, Survivorship::Sum);
    assert_eq!(
        project.traits["last_total"].compute.as_deref(),
        Some("orders.last('total')")
    );
}

#[test]
fn connectors_are_read_with_defaults() {
    let project = everything();
    let shop = &project.connectors[&ConnectorId::from("shop")];
    assert_eq!(shop.plugin, Plugin::Bundled("tabular".into()));
    assert_eq!(shop.every, Some(Schedule::Every { ms: 900_000 }));
    assert_eq!(
        shop.grant,
        Grant {
            files: Some(FilesPlace::Folder("./data".into())),
            ..Grant::default()
        }
    );
    assert_eq!(
        shop.limits,
        Limits {
            memory_bytes: Some(64 << 20),
            cpu_ms: Some(5_000),
            wall_ms: Some(30_000),
            transfer_bytes: Some(16 << 20),
            response_bytes: Some(1_000_000),
            request_bytes: Some(2_000_000),
            log_lines: Some(0),
            log_line_bytes: Some(1 << 10),
            stderr_bytes: Some(8 << 10),
            hook_bytes: Some(2 << 20),
        }
    );
    assert_eq!(shop.retry, Retry::default());
    assert_eq!(shop.settings["since"], "2026-01-01");
    assert_eq!(shop.settings["nested"]["deep"]["deeper"][1], 2);
    assert_eq!(shop.settings["share"], 0.5);

    let crm = &project.connectors[&ConnectorId::from("crm")];
    assert_eq!(crm.plugin, Plugin::File("./plugins/crm.wasm".to_owned()));
    assert_eq!((crm.rate, crm.in_flight), (None, 4));
    assert_eq!(crm.limits, Limits::default());

    let Some(Schedule::Cron(nightly)) = &crm.every else {
        panic!("{:?}", crm.every)
    };
    assert_eq!(nightly.to_string(), "0 3 * * * Europe/Amsterdam");

    let hook = &project.connectors[&ConnectorId::from("hook")];
    assert_eq!(
        hook.secrets["signing"],
        SecretRef::Env("HOOK_SECRET".into())
    );
    assert_eq!(
        hook.secrets["other"],
        SecretRef::File("secrets/other".to_owned())
    );
    assert_eq!(
        hook.rate,
        Some(Rate {
            requests: 10,
            per_ms: 60_000,
            burst: 10
        })
    );
    let loopback = HostName {
        host: "127.0.0.1".into(),
        port: Some(8080),
    };
    let api = HostName {
        host: "api.example.com".into(),
        port: None,
    };
    assert_eq!(hook.grant.hosts, [loopback.clone(), api]);
    assert_eq!(hook.grant.plain_http, [loopback]);
}

#[test]
fn leaving_undoes_entering_unless_said_otherwise() {
    let project = everything();
    assert_eq!(project.syncs["quiet"].on_exit, Some(Action::RemoveFromList));
    assert_eq!(project.syncs["vip"].on_exit, None);
    let contacts = &project.syncs["contacts"];
    assert_eq!(contacts.on_exit, Some(Action::DeleteContact));
    let traits = vec!["email".into(), "loyalty_tier".into()];
    assert_eq!(
        contacts.trigger,
        Trigger::Traits {
            traits,
            segment: Some("vip".into())
        }
    );
    assert_eq!(contacts.fields["address.city"], "traits.city");
}

#[test]
fn places_of_settings_are_known() {
    let project = everything();
    let at = project.position("connectors.shop.settings.batch").unwrap();
    assert_eq!(at.to_string(), "crosspoint.toml:40:9");
    let parent = project
        .position("connectors.shop.settings.absent.deeper")
        .unwrap();
    assert_eq!(parent.to_string(), "crosspoint.toml:37:18");
    assert_eq!(
        project.position("segments.vip.when").unwrap().file,
        "segments/people.toml"
    );
    assert_eq!(project.position("nothing"), None);
}

#[test]
fn a_folder_is_read_sorted_and_without_strangers() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("segments/b.toml", "");
    write("segments/a.toml", "");
    write("segments/notes.md", "not read");
    write("segments/.hidden.toml", "not read");
    write("feeds/x.toml", "not read");
    let names = |files: Vec<(String, String)>| -> Vec<String> {
        files.into_iter().map(|(name, _)| name).collect()
    };
    let files = read_folder(folder.path()).unwrap();
    assert_eq!(names(files), ["segments/a.toml", "segments/b.toml"]);
    match open(folder.path()) {
        Err(Error::Problems(problems)) => assert_eq!(problems[0].code, Code::File),
        other => panic!("{other:?}"),
    }
    write("crosspoint.toml", "[project]\nname = \"x\"\n");
    assert_eq!(open(folder.path()).unwrap().name, "x");
    std::fs::write(folder.path().join("segments/a.toml"), [0xff]).unwrap();
    assert!(matches!(open(folder.path()), Err(Error::Read { .. })));
}

#[test]
fn a_file_outside_the_folders_is_refused() {
    let files = [
        (
            "crosspoint.toml".to_owned(),
            "[project]\nname = \"x\"\n".to_owned(),
        ),
        ("elsewhere/a.toml".to_owned(), String::new()),
    ];
    let problems = parse(&files).unwrap_err();
    let expected = "elsewhere/a.toml:1:1: XP-CFG-001: `elsewhere/a.toml` is not part of a project\n  \
                    hint: files stand in `connectors/`, `segments/`, `syncs/` or `traits/`";
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].to_string(), expected);
}

#[test]
fn rules_and_expressions_compile_for_those_who_run_them() {
    let mut project = everything();
    project
        .traits
        .insert("it's \\ odd".into(), ProfileTrait::default());
    let contacts = project.syncs.get_mut("contacts").unwrap();
    let traits = vec!["email".into(), "it's \\ odd".into()];
    contacts.trigger = Trigger::Traits {
        traits,
        segment: None,
    };
    let mut names = BTreeMap::new();
    let mut intern = |name: &str| {
        let next = names.len() as u32;
        Symbol(*names.entry(name.to_owned()).or_insert(next))
    };
    let rules = compile_rules(&project, &mut intern).unwrap();
    let order: Vec<&str> = rules
        .rules()
        .iter()
        .map(|rule| rule.name().as_str())
        .collect();
    assert_eq!(order, ["vip", "quiet"], "each after those that it names");
    let programs = compile_sync(&project, &rules, "contacts", &mut intern).unwrap();
    let fields: Vec<&str> = programs
        .fields
        .iter()
        .map(|(field, _)| field.as_str())
        .collect();
    assert_eq!(fields, ["address.city", "email"]);
    assert_eq!(programs.watched.len(), 2);
    assert!(names.contains_key("it's \\ odd"));

    project.segments.get_mut("vip").unwrap().when = "traits.nothing".into();
    let problems = compile_rules(&project, &mut |_| Symbol(0)).unwrap_err();
    assert_eq!(problems[0].code, Code::Rule);
    assert_eq!(problems[0].at.file, "segments/people.toml");
}
