//! Near names, for "did you mean" in messages to operators.

use strsim::osa_distance;

/// The one of `known` that `name` is most likely a slip of, if any is near enough: at most one edit
/// for every three characters, and never more than four.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).clamp(1, 4);
    let folded = fold(name);
    known
        .into_iter()
        .map(|candidate| (osa_distance(&folded, &fold(candidate)), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Case, and the separators that people mix up, do not count as edits.
fn fold(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_strangers_are_not() {
        let known = ["idp_key_id", "idp_team_id", "cookie_expire", "routes"];
        assert_eq!(nearest("idp_keyid", known), Some("idp_key_id"));
        assert_eq!(nearest("cookie_expires", known), Some("cookie_expire"));
        assert_eq!(nearest("ruotes", known), Some("routes"));
        assert_eq!(nearest("idp-team-id", known), Some("idp_team_id"));
        assert_eq!(nearest("kubernetes", known), None);
    }
}
