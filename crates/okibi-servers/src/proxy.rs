//! What stands between a client and a server, and disturbs what they say to each other.

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

use crate::held::{self, Held};

/// How much is passed on at a time.
const CHUNK: usize = 16 * 1024;
/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// A TCP proxy on the loopback interface whose behaviour can be changed while it runs.
///
/// It runs in a thread of its own, so that it goes on while a test blocks, and adds none to a runtime of the test. All is over
/// when it is dropped. A change is in force when the method that makes it returns.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    orders: mpsc::UnboundedSender<Order>,
    thread: Option<JoinHandle<()>>,
}

/// What the proxy does, from now on, to every connection, old and new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Passes everything on.
    Open,
    /// Passes each request on that much later; also one whose client has gone meanwhile.
    Delay(Duration),
    /// Accepts and reads, and passes nothing on in either direction. What a client that is still there has said goes on with
    /// the next mode; what others have said is lost.
    Stall,
    /// Closes its connections and does not listen: who connects is refused.
    Refuse,
    /// Closes its connections, and each new one at once.
    HangUp,
    /// Resets its connections (RST), and each new one at once.
    Reset,
    /// Cuts every reply.
    Cut(Cut),
}

/// A reply that is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// How many bytes of it still arrive. None: the request was carried out, and nobody heard of it.
    pub after: usize,
    /// What becomes of the connection then.
    pub then: Then,
}

/// What becomes of a connection whose reply was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It is closed.
    Close,
    /// It is reset (RST).
    Reset,
    /// Nothing is heard on it any more, as if the other side had lost its power, until the client closes it.
    Silence,
}

/// What has gone through a proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Connections of clients that are open now.
    pub open: usize,
    /// Connections of clients so far.
    pub total: usize,
    /// Bytes that clients have sent, whether or not they were passed on.
    pub asked: u64,
    /// Bytes of replies that were passed on.
    pub answered: u64,
    /// Replies that were cut.
    pub cuts: u64,
}

/// What the threads share.
#[derive(Default)]
struct Shared {
    target: AtomicU16,
    open: AtomicUsize,
    total: AtomicUsize,
    asked: AtomicU64,
    answered: AtomicU64,
    cuts: AtomicU64,
    next: Arc<Next>,
    to_hold: Mutex<Vec<held::Order>>,
}

/// The one reply that is to be cut, and the words of the request that it answers, if any.
type Next = Mutex<Option<(Cut, Option<Vec<u8>>)>>;

/// A change of the proxy's behaviour, and where to say that it is in force.
type Order = (Change, blocking::Sender<()>);

enum Change {
    To(Mode),
    Sever,
    End,
}

/// What every connection watches.
#[derive(Clone, Copy)]
struct State {
    mode: Mode,
    /// How often all connections have been severed.
    severed: u64,
}

impl State {
    /// How a connection that is there in this state ends, if it has to. `severed` is the count at its beginning.
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
    /// No port, no thread, or no runtime to be had.
    pub fn start(target: u16) -> io::Result<Self> {
        Self::sharing(target, Arc::default())
    }

    /// A proxy in front of each of these ports. One reply is cut if any of them is told to cut one.
    ///
    /// # Errors
    /// As those of [`start`](Self::start).
    pub fn start_all(targets: impl IntoIterator<Item = u16>) -> io::Result<Vec<Self>> {
        let next = Arc::<Next>::default();
        targets.into_iter().map(|target| Self::sharing(target, Arc::clone(&next))).collect()
    }

    fn sharing(target: u16, next: Arc<Next>) -> io::Result<Self> {
        // Bound, but not listening: it keeps the port for this proxy while that refuses.
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

    /// Changes what it does, for connections old and new.
    pub fn set(&self, mode: Mode) {
        self.order(Change::To(mode));
    }

    /// Resets all connections of now; new ones are as the mode says.
    pub fn sever(&self) {
        self.order(Change::Sever);
    }

    /// New connections go to another port. Those of now stay where they are; see [`sever`](Self::sever).
    pub fn lead_to(&self, target: u16) {
        self.shared.target.store(target, Ordering::SeqCst);
    }

    /// Cuts the next reply, on whichever connection it comes.
    pub fn cut_next(&self, cut: Cut) {
        *self.shared.next() = Some((cut, None));
    }

    /// Cuts the next reply to a request that has these words in it.
    pub fn cut_reply_to(&self, words: impl Into<Vec<u8>>, cut: Cut) {
        *self.shared.next() = Some((cut, Some(words.into())));
    }

    /// Holds back the next request that is meant: its client sees the connection end as `then` says, and the bytes, with all
    /// that had come together with them, reach the server when they are let go, although their client has gone.
    ///
    /// `is_meant` is asked for each piece of what clients say, as it comes; a request of some kilobytes comes in one.
    pub fn hold_next(&self, is_meant: impl Fn(&[u8]) -> bool + Send + 'static, then: Then) -> Held {
        let (order, held) = held::Order::new(is_meant, then);
        self.shared.to_hold().push(order);
        held
    }

    /// What has gone through so far.
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
        // Both fail only if the thread is gone, and then nothing is passed on anyway.
        let _ = self.orders.send((change, done));
        let _ = is_done.recv();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.order(Change::End);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been printed.
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

    fn to_hold(&self) -> MutexGuard<'_, Vec<held::Order>> {
        self.to_hold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The order to hold these bytes back, if there is one.
    fn held(&self, bytes: &[u8]) -> Option<held::Order> {
        let mut orders = self.to_hold();
        orders.retain(|order| !order.is_called_off());
        let place = orders.iter().position(|order| order.means(bytes))?;
        Some(orders.remove(place))
    }
}

/// A socket on a port of the loopback interface, 0 for any, which others of this kind can share.
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

/// Accepts connections and carries out orders until the last one.
async fn serve(listener: TcpListener, port: u16, shared: Arc<Shared>, mut orders: mpsc::UnboundedReceiver<Order>) {
    let (states, _) = watch::channel(State { mode: Mode::Open, severed: 0 });
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
                // None is accepted meanwhile.
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

/// One connection from its beginning, when all had been `severed` so often, to its end.
async fn connection(mut client: TcpStream, shared: &Shared, states: watch::Receiver<State>, severed: u64) {
    let mut watched = states.clone();
    let ending = tokio::select! {
        biased;
        state = watched.wait_for(|state| state.ending(severed).is_some()) => {
            state.ok().and_then(|state| state.ending(severed))
        }
        then = between(&mut client, shared, states) => Some(then),
    };
    if ending == Some(Then::Reset) {
        // If it fails, the connection is over already.
        let _ = client.set_zero_linger();
    }
}

/// Passes on what the two sides say until one of them ends.
async fn between(client: &mut TcpStream, shared: &Shared, states: watch::Receiver<State>) -> Then {
    let target = shared.target.load(Ordering::SeqCst);
    let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await else { return Then::Reset };
    // A failure only makes it slower.
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let line = Line { shared, silent: AtomicBool::new(false), heard: AtomicBool::new(false) };
    let end = tokio::select! {
        end = line.requests(from_client, to_server, states.clone()) => end,
        then = line.replies(from_server, to_client, states) => End::Over(then),
    };
    match end {
        End::Over(then) => then,
        End::Held(order, bytes) => {
            let then = order.then;
            tokio::spawn(order.keep(server, bytes));
            if then == Then::Silence {
                // The client ends it.
                let mut chunk = vec![0; CHUNK];
                while let Ok(1..) = client.read(&mut chunk).await {}
            }
            then
        }
    }
}

/// How what two sides say to each other ends.
enum End {
    Over(Then),
    /// What the client said last is held back.
    Held(held::Order, Vec<u8>),
}

/// What the two directions of a connection know of each other.
struct Line<'a> {
    shared: &'a Shared,
    /// Nothing is passed on any more.
    silent: AtomicBool,
    /// The request whose reply is to be cut has been passed on.
    heard: AtomicBool,
}

impl Line<'_> {
    async fn requests(
        &self,
        mut client: ReadHalf<'_>,
        mut server: WriteHalf<'_>,
        mut states: watch::Receiver<State>,
    ) -> End {
        let mut chunk = vec![0; CHUNK];
        let mut held = Vec::new();
        // The end of what was passed on last: words may be torn between two chunks.
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

    /// Notes whether the request has been made whose reply is to be cut.
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
        mut states: watch::Receiver<State>,
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
                    // The client ends it.
                    return std::future::pending().await;
                }
                Some(then) => return then,
                None => {}
            }
        }
    }

    /// Whether the reply that has come is to be cut, and how.
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
