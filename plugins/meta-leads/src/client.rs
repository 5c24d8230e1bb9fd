//! The Graph API: addresses, pages of lists, and what its errors mean.

use crosspoint_sdk::http::{Call, Http, Reply};
use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::{Context, Error, Instant};

use crate::settings::{Settings, is_id};

/// What is asked for of a lead.
pub const LEAD_FIELDS: &str = "id,created_time,ad_id,ad_name,adset_id,adset_name,campaign_id,\
campaign_name,form_id,is_organic,platform,partner_name,retailer_item_id,field_data,\
custom_disclaimer_responses";

/// What is asked for of a form, where its content matters.
pub const FORM_FIELDS: &str = "id,name,status,locale,leads_count,organic_leads_count,\
expired_leads_count,created_time,page_id,questions,legal_content,privacy_policy_url,\
tracking_parameters";

/// Most forms of one page of a list.
const FORMS_PER_PAGE: u32 = 50;

/// Most pages of forms that are read: 10,000 forms on one page.
const MAX_FORM_PAGES: usize = 200;

/// Speaks with the Graph API.
pub struct Client<'a> {
    http: Http<'a>,
    version: String,
}

/// One page of a list.
pub struct List {
    /// The objects.
    pub data: Vec<Json>,
    /// Where the next page begins; none at the end.
    pub after: Option<String>,
    /// When the vendor answered, by its own clock.
    pub date: Option<Instant>,
}

/// Why there is no answer to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The object is missing, too old, or not for this token: the vendor does not tell which.
    Missing(String),
    /// A parameter is refused, such as a place in a list that is no more.
    Parameter(String),
    /// Any other.
    Other(Error),
}

impl<'a> Client<'a> {
    /// A client of the version that the settings name.
    pub fn new(ctx: &'a Context, settings: &Settings) -> Self {
        Self {
            http: ctx.http_at(settings.url.trim_end_matches('/')),
            version: settings.api_version.clone(),
        }
    }

    /// `GET` below the version.
    pub fn get(&self, path: &str) -> Call<'a> {
        self.http.get(&format!("/{}/{path}", self.version))
    }

    /// One object.
    ///
    /// # Errors
    /// The vendor's.
    pub fn object(&self, path: &str, fields: &str) -> Result<Json, Fault> {
        answer(self.get(path).query("fields", fields)).map(|(json, _)| json)
    }

    /// One page of a list. The vendor's own link to the next page may hold the token, so only the
    /// place in it is used.
    ///
    /// # Errors
    /// The vendor's.
    pub fn list(&self, call: Call<'_>) -> Result<List, Fault> {
        let (json, date) = answer(call)?;
        let Some(Json::List(data)) = json.get("data") else {
            let text = "the vendor's list holds no data";
            return Err(Fault::Other(Error::Transient(text.to_owned())));
        };
        let after = json.text_at("paging.next").and_then(|next| {
            let own = json.text_at("paging.cursors.after").map(str::to_owned);
            own.or_else(|| parameter(next, "after"))
        });
        Ok(List {
            data: data.clone(),
            after,
            date,
        })
    }

    /// All forms of a page, archived ones too: they still hold leads.
    ///
    /// # Errors
    /// The vendor's.
    pub fn forms(&self, page: &str, fields: &str) -> Result<(Vec<Json>, Option<Instant>), Error> {
        let mut forms = Vec::new();
        let mut after: Option<String> = None;
        for _ in 0..MAX_FORM_PAGES {
            let mut call = self
                .get(&format!("{page}/leadgen_forms"))
                .query("fields", fields)
                .query("limit", FORMS_PER_PAGE);
            if let Some(after) = &after {
                call = call.query("after", after);
            }
            let list = self.list(call).map_err(|fault| match fault {
                Fault::Missing(said) => Error::Auth(format!(
                    "{said}: page {page} is not there, or the token lacks `pages_show_list`, \
                     `pages_read_engagement` or `pages_manage_ads`"
                )),
                other => other.into(),
            })?;
            forms.extend(list.data);
            if list.after.is_none() || list.after == after {
                return Ok((forms, list.date));
            }
            after = list.after;
        }
        Err(Error::Fatal(format!(
            "page {page} has more forms than can be read"
        )))
    }
}

/// A parameter of an address, decoded.
fn parameter(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let value = query
        .split('&')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    let mut out = Vec::with_capacity(value.len());
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let hex = [bytes.next()?, bytes.next()?];
                u8::from_str_radix(std::str::from_utf8(&hex).ok()?, 16).ok()?
            }
            plain => plain,
        });
    }
    String::from_utf8(out).ok()
}

fn answer(call: Call<'_>) -> Result<(Json, Option<Instant>), Fault> {
    let reply = call.send().map_err(|error| Fault::Other(error.into()))?;
    let json = reply.json::<Json>().map_err(|error| match error {
        Error::Fatal(text) => Error::Transient(text),
        other => other,
    });
    match json {
        Ok(json) if reply.is_success() && json.get("error").is_none() => Ok((json, reply.date())),
        Ok(json) => Err(fault(&reply, &json)),
        Err(error) if reply.is_success() => Err(Fault::Other(error)),
        Err(_) => Err(fault(&reply, &Json::Null)),
    }
}

/// The class of an error by its code: the status is 400 for nearly all of them. The message is left
/// where it is; it may quote values.
fn fault(reply: &Reply, json: &Json) -> Fault {
    let number = |path: &str| json.text_at(path).and_then(|text| text.parse::<u32>().ok());
    let Some(code) = number("error.code") else {
        return Fault::Other(match reply.status() {
            300..=399 => Error::invalid("url", reply.status_line()),
            _ => reply.error(),
        });
    };
    let subcode = number("error.error_subcode");
    let said = match subcode {
        Some(subcode) => format!("the vendor says error {code}/{subcode}"),
        None => format!("the vendor says error {code}"),
    };
    let wait = || Error::RateLimited(reply.retry_after_ms().or_else(|| regain_ms(reply)));
    Fault::Other(match code {
        190 | 102 => Error::Auth(format!(
            "{said}: the token is no longer valid, make a new one"
        )),
        // The only one of its kind that no number tells from a wrong parameter.
        100 if json
            .text_at("error.message")
            .is_some_and(|text| text.contains("appsecret_proof")) =>
        {
            Error::Auth(format!(
                "{said}: `app_secret` is not that of the token's app, or missing"
            ))
        }
        4 | 17 | 32 | 368 | 613 | 80_000..=80_014 => wait(),
        10 | 200..=299 => Error::Auth(format!(
            "{said}: the token lacks a permission (`leads_retrieval`, `pages_manage_ads`), or Leads \
             Access Manager does not admit the app"
        )),
        103 => Error::Auth(format!(
            "{said}: Leads Access Manager does not admit the app or user"
        )),
        2_635 => Error::invalid("api_version", "the vendor no longer serves this version"),
        803 => return Fault::Missing(said),
        100 if subcode == Some(33) => return Fault::Missing(said),
        _ if json.is_true_at("error.is_transient") => Error::Transient(said),
        1 | 2 => Error::Transient(said),
        100 => return Fault::Parameter(said),
        _ if reply.status() >= 500 => Error::Transient(said),
        _ => Error::Fatal(said),
    })
}

/// How long until calls are taken again: minutes in the longest entry of the usage header.
fn regain_ms(reply: &Reply) -> Option<u64> {
    let usage = Json::parse(reply.header("x-business-use-case-usage")?).ok()?;
    let minutes = usage
        .members()
        .iter()
        .flat_map(|(_, entries)| entries.items())
        .filter_map(|entry| {
            entry
                .text_at("estimated_time_to_regain_access")?
                .parse::<u64>()
                .ok()
        })
        .max()?;
    (minutes > 0).then_some(minutes * 60_000)
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Missing(said) => Self::Gone(said),
            Fault::Parameter(said) => Self::Fatal(said),
            Fault::Other(error) => error,
        }
    }
}

/// Ids and names of forms, in the order of their ids.
pub fn names(forms: &[Json]) -> Vec<(String, Option<String>)> {
    let mut names: Vec<_> = forms
        .iter()
        .filter_map(|form| {
            let id = form.text_at("id").filter(|id| is_id(id))?;
            Some((id.to_owned(), form.text_at("name").map(str::to_owned)))
        })
        .collect();
    names.sort_by(|(a, _), (b, _)| order(a, b));
    names.dedup_by(|(a, _), (b, _)| a == b);
    names
}

/// The order of ids as numbers.
pub fn order(a: &str, b: &str) -> std::cmp::Ordering {
    (a.len(), a).cmp(&(b.len(), b))
}
