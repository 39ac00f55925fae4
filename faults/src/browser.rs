//! Browsers: a jar with one cookie each, concurrent tabs, and the recording of their requests.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{
    client::Connection,
    faces::Face,
    history::{CookieNumber, Micros, Part, RecordedRequest, SetCookie, Wish},
    plan::Order,
};

/// Time after which a browser counts an answer as lost. It is longer than every deadline.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// State that all browsers of a run share: the clock, the cookie numbers, the recording.
#[derive(Debug)]
pub(crate) struct Desk {
    began: Instant,
    requests: AtomicU32,
    written: Mutex<Written>,
}

#[derive(Debug, Default)]
struct Written {
    requests: Vec<RecordedRequest>,
    /// The cookie values by number, and the numbers by value. They are not recorded.
    values: Vec<String>,
    numbers: HashMap<String, CookieNumber>,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), requests: AtomicU32::new(1), written: Mutex::new(Written::default()) }
    }

    /// Microseconds since the run began.
    pub(crate) fn now(&self) -> Micros {
        Micros::try_from(self.began.elapsed().as_micros()).unwrap_or(Micros::MAX)
    }

    /// All requests so far, in the order in which they ended.
    pub(crate) fn requests(&self) -> Vec<RecordedRequest> {
        self.lock().requests.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn value(&self, number: CookieNumber) -> Option<String> {
        self.lock().values.get(usize::try_from(number).ok()?).cloned()
    }
}

impl Written {
    fn number(&mut self, value: String) -> CookieNumber {
        if let Some(number) = self.numbers.get(&value) {
            return *number;
        }
        let number = CookieNumber::try_from(self.values.len()).unwrap_or(CookieNumber::MAX);
        self.values.push(value.clone());
        self.numbers.insert(value, number);
        number
    }
}

/// A browser: all its tabs share one jar.
#[derive(Debug)]
pub(crate) struct Browser {
    number: u32,
    desk: Arc<Desk>,
    jar: Mutex<Jar>,
}

/// The current session cookie, and the former ones.
#[derive(Debug, Default)]
struct Jar {
    cookie: Option<CookieNumber>,
    past: Vec<CookieNumber>,
}

impl Browser {
    pub(crate) fn new(number: u32, desk: Arc<Desk>) -> Self {
        Self { number, desk, jar: Mutex::new(Jar::default()) }
    }

    fn jar(&self) -> std::sync::MutexGuard<'_, Jar> {
        self.jar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of former cookies.
    pub(crate) fn past(&self) -> usize {
        self.jar().past.len()
    }

    /// Sends the ordered request with the current cookie of the jar, stores the answer's cookie
    /// when it arrives, and records the request. The last answer to arrive wins, in whichever order
    /// the requests were sent.
    pub(crate) async fn send(
        &self,
        order: Order,
        part: Part,
        face: &Face,
        connection: &mut Connection,
    ) -> RecordedRequest {
        let (sent, stray) = {
            let jar = self.jar();
            match order.stray.and_then(|place| jar.past(place)) {
                Some(old) => (Some(old), true),
                None if order.anonymous => (None, false),
                None => (jar.cookie, false),
            }
        };
        let value = sent.and_then(|number| self.desk.value(number));
        let number = self.desk.requests.fetch_add(1, Ordering::Relaxed);
        let wish = Wish { birth: format!("r{number}"), ..order.wish };
        let start = self.desk.now();
        let reply = connection.ask(&wish, value.as_deref(), PATIENCE, order.abandon).await;
        let end = self.desk.now();
        let mut jar = self.jar();
        let mut written = self.desk.lock();
        let cookies: Vec<SetCookie> = reply
            .cookies
            .into_iter()
            .map(|value| value.map_or(SetCookie::Removed, |value| SetCookie::Issued(written.number(value))))
            .collect();
        if !stray && !order.anonymous {
            for cookie in &cookies {
                jar.take_in(*cookie);
            }
        }
        let request = RecordedRequest {
            number,
            browser: self.number,
            part,
            face: face.name.clone(),
            wish,
            stray,
            sent,
            start,
            end,
            outcome: reply.outcome,
            cookies,
            answer: reply.answer,
        };
        written.requests.push(request.clone());
        request
    }
}

impl Jar {
    /// A former cookie, counted from the newest, modulo their number.
    fn past(&self, place: usize) -> Option<CookieNumber> {
        self.past.iter().rev().nth(place.checked_rem(self.past.len())?).copied()
    }

    fn take_in(&mut self, cookie: SetCookie) {
        let next = match cookie {
            SetCookie::Issued(number) => Some(number),
            SetCookie::Removed => None,
        };
        if next != self.cookie {
            self.past.extend(self.cookie);
            self.cookie = next;
        }
    }
}
