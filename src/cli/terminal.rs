//! Fits text to the terminal, where there is one.

use std::io::IsTerminal;

use terminal_size::{Width, terminal_size};

/// The columns of the terminal that the standard output is; none where it is something else.
pub(super) fn width() -> Option<usize> {
    let is_terminal = std::io::stdout().is_terminal();
    columns().filter(|_| is_terminal)
}

/// The columns of the terminal that complaints go to; 120 where they go elsewhere.
pub(super) fn width_of_complaints() -> usize {
    let is_terminal = std::io::stderr().is_terminal();
    columns().filter(|_| is_terminal).map_or(120, |columns| columns.clamp(60, 200))
}

fn columns() -> Option<usize> {
    let (Width(columns), _) = terminal_size()?;
    Some(usize::from(columns)).filter(|&columns| 0 < columns)
}

/// A text for the standard output, with lines no longer than a terminal has room for.
pub(super) fn wrapped(text: &str) -> String {
    match width() {
        Some(columns) => text.lines().map(|line| broken(line, columns.max(40)) + "\n").collect(),
        None => text.to_owned(),
    }
}

/// A line in several: after the first they are indented as it is.
fn broken(line: &str, columns: usize) -> String {
    let words = line.trim_start();
    let margin = &line[..line.len() - words.len()];
    let mut out = margin.to_owned();
    let mut used = margin.len();
    for (i, word) in words.split(' ').enumerate() {
        let length = word.chars().count();
        if i == 0 {
        } else if columns < used + 1 + length {
            out.push('\n');
            out.push_str(margin);
            used = margin.len();
        } else {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += length;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::broken;

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(broken("  one two three", 10), "  one two\n  three");
        assert_eq!(broken("a  b", 40), "a  b");
        assert_eq!(broken("unbreakable it is", 5), "unbreakable\nit is");
        assert_eq!(broken("", 40), "");
    }
}
