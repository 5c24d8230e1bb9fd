//! Where a running host is reached: its admin socket and its HTTP address. They stay open while
//! one host follows another, so that who calls meanwhile waits and is not refused.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use crosspoint_api::{Afterwards, HttpServer, Listener};
use crosspoint_config::Project;
use crosspoint_runtime::{Finding, Host};
use tokio::sync::oneshot;

use crate::signals::{Signals, Wish};

/// How a host's time ends.
pub enum Turn {
    /// For good.
    Stop,
    /// Another host follows, with these files.
    Reload(Vec<(String, String)>),
}

/// The open doors.
#[derive(Default)]
pub struct Doors {
    admin: Option<Arc<Listener>>,
    http: Option<Arc<HttpServer>>,
    /// Bound for the host that follows, where that listens elsewhere.
    next: Option<Arc<HttpServer>>,
    /// Who answers HTTP where this host does, once it no longer does.
    afterwards: Option<Afterwards>,
}

impl Doors {
    /// Lets callers in until a signal ends the host's time and everything under way is answered.
    pub async fn attend(
        &mut self,
        host: &Arc<Host>,
        signals: &mut Signals,
        when_ready: impl FnOnce(),
    ) -> Result<Turn> {
        self.open_for(host)?;
        let (stop_admin, admin_stopped) = oneshot::channel::<()>();
        let (stop_http, http_stopped) = oneshot::channel();
        let admin = self.admin.clone().map(|door| {
            let answers = Arc::clone(host);
            tokio::spawn(async move {
                door.serve(answers, async {
                    admin_stopped.await.ok();
                })
                .await
            })
        });
        let http = self.http.clone().map(|door| {
            let host = Arc::clone(host);
            tokio::spawn(async move {
                let stopped = async { http_stopped.await.unwrap_or(Afterwards::Nobody) };
                door.serve(host, stopped).await
            })
        });
        when_ready();
        let turn = self.wait(host, signals).await;
        let afterwards = match turn {
            Turn::Stop => Afterwards::Nobody,
            Turn::Reload(_) => self.afterwards.unwrap_or(Afterwards::Nobody),
        };
        let end_admin = async {
            stop_admin.send(()).ok();
            match admin {
                Some(admin) => admin.await?,
                None => Ok(()),
            }
        };
        let end_http = async {
            stop_http.send(afterwards).ok();
            match http {
                Some(http) => http.await?,
                None => Ok(()),
            }
        };
        match &turn {
            Turn::Stop => {
                end_http.await?;
                host.stop_edges().await?;
                end_admin.await?;
            }
            // What takes long goes first: meanwhile calls are answered.
            Turn::Reload(_) => {
                host.stop_edges().await?;
                end_admin.await?;
                end_http.await?;
            }
        }
        Ok(turn)
    }

    /// Opens what this host has and the one before had not, and closes what it has no more.
    fn open_for(&mut self, host: &Host) -> Result<()> {
        if self.admin.is_none() {
            self.admin = Some(Arc::new(Listener::bind(&host.socket_path())?));
        }
        let wanted = address(host.project());
        let bound = [self.next.take(), self.http.take()];
        self.http = bound
            .into_iter()
            .flatten()
            .find(|door| Some(door.configured()) == wanted);
        if let Some(wanted) = wanted
            && self.http.is_none()
        {
            self.http = Some(Arc::new(HttpServer::bind(wanted)?));
        }
        if let Some(http) = &self.http {
            let encrypted = host.tls().is_some();
            tracing::info!(address = %http.address()?, encrypted, "listening for HTTP");
        }
        Ok(())
    }

    /// Waits until the host's time ends. What cannot be reloaded is logged, and the host goes on.
    async fn wait(&mut self, host: &Arc<Host>, signals: &mut Signals) -> Turn {
        loop {
            match signals.next().await {
                Wish::Stop => {
                    tracing::info!("stopping");
                    return Turn::Stop;
                }
                Wish::Reload => match self.prepare(host).await {
                    Ok(files) => {
                        tracing::info!("reloading");
                        return Turn::Reload(files);
                    }
                    Err(error) => {
                        let error = format!("{error:#}");
                        tracing::error!(error, "did not reload; the host goes on as it was");
                    }
                },
            }
        }
    }

    /// Reads and checks the configuration as it is written now, and binds where it listens.
    async fn prepare(&mut self, host: &Arc<Host>) -> Result<Vec<(String, String)>> {
        let reader = Arc::clone(host);
        let read = tokio::task::spawn_blocking(move || reader.read_again());
        let (files, findings) = read.await?;
        for finding in &findings {
            tell(finding);
        }
        let errors = findings.iter().filter(|finding| finding.is_error).count();
        if errors > 0 {
            anyhow::bail!("the configuration has {errors} errors");
        }
        let project = crosspoint_config::parse(&files)
            .map_err(|_| anyhow::anyhow!("the configuration has errors"))?;
        if project.telemetry.otlp != host.project().telemetry.otlp {
            tracing::warn!("`otlp` in `[telemetry]` takes effect at the next start");
        }
        let open = self.http.as_ref().map(|door| door.configured());
        let wanted = address(&project);
        self.next = match wanted {
            Some(wanted) if open != Some(wanted) => Some(Arc::new(HttpServer::bind(wanted)?)),
            _ => None,
        };
        self.afterwards = (open == wanted).then_some(Afterwards::AnotherHost);
        Ok(files)
    }
}

fn address(project: &Project) -> Option<SocketAddr> {
    project.server.as_ref().map(|server| server.listen)
}

fn tell(finding: &Finding) {
    let place = match (&finding.file, finding.line) {
        (Some(file), Some(line)) => format!("{file}:{line}"),
        (Some(file), None) => file.clone(),
        _ => String::new(),
    };
    let (code, message) = (&*finding.code, &*finding.message);
    match finding.is_error {
        true => tracing::error!(code, place, "{message}"),
        false => tracing::warn!(code, place, "{message}"),
    }
}
