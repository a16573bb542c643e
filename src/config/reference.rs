//! The pages that are written from tables: the reference of keys and the list of diagnostics.

use std::fmt::Write as _;

use super::codes;
use super::keys::{FAMILIES, Family, Row, Scope, Status};

/// `docs/configuration.md`.
pub fn configuration_page() -> String {
    let mut page = String::from(INTRODUCTION);
    for family in FAMILIES {
        write_family(&mut page, family);
    }
    page
}

const INTRODUCTION: &str = "\
<!-- Written from src/config/keys by `UPDATE=1 cargo test --lib config::`; edit the table there. -->

# Configuration

Russet reads one file: `--config FILE`, else `$RUSSET_CONFIG`, else `/etc/russet/config.yaml`. It is
YAML (or JSON), at most 1 MiB. `russet check` says everything that is wrong with it, each with file,
line and column; docs/diagnostics.md lists the codes. `config.example.yaml` shows every key in its
place.

The names are Pomerium's, and mean what they mean there; keys marked *ours* are not in Pomerium. A key
of Pomerium's that Russet does not do yet is accepted at its default alone. A key that nobody knows
is an error.

- **Environment.** Every key at top level is also a variable: its name in capitals (`idp_client_id` is
  `IDP_CLIENT_ID`). A variable beats the file; an empty one counts for nothing. `POLICY` and `ROUTES`
  hold base64 of a YAML list of routes; `HEADERS` is another name of `SET_RESPONSE_HEADERS`.
- **Files.** `KEY_file` names a file that holds the value of `KEY`; blanks around the content do not
  count. A relative name counts from the directory that Russet starts in. A file with a secret
  that everybody on the machine can read is refused (`allow_readable_secret_files`).
- **Lists** may be written as text with commas, **maps** as JSON in one text.
- **Durations** have units: `30s`, `5m`, `1h30m`. Each key has its bounds.
";

fn write_family(page: &mut String, family: &Family) {
    let _ = write!(page, "\n## {}\n", family.title);
    let supported = || family.keys.iter().filter(|key| key.status.is_supported());
    if supported().next().is_some() {
        let _ = write!(page, "\n| key | value | default | meaning |\n| --- | --- | --- | --- |\n");
        for key in supported() {
            let default = if key.default.is_nothing() { "" } else { &format!("`{}`", key.default) };
            let ours = if matches!(key.status, Status::Ours) { " *Ours.*" } else { "" };
            let _ = writeln!(
                page,
                "| `{}` | {} | {default} | {}{ours} |",
                key.name,
                words(key, family.scope),
                key.text
            );
        }
    }
    let others = || family.keys.iter().filter(|key| !key.status.is_supported());
    if others().next().is_some() {
        let _ = write!(page, "\n| key | meaning | Russet |\n| --- | --- | --- |\n");
        for key in others() {
            let _ = writeln!(page, "| `{}` | {} | {} |", key.name, key.text, verdict(key));
        }
    }
}

fn words(key: &Row, scope: Scope) -> String {
    match (key.name, scope) {
        ("trusted_peers", _) => "a list".to_owned(),
        ("external_auth", _) => "a map".to_owned(),
        ("rotate", _) => "a map".to_owned(),
        ("certificates", _) => "a list of maps".to_owned(),
        ("jwt_claims_headers", _) => "a map, a list, or text with commas".to_owned(),
        ("to", _) => "a URL, or a list of one".to_owned(),
        ("policy", Scope::Route | Scope::SubPolicy) => "a policy".to_owned(),
        ("allowed_idp_claims", _) => "a map of claim to values".to_owned(),
        _ => key.kind.words(),
    }
}

fn verdict(key: &Row) -> String {
    match key.status {
        Status::Supported | Status::Ours => String::new(),
        Status::NotYet(meanwhile) if key.default.is_nothing() => {
            format!("Not yet. Meanwhile: {meanwhile}.")
        }
        Status::NotYet(meanwhile) => {
            format!("Not yet, except `{}`, its default. Meanwhile: {meanwhile}.", key.default)
        }
        Status::Fixed(why) => format!("Only `{}`: {why}.", key.default),
        Status::Ignored(why) => format!("Accepted without effect: {why}."),
        Status::Refused(instead) => format!("Refused: {instead}."),
    }
}

/// The list of this floor's codes in `docs/diagnostics.md`.
pub fn diagnostics_table() -> String {
    let mut table = String::from("| code | meaning |\n| --- | --- |\n");
    for code in codes::ALL {
        let _ = writeln!(table, "| {} | {} |", code.code, code.text);
    }
    table
}
