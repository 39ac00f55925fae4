//! A TCP proxy that disturbs the traffic between a client and a server.

use std::{
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU16, AtomicU64, AtomicUsize, Ordering},
        mpsc as blocking,
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpSocket, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    runtime,
    sync::{mpsc, watch},
    task::yield_now,
    time::sleep,
};

use crate::hold::{HeldRequest, HoldOrder};

/// Bytes that are passed on at a time.
const CHUNK: usize = 16 * 1024;
/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// A TCP proxy on the loopback interface. Its behaviour can be changed while it runs.
///
/// It runs in its own thread, so it works while a test blocks and does not use the test's runtime.
/// It ends when this is dropped. A change is in force when the method that makes it returns.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    orders: mpsc::UnboundedSender<Order>,
    thread: Option<JoinHandle<()>>,
}

/// The behaviour of the proxy towards every connection, old and new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Passes everything.
    Open,
    /// Passes each request after this delay, also if its client has disconnected meanwhile.
    Delay(Duration),
    /// Accepts and reads, and passes nothing in either direction. With the next mode, the bytes of
    /// clients that are still connected pass; those of other clients are lost.
    Stall,
    /// Closes its connections and stops listening, so that connections are refused.
    Refuse,
    /// Closes its connections, and each new one immediately.
    HangUp,
    /// Resets its connections (RST), and each new one immediately.
    Reset,
    /// Cuts every reply.
    Cut(Cut),
}

/// A reply that is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Bytes of the reply that still arrive. With 0, the request was executed and the client gets
    /// no reply.
    pub after: usize,
    /// How the connection ends then.
    pub then: Then,
}

/// How a connection ends after its reply was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It is closed.
    Close,
    /// It is reset (RST).
    Reset,
    /// Nothing is sent on it any more, as if the peer had lost power, until the client closes it.
    Silence,
}

/// Counters of a proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Open client connections.
    pub open: usize,
    /// All client connections so far.
    pub total: usize,
    /// Bytes from clients, passed on or not.
    pub asked: u64,
    /// Bytes of replies that were passed on.
    pub answered: u64,
    /// Replies that were cut.
    pub cuts: u64,
}

/// State that the threads share.
#[derive(Default)]
struct Shared {
    target: AtomicU16,
    open: AtomicUsize,
    total: AtomicUsize,
    asked: AtomicU64,
    answered: AtomicU64,
    cuts: AtomicU64,
    next: Arc<Next>,
    to_hold: Mutex<Vec<HoldOrder>>,
}

/// The next reply to cut, with the words of its request if they select it.
type Next = Mutex<Option<(Cut, Option<Vec<u8>>)>>;

/// A change of behaviour, and the channel that confirms it.
type Order = (Change, blocking::Sender<()>);

enum Change {
    To(Mode),
    Sever,
    End,
}

/// The state that every connection watches.
#[derive(Clone, Copy)]
struct ProxyState {
    mode: Mode,
    /// How often all connections were severed.
    severed: u64,
}

impl ProxyState {
    /// How a connection must end in this state, if it must. `severed` is the count when it began.
    fn ending(self, severed: u64) -> Option<Then> {
        match self.mode {
            Mode::Refuse | Mode::HangUp => Some(Then::Close),
            Mode::Reset => Some(Then::Reset),
            _ => (self.severed != severed).then_some(Then::Reset),
        }
    }
}

impl Proxy {
    /// A proxy on a free port, in front of the port `target`.
    ///
    /// # Errors
    /// There is no free port, no thread, or no runtime.
    pub fn start(target: u16) -> io::Result<Self> {
        Self::sharing(target, Arc::default())
    }

    /// One proxy for each of these ports. They share the order to cut one reply.
    ///
    /// # Errors
    /// Those of [`start`](Self::start).
    pub fn start_all(targets: impl IntoIterator<Item = u16>) -> io::Result<Vec<Self>> {
        let next = Arc::<Next>::default();
        targets.into_iter().map(|target| Self::sharing(target, Arc::clone(&next))).collect()
    }

    fn sharing(target: u16, next: Arc<Next>) -> io::Result<Self> {
        // Bound but not listening: it reserves the port while the proxy refuses connections.
        let reserved = bound(0)?;
        let port = reserved.local_addr()?.port();
        let shared = Arc::new(Shared { target: target.into(), next, ..Shared::default() });
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _entered = runtime.enter();
            listen(port)?
        };
        let (orders, received) = mpsc::unbounded_channel();
        let served = Arc::clone(&shared);
        let thread = thread::Builder::new().name("proxy".to_owned()).spawn(move || {
            runtime.block_on(serve(listener, port, served, received));
            drop(reserved);
        })?;
        Ok(Self { port, shared, orders, thread: Some(thread) })
    }

    /// The port that it listens on.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Changes the mode, for old and new connections.
    pub fn set(&self, mode: Mode) {
        self.order(Change::To(mode));
    }

    /// Resets all current connections. New ones follow the mode.
    pub fn sever(&self) {
        self.order(Change::Sever);
    }

    /// Connects new connections to another port. Current ones stay; see [`sever`](Self::sever).
    pub fn redirect_to(&self, target: u16) {
        self.shared.target.store(target, Ordering::SeqCst);
    }

    /// Cuts the next reply on any connection.
    pub fn cut_next(&self, cut: Cut) {
        *self.shared.next() = Some((cut, None));
    }

    /// Cuts the next reply to a request that contains these bytes.
    pub fn cut_reply_to(&self, words: impl Into<Vec<u8>>, cut: Cut) {
        *self.shared.next() = Some((cut, Some(words.into())));
    }

    /// Holds back the next request that `selects` selects. Its client's connection ends as `then`
    /// says. The bytes, with all others of the same read, reach the server when they are released,
    /// although their client has disconnected.
    ///
    /// `selects` gets each read of client bytes. A request of some kilobytes is one read.
    pub fn hold_next(&self, selects: impl Fn(&[u8]) -> bool + Send + 'static, then: Then) -> HeldRequest {
        let (order, held) = HoldOrder::new(selects, then);
        self.shared.to_hold().push(order);
        held
    }

    /// The counters.
    pub fn traffic(&self) -> Traffic {
        let Shared { open, total, asked, answered, cuts, .. } = &*self.shared;
        Traffic {
            open: open.load(Ordering::SeqCst),
            total: total.load(Ordering::SeqCst),
            asked: asked.load(Ordering::SeqCst),
            answered: answered.load(Ordering::SeqCst),
            cuts: cuts.load(Ordering::SeqCst),
        }
    }

    fn order(&self, change: Change) {
        let (done, is_done) = blocking::channel();
        // Both fail only if the thread has ended, and then nothing is passed on.
        let _ = self.orders.send((change, done));
        let _ = is_done.recv();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.order(Change::End);
        if let Some(thread) = self.thread.take() {
            // The panic of the thread was printed.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("port", &self.port).field("traffic", &self.traffic()).finish_non_exhaustive()
    }
}

impl Shared {
    fn next(&self) -> MutexGuard<'_, Option<(Cut, Option<Vec<u8>>)>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn to_hold(&self) -> MutexGuard<'_, Vec<HoldOrder>> {
        self.to_hold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The order that holds these bytes, if there is one.
    fn held(&self, bytes: &[u8]) -> Option<HoldOrder> {
        let mut orders = self.to_hold();
        orders.retain(|order| !order.is_called_off());
        let place = orders.iter().position(|order| order.means(bytes))?;
        Some(orders.remove(place))
    }
}

/// A socket on a port of the loopback interface (0 for any free one). Others of this kind can share
/// the port.
fn bound(port: u16) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    Ok(socket)
}

fn listen(port: u16) -> io::Result<TcpListener> {
    bound(port)?.listen(BACKLOG)
}

/// Accepts connections and handles orders until the last one.
async fn serve(listener: TcpListener, port: u16, shared: Arc<Shared>, mut orders: mpsc::UnboundedReceiver<Order>) {
    let (states, _) = watch::channel(ProxyState { mode: Mode::Open, severed: 0 });
    let mut listener = Some(listener);
    loop {
        let accepted = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            order = orders.recv() => {
                let Some((change, done)) = order else { return };
                let refuses = match change {
                    Change::To(mode) => {
                        states.send_modify(|state| state.mode = mode);
                        mode == Mode::Refuse
                    }
                    Change::Sever => {
                        states.send_modify(|state| state.severed += 1);
                        listener.is_none()
                    }
                    Change::End => return,
                };
                if refuses {
                    listener = None;
                } else if listener.is_none() {
                    listener = listen(port).ok();
                }
                let state = *states.borrow();
                let ends_all = matches!(change, Change::Sever) || state.ending(state.severed).is_some();
                // No connection is accepted meanwhile.
                while ends_all && shared.open.load(Ordering::SeqCst) > 0 {
                    yield_now().await;
                }
                let _ = done.send(());
            }
            accepted = accepted => {
                let Ok((client, _)) = accepted else { continue };
                shared.total.fetch_add(1, Ordering::SeqCst);
                shared.open.fetch_add(1, Ordering::SeqCst);
                let (shared, states) = (Arc::clone(&shared), states.subscribe());
                let severed = states.borrow().severed;
                tokio::spawn(async move {
                    connection(client, &shared, states, severed).await;
                    shared.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        }
    }
}

/// Serves one connection to its end. `severed` is the count when it began.
async fn connection(mut client: TcpStream, shared: &Shared, states: watch::Receiver<ProxyState>, severed: u64) {
    let mut watched = states.clone();
    let ending = tokio::select! {
        biased;
        state = watched.wait_for(|state| state.ending(severed).is_some()) => {
            state.ok().and_then(|state| state.ending(severed))
        }
        then = between(&mut client, shared, states) => Some(then),
    };
    if ending == Some(Then::Reset) {
        // If it fails, the connection has ended already.
        let _ = client.set_zero_linger();
    }
}

/// Passes bytes between client and server until one of them ends.
async fn between(client: &mut TcpStream, shared: &Shared, states: watch::Receiver<ProxyState>) -> Then {
    let target = shared.target.load(Ordering::SeqCst);
    let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await else { return Then::Reset };
    // A failure only makes it slower.
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let directions = Directions { shared, silent: AtomicBool::new(false), heard: AtomicBool::new(false) };
    let end = tokio::select! {
        end = directions.requests(from_client, to_server, states.clone()) => end,
        then = directions.replies(from_server, to_client, states) => End::Over(then),
    };
    match end {
        End::Over(then) => then,
        End::Held(order, bytes) => {
            let then = order.then;
            tokio::spawn(order.keep(server, bytes));
            if then == Then::Silence {
                // The client closes it.
                let mut chunk = vec![0; CHUNK];
                while let Ok(1..) = client.read(&mut chunk).await {}
            }
            then
        }
    }
}

/// How a connection ends.
enum End {
    Over(Then),
    /// The last bytes of the client are held.
    Held(HoldOrder, Vec<u8>),
}

/// State that the two directions of a connection share.
struct Directions<'a> {
    shared: &'a Shared,
    /// Nothing is passed on any more.
    silent: AtomicBool,
    /// The request that selects the reply to cut has been passed on.
    heard: AtomicBool,
}

impl Directions<'_> {
    async fn requests(
        &self,
        mut client: ReadHalf<'_>,
        mut server: WriteHalf<'_>,
        mut states: watch::Receiver<ProxyState>,
    ) -> End {
        let mut chunk = vec![0; CHUNK];
        let mut held = Vec::new();
        // The last bytes that were passed on: a match may span two reads.
        let mut before = Vec::new();
        loop {
            tokio::select! {
                read = client.read(&mut chunk) => match read {
                    Ok(count @ 1..) => {
                        self.shared.asked.fetch_add(count as u64, Ordering::SeqCst);
                        held.extend(chunk.iter().take(count));
                    }
                    _ => return End::Over(Then::Close),
                },
                changed = states.changed(), if !held.is_empty() => if changed.is_err() { return End::Over(Then::Close) },
            }
            let mode = states.borrow_and_update().mode;
            if self.silent.load(Ordering::SeqCst) {
                held.clear();
            }
            if mode == Mode::Stall || held.is_empty() {
                continue;
            }
            if let Some(order) = self.shared.held(&held) {
                return End::Held(order, held);
            }
            if let Mode::Delay(span) = mode {
                sleep(span).await;
            }
            self.listen_for_words(&mut before, &held);
            if server.write_all(&held).await.is_err() {
                return End::Over(Then::Close);
            }
            held.clear();
        }
    }

    /// Records whether the request that selects the reply to cut was made.
    fn listen_for_words(&self, before: &mut Vec<u8>, held: &[u8]) {
        if let Some((_, Some(words))) = &*self.shared.next() {
            before.extend(held);
            if before.windows(words.len()).any(|window| window == words) {
                self.heard.store(true, Ordering::SeqCst);
            }
            before.drain(..before.len().saturating_sub(words.len()));
        }
    }

    async fn replies(
        &self,
        mut server: ReadHalf<'_>,
        mut client: WriteHalf<'_>,
        mut states: watch::Receiver<ProxyState>,
    ) -> Then {
        let mut chunk = vec![0; CHUNK];
        loop {
            let Ok(count @ 1..) = server.read(&mut chunk).await else { return Then::Close };
            if states.wait_for(|state| state.mode != Mode::Stall).await.is_err() {
                return Then::Close;
            }
            let mode = states.borrow().mode;
            let cut = self.cut(mode);
            let passed = chunk.get(..cut.map_or(count, |cut| cut.after.min(count))).unwrap_or_default();
            if client.write_all(passed).await.is_err() {
                return Then::Close;
            }
            self.shared.answered.fetch_add(passed.len() as u64, Ordering::SeqCst);
            match cut.map(|cut| cut.then) {
                Some(Then::Silence) => {
                    self.silent.store(true, Ordering::SeqCst);
                    // The client closes it.
                    return std::future::pending().await;
                }
                Some(then) => return then,
                None => {}
            }
        }
    }

    /// Whether to cut the current reply, and how.
    fn cut(&self, mode: Mode) -> Option<Cut> {
        let cut = match mode {
            Mode::Cut(cut) => Some(cut),
            _ => self
                .shared
                .next()
                .take_if(|(_, words)| words.is_none() || self.heard.swap(false, Ordering::SeqCst))
                .map(|(cut, _)| cut),
        };
        if cut.is_some() {
            self.shared.cuts.fetch_add(1, Ordering::SeqCst);
        }
        cut
    }
}
