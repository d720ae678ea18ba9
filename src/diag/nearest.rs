//! The known name that a mistyped one most resembles.

/// The candidate nearest to `name`, if it is near enough to be what was meant.
///
/// Distance is the Damerau-Levenshtein (optimal string alignment) distance without regard to case;
/// at most a third of the letters may differ.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = name.chars().count().div_ceil(3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|&(d, _)| d <= limit)
        .min_by_key(|&(d, _)| d)
        .map(|(_, candidate)| candidate)
}

fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.to_lowercase().chars().take(256).collect();
    let b: Vec<char> = b.to_lowercase().chars().take(256).collect();
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
