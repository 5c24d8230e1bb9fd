//! How rules read a profile.

use std::borrow::Cow;

use crosspoint_model::profile::Profile;
use crosspoint_model::record::{ConsentState, ConsentTopic};
use crosspoint_model::{Symbol, Value};
use crosspoint_profile::SurvivorshipRules;
use smol_str::SmolStr;

/// What evaluation asks of its surroundings: the profile's traits and consents as survivorship
/// makes them out of fragments, and the names behind symbols. Called often, from one thread; the
/// answers must depend on nothing but the profile and the configuration.
pub trait View {
    /// The trait's value; `None` where no fragment has one.
    fn trait_value<'p>(&self, profile: &'p Profile, name: Symbol) -> Option<Cow<'p, Value>>;

    /// The person's newest decision about the topic.
    fn consent(&self, profile: &Profile, topic: &ConsentTopic) -> Option<ConsentState>;

    /// The name of a symbol.
    fn name(&self, symbol: Symbol) -> SmolStr;
}

/// A view through survivorship rules, with a function that gives names.
pub struct ProfileView<'a, N> {
    /// Which value of a trait counts.
    pub survivorship: &'a SurvivorshipRules,
    /// The name of a symbol.
    pub names: N,
}

impl<N: Fn(Symbol) -> SmolStr> View for ProfileView<'_, N> {
    fn trait_value<'p>(&self, profile: &'p Profile, name: Symbol) -> Option<Cow<'p, Value>> {
        crosspoint_profile::trait_value(profile, name, self.survivorship)
    }

    fn consent(&self, profile: &Profile, topic: &ConsentTopic) -> Option<ConsentState> {
        crosspoint_profile::consent(profile, topic).map(|decision| decision.state)
    }

    fn name(&self, symbol: Symbol) -> SmolStr {
        (self.names)(symbol)
    }
}

/// The view of a profile that holds nothing.
pub(crate) struct Nothing;

impl View for Nothing {
    fn trait_value<'p>(&self, _: &'p Profile, _: Symbol) -> Option<Cow<'p, Value>> {
        None
    }

    fn consent(&self, _: &Profile, _: &ConsentTopic) -> Option<ConsentState> {
        None
    }

    fn name(&self, _: Symbol) -> SmolStr {
        SmolStr::default()
    }
}
