//! What the pages show, as plain data, and the templates that show it.
//!
//! A handler asks state and vault, formats times and amounts for the reader ([`When`], [`Amount`]), fills one of the page structs
//! here and renders it (`askama::Template::render`). All words come from `locales/{ja,en}/*.ftl` through [`T`]; what a finding says
//! comes ready from its rule. Nothing here reads a clock, a database or a request.
//!
//! # Addresses and forms
//!
//! Every form posts without script, carries `csrf`, and answers with 303 to the page that shows the result.
//!
//! | address | what | fields |
//! | --- | --- | --- |
//! | `GET /login`, `POST /login` | [`LoginPage`] | `name`, `password`, `next` |
//! | `POST /logout` | | |
//! | `GET /password`, `POST /password` | [`PasswordPage`] | `current`, `new`, `again` |
//! | `GET /` | [`TodayPage`] | |
//! | `GET /assets` | [`AssetsPage`] | `q`, `state`, `kind`, `zone`, `sort`, `dir` (`asc`/`desc`), `page` |
//! | `GET /assets/export.csv`, `/assets/export.json` | the same filter as the page | `encoding` (`utf-8`/`shift_jis`), and the filter |
//! | `POST /assets/register` | registers several | `id` (repeated), `zone` (may be empty), `back` |
//! | `GET /assets/new`, `POST /assets/new` | [`AssetNewPage`] | the ledger's fields, `macs`, `ips` |
//! | `GET /assets/import`, `POST /assets/import` | [`ImportPage`], multipart | `file` or `held` (a file that was checked), `m0`, `m1`, … (what the columns mean), `encoding` (`auto`/`utf-8`/`shift_jis`), `step` (`check`/`apply`) |
//! | `GET /assets/{id}`, `POST /assets/{id}` | [`AssetPage`] | `rev` and the ledger's fields, named as in `model::asset::Ledger` |
//! | `POST /assets/{id}/state` | | `state`, `rev` |
//! | `GET /stocktakes`, `POST /stocktakes` | [`StocktakesPage`] | `name`, `zone`, `place`, `assignee`, `due`, `note`, `discovered` |
//! | `GET /stocktakes/{id}` | [`StocktakePage`] | `which` (`open`/`done`/`differences`/`all`), `q`, `page` |
//! | `GET`, `POST /stocktakes/{id}/entries/{entry}` | [`StockEntryPage`], multipart | `tick`, `rev`, `result`, `note`, `place_now`, `console_ports`, `blocked_ports`, `unknown_plugs`, `label`, `photo` |
//! | `POST /stocktakes/{id}/settle` | | `tick`, `take` (`yes`/`no`) |
//! | `POST /stocktakes/{id}/close` | | `rev`, `rest`, `rest_why`, `apply`, `next_due`, `note` |
//! | `GET /stocktakes/tag/{id}` | where a printed label leads | |
//! | `GET /stocktakes/labels` | [`LabelsPage`] | `zone`, `place`, `stocktake` |
//! | `GET /findings` | [`FindingsPage`] | `severity`, `status` (`open` is the default, `all` for all), `rule`, `asset`, `sort`, `dir`, `page` |
//! | `GET /findings/{id}`, `POST /findings/{id}` | [`FindingPage`] | `act` (`acknowledge`/`explain`/`close`/`reopen`), `note`, `until` (`YYYY-MM-DD`), `rev` |
//! | `GET /events` | [`EventsPage`] | `q` (words), `asset`, `finding`, `table`, `sensor`, `from`, `to`, `before`, `after` (cursors), `page` |
//! | `GET /events/export.csv`, `.json`, `.jsonl`, `/events/pack.zip` | what the page shows | the same, `encoding` |
//! | `GET /events/questions` | [`questions::QuestionsPage`] | `name`, `ask`, `explain`, and what the question asks for |
//! | `POST /events/searches` | searches that one keeps | `act` (`keep`/`forget`), `name`, `query`, `id` |
//! | `GET /events/{epoch}/{seq}/pack.zip` | evidence pack of one record | |
//! | `GET /events/{epoch}/{seq}` | [`EventPage`] | |
//! | `GET /settings` | [`SettingsPage`] | |
//! | `POST /settings/language` | | `lang` (`ja`/`en`), `back` |
//! | `POST /settings/theme` | | `theme` (`system`/`light`/`dark`), `back` |
//! | `POST /settings/site` | | `key`, `rev`, `value` |
//! | `POST /settings/zones` | adds, changes, removes | `act` (`add`/`save`/`remove`), `id`, `rev`, `name`, `layer`, `ranges`, `vlans` (separated by spaces, commas or line ends) |
//! | `POST /settings/sensors` | a sensor's name | `id`, `rev`, `name` |
//! | `POST /settings/users` | | `act` (`add`/`enable`/`disable`/`reset`), `id`, `rev`, `name`, `role` (repeated) |
//! | `GET /vault` | [`vault::VaultPage`] | |
//! | `GET /vault/checkpoint` | [`vault::CheckpointPage`], for paper | |
//! | `POST /vault/verify` | looks through everything | `depth` (`files`/`deep`) |
//! | `POST /vault/holds` | | `act` (`add`/`lift`), `name`, `reason`, `table`, `from`, `to` |
//! | `POST /vault/retention` | | `key`, `rev`, `value` |
//! | `GET /clocks`, `GET /clocks/devices.csv` | [`clocks::ClocksPage`], its devices | `encoding` |
//! | `POST /vault/export` | starts an export, or stops the one that goes on | `act` (`start`/`stop`), `folder` |
//! | `GET /vault/encryption`, `POST /vault/encryption` | [`encryption::EncryptionPage`]; the recovery key once | `act` (`on`/`off`/`rekey`/`recovery`), `how` (`file`/`passphrase`/`credential`), `key_file`, `passphrase`, `passphrase_again`, `reason` |
//! | `GET /live` | server-sent events `finding`, `asset`, `sensor`, `resync` (all of them); the data is never shown | |
//! | `GET /ui/{file}` | [`bundle::FILES`] | `v` = [`bundle::VERSION`], so it may be cached for ever |
//!
//! `/live` carries one event per notice, named as above; the page then fetches its own address again and swaps the parts marked
//! `data-live`, so no address for fragments is needed. `back` is a path on this host and nothing else: refuse anything that does
//! not start with one single `/`.

pub mod archives;
pub mod assets;
pub mod brush;
pub mod bundle;
pub mod calendar;
pub mod chart;
pub mod clocks;
pub mod encryption;
pub mod events;
pub mod findings;
pub mod plain;
pub mod questions;
pub mod settings;
pub mod shell;
pub mod stocktake;
pub mod today;
pub mod vault;
pub mod words;

pub use assets::*;
pub use calendar::*;
pub use chart::{Hour, Traffic};
pub use events::{EventPage, EventRow, EventsPage, Facet, ProofCard, RawRow};
pub use findings::*;
pub use plain::{ErrorPage, ImportColumn, ImportPage, ImportReport, ImportRow, LoginPage, PasswordPage};
pub use settings::*;
pub use shell::*;
pub use stocktake::*;
pub use today::*;
pub use words::T;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod samples_stocktake;
#[cfg(test)]
mod samples_vault;
