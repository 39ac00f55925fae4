//! The app with actix-session on actix-web, in a store that is a map in memory; the package brings
//! none of its own.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use actix_session::{
    Session, SessionMiddleware,
    config::CookieContentSecurity,
    storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError, generate_session_key},
};
use actix_web::{
    App, Error,
    cookie::{Key, time::Duration},
    test::init_service,
    web,
};

use super::Counted;
use crate::{
    contest::{ActixSite, Contestant, Machine, Runner},
    counting::Calls,
    page::{Page, TEXT, USER},
};

pub(super) fn memory(machine: &Rc<Machine>) -> Box<dyn Contestant> {
    counted(machine).0
}

pub(super) fn counted(machine: &Rc<Machine>) -> Counted {
    let calls = Calls::default();
    let store = Memory { calls: calls.clone(), sessions: RefCell::default() };
    let key = Key::from(&[7; 64]);
    // The package requires a protected cookie; this is the cheaper of its two protections.
    let sessions =
        SessionMiddleware::builder(store, key).cookie_content_security(CookieContentSecurity::Signed).build();
    let app = App::new().wrap(sessions).configure(pages);
    (Runner::boxed("actix-session, signed", machine, ActixSite(machine.block_on(init_service(app)))), calls)
}

/// The pages of the bench.
pub(crate) fn pages(app: &mut web::ServiceConfig) {
    app.route(Page::Login.path(), web::get().to(login))
        .route(Page::Untouched.path(), web::get().to(|| async { TEXT }))
        .route(Page::Read.path(), web::get().to(read))
        .route(Page::Write.path(), web::get().to(write))
        .route(Page::Visits.path(), web::get().to(visits));
}

async fn login(session: Session) -> Result<&'static str, Error> {
    session.insert("user", USER)?;
    session.insert("visits", 1)?;
    Ok(TEXT)
}

async fn read(session: Session) -> Result<&'static str, Error> {
    std::hint::black_box(session.get::<u32>("visits")?);
    Ok(TEXT)
}

async fn write(session: Session) -> Result<&'static str, Error> {
    let visits = session.get::<u32>("visits")?;
    session.insert("visits", visits.unwrap_or(0) + 1)?;
    Ok(TEXT)
}

async fn visits(session: Session) -> Result<String, Error> {
    Ok(session.get::<u32>("visits")?.unwrap_or(0).to_string())
}

type State = HashMap<String, String>;

/// The sessions of one thread, as actix runs its apps.
struct Memory {
    calls: Calls,
    sessions: RefCell<HashMap<String, State>>,
}

impl SessionStore for Memory {
    async fn load(&self, key: &SessionKey) -> Result<Option<State>, LoadError> {
        self.calls.load();
        Ok(self.sessions.borrow().get(key.as_ref()).cloned())
    }

    async fn save(&self, state: State, _ttl: &Duration) -> Result<SessionKey, SaveError> {
        self.calls.write();
        let key = generate_session_key();
        self.sessions.borrow_mut().insert(key.as_ref().to_owned(), state);
        Ok(key)
    }

    async fn update(&self, key: SessionKey, state: State, _ttl: &Duration) -> Result<SessionKey, UpdateError> {
        self.calls.write();
        if let Some(held) = self.sessions.borrow_mut().get_mut(key.as_ref()) {
            *held = state;
        }
        Ok(key)
    }

    async fn update_ttl(&self, _key: &SessionKey, _ttl: &Duration) -> Result<(), anyhow::Error> {
        self.calls.write();
        Ok(())
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), anyhow::Error> {
        self.calls.write();
        self.sessions.borrow_mut().remove(key.as_ref());
        Ok(())
    }
}
