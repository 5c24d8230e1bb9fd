//! What a client says about its surroundings, as attributes with plain names.

use crosspoint_model::Value;
use crosspoint_model::record::Attribute;
use serde_json::Value as Json;
use smol_str::{SmolStr, format_smolstr};

use super::call::Object;
use super::value::{snake, text_of, value_of};

/// Fields of a call that others read, or that are about the transport and not about the person.
const READ_ELSEWHERE: [&str; 18] = [
    "_metadata",
    "anonymousId",
    "category",
    "context",
    "event",
    "groupId",
    "integrations",
    "messageId",
    "name",
    "originalTimestamp",
    "previousId",
    "properties",
    "receivedAt",
    "sentAt",
    "timestamp",
    "traits",
    "type",
    "userId",
];

/// Attributes of an event, each name once: a later one of the same name gets a prefix, unless it
/// says the same.
#[derive(Default)]
pub(super) struct Attributes(pub Vec<Attribute>);

impl Attributes {
    /// Sets one; null and empty lists and objects say nothing.
    pub fn add(&mut self, name: &str, json: &Json, prefix: &str) {
        let is_empty = match json {
            Json::Null => true,
            Json::Array(list) => list.is_empty(),
            Json::Object(object) => object.is_empty(),
            _ => false,
        };
        if !is_empty {
            self.put(name, value_of(json), prefix);
        }
    }

    fn put(&mut self, name: &str, value: Value, prefix: &str) {
        let same_name = |name: &str| {
            let mut attributes = self.0.iter();
            attributes.find(|attribute| attribute.name == name)
        };
        let mut free: SmolStr = name.into();
        while let Some(there) = same_name(&free) {
            if there.value == value {
                return;
            }
            free = format_smolstr!("{prefix}_{free}");
        }
        self.0.push(Attribute { name: free, value });
    }

    /// The properties of a call, nulls included, under their own names.
    pub fn properties(&mut self, properties: &Object) {
        for (name, json) in properties {
            self.put(name, value_of(json), "properties");
        }
    }

    /// Fields of the call itself that nobody else reads, under their own names.
    pub fn call(&mut self, fields: &Object) {
        for (name, json) in fields {
            let is_read = READ_ELSEWHERE.binary_search(&name.as_str()).is_ok();
            if !is_read && name != "writeKey" {
                self.add(name, json, "call");
            }
        }
        let choice = fields.get("integrations").and_then(Json::as_object);
        if let Some(choice) = choice
            && choice
                .iter()
                .any(|(name, on)| name != "All" || *on != Json::Bool(true))
        {
            self.put("integrations", value_of(&fields["integrations"]), "call");
        }
    }

    /// The context: `page.url` becomes `page_url`, `userAgent` becomes `user_agent`, `library` its
    /// name and version. What lies deeper stays JSON. Consent is read elsewhere, and so are the
    /// traits of an `identify`.
    pub fn context(&mut self, context: &Object, traits_are_read: bool) {
        for (name, json) in context {
            match (name.as_str(), json) {
                ("consent", Json::Object(consent)) => {
                    for (part, json) in consent {
                        if part != "categoryPreferences" {
                            self.add(&format!("consent_{}", snake(part)), json, "context");
                        }
                    }
                }
                ("traits", _) if traits_are_read => {}
                ("traits", _) => self.add("context_traits", json, "context"),
                ("library", Json::Object(library)) => self.library(library),
                (_, Json::Object(section)) => {
                    for (part, json) in section {
                        let name = format!("{}_{}", snake(name), snake(part));
                        self.add(&name, json, "context");
                    }
                }
                _ => self.add(&snake(name), json, "context"),
            }
        }
    }

    fn library(&mut self, library: &Object) {
        let part = |name: &str| library.get(name).and_then(text_of);
        let words: Vec<SmolStr> = ["name", "version"].into_iter().filter_map(part).collect();
        if !words.is_empty() {
            self.put("library", Value::text(words.join(" ")), "context");
        }
        for (name, json) in library {
            let read = matches!(name.as_str(), "name" | "version") && text_of(json).is_some();
            if !read {
                self.add(&format!("library_{}", snake(name)), json, "context");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::READ_ELSEWHERE;

    #[test]
    fn names_that_are_searched_are_sorted() {
        assert!(READ_ELSEWHERE.is_sorted());
    }
}
