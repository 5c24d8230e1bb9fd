//! Which object a call is about, and what may be done with it.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::graph::{Ask, Params, Problem, Shape, page};
use super::tokens::{self, Token};
use super::{ACCOUNT, APP, Meta};
use crate::Sim;

const PAGE: Shape = Shape {
    name: "Page",
    fields: &[
        "id",
        "name",
        "access_token",
        "category",
        "tasks",
        "link",
        "about",
    ],
    usual: &["id", "name"],
};

const PAGE_OF_LIST: Shape = Shape {
    name: "Page",
    fields: PAGE.fields,
    usual: &["access_token", "category", "name", "id", "tasks"],
};

const USER: Shape = Shape {
    name: "User",
    fields: &["id", "name", "accounts"],
    usual: &["name", "id"],
};

const APPLICATION: Shape = Shape {
    name: "Application",
    fields: &["id", "name", "link", "namespace"],
    usual: &["link", "name", "id"],
};

const AD: Shape = Shape {
    name: "AdGroup",
    fields: &[
        "id",
        "name",
        "adset_id",
        "campaign_id",
        "account_id",
        "status",
    ],
    usual: &["id"],
};

const AD_ACCOUNT: Shape = Shape {
    name: "AdAccount",
    fields: &[
        "id",
        "account_id",
        "name",
        "account_status",
        "currency",
        "timezone_name",
        "timezone_offset_hours_utc",
        "business",
        "tos_accepted",
        "disable_reason",
        "amount_spent",
        "capabilities",
    ],
    usual: &["account_id", "id"],
};

/// What an id stands for.
#[derive(Clone, Copy, Debug)]
enum Node {
    Page(usize),
    Form(usize),
    Ad(usize),
    Lead(u64),
    Audience(u64),
}

fn cut(shape: &Shape, all: &Value, ask: &Ask) -> Result<Value, Problem> {
    let fields = ask.fields()?;
    shape.check(fields.as_deref())?;
    Ok(shape.cut(all, fields.as_deref()))
}

impl Meta {
    pub fn route(&mut self, ask: &Ask, token: &Token, sim: &mut Sim) -> Result<Value, Problem> {
        let parts: Vec<&str> = ask.parts.iter().map(String::as_str).collect();
        match (ask.method.as_str(), parts.as_slice()) {
            ("GET", [] | [""]) => self.several(ask, token, sim),
            ("GET", ["debug_token"]) => self.inspect(ask, sim),
            (_, ["me", rest @ ..]) => self.me(rest, ask, token, sim),
            (_, [APP, rest @ ..]) => self.app(rest, ask, token, sim),
            (_, [account, rest @ ..]) if account.starts_with("act_") => {
                self.marketing(ask)?;
                if *account != format!("act_{ACCOUNT}") || token.kind != "SYSTEM_USER" {
                    let text = "(#200) Ad account owner has NOT grant ads_management or ads_read permission";
                    return Err(Problem::new(403, 200, text));
                }
                self.needs("ads_management")?;
                self.account(rest, ask, sim)
            }
            (method, [id, rest @ ..]) => {
                let node = self.node(id, token, method)?;
                self.on(node, rest, ask, token, sim)
            }
            _ => Err(Problem::new(400, 100, "Unsupported post request.")),
        }
    }

    fn node(&self, text: &str, token: &Token, method: &str) -> Result<Node, Problem> {
        let Ok(id) = text.parse::<u64>() else {
            return Err(Problem::alias(text));
        };
        let node = if let Some(at) = self.pages.iter().position(|it| it.id == id) {
            Some(Node::Page(at))
        } else if let Some(at) = self.forms.iter().position(|it| it.id == id) {
            Some(Node::Form(at))
        } else if let Some(at) = self.ads.iter().position(|it| it.id == id) {
            Some(Node::Ad(at))
        } else if self.by_id.contains_key(&id) {
            Some(Node::Lead(id))
        } else {
            self.audiences
                .contains_key(&id)
                .then_some(Node::Audience(id))
        };
        let page = match node {
            Some(Node::Page(at)) => Some(at),
            Some(Node::Form(at)) => Some(self.forms[at].page),
            Some(Node::Lead(id)) => self.lead_by_id(id).map(|it| self.forms[it.form].page),
            _ => None,
        };
        // A page's token opens what is that page's, and no advertisements.
        let is_open = match (token.kind, token.page) {
            ("SYSTEM_USER", _) => true,
            ("PAGE", own) => page == own,
            _ => false,
        };
        let verb = method.to_lowercase();
        node.filter(|_| is_open)
            .ok_or(Problem::missing(text, &verb))
    }

    fn on(
        &mut self,
        node: Node,
        rest: &[&str],
        ask: &Ask,
        token: &Token,
        sim: &mut Sim,
    ) -> Result<Value, Problem> {
        match (ask.method.as_str(), node, rest) {
            ("GET", Node::Page(at), []) => cut(&PAGE, &self.page_view(at), ask),
            ("GET", Node::Page(at), ["leadgen_forms"]) => {
                self.needs_page(token, at)?;
                self.forms_of(at, ask, sim)
            }
            (_, Node::Page(at), ["subscribed_apps"]) => {
                self.needs_page(token, at)?;
                self.installation(at, ask)
            }
            ("GET", Node::Form(at), []) => self.form(at, ask, sim),
            ("GET", Node::Form(at), ["leads"]) => self.leads_of((Some(at), None), ask, sim),
            ("GET" | "POST", Node::Form(at), ["test_leads"]) => self.test_leads(at, ask, sim),
            ("GET", Node::Ad(at), []) => {
                self.marketing(ask)?;
                self.needs("ads_management")?;
                let ad = &self.ads[at];
                let all = json!({ "id": ad.id.to_string(), "name": ad.name, "adset_id": ad.adset.to_string(),
                    "campaign_id": ad.campaign.to_string(), "account_id": ACCOUNT, "status": "ACTIVE" });
                cut(&AD, &all, ask)
            }
            ("GET", Node::Ad(at), ["leads"]) => {
                self.marketing(ask)?;
                self.needs("ads_management")?;
                self.leads_of((None, Some(at)), ask, sim)
            }
            ("GET", Node::Lead(id), []) => self.lead(id, ask, sim),
            ("DELETE", Node::Lead(id), []) => {
                self.needs("leads_retrieval")?;
                let gone = self.remove_lead(id, sim);
                gone.ok_or(Problem::missing(&id.to_string(), "delete"))?;
                Ok(json!({ "success": true }))
            }
            (_, Node::Audience(id), rest) => {
                self.marketing(ask)?;
                self.needs("ads_management")?;
                self.audience(id, rest, ask, sim)
            }
            (method, _, []) => Err(Problem::missing(&ask.parts[0], &method.to_lowercase())),
            (_, node, [edge, ..]) => {
                let kind = match node {
                    Node::Page(_) => "Page",
                    Node::Form(_) => "LeadGenForm",
                    Node::Ad(_) => "AdGroup",
                    _ => "LeadGenData",
                };
                Err(nonexisting(edge, kind))
            }
        }
    }

    fn needs_page(&self, token: &Token, at: usize) -> Result<(), Problem> {
        if token.page == Some(at) || !self.needs_page_token {
            return Ok(());
        }
        let text = "(#190) This method must be called with a Page Access Token";
        Err(Problem::new(400, 190, text))
    }

    fn page_view(&self, at: usize) -> Value {
        let page = &self.pages[at];
        json!({ "id": page.id.to_string(), "name": page.name, "access_token": tokens::of_page(at), "category": "Shopping & retail",
            "tasks": ["ADVERTISE", "ANALYZE", "CREATE_CONTENT", "MANAGE_LEADS", "MANAGE"] })
    }

    fn me(&self, rest: &[&str], ask: &Ask, token: &Token, sim: &mut Sim) -> Result<Value, Problem> {
        match (ask.method.as_str(), rest, token.page) {
            ("GET", [], Some(page)) => cut(&PAGE, &self.page_view(page), ask),
            ("GET", [], None) => cut(
                &USER,
                &json!({ "id": "122100000000000777", "name": "Crosspoint system user" }),
                ask,
            ),
            ("GET", ["accounts"], None) => {
                let fields = ask.fields()?;
                PAGE.check(fields.as_deref())?;
                if !self.scopes.contains("pages_show_list") {
                    return Ok(json!({ "data": [] }));
                }
                let keys: BTreeSet<(i64, u64)> =
                    (0..self.pages.len()).map(|at| (0, at as u64)).collect();
                page(ask, sim, &keys, (0, 0), 100, |at| {
                    let all = self.page_view(usize::try_from(at).ok()?);
                    Some(PAGE_OF_LIST.cut(&all, fields.as_deref()))
                })
            }
            (_, [edge, ..], page) => Err(nonexisting(
                edge,
                if page.is_some() { "Page" } else { "User" },
            )),
            _ => Err(Problem::missing("me", &ask.method.to_lowercase())),
        }
    }

    fn app(
        &mut self,
        rest: &[&str],
        ask: &Ask,
        token: &Token,
        sim: &mut Sim,
    ) -> Result<Value, Problem> {
        match rest {
            [] if ask.method == "GET" => cut(
                &APPLICATION,
                &json!({ "id": APP, "name": "Crosspoint", "link": "https://www.facebook.com/games/?app_id=1" }),
                ask,
            ),
            ["subscriptions"] => {
                if token.kind != "APP" {
                    let text = "(#15) This method must be called with an app access_token.";
                    return Err(Problem::new(400, 15, text));
                }
                self.subscriptions(ask, sim)
            }
            [edge, ..] => Err(nonexisting(edge, "Application")),
            [] => Err(Problem::missing(APP, &ask.method.to_lowercase())),
        }
    }

    fn account(&mut self, rest: &[&str], ask: &Ask, sim: &mut Sim) -> Result<Value, Problem> {
        match (ask.method.as_str(), rest) {
            ("GET", []) => {
                let terms = if self.has_terms {
                    json!({ "custom_audience_tos": 1, "web_custom_audience_tos": 1 })
                } else {
                    json!({})
                };
                let all = json!({ "id": format!("act_{ACCOUNT}"), "account_id": ACCOUNT, "name": "Shop EU", "account_status": 1,
                    "currency": "EUR", "timezone_name": "Europe/Berlin", "timezone_offset_hours_utc": 1, "disable_reason": 0,
                    "amount_spent": "0", "business": { "id": super::BUSINESS, "name": "Shop" }, "tos_accepted": terms });
                cut(&AD_ACCOUNT, &all, ask)
            }
            ("GET", ["customaudiences"]) => self.list_audiences(ask, sim),
            ("POST", ["customaudiences"]) => self.create_audience(ask, sim),
            ("DELETE", ["usersofanyaudience"]) => self.erase(ask, sim),
            (_, [edge, ..]) => Err(nonexisting(edge, "AdAccount")),
            _ => Err(Problem::missing(&ask.parts[0], &ask.method.to_lowercase())),
        }
    }

    /// `/?ids=1,2`: one that is refused refuses all.
    fn several(&mut self, ask: &Ask, token: &Token, sim: &mut Sim) -> Result<Value, Problem> {
        let Some(ids) = ask.params.text("ids") else {
            return Err(Problem::new(400, 2500, "An unknown error has occurred."));
        };
        let ids: Vec<&str> = ids.split(',').collect();
        if ids.len() > 50 {
            return Err(Problem::parameter(
                "Too many IDs. Maximum: 50. Provided more.",
            ));
        }
        let mut found = Map::new();
        for id in ids {
            let mut inner = ask.clone();
            inner.params = Params(ask.params.0.clone());
            inner.params.0.remove("ids");
            inner.parts = vec![id.to_owned()];
            let node = self.node(id, token, "GET")?;
            found.insert(id.to_owned(), self.on(node, &[], &inner, token, sim)?);
        }
        Ok(Value::Object(found))
    }
}

pub fn nonexisting(edge: &str, kind: &str) -> Problem {
    let text = format!("Tried accessing nonexisting field ({edge}) on node type ({kind})");
    Problem::parameter(&text)
}
