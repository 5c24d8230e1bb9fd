//! A host in a process of its own, and what can be seen of it from outside.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use crosspoint_api::{Afterwards, HttpServer};
use crosspoint_runtime::admin::{Reply, Request, Status};
use crosspoint_runtime::{Host, HostOptions};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::calls::WRITE_KEY;
use crate::machine::memory_bytes;

/// What lookups are asked with.
pub const READ_TOKEN: &str = "bench-read";

/// 20 segments that every view of a product can change, or people who sign up.
pub fn rules() -> String {
    let views = "events('Product Viewed')";
    (0..20).fold(String::new(), |mut text, index| {
        let step = index / 10;
        let rule = match index % 10 {
            0 => format!("{views}.count() >= {}", 2 + step),
            1 => format!("{views}.within('{}d').count() >= 3", 7 + step),
            2 => format!("{views}.where(e, e.price > {}).count() >= 2", 30 + step),
            3 => format!("{views}.sum('price') > {}", 200 + step),
            4 => format!("{views}.distinct('product_id') >= {}", 3 + step),
            5 => format!(
                "{views}.count() >= {} && !events('Signed Up').exists()",
                3 + step
            ),
            6 => format!("{views}.within('{}m').count() >= 3", 30 + step),
            7 => format!("{views}.max('price') > {}", 90 + step),
            8 => format!("{views}.distinct('day') >= {}", 2 + step),
            _ => format!(
                "{views}.exists() && !{views}.within('{}h').exists()",
                2 + step
            ),
        };
        // Text takes any text.
        _ = write!(text, "[segments.views-{index}]\nwhen = \"{rule}\"\n\n");
        text
    })
}

/// A whole `crosspoint.toml`, with these destinations for people who sign up.
pub fn configuration(destinations: &[(&str, SocketAddr)]) -> String {
    let mut text = format!(
        "[project]\nname = \"bench\"\n\n[server]\nlisten = \"127.0.0.1:0\"\n\n\
         [tracking.website]\nwrite_keys = [\"{WRITE_KEY}\"]\n\n\
         [lookups]\ntokens = [\"file:token\"]\n\n\
         [segments.arrived]\nwhen = \"events('Signed Up').exists()\"\n\n{}",
        rules()
    );
    for (name, address) in destinations {
        _ = write!(
            text,
            "[connectors.{name}]\nplugin = \"webhook\"\n\
             settings = {{ url = \"http://{address}/in\", mode = \"batch\" }}\n\
             rate = {{ requests = 1000, per = \"1s\" }}\n\
             grant = {{ hosts = [\"{address}\"], plain_http = [\"{address}\"] }}\n\n\
             [syncs.{name}]\nconnector = \"{name}\"\nsegment = \"arrived\"\n\
             action = \"add-to-list\"\nlist = \"Arrived\"\n\n"
        );
    }
    text
}

/// How far the host has come, as it says.
#[derive(Debug, Serialize, Deserialize)]
pub struct Settled {
    /// Entries that were durable and not applied when it was asked.
    pub lag: u64,
    /// Deliveries under way, by connector.
    pub waiting: Vec<(String, i64)>,
}

/// A host that runs.
pub struct Site {
    pub address: SocketAddr,
    child: Child,
    asks: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    _folder: TempDir,
}

impl Site {
    /// Starts one on a new project.
    pub fn start(configuration: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("crosspoint.toml"), configuration)?;
        fs::write(folder.path().join("token"), READ_TOKEN)?;
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--live-child")
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let asks = child.stdin.take();
        let mut answers = BufReader::new(child.stdout.take().context("no output")?);
        let mut line = String::new();
        answers.read_line(&mut line)?;
        let address = line.trim().parse().context("the host did not start")?;
        Ok(Self {
            address,
            child,
            asks,
            answers,
            _folder: folder,
        })
    }

    /// Waits until everything that is durable now is applied.
    pub fn settle(&mut self) -> Result<Settled> {
        let asks = self.asks.as_mut().context("the host has stopped")?;
        asks.write_all(b"settle\n")?;
        asks.flush()?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        serde_json::from_str(&line).context("the host did not settle")
    }

    /// Resident memory in bytes.
    pub fn memory_bytes(&self) -> u64 {
        memory_bytes(&self.proc("status"), "VmRSS").unwrap_or(0)
    }

    /// The most that was ever resident.
    pub fn peak_bytes(&self) -> u64 {
        memory_bytes(&self.proc("status"), "VmHWM").unwrap_or(0)
    }

    /// Processor time of all threads that run, and of the one that steps.
    pub fn cpu(&self) -> (Duration, Duration) {
        let (mut all, mut step) = (Duration::ZERO, Duration::ZERO);
        for thread in fs::read_dir(self.proc("task"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let spent = spent(&thread.path()).unwrap_or_default();
            let name = fs::read_to_string(thread.path().join("comm")).unwrap_or_default();
            all += spent;
            if name.trim() == "step" {
                step += spent;
            }
        }
        (all, step)
    }

    /// Ends it in order.
    pub fn stop(mut self) -> Result<()> {
        drop(self.asks.take());
        let ended = self.child.wait()?;
        ensure!(ended.success(), "the host ended with {ended}");
        Ok(())
    }

    fn proc(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.child.id()))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // It has ended already where this fails.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// `schedstat` begins with the nanoseconds on a processor.
fn spent(thread: &Path) -> Option<Duration> {
    let text = fs::read_to_string(thread.join("schedstat")).ok()?;
    let nanoseconds = text.split(' ').next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

/// The child process: a host until standard input ends.
pub fn serve(folder: &Path) -> Result<()> {
    let options = HostOptions {
        project: folder.to_owned(),
        data: None,
        edges: true,
    };
    let host = Host::open(options, &|_| {})?;
    let (stop, stopped) = oneshot::channel::<()>();
    let asked = Arc::clone(&host);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            match settled(&asked) {
                Ok(settled) if line == "settle" => println!("{settled}"),
                Ok(_) => break,
                Err(error) => {
                    eprintln!("{error:#}");
                    break;
                }
            }
        }
        stop.send(()).ok();
    });
    let mut served = Ok(());
    let serving = Arc::clone(&host);
    host.run_until(async {
        served = listen(serving, stopped).await;
    })?;
    served
}

async fn listen(host: Arc<Host>, stopped: oneshot::Receiver<()>) -> Result<()> {
    let server = host.project().server.as_ref().context("no server")?;
    let server = HttpServer::bind(server.listen)?;
    println!("{}", server.address()?);
    let shutdown = async {
        stopped.await.ok();
        Afterwards::Nobody
    };
    server.serve(Arc::clone(&host), shutdown).await?;
    host.stop_edges().await?;
    Ok(())
}

fn settled(host: &Host) -> Result<String> {
    let status = status(host)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    while !runtime.block_on(host.reaches(status.ledger_position))? {}
    let connectors = status.connectors.into_iter();
    Ok(serde_json::to_string(&Settled {
        lag: status
            .ledger_position
            .saturating_sub(status.applied_position),
        waiting: connectors.map(|it| (it.id, it.waiting)).collect(),
    })?)
}

fn status(host: &Host) -> Result<Status> {
    match host.ask(Request::Status, &|_| {})? {
        Reply::Status(status) => Ok(status),
        _ => bail!("another reply"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_projects_are_right() {
        let address: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let text = configuration(&[("crm", address), ("other", address)]);
        let files = [("crosspoint.toml".to_owned(), text)];
        let project = crosspoint_config::parse(&files).unwrap();
        assert_eq!(project.segments.len(), 21);
    }
}
