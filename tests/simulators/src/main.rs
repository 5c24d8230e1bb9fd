//! Runs one simulator by hand: `cargo run -p simulators -- shopify --port 0 --seed 7 --customers 10000`.

use std::time::Duration;

use clap::Parser;
use jiff::Timestamp;
use serde_json::json;
use simulators::{Options, Simulator, vendors};

/// A vendor's system on loopback. Prints one line of JSON with its address, and the settings and
/// credentials of a connector that reaches it. Everything else is told below /_sim.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Which vendor.
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(vendors::names()))]
    vendor: String,
    /// Port on loopback; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The same seed makes the same people, orders and chance.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Number of people.
    #[arg(long, default_value_t = 1000)]
    customers: usize,
    /// Number of orders; three a customer if not said.
    #[arg(long)]
    orders: Option<usize>,
    /// Where its clock starts, as 2026-11-01T00:00:00Z; the machine's time if not said.
    #[arg(long)]
    now: Option<Timestamp>,
    /// Seconds that access tokens live.
    #[arg(long)]
    token_ttl: Option<u64>,
    /// Send webhooks by themselves, not only on POST /_sim/hooks.
    #[arg(long)]
    auto_hooks: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let options = Options {
        seed: arguments.seed,
        customers: arguments.customers,
        orders: arguments.orders,
        now_ms: arguments.now.map(Timestamp::as_millisecond),
        port: arguments.port,
        token_ttl: arguments.token_ttl.map(Duration::from_secs),
        auto_hooks: arguments.auto_hooks,
    };
    let simulator = Simulator::start(&arguments.vendor, &options)?;
    let url = simulator.url().to_owned();
    let (settings, secrets) = simulator.with(|vendor, _| (vendor.settings(&url), vendor.secrets()));
    let about =
        json!({ "vendor": arguments.vendor, "url": url, "settings": settings, "secrets": secrets });
    println!("{about}");
    simulator.join();
    Ok(())
}
