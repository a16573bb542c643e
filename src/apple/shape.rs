//! What the values that Apple hands out look like.

/// Whether `text` looks like a Team ID or a Key ID: ten capital letters and digits.
pub fn is_ten_characters(text: &str) -> bool {
    text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// Whether `text` could be a Services ID: a reverse-domain string.
pub fn is_services_id(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    text.contains('.') && text.len() <= 255 && text.bytes().all(plain)
}

/// Whether `text` is a sample value that nobody replaced, such as `YOUR_TEAM_ID` or `<key id>`.
pub fn is_placeholder(text: &str) -> bool {
    const WORDS: [&str; 8] =
        ["YOUR_", "YOUR-", "YOUR ", "REPLACE", "CHANGEME", "CHANGE_ME", "PLACEHOLDER", "XXXXX"];
    let upper = text.trim().to_ascii_uppercase();
    let bracketed = [('<', '>'), ('{', '}'), ('[', ']')];
    upper == "..."
        || upper.starts_with("${")
        || bracketed.iter().any(|(open, close)| upper.starts_with(*open) && upper.ends_with(*close))
        // Keys and tokens are long, and may hold anything by chance.
        || (upper.len() < 100 && WORDS.iter().any(|word| upper.contains(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_ten_characters() {
        assert!(is_ten_characters("ABC123DEFG"));
        for other in ["ABC123DEF", "abc123defg", "ABC123DEFGH", "ABC-23DEFG", ""] {
            assert!(!is_ten_characters(other), "{other}");
        }
    }

    #[test]
    fn a_services_id_reads_like_a_domain() {
        assert!(is_services_id("com.example.wiki-web"));
        for other in ["wiki", "https://example.com", "com.example wiki", ""] {
            assert!(!is_services_id(other), "{other}");
        }
    }

    #[test]
    fn sample_values_are_known_as_such() {
        for sample in ["YOUR_TEAM_ID", "<team id>", "XXXXXXXXXX", "changeme", "${TEAM}", "..."] {
            assert!(is_placeholder(sample), "{sample}");
        }
        for real in ["ABC123DEFG", "com.example.wiki", "YOURX23DEF"] {
            assert!(!is_placeholder(real), "{real}");
        }
    }
}
