//! What a session delivers.

use crosspoint_model::DeliveryKey;
use crosspoint_model::delivery::{Action, Delivery, Outcome};
use crosspoint_sandbox::{ActionOffer, CallInput, Error as CallError, GuestError};
use smol_str::SmolStr;

use super::{AT_ONCE, PATIENCE, Session};
use crate::error::{Checked, fail};

impl Session<'_> {
    pub async fn actions(&mut self) -> Checked<Vec<ActionOffer>> {
        let output = self.connector.actions(self.input()).await?;
        Ok(self.keep(output))
    }

    /// One try, as it comes.
    pub async fn deliver_once(
        &mut self,
        action: &Action,
        deliveries: &[Delivery],
    ) -> Result<Vec<Outcome>, CallError> {
        let output = self
            .connector
            .deliver(action, deliveries, self.input())
            .await?;
        Ok(self.keep(output))
    }

    /// One try that may take so long; notes are as they were.
    pub async fn deliver_within(
        &self,
        wall_ms: u64,
        action: &Action,
        deliveries: &[Delivery],
    ) -> Result<Vec<Outcome>, CallError> {
        let input = CallInput {
            wall_ms: Some(wall_ms),
            ..self.input()
        };
        let output = self.connector.deliver(action, deliveries, input).await?;
        Ok(output.value)
    }

    /// One try; what the vendor works on is asked for until it is settled.
    pub async fn deliver_settled(
        &mut self,
        action: &Action,
        deliveries: &[Delivery],
    ) -> Checked<Vec<Outcome>> {
        let mut outcomes = self.deliver_once(action, deliveries).await?;
        for (outcome, item) in outcomes.iter_mut().zip(deliveries) {
            if let Outcome::Queued(job) = outcome {
                *outcome = self.ask(&job.clone(), &item.key).await?;
            }
        }
        Ok(outcomes)
    }

    /// Delivers as a host does: in batches of the declared size, again what has to wait or may
    /// pass, and asks for what the vendor works on. What is unknown stays so.
    pub async fn deliver(
        &mut self,
        offer: &ActionOffer,
        deliveries: &[Delivery],
    ) -> Checked<Vec<Outcome>> {
        let mut settled = Vec::new();
        for batch in deliveries.chunks(offer.batch_size as usize) {
            settled.extend(self.deliver_batch(&offer.action, batch).await?);
        }
        Ok(settled)
    }

    async fn deliver_batch(
        &mut self,
        action: &Action,
        batch: &[Delivery],
    ) -> Checked<Vec<Outcome>> {
        let mut settled: Vec<Option<Outcome>> = vec![None; batch.len()];
        for attempts in 0..PATIENCE {
            let open: Vec<usize> = (0..batch.len())
                .filter(|&it| settled[it].is_none())
                .collect();
            if open.is_empty() {
                break;
            }
            let again = |&it: &usize| Delivery {
                attempts,
                ..batch[it].clone()
            };
            let again: Vec<Delivery> = open.iter().map(again).collect();
            let outcomes = match self.deliver_once(action, &again).await {
                Ok(outcomes) => outcomes,
                Err(CallError::Guest {
                    error: GuestError::RateLimited(wait_ms),
                    ..
                }) => {
                    self.wait(wait_ms).await?;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let mut wait_ms = None;
            for (&place, outcome) in open.iter().zip(outcomes) {
                match outcome {
                    Outcome::RateLimited(ms) => wait_ms = Some(ms),
                    Outcome::Transient(_) => wait_ms = wait_ms.or(Some(None)),
                    Outcome::Queued(job) => {
                        settled[place] = Some(self.ask(&job, &batch[place].key).await?);
                    }
                    other => settled[place] = Some(other),
                }
            }
            if let Some(ms) = wait_ms {
                self.wait(ms).await?;
            }
        }
        let left = Outcome::Transient("not settled with all patience".into());
        Ok(settled
            .into_iter()
            .map(|it| it.unwrap_or_else(|| left.clone()))
            .collect())
    }

    /// Delivers batches [`AT_ONCE`] at a time. What did not settle goes on alone.
    pub async fn deliver_at_once(
        &mut self,
        batches: &[(&ActionOffer, Vec<Delivery>)],
    ) -> Checked<Vec<Vec<Outcome>>> {
        let mut settled = Vec::with_capacity(batches.len());
        for together in batches.chunks(AT_ONCE) {
            let send = async |at: usize| {
                let (offer, items) = together.get(at)?;
                let input = self.input();
                Some(self.connector.deliver(&offer.action, items, input).await)
            };
            let (first, second, third) = tokio::join!(send(0), send(1), send(2));
            let answers = [first, second, third].into_iter().flatten();
            for ((offer, items), answer) in together.iter().zip(answers) {
                let outcomes = match answer {
                    Ok(output) => self.keep(output),
                    Err(CallError::Guest {
                        error: GuestError::RateLimited(wait_ms),
                        ..
                    }) => vec![Outcome::RateLimited(wait_ms); items.len()],
                    Err(error) => return Err(error.into()),
                };
                settled.push(self.settle(offer, items, outcomes).await?);
            }
        }
        Ok(settled)
    }

    async fn settle(
        &mut self,
        offer: &ActionOffer,
        items: &[Delivery],
        mut outcomes: Vec<Outcome>,
    ) -> Checked<Vec<Outcome>> {
        for (outcome, item) in outcomes.iter_mut().zip(items) {
            *outcome = match outcome {
                Outcome::Queued(job) => self.ask(job, &item.key).await?,
                Outcome::RateLimited(wait_ms) => {
                    self.wait(*wait_ms).await?;
                    self.deliver(offer, std::slice::from_ref(item))
                        .await?
                        .swap_remove(0)
                }
                Outcome::Transient(_) => self
                    .deliver(offer, std::slice::from_ref(item))
                    .await?
                    .swap_remove(0),
                _ => continue,
            };
        }
        Ok(outcomes)
    }

    /// Asks for one delivery of a job until it is settled.
    pub async fn ask(&mut self, job: &SmolStr, key: &DeliveryKey) -> Checked<Outcome> {
        let mut job = job.clone();
        for _ in 0..PATIENCE {
            let keys = [key.clone()];
            match self.connector.poll(&job, &keys, self.input()).await {
                Ok(output) => match self.keep(output).into_iter().next() {
                    Some(Outcome::Queued(next)) => job = next,
                    Some(Outcome::RateLimited(ms)) => {
                        self.wait(ms).await?;
                        continue;
                    }
                    Some(Outcome::Transient(_)) => {}
                    Some(settled) => return Ok(settled),
                    None => return fail("`poll` gave no outcome for a key (C36)"),
                },
                Err(CallError::Guest {
                    error: GuestError::RateLimited(wait_ms),
                    ..
                }) => {
                    self.wait(wait_ms).await?;
                    continue;
                }
                Err(error) => return Err(error.into()),
            }
            self.rig.sim.advance(1_000).await?;
        }
        Ok(Outcome::Queued(job))
    }
}
