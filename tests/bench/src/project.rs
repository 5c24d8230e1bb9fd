//! Projects to measure with.

use std::fmt::Write as _;

/// Segments over orders: counts, sums, windows, distinct days. Any order can change each of them.
pub fn over_orders(count: usize) -> String {
    (0..count).fold(String::new(), |mut text, index| {
        let rule = order_rule(index);
        // Text takes any text.
        _ = write!(text, "[segments.orders-{index}]\nwhen = \"{rule}\"\n\n");
        text
    })
}

/// Segments over events that never arrive.
pub fn over_events(count: usize) -> String {
    (0..count).fold(String::new(), |mut text, index| {
        let rule = format!("events('Never {index}').within('30d').count() >= 1");
        _ = write!(text, "[segments.events-{index}]\nwhen = \"{rule}\"\n\n");
        text
    })
}

/// A whole `crosspoint.toml` with the clock of the data.
pub fn project(store: &str, rest: &str) -> String {
    format!("[project]\nname = \"bench\"\nclock = \"data\"\n\n{store}{rest}")
}

fn order_rule(index: usize) -> String {
    let step = index / 10;
    match index % 10 {
        0 => format!("orders.count() >= {}", 2 + step),
        1 => format!("spend('USD') >= {}", 50 + 20 * step),
        2 => format!("orders.within('{}d').exists()", 30 + step),
        3 => format!(
            "orders.within('{}d').sum('total') > {}",
            60 + step,
            40 + step
        ),
        4 => format!("orders.distinct('day') >= {}", 2 + step),
        5 => format!(
            "orders.count() >= 2 && !orders.within('{}d').exists()",
            90 + step
        ),
        6 => format!("products.sum('quantity') >= {}", 5 + step),
        7 => format!("orders.max('total') > {}", 60 + step),
        8 => format!("traits.average_order > {}", 20 + step),
        _ => format!("orders.where(o, o.total > {}).count() >= 2", 25 + step),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_rules_compile() {
        let text = project("", &(over_orders(1_000) + &over_events(990)));
        let files = [("crosspoint.toml".to_owned(), text)];
        let project = crosspoint_config::parse(&files).unwrap();
        assert_eq!(project.segments.len(), 1_990);
    }
}
