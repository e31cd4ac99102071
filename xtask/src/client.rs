//! A person at the console, by curl: logs in with the one-time password, changes it, and asks for pages.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the one-time password is changed to.
const PASSWORD: &str = "Hikari-Nagare-92-benchmark";

/// A logged-in session.
pub struct Client {
    address: String,
    cookies: PathBuf,
    inside: Option<String>,
}

/// A command, inside a network namespace where one is named.
pub fn inside(namespace: Option<&str>, program: &Path) -> Command {
    match namespace {
        Some(namespace) => {
            let mut command = Command::new("ip");
            command.args(["netns", "exec", namespace]).arg(program);
            command
        }
        None => Command::new(program),
    }
}

impl Client {
    /// Logs in as `admin` for the first time. `cookies` is a file of the session's own; `namespace` where the console listens.
    pub fn first_login(address: &str, one_time: &str, cookies: &Path, namespace: Option<&str>) -> Result<Client> {
        let client = Client { address: address.to_owned(), cookies: cookies.to_owned(), inside: namespace.map(str::to_owned) };
        let _ = std::fs::remove_file(cookies);
        let form = client.curl(&["/login"])?;
        client.post("/login", &[("csrf", &token(&form)?), ("next", "/"), ("name", "admin"), ("password", one_time)])?;
        let form = client.curl(&["/password"])?;
        client.post("/password", &[("csrf", &token(&form)?), ("current", one_time), ("new", PASSWORD), ("again", PASSWORD)])?;
        if !client.curl(&["/"])?.contains("/logout") {
            bail!("the log-in did not work");
        }
        Ok(client)
    }

    /// What a path answers; `args` are the path and then options of curl.
    pub fn curl(&self, args: &[&str]) -> Result<String> {
        let (path, rest) = args.split_first().context("no path")?;
        let cookies = self.cookies.display().to_string();
        let out = inside(self.inside.as_deref(), Path::new("curl"))
            .args(["-sS", "-k", "-b", &cookies, "-c", &cookies])
            .args(rest)
            .arg(format!("{}{path}", self.address))
            .output()?;
        if !out.status.success() {
            bail!("curl {path}: {}", String::from_utf8_lossy(&out.stderr));
        }
        Ok(String::from_utf8_lossy(&out.stdout).into_owned())
    }

    /// The JSON that a path answers.
    pub fn json(&self, path: &str) -> Result<serde_json::Value> {
        let text = self.curl(&[path])?;
        serde_json::from_str(&text).with_context(|| format!("{path} answered {text}"))
    }

    fn post(&self, path: &str, fields: &[(&str, &str)]) -> Result<String> {
        let pairs: Vec<String> = fields.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let origin = format!("Origin: {}", self.address);
        let mut args = vec![path, "-H", origin.as_str()];
        for pair in &pairs {
            args.extend(["--data-urlencode", pair]);
        }
        self.curl(&args)
    }
}

/// The CSRF token of a form.
fn token(form: &str) -> Result<String> {
    let (_, rest) = form.split_once("name=\"csrf\" value=\"").context("the form has no token")?;
    let (token, _) = rest.split_once('"').context("the form is cut")?;
    Ok(token.to_owned())
}
