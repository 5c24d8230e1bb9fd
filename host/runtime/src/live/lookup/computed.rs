//! Computed traits, ready for lookups.

use std::collections::BTreeMap;
use std::sync::Arc;

use crosspoint_model::Symbol;
use crosspoint_model::state::State as _;
use crosspoint_segment::Program;
use smol_str::SmolStr;

use crate::admin::AdminError;
use crate::admin::profile::look_up;
use crate::admin::segment::compiled;
use crate::core::Core;

/// Computed traits, compiled for reading: by name, without the step's leave to number new names.
#[derive(Default)]
pub(crate) struct ComputedTraits {
    epoch: u32,
    /// Names that nothing carried when they were compiled. Once something does, they are compiled
    /// again.
    unknown: Vec<SmolStr>,
    pub programs: BTreeMap<SmolStr, Program>,
}

impl ComputedTraits {
    /// Those of the applied configuration.
    pub fn of(core: &mut Core) -> Result<Arc<Self>, AdminError> {
        let compiled = compiled(core)?;
        let present = &core.computed;
        let is_known = |name: &SmolStr| core.state.symbol(name).is_some();
        if present.epoch != compiled.epoch || present.unknown.iter().any(is_known) {
            let mut unknown = Vec::new();
            let mut number = look_up(core);
            let mut intern = |name: &str| -> Symbol {
                if core.state.symbol(name).is_none() {
                    unknown.push(SmolStr::new(name));
                }
                number(name)
            };
            let programs = compiled.rules.computed_traits(&mut intern);
            let epoch = compiled.epoch;
            drop(number);
            unknown.sort();
            unknown.dedup();
            core.computed = Arc::new(Self {
                epoch,
                unknown,
                programs,
            });
        }
        Ok(Arc::clone(&core.computed))
    }
}
