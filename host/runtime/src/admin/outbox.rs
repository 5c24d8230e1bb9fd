//! Deliveries that are in an outbox, and what a person does about them.

use std::collections::BTreeMap;

use crosspoint_model::ConnectorId;
use crosspoint_model::delivery::{Delivery, DeliveryId, DeliveryStatus};
use crosspoint_model::entry::{OutboxCommand, What};
use crosspoint_model::record::Attribute;
use crosspoint_model::state::State;
use crosspoint_model::{Symbol, Value};

use super::find::{PAGE, json};
use super::{AdminError, Changed, DeliveryView, Which};
use crate::Host;
use crate::core::Core;
use crate::error::{bad_argument, not_found};

/// (seq, ordinal) of deliveries by connector.
type Selected = BTreeMap<ConnectorId, Vec<(u64, u32)>>;

const SHAPE: &str = "give `CONNECTOR/SEQ/ORDINAL` or the delivery's key; \
                     `crosspoint outbox list` shows both";

impl Host {
    pub(super) fn deliveries(
        &self,
        connector: Option<String>,
        which: Which,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<DeliveryView>, AdminError> {
        if let Some(connector) = &connector {
            self.configured(connector)?;
        }
        self.handle.ask(move |core| {
            let connector = match connector {
                Some(name) => match core.state.symbol(&name) {
                    Some(symbol) => Some(symbol),
                    None => return Ok(Vec::new()),
                },
                None => None,
            };
            let mut after = match after {
                Some(text) => Some(find(core, &text)?.id),
                None => None,
            };
            let mut found = Vec::new();
            while found.len() < limit as usize {
                let page = core.state.deliveries(connector, after, PAGE)?;
                let Some(last) = page.last() else { break };
                after = Some(last.id);
                let wanted = page.iter().filter(|delivery| is(which, &delivery.status));
                found.extend(wanted.map(|delivery| view(core, delivery)));
            }
            found.truncate(limit as usize);
            Ok(found)
        })
    }

    pub(super) fn delivery(&self, text: &str) -> Result<DeliveryView, AdminError> {
        let text = text.to_owned();
        self.handle
            .ask(move |core| find(core, &text).map(|delivery| view(core, &delivery)))
    }

    pub(super) fn retry(
        &self,
        deliveries: Vec<String>,
        connector: Option<String>,
    ) -> Result<Changed, AdminError> {
        let selected = self.select(deliveries, connector)?;
        self.command(selected, &OutboxCommand::Retry, "will be tried again")
    }

    pub(super) fn drop_deliveries(
        &self,
        deliveries: Vec<String>,
        connector: Option<String>,
    ) -> Result<Changed, AdminError> {
        let selected = self.select(deliveries, connector)?;
        self.command(selected, &OutboxCommand::Drop, "taken out for good")
    }

    pub(super) fn edit(&self, delivery: &str, set: &[String]) -> Result<Changed, AdminError> {
        let mut fields = Vec::new();
        for pair in set {
            let Some((name, value)) = pair.split_once('=') else {
                return Err(bad_argument(
                    format!("`{pair}` sets nothing"),
                    "write NAME=VALUE; an empty value removes the field",
                ));
            };
            let value = if value.is_empty() {
                Value::Null
            } else {
                Value::text(value)
            };
            fields.push(Attribute {
                name: name.into(),
                value,
            });
        }
        if fields.is_empty() {
            return Err(bad_argument(
                "nothing is to be changed",
                "add `--set NAME=VALUE`",
            ));
        }
        let selected = self.select(vec![delivery.to_owned()], None)?;
        self.command(
            selected,
            &OutboxCommand::Edit(fields),
            "changed and will be tried again",
        )
    }

    /// The named deliveries; with no names, all stopped ones of the connector.
    fn select(
        &self,
        deliveries: Vec<String>,
        connector: Option<String>,
    ) -> Result<Selected, AdminError> {
        if deliveries.is_empty() && connector.is_none() {
            return Err(bad_argument("no delivery is named", SHAPE));
        }
        if let Some(connector) = &connector {
            self.configured(connector)?;
        }
        self.handle.ask(move |core| {
            let mut selected = Selected::new();
            let mut add = |core: &Core, id: DeliveryId| {
                let connector = ConnectorId(core.state.name(id.connector));
                selected
                    .entry(connector)
                    .or_default()
                    .push((id.seq, id.ordinal));
            };
            for text in &deliveries {
                let id = find(core, text)?.id;
                add(core, id);
            }
            let all_of = connector.filter(|_| deliveries.is_empty());
            if let Some(symbol) = all_of.and_then(|name| core.state.symbol(&name)) {
                for delivery in all(core, Some(symbol))? {
                    if is(Which::Stopped, &delivery.status) {
                        add(core, delivery.id);
                    }
                }
            }
            Ok(selected)
        })
    }

    fn command(
        &self,
        selected: Selected,
        command: &OutboxCommand,
        done: &str,
    ) -> Result<Changed, AdminError> {
        let mut changed = 0;
        for (connector, deliveries) in selected {
            changed += deliveries.len() as u64;
            let what = What::OutboxCommand {
                connector,
                deliveries,
                command: command.clone(),
            };
            let seq = self.ledger.append(self.clock.now(), &what)?.seq;
            self.tokio.block_on(self.handle.applied(seq))?;
        }
        let noun = if changed == 1 {
            "delivery"
        } else {
            "deliveries"
        };
        Ok(Changed {
            changed,
            message: format!("{changed} {noun} {done}"),
        })
    }
}

fn all(core: &Core, connector: Option<Symbol>) -> Result<Vec<Delivery>, AdminError> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = core.state.deliveries(connector, after, PAGE)?;
        let Some(last) = page.last() else {
            return Ok(found);
        };
        after = Some(last.id);
        found.extend(page);
    }
}

/// A delivery by `CONNECTOR/SEQ/ORDINAL` or by its key.
fn find(core: &mut Core, text: &str) -> Result<Delivery, AdminError> {
    let missing = || not_found("delivery in any outbox", text, SHAPE);
    let parts: Vec<_> = text.split('/').collect();
    if let [connector, seq, ordinal] = parts[..] {
        let (Ok(seq), Ok(ordinal)) = (seq.parse(), ordinal.parse()) else {
            return Err(bad_argument(format!("`{text}` is no delivery"), SHAPE));
        };
        let connector = core.state.symbol(connector).ok_or_else(missing)?;
        let id = DeliveryId {
            connector,
            seq,
            ordinal,
        };
        return core.state.delivery(id)?.ok_or_else(missing);
    }
    let found = all(core, None)?
        .into_iter()
        .find(|delivery| delivery.key.0 == text);
    found.ok_or_else(missing)
}

fn is(which: Which, status: &DeliveryStatus) -> bool {
    let stopped = matches!(status, DeliveryStatus::Dead | DeliveryStatus::Unknown);
    match which {
        Which::Waiting => !stopped,
        Which::Stopped => stopped,
        Which::All => true,
    }
}

/// A delivery as a person reads it.
pub(super) fn view(core: &Core, delivery: &Delivery) -> DeliveryView {
    let connector = core.state.name(delivery.id.connector).to_string();
    let (status, not_before) = match &delivery.status {
        DeliveryStatus::Pending => ("pending", None),
        DeliveryStatus::Retrying { not_before } => ("retrying", Some(not_before.to_string())),
        DeliveryStatus::Queued { .. } => ("queued", None),
        DeliveryStatus::Attempted => ("attempted", None),
        DeliveryStatus::Unknown => ("unknown", None),
        DeliveryStatus::Dead => ("dead", None),
    };
    let fields = delivery.fields.iter();
    DeliveryView {
        id: format!("{connector}/{}/{}", delivery.id.seq, delivery.id.ordinal),
        key: delivery.key.to_string(),
        connector,
        sync: core.state.name(delivery.sync).to_string(),
        profile: delivery.profile.to_string(),
        action: delivery.action.as_str().to_owned(),
        list: delivery.list.as_ref().map(ToString::to_string),
        status: status.to_owned(),
        attempts: delivery.attempts,
        not_before,
        reason: delivery.last_reason.as_ref().map(ToString::to_string),
        occurred_at: delivery.occurred_at.to_string(),
        fields: fields
            .map(|field| (field.name.to_string(), json(&field.value)))
            .collect(),
    }
}
