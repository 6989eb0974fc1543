//! Both simulated systems over real HTTP/1.1 on loopback, each on a port of its own, and a third port to look inside and
//! to interfere.

mod admin;
mod http;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::http::{HttpRequest, TICK, serve};
use super::gateway::Gateway;
use super::procurement::{Call, Procurement};
use super::wire::Reply;
use super::world::{Addresses, Expected, Play, World};

/// Where and how to serve.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerOptions {
    /// Port of the gateway; 0 takes any.
    pub gateway_port: u16,
    /// Port of JAGGAER; 0 takes any.
    pub jaggaer_port: u16,
    /// Port of the interface to look inside; 0 takes any.
    pub admin_port: u16,
    /// Invoices arrive over some seconds rather than being there from the start.
    pub trickle: bool,
    /// Each answer of the gateway takes at least so long, if more than the world says.
    pub gateway_latency: Duration,
    /// Each answer of JAGGAER takes at least so long, if more than the world says.
    pub jaggaer_latency: Duration,
}

/// Both systems and what is played on them.
#[derive(Debug)]
pub struct Stage {
    /// Intacct.
    pub gateway: Gateway,
    /// JAGGAER.
    pub procurement: Procurement,
    /// What happens by itself.
    pub play: Play,
    /// What must come out.
    pub expected: Expected,
}

impl Stage {
    /// Lets everything happen that is due.
    pub fn step(&mut self, now: Timestamp) {
        self.gateway.tick(now);
        self.play.step(now, &mut self.gateway, &mut self.procurement);
    }
}

/// Both systems, serving.
#[derive(Debug)]
pub struct Simulators {
    /// Base of JAGGAER's interface, such as `http://127.0.0.1:40001/j1p/api/public`.
    pub jaggaer_base: String,
    /// Address for tokens.
    pub token_url: String,
    /// Issuer for discovery.
    pub issuer: String,
    /// Address of the gateway.
    pub gateway_url: String,
    /// Base of the interface to look inside.
    pub admin_url: String,
    stage: Arc<Mutex<Stage>>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// What the interface to look inside says of where things are.
#[derive(Clone, Debug, Serialize)]
struct Where {
    jaggaer_base: String,
    token_url: String,
    issuer: String,
    gateway_url: String,
}

fn lock(stage: &Mutex<Stage>) -> MutexGuard<'_, Stage> {
    stage.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The shells are the only part of the simulators that looks at a clock.
fn clock() -> Timestamp {
    Timestamp::now()
}

impl Simulators {
    /// Starts both systems with this world.
    ///
    /// # Errors
    /// A port cannot be had.
    pub async fn start(world: &World, options: &ServerOptions) -> io::Result<Simulators> {
        let now = clock();
        let (gateway, procurement, play) = world.open(now, options.trickle);
        let stage = Arc::new(Mutex::new(Stage { gateway, procurement, play, expected: world.expected.clone() }));
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();

        let for_gateway = Arc::clone(&stage);
        let handler = Arc::new(move |request: &HttpRequest| post_to_gateway(&for_gateway, request));
        let gateway_at = serve(options.gateway_port, handler, stop.clone(), &tasks).await?;

        let for_jaggaer = Arc::clone(&stage);
        let handler = Arc::new(move |request: &HttpRequest| call_jaggaer(&for_jaggaer, request));
        let jaggaer_at = serve(options.jaggaer_port, handler, stop.clone(), &tasks).await?;

        let (jaggaer_base, token_url, issuer, gateway_url) = {
            let mut stage = lock(&stage);
            let origin = format!("http://{jaggaer_at}");
            let gateway_url = format!("http://{gateway_at}{}", stage.gateway.options().path);
            let settings = stage.gateway.options_mut();
            settings.endpoint.clone_from(&gateway_url);
            settings.latency = settings.latency.max(options.gateway_latency);
            let settings = stage.procurement.options_mut();
            settings.origin.clone_from(&origin);
            settings.latency = settings.latency.max(options.jaggaer_latency);
            let issuer = format!("{origin}{}", settings.realm_path);
            (
                format!("{origin}{}", settings.base_path),
                format!("{issuer}/protocol/openid-connect/token"),
                issuer,
                gateway_url,
            )
        };

        let for_admin = Arc::clone(&stage);
        let addresses = Where {
            jaggaer_base: jaggaer_base.clone(),
            token_url: token_url.clone(),
            issuer: issuer.clone(),
            gateway_url: gateway_url.clone(),
        };
        let handler = Arc::new(move |request: &HttpRequest| admin::answer(&for_admin, &addresses, request));
        let admin_at = serve(options.admin_port, handler, stop.clone(), &tasks).await?;

        let (for_time, stopped) = (Arc::clone(&stage), stop.clone());
        tasks.spawn(async move {
            loop {
                tokio::select! {
                    () = stopped.cancelled() => break,
                    () = tokio::time::sleep(TICK) => lock(&for_time).step(clock()),
                }
            }
        });
        let admin_url = format!("http://{admin_at}");
        Ok(Simulators { jaggaer_base, token_url, issuer, gateway_url, admin_url, stage, stop, tasks })
    }

    /// Where things are, for [`World::files`].
    pub fn addresses(&self) -> Addresses {
        Addresses {
            jaggaer_base: self.jaggaer_base.clone(),
            issuer: self.issuer.clone(),
            gateway_url: self.gateway_url.clone(),
        }
    }

    /// Looks at, or interferes with, what stands behind the sockets. Nobody is answered meanwhile.
    pub fn with<T>(&self, look: impl FnOnce(&mut Stage) -> T) -> T {
        let mut stage = lock(&self.stage);
        stage.step(clock());
        look(&mut stage)
    }

    /// Stops serving; open connections are closed.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Simulators {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn post_to_gateway(stage: &Mutex<Stage>, request: &HttpRequest) -> Reply {
    if request.method != "POST" {
        return Reply::html(405, "405 Not Allowed").with_header("Allow", "POST");
    }
    let content_type = request.header("content-type").unwrap_or_default();
    let mut stage = lock(stage);
    let now = clock();
    let reply = stage.gateway.handle(now, &request.target, content_type, &request.body);
    stage.step(now);
    reply
}

fn call_jaggaer(stage: &Mutex<Stage>, request: &HttpRequest) -> Reply {
    let mut stage = lock(stage);
    let now = clock();
    stage.step(now);
    stage.procurement.handle(
        now,
        &Call {
            method: &request.method,
            target: &request.target,
            authorization: request.header("authorization"),
            content_type: request.header("content-type").unwrap_or_default(),
            body: &request.body,
        },
    )
}
