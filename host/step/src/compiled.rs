//! An applied configuration in the form that the step runs.

use std::collections::{BTreeMap, BTreeSet};

use crosspoint_config::project::Project;
use crosspoint_identity::Guards;
use crosspoint_model::Symbol;
use crosspoint_model::delivery::Action;
use crosspoint_model::profile::Profile;
use crosspoint_profile::SurvivorshipRules;
use crosspoint_segment::{Program, RuleSet};
use smol_str::SmolStr;

/// An applied configuration, compiled.
pub struct Compiled {
    /// The configuration.
    pub project: Project,
    /// Counts applied configurations.
    pub epoch: u32,
    /// The segments' rules.
    pub rules: RuleSet,
    /// Which of several values of a trait counts.
    pub survivorship: SurvivorshipRules,
    pub(crate) guards: Guards,
    pub(crate) known_segments: BTreeSet<Symbol>,
    pub(crate) known_syncs: BTreeSet<Symbol>,
    /// Syncs that hand over fields whenever they change.
    pub(crate) field_syncs: BTreeSet<Symbol>,
    pub(crate) syncs: Vec<CompiledSync>,
    /// Segment → indices of the syncs that its transitions trigger.
    pub(crate) by_segment: BTreeMap<Symbol, Vec<usize>>,
    /// Indices of the syncs that changed traits trigger.
    pub(crate) by_trait: Vec<usize>,
}

/// A sync, compiled.
pub(crate) struct CompiledSync {
    pub name: Symbol,
    pub connector: Symbol,
    pub connector_name: SmolStr,
    pub action: Action,
    pub on_exit: Option<Action>,
    pub segment: Option<Symbol>,
    pub list: Option<SmolStr>,
    pub fields: Vec<(SmolStr, Program)>,
    /// Values whose change triggers it; empty for syncs that transitions trigger.
    pub watched: Vec<Program>,
    /// Under which name a profile's expiry says when a watched value can next change by itself.
    pub expiry: Symbol,
}

impl CompiledSync {
    /// Whether a value that it watches follows from membership of the segment.
    pub fn watches(&self, segment: Symbol) -> bool {
        let mut watched = self.watched.iter();
        watched.any(|program| program.dependencies().segments.contains(&segment))
    }

    /// Whether it makes the vendor hold something that stays true as long as the profile is a
    /// member, as against something that happens once.
    pub fn is_state(&self) -> bool {
        !matches!(
            self.action,
            Action::SendMessage | Action::TrackEvent | Action::Custom(_)
        )
    }
}

impl Compiled {
    /// Removes what the profile holds of segments and syncs that no longer exist; answers with
    /// the segments.
    pub(crate) fn drop_unknown(&self, profile: &mut Profile) -> Vec<Symbol> {
        let mut removed = Vec::new();
        profile.memberships.retain(|membership| {
            let known = self.known_segments.contains(&membership.segment);
            if !known {
                removed.push(membership.segment);
            }
            known
        });
        profile
            .expiries
            .retain(|expiry| self.known_segments.contains(&expiry.of));
        profile
            .handed_over
            .retain(|handed_over| self.known_syncs.contains(&handed_over.sync));
        removed
    }
}
