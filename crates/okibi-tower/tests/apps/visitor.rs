//! A visitor with a browser, and what the oracle says that they must find.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{body::Body, extract::Request};
use futures_util::FutureExt as _;
use http::Method;

use crate::{
    app::{App, Errand},
    oracle::{Session, foresee, status},
    plan::{Deed, End, Kind, NAMES, Plan, Random, Step, Whose},
    support::{Answer, Browser},
};

/// A visitor of an app.
pub(crate) struct Visitor {
    pub(crate) app: Arc<App>,
    pub(crate) browser: Browser,
    pub(crate) plan: Plan,
    /// What must be there: the user's session and the admin's.
    pub(crate) sessions: [Session; 2],
    /// What begins every text that this visitor writes.
    mark: String,
    pub(crate) whence: String,
    sealed: bool,
}

/// What came of a request.
pub(crate) struct Done {
    pub(crate) deed: Deed,
    pub(crate) seen: Vec<String>,
    /// None if it was given up, or nobody caught its panic.
    pub(crate) answer: Option<Answer>,
}

impl Visitor {
    pub(crate) fn new(seed: u64, number: usize, app: &Arc<App>, sealed: bool) -> Self {
        let random = Random::new(seed ^ (u64::try_from(number).unwrap() + 1) << 32);
        Self {
            app: Arc::clone(app),
            browser: Browser::new(app.router.clone()),
            plan: Plan::new(random, number, app.paths.len()),
            sessions: Default::default(),
            mark: format!("v{number}-"),
            whence: format!("OKIBI_APPS={seed},1, visitor {number}"),
            sealed,
        }
    }

    /// Sends one request as drawn. The oracle says what it sees, what it answers and what is there afterwards.
    pub(crate) async fn acts(&mut self, kind: Kind) {
        let deed = self.plan.deed(kind);
        let (before, earlier) = (self.sessions.clone(), self.browser.copy());
        let (seen, did) = foresee(&deed, &self.app.paths[deed.path], &mut self.sessions);
        let done = self.sends(&self.browser, deed.clone()).await;
        let told = format!("{}: {deed:?} on {:?} by {before:?}", self.whence, self.app.paths[deed.path]);
        assert_eq!(done.seen, seen, "what the handler saw. {told}");
        assert_eq!(done.answer.as_ref().map(|answer| answer.status.as_u16()), status(deed.end), "{told}");
        for (place, cookie) in COOKIES.into_iter().enumerate() {
            let set = done.answer.iter().flat_map(Answer::cookies).filter(|header| header.starts_with(cookie)).count();
            assert!(set <= 1, "{cookie} was set {set} times. {told}");
            if done.answer.is_none() {
                self.forget(place, &before, did[place], &earlier);
            }
        }
        assert_eq!(self.finds(&self.browser).await, self.sessions, "what is there afterwards. {told}");
        if !self.sealed {
            let old = self.finds(&earlier).await;
            for (place, moves) in did.into_iter().enumerate().filter(|(_, moves)| moves.ended) {
                assert_eq!(
                    old[place],
                    Session::default(),
                    "the old {} opens something. {told} {moves:?}",
                    COOKIES[place]
                );
            }
        }
    }

    /// What is committed is there, but a visitor to whom nobody answered has the cookie of before.
    fn forget(&mut self, place: usize, before: &[Session; 2], did: crate::oracle::Moves, earlier: &Browser) {
        let had_cookie = earlier.jar().contains_key(COOKIES[place]);
        if self.sealed {
            self.sessions[place] = before[place].clone();
        } else if did.ended || (did.stored && !had_cookie) {
            self.sessions[place] = Session::default();
            // For a while an id that was ended or rotated begins nothing new.
            self.browser.drop_cookie(COOKIES[place]);
        }
    }

    /// Sends one request while nothing can be written: nothing changes, and who had something to write is told.
    pub(crate) async fn acts_in_vain(&mut self) {
        let deed = self.plan.deed(Kind::Alone);
        let jar = self.browser.jar();
        let done = self.sends(&self.browser, deed.clone()).await;
        let mut wanted = self.sessions.clone();
        foresee(&deed, &self.app.paths[deed.path], &mut wanted);
        let told = format!("{}: {deed:?} while nothing could be written", self.whence);
        if let Some(answer) = &done.answer
            && wanted != self.sessions
        {
            assert_eq!(answer.status.as_u16(), 503, "{told}");
            assert!(answer.cookies().is_empty(), "{told}");
        }
        assert_eq!(self.browser.jar(), jar, "{told}");
    }

    /// Sends a request and has its handler do this.
    pub(crate) async fn sends(&self, browser: &Browser, deed: Deed) -> Done {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let method = if deed.head { Method::HEAD } else { Method::POST };
        let mut request = Request::new(Body::empty());
        *request.method_mut() = method;
        *request.uri_mut() = self.app.paths[deed.path].path.parse().unwrap();
        request.extensions_mut().insert(Errand(deed.clone(), Arc::clone(&seen)));
        let asked = AssertUnwindSafe(browser.send(request)).catch_unwind();
        let answer = match deed.end {
            // As a server does when the visitor has gone.
            End::Abandoned => tokio::time::timeout(Duration::from_secs(10), asked).await.ok().and_then(Result::ok),
            _ => asked.await.ok(),
        };
        let seen = seen.lock().unwrap().clone();
        for saw in &seen {
            let strange = saw.contains("\"v") && !saw.contains(&format!("\"{}", self.mark));
            assert!(!strange, "{}: {saw} is another visitor's. {deed:?}", self.whence);
        }
        Done { deed, seen, answer }
    }

    /// What is there for who comes with these cookies.
    pub(crate) async fn finds(&self, browser: &Browser) -> [Session; 2] {
        let mut found: [Session; 2] = Default::default();
        for (place, whose) in [Whose::User, Whose::Admin].into_iter().enumerate() {
            // A failure, so that nothing is removed by being read.
            let steps = NAMES.map(Step::Get).into_iter().chain([Step::ReadFlash, Step::Owner, Step::Count]);
            let steps = steps.map(|step| (whose, step)).collect();
            let path = self.app.paths.iter().position(|place| place.before == 0).unwrap_or(0);
            let extra = self.app.paths[path].before;
            let done = self.sends(&browser.copy(), Deed { path, head: false, steps, end: End::Answers(500) }).await;
            let mut texts =
                done.seen.iter().map(|seen| seen.strip_prefix("Some(").and_then(|text| text.strip_suffix(')')));
            let quoted = |text: &str| text.trim_matches('"').to_owned();
            for name in NAMES {
                if let Some(text) = texts.next().unwrap() {
                    found[place].texts.insert(name, quoted(text));
                }
            }
            found[place].note = texts.next().unwrap().map(quoted);
            found[place].owner = texts.next().unwrap().map(quoted);
            let count: Option<u64> = texts.next().unwrap().map(|count| count.parse().unwrap());
            let own = if whose == Whose::User { extra } else { 0 };
            found[place].count = count.map(|count| count - own).filter(|count| *count > 0);
        }
        found
    }
}

/// The cookies of the two sessions.
pub(crate) const COOKIES: [&str; 2] = ["__Host-session", "__Host-admin"];
