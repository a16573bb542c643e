//! Blanks out secrets in a text that messages may quote, before anything is read from it: a file
//! that cannot be parsed may hold them too (T60).

use super::keys::{self, Scope};
use crate::base::diagnostic::Sources;
use crate::base::node::Place;

/// Words in a key's name that make its value a secret, known key or not.
const TELLTALES: [&str; 5] = ["secr", "passw", "token", "private_key", "signing_key"];

/// How long the names of secret keys are: text with many colons is passed over quickly.
const NAME_BYTES: std::ops::RangeInclusive<usize> = 5..=64;

/// Masks in `sources` what the lines of `text` say about secrets: the rest of the line after such
/// a key, every deeper line that follows, and the body of every PEM block.
pub(super) fn mask_lines(text: &str, source: u32, sources: &mut Sources) {
    let mut start = 0;
    // Column of the secret key whose value may go on in deeper lines.
    let mut inside: Option<usize> = None;
    let mut pem = false;
    for line in text.split_inclusive('\n') {
        let content = line.trim_end();
        let indent = content.len() - content.trim_start().len();
        let from = if content.contains("-----BEGIN") {
            pem = true;
            Some(indent)
        } else if pem || inside.is_some_and(|column| content.is_empty() || indent > column) {
            Some(indent)
        } else {
            let (column, value) = secret_key(content).unzip();
            inside = column;
            value
        };
        if content.contains("-----END") {
            pem = false;
        }
        if let Some(from) = from.filter(|from| *from < content.len()) {
            let number = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
            let place =
                Place { source, start: number(start + from), end: number(start + content.len()) };
            sources.mask(place);
        }
        start += line.len();
    }
}

/// The column of the first secret key in this line, and where its value begins. All of a JSON file
/// may be one line.
fn secret_key(line: &str) -> Option<(usize, usize)> {
    line.match_indices(':').find_map(|(colon, _)| {
        let (before, after) = line.split_at_checked(colon + 1)?;
        let before = before.trim_end_matches(':').trim_end_matches(['"', '\'', ' ']);
        let in_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let name = before.rsplit(|c| !in_name(c)).next().unwrap_or_default();
        let secret = NAME_BYTES.contains(&name.len()) && is_secret(name);
        let blanks = after.len() - after.trim_start().len();
        secret.then_some((before.len() - name.len(), colon + 1 + blanks))
    })
}

/// Whether the value of a key with this name must not be shown. Names of files may be.
pub(super) fn is_secret(name: &str) -> bool {
    if let Some(key) =
        [Scope::Top, Scope::Route].into_iter().find_map(|scope| keys::find(scope, name))
    {
        return key.secret;
    }
    let name = name.to_ascii_lowercase();
    TELLTALES.iter().any(|word| name.contains(word)) && !name.ends_with("_file")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_secrets_are_blanked_out_whatever_comes_of_the_file() {
        let text = "address: ':443'\nshared_secret: hunter2\nidp_private_key: |\n  -----BEGIN \
                    PRIVATE KEY-----\n  hunter2\n  -----END PRIVATE KEY-----\ncookie_secrt: hunter2\n\
                    cookie_secret_file: /run/cookie\ncookie_secret:\n  - hunter2\n  - hunter2\n\
                    signing_key: \"hunter2\n{a: 1, \"cookie_secret\": hunter2\nunclosed: [\n";
        let mut sources = Sources::default();
        let source = sources.add("config.yaml", text);
        mask_lines(text, source, &mut sources);
        let all =
            sources.slice(Place { source, start: 0, end: u32::try_from(text.len()).unwrap() });
        assert_eq!(all.len(), text.len(), "places stay where they are");
        let expected = ["address: ':443'", "cookie_secret_file: /run/cookie", "unclosed: ["];
        for line in expected {
            assert!(all.contains(line), "{all}");
        }
        assert!(!all.contains("hunter2"), "{all}");
    }
}
