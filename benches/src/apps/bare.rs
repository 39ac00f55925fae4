//! The app without sessions on each framework: the baseline.

use std::rc::Rc;

use actix_web::{test::init_service, web};
use axum::{Router, routing::get};
use tower::layer::util::Identity;

use crate::{
    contest::{ActixSite, AxumSite, Contestant, Machine, Runner},
    page::{Page, TEXT},
};

pub(super) fn axum(machine: &Rc<Machine>) -> Box<dyn Contestant> {
    Runner::boxed("axum, bare", machine, AxumSite::new(axum_app()))
}

/// The pages of the bench on axum.
pub(crate) fn axum_app() -> Router {
    let pages = Page::ALL.into_iter();
    pages.fold(Router::new(), |app, page| app.route(page.path(), get(|| async { TEXT }))).layer(Identity::new())
}

pub(super) fn actix(machine: &Rc<Machine>) -> Box<dyn Contestant> {
    let app = actix_web::App::new().configure(actix_pages);
    Runner::boxed("actix, bare", machine, ActixSite(machine.block_on(init_service(app))))
}

/// The pages of the bench on actix-web.
pub(crate) fn actix_pages(app: &mut web::ServiceConfig) {
    for page in Page::ALL {
        app.route(page.path(), web::get().to(|| async { TEXT }));
    }
}
