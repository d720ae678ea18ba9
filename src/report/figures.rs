//! Numbers as people read them: `431,080`, `2.8 MiB`, `18.4 M`.

use crate::ty::Shape;

/// A whole number in groups of three digits.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if 0 < i && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number of bytes with three digits: `512 B`, `2.81 MiB`.
pub fn bytes(n: u64) -> String {
    scaled(n, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"])
}

/// A count with three digits: `520`, `18.4 M`.
pub fn short(n: u64) -> String {
    scaled(n, 1000.0, &["", "k", "M", "G", "T", "P", "E"])
}

fn scaled(n: u64, step: f64, units: &[&str]) -> String {
    let mut value = n as f64;
    let mut unit = 0;
    // 999.5 would be written as 1000.
    while 999.5 <= value && unit + 1 < units.len() {
        value /= step;
        unit += 1;
    }
    let number = match value {
        _ if unit == 0 => format!("{n}"),
        v if v < 9.995 => format!("{v:.2}"),
        v if v < 99.95 => format!("{v:.1}"),
        v => format!("{v:.0}"),
    };
    format!("{number} {}", units[unit]).trim_end().to_owned()
}

/// A number in single precision with the fewest digits that tell it from its neighbours: `0.01`, `2.5e-7`.
pub fn shortest(x: f32) -> String {
    let is_plain = x == 0.0 || (1e-5..1e7).contains(&x.abs());
    if is_plain || !x.is_finite() { format!("{x}") } else { format!("{x:e}") }
}

/// A shape for pictures: `64×20×24×24`.
pub fn compact(shape: &Shape) -> String {
    let dims: Vec<String> = shape.dims().iter().map(usize::to_string).collect();
    if dims.is_empty() { "scalar".into() } else { dims.join("×") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_whole_ones_exact() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(60_965_224), "60,965,224");
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(2_949_120), "2.81 MiB");
        assert_eq!(short(999), "999");
        assert_eq!(short(999_600), "1.00 M");
        assert_eq!(bytes(u64::MAX), "16.0 EiB");
        assert_eq!(shortest(0.01), "0.01");
        assert_eq!(shortest(0.009992506), "0.009992506");
        assert_eq!(shortest(2.5e-7), "2.5e-7");
        assert_eq!(shortest(f32::NAN), "NaN");
        assert_eq!(compact(&Shape::from([2, 3])), "2×3");
    }
}
