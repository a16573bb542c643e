//! Near names, for "did you mean" in messages to operators.

/// The one of `known` that `name` is most likely a slip of, if any is near enough.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).clamp(1, 4);
    let folded = fold(name);
    known
        .into_iter()
        .map(|candidate| (distance(&folded, &fold(candidate)), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Case and the separators that people mix up do not count as slips.
fn fold(name: &str) -> Vec<char> {
    name.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).flat_map(char::to_lowercase).collect()
}

/// Edits (insert, delete, replace, swap of neighbours) that turn one name into the other.
fn distance(left: &[char], right: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    let mut left_before = None;
    for (row, a) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        let mut right_before = None;
        for (column, b) in right.iter().enumerate() {
            let at = |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX);
            let replaced = at(&last, column).saturating_add(usize::from(a != b));
            let inserted = at(&current, column).saturating_add(1);
            let deleted = at(&last, column + 1).saturating_add(1);
            let mut best = replaced.min(inserted).min(deleted);
            if left_before == Some(b) && right_before == Some(a) && column > 0 {
                best = best.min(at(&before_last, column - 1).saturating_add(1));
            }
            current.push(best);
            right_before = Some(b);
        }
        left_before = Some(a);
        before_last = std::mem::replace(&mut last, current);
    }
    last.last().copied().unwrap_or(0)
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
