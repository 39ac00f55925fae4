//! A visitor with a browser, and the state that the oracle expects.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{body::Body, extract::Request};
use futures_util::FutureExt as _;
use http::Method;

use crate::{
    app::{App, ScriptRun},
    oracle::{Session, foresee, status},
    plan::{End, Kind, NAMES, Plan, Random, Script, Step, Target},
    support::{Answer, Browser},
};

/// A visitor of an app.
pub(crate) struct Visitor {
    pub(crate) app: Arc<App>,
    pub(crate) browser: Browser,
    pub(crate) plan: Plan,
    /// The expected sessions of the user and the admin.
    pub(crate) sessions: [Session; 2],
    /// The prefix of every string that this visitor sets.
    mark: String,
    pub(crate) whence: String,
    sealed: bool,
}

/// The result of a request.
pub(crate) struct Done {
    pub(crate) script: Script,
    pub(crate) seen: Vec<String>,
    /// `None` if the request was cancelled or panicked.
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

    /// Sends one random request. The oracle gives the expected results, response and stored values.
    pub(crate) async fn acts(&mut self, kind: Kind) {
        let script = self.plan.script(kind);
        let (before, earlier) = (self.sessions.clone(), self.browser.copy());
        let (seen, did) = foresee(&script, &self.app.paths[script.path], &mut self.sessions);
        let done = self.sends(&self.browser, script.clone()).await;
        let context = format!("{}: {script:?} on {:?} by {before:?}", self.whence, self.app.paths[script.path]);
        assert_eq!(done.seen, seen, "the results of the handler. {context}");
        assert_eq!(done.answer.as_ref().map(|answer| answer.status.as_u16()), status(script.end), "{context}");
        for (place, cookie) in COOKIES.into_iter().enumerate() {
            let set = done.answer.iter().flat_map(Answer::cookies).filter(|header| header.starts_with(cookie)).count();
            assert!(set <= 1, "{cookie} was set {set} times. {context}");
            if done.answer.is_none() {
                self.forget(place, &before, did[place], &earlier);
            }
        }
        assert_eq!(self.finds(&self.browser).await, self.sessions, "the sessions afterwards. {context}");
        if !self.sealed {
            let old = self.finds(&earlier).await;
            for (place, moves) in did.into_iter().enumerate().filter(|(_, moves)| moves.ended) {
                assert_eq!(
                    old[place],
                    Session::default(),
                    "the old {} still opens. {context} {moves:?}",
                    COOKIES[place]
                );
            }
        }
    }

    /// Committed changes are stored. But without a response, the visitor still has the old cookie.
    fn forget(&mut self, place: usize, before: &[Session; 2], did: crate::oracle::Moves, earlier: &Browser) {
        let had_cookie = earlier.jar().contains_key(COOKIES[place]);
        if self.sealed {
            self.sessions[place] = before[place].clone();
        } else if did.ended || (did.stored && !had_cookie) {
            self.sessions[place] = Session::default();
            // For a grace period, the id of an ended or rotated session begins no new session.
            self.browser.drop_cookie(COOKIES[place]);
        }
    }

    /// Sends one request while every write fails. Nothing changes, and a request with changes gets
    /// an error.
    pub(crate) async fn acts_in_vain(&mut self) {
        let script = self.plan.script(Kind::Alone);
        let jar = self.browser.jar();
        let done = self.sends(&self.browser, script.clone()).await;
        let mut wanted = self.sessions.clone();
        foresee(&script, &self.app.paths[script.path], &mut wanted);
        let context = format!("{}: {script:?} while every write failed", self.whence);
        if let Some(answer) = &done.answer
            && wanted != self.sessions
        {
            assert_eq!(answer.status.as_u16(), 503, "{context}");
            assert!(answer.cookies().is_empty(), "{context}");
        }
        assert_eq!(self.browser.jar(), jar, "{context}");
    }

    /// Sends a request; its handler carries out this plan.
    pub(crate) async fn sends(&self, browser: &Browser, script: Script) -> Done {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let method = if script.head { Method::HEAD } else { Method::POST };
        let mut request = Request::new(Body::empty());
        *request.method_mut() = method;
        *request.uri_mut() = self.app.paths[script.path].path.parse().unwrap();
        request.extensions_mut().insert(ScriptRun(script.clone(), Arc::clone(&seen)));
        let asked = AssertUnwindSafe(browser.send(request)).catch_unwind();
        let answer = match script.end {
            // As a server does when the visitor disconnects.
            End::Abandoned => tokio::time::timeout(Duration::from_secs(10), asked).await.ok().and_then(Result::ok),
            _ => asked.await.ok(),
        };
        let seen = seen.lock().unwrap().clone();
        for saw in &seen {
            let strange = saw.contains("\"v") && !saw.contains(&format!("\"{}", self.mark));
            assert!(!strange, "{}: {saw} belongs to another visitor. {script:?}", self.whence);
        }
        Done { script, seen, answer }
    }

    /// The sessions that these cookies open.
    pub(crate) async fn finds(&self, browser: &Browser) -> [Session; 2] {
        let mut found: [Session; 2] = Default::default();
        for (place, target) in [Target::User, Target::Admin].into_iter().enumerate() {
            // The request fails, so that reading a flash does not remove it.
            let steps = NAMES.map(Step::Get).into_iter().chain([Step::ReadFlash, Step::Owner, Step::Count]);
            let steps = steps.map(|step| (target, step)).collect();
            let path = self.app.paths.iter().position(|place| place.before == 0).unwrap_or(0);
            let extra = self.app.paths[path].before;
            let done = self.sends(&browser.copy(), Script { path, head: false, steps, end: End::Answers(500) }).await;
            let mut strings =
                done.seen.iter().map(|seen| seen.strip_prefix("Some(").and_then(|text| text.strip_suffix(')')));
            let quoted = |text: &str| text.trim_matches('"').to_owned();
            for name in NAMES {
                if let Some(text) = strings.next().unwrap() {
                    found[place].strings.insert(name, quoted(text));
                }
            }
            found[place].note = strings.next().unwrap().map(quoted);
            found[place].owner = strings.next().unwrap().map(quoted);
            let count: Option<u64> = strings.next().unwrap().map(|count| count.parse().unwrap());
            let own = if target == Target::User { extra } else { 0 };
            found[place].count = count.map(|count| count - own).filter(|count| *count > 0);
        }
        found
    }
}

/// The cookies of the two sessions.
pub(crate) const COOKIES: [&str; 2] = ["__Host-session", "__Host-admin"];
