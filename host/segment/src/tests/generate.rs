//! Random rules, as text, out of a stream of random numbers.

/// Numbers to choose by; zero once they are used up, which ends every recursion.
pub struct Choices<'a>(pub std::slice::Iter<'a, u32>);

impl Choices<'_> {
    pub fn up_to(&mut self, count: usize) -> usize {
        self.0.next().map_or(0, |number| *number as usize % count)
    }

    pub fn one<'t>(&mut self, words: &[&'t str]) -> &'t str {
        words[self.up_to(words.len())]
    }

    pub fn span(&mut self) -> String {
        let hours = [1, 2, 3, 24, 30, 48];
        match self.up_to(4) {
            0 => format!("{}h", hours[self.up_to(6)]),
            1 => format!("{}h1ms", hours[self.up_to(6)]),
            2 => "1d".to_owned(),
            _ => format!("{}ms", 3_600_000 * hours[self.up_to(6)] - 1),
        }
    }
}

/// What a condition may name.
#[derive(Clone)]
pub struct Scope {
    /// Segments that come before.
    pub segments: Vec<String>,
    /// Variables of orders and of events.
    pub orders: Vec<String>,
    pub events: Vec<String>,
    pub depth: usize,
}

impl Scope {
    fn deeper(&self) -> Self {
        Self {
            depth: self.depth.saturating_sub(1),
            ..self.clone()
        }
    }
}

pub fn condition(c: &mut Choices<'_>, scope: &Scope) -> String {
    let inner = scope.deeper();
    if scope.depth > 0 {
        match c.up_to(8) {
            0 => return format!("({} && {})", condition(c, &inner), condition(c, &inner)),
            1 => return format!("({} || {})", condition(c, &inner), condition(c, &inner)),
            2 => return format!("!({})", condition(c, &inner)),
            3 => {
                let parts = [0; 3].map(|_| condition(c, &inner));
                return format!("({} ? {} : {})", parts[0], parts[1], parts[2]);
            }
            _ => {}
        }
    }
    if let Some(order) = scope.orders.last().filter(|_| c.up_to(3) > 0).cloned() {
        return match c.up_to(8) {
            0 => format!("{order}.total {} {}", comparison(c), c.up_to(4)),
            1 => format!("{order}.status == 'paid'"),
            2 => format!("{order}.currency != 'EUR'"),
            3 => format!("{order}.at {} {}", comparison(c), instant(c, &inner)),
            4 => format!("{order}.lines.where(l, l.sku == 'a').exists()"),
            5 => format!("{order}.lines.sum('quantity') >= {}", c.up_to(4)),
            6 => format!("{order}.note == '{}'", c.up_to(2)),
            _ => format!("days_since({order}.at) {} 1", comparison(c)),
        };
    }
    if let Some(event) = scope.events.last().filter(|_| c.up_to(3) > 0).cloned() {
        return match c.up_to(4) {
            0 => format!("{event}.note > {}", c.up_to(3)),
            1 => format!("{event}.at {} {}", comparison(c), instant(c, &inner)),
            2 => format!("{event}.at.getDayOfWeek() == {}", c.up_to(7)),
            _ => format!("{event}.name in ['Searched', 'x']"),
        };
    }
    match c.up_to(17) {
        0 => format!(
            "has(traits.{})",
            c.one(&["flag", "visits", "joined", "anything"])
        ),
        1 => "traits.flag".to_owned(),
        2 => format!("traits.visits {} {}", comparison(c), number(c, &inner)),
        3 => format!(
            "traits.anything {} {}",
            comparison(c),
            c.one(&["1", "'1'", "2.0", "'x'"])
        ),
        4 => "consent('email-marketing')".to_owned(),
        5 => "consent_state('sms-marketing') in ['pending', 'withdrawn']".to_owned(),
        6 if !scope.segments.is_empty() => {
            let at = c.up_to(scope.segments.len());
            format!("in_segment('{}')", scope.segments[at])
        }
        7 | 8 => format!(
            "{} {} {}",
            instant(c, &inner),
            comparison(c),
            instant(c, &inner)
        ),
        9 => format!("{}.exists()", collection(c, &inner)),
        10 | 11 => format!(
            "{}.count() {} {}",
            collection(c, &inner),
            comparison(c),
            c.up_to(4)
        ),
        12 => format!("{} {} {}", c.up_to(7), comparison(c), sum(c, &inner)),
        13 => format!("{} in [1, {}]", number(c, &inner), number(c, &inner)),
        14 => "'a' in traits.tags".to_owned(),
        15 => format!("{} {} {}", sum(c, &inner), comparison(c), number(c, &inner)),
        _ => format!(
            "{} {} {}",
            number(c, &inner),
            comparison(c),
            number(c, &inner)
        ),
    }
}

fn comparison<'t>(c: &mut Choices<'_>) -> &'t str {
    c.one(&[">", ">=", "<", "<=", "==", "!="])
}

fn sum(c: &mut Choices<'_>, scope: &Scope) -> String {
    match c.up_to(3) {
        0 => format!("{}.sum('total')", orders(c, scope)),
        1 => "spend('EUR')".to_owned(),
        _ => format!("products.within('{}').sum('quantity')", c.span()),
    }
}

fn number(c: &mut Choices<'_>, scope: &Scope) -> String {
    let inner = scope.deeper();
    if scope.depth == 0 {
        return c.up_to(5).to_string();
    }
    match c.up_to(14) {
        0 => format!(
            "{}.{}('total')",
            orders(c, &inner),
            c.one(&["min", "max", "avg", "sum"])
        ),
        1 => format!(
            "{}.distinct('{}')",
            orders(c, &inner),
            c.one(&["day", "currency", "note"])
        ),
        2 => format!(
            "{}.distinct('{}')",
            events(c, &inner),
            c.one(&["day", "name", "note"])
        ),
        3 => format!("days_since({})", instant(c, &inner)),
        4 => format!(
            "({} - {}).getHours()",
            instant(c, &inner),
            instant(c, &inner)
        ),
        5 => {
            let part = c.one(&[
                "getHours",
                "getDate",
                "getDayOfWeek",
                "getMonth",
                "getDayOfYear",
            ]);
            format!("({}).{part}()", instant(c, &inner))
        }
        6 => format!(
            "({} {} {})",
            number(c, &inner),
            c.one(&["+", "-", "*", "/", "%"]),
            number(c, &inner)
        ),
        7 => format!(
            "({} ? {} : {})",
            condition(c, &inner),
            number(c, &inner),
            number(c, &inner)
        ),
        8 => "traits.visits".to_owned(),
        9 => format!(
            "traits.{}",
            c.one(&[
                "orders_count",
                "spend",
                "average_order",
                "days_between_orders"
            ])
        ),
        10 => format!(
            "{}.{}('note')",
            events(c, &inner),
            c.one(&["first", "last", "sum"])
        ),
        11 => format!("{}.count()", collection(c, &inner)),
        12 => "products.within('1d').distinct('sku')".to_owned(),
        _ => "2.5".to_owned(),
    }
}

fn instant(c: &mut Choices<'_>, scope: &Scope) -> String {
    let inner = scope.deeper();
    match c.up_to(if scope.depth == 0 { 5 } else { 10 }) {
        0 => "now".to_owned(),
        1 => format!("(now - duration('{}'))", c.span()),
        2 => "traits.joined".to_owned(),
        3 => format!(
            "timestamp('1970-01-0{}T0{}:00:00Z')",
            1 + c.up_to(5),
            c.up_to(10)
        ),
        4 => format!("({} + duration('{}'))", "traits.joined", c.span()),
        5 => format!(
            "{}.{}('at')",
            orders(c, &inner),
            c.one(&["first", "last", "min"])
        ),
        6 => format!(
            "{}.{}('at')",
            events(c, &inner),
            c.one(&["first", "last", "max"])
        ),
        7 => format!(
            "({} ? {} : {})",
            condition(c, &inner),
            instant(c, &inner),
            instant(c, &inner)
        ),
        8 => "traits.last_seen".to_owned(),
        _ => format!("({} + duration('{}'))", instant(c, &inner), c.span()),
    }
}

fn collection(c: &mut Choices<'_>, scope: &Scope) -> String {
    match c.up_to(5) {
        0 | 1 => orders(c, scope),
        2 | 3 => events(c, scope),
        _ => format!(
            "{}.within('{}')",
            c.one(&["carts", "engagements('opened')", "products"]),
            c.span()
        ),
    }
}

fn windows(c: &mut Choices<'_>, scope: &Scope, text: &mut String) {
    for _ in 0..c.up_to(3) {
        match c.up_to(4) {
            0 | 1 => text.push_str(&format!(".within('{}')", c.span())),
            2 => text.push_str(&format!(".since({})", instant(c, scope))),
            _ => text.push_str(&format!(".before({})", instant(c, scope))),
        }
    }
}

fn orders(c: &mut Choices<'_>, scope: &Scope) -> String {
    let mut text = "orders".to_owned();
    windows(c, scope, &mut text);
    let nested = scope.orders.len() + scope.events.len();
    if nested < 2 && c.up_to(2) == 1 {
        let mut inner = scope.deeper();
        let name = format!("o{nested}");
        inner.orders.push(name.clone());
        text.push_str(&format!(".where({name}, {})", condition(c, &inner)));
    }
    text
}

fn events(c: &mut Choices<'_>, scope: &Scope) -> String {
    let mut text = c
        .one(&["events", "events('Searched')", "events('Signed Up')"])
        .to_owned();
    windows(c, scope, &mut text);
    let nested = scope.orders.len() + scope.events.len();
    if nested < 2 && c.up_to(2) == 1 {
        let mut inner = scope.deeper();
        let name = format!("e{nested}");
        inner.events.push(name.clone());
        text.push_str(&format!(".where({name}, {})", condition(c, &inner)));
    }
    text
}
