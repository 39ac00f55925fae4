//! Log out everywhere: a session that one process revokes does not open in the other's next
//! request.

use std::time::SystemTime;

use futures_util::future::join_all;
use okibi::{Session, SessionInfo};

use crate::{
    backend::{Backend, Site},
    semantics::is_live,
    support::{Browser, COUNT, USER, scenarios::spawn},
};

/// The number of devices with which one owner logs in concurrently.
const DEVICES: usize = 64;

async fn log_in(browser: &Browser, owner: &str, label: &str) {
    let (owner, label) = (owner.to_owned(), label.to_owned());
    let request = browser.act(|session| async move {
        session.set_owner(owner.as_str())?;
        session.set_label(label.as_str())?;
        session.set(USER, &owner)
    });
    request.await.ok();
}

/// Whether a visitor is signed in, for both processes.
async fn is_in<B: Backend>(site: &Site<B>, browser: &Browser) -> bool {
    let live = join_all((0..2).map(|at| async move { is_live(&site.at(at, browser)).await })).await;
    assert_eq!(live[0], live[1], "both processes have the same result");
    live[0]
}

fn shown(list: &[SessionInfo]) -> Vec<(&str, bool)> {
    let mut shown: Vec<_> =
        list.iter().map(|session| (session.label.as_deref().unwrap_or_default(), session.current)).collect();
    shown.sort_unstable();
    shown
}

/// The list has creation time, last-active time and label of each session. One session can be
/// revoked, all but the current one, and all.
pub(crate) async fn sessions_are_listed_and_ended<B: Backend>(site: &Site<B>) {
    let (phone, laptop, tablet, other) = (site.browser(0), site.browser(1), site.browser(0), site.browser(1));
    for (browser, owner, label) in
        [(&phone, "ada", "phone"), (&laptop, "ada", "laptop"), (&tablet, "ada", "tablet"), (&other, "eve", "eve's")]
    {
        log_in(browser, owner, label).await;
    }
    let start = SystemTime::now();
    let is_now = |time: SystemTime| {
        let apart = time.duration_since(start).unwrap_or_else(|earlier| earlier.duration());
        apart.as_secs() < 60
    };
    let list = site.directory(1).list("ada").await.unwrap();
    assert_eq!(shown(&list), [("laptop", false), ("phone", false), ("tablet", false)]);
    for session in &list {
        assert!(is_now(session.created) && is_now(session.last_active) && session.expires_at > session.last_active);
    }

    // One of them, from another device and the other process.
    let elsewhere = site.at(1, &phone);
    let request = elsewhere.act(|session| async move {
        let list = session.list().await?;
        assert_eq!(shown(&list), [("laptop", false), ("phone", true), ("tablet", false)]);
        let laptop = list.iter().find(|session| session.label.as_deref() == Some("laptop")).unwrap();
        Ok(session.revoke(laptop.handle).await?.to_string())
    });
    assert_eq!(request.await.ok().body, "true");
    assert_eq!(
        [is_in(site, &phone).await, is_in(site, &laptop).await, is_in(site, &tablet).await],
        [true, false, true]
    );

    // A session of another owner cannot be revoked.
    let phones = site.directory(0).list("ada").await.unwrap()[0].handle;
    let request = other.act(move |session| async move { Ok(session.revoke(phones).await?.to_string()) });
    assert_eq!(request.await.ok().body, "false");

    // All but the current session.
    let request = phone.act(|session| async move { Ok(session.revoke_others().await?.to_string()) });
    assert_eq!(request.await.ok().body, "1");
    assert_eq!([is_in(site, &phone).await, is_in(site, &tablet).await, is_in(site, &other).await], [true, false, true]);

    // All sessions.
    assert_eq!(site.directory(1).revoke_all("ada").await.unwrap(), 1);
    assert_eq!([is_in(site, &phone).await, is_in(site, &other).await], [false, true]);
    assert!(site.directory(0).list("ada").await.unwrap().is_empty());
    assert_eq!(shown(&site.directory(0).list("eve").await.unwrap()), [("eve's", false)]);
}

/// One owner logs in with many devices concurrently. Each has a pending request that changes or
/// rotates while all sessions are revoked. No session is left.
pub(crate) async fn one_call_ends_them_all<B: Backend>(site: &Site<B>) {
    let before = site.backend.records().await;
    let devices: Vec<Browser> = (0..DEVICES).map(|at| site.browser(at)).collect();
    join_all(devices.iter().map(|device| log_in(device, "bea", "one of many"))).await;
    assert_eq!(site.directory(0).list("bea").await.unwrap().len(), DEVICES);
    let busy = devices.iter().enumerate().map(|(at, device)| {
        spawn(site.at(at + 1, device), move |session: Session| async move {
            match at % 3 {
                0 => session.update(COUNT, |count| count.unwrap_or(0) + 1).map(drop),
                1 => session.rotate(),
                _ => session.renew_id(),
            }
        })
    });
    let busy: Vec<_> = busy.collect();
    let ended = site.directory(1).revoke_all("bea").await.unwrap();
    assert!(ended >= DEVICES, "{ended}");
    for request in busy {
        request.await.unwrap().ok();
    }
    assert!(site.directory(0).list("bea").await.unwrap().is_empty());
    for device in &devices {
        assert!(!is_in(site, device).await);
    }
    // Each session leaves a marker where it ended. A session that was rotated before leaves another
    // one.
    let left = site.backend.records().await - before;
    assert!(left <= 2 * DEVICES, "{left} records are left");
}
