//! People into and out of Custom Audiences of a Meta ad account. Start reading at
//! [`FacebookAudiences`]; `normalize` makes of a person what Meta compares, `people` a row of it,
//! `users` sends rows, `fault` reads Meta's errors.
//!
//! # Invariants
//! - What identifies a person leaves only as a digest (`tests::nothing_that_identifies_leaves_in_clear`).
//! - Nobody who withdrew the consent to ads is added (`tests::who_withdrew_is_not_sent`).
//! - One row that Meta refuses leaves its neighbours in place (`tests::a_refused_row_is_found`).
//!
//! # Not here
//! Reading members back: Meta tells only how many there are.

mod audiences;
mod calling;
mod fault;
mod normalize;
mod people;
mod settings;
#[cfg(test)]
mod tests;
mod users;

use crosspoint_sdk::{Action, ActionKind, Batch, Context, Destination, Error, Field, Outcome};

use normalize::Column;
pub use settings::Settings;

/// The plugin.
pub struct FacebookAudiences;

impl Destination for FacebookAudiences {
    type Settings = Settings;

    fn actions(_: &Context, settings: &Settings) -> Result<Vec<Action>, Error> {
        settings.validate()?;
        let field = |name: &str, description: &str| Field {
            name: name.to_owned(),
            description: description.to_owned(),
            required: false,
        };
        let mut fields: Vec<_> = Column::ALL
            .iter()
            .map(|column| field(column.as_str(), column.description()))
            .collect();
        fields.push(field(
            people::BIRTHDAY,
            "ISO 8601 date, in place of DOBY, DOBM and DOBD.",
        ));
        let action = |kind, description: &str, batch_size| Action {
            batch_size,
            open: false,
            fields: fields.clone(),
            ..Action::new(kind, description)
        };
        Ok(vec![
            Action {
                needs_list: true,
                reverse: Some(ActionKind::RemoveFromList),
                ..action(
                    ActionKind::AddToList,
                    "Add people to the Custom Audience of that name or number",
                    settings::MAX_ROWS as u32,
                )
            },
            Action {
                needs_list: true,
                reverse: Some(ActionKind::AddToList),
                ..action(
                    ActionKind::RemoveFromList,
                    "Remove people from the Custom Audience of that name or number",
                    settings::MAX_ROWS as u32,
                )
            },
            action(
                ActionKind::Suppress,
                "Remove people from every Custom Audience of the ad account",
                1000,
            ),
            Action {
                erases: true,
                ..action(
                    ActionKind::DeleteContact,
                    "Erase people from every Custom Audience of the ad account",
                    1000,
                )
            },
        ])
    }

    fn deliver(ctx: &Context, settings: &Settings, batch: Batch) -> Result<Vec<Outcome>, Error> {
        settings.validate()?;
        users::deliver(ctx, settings, &batch)
    }

    /// The account's audiences: proves token, permission and account in one request.
    fn check(ctx: &Context, settings: &Settings) -> Result<(), Error> {
        settings.validate()?;
        audiences::check(ctx, settings)
    }
}

crosspoint_sdk::destination!(FacebookAudiences);
