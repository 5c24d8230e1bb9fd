//! Runs a query over what is there.

use super::data::{Cell, Data, Row};
use super::schema::Field;
use super::soql::{Condition, Operator, Path, Query};

/// Follows a path to its row, where there is one, and its field.
pub fn follow<'a>(
    data: &'a Data,
    object: &str,
    row: &'a Row,
    path: &Path,
) -> Option<(&'a Row, &'a Field)> {
    let (mut object, mut row) = (data.object(object)?, row);
    let (last, parents) = path.parts.split_last()?;
    for part in parents {
        let id = row
            .fields
            .get(object.by_relationship(part)?.name)?
            .as_str()?;
        object = data.object(data.owner_of(id)?)?;
        row = data.row(object.name, id)?;
    }
    Some((row, object.field(last)?))
}

fn cell(data: &Data, object: &str, row: &Row, path: &Path) -> Cell {
    follow(data, object, row, path).map_or(Cell::Null, |(row, field)| data.cell(row, field))
}

/// `%` for any text, `_` for one letter.
fn like(pattern: &[char], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('%', rest)) => (0..=text.len()).any(|at| like(rest, &text[at..])),
        Some((it, rest)) => text
            .split_first()
            .is_some_and(|(first, tail)| (*it == '_' || it == first) && like(rest, tail)),
    }
}

pub fn holds(data: &Data, object: &str, row: &Row, condition: &Condition) -> bool {
    match condition {
        Condition::And(all) => all.iter().all(|it| holds(data, object, row, it)),
        Condition::Or(all) => all.iter().any(|it| holds(data, object, row, it)),
        Condition::Not(it) => !holds(data, object, row, it),
        Condition::Test(path, operator, wanted) => {
            let own = cell(data, object, row, path);
            let first = &wanted[0];
            let is_known = own != Cell::Null && *first != Cell::Null;
            match operator {
                Operator::Equal => own == *first,
                Operator::Unequal => own != *first,
                Operator::Less => is_known && own < *first,
                Operator::AtMost => is_known && own <= *first,
                Operator::More => is_known && own > *first,
                Operator::AtLeast => is_known && own >= *first,
                Operator::In => wanted.contains(&own),
                Operator::NotIn => !wanted.contains(&own),
                Operator::Like => match (&own, first) {
                    (Cell::Text(own), Cell::Text(pattern)) => {
                        let chars = |it: &str| it.chars().collect::<Vec<_>>();
                        like(&chars(pattern), &chars(own))
                    }
                    _ => false,
                },
                Operator::Includes => match &own {
                    Cell::Text(own) => own
                        .split(';')
                        .any(|it| wanted.contains(&Cell::Text(it.to_owned()))),
                    _ => false,
                },
            }
        }
    }
}

/// Ids of what fits, in order.
pub fn run(data: &Data, query: &Query, with_deleted: bool, now_ms: i64) -> Vec<String> {
    let fits = |row: &&Row| {
        data.is_seen(row, with_deleted, now_ms)
            && query
                .condition
                .as_ref()
                .is_none_or(|it| holds(data, query.object, row, it))
    };
    let keys = |row: &Row| -> Vec<Cell> {
        let paths = query.order.iter();
        paths
            .map(|(path, ..)| cell(data, query.object, row, path))
            .collect()
    };
    let mut found: Vec<(Vec<Cell>, &Row)> = data
        .rows(query.object)
        .filter(fits)
        .map(|row| (keys(row), row))
        .collect();
    found.sort_by(|(a, _), (b, _)| {
        for ((_, is_down, are_nulls_last), (a, b)) in query.order.iter().zip(a.iter().zip(b)) {
            let nulls = (*a == Cell::Null).cmp(&(*b == Cell::Null));
            let order = match nulls {
                std::cmp::Ordering::Equal => {
                    let order = a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal);
                    if *is_down { order.reverse() } else { order }
                }
                nulls if *are_nulls_last => nulls,
                nulls => nulls.reverse(),
            };
            if order.is_ne() {
                return order;
            }
        }
        std::cmp::Ordering::Equal
    });
    let rows = found
        .into_iter()
        .skip(query.offset)
        .take(query.limit.unwrap_or(usize::MAX));
    rows.map(|(_, row)| row.id.clone()).collect()
}
