//! What a site of this world holds: users and commenters are its people, posts are about its goods.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Item;
use crate::World;

pub(super) fn items(world: &World, seed: u64) -> BTreeMap<&'static str, Vec<Item>> {
    let mut rng = fastrand::Rng::with_seed(seed ^ 0x3070);
    let articles = (world.people.len() / 2).clamp(5, 2000) as u64;
    let mut dated = |kind, count: u64| -> Vec<Item> {
        let mut made: Vec<Item> = (1..=count)
            .map(|id| {
                let created_at_ms = world.now_ms - rng.i64(1..3 * 365 * 86_400) * 1000;
                let mut item = new_item(kind, id, created_at_ms, &mut rng);
                let age_s = (world.now_ms - created_at_ms) / 1000;
                item.modified_at_ms = created_at_ms + rng.i64(0..=age_s) * 1000;
                item
            })
            .collect();
        if kind != "comments" && rng.bool() {
            // A bulk edit: many with one instant.
            let at_ms = world.now_ms - 86_400_000;
            made.iter_mut()
                .filter(|item| item.created_at_ms < at_ms && item.id % 3 == 0)
                .for_each(|item| item.modified_at_ms = at_ms);
        }
        made
    };
    let (posts, pages) = (dated("posts", articles), dated("pages", 12));
    let comments = dated("comments", articles * 2);
    let users = world.people.iter().filter(|it| !it.is_guest).map(|person| {
        let fields = json!({
            "username": person.email, "name": format!("{} {}", person.first_name, person.last_name),
            "first_name": person.first_name, "last_name": person.last_name, "email": person.email,
            "url": "", "description": "", "link": format!("https://site.example/author/{}/", person.number),
            "locale": format!("{}_{}", person.language, person.country), "nickname": person.first_name,
            "slug": format!("user-{}", person.number), "roles": ["subscriber"], "meta": {}
        });
        item(person.number, person.created_at_ms, "publish", fields)
    });
    let users = users.collect();
    let term = |id: u64, name: &str, taxonomy: &str| {
        let fields = json!({ "count": id * 3, "description": "", "link": format!("https://site.example/{taxonomy}/{id}/"),
            "name": name, "slug": format!("{taxonomy}-{id}"), "taxonomy": taxonomy, "parent": 0, "meta": [] });
        item(id, world.now_ms, "publish", fields)
    };
    let named = |names: &[&str], taxonomy: &str| {
        (1..)
            .zip(names)
            .map(|(id, name)| term(id, name, taxonomy))
            .collect()
    };
    BTreeMap::from([
        ("posts", posts),
        ("pages", pages),
        ("comments", comments),
        ("users", users),
        (
            "categories",
            named(&["Uncategorized", "Garden &amp; Home", "Küche"], "category"),
        ),
        ("tags", named(&["sale", "новое"], "post_tag")),
        ("media", Vec::new()),
    ])
}

fn item(id: u64, at_ms: i64, status: &'static str, fields: Value) -> Item {
    let Value::Object(fields) = fields else {
        unreachable!("made as an object")
    };
    Item {
        id,
        created_at_ms: at_ms,
        modified_at_ms: at_ms,
        is_deleted: false,
        status,
        fields,
    }
}

pub(super) fn new_item(kind: &str, id: u64, at_ms: i64, rng: &mut fastrand::Rng) -> Item {
    let number = rng.u32(1..100_000);
    match kind {
        "comments" => {
            let approved = if rng.f64() < 0.8 { "approved" } else { "hold" };
            item(
                id,
                at_ms,
                approved,
                json!({
                    "post": 1 + u64::from(number) % 20, "parent": 0, "author": 0,
                    "author_name": format!("Bö {number}"), "author_email": format!("bo{number}@example.org"),
                    "author_url": "", "author_ip": "203.0.113.7", "author_user_agent": "Mozilla/5.0",
                    "content": { "rendered": format!("<p>Nr. {number} &amp; more</p>\n"), "raw": format!("Nr. {number} & more") },
                    "link": format!("https://site.example/?p=1#comment-{id}"), "type": "comment", "author_avatar_urls": {}, "meta": {}
                }),
            )
        }
        "users" => item(
            id,
            at_ms,
            "publish",
            json!({
                "username": format!("new{id}"), "name": format!("New {id}"), "first_name": "", "last_name": "",
                "email": format!("new{id}@example.net"), "url": "", "description": "", "link": "", "locale": "en_US",
                "nickname": "", "slug": format!("new{id}"), "roles": ["subscriber"], "meta": {}
            }),
        ),
        _ => {
            let status = [
                "publish", "publish", "publish", "publish", "draft", "private",
            ][rng.usize(..6)];
            let mut fields = article(kind, id, number);
            fields.insert("categories".to_owned(), json!([1 + number % 3]));
            fields.insert(
                "tags".to_owned(),
                if number.is_multiple_of(2) {
                    json!([1])
                } else {
                    json!([])
                },
            );
            item(id, at_ms, status, Value::Object(fields))
        }
    }
}

fn article(kind: &str, id: u64, number: u32) -> Map<String, Value> {
    let link = format!("https://site.example/{kind}-{id}/");
    let value = json!({
        "guid": { "rendered": format!("https://site.example/?p={id}"), "raw": format!("https://site.example/?p={id}") },
        "slug": format!("{kind}-{id}"), "type": kind.trim_end_matches('s'), "link": link, "password": "",
        "title": { "raw": format!("Number {number} – a “story”"), "rendered": format!("Number {number} &#8211; a &#8220;story&#8221;") },
        "content": { "raw": "<!-- wp:paragraph -->", "rendered": "<p>Text.</p>\n", "protected": false, "block_version": 1 },
        "excerpt": { "raw": "", "rendered": format!("<p>About {number}.</p>\n"), "protected": false },
        "author": 1, "featured_media": 0, "comment_status": "open", "ping_status": "open", "sticky": false,
        "template": "", "format": "standard", "meta": { "footnotes": "" }, "class_list": [format!("post-{id}")],
        "permalink_template": "https://site.example/%postname%/", "generated_slug": format!("{kind}-{id}"), "_links": {}
    });
    match value {
        Value::Object(fields) => fields,
        _ => unreachable!("made as an object"),
    }
}

pub(super) fn edit(item: &mut Item, rng: &mut fastrand::Rng) {
    let title = format!("Edited {}", rng.u32(..));
    item.fields.insert(
        "title".to_owned(),
        json!({ "raw": title, "rendered": title }),
    );
}

/// Takes away what only `context=edit` shows.
pub(super) fn hide(kind: &str, fields: &mut Map<String, Value>) {
    if kind == "users" {
        let public = [
            "id",
            "name",
            "url",
            "description",
            "link",
            "slug",
            "avatar_urls",
            "meta",
        ];
        fields.retain(|name, _| public.contains(&name.as_str()));
    }
    for name in [
        "password",
        "permalink_template",
        "generated_slug",
        "author_email",
        "author_ip",
        "author_user_agent",
    ] {
        fields.remove(name);
    }
    for name in ["title", "content", "excerpt", "guid"] {
        if let Some(Value::Object(parts)) = fields.get_mut(name) {
            parts.remove("raw");
        }
    }
}

pub(super) fn types() -> Value {
    json!({
        "post": { "name": "Posts", "slug": "post", "rest_base": "posts", "rest_namespace": "wp/v2", "taxonomies": ["category", "post_tag"], "hierarchical": false },
        "page": { "name": "Pages", "slug": "page", "rest_base": "pages", "rest_namespace": "wp/v2", "taxonomies": [], "hierarchical": true },
        "attachment": { "name": "Media", "slug": "attachment", "rest_base": "media", "rest_namespace": "wp/v2", "taxonomies": [], "hierarchical": false }
    })
}
