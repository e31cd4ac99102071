//! The command line as data: every command and option with its help in the language of the person (design: `hinomi NOUN VERB`).

use crate::words::Words;
use clap::{Arg, ArgAction, Command, value_parser};
use std::path::PathBuf;

/// Builds the command line. `words` decides the language of every help text.
pub fn command(words: &Words) -> Command {
    let w = |key: &str| words.say(key);
    let template = format!("{{name}} {{version}}\n{{about-with-newline}}\n{}: {{usage}}\n\n{{all-args}}{{after-help}}\n", w("help-usage"));
    let leaf = {
        let template = template.clone();
        let options = w("help-options");
        let arguments = w("help-arguments");
        let help = w("arg-help");
        move |name: &'static str, about: &str| {
            Command::new(name)
                .about(words.say(about))
                .help_template(template.clone())
                .disable_help_flag(true)
                .next_help_heading(options.clone())
                .arg(Arg::new("help").long("help").short('h').action(ArgAction::Help).help(help.clone()).help_heading(options.clone()))
                .mut_args({
                    let arguments = arguments.clone();
                    move |a| if a.is_positional() { a.help_heading(arguments.clone()) } else { a }
                })
        }
    };
    let group = |name: &'static str, about: &str, children: Vec<Command>| {
        leaf(name, about)
            .subcommand_required(true)
            .arg_required_else_help(true)
            .subcommand_help_heading(w("help-commands"))
            .disable_help_subcommand(true)
            .subcommands(children)
    };
    let files = |key: &str| {
        Arg::new("files")
            .value_name("FILE")
            .num_args(1..)
            .required(true)
            .value_parser(value_parser!(PathBuf))
            .help(w(key))
            .help_heading(w("help-arguments"))
    };
    let data = || Arg::new("data").long("data").value_name("DIR").value_parser(value_parser!(PathBuf)).help(w("arg-data"));
    let config = || Arg::new("config").long("config").value_name("FILE").value_parser(value_parser!(PathBuf)).help(w("arg-config"));
    let json = || Arg::new("json").long("json").action(ArgAction::SetTrue).help(w("arg-json"));
    let assets_csv = || Arg::new("assets").long("assets").value_name("CSV").value_parser(value_parser!(PathBuf)).help(w("arg-assets"));
    let rules =
        || Arg::new("rules").long("rules").value_name("PATH").num_args(1..).value_parser(value_parser!(PathBuf)).help(w("arg-rules"));
    let one = |name: &'static str, value: &'static str, key: &str| {
        Arg::new(name).value_name(value).required(true).help(w(key)).help_heading(w("help-arguments"))
    };
    let text = |name: &'static str, value: &'static str, key: &str| Arg::new(name).long(name).value_name(value).help(w(key));
    let place = |name: &'static str, value: &'static str, key: &str| {
        Arg::new(name).long(name).value_name(value).value_parser(value_parser!(PathBuf)).help(w(key))
    };
    let flag = |name: &'static str, key: &str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(w(key));
    let file =
        |name: &'static str, key: &str| Arg::new(name).long(name).value_name("FILE").value_parser(value_parser!(PathBuf)).help(w(key));
    let encoding = || {
        Arg::new("encoding")
            .long("encoding")
            .value_name("NAME")
            .value_parser(["utf-8", "shift_jis"])
            .default_value("utf-8")
            .help(w("arg-encoding"))
    };

    let locks = |command: Command| {
        command
            .arg(config())
            .arg(data())
            .arg(place("key-file", "PATH", "arg-key-file"))
            .arg(flag("passphrase", "arg-passphrase").conflicts_with("key-file"))
            .arg(flag("credential", "arg-credential").conflicts_with_all(["key-file", "passphrase"]))
    };
    let run = leaf("run", "cmd-run")
        .arg(config())
        .arg(data())
        .arg(Arg::new("interface").long("interface").value_name("NAME").action(ArgAction::Append).help(w("arg-interface")))
        .arg(
            Arg::new("capture")
                .long("capture")
                .value_name("FILE")
                .num_args(1..)
                .value_parser(value_parser!(PathBuf))
                .help(w("arg-capture")),
        )
        .arg(text("listen", "ADDRESS", "arg-listen"))
        .arg(assets_csv());
    let settings_file =
        || Arg::new("settings").long("settings").value_name("TOML").value_parser(value_parser!(PathBuf)).help(w("arg-settings"));
    let replay = leaf("replay", "cmd-replay")
        .arg(files("arg-replay-files"))
        .arg(data())
        .arg(rules())
        .arg(assets_csv())
        .arg(settings_file())
        .arg(json())
        .arg(
            Arg::new("print")
                .long("print")
                .value_name("WHAT")
                .value_delimiter(',')
                .value_parser(["findings", "assets", "flows", "activities"])
                .default_value("findings")
                .help(w("arg-print")),
        );
    Command::new("hinomi")
        .version(env!("CARGO_PKG_VERSION"))
        .about(w("cmd-hinomi"))
        .help_template(template.clone())
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .disable_help_subcommand(true)
        .subcommand_help_heading(w("help-commands"))
        .next_help_heading(w("help-options"))
        .arg(Arg::new("help").long("help").short('h').action(ArgAction::Help).help(w("arg-help")).global(false))
        .arg(Arg::new("version").long("version").short('V').action(ArgAction::Version).help(w("arg-version")))
        .arg(
            Arg::new("lang")
                .long("lang")
                .value_name("ja|en")
                .value_parser(["ja", "en"])
                .hide_possible_values(true)
                .global(true)
                .help(w("arg-lang"))
                .help_heading(w("help-options")),
        )
        .subcommand(run)
        .subcommand(leaf("doctor", "cmd-doctor").arg(config()).arg(data()).arg(json()))
        .subcommand(leaf("inspect", "cmd-inspect").arg(files("arg-inspect-files")).arg(json()))
        .subcommand(replay)
        .subcommand(group(
            "assets",
            "cmd-assets",
            vec![
                leaf("list", "cmd-assets-list")
                    .arg(config())
                    .arg(data())
                    .arg(json())
                    .arg(text("text", "WORDS", "arg-text"))
                    .arg(text("state", "STATE", "arg-state"))
                    .arg(text("list", "NAME", "arg-list"))
                    .arg(text("days", "DAYS", "arg-days")),
                leaf("show", "cmd-assets-show").arg(one("asset", "ASSET", "arg-asset")).arg(config()).arg(data()).arg(json()),
                leaf("import", "cmd-assets-import")
                    .arg(one("file", "CSV", "arg-csv").value_parser(value_parser!(PathBuf)))
                    .arg(config())
                    .arg(data())
                    .arg(json())
                    .arg(Arg::new("dry-run").long("dry-run").action(ArgAction::SetTrue).help(w("arg-dry-run"))),
                leaf("export", "cmd-assets-export")
                    .arg(config())
                    .arg(data())
                    .arg(encoding())
                    .arg(Arg::new("out").long("out").short('o').value_name("FILE").value_parser(value_parser!(PathBuf)).help(w("arg-out"))),
                leaf("clocks", "cmd-assets-clocks")
                    .arg(config())
                    .arg(data())
                    .arg(json())
                    .arg(place("csv", "FILE", "arg-clocks-csv").conflicts_with("json")),
            ],
        ))
        .subcommand(group(
            "findings",
            "cmd-findings",
            vec![
                leaf("list", "cmd-findings-list").arg(config()).arg(data()).arg(json()).arg(text("status", "STATUS", "arg-status")),
                leaf("show", "cmd-findings-show").arg(one("finding", "FINDING", "arg-finding")).arg(config()).arg(data()).arg(json()),
            ],
        ))
        .subcommand(group(
            "vault",
            "cmd-vault",
            vec![
                leaf("status", "cmd-vault-status").arg(config()).arg(data()).arg(json()).arg(place("archive", "FOLDER", "arg-archive")),
                leaf("verify", "cmd-vault-verify")
                    .arg(
                        Arg::new("packs")
                            .value_name("PACK")
                            .num_args(0..)
                            .value_parser(value_parser!(PathBuf))
                            .help(w("arg-packs"))
                            .help_heading(w("help-arguments")),
                    )
                    .arg(config())
                    .arg(data())
                    .arg(json())
                    .arg(place("archive", "FOLDER", "arg-archive"))
                    .arg(Arg::new("deep").long("deep").action(ArgAction::SetTrue).help(w("arg-deep")))
                    .arg(text("fingerprint", "FINGERPRINT", "arg-fingerprint"))
                    .arg(place("since", "FILE", "arg-since"))
                    .arg(text("witness", "VKEY", "arg-witness-key").action(ArgAction::Append)),
                leaf("prove", "cmd-vault-prove")
                    .arg(Arg::new("sql").value_name("SQL").help(w("arg-sql")).help_heading(w("help-arguments")))
                    .arg(config())
                    .arg(data())
                    .arg(place("out", "FILE", "arg-out-file").short('o').default_value("pack.zip"))
                    .arg(Arg::new("complete").long("complete").value_names(["TABLE", "FROM", "TO"]).num_args(3).help(w("arg-complete")))
                    .arg(text("hide", "GROUPS", "arg-hide").value_delimiter(',').value_parser(["addresses", "names", "text"]))
                    .arg(place("since", "FILE", "arg-since"))
                    .arg(text("by", "NAME", "arg-by")),
                leaf("query", "cmd-vault-query")
                    .arg(Arg::new("sql").value_name("SQL").num_args(0..).help(w("arg-sql")).help_heading(w("help-arguments")))
                    .arg(config())
                    .arg(data())
                    .arg(json())
                    .arg(place("archive", "FOLDER", "arg-archive"))
                    .arg(text("name", "NAME", "arg-question"))
                    .arg(text("format", "FORMAT", "arg-format").value_parser(["table", "json", "jsonl", "csv", "parquet"]))
                    .arg(Arg::new("explain").long("explain").action(ArgAction::SetTrue).help(w("arg-explain")))
                    .arg(text("limit", "ROWS", "arg-limit"))
                    .arg(text("seconds", "SECONDS", "arg-seconds"))
                    .arg(place("out", "FILE", "arg-out-file").short('o')),
                leaf("export", "cmd-vault-export")
                    .arg(place("to", "FOLDER", "arg-to").required(true))
                    .arg(config())
                    .arg(data())
                    .arg(json())
                    .arg(text("split", "SIZE", "arg-split"))
                    .arg(text("recipient", "AGE1…", "arg-recipient").action(ArgAction::Append))
                    .arg(text("by", "NAME", "arg-by")),
                leaf("import", "cmd-vault-import")
                    .arg(one("archive-path", "FOLDER", "arg-archive-path").value_parser(value_parser!(PathBuf)))
                    .arg(json()),
                leaf("hold", "cmd-vault-hold")
                    .arg(Arg::new("name").value_name("NAME").help(w("arg-hold-name")).help_heading(w("help-arguments")))
                    .arg(config())
                    .arg(data())
                    .arg(json())
                    .arg(text("reason", "WORDS", "arg-hold-reason"))
                    .arg(text("tables", "TABLES", "arg-hold-tables").value_delimiter(','))
                    .arg(text("from", "TIME", "arg-hold-from"))
                    .arg(text("until", "TIME", "arg-hold-until"))
                    .arg(Arg::new("lift").long("lift").action(ArgAction::SetTrue).help(w("arg-hold-lift"))),
                leaf("rollups", "cmd-vault-rollups").arg(config()).arg(data()).arg(json()),
                leaf("erase", "cmd-vault-erase")
                    .arg(Arg::new("sql").value_name("SQL").required(true).help(w("arg-erase-sql")).help_heading(w("help-arguments")))
                    .arg(config())
                    .arg(data())
                    .arg(json())
                    .arg(text("reason", "WORDS", "arg-erase-reason").required(true))
                    .arg(text("by", "NAME", "arg-by"))
                    .arg(flag("dry-run", "arg-erase-dry-run"))
                    .arg(flag("yes", "arg-erase-yes")),
                locks(leaf("encrypt", "cmd-vault-encrypt")).arg(json()).arg(text("by", "NAME", "arg-by")),
                leaf("decrypt", "cmd-vault-decrypt")
                    .arg(config())
                    .arg(data())
                    .arg(text("reason", "TEXT", "arg-decrypt-reason").required(true))
                    .arg(text("by", "NAME", "arg-by")),
                locks(leaf("rekey", "cmd-vault-rekey"))
                    .arg(flag("new-recovery-key", "arg-new-recovery-key"))
                    .arg(file("recovery-key-file", "arg-recovery-key-file"))
                    .arg(text("by", "NAME", "arg-by")),
                leaf("checkpoint", "cmd-vault-checkpoint")
                    .arg(config())
                    .arg(data())
                    .arg(json())
                    .arg(flag("print", "arg-checkpoint-print"))
                    .arg(file("svg", "arg-checkpoint-svg"))
                    .arg(file("html", "arg-checkpoint-html"))
                    .arg(file("check", "arg-checkpoint-check").conflicts_with_all(["print", "svg", "html", "cosign", "stamp"]))
                    .arg(flag("cosign", "arg-checkpoint-cosign"))
                    .arg(flag("stamp", "arg-checkpoint-stamp")),
            ],
        ))
        .subcommand(group(
            "rules",
            "cmd-rules",
            vec![
                leaf("check", "cmd-rules-check")
                    .arg(
                        Arg::new("paths")
                            .value_name("PATH")
                            .num_args(0..)
                            .value_parser(value_parser!(PathBuf))
                            .help(w("arg-rule-paths"))
                            .help_heading(w("help-arguments")),
                    )
                    .arg(json()),
                leaf("list", "cmd-rules-list").arg(json()),
            ],
        ))
        .subcommand(group(
            "users",
            "cmd-users",
            vec![
                leaf("add", "cmd-users-add")
                    .arg(one("name", "NAME", "arg-user"))
                    .arg(
                        Arg::new("role")
                            .long("role")
                            .value_name("ROLE")
                            .action(ArgAction::Append)
                            .required(true)
                            .value_parser(model::Role::ALL.iter().map(|r| r.name()).collect::<Vec<_>>())
                            .help(w("arg-role")),
                    )
                    .arg(config())
                    .arg(data()),
                leaf("reset", "cmd-users-reset").arg(one("name", "NAME", "arg-user")).arg(config()).arg(data()),
                leaf("list", "cmd-users-list").arg(config()).arg(data()).arg(json()),
            ],
        ))
        .subcommand(group(
            "settings",
            "cmd-settings",
            vec![
                leaf("export", "cmd-settings-export").arg(config()).arg(data()),
                leaf("import", "cmd-settings-import")
                    .arg(one("file", "TOML", "arg-settings-file").value_parser(value_parser!(PathBuf)))
                    .arg(config())
                    .arg(data()),
            ],
        ))
        .subcommand(group(
            "config",
            "cmd-config",
            vec![leaf("check", "cmd-config-check").arg(config()), leaf("show", "cmd-config-show").arg(config())],
        ))
        .subcommand(
            leaf("witness", "cmd-witness")
                .arg(data().required(true).help(w("arg-witness-data")))
                .arg(text("listen", "ADDRESS", "arg-witness-listen").default_value("127.0.0.1:8444"))
                .arg(text("log", "VKEY", "arg-witness-log").num_args(1..).action(ArgAction::Append))
                .arg(text("name", "NAME", "arg-witness-name"))
                .arg(file("tls-cert", "arg-witness-tls-cert").requires("tls-key"))
                .arg(file("tls-key", "arg-witness-tls-key").requires("tls-cert"))
                .arg(json())
                .after_help(w("witness-after-help")),
        )
        .subcommand(Command::new("opener").hide(true))
}
