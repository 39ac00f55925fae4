//! Support of the tests: an app with one endpoint that runs a test's handler, browsers, a clock,
//! and a store that can fail.

#![allow(dead_code, unreachable_pub, unused_imports, reason = "every test file uses a part of it")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

pub mod around;
pub mod browser;
pub mod clock;
pub mod faults;
pub mod log;
pub mod scenarios;

use std::sync::Arc;

use okibi_store::MemoryStore;
use okibi_tower::{Name, Secrets, Sessions};

pub use self::{
    browser::{Answer, Browser},
    clock::Clock,
    faults::{Fault, Faulty},
};

pub const COUNT: Name<u32> = Name::new("count");
pub const USER: Name<String> = Name::new("user");
pub const NOTE: Name<String> = Name::new("note");

/// A memory store on virtual time that counts its calls and can fail.
pub struct World {
    pub clock: Clock,
    pub memory: Arc<MemoryStore>,
    pub store: Arc<Faulty<Arc<MemoryStore>>>,
}

impl World {
    pub fn new() -> Self {
        let clock = Clock::new();
        let now = clock.clone();
        let memory = Arc::new(MemoryStore::new().clock(move || now.now()));
        Self { clock, store: Arc::new(Faulty::new(Arc::clone(&memory))), memory }
    }

    /// The default configuration with this world's store and clock.
    pub fn sessions(&self) -> Sessions {
        let now = self.clock.clone();
        Sessions::new(Arc::clone(&self.store)).clock(move || now.now().into())
    }

    /// A browser that visits an app with these sessions.
    pub fn browser(&self) -> Browser {
        Browser::new(browser::app(self.sessions()))
    }

    pub fn browser_with(&self, configure: impl FnOnce(Sessions) -> Sessions) -> Browser {
        Browser::new(browser::app(configure(self.sessions())))
    }
}

/// Secrets made of these letters, the newest first.
pub fn secrets(letters: &str) -> Secrets {
    Secrets::new(letters.chars().map(|letter| letter.to_string().repeat(32))).unwrap()
}

/// A name made at run time.
pub fn name<T>(text: &str) -> Name<'static, T> {
    Name::new(Box::leak(text.to_owned().into_boxed_str()))
}
