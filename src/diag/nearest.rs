//! The known name that a mistyped one most resembles.

/// The candidate nearest to `name`, if it is near enough to be what was meant.
///
/// Distance is the Damerau-Levenshtein (optimal string alignment) distance without regard to case;
/// at most a third of the letters may differ.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = name.chars().count().div_ceil(3).max(1);
    let name = letters(name);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let bound = best.map_or(limit, |(d, _)| d.saturating_sub(1));
        let other = letters(candidate);
        // The distance is at least the difference of the lengths.
        if other.len().abs_diff(name.len()) <= bound
            && let d = between(&name, &other)
            && d <= bound
        {
            best = Some((d, candidate));
        }
        if best.is_some_and(|(d, _)| d == 0) {
            break;
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// The question whether that candidate was meant: "did you mean `momentum`?".
pub fn meant<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(name, candidates).map(|near| format!("did you mean `{near}`?"))
}

/// The letters that are compared; names longer than this are alike if they begin alike.
fn letters(name: &str) -> Vec<char> {
    name.chars().flat_map(char::to_lowercase).take(256).collect()
}

/// How many letters must be added, left out, replaced or swapped with their neighbour to come from one name to the other.
pub fn distance(a: &str, b: &str) -> usize {
    between(&letters(a), &letters(b))
}

fn between(a: &[char], b: &[char]) -> usize {
    let mut before = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut row = vec![i + 1];
        for j in 0..b.len() {
            let swap = last[j] + usize::from(a[i] != b[j]);
            let mut best = swap.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_transpositions_and_not_strangers() {
        assert_eq!(nearest("Convolutoin", ["Concat", "Convolution"]), Some("Convolution"));
        assert_eq!(nearest("alhpa", ["beta", "alpha"]), Some("alpha"));
        assert_eq!(nearest("foo", ["bar", "momentum"]), None);
    }
}
