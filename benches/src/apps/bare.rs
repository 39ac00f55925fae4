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
    let pages = [Page::Login, Page::Untouched, Page::Read, Page::Write];
    let app = pages.into_iter().fold(Router::new(), |app, page| app.route(page.path(), get(|| async { TEXT })));
    Runner::boxed("axum, bare", machine, AxumSite(app.layer(Identity::new())))
}

pub(super) fn actix(machine: &Rc<Machine>) -> Box<dyn Contestant> {
    let pages = [Page::Login, Page::Untouched, Page::Read, Page::Write];
    let app = pages
        .into_iter()
        .fold(actix_web::App::new(), |app, page| app.route(page.path(), web::get().to(|| async { TEXT })));
    Runner::boxed("actix, bare", machine, ActixSite(machine.block_on(init_service(app))))
}
