//! `russet client-secret`: mints Apple's client secret for people who need one elsewhere, or looks
//! into one. The token alone goes to standard output, everything else to standard error.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::exit::Exit;
use crate::apple::client_secret::{Inspection, LONGEST, inspect, mint};
use crate::apple::key_file::{SigningKey, key_id_in_name};
use crate::apple::{APPLE, KeyIdentity, shape};
use crate::base::secret::Secret;
use crate::base::time::{Clock, Timestamp};

/// What was typed.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Team ID: ten characters, on Apple's membership page
    #[arg(long, value_name = "ID", required_unless_present = "verify")]
    team_id: Option<String>,
    /// Key ID: ten characters, in the name of the .p8 file
    #[arg(long, value_name = "ID", required_unless_present = "verify")]
    key_id: Option<String>,
    /// Services ID, such as com.example.wiki
    #[arg(long, value_name = "ID", required_unless_present = "verify")]
    client_id: Option<String>,
    /// The .p8 file that Apple gave you
    #[arg(long, value_name = "FILE", required_unless_present = "verify")]
    key: Option<PathBuf>,
    /// How long it is good for: a number with s, m, h or d; 15777000s at most
    #[arg(long, value_name = "TIME", default_value = "180d", value_parser = lifetime)]
    expires: Duration,
    /// Look into this client secret instead; `-` reads it from standard input
    #[arg(long, value_name = "TOKEN", conflicts_with_all = ["team_id", "key_id", "client_id", "key"])]
    verify: Option<String>,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How to print the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people, and the bare token for scripts
    Text,
    /// One JSON object
    Json,
}

/// What is wrong with the command, and how it ends.
#[derive(Debug)]
struct Complaint(Exit, String);

/// Runs the command.
pub fn run(arguments: &Arguments) -> Exit {
    let now = Clock::system().now();
    let done = match &arguments.verify {
        Some(token) => verify(token, arguments.format, now),
        None => minted(arguments, now),
    };
    done.unwrap_or_else(|Complaint(exit, message)| {
        anstream::eprintln!("error: {message}");
        exit
    })
}

fn minted(arguments: &Arguments, now: Timestamp) -> Result<Exit, Complaint> {
    let needed = |value: &Option<String>| value.clone().unwrap_or_default();
    let [team_id, key_id] = [
        ten_characters("--team-id", needed(&arguments.team_id), "on Apple's membership page")?,
        ten_characters("--key-id", needed(&arguments.key_id), "in the name of the .p8 file")?,
    ];
    let client_id = services_id(needed(&arguments.client_id))?;
    let path = arguments.key.as_deref().unwrap_or(Path::new(""));
    let key = read_key(path)?;
    if let Some(named) = key_id_in_name(path).filter(|named| *named != key_id) {
        anstream::eprintln!(
            "warning: --key-id is {key_id}, but the file is called after the key {named}; Apple \
             answers invalid_client if they do not belong together"
        );
    }
    let expires_at = now.plus(arguments.expires);
    let identity = KeyIdentity { team_id, key_id, key };
    let secret = mint(&identity, &client_id, APPLE, now, expires_at)
        .map_err(|error| Complaint(Exit::Failed, error.to_string()))?;
    print_secret(&secret, expires_at, arguments.format);
    anstream::eprintln!("It expires at {}.", both_times(expires_at, &TimeZone::system()));
    anstream::eprintln!(
        "warning: Russet does not need it: give it the .p8 itself (idp_private_key_file), and it \
         mints one whenever it talks to Apple. With a ready-made one every sign-in fails on the \
         day it expires."
    );
    Ok(Exit::Fine)
}

fn print_secret(secret: &Secret, expires_at: Timestamp, format: Format) {
    let token = secret.expose_str().unwrap_or_default();
    match format {
        Format::Text => anstream::println!("{token}"),
        Format::Json => {
            let both = json!({"client_secret": token, "expires_at": expires_at.to_string()});
            anstream::println!("{both}");
        }
    }
}

fn verify(token: &str, format: Format, now: Timestamp) -> Result<Exit, Complaint> {
    let mut read = String::new();
    let token = if token == "-" {
        let input = std::io::stdin().take(64 * 1024).read_to_string(&mut read);
        input.map_err(|error| {
            Complaint(Exit::Failed, format!("standard input cannot be read: {error}"))
        })?;
        &read
    } else {
        token
    };
    let found = inspect(token, APPLE, now);
    match format {
        Format::Text => anstream::print!("{}", as_text(&found, now, &TimeZone::system())),
        Format::Json => anstream::println!("{}", as_json(&found)),
    }
    Ok(if found.problems.is_empty() { Exit::Fine } else { Exit::Failed })
}

fn as_text(found: &Inspection, now: Timestamp, zone: &TimeZone) -> String {
    let mut lines = Vec::new();
    let mut line = |name: &str, value: Option<&Value>, meaning: &str| {
        if let Some(value) = value {
            // As JSON, so that no terminal is told anything by a token.
            lines.push(format!("{name:4} {value}  {meaning}"));
        }
    };
    line("alg", found.header.get("alg"), "algorithm");
    line("kid", found.header.get("kid"), "Key ID");
    line("iss", found.claims.get("iss"), "Team ID");
    line("sub", found.claims.get("sub"), "Services ID");
    line("aud", found.claims.get("aud"), "meant for");
    if let Some(at) = found.issued_at {
        lines.push(format!("iat  {}", both_times(at, zone)));
    }
    if let Some(at) = found.expires_at {
        let left = at.seconds_since(now);
        let left = match left {
            ..=0 => String::new(),
            1..=86_399 => format!(", {left} s from now"),
            _ => format!(", {} days from now", left / 86_400),
        };
        lines.push(format!("exp  {}{left}", both_times(at, zone)));
    }
    lines.extend(found.problems.iter().map(|problem| format!("wrong: {problem}")));
    if found.problems.is_empty() {
        lines.push(
            "Nothing is wrong with it as far as can be seen; only Apple can tell whether the \
             signature is by the right key."
                .to_owned(),
        );
    }
    lines.join("\n") + "\n"
}

fn as_json(found: &Inspection) -> Value {
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    let problems: Vec<_> = found.problems.iter().map(ToString::to_string).collect();
    json!({
        "header": found.header, "claims": found.claims, "issued_at": time(found.issued_at),
        "expires_at": time(found.expires_at), "problems": problems,
    })
}

/// A moment in the zone of the reader, and in UTC.
fn both_times(at: Timestamp, zone: &TimeZone) -> String {
    match jiff::Timestamp::from_second(at.0) {
        Ok(moment) => {
            let local = moment.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z");
            format!("{local} ({at})")
        }
        Err(_) => at.to_string(),
    }
}

fn ten_characters(flag: &str, value: String, place: &str) -> Result<String, Complaint> {
    not_a_placeholder(flag, &value)?;
    if shape::is_ten_characters(&value) {
        return Ok(value);
    }
    let message =
        format!("{flag} must be ten capital letters and digits, {place}; {value:?} is not");
    Err(Complaint(Exit::Usage, message))
}

fn services_id(value: String) -> Result<String, Complaint> {
    not_a_placeholder("--client-id", &value)?;
    if shape::is_services_id(&value) {
        return Ok(value);
    }
    let message = format!(
        "--client-id must be the Services ID, like com.example.wiki (Identifiers page, type \
         Services IDs); {value:?} is not"
    );
    Err(Complaint(Exit::Usage, message))
}

fn not_a_placeholder(flag: &str, value: &str) -> Result<(), Complaint> {
    if shape::is_placeholder(value) {
        let message = format!("{flag} is the placeholder {value:?}; put your own value there");
        return Err(Complaint(Exit::Usage, message));
    }
    Ok(())
}

fn read_key(path: &Path) -> Result<SigningKey, Complaint> {
    let complaint =
        |problem: String| Complaint(Exit::Failed, format!("{}: {problem}", path.display()));
    let content = std::fs::read(path).map_err(|error| complaint(error.to_string()))?;
    let content = Secret::new(content);
    SigningKey::read(content.expose()).map_err(|error| complaint(error.to_string()))
}

/// Reads `180d`, `4320h`, `90m`, `15777000s`.
fn lifetime(text: &str) -> Result<Duration, String> {
    const WANTED: &str = "write a whole number with s, m, h or d, such as 180d";
    let split = text.len().saturating_sub(1);
    let (number, unit) = text.split_at_checked(split).ok_or(WANTED)?;
    let unit_seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(WANTED.to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| WANTED)?;
    let lifetime = Duration::from_secs(number.saturating_mul(unit_seconds));
    if lifetime.is_zero() || lifetime > LONGEST {
        return Err("Apple allows between 1s and 15777000s (182 days)".to_owned());
    }
    Ok(lifetime)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use clap::Parser as _;

    const NOW: Timestamp = Timestamp(1_800_000_000);

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn parse(line: &[&str]) -> Result<Arguments, clap::Error> {
        let line = Line::try_parse_from([&["client-secret"], line].concat());
        line.map(|line| line.arguments)
    }

    fn key_file(folder: &Path, name: &str) -> PathBuf {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let der = STANDARD.encode(pair.to_pkcs8v1().unwrap().as_ref());
        let path = folder.join(name);
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n");
        std::fs::write(&path, pem).unwrap();
        path
    }

    fn complaint(team: &str, key_id: &str, client: &str, path: &str) -> Complaint {
        let line = ["--team-id", team, "--key-id", key_id, "--client-id", client, "--key", path];
        minted(&parse(&line).unwrap(), NOW).unwrap_err()
    }

    #[test]
    fn four_values_mint_a_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = key_file(folder.path(), "AuthKey_ABC123DEFG.p8");
        let path = path.to_str().unwrap();
        let line = ["--team-id", "TEAM123456", "--key-id", "ABC123DEFG", "--client-id", "com.a.b"];
        let arguments = parse(&[&line[..], &["--key", path]].concat()).unwrap();
        assert_eq!(arguments.expires, Duration::from_secs(180 * 86_400));
        assert_eq!(run(&arguments), Exit::Fine);
    }

    #[test]
    fn placeholders_and_odd_ids_are_refused_as_such() {
        let said = |complaint: Complaint| {
            assert_eq!(complaint.0, Exit::Usage);
            complaint.1
        };
        let message = said(complaint("YOUR_TEAM_ID", "ABC123DEFG", "com.a.b", "k"));
        assert_eq!(
            message,
            "--team-id is the placeholder \"YOUR_TEAM_ID\"; put your own value there"
        );
        assert!(
            said(complaint("TEAM123456", "<key id>", "com.a.b", "k")).contains("--key-id is the")
        );
        let message = said(complaint("TEAM123456", "abc123defg", "com.a.b", "k"));
        assert!(message.starts_with("--key-id must be ten capital letters"), "{message}");
        let message = said(complaint("TEAM123456", "ABC123DEFG", "https://a.b", "k"));
        assert!(message.starts_with("--client-id must be the Services ID"), "{message}");
    }

    #[test]
    fn a_key_that_cannot_be_read_is_named_with_its_defect() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.p8");
        let text = path.to_str().unwrap();
        let Complaint(exit, message) = complaint("TEAM123456", "ABC123DEFG", "com.a.b", text);
        assert_eq!(exit, Exit::Failed);
        assert!(message.contains("key.p8: No such file"), "{message}");
        std::fs::write(&path, "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----")
            .unwrap();
        let Complaint(_, message) = complaint("TEAM123456", "ABC123DEFG", "com.a.b", text);
        assert!(message.contains("key.p8: it is a certificate"), "{message}");
    }

    #[test]
    fn a_lifetime_has_a_unit_and_six_months_at_most() {
        for (text, seconds) in [
            ("180d", 15_552_000),
            ("15777000s", 15_777_000),
            ("1s", 1),
            ("90m", 5400),
            ("4382h", 15_775_200),
        ] {
            assert_eq!(lifetime(text).unwrap().as_secs(), seconds, "{text}");
        }
        for text in [
            "",
            "d",
            "0s",
            "-1d",
            "183d",
            "15777001s",
            "1y",
            "180",
            "1.5d",
            "1\u{e4}",
            "99999999999999999999d",
            "18446744073709551615d",
        ] {
            assert!(lifetime(text).is_err(), "{text}");
        }
    }

    #[test]
    fn either_mint_or_verify() {
        assert!(parse(&[]).is_err());
        assert!(parse(&["--team-id", "TEAM123456"]).is_err());
        assert!(parse(&["--verify", "x", "--team-id", "TEAM123456"]).is_err());
        assert!(parse(&["--verify", "-", "--format", "json"]).is_ok());
    }

    #[test]
    fn verify_shows_what_is_in_it_and_what_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let key = read_key(&key_file(folder.path(), "k.p8")).unwrap();
        let identity =
            KeyIdentity { team_id: "TEAM123456".into(), key_id: "ABC123DEFG".into(), key };
        let end = Timestamp(NOW.0 + 3 * 86_400);
        let secret = mint(&identity, "com.example.wiki", APPLE, NOW, end).unwrap();
        let token = secret.expose_str().unwrap();
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        assert_eq!(
            as_text(&inspect(token, APPLE, NOW), NOW, &zone),
            "alg  \"ES256\"  algorithm\n\
             kid  \"ABC123DEFG\"  Key ID\n\
             iss  \"TEAM123456\"  Team ID\n\
             sub  \"com.example.wiki\"  Services ID\n\
             aud  \"https://appleid.apple.com\"  meant for\n\
             iat  2027-01-15 08:59:00 CET (2027-01-15T07:59:00Z)\n\
             exp  2027-01-18 09:00:00 CET (2027-01-18T08:00:00Z), 3 days from now\n\
             Nothing is wrong with it as far as can be seen; only Apple can tell whether the \
             signature is by the right key.\n"
        );
        let late = inspect(token, APPLE, end);
        let text = as_text(&late, end, &zone);
        assert!(
            text.ends_with("wrong: it expired at 2027-01-18T08:00:00Z; mint a new one\n"),
            "{text}"
        );
        let json = as_json(&late);
        assert_eq!(json["claims"]["sub"], "com.example.wiki");
        assert_eq!(json["expires_at"], "2027-01-18T08:00:00Z");
        assert_eq!(json["problems"][0], "it expired at 2027-01-18T08:00:00Z; mint a new one");
        assert_eq!(verify(token, Format::Json, end).unwrap(), Exit::Failed);
        assert_eq!(verify(&format!(" {token}\n"), Format::Text, NOW).unwrap(), Exit::Fine);
        assert_eq!(verify("YOUR_SECRET", Format::Text, NOW).unwrap(), Exit::Failed);
    }
}
