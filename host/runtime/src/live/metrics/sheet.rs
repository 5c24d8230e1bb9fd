//! One answer to a scrape: values beside their definitions, written as text.

use std::collections::BTreeMap;
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    CounterValueEncoder, DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeMetric,
    GaugeValueEncoder, MetricEncoder, NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use super::catalogue::{ALL, Definition, Kind};

/// Labels of one value, in the order of the definition.
pub(super) type Labels = Vec<(&'static str, String)>;

/// A value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Whole(u64),
    Real(f64),
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self::Whole(value)
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self::Whole(u64::try_from(value).unwrap_or(0))
    }
}

impl EncodeCounterValue for Number {
    fn encode(&self, encoder: &mut CounterValueEncoder<'_>) -> fmt::Result {
        match self {
            Self::Whole(value) => EncodeCounterValue::encode(value, encoder),
            Self::Real(value) => EncodeCounterValue::encode(value, encoder),
        }
    }
}

impl EncodeGaugeValue for Number {
    fn encode(&self, encoder: &mut GaugeValueEncoder<'_>) -> fmt::Result {
        match self {
            Self::Whole(value) => EncodeGaugeValue::encode(value, encoder),
            Self::Real(value) => EncodeGaugeValue::encode(value, encoder),
        }
    }
}

/// What a histogram that is kept elsewhere counted.
#[derive(Debug)]
pub(super) struct Counted {
    pub sum: f64,
    pub count: u64,
    /// Upper bound of each bucket, and how many fell into it alone.
    pub buckets: Vec<(f64, u64)>,
}

enum Rows {
    Numbers(Vec<(Labels, Number)>),
    Histogram(Counted),
    /// A metric that counts by itself.
    Live(Box<dyn EncodeMetric + Send + Sync>),
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Numbers(rows) => f.debug_tuple("Numbers").field(rows).finish(),
            Self::Histogram(counted) => f.debug_tuple("Histogram").field(counted).finish(),
            Self::Live(_) => f.write_str("Live"),
        }
    }
}

/// The values of a scrape.
#[derive(Debug, Default)]
pub(super) struct Sheet(BTreeMap<&'static str, Rows>);

impl Sheet {
    /// The only value of a metric without labels.
    pub fn set(&mut self, metric: &'static Definition, value: impl Into<Number>) {
        self.add(metric, Vec::new(), value);
    }

    /// One value of a metric.
    pub fn add(&mut self, metric: &'static Definition, labels: Labels, value: impl Into<Number>) {
        debug_assert!(labels.iter().map(|label| &label.0).eq(metric.labels));
        let rows = self
            .0
            .entry(metric.stem)
            .or_insert_with(|| Rows::Numbers(Vec::new()));
        if let Rows::Numbers(rows) = rows {
            rows.push((labels, value.into()));
        }
    }

    pub fn histogram(&mut self, metric: &'static Definition, counted: Counted) {
        self.0.insert(metric.stem, Rows::Histogram(counted));
    }

    pub fn live(
        &mut self,
        metric: &'static Definition,
        values: impl EncodeMetric + Send + Sync + 'static,
    ) {
        self.0.insert(metric.stem, Rows::Live(Box::new(values)));
    }

    /// As OpenMetrics text 1.0.
    pub fn open_metrics(self) -> Result<String, fmt::Error> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry)?;
        Ok(text)
    }
}

impl Collector for Sheet {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for metric in ALL {
            let Some(rows) = self.0.get(metric.stem) else {
                continue;
            };
            let (kind, unit) = match metric.kind {
                Kind::Counter => (MetricType::Counter, unit(metric)),
                Kind::Gauge => (MetricType::Gauge, unit(metric)),
                Kind::Histogram => (MetricType::Histogram, unit(metric)),
            };
            let encoder =
                encoder.encode_descriptor(metric.stem, metric.help, unit.as_ref(), kind)?;
            encode(rows, metric.kind, encoder)?;
        }
        Ok(())
    }
}

fn unit(metric: &Definition) -> Option<Unit> {
    match metric.unit {
        "" => None,
        "seconds" => Some(Unit::Seconds),
        "bytes" => Some(Unit::Bytes),
        other => Some(Unit::Other(other.to_owned())),
    }
}

fn encode(rows: &Rows, kind: Kind, mut encoder: MetricEncoder<'_>) -> fmt::Result {
    match rows {
        Rows::Live(live) => live.encode(encoder),
        Rows::Histogram(Counted {
            sum,
            count,
            buckets,
        }) => encoder.encode_histogram::<NoLabelSet>(*sum, *count, buckets, None),
        Rows::Numbers(rows) => {
            for (labels, value) in rows {
                match labels.is_empty() {
                    true => encode_number(value, kind, &mut encoder)?,
                    false => encode_number(value, kind, &mut encoder.encode_family(labels)?)?,
                }
            }
            Ok(())
        }
    }
}

fn encode_number(value: &Number, kind: Kind, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
    match kind {
        Kind::Counter => encoder.encode_counter::<NoLabelSet, _, u64>(value, None),
        Kind::Gauge | Kind::Histogram => encoder.encode_gauge(value),
    }
}

/// OpenMetrics text as Prometheus text 0.0.4, which calls counters by their whole names and knows
/// neither units nor an end mark.
pub(super) fn prometheus_text(open_metrics: &str) -> String {
    let counters: BTreeMap<String, String> = ALL
        .iter()
        .filter(|metric| metric.kind == Kind::Counter)
        .map(|metric| (metric.family(), metric.name()))
        .collect();
    let mut text = String::with_capacity(open_metrics.len());
    for line in open_metrics.lines() {
        if line.starts_with("# UNIT ") || line == "# EOF" {
            continue;
        }
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some(what), Some(family), Some(rest)) => {
                let name = counters.get(family).map_or(family, String::as_str);
                text.extend(["# ", what, " ", name, " ", rest]);
            }
            _ => text.push_str(line),
        }
        text.push('\n');
    }
    text
}
