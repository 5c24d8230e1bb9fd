//! The known name that a person most likely meant.

/// The candidate with the smallest edit distance to `name`, if it is near enough to be a slip: one
/// edit in three characters, case aside. Among equals the first in the order of the alphabet.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    let longest_slip = (name.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= longest_slip)
        .min()
        .map(|(_, candidate)| candidate)
}

/// ``did you mean `NAME`?`` for [`nearest`], as a hint for a person.
pub fn did_you_mean<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest(name, candidates).map(|candidate| format!("did you mean `{candidate}`?"))
}

/// Insertions, deletions, replacements and swaps of neighbours that turn `left` into `right`.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for i in 1..=left.len() {
        let mut row = vec![i];
        for j in 1..=right.len() {
            let same = left[i - 1] == right[j - 1];
            let mut best = (above[j - 1] + usize::from(!same))
                .min(above[j] + 1)
                .min(row[j - 1] + 1);
            let swapped =
                i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1];
            if swapped {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_a_swap_as_one_slip() {
        assert_eq!(distance("plugin", "pulgin"), 1);
        assert_eq!(distance("plugin", "pluginn"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "same"), 0);
    }

    #[test]
    fn offers_only_what_is_near() {
        let known = ["connector", "segment", "action", "last_name"];
        assert_eq!(nearest("segmnet", known), Some("segment"));
        assert_eq!(nearest("Connector", known), Some("connector"));
        assert_eq!(nearest("lastname", known), Some("last_name"));
        assert_eq!(nearest("fields", known), None);
    }

    #[test]
    fn the_first_of_equals_is_offered_in_any_order() {
        assert_eq!(nearest("cat", ["car", "bat"]), Some("bat"));
        assert_eq!(nearest("cat", ["bat", "car"]), Some("bat"));
    }
}
