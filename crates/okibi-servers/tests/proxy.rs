//! The proxy disturbs what it is told to, and nothing else.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{
    io::{self, ErrorKind, Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use okibi_servers::{Cut, Mode, Proxy, Then, Traffic};

/// Long enough for whatever should happen.
const LONG: Duration = Duration::from_mins(2);
/// Long enough for what should not happen to be noticed.
const SHORT: Duration = Duration::from_millis(150);

/// A server that answers each request with the same in capitals, and tells what it heard.
struct Echo {
    port: u16,
    heard: Receiver<String>,
}

impl Echo {
    fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, heard) = channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, sender): (TcpStream, Sender<String>) = (stream.unwrap(), sender.clone());
                thread::spawn(move || {
                    let mut bytes = [0; 1024];
                    while let Ok(count @ 1..) = stream.read(&mut bytes) {
                        let said = String::from_utf8_lossy(&bytes[..count]).into_owned();
                        sender.send(said.clone()).unwrap();
                        if stream.write_all(said.to_uppercase().as_bytes()).is_err() {
                            break;
                        }
                    }
                });
            }
        });
        Self { port, heard }
    }

    fn hears(&self) -> String {
        self.heard.recv_timeout(LONG).unwrap()
    }
}

struct Client(TcpStream);

impl Client {
    fn of(proxy: &Proxy) -> Self {
        Self::try_of(proxy).unwrap()
    }

    fn try_of(proxy: &Proxy) -> io::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port()))?;
        stream.set_read_timeout(Some(LONG))?;
        Ok(Self(stream))
    }

    fn says(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).unwrap();
    }

    /// The next bytes; "" after the peer has closed.
    fn hears(&mut self) -> io::Result<String> {
        let mut bytes = [0; 1024];
        let count = self.0.read(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes[..count]).into_owned())
    }

    fn asks(&mut self, text: &str) -> io::Result<String> {
        self.says(text);
        self.hears()
    }

    fn hears_nothing(&mut self) {
        self.0.set_read_timeout(Some(SHORT)).unwrap();
        assert_eq!(self.hears().unwrap_err().kind(), ErrorKind::WouldBlock);
        self.0.set_read_timeout(Some(LONG)).unwrap();
    }

    #[track_caller]
    fn is_reset(&mut self) {
        assert_eq!(self.hears().unwrap_err().kind(), ErrorKind::ConnectionReset);
    }

    #[track_caller]
    fn is_closed(&mut self) {
        assert_eq!(self.hears().unwrap(), "");
    }
}

fn cut(after: usize, then: Then) -> Cut {
    Cut { after, then }
}

/// Waits until the proxy has this many open connections.
#[track_caller]
fn settles(proxy: &Proxy, open: usize) {
    let begun = Instant::now();
    while proxy.traffic().open != open {
        assert!(begun.elapsed() < LONG, "{proxy:?} should have {open}");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn open_passes_everything_on_and_counts() {
    let echo = Echo::start();
    let proxy = Proxy::start(echo.port).unwrap();
    let mut client = Client::of(&proxy);
    assert_eq!(client.asks("hello").unwrap(), "HELLO");
    assert_eq!(Client::of(&proxy).asks("you").unwrap(), "YOU");
    settles(&proxy, 1);
    assert_eq!(proxy.traffic(), Traffic { open: 1, total: 2, asked: 8, answered: 8, cuts: 0 });
    drop(client);
    settles(&proxy, 0);
}

#[test]
fn large_messages_arrive_whole() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let proxy = Proxy::start(listener.local_addr().unwrap().port()).unwrap();
    let sent: Vec<u8> = (0..3_000_000_u32).map(|at| at.to_le_bytes()[1]).collect();
    let mut client = Client::of(&proxy);
    let (mut server, _) = listener.accept().unwrap();
    let expected = sent.clone();
    let reading = thread::spawn(move || {
        let mut read = Vec::new();
        server.read_to_end(&mut read).unwrap();
        assert_eq!(read, expected);
    });
    client.0.write_all(&sent).unwrap();
    drop(client);
    reading.join().unwrap();
}

#[test]
fn delay_passes_requests_on_later_also_those_of_who_has_gone() {
    let echo = Echo::start();
    let proxy = Proxy::start(echo.port).unwrap();
    let mut client = Client::of(&proxy);
    proxy.set(Mode::Delay(SHORT));
    let begun = Instant::now();
    assert_eq!(client.asks("late").unwrap(), "LATE");
    assert!(begun.elapsed() >= SHORT);
    client.says("left");
    drop(client);
    assert_eq!((echo.hears(), echo.hears()), ("late".to_owned(), "left".to_owned()));
    settles(&proxy, 0);
}

#[test]
fn stall_answers_nothing_and_goes_on_afterwards() {
    let echo = Echo::start();
    let proxy = Proxy::start(echo.port).unwrap();
    let mut old = Client::of(&proxy);
    assert_eq!(old.asks("a").unwrap(), "A");
    proxy.set(Mode::Stall);
    let mut new = Client::of(&proxy);
    let mut gone = Client::of(&proxy);
    for client in [&mut old, &mut new, &mut gone] {
        client.says("b");
        client.hears_nothing();
    }
    drop(gone);
    settles(&proxy, 2);
    assert_eq!(echo.hears(), "a");
    assert!(echo.heard.try_recv().is_err(), "nothing reaches the server");
    proxy.set(Mode::Open);
    assert_eq!((old.hears().unwrap(), new.hears().unwrap()), ("B".to_owned(), "B".to_owned()));
    assert_eq!((echo.hears(), echo.hears()), ("b".to_owned(), "b".to_owned()));
    assert!(echo.heard.try_recv().is_err(), "the bytes of a disconnected client are lost");
}

#[test]
fn stall_keeps_an_answer_that_is_under_way() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let proxy = Proxy::start(listener.local_addr().unwrap().port()).unwrap();
    let mut client = Client::of(&proxy);
    client.says("x");
    let (mut server, _) = listener.accept().unwrap();
    server.read_exact(&mut [0]).unwrap();
    proxy.set(Mode::Stall);
    server.write_all(b"kept").unwrap();
    client.hears_nothing();
    proxy.set(Mode::Open);
    assert_eq!(client.hears().unwrap(), "kept");
}

#[test]
fn refuse_closes_and_lets_nobody_in_until_it_opens_again() {
    let echo = Echo::start();
    let proxy = Proxy::start(echo.port).unwrap();
    let mut client = Client::of(&proxy);
    assert_eq!(client.asks("a").unwrap(), "A");
    for _ in 0..3 {
        proxy.set(Mode::Refuse);
        client.is_closed();
        assert_eq!(proxy.traffic().open, 0);
        assert_eq!(Client::try_of(&proxy).map(drop).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        proxy.set(Mode::Open);
        client = Client::of(&proxy);
        assert_eq!(client.asks("b").unwrap(), "B");
    }
}

#[test]
fn hanging_up_and_resetting_end_old_and_new_connections() {
    let echo = Echo::start();
    let proxy = Proxy::start(echo.port).unwrap();
    let mut client = Client::of(&proxy);
    assert_eq!(client.asks("a").unwrap(), "A");
    proxy.set(Mode::HangUp);
    client.is_closed();
    Client::of(&proxy).is_closed();
    proxy.set(Mode::Open);
    client = Client::of(&proxy);
    assert_eq!(client.asks("b").unwrap(), "B");
    proxy.set(Mode::Reset);
    client.is_reset();
    let mut next = Client::of(&proxy);
    next.is_reset();
    proxy.set(Mode::Open);
    assert_eq!(Client::of(&proxy).asks("c").unwrap(), "C");
}

#[test]
fn every_reply_can_be_cut_and_each_ends_as_told() {
    let echo = Echo::start();
    let proxy = Proxy::start(echo.port).unwrap();
    proxy.set(Mode::Cut(cut(2, Then::Close)));
    let mut client = Client::of(&proxy);
    assert_eq!(client.asks("hello").unwrap(), "HE");
    client.is_closed();
    proxy.set(Mode::Cut(cut(0, Then::Reset)));
    let mut client = Client::of(&proxy);
    client.says("hello");
    client.is_reset();
    proxy.set(Mode::Cut(cut(3, Then::Silence)));
    let mut client = Client::of(&proxy);
    assert_eq!(client.asks("hello").unwrap(), "HEL");
    proxy.set(Mode::Open);
    client.says("anybody there?");
    client.hears_nothing();
    assert_eq!([echo.hears(), echo.hears(), echo.hears()], ["hello"; 3]);
    assert!(echo.heard.try_recv().is_err());
    drop(client);
    settles(&proxy, 0);
    assert_eq!(proxy.traffic().cuts, 3);
}

#[test]
fn the_next_reply_is_lost_once_after_its_request_was_carried_out() {
    let echo = Echo::start();
    let proxy = Proxy::start(echo.port).unwrap();
    let mut client = Client::of(&proxy);
    proxy.cut_next(cut(0, Then::Close));
    client.says("once");
    client.is_closed();
    assert_eq!(echo.hears(), "once");
    assert_eq!(Client::of(&proxy).asks("again").unwrap(), "AGAIN");
    assert_eq!(proxy.traffic().cuts, 1);
}

#[test]
fn only_the_reply_to_the_request_with_the_words_is_cut() {
    let echo = Echo::start();
    let proxy = Proxy::start(echo.port).unwrap();
    let (mut one, mut other) = (Client::of(&proxy), Client::of(&proxy));
    assert_eq!(one.asks("before: wri").unwrap(), "BEFORE: WRI");
    proxy.cut_reply_to("write", cut(0, Then::Reset));
    assert_eq!(one.asks("read wri").unwrap(), "READ WRI");
    assert_eq!(other.asks("te").unwrap(), "TE");
    // Torn between two pieces of one connection.
    one.says("te 1");
    one.is_reset();
    assert_eq!(other.asks("write 2").unwrap(), "WRITE 2");
    assert_eq!(proxy.traffic().cuts, 1);
}

#[test]
fn of_several_proxies_one_cuts() {
    let echo = Echo::start();
    let proxies = Proxy::start_all([echo.port, echo.port]).unwrap();
    proxies[0].cut_reply_to("write", cut(1, Then::Close));
    let mut one = Client::of(&proxies[1]);
    assert_eq!(one.asks("write").unwrap(), "W");
    one.is_closed();
    for proxy in &proxies {
        assert_eq!(Client::of(proxy).asks("write").unwrap(), "WRITE");
    }
    assert_eq!([proxies[0].traffic().cuts, proxies[1].traffic().cuts], [0, 1]);
}

#[tokio::test]
async fn a_request_that_is_held_back_arrives_when_its_client_has_gone() {
    let echo = Echo::start();
    let proxy = Proxy::start(echo.port).unwrap();
    for then in [Then::Reset, Then::Close, Then::Silence] {
        let held = proxy.hold_next(|bytes| bytes.ends_with(b"write"), then);
        let (mut one, mut other) = (Client::of(&proxy), Client::of(&proxy));
        assert_eq!(one.asks("read").unwrap(), "READ");
        one.says("1 write");
        held.caught().await;
        match then {
            Then::Reset => one.is_reset(),
            Then::Close => one.is_closed(),
            Then::Silence => one.hears_nothing(),
        }
        drop(one);
        // Only one is held back, and others come before it.
        assert_eq!(other.asks("2 write").unwrap(), "2 WRITE");
        drop(other);
        settles(&proxy, 0);
        assert_eq!((echo.hears(), echo.hears()), ("read".to_owned(), "2 write".to_owned()));
        assert!(echo.heard.try_recv().is_err(), "it has not arrived yet");
        assert!(held.arrives().await, "the server answers");
        assert_eq!(echo.hears(), "1 write");
    }
}

#[tokio::test]
async fn a_request_that_is_no_longer_held_back_goes_on_or_is_lost() {
    let echo = Echo::start();
    let proxy = Proxy::start(echo.port).unwrap();
    drop(proxy.hold_next(|_| true, Then::Reset));
    assert_eq!(Client::of(&proxy).asks("a").unwrap(), "A");
    let held = proxy.hold_next(|_| true, Then::Reset);
    let mut client = Client::of(&proxy);
    client.says("b");
    client.is_reset();
    drop(held);
    assert_eq!(Client::of(&proxy).asks("c").unwrap(), "C");
    assert_eq!((echo.hears(), echo.hears()), ("a".to_owned(), "c".to_owned()));
    // Neither waits for ever for what will not come.
    let held = proxy.hold_next(|_| true, Then::Reset);
    drop(proxy);
    assert!(!held.arrives().await);
}

#[tokio::test]
async fn a_request_that_is_held_back_for_longer_than_its_server_lives_does_not_arrive() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let proxy = Proxy::start(listener.local_addr().unwrap().port()).unwrap();
    let held = proxy.hold_next(|_| true, Then::Close);
    let mut client = Client::of(&proxy);
    client.says("a");
    client.is_closed();
    held.caught().await;
    drop(listener.accept().unwrap());
    assert!(!held.arrives().await);
}

#[test]
fn severing_ends_connections_and_new_ones_can_lead_elsewhere() {
    let (first, second) = (Echo::start(), Echo::start());
    let proxy = Proxy::start(first.port).unwrap();
    let mut old = Client::of(&proxy);
    assert_eq!(old.asks("a").unwrap(), "A");
    proxy.redirect_to(second.port);
    assert_eq!(old.asks("b").unwrap(), "B");
    proxy.sever();
    old.is_reset();
    assert_eq!(Client::of(&proxy).asks("c").unwrap(), "C");
    assert_eq!((first.hears(), first.hears(), second.hears()), ("a".to_owned(), "b".to_owned(), "c".to_owned()));
}

#[test]
fn a_server_that_is_gone_resets_who_comes() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let proxy = Proxy::start(port).unwrap();
    Client::of(&proxy).is_reset();
}

#[test]
fn changes_hold_while_clients_come_and_go_without_a_pause() {
    let echo = Echo::start();
    let proxy = Arc::new(Proxy::start(echo.port).unwrap());
    let answers = Arc::new(Mutex::new(0));
    let over = Arc::new(Mutex::new(false));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (proxy, answers, over) = (Arc::clone(&proxy), Arc::clone(&answers), Arc::clone(&over));
            thread::spawn(move || {
                while !*over.lock().unwrap() {
                    let Ok(mut client) = Client::try_of(&proxy) else { continue };
                    if client.0.write_all(b"hi").is_ok() && client.hears().is_ok_and(|heard| heard == "HI") {
                        *answers.lock().unwrap() += 1;
                    }
                }
            })
        })
        .collect();
    for _ in 0..50 {
        for mode in [Mode::Open, Mode::Refuse, Mode::Reset, Mode::HangUp, Mode::Cut(cut(1, Then::Reset)), Mode::Open] {
            proxy.set(mode);
            proxy.sever();
        }
        let (before, begun) = (*answers.lock().unwrap(), Instant::now());
        while *answers.lock().unwrap() == before {
            assert!(begun.elapsed() < LONG, "it answers again");
        }
    }
    *over.lock().unwrap() = true;
    for client in clients {
        client.join().unwrap();
    }
    settles(&proxy, 0);
}

#[tokio::test]
async fn it_starts_and_ends_inside_of_a_runtime_and_goes_on_while_that_is_blocked() {
    let echo = Echo::start();
    let proxy = Proxy::start(echo.port).unwrap();
    assert_eq!(Client::of(&proxy).asks("a").unwrap(), "A");
}

#[test]
fn dropping_it_ends_its_connections_its_port_and_its_thread() {
    let echo = Echo::start();
    let proxy = Proxy::start(echo.port).unwrap();
    let port = proxy.port();
    let mut client = Client::of(&proxy);
    assert_eq!(client.asks("a").unwrap(), "A");
    drop(proxy);
    client.is_closed();
    assert_eq!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}
