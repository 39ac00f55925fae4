//! Changes of one request in every order, and the effect of a rotation on concurrent requests.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use crate::support::{
    Browser, COUNT, NOTE, USER, World,
    scenarios::{Pause, spawn},
};
use okibi_tower::{Error, Session};

/// What a later request reads: user, note, count, and whether there is a session.
async fn seen(browser: &Browser) -> String {
    let handler = |session: Session| async move {
        let (user, note) = (session.get(USER)?.unwrap_or_default(), session.get(NOTE)?.unwrap_or_default());
        Ok(format!("{user} {note} {:?} {}", session.get(COUNT)?, session.is_live()))
    };
    browser.act(handler).await.ok().body
}

async fn visitor(world: &World) -> Browser {
    let browser = world.browser();
    let login = browser.act(|session| async move {
        session.set(USER, &"ada".to_owned())?;
        session.set(COUNT, &1)
    });
    login.await.ok();
    browser
}

fn note(session: &Session) -> Result<(), Error> {
    session.set(NOTE, &"new".to_owned())
}

type Change = fn(&Session) -> Result<(), Error>;

#[tokio::test]
async fn n32_the_changes_of_one_request_apply_in_order() {
    let bump: Change = |session| session.update(COUNT, |count| count.unwrap_or(0) + 1).map(drop);
    let (rotate, renew, destroy, clear): (Change, Change, Change, Change) =
        (Session::rotate, Session::renew_id, Session::destroy, Session::clear);
    let flash: Change = |session| session.flash(NOTE, &"flash".to_owned());
    let forget: Change = |session| session.remove(USER);
    // The steps, the result in a later request, whether the id changed.
    let cases: Vec<(Vec<Change>, &str, bool)> = vec![
        (vec![rotate, note, bump], "ada new Some(2) true", true),
        (vec![note, rotate, bump], "ada new Some(2) true", true),
        (vec![note, bump, rotate], "ada new Some(2) true", true),
        (vec![bump, renew, note], "ada new Some(2) true", true),
        (vec![renew, rotate], "ada  Some(1) true", true),
        (vec![flash, rotate], "ada flash Some(1) true", true),
        (vec![flash, note], "ada new Some(1) true", false),
        (vec![clear, note], " new None true", false),
        (vec![note, clear], "  None true", false),
        (vec![forget, bump], "  Some(2) true", false),
        (vec![bump, forget, bump], "  Some(3) true", false),
        (vec![destroy, note], " new None true", true),
        (vec![note, destroy], "  None false", true),
        (vec![destroy, rotate, bump], "  Some(1) true", true),
        (vec![rotate, destroy], "  None false", true),
        (vec![destroy, bump, destroy, note], " new None true", true),
        (vec![bump, bump, bump], "ada  Some(4) true", false),
    ];
    for (number, (changes, expected, moved)) in cases.into_iter().enumerate() {
        let world = World::new();
        let browser = visitor(&world).await;
        let old = browser.copy();
        let answer = browser.act(move |session| async move { changes.iter().try_for_each(|change| change(&session)) });
        assert!(answer.await.ok().cookies().len() <= 1, "case {number}");
        assert_eq!(browser.jar() != old.jar(), moved, "case {number}");
        assert_eq!(seen(&browser).await, expected, "case {number}");
        if moved && number != 3 {
            assert!(seen(&old).await.ends_with("false"), "case {number}: the old id opens nothing");
        }
    }
}

#[tokio::test]
async fn n32_destroy_then_set_is_a_fresh_id_with_only_the_new_data() {
    let world = World::new();
    let browser = visitor(&world).await;
    let (old, handles) = (browser.cookie(), std::sync::Arc::new(std::sync::Mutex::new(Vec::new())));
    let keep = std::sync::Arc::clone(&handles);
    let answer = browser.act(move |session| async move {
        keep.lock().unwrap().extend(session.handle());
        session.destroy()?;
        assert!(!session.is_live());
        assert_eq!((session.handle(), session.owner(), session.names()), (None, None, vec![]));
        note(&session)?;
        assert!(session.is_live());
        session.commit().await?;
        keep.lock().unwrap().extend(session.handle());
        Ok(())
    });
    assert_eq!(answer.await.ok().cookies().len(), 1, "one Set-Cookie, though one session ended and one began");
    assert_ne!(browser.cookie(), old);
    assert_eq!(world.memory.len(), 2, "the new session, and the marker of the old one");
    let handles = handles.lock().unwrap().clone();
    assert!(handles.len() == 2 && handles[0] != handles[1]);
}

#[tokio::test]
async fn n33_a_change_after_any_other_call_is_written() {
    let before: [Change; 7] = [
        Session::clear,
        Session::destroy,
        Session::rotate,
        |session| session.remove(COUNT),
        |session| session.update(COUNT, |count| count.unwrap_or(0) + 1).map(drop),
        |session| session.flash(COUNT, &1),
        |session| session.get(COUNT).map(drop),
    ];
    let after: [Change; 3] = [
        note,
        |session| session.flash(NOTE, &"new".to_owned()),
        |session| session.update(NOTE, |_| "new".to_owned()).map(drop),
    ];
    for first in before {
        for then in after {
            let world = World::new();
            let browser = visitor(&world).await;
            let request = browser.act(move |session| async move {
                first(&session)?;
                then(&session)
            });
            request.await.ok();
            let got = browser.act(|session| async move { Ok(session.get(NOTE)?.unwrap()) }).await.ok();
            assert_eq!(got.body, "new");
        }
    }
}

#[tokio::test]
async fn n30_a_removed_name_stays_removed() {
    let world = World::new();
    let browser = visitor(&world).await;
    browser.act(|session| async move { session.remove(USER) }).await.ok();
    assert_eq!(seen(&browser).await, "  Some(1) true");
    browser.act(|session| async move { note(&session) }).await.ok();
    assert_eq!(seen(&browser).await, " new Some(1) true");
}

#[tokio::test]
async fn n5_after_a_rotation_a_late_request_is_anonymous_and_overwrites_no_cookie() {
    let world = World::new();
    let browser = visitor(&world).await;
    let (late, pause) = (browser.copy(), Pause::new());
    let under_way = spawn(late.clone(), {
        let pause = pause.clone();
        move |session: Session| async move {
            pause.wait().await;
            note(&session)
        }
    });
    pause.reached().await;
    browser.act(|session| async move { session.rotate() }).await.ok();
    pause.go();
    assert!(under_way.await.unwrap().ok().cookies().is_empty());
    // Another request arrives late with the old cookie, and stores a value.
    let answer = late.act(|session| async move {
        assert!(!session.is_live());
        note(&session)
    });
    assert!(answer.await.ok().cookies().is_empty(), "a cookie would overwrite the new one");
    assert_eq!(seen(&browser).await, "ada  Some(1) true");
    // A second login with the old cookie works.
    let answer = late.act(|session| async move {
        session.rotate()?;
        session.set(USER, &"eve".to_owned())
    });
    assert_eq!(answer.await.ok().cookies().len(), 1);
    assert_eq!(seen(&late).await, "eve  None true");
}

#[tokio::test]
async fn n5_a_renewal_loses_no_concurrent_request_and_survives_a_lost_response() {
    let world = World::new();
    let browser = visitor(&world).await;
    let old = browser.copy();
    let (late, pause) = (browser.copy(), Pause::new());
    let under_way = spawn(late.clone(), {
        let pause = pause.clone();
        move |session: Session| async move {
            pause.wait().await;
            session.update(COUNT, |count| count.unwrap_or(0) + 1).map(drop)
        }
    });
    pause.reached().await;
    // The response to this request is lost, and with it the new cookie: the copy of the browser
    // never gets it.
    browser.act(|session| async move { session.renew_id() }).await.ok();
    pause.go();
    assert_eq!(under_way.await.unwrap().ok().cookies().len(), 1);
    assert_eq!(late.cookie(), browser.cookie());
    let answer = old.act(|session| async move { session.update(COUNT, |count| count.unwrap_or(0) + 1).map(drop) });
    assert_eq!(answer.await.ok().cookies().len(), 1, "the new cookie is sent again");
    assert_eq!(old.cookie(), browser.cookie());
    assert_eq!(seen(&browser).await, "ada  Some(3) true");
}

#[tokio::test]
async fn n5_no_old_id_is_ever_sent_again() {
    let world = World::new();
    let browser = visitor(&world).await;
    let mut ids = vec![browser.cookie()];
    for round in 0..20 {
        let request = browser
            .act(move |session| async move { if round % 2 == 0 { session.rotate() } else { session.renew_id() } });
        assert_eq!(request.await.ok().cookies().len(), 1);
        assert!(!ids.contains(&browser.cookie()));
        ids.push(browser.cookie());
    }
}

#[tokio::test]
async fn s18_a_change_of_owner_changes_the_id() {
    let world = World::new();
    let browser = visitor(&world).await;
    let mut before = browser.cookie();
    for (owner, moves) in [(Some("ada"), true), (Some("ada"), false), (Some("eve"), true), (None, true), (None, false)]
    {
        let request = browser.act(move |session| async move {
            match owner {
                Some(owner) => session.set_owner(owner),
                None => session.set_owner(None),
            }
        });
        request.await.ok();
        assert_eq!(browser.cookie() != before, moves, "{owner:?}");
        before = browser.cookie();
    }
}

#[tokio::test]
async fn m1_a_slow_response_after_a_renewal_or_an_early_commit_does_not_undo_a_login() {
    for early in ["renewed before", "renews", "changes its lifetime"] {
        for logs_in in [true, false] {
            let world = World::new();
            let browser = visitor(&world).await;
            let (late, pause) = (browser.copy(), Pause::new());
            if early == "renewed before" {
                browser.act(|session| async move { session.renew_id() }).await.ok();
            }
            let under_way = spawn(late, {
                let pause = pause.clone();
                move |session: Session| async move {
                    match early {
                        "renews" => session.renew_id()?,
                        "changes its lifetime" => session.set_persistent(false)?,
                        _ => assert!(session.is_live()),
                    }
                    if early != "renewed before" {
                        session.commit().await?;
                    }
                    pause.wait().await;
                    Ok(())
                }
            });
            pause.reached().await;
            if logs_in {
                browser.act(|session| async move { session.rotate() }).await.ok();
            }
            pause.go();
            // Without the login a cookie is sent.
            let cookies = under_way.await.unwrap().ok().cookies();
            assert_eq!(cookies.len(), usize::from(!logs_in), "{early}: {cookies:?}");
            if logs_in {
                assert_eq!(seen(&browser).await, "ada  Some(1) true", "{early}");
            }
        }
    }
}
