//! What every plot promises: valid SVG, finite numbers, the right marks in the right places.

use super::*;

/// The text is SVG that can be drawn, and no number in it is NaN or infinite.
fn check(svg: &str) -> &str {
    let parsed = resvg::usvg::Tree::from_str(svg, &Default::default());
    assert!(parsed.is_ok(), "{:?}", parsed.err());
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    svg
}

fn run(name: &str, points: usize) -> Run {
    let curve =
        |scale: f64| (0..points).map(move |i| (i as f64, scale / (1.0 + i as f64))).collect();
    Run {
        name: name.into(),
        train: curve(1.0),
        val: curve(1.2),
        rate: curve(0.01),
        outputs: vec![],
    }
}

#[test]
fn curves_of_several_runs() {
    let runs = vec![run("a<b", 100), run("b", 10_000)];
    let plot = Training { runs, smoothing: Some(0.9), scale: Scale::Log, ..Training::default() };
    let svg = training(&plot);
    check(&svg);
    assert!(svg.contains("a&lt;b: training loss"));
    // Of each run: the rate, the training loss raw and smoothed, the validation loss.
    assert_eq!(svg.matches("class=\"faint\"").count(), 2);
    assert_eq!(svg.matches("class=\"thin\"").count(), 2);
    assert!(svg.len() < 500_000, "{}", svg.len());
}

#[test]
fn every_output_has_a_panel_with_the_curves_of_all_runs() {
    let output = |name: &str, high: f64| Output {
        name: name.into(),
        train: vec![],
        val: vec![(0.0, 0.0), (99.0, high), (50.0, f64::NAN)],
    };
    let with = |name: &str| Run {
        outputs: vec![output("top-1", 0.5), output("top-5", 0.9)],
        ..run(name, 100)
    };
    let runs = vec![with("a"), with("b"), run("c", 100)];
    let plain = training(&Training { runs: vec![run("a", 100)], ..Training::default() });
    let svg = training(&Training { runs, ..Training::default() });
    check(&svg);
    assert!(svg.contains(">top-1</text>") && svg.contains(">top-5</text>"), "{svg}");
    assert!(plain.contains("height=\"420\"") && svg.contains("height=\"900\""));
    // Validation losses of three runs, two outputs of two runs, and three entries of the legend.
    assert_eq!(svg.matches("class=\"line dashed\"").count(), 3 + 4 + 3);
}

#[test]
fn smoothing_keeps_a_constant() {
    let train = (0..50).map(|i| (f64::from(i), 3.0)).collect();
    let runs = vec![Run { train, ..Run::default() }];
    let svg = training(&Training { runs, smoothing: Some(0.99), ..Training::default() });
    let curve = |class: &str| {
        // The legend comes first, the curve last.
        let line = check(&svg).lines().rfind(|line| line.contains(class)).expect("a curve");
        line.split(" d=").nth(1).expect("a path").to_string()
    };
    assert_eq!(curve("class=\"line\""), curve("class=\"faint\""));
}

#[test]
fn units_are_equal_on_both_axes() {
    let points = vec![(-1.0, 0.0), (1.0, 0.0), (0.0, 0.1), (f64::NAN, 0.0)];
    let classes = vec![0, 1, 12, 3];
    let svg = scatter(&Scatter { points, classes, ..Scatter::default() });
    check(&svg);
    let circles: Vec<Vec<f64>> = svg
        .lines()
        .filter(|line| line.starts_with("<circle cx") && line.contains("r=\"5\""))
        .map(|line| line.split('"').filter_map(|part| part.parse().ok()).collect())
        .collect();
    let [left, right, top] = circles.as_slice() else { panic!("{circles:?}") };
    let unit = (right[0] - left[0]) / 2.0;
    assert!((left[1] - top[1] - 0.1 * unit).abs() < 0.05, "{circles:?}");
}

#[test]
fn nothing_is_said_to_be_nothing() {
    let broken = Run { train: vec![(f64::NAN, 1.0), (1.0, f64::INFINITY)], ..Run::default() };
    let runs = vec![broken];
    for svg in [
        training(&Training::default()),
        training(&Training { runs, ..Training::default() }),
        scatter(&Scatter::default()),
    ] {
        assert!(check(&svg).contains("no values yet"));
    }
    let extreme = vec![(f64::MAX, f64::MIN), (0.0, 5e-324), (1e149, -1e149)];
    let classes = vec![0; 3];
    check(&scatter(&Scatter { points: extreme.clone(), classes, ..Scatter::default() }));
    let runs = vec![Run { train: extreme, ..Run::default() }];
    check(&training(&Training { runs, ..Training::default() }));
}
