//! Login, logout, and revoking the user's other sessions.

use axum::{
    Form,
    extract::rejection::FormRejection,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use okibi::{Error, Session};
use serde::Deserialize;

use crate::session::{ERROR, FAILED_LOGINS, IDLE, LONGEST, MESSAGE, USER};

/// The login form. A missing field is empty.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Login {
    email: String,
    password: String,
    remember: Option<String>,
}

impl Login {
    /// The user, if the form has the right password. A real site looks up the password, and limits
    /// the attempts.
    fn user(&self) -> Option<&str> {
        let email = self.email.trim();
        let is_email = (1..=254).contains(&email.len()) && !email.contains(char::is_control);
        (is_email && self.password == "correct").then_some(email)
    }
}

/// Logs in, or counts a failed attempt.
pub(crate) async fn login(
    session: Session,
    headers: HeaderMap,
    form: Result<Form<Login>, FormRejection>,
) -> Result<Response, Error> {
    let form = match form {
        Ok(Form(form)) => form,
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => return Ok(rejection.into_response()),
        Err(_) => Login::default(),
    };
    if let Some(user) = form.user() {
        let keep = form.remember.is_some();
        session.rotate()?; // a new id, because a login changes the privilege
        session.set(USER, user)?;
        session.remove(FAILED_LOGINS)?;
        session.set_owner(user)?;
        session.set_label(format!("{}, signed in at axum", browser(&headers)).as_str())?;
        session.set_idle(if keep { LONGEST } else { IDLE })?;
        session.set_persistent(keep)?;
        session.flash(MESSAGE, "Login Successful")?;
    } else {
        session.update(FAILED_LOGINS, |count| count.unwrap_or(0) + 1)?;
        session.flash(ERROR, "Incorrect username or password")?;
    }
    Ok(Redirect::to("/").into_response())
}

/// Destroys the session, if there is one.
pub(crate) async fn logout(session: Session) -> Result<Redirect, Error> {
    session.destroy()?;
    Ok(Redirect::to("/"))
}

/// Revokes all sessions of this user but the current one.
pub(crate) async fn revoke_others(session: Session) -> Result<Redirect, Error> {
    let ended = session.revoke_others().await?;
    let plural = if ended == 1 { "" } else { "s" };
    session.flash(MESSAGE, &format!("Ended {ended} other session{plural}"))?;
    Ok(Redirect::to("/"))
}

/// The browser's name, for the list of sessions.
fn browser(headers: &HeaderMap) -> &'static str {
    const SIGNS: [(&str, &str); 5] =
        [("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari")];
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    SIGNS.iter().find(|(sign, _)| agent.contains(sign)).map_or("Some browser", |(_, name)| name)
}
