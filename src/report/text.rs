//! Turns untrusted names into text for a picture: escaped, shortened, and with a known width.

/// Advance widths of ASCII 32 to 126 in thousandths of the font size; of each glyph, the wider one of
/// DejaVu Sans Condensed and Liberation Sans (which has the metrics of Arial and Helvetica).
const REGULAR: [u16; 95] = [
    286, 360, 414, 754, 572, 889, 702, 247, 351, 351, 450, 754, 286, 333, 286, 303, 572, 572, 572,
    572, 572, 572, 572, 572, 572, 572, 303, 303, 754, 754, 754, 556, 1015, 667, 667, 722, 722, 667,
    611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667,
    667, 616, 351, 303, 351, 754, 556, 450, 556, 571, 500, 571, 556, 316, 571, 570, 250, 250, 521,
    250, 876, 570, 556, 571, 571, 370, 500, 353, 570, 532, 736, 532, 532, 500, 572, 303, 572, 754,
];

/// The same for the bold cuts.
const BOLD: [u16; 95] = [
    313, 410, 474, 754, 626, 901, 785, 275, 411, 411, 470, 754, 342, 374, 342, 329, 626, 626, 626,
    626, 626, 626, 626, 626, 626, 626, 360, 360, 754, 754, 754, 611, 975, 722, 722, 722, 747, 667,
    615, 778, 753, 334, 556, 722, 611, 896, 753, 778, 667, 778, 722, 667, 614, 730, 696, 993, 694,
    667, 652, 411, 329, 411, 754, 556, 450, 607, 644, 556, 644, 610, 391, 644, 641, 308, 308, 598,
    308, 938, 641, 618, 644, 644, 444, 556, 430, 641, 586, 831, 580, 586, 523, 641, 329, 641, 754,
];

/// The weight of a font.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Running text.
    Regular,
    /// Names and titles.
    Bold,
}

/// The width of `text` in pixels at a font size in pixels.
pub fn width(text: &str, size: f64, weight: Weight) -> f64 {
    let table = match weight {
        Weight::Regular => &REGULAR,
        Weight::Bold => &BOLD,
    };
    let thousandths: f64 = text.chars().map(|c| advance(c, table)).sum();
    thousandths * size / 1000.0
}

fn advance(c: char, table: &[u16; 95]) -> f64 {
    let code = c as u32;
    if let Some(&known) = (code as usize).checked_sub(32).and_then(|i| table.get(i)) {
        return f64::from(known);
    }
    match code {
        0x0300..=0x036f => 0.0,
        0x1100..=0x11ff | 0x2e80..=0xd7ff | 0xf900..=0xfaff | 0x1f000.. => 1050.0,
        _ => 760.0,
    }
}

/// `text` with its middle left out so that at most `limit` characters remain; both ends of a layer's
/// name tell it from others. Control characters become spaces.
pub fn shorten(text: &str, limit: usize) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let length = text.chars().count();
    if length <= limit {
        return text.chars().map(clean).collect();
    }
    let kept = limit.saturating_sub(1);
    let tail = kept / 2;
    let head = text.chars().take(kept - tail).map(clean);
    head.chain(['…']).chain(text.chars().skip(length - tail).map(clean)).collect()
}

/// `text` as XML character data, valid in attributes too. Characters that XML 1.0 forbids become U+FFFD.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// A coordinate with at most two decimals and no trailing zeros; anything not finite becomes 0.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "0".into();
    }
    let rounded = (value * 100.0).round() / 100.0;
    if rounded == 0.0 { "0".into() } else { format!("{rounded}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_out_of_markup() {
        assert_eq!(escape("a<b>\"&'\u{0}"), "a&lt;b&gt;&quot;&amp;&#39;\u{fffd}");
    }

    #[test]
    fn long_names_keep_both_ends() {
        assert_eq!(shorten("inception_3a/3x3_reduce", 9), "ince…duce");
        assert_eq!(shorten("conv1", 9), "conv1");
        assert_eq!(shorten("ab\ncd", 0), "…");
    }

    #[test]
    fn widths_follow_the_font() {
        // H 722, i 278: the metrics of Arial.
        assert_eq!(width("Hi", 1000.0, Weight::Regular), 722.0 + 250.0f64.max(222.0));
        assert!(width("conv", 12.0, Weight::Regular) < width("conv", 12.0, Weight::Bold));
    }

    #[test]
    fn numbers_are_short_and_finite() {
        assert_eq!(number(1.0 / 3.0), "0.33");
        assert_eq!(number(-0.001), "0");
        assert_eq!(number(f64::NAN), "0");
    }
}
