//! Network faults, for every server: its connections run through proxies, one for each instance.

use std::{io, sync::Arc, time::Duration};

use okibi_servers::{Cut, Mode, Proxy, Then};
use tokio::time::sleep;

use super::late::LateWrites;
use crate::{
    backend::{BoxFuture, Failure, Fault},
    random::Random,
};

/// Number of instances.
pub(super) const INSTANCES: usize = 4;
/// Number of instances, from the first, with clients that close a silent connection. Those of Node
/// wait as long as the operating system does.
pub(super) const ALERT: usize = 2;

/// A proxy for each instance, in front of one port.
pub(super) struct Network(Arc<Vec<Proxy>>);

/// A disturbance of connections.
struct Disturbance {
    name: &'static str,
    proxies: Arc<Vec<Proxy>>,
    mode: Draw,
}

/// Draws the disturbance of an instance's connections. Whether it may be silence depends on the
/// instance.
type Draw = fn(&mut Random, bool) -> Mode;

impl Network {
    pub(super) fn in_front_of(port: u16) -> io::Result<Self> {
        (0..INSTANCES)
            .map(|_| Proxy::start(port))
            .collect::<io::Result<Vec<_>>>()
            .map(|proxies| Self(Arc::new(proxies)))
    }

    /// The port by which an instance reaches the server.
    pub(super) fn port(&self, instance: usize) -> u16 {
        self.0.get(instance % self.0.len().max(1)).map_or(0, Proxy::port)
    }

    /// Connects new connections to another port, and resets the current ones.
    pub(super) fn redirect_to(&self, port: u16) {
        for proxy in self.0.iter() {
            proxy.redirect_to(port);
            proxy.sever();
        }
    }

    /// All faults of proxies.
    pub(super) fn faults(&self) -> Vec<Box<dyn Fault>> {
        let modes: [(&'static str, Draw); 5] = [
            ("delay", |random, _| Mode::Delay(random.millis(50..700))),
            ("stall", |_, _| Mode::Stall),
            ("refuse", |_, _| Mode::Refuse),
            ("reset", |_, _| Mode::Reset),
            ("cut", |random, may_fall_silent| Mode::Cut(cut(random, may_fall_silent))),
        ];
        let disturb =
            |(name, mode)| -> Box<dyn Fault> { Box::new(Disturbance { name, proxies: Arc::clone(&self.0), mode }) };
        let lossy: Box<dyn Fault> = Box::new(LostReplies(Arc::clone(&self.0)));
        let late: Box<dyn Fault> = Box::new(LateWrites { proxies: Arc::clone(&self.0), alert: ALERT });
        modes.into_iter().map(disturb).chain([lossy, late]).collect()
    }
}

/// Single replies are lost while all other traffic passes: the request was executed, and its client
/// gets no reply.
struct LostReplies(Arc<Vec<Proxy>>);

impl Fault for LostReplies {
    fn name(&self) -> &'static str {
        "lose-replies"
    }

    fn inject<'a>(&'a self, random: &'a mut Random) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async {
            for _ in 0..20 + random.index(40) {
                let place = random.index(self.0.len());
                let Some(proxy) = self.0.get(place) else { break };
                proxy.cut_next(cut(random, place < ALERT));
                sleep(random.millis(10..60)).await;
            }
            Ok(())
        })
    }
}

/// A reply is cut before its first byte or within its first few.
fn cut(random: &mut Random, may_fall_silent: bool) -> Cut {
    let after = if random.chance(60) { 0 } else { 1 + random.index(12) };
    let then = match random.index(3) {
        0 if may_fall_silent => Then::Silence,
        0 | 1 => Then::Reset,
        _ => Then::Close,
    };
    Cut { after, then }
}

impl Fault for Disturbance {
    fn name(&self) -> &'static str {
        self.name
    }

    fn inject<'a>(&'a self, random: &'a mut Random) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async {
            // All connections, or those of one instance, so that the others still work.
            let only = random.chance(60).then(|| random.index(self.proxies.len()));
            let chosen = || self.proxies.iter().enumerate().filter(|(place, _)| only.is_none_or(|only| only == *place));
            let is_alert = only.is_some_and(|only| only < ALERT);
            let (mode, span) = ((self.mode)(random, is_alert), random.millis(200..1300));
            chosen().for_each(|(_, proxy)| proxy.set(mode));
            sleep(span).await;
            chosen().for_each(|(_, proxy)| proxy.set(Mode::Open));
            sleep(Duration::from_millis(50)).await;
            Ok(())
        })
    }
}
