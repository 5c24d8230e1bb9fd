//! `/v1/profiles/{who}`: one profile, for whoever personalizes a page or serves a customer.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use crosspoint_config::Project;
use crosspoint_runtime::live::{Fields, Found, Names, Who};
use serde_json::json;

use super::Ctx;
use super::readers::{Caller, POSITION, Parameters, Refusal, guard, preflight};

/// Events and orders that are given where nothing is said.
const USUAL_FACTS: usize = 10;
/// Events and orders that are given at most: a page that shows more pages through them elsewhere.
const MOST_FACTS: u64 = 100;

pub(super) fn routes(ctx: &Ctx) -> Router<Ctx> {
    Router::new()
        .route("/v1/profiles/{who}", get(profile).options(preflight))
        .route_layer(from_fn_with_state(ctx.clone(), guard))
}

async fn profile(
    State(ctx): State<Ctx>,
    who: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let caller = Caller::of(&ctx, &headers)?;
    let Ok(Path(who)) = who else {
        return Err(Refusal::bad("the address is not UTF-8"));
    };
    let who = Who::parse(&who).ok_or_else(|| {
        Refusal::bad(
            "name a profile by its id or by KIND:VALUE, as in `email:ana@example.com`; the kinds \
             are `email`, `phone`, `user-id`, `anonymous-id`, `cookie` and the names of connectors",
        )
    })?;
    let known = ["fields", "events", "orders", "after"];
    let parameters = Parameters::read(query.as_deref(), &known)?;
    let fields = match caller {
        Caller::Trusted => fields(ctx.host.project(), &parameters)?,
        Caller::Anybody if who.is_public() => public_fields(ctx.host.project(), &parameters)?,
        Caller::Anybody => return Err(Refusal::token_needed()),
    };
    if let Some(position) = parameters.number("after", u64::MAX)?
        && !ctx.host.reaches(position).await?
    {
        let message = format!("entry {position} is not applied yet");
        return Err(Refusal::not_now("not-applied-yet", message));
    }
    let looked = ctx.host.look_up(who, fields).await?;
    let mut response = match (caller, looked.found) {
        (Caller::Trusted, Found::One(seen)) => Json(seen).into_response(),
        (Caller::Trusted, Found::Several(ids)) => {
            let message = "this identifier belongs to several profiles";
            let body =
                Json(json!({ "error": message, "code": "several-profiles", "profiles": ids }));
            (StatusCode::CONFLICT, body).into_response()
        }
        (Caller::Anybody, Found::One(seen)) if !seen.is_empty() => Json(seen).into_response(),
        _ => Refusal::not_found().into_response(),
    };
    if caller == Caller::Trusted {
        let position = HeaderValue::from(looked.position);
        response.headers_mut().insert(POSITION, position);
    }
    Ok(response)
}

/// What somebody with a token asks for.
fn fields(project: &Project, parameters: &Parameters) -> Result<Fields, Refusal> {
    let mut fields = match parameters.list("fields")? {
        None => Fields {
            id: true,
            traits: Names::All,
            segments: Names::All,
            events: USUAL_FACTS,
            ..Fields::default()
        },
        Some(names) => {
            let mut fields = Fields::default();
            for name in names {
                add(project, &mut fields, name)?;
            }
            fields
        }
    };
    for (name, count) in [
        ("events", &mut fields.events),
        ("orders", &mut fields.orders),
    ] {
        if let Some(number) = parameters.number(name, MOST_FACTS)? {
            *count = number as usize;
        }
    }
    Ok(fields)
}

fn add(project: &Project, fields: &mut Fields, name: &str) -> Result<(), Refusal> {
    match name.split_once('.') {
        None => match name {
            "id" => fields.id = true,
            "identifiers" => fields.identifiers = true,
            "traits" => fields.traits = Names::All,
            "segments" => fields.segments = Names::All,
            "consents" => fields.consents = true,
            "events" => fields.events = USUAL_FACTS,
            "orders" => fields.orders = USUAL_FACTS,
            _ => return Err(no_field(name)),
        },
        Some(("traits", name)) if !name.is_empty() => also(&mut fields.traits, name),
        Some(("segments", segment)) => {
            if !project.segments.contains_key(segment) {
                return Err(Refusal::bad(format!("there is no segment `{segment}`")));
            }
            also(&mut fields.segments, segment);
        }
        Some(_) => return Err(no_field(name)),
    }
    Ok(())
}

fn also(names: &mut Names, name: &str) {
    match names {
        Names::All => {}
        Names::Only(names) => names.push(name.into()),
        Names::Nothing => *names = Names::Only(vec![name.into()]),
    }
}

fn no_field(name: &str) -> Refusal {
    Refusal::bad(format!(
        "`{name}` is not a field; there are `id`, `identifiers`, `traits`, `traits.NAME`, \
         `segments`, `segments.NAME`, `consents`, `events` and `orders`"
    ))
}

/// What a browser asks for: public things only.
fn public_fields(project: &Project, parameters: &Parameters) -> Result<Fields, Refusal> {
    let public = Fields::public(project);
    for name in ["events", "orders"] {
        if parameters.text(name).is_some() {
            return Err(not_public(name));
        }
    }
    let Some(names) = parameters.list("fields")? else {
        return Ok(public);
    };
    let mut fields = Fields::default();
    for name in names {
        let (of, chosen, only) = match name.split_once('.') {
            None if name == "traits" => {
                fields.traits = public.traits.clone();
                continue;
            }
            None if name == "segments" => {
                fields.segments = public.segments.clone();
                continue;
            }
            Some(("traits", only)) => (&public.traits, &mut fields.traits, only),
            Some(("segments", only)) => (&public.segments, &mut fields.segments, only),
            _ => return Err(not_public(name)),
        };
        match of {
            Names::Only(names) if names.iter().any(|name| name.as_str() == only) => {
                also(chosen, only)
            }
            _ => return Err(not_public(name)),
        }
    }
    Ok(fields)
}

/// Says no more about what there is than the configuration makes public.
fn not_public(name: &str) -> Refusal {
    let message = format!("`{name}` is not public: this needs a read token");
    Refusal::new(StatusCode::FORBIDDEN, "not-public", message)
}

#[cfg(test)]
mod tests;
