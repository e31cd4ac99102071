//! `hinomi users add/reset/list`: accounts, on the machine itself.

use super::{block_on, configuration, open_state};
use crate::clock::now;
use crate::outcome::{Verdict, bad_input, state_error, unreachable};
use crate::terminal;
use crate::words::Words;
use anyhow::Result;
use catalogue::phrases::Value;
use clap::ArgMatches;
use model::access::{Grant, ManageUsers, authorise};
use model::{Principal, Role};

/// A fresh one-time password and its hash.
fn one_time() -> Result<(String, String)> {
    let password = web::password::one_time_password().map_err(unreachable)?;
    let hash = web::password::hash(&password).map_err(unreachable)?;
    Ok((password, hash))
}

pub fn add(matches: &ArgMatches, words: &Words) -> Result<Verdict> {
    let config = configuration(matches)?;
    let name = matches.get_one::<String>("name").cloned().unwrap_or_default();
    let grants: Vec<Grant> = matches
        .get_many::<String>("role")
        .into_iter()
        .flatten()
        .filter_map(|r| Role::from_name(r))
        .map(|role| Grant { role, site: None, zone: None })
        .collect();
    let (password, hash) = one_time()?;
    block_on(async {
        let store = open_state(&config).await?;
        let proof = authorise(&Principal::machine(), ManageUsers, store.site().id, None)?;
        store.create_user(&proof, &name, &grants, &hash, now()).await.map_err(state_error)
    })?;
    terminal::line(&words.with("users-password", &[("name", Value::Text(&name)), ("password", Value::Text(&password))]))?;
    Ok(Verdict::Holds)
}

pub fn reset(matches: &ArgMatches, words: &Words) -> Result<Verdict> {
    let config = configuration(matches)?;
    let name = matches.get_one::<String>("name").cloned().unwrap_or_default();
    let (password, hash) = one_time()?;
    block_on(async {
        let store = open_state(&config).await?;
        let proof = authorise(&Principal::machine(), ManageUsers, store.site().id, None)?;
        let users = store.users(&proof).await.map_err(state_error)?;
        let user =
            users.iter().find(|u| u.name == name).ok_or_else(|| bad_input(words.with("users-unknown", &[("name", Value::Text(&name))])))?;
        store.reset_password(&proof, user.id, &hash, now()).await.map_err(state_error)
    })?;
    terminal::line(&words.with("users-password", &[("name", Value::Text(&name)), ("password", Value::Text(&password))]))?;
    Ok(Verdict::Holds)
}

pub fn list(matches: &ArgMatches, words: &Words) -> Result<Verdict> {
    let config = configuration(matches)?;
    let users = block_on(async {
        let store = open_state(&config).await?;
        let proof = authorise(&Principal::machine(), ManageUsers, store.site().id, None)?;
        store.users(&proof).await.map_err(state_error)
    })?;
    let mut rows = Vec::new();
    for user in &users {
        let roles: Vec<&str> = user.grants.iter().map(|g| g.role.name()).collect();
        if matches.get_flag("json") {
            terminal::json(
                &serde_json::json!({ "id": user.id, "name": user.name, "roles": roles, "enabled": user.enabled, "must_change_password": user.must_change_password, "last_login": user.last_login }),
            )?;
        } else {
            let state = if user.enabled { "users-enabled" } else { "users-disabled" };
            rows.push(vec![
                user.name.clone(),
                roles.join(", "),
                words.say(state),
                user.last_login.map(model::Time::rfc3339).unwrap_or_default(),
            ]);
        }
    }
    if !rows.is_empty() {
        terminal::line(terminal::table(&rows).trim_end())?;
    }
    Ok(Verdict::Holds)
}
