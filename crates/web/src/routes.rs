//! The one table of routes: every address with its method, the action it asks for, and what answers. There is no other way to add one,
//! and a handler's own type says which proof it needs, so table and handler cannot disagree. The snapshot in tests/all/routes.rs shows it.

use crate::ask::Ask;
use crate::problem::Problem;
use crate::{api, live, pages};
use axum::http::Method;
use axum::response::Response;
use model::access::{
    self, Action, Denied, EditAssets, EditSettings, ExportAssets, HandleFindings, ManageUsers, OwnSettings, ViewAssets, ViewEvents,
    ViewFindings, ViewSettings, ViewToday,
};
use model::{Authorised, Principal, SiteId};
use std::pin::Pin;

type Answer = Pin<Box<dyn Future<Output = Result<Response, Problem>> + Send>>;

/// Whether somebody may, asked before the body is read.
type Check = Box<dyn Fn(&Principal, SiteId) -> Result<(), Denied> + Send + Sync>;

/// What a route asks for.
pub(crate) enum Needs {
    /// Nothing: login, health, script and style.
    Public,
    /// A session whose roles allow this.
    Action {
        /// Its name.
        name: &'static str,
        /// Whether somebody may.
        check: Check,
    },
}

/// An address with what answers there.
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) needs: Needs,
    /// Takes a body of the size of an import.
    pub(crate) large: bool,
    pub(crate) run: Box<dyn Fn(Ask) -> Answer + Send + Sync>,
}

impl Route {
    /// The action's name, or `public`.
    pub(crate) fn permission(&self) -> &'static str {
        match &self.needs {
            Needs::Public => "public",
            Needs::Action { name, .. } => name,
        }
    }
    fn large(mut self) -> Route {
        self.large = true;
        self
    }
}

fn public<F, R>(method: Method, path: &'static str, handler: F) -> Route
where
    F: Fn(Ask) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Response, Problem>> + Send + 'static,
{
    Route { method, path, needs: Needs::Public, large: false, run: Box::new(move |ask| Box::pin(handler(ask))) }
}

fn needs<A, F, R>(method: Method, path: &'static str, action: A, handler: F) -> Route
where
    A: Action + Send + Sync + 'static,
    F: Fn(Ask, Authorised<A>) -> R + Send + Sync + Clone + 'static,
    R: Future<Output = Result<Response, Problem>> + Send + 'static,
{
    let check: Check = Box::new(move |who, site| access::authorise(who, action, site, None).map(drop));
    let run = move |ask: Ask| -> Answer {
        let handler = handler.clone();
        Box::pin(async move {
            let proof = ask.also(action)?;
            handler(ask, proof).await
        })
    };
    Route { method, path, needs: Needs::Action { name: A::NAME, check }, large: false, run: Box::new(run) }
}

fn get<A, F, R>(path: &'static str, action: A, handler: F) -> Route
where
    A: Action + Send + Sync + 'static,
    F: Fn(Ask, Authorised<A>) -> R + Send + Sync + Clone + 'static,
    R: Future<Output = Result<Response, Problem>> + Send + 'static,
{
    needs(Method::GET, path, action, handler)
}

fn post<A, F, R>(path: &'static str, action: A, handler: F) -> Route
where
    A: Action + Send + Sync + 'static,
    F: Fn(Ask, Authorised<A>) -> R + Send + Sync + Clone + 'static,
    R: Future<Output = Result<Response, Problem>> + Send + 'static,
{
    needs(Method::POST, path, action, handler)
}

/// Every route.
pub(crate) fn routes() -> Vec<Route> {
    use api::stocktake as rounds;
    use pages::{
        assets, calendar, clocks, encryption, entrance, events, export, findings, import, joins, ledger, own, questions, settings,
        stocktake, today, vault,
    };
    vec![
        // Before login.
        public(Method::GET, "/healthz", pages::health),
        public(Method::GET, "/ui/{file}", pages::ui),
        public(Method::GET, "/favicon.ico", pages::favicon),
        public(Method::GET, "/login", entrance::form),
        public(Method::POST, "/login", entrance::login),
        // Oneself.
        post("/logout", OwnSettings, entrance::logout),
        get("/password", OwnSettings, own::password_form),
        post("/password", OwnSettings, own::password),
        post("/settings/language", OwnSettings, own::language),
        post("/settings/theme", OwnSettings, own::theme),
        // Today.
        get("/", ViewToday, today::page),
        get("/live", ViewToday, live::live),
        // Assets.
        get("/assets", ViewAssets, assets::list),
        get("/assets/export.csv", ExportAssets, export::assets_csv),
        get("/assets/export.json", ExportAssets, export::assets_json),
        get("/assets/export.xlsx", ExportAssets, export::assets_xlsx),
        post("/assets/register", EditAssets, ledger::register),
        get("/assets/new", EditAssets, ledger::new_form),
        post("/assets/new", EditAssets, ledger::enter),
        get("/assets/import", EditAssets, import::form),
        post("/assets/import", EditAssets, import::import).large(),
        get("/assets/{id}", ViewAssets, assets::one),
        post("/assets/{id}", EditAssets, ledger::edit),
        post("/assets/{id}/state", EditAssets, ledger::state),
        post("/assets/{id}/merge", EditAssets, joins::merge),
        post("/assets/{id}/split", EditAssets, joins::split),
        post("/assets/{id}/undo", EditAssets, joins::undo),
        // Stocktake.
        get("/stocktakes", ViewAssets, stocktake::list),
        post("/stocktakes", EditAssets, stocktake::start),
        get("/stocktakes/labels", ViewAssets, stocktake::labels),
        get("/stocktakes/tag/{id}", ViewAssets, stocktake::tag),
        get("/stocktakes/{id}", ViewAssets, stocktake::one),
        post("/stocktakes/{id}/settle", EditAssets, stocktake::settle),
        post("/stocktakes/{id}/close", EditAssets, stocktake::close),
        get("/stocktakes/{id}/export.csv", ExportAssets, stocktake::csv),
        get("/stocktakes/{id}/export.xlsx", ExportAssets, stocktake::xlsx),
        get("/stocktakes/{id}/entries/{entry}", ViewAssets, stocktake::entry),
        post("/stocktakes/{id}/entries/{entry}", EditAssets, stocktake::say).large(),
        get("/stocktakes/{id}/entries/{entry}/photo", ViewAssets, stocktake::photo),
        // Findings.
        get("/findings", ViewFindings, findings::list),
        get("/findings/export.csv", ViewFindings, export::findings_csv),
        get("/findings/export.json", ViewFindings, export::findings_json),
        get("/findings/export.xlsx", ViewFindings, export::findings_xlsx),
        get("/findings/{id}", ViewFindings, findings::one),
        post("/findings/{id}", HandleFindings, findings::handle),
        // Records.
        get("/events", ViewEvents, events::list),
        get("/events/export.csv", ViewEvents, events::csv),
        get("/events/export.json", ViewEvents, events::json),
        get("/events/export.jsonl", ViewEvents, events::json_lines),
        get("/events/pack.zip", ViewEvents, events::pack),
        get("/events/questions", ViewEvents, questions::list),
        post("/events/searches", ViewEvents, events::searches),
        get("/events/{epoch}/{seq}", ViewEvents, events::one),
        get("/events/{epoch}/{seq}/pack.zip", ViewEvents, events::pack_of_one),
        // Settings.
        get("/settings", ViewSettings, settings::page),
        post("/settings/site", EditSettings, settings::site),
        post("/settings/zones", EditSettings, settings::zones),
        get("/settings/calendar.txt", ViewSettings, calendar::export),
        post("/settings/calendar", EditSettings, calendar::change),
        post("/settings/sensors", EditSettings, settings::sensors),
        post("/settings/users", ManageUsers, settings::users),
        // The vault.
        get("/vault", ViewSettings, vault::page),
        get("/vault/checkpoint", ViewSettings, vault::checkpoint),
        post("/vault/verify", EditSettings, vault::verify),
        post("/vault/export", EditSettings, pages::archives::export),
        post("/vault/holds", EditSettings, vault::holds),
        post("/vault/retention", EditSettings, vault::retention),
        // Clocks.
        get("/clocks", ViewSettings, clocks::page),
        get("/clocks/devices.csv", ExportAssets, clocks::csv),
        get(encryption::PATH, ViewSettings, encryption::page),
        post(encryption::PATH, EditSettings, encryption::change),
        // The API.
        get("/api/v1/openapi.json", OwnSettings, api::openapi),
        get("/api/v1/session", OwnSettings, api::session),
        get("/api/v1/status", ViewToday, api::status),
        get("/api/v1/assets", ViewAssets, api::assets),
        post("/api/v1/assets", EditAssets, api::enter_asset),
        get("/api/v1/assets/{id}", ViewAssets, api::asset),
        needs(Method::PATCH, "/api/v1/assets/{id}", EditAssets, api::edit_asset),
        post("/api/v1/assets/{id}/state", EditAssets, api::asset_state),
        get("/api/v1/assets/{id}/joins", ViewAssets, api::joins::list),
        post("/api/v1/assets/{id}/merge", EditAssets, api::joins::merge),
        post("/api/v1/assets/{id}/split", EditAssets, api::joins::split),
        post("/api/v1/assets/{id}/undo", EditAssets, api::joins::undo),
        get("/api/v1/stocktakes", ViewAssets, rounds::stocktakes),
        post("/api/v1/stocktakes", EditAssets, rounds::start),
        get("/api/v1/stocktakes/{id}", ViewAssets, rounds::one),
        get("/api/v1/stocktakes/{id}/entries", ViewAssets, rounds::entries),
        post("/api/v1/stocktakes/{id}/ticks", EditAssets, rounds::tick),
        post("/api/v1/stocktakes/{id}/photos", EditAssets, rounds::photo).large(),
        post("/api/v1/stocktakes/{id}/close", EditAssets, rounds::close),
        get("/api/v1/findings", ViewFindings, api::findings),
        get("/api/v1/findings/{id}", ViewFindings, api::finding),
        post("/api/v1/findings/{id}/handle", HandleFindings, api::handle_finding),
        get("/api/v1/events", ViewEvents, api::events),
        get("/api/v1/events/{epoch}/{seq}", ViewEvents, api::event),
        get("/api/v1/sensors", ViewSettings, api::sensors),
        get("/api/v1/zones", ViewSettings, api::zones),
        get("/api/v1/settings", ViewSettings, api::settings),
        get("/api/v1/vault", ViewSettings, api::vault::status),
        get("/api/v1/vault/checkpoint", ViewSettings, api::vault::checkpoint),
        get("/api/v1/vault/confirmations", ViewSettings, api::vault::confirmations),
        get("/api/v1/vault/exports", ViewSettings, api::vault::exports),
        get("/api/v1/vault/holds", ViewSettings, api::vault::holds),
        needs(Method::PUT, "/api/v1/settings/{name}", EditSettings, api::set_setting),
    ]
}

/// Method, path and permission of every route, for the snapshot, the API's document and the tests.
pub fn table() -> Vec<(String, &'static str, &'static str)> {
    routes().iter().map(|r| (r.method.to_string(), r.path, r.permission())).collect()
}
