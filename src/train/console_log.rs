//! Reads what `cortado train` prints, kept in a file, into curves.

use super::curves::{self, Curves};

/// The curves of a text; lines that say nothing of them are passed over. Empty if none does.
///
/// Lines are `iteration 100 epoch 0.50 (3.1 iter/s) loss = 0.3 lr = 1e-2`, `iteration 200 loss = 0.2` at the end, and
/// `iteration 100 test net #0 test loss = 0.4 accuracy = 0.9 0.8 epoch 0.50`, where the loss may be missing.
pub(super) fn curves(text: &str) -> Curves {
    let mut curves = Curves::default();
    for line in text.lines() {
        let Some((at, rest)) = iteration(line) else { continue };
        let tested = rest.strip_prefix("test net #").and_then(|rest| rest.split_once(' '));
        match tested.and_then(|(net, rest)| Some((net.parse().ok()?, rest))) {
            Some((net, rest)) => test(at, net, rest, &mut curves),
            None => {
                for (name, values) in assignments(rest) {
                    let curve = match name.as_str() {
                        "loss" => &mut curves.loss,
                        "lr" => &mut curves.rate,
                        _ => continue,
                    };
                    curve.extend(values.first().map(|&value| (at, value)));
                }
            }
        }
    }
    curves
}

fn iteration(line: &str) -> Option<(f64, &str)> {
    let (number, rest) = line.trim().strip_prefix("iteration ")?.split_once(' ')?;
    Some((number.parse::<u64>().ok()? as f64, rest))
}

fn test(at: f64, net: usize, rest: &str, curves: &mut Curves) {
    let (mut total, mut called_loss) = (None, None);
    for (name, values) in assignments(rest) {
        if name == "test loss" {
            total = values.first().copied();
            continue;
        }
        if name == "loss" {
            called_loss = values.first().copied();
        }
        for (i, value) in values.into_iter().enumerate() {
            curves.test.entry(curves::name(net, &name, i)).or_default().push((at, value));
        }
    }
    if net == 0 {
        curves.test_loss.extend(total.or(called_loss).map(|loss| (at, loss)));
    }
}

/// The `name = 1 2 3` of a line; words between the numbers and the next name are its beginning.
fn assignments(text: &str) -> Vec<(String, Vec<f64>)> {
    let mut found: Vec<(String, Vec<f64>)> = vec![];
    let mut words: Vec<&str> = vec![];
    let mut in_values = false;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match (word, word.parse::<f64>()) {
            ("=", _) => {
                // Only a test's loss has a name of two words.
                let name = match &words[..] {
                    [.., "test", "loss"] => "test loss".to_owned(),
                    [.., name] => (*name).to_owned(),
                    [] => return found,
                };
                found.push((name, vec![]));
                words.clear();
                in_values = true;
            }
            (_, Ok(value)) if in_values => {
                if let Some((_, values)) = found.last_mut() {
                    values.push(value);
                }
            }
            _ => {
                in_values = false;
                words.push(word);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "\
LeNet: 9 layers, 431080 parameters, 200 iterations, 5.3 MiB of memory for a step
iteration 0 test net #0 test loss = 2.500000 accuracy = 0.100000 0.200000 loss = 2.400000 epoch 0.00
iteration 0 epoch 0.00 (3.1 iter/s) loss = 2.420000 lr = 0.01
warning: the loss is NaN at iteration 100
iteration 100 (3.1 iter/s) loss = NaN lr = 1e-3
iteration 100 test net #0 loss = 1.500000 accuracy = 0.300000 0.400000
iteration 100 test net #1 each = 1.000000
snapshot runs/a_iter_200.state
iteration 200 loss = 0.125000
weights: runs/a_iter_200.safetensors";

    #[test]
    fn what_training_prints_is_read() {
        let curves = curves(PRINTED);
        assert_eq!((curves.loss[0], curves.loss[2]), ((0.0, 2.42), (200.0, 0.125)));
        assert!(curves.loss[1].1.is_nan());
        assert_eq!(curves.rate, [(0.0, 1e-2), (100.0, 1e-3)]);
        assert_eq!(curves.test_loss, [(0.0, 2.5), (100.0, 1.5)]);
        assert_eq!(curves.test["accuracy[1]"], [(0.0, 0.2), (100.0, 0.4)]);
        assert_eq!(curves.test["#1 each"], [(100.0, 1.0)]);
        assert!(curves.train.is_empty() && !curves.test.contains_key("epoch"));
    }

    #[test]
    fn other_text_gives_nothing() {
        for text in ["", "iteration", "iteration x loss = 1", "iteration 3 = 5", "a = b"] {
            assert_eq!(curves(text), Curves::default(), "{text}");
        }
    }
}
