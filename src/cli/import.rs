//! `russet import`: the configuration of another program becomes one of Russet's, with a report.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::exit::Exit;
use crate::config::import::oauth2_proxy::{Input, Translation, translate};

/// Largest file that is read, in bytes.
const MOST_BYTES: u64 = 1 << 20;

/// What was typed.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, Subcommand)]
enum From {
    /// oauth2-proxy: its TOML file, its alpha file, flags, variables of the environment
    #[command(name = "oauth2-proxy")]
    OAuth2Proxy(OAuth2Proxy),
}

#[derive(Debug, clap::Args)]
struct OAuth2Proxy {
    /// TOML or alpha YAML; or lines with flags or OAUTH2_PROXY_ variables, such as a unit or a
    /// compose file
    #[arg(value_name = "FILE", required_unless_present = "flags")]
    files: Vec<PathBuf>,
    /// Where to write the configuration; standard output unless given
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Where to write what became of each option: a file, or `stderr`
    #[arg(long, value_name = "FILE", default_value = "stderr")]
    report: PathBuf,
    /// Flags of oauth2-proxy, after `--`
    #[arg(last = true, value_name = "FLAGS")]
    flags: Vec<String>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Exit {
    let From::OAuth2Proxy(arguments) = &arguments.from;
    match import(arguments) {
        Ok(exit) => exit,
        Err((message, exit)) => {
            anstream::eprintln!("error: {message}");
            exit
        }
    }
}

fn import(arguments: &OAuth2Proxy) -> Result<Exit, (String, Exit)> {
    let mut inputs = Vec::new();
    for path in &arguments.files {
        let name = path.display().to_string();
        let text = read(path)
            .map_err(|error| (format!("{name} cannot be read: {error}"), Exit::Configuration))?;
        inputs.push(Input { name, text });
    }
    let named = |name: &str| read(Path::new(name)).ok();
    let Translation { configuration, report, unknown, broken } =
        translate(&inputs, &arguments.flags, &named);
    if arguments.report == Path::new("stderr") {
        anstream::eprint!("{report}");
    } else {
        write(&arguments.report, &report)?;
    }
    if broken > 0 {
        anstream::eprintln!("error: nothing was written, because not all could be read");
        return Ok(Exit::Configuration);
    }
    match &arguments.output {
        Some(path) => write(path, &configuration)?,
        None => io::stdout()
            .lock()
            .write_all(configuration.as_bytes())
            .map_err(|error| failed(format!("standard output cannot be written: {error}")))?,
    }
    Ok(if unknown > 0 { Exit::Failed } else { Exit::Fine })
}

fn failed(message: String) -> (String, Exit) {
    (message, Exit::Failed)
}

fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    // Security: a part of it could say something else than the whole, and let others in.
    if bytes.len() as u64 > MOST_BYTES {
        return Err(io::Error::other("it is longer than 1 MiB"));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is not text in UTF-8"))
}

/// Never over a file that is there: it may be a configuration that somebody has worked on.
fn write(path: &Path, text: &str) -> Result<(), (String, Exit)> {
    let opened = fs::OpenOptions::new().write(true).create_new(true).open(path);
    opened
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| failed(format!("{} cannot be written: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(folder: &Path, bytes: &[u8]) -> (Result<Exit, (String, Exit)>, bool) {
        let (file, output) = (folder.join("old.cfg"), folder.join("new.yaml"));
        fs::write(&file, bytes).unwrap();
        let report = folder.join("report.txt");
        let _gone = fs::remove_file(&report);
        let arguments =
            OAuth2Proxy { files: vec![file], output: Some(output.clone()), report, flags: vec![] };
        let ended = import(&arguments);
        (ended, fs::remove_file(output).is_ok())
    }

    /// A part of a file may let in others than the whole does, so a file that is too long or is not
    /// text is refused.
    #[test]
    fn a_file_is_read_as_a_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let long = [b"email_domains = [\"a.example\"]\n".to_vec(), b"#".repeat(1 << 20)].concat();
        for (bytes, told) in [(&long[..], "longer than 1 MiB"), (b"a = \"\xff\"", "not text")] {
            let (ended, written) = of(folder.path(), bytes);
            let (message, exit) = ended.unwrap_err();
            assert!(message.contains(told), "{message}");
            assert_eq!((exit, written), (Exit::Configuration, false));
        }
        let (ended, written) = of(folder.path(), b"not toml = = =\n[");
        assert_eq!((ended.unwrap(), written), (Exit::Configuration, false));
        let (ended, written) = of(folder.path(), &long[..1 << 20]);
        assert_eq!((ended.unwrap(), written), (Exit::Fine, true));
    }
}
