//! A dictionary and a profile to try rules on.

use std::cell::RefCell;

use crosspoint_model::profile::{
    Fact, FactKind, FactLine, Fragment, FragmentConsent, FragmentTrait, Profile,
};
use crosspoint_model::record::{ConsentState, ConsentTopic, Version};
use crosspoint_model::{Decimal, Identifier, Instant, Symbol, Value};
use crosspoint_profile::SurvivorshipRules;
use smol_str::SmolStr;

use crate::{ComputedTrait, ProfileView, RuleError, RuleSet, Schema, TraitType, View, compile_set};

#[derive(Default)]
pub struct World {
    names: RefCell<Vec<SmolStr>>,
    survivorship: SurvivorshipRules,
}

impl World {
    pub fn symbol(&self, name: &str) -> Symbol {
        let mut names = self.names.borrow_mut();
        let at = names
            .iter()
            .position(|found| found == name)
            .unwrap_or_else(|| {
                names.push(name.into());
                names.len() - 1
            });
        Symbol(at as u32)
    }

    pub fn view(&self) -> impl View + use<'_> {
        let names = |symbol: Symbol| {
            self.names
                .borrow()
                .get(symbol.0 as usize)
                .cloned()
                .unwrap_or_default()
        };
        ProfileView {
            survivorship: &self.survivorship,
            names,
        }
    }

    pub fn compile(&self, rules: &[(&str, &str)]) -> Result<RuleSet, Vec<RuleError>> {
        self.compile_with(rules, &[])
    }

    pub fn compile_with(
        &self,
        rules: &[(&str, &str)],
        computed: &[(&str, &str)],
    ) -> Result<RuleSet, Vec<RuleError>> {
        let computed: Vec<_> = computed
            .iter()
            .map(|(name, text)| (*name, TraitType::Any, *text))
            .collect();
        self.compile_typed(rules, &computed)
    }

    /// With computed traits as (name, declared type, expression).
    pub fn compile_typed(
        &self,
        rules: &[(&str, &str)],
        computed: &[(&str, TraitType, &str)],
    ) -> Result<RuleSet, Vec<RuleError>> {
        let rules = rules
            .iter()
            .map(|(name, text)| ((*name).into(), (*text).to_owned()))
            .collect::<Vec<_>>();
        let computed = computed
            .iter()
            .map(|(name, declared, text)| ComputedTrait {
                name: (*name).into(),
                text: (*text).to_owned(),
                declared: *declared,
            })
            .collect::<Vec<_>>();
        compile_set(&rules, &computed, schema(), &mut |name| self.symbol(name))
    }

    pub fn fragment(&self, number: u8) -> Fragment {
        let key = Identifier::user_id(&format!("u{number}")).unwrap();
        let mut fragment = Fragment::new("shop", self.symbol("shop"), key);
        fragment.first_seen = Instant(0);
        fragment.last_seen = Instant(0);
        fragment
    }

    pub fn profile(&self) -> Profile {
        Profile::alone(self.fragment(0))
    }

    pub fn fact(&self, kind: FactKind, name: &str, id: &str, at: i64) -> Fact {
        Fact {
            kind,
            name: self.symbol(name),
            at: Instant(at),
            stream: self.symbol("stream"),
            id: id.into(),
            version: version(0),
            counts: true,
            total: None,
            properties: Vec::new(),
            lines: Vec::new(),
        }
    }

    pub fn order(&self, id: &str, at: i64, total: &str, currency: &str) -> Fact {
        let mut fact = self.fact(FactKind::Order, "paid", id, at);
        fact.total = Some((total.parse().unwrap(), self.symbol(currency)));
        fact
    }

    pub fn set_trait(&self, fragment: &mut Fragment, name: &str, value: Value) {
        let name = self.symbol(name);
        let entry = FragmentTrait {
            name,
            first_value: value.clone(),
            value,
            version: version(1),
            first: version(1),
        };
        match fragment
            .traits
            .binary_search_by_key(&name, |entry| entry.name)
        {
            Ok(at) => fragment.traits[at] = entry,
            Err(at) => fragment.traits.insert(at, entry),
        }
    }
}

pub fn version(updated_at: i64) -> Version {
    Version {
        updated_at: Instant(updated_at),
        content: 0,
    }
}

pub fn schema() -> Schema {
    let mut schema = Schema::standard();
    for (name, kind) in [
        ("flag", TraitType::Bool),
        ("visits", TraitType::Int),
        ("score", TraitType::Decimal),
        ("joined", TraitType::Instant),
        ("odd name", TraitType::Text),
        ("anything", TraitType::Any),
    ] {
        schema.traits.insert(name.into(), kind);
    }
    let events = ["Product Viewed", "Signed Up", "Searched"];
    schema.events = Some(events.into_iter().map(SmolStr::new_static).collect());
    schema
}

pub fn put_fact(fragment: &mut Fragment, fact: Fact) {
    take_fact(fragment, &fact.id);
    let at = fragment
        .facts
        .partition_point(|found| found.sort_key() < fact.sort_key());
    fragment.facts.insert(at, fact);
}

pub fn take_fact(fragment: &mut Fragment, id: &str) -> Option<Fact> {
    let at = fragment.facts.iter().position(|fact| fact.id == id)?;
    Some(fragment.facts.remove(at))
}

pub fn decide(fragment: &mut Fragment, topic: ConsentTopic, state: ConsentState) {
    fragment.consents.retain(|decision| decision.topic != topic);
    fragment.consents.push(FragmentConsent {
        topic,
        state,
        version: version(1),
        evidence: None,
    });
    fragment
        .consents
        .sort_by(|left, right| left.topic.cmp(&right.topic));
}

pub fn line(sku: &str, quantity: i64, total: i64) -> FactLine {
    FactLine {
        product: Some(format!("product-{sku}").into()),
        sku: Some(sku.into()),
        name: None,
        category: Some("shoes".into()),
        quantity: Decimal::from(quantity),
        total: Some(Decimal::from(total)),
    }
}
