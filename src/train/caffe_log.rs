//! Reads the text log of Caffe's `caffe train` into curves.

use super::curves::{self, Curves};

/// A line's iteration and what follows: `Iteration 100 (5 iter/s, 19s/100 iters), loss = 0.3`.
fn iteration(line: &str) -> Option<(f64, &str)> {
    let rest = line.split_once("Iteration ")?.1;
    let digits = rest.find(|c: char| !c.is_ascii_digit())?;
    let number = rest[..digits].parse().ok()?;
    let rest = rest[digits..].trim_start();
    let rest = match rest.strip_prefix('(') {
        Some(speed) => speed.split_once(')')?.1,
        None => rest,
    };
    Some((number, rest.strip_prefix(',')?.trim_start()))
}

/// `loss = 0.3` as a name and a number; what follows the number may say its part in the loss.
fn assignment(text: &str) -> Option<(&str, f64, Option<f64>)> {
    let (name, value) = text.split_once(" = ")?;
    let (value, more) = value.split_once(' ').unwrap_or((value, ""));
    let part = more.trim().strip_prefix("(*").and_then(|more| more.strip_suffix("loss)"));
    let part = part.and_then(|more| more.split_once("= ")?.1.trim().parse().ok());
    Some((name, value.trim_end_matches(',').parse().ok()?, part))
}

/// `Train net output #0: loss = 0.3 (* 1 = 0.3 loss)`, for `Train` or `Test`.
fn output<'a>(line: &'a str, net: &str) -> Option<(&'a str, f64, Option<f64>)> {
    let rest = line.split_once(net)?.1.strip_prefix(" net output #")?;
    assignment(rest.split_once(": ")?.1)
}

/// A block of outputs that belong to one iteration; a blob of several numbers repeats its name.
#[derive(Default)]
struct Block {
    at: f64,
    /// The test net, 0 for the first and for training.
    net: usize,
    seen: Vec<String>,
    /// The sum of what the outputs say to be their parts in the loss.
    loss: Option<f64>,
    /// The loss that `test_compute_loss` shows, which is that sum already.
    shown: Option<f64>,
}

impl Block {
    fn name(&mut self, name: &str) -> String {
        let before = self.seen.iter().filter(|seen| *seen == name).count();
        self.seen.push(name.to_owned());
        curves::name(self.net, name, before)
    }
}

/// The curves of a log; lines that say nothing of them are passed over. Empty if it is no log of Caffe.
pub(super) fn curves(text: &str) -> Curves {
    let mut curves = Curves::default();
    let mut train = Block::default();
    let mut test = Block::default();
    for line in text.lines().map(str::trim_end) {
        if let Some((at, rest)) = iteration(line) {
            if let Some(net) = rest.strip_prefix("Testing net (#") {
                finish(&mut test, &mut curves);
                let net = net.trim_end_matches(')').parse().unwrap_or(0);
                test = Block { at, net, ..Block::default() };
            } else if let Some(("loss", loss, _)) = assignment(rest) {
                finish(&mut test, &mut curves);
                train = Block { at, ..Block::default() };
                curves.loss.push((at, loss));
            } else if let Some(("lr", rate, _)) = assignment(rest) {
                curves.rate.push((at, rate));
            }
        } else if let Some((name, value, _)) = output(line, "Train") {
            let name = train.name(name);
            curves.train.entry(name).or_default().push((train.at, value));
        } else if let Some((name, value, part)) = output(line, "Test") {
            let name = test.name(name);
            curves.test.entry(name).or_default().push((test.at, value));
            if let Some(part) = part {
                *test.loss.get_or_insert(0.0) += part;
            }
        } else if let Some((_, loss)) = line.split_once("Test loss: ") {
            test.shown = loss.trim().parse().ok();
        }
    }
    finish(&mut test, &mut curves);
    curves
}

/// The loss of the first test net is the run's validation loss.
fn finish(test: &mut Block, curves: &mut Curves) {
    let sum = test.loss.take();
    if let Some(loss) = test.shown.take().or(sum)
        && test.net == 0
    {
        curves.test_loss.push((test.at, loss));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
Log file created at: 2015/04/10 13:39:21
I0410 13:39:21.3 123 solver.cpp:341] Iteration 0, Testing net (#0)
I0410 13:39:22.3 123 solver.cpp:409]     Test net output #0: accuracy = 0.0826
I0410 13:39:22.3 123 solver.cpp:409]     Test net output #1: loss = 2.4 (* 1 = 2.4 loss)
I0410 13:39:22.3 123 solver.cpp:409]     Test net output #2: other = 0.5 (* 0.2 = 0.1 loss)
I0410 13:39:22.3 123 solver.cpp:228] Iteration 0, loss = 2.42
I0410 13:39:22.3 123 solver.cpp:244]     Train net output #0: loss = 2.41 (* 1 = 2.41 loss)
I0410 13:39:22.3 123 sgd_solver.cpp:106] Iteration 0, lr = 0.01
I0410 13:39:25.3 123 solver.cpp:218] Iteration 100 (5.2 iter/s, 19.1s/100 iters), loss = 1e-05
I0410 13:39:25.3 123 sgd_solver.cpp:106] Iteration 100, lr = 1e-3
I0410 13:39:26.3 123 solver.cpp:341] Iteration 100, Testing net (#0)
I0410 13:39:27.3 123 solver.cpp:397] Test loss: 0.75
I0410 13:39:27.3 123 solver.cpp:409]     Test net output #0: accuracy = 0.99
I0410 13:39:27.3 123 solver.cpp:409]     Test net output #1: loss = 0.75 (* 1 = 0.75 loss)
I0410 13:39:27.3 123 solver.cpp:341] Iteration 100, Testing net (#1)
I0410 13:39:27.3 123 solver.cpp:409]     Test net output #0: each = 1
I0410 13:39:27.3 123 solver.cpp:409]     Test net output #1: each = nan
I0410 13:39:28.3 123 solver.cpp:326] Iteration 200, loss = 0.125
I0410 13:39:28.3 123 solver.cpp:331] Optimization Done.";

    #[test]
    fn every_kind_of_line_is_read() {
        let curves = curves(LOG);
        assert_eq!(curves.loss, [(0.0, 2.42), (100.0, 1e-5), (200.0, 0.125)]);
        assert_eq!(curves.rate, [(0.0, 0.01), (100.0, 1e-3)]);
        assert_eq!(curves.test_loss, [(0.0, 2.5), (100.0, 0.75)]);
        assert_eq!(curves.train["loss"], [(0.0, 2.41)]);
        assert_eq!(curves.test["accuracy"], [(0.0, 0.0826), (100.0, 0.99)]);
        assert_eq!(curves.test["#1 each"], [(100.0, 1.0)]);
        assert!(curves.test["#1 each[1]"][0].1.is_nan());
    }

    #[test]
    fn other_text_gives_nothing() {
        for text in
            ["", "Iteration", "Iteration x, loss = 1", "Iteration 5 (", "Iteration 3, loss = "]
        {
            assert_eq!(curves(text), Curves::default(), "{text}");
        }
    }
}
