//! What a definition's `labelHook` makes of labels, whatever they are, reaches the loss; and the numbers that a definition
//! gets from a net while it is being made are those of the net, or are refused.

use std::path::PathBuf;

use cortado::diag::render::render;
use cortado::pipeline;
use cortado::spec::Phase;
use cortado::weights::Blob;

mod lua_pass;

use lua_pass::Tensors;

fn loss(text: &str, given: &Tensors) -> Result<f32, String> {
    Ok(lua_pass::run(text, given, Phase::Train, 0)?["loss"].data[0])
}

fn vector(data: &[f32]) -> Blob {
    Blob { shape: vec![data.len()], data: data.to_vec() }
}

const INPUT: [f32; 10] = [1.5, -2.0, 0.5, 3.0, -0.25, 7.0, 2.0, 0.75, -4.0, 1.0];
const LABELS: [f32; 10] = [0.0, 12.0, 200.0, 0.25, -3.5, 300.0, 20.0, 1.0, 49.0, -1.0];

fn hooked(body: &str) -> String {
    format!(
        "return function(params)\nreturn {{model = nn.Identity(), loss = nn.AbsCriterion(),\n\
         labelHook = function(i, l)\n{body}\nend}}\nend"
    )
}

fn of_labels(body: &str, labels: &[f32]) -> Result<f32, String> {
    let given = [("in.0", vector(&INPUT[..labels.len()])), ("target", vector(labels))];
    loss(&hooked(body), &given.map(|(name, blob)| (name.to_owned(), blob)).into())
}

/// The mean distance between the input and what a function makes of all labels.
fn expected(labels: &[f32], of: impl Fn(&[f32]) -> Vec<f32>) -> f32 {
    let seen = of(labels);
    let sum: f32 = INPUT.iter().zip(&seen).map(|(x, y)| (x - y).abs()).sum();
    sum / labels.len() as f32
}

fn close(a: f32, b: f32) -> bool {
    (a - b).abs() <= 1e-5 * (1.0 + b.abs())
}

#[test]
fn every_label_is_seen_as_the_hook_makes_it() {
    type Of = fn(f32) -> f32;
    let cases: [(&str, Of); 22] = [
        ("return l", |x| x),
        ("l[l:eq(200)] = 0 return l", |x| if x == 200.0 { 0.0 } else { x }),
        ("l[torch.eq(l, 12)] = 1 return l", |x| if x == 12.0 { 1.0 } else { x }),
        ("l[l:gt(0.3)] = 9 return l", |x| if 0.3 < x { 9.0 } else { x }),
        ("l[l:lt(-3)] = 0 return l", |x| if x < -3.0 { 0.0 } else { x }),
        ("l[l:eq(0.25)] = 40 return l", |x| if x == 0.25 { 40.0 } else { x }),
        ("l[l:ge(20)] = 1 l[l:lt(0)] = 5 return l * 2 + 1", |x| {
            2.0 * (if 20.0 <= x {
                1.0
            } else if x < 0.0 {
                5.0
            } else {
                x
            }) + 1.0
        }),
        ("l:apply(function(v) if v == 300 then return 1 end return 0 end) return l", |x| {
            if x == 300.0 { 1.0 } else { 0.0 }
        }),
        (
            "for k = 1, l:size(1) do if l[k] == 0 then l[k] = -1 elseif l[k] > 40 then l[k] = l[k] / 2 + 1 end end return l",
            |x| {
                if x == 0.0 {
                    -1.0
                } else if 40.0 < x {
                    x / 2.0 + 1.0
                } else {
                    x
                }
            },
        ),
        (
            "local t = l:clone() for k = 1, l:size(1) do t[k] = l[k] <= 1 and 2 or l[k] - 3 end return t",
            |x| {
                if x <= 1.0 { 2.0 } else { x - 3.0 }
            },
        ),
        ("return l:clamp(0, 250)", |x| x.clamp(0.0, 250.0)),
        ("return torch.abs(l - 3)", |x| (x - 3.0).abs()),
        ("return (l + 1) / 2", |x| (x + 1.0) / 2.0),
        ("return torch.pow(l, 2)", |x| x * x),
        ("return torch.cmul(l, l)", |x| x * x),
        ("return torch.floor(l / 2)", |x| (x / 2.0).floor()),
        ("return torch.floor(l / 49)", |x| (x / 49.0).floor()),
        ("return torch.sqrt(torch.abs(l))", |x| x.abs().sqrt()),
        ("return l % 2", |x| x - 2.0 * (x / 2.0).floor()),
        ("return l:long()", f32::trunc),
        ("return l:ne(0):float():cmul(l) - 1", |x| x - 1.0),
        ("return torch.ne(l, 1):float()", |x| if x == 1.0 { 0.0 } else { 1.0 }),
    ];
    let mut wrong = vec![];
    for (body, of) in cases {
        for labels in [&LABELS[..], &LABELS[8..9]] {
            let want = expected(labels, |labels| labels.iter().map(|&x| of(x)).collect());
            match of_labels(body, labels) {
                Ok(got) if close(got, want) => {}
                other => wrong.push(format!("{body}: {other:?}, not {want}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_hook_may_look_at_the_batch_and_at_the_input() {
    type Of = fn(&[f32]) -> Vec<f32>;
    let cases: [(&str, Of); 6] = [
        ("return l / l:max()", |l| {
            let most = l.iter().fold(f32::MIN, |m, &x| m.max(x));
            l.iter().map(|x| x / most).collect()
        }),
        ("return l - l:mean()", |l| {
            let mean = l.iter().sum::<f32>() / l.len() as f32;
            l.iter().map(|x| x - mean).collect()
        }),
        ("local n = i:size(1) return l / n", |l| l.iter().map(|x| x / l.len() as f32).collect()),
        ("return l / l:size(1)", |l| l.iter().map(|x| x / l.len() as f32).collect()),
        ("return i + l", |l| l.iter().zip(INPUT).map(|(x, i)| x + i).collect()),
        ("l[1] = 5 return l", |l| [&[5.0], &l[1..]].concat()),
    ];
    for (body, of) in cases {
        let (got, want) = (of_labels(body, &LABELS), expected(&LABELS, of));
        assert!(got.as_ref().is_ok_and(|&got| close(got, want)), "{body}: {got:?}, not {want}");
    }
}

#[test]
fn labels_may_change_their_shape() {
    let rows = Blob { shape: vec![2, 3], data: INPUT[..6].to_vec() };
    let given: Tensors =
        [("in.0", rows), ("target", vector(&[3.0, 1.0]))].map(|(n, b)| (n.to_owned(), b)).into();
    let one_hot = [0.0, 0.0, 1.0, 1.0, 0.0, 0.0];
    let want = INPUT.iter().zip(one_hot).map(|(x, y)| (x - y).abs()).sum::<f32>() / 6.0;
    for body in [
        "local t = torch.zeros(l:size(1), 3) for k = 1, l:size(1) do t[k][l[k]] = 1 end return t",
        "return torch.zeros(l:size(1), 3):scatter(2, l:view(-1, 1):long(), 1)",
    ] {
        let got = loss(&hooked(body), &given);
        assert!(got.as_ref().is_ok_and(|&got| close(got, want)), "{body}: {got:?}, not {want}");
    }
    // Without a word about the target it is one label for each record, if nothing else can be meant.
    let text = hooked("return torch.zeros(l:size(1), 3):scatter(2, l:view(-1, 1), 1)");
    let mut options = pipeline::Options::default();
    options.request.input_shape = Some(vec![3]);
    let checked = pipeline::check(&PathBuf::from("definition.lua"), text, &options);
    let said = render(&checked.diagnostics, &checked.sources, false);
    assert!(!checked.diagnostics.has_errors(), "{said}");

    let both = "return function(params)\nreturn {model = nn.ConcatTable():add(nn.Identity()):add(nn.MulConstant(2)),\n\
                loss = nn.ParallelCriterion():add(nn.AbsCriterion()):add(nn.AbsCriterion(), 0.5),\n\
                labelHook = function(i, l) return {l, l * 3} end}\nend";
    let given = [("in.0", vector(&INPUT)), ("target", vector(&LABELS))];
    let got = loss(both, &given.map(|(name, blob)| (name.to_owned(), blob)).into());
    let first = expected(&LABELS, <[f32]>::to_vec);
    let pairs = INPUT.iter().zip(LABELS);
    let second = pairs.map(|(x, y)| (2.0 * x - 3.0 * y).abs()).sum::<f32>() / 10.0;
    assert!(got.as_ref().is_ok_and(|&got| close(got, first + 0.5 * second)), "{got:?}");
}

#[test]
fn targets_are_nested_as_the_criterions_are() {
    let text = "return function(params)\n\
         local inner = nn.ParallelCriterion():add(nn.AbsCriterion()):add(nn.MSECriterion(), 2)\n\
         local nll = nn.ModuleCriterion(nn.ClassNLLCriterion())\n\
         return {model = nn.Identity(),\n\
         loss = nn.MultiCriterion():add(nn.ParallelCriterion():add(inner, 0.5):add(nll))}\nend";
    let rows = |data: &[f32]| Blob { shape: vec![2, data.len() / 2], data: data.to_vec() };
    let x = [&[1.0, 2.0, 3.0, 4.0][..], &[0.5, -0.5], &[-1.0, -2.0, -3.0, -4.0, -5.0, -6.0]];
    let t = [&[2.0, 0.0, 3.0, 1.0][..], &[1.5, 0.5]];
    let mut given = Tensors::new();
    for (i, x) in x.into_iter().enumerate() {
        given.insert(format!("in.{i}"), rows(x));
    }
    for (i, t) in t.into_iter().enumerate() {
        given.insert(format!("target.{i}"), rows(t));
    }
    given.insert("target.2".to_owned(), vector(&[3.0, 1.0]));
    let want = 0.5 * ((1.0 + 2.0 + 3.0) / 4.0 + 2.0 * 1.0) + (3.0 + 4.0) / 2.0;
    let got = loss(text, &given);
    assert!(got.as_ref().is_ok_and(|&got| close(got, want)), "{got:?}, not {want}");
    // Their shapes follow from the outputs.
    let path = PathBuf::from("definition.lua");
    let mut options = pipeline::Options::default();
    for (i, shape) in [vec![2, 2], vec![2, 1], vec![2, 3]].into_iter().enumerate() {
        options.shapes.insert(i.to_string(), cortado::ty::Shape(shape));
    }
    let checked = pipeline::check(&path, text.to_owned(), &options);
    let said = render(&checked.diagnostics, &checked.sources, false);
    assert!(!checked.diagnostics.has_errors(), "{said}");
}

#[test]
fn what_no_hook_can_be_told_is_refused_at_its_line() {
    for (body, what) in [
        ("if l[1] == 0 then l:fill(5) end return l", "definition.lua:4:"),
        ("if l[2] == 0 and l[4] == 1 then l[4] = 7 end return l", "definition.lua:4:"),
        ("if i[1] > 0 then l:fill(1) end return l", "definition.lua:4:"),
        ("local s = torch.nonzero(l) return s", "definition.lua:4:"),
        ("return nil", "the labelHook returns nothing"),
    ] {
        let got = of_labels(body, &LABELS);
        assert!(got.as_ref().is_err_and(|said| said.contains(what)), "{body}: {got:?}");
    }
    let text = "return function(params)\nreturn {model = nn.Identity(), loss = nn.AbsCriterion(), labelHook = 3}\nend";
    let given = [("in.0", vector(&INPUT)), ("target", vector(&LABELS))];
    let got = loss(text, &given.clone().map(|(name, blob)| (name.to_owned(), blob)).into());
    assert!(
        got.as_ref().is_err_and(|s| s.contains("`labelHook` is a number, not a function")
            && s.contains("definition.lua:2:58")),
        "{got:?}"
    );
}

/// What a file says of itself by `error`, or a mistake of its own.
fn said(text: &str) -> String {
    let mut options = pipeline::Options::default();
    options.request.input_shape = Some(vec![2]);
    let checked = pipeline::check(&PathBuf::from("definition.lua"), text.to_owned(), &options);
    render(&checked.diagnostics, &checked.sources, false)
}

#[test]
fn a_net_that_is_tried_gives_its_numbers() {
    for (text, numbers) in [
        (
            "local l = nn.Linear(2, 2) l.weight:fill(1) l.bias:fill(.5) local y = l:forward(torch.Tensor{1, 2})\n\
             error(y[1] .. ' ' .. y[2])",
            "3.5 3.5",
        ),
        ("error(tostring(nn.ReLU():forward(torch.Tensor{-1, 2})[2]))", "2"),
        ("local x = torch.Tensor{3} error(tostring(nn.Identity():forward(x)[1]))", "3"),
        ("local x = torch.Tensor{-3, 2} nn.ReLU(true):forward(x) error('done')", "done"),
        (
            "local a, b = torch.Tensor{1, 2}, torch.Tensor{3, 6} error(tostring(nn.MSECriterion():forward(a, b)))",
            "10",
        ),
        (
            "local n = nn.Sequential():add(nn.SpatialConvolution(1, 1, 2, 2)):add(nn.View(-1))\n\
             n:get(1).weight:fill(2) n:get(1).bias:zero()\n\
             error(tostring(n:forward(torch.ones(1, 3, 3)):sum()))",
            "32",
        ),
        // Data-dependent first values.
        (
            "local l = nn.Linear(2, 3) local y = l:forward(torch.randn(100, 2)) l.weight:div(y:std()) l.bias:zero()\n\
             l.bias:add(-l:forward(torch.zeros(2)):mean())\n\
             error(tostring(0.2 < l.weight:norm() and l.weight:norm() < 100))",
            "true",
        ),
    ] {
        let said = said(text);
        assert!(said.contains(&format!(": {numbers}\n")), "{text}: {said}");
    }
}

#[test]
fn numbers_that_are_not_computed_are_refused_where_they_are_read() {
    let large = "local l = nn.Linear(4000, 4000) local y = l:forward(torch.ones(4000))\n";
    for (read, line) in [
        ("l.bias:fill(y[1])", 2),
        ("if y:mean() > 0 then l.bias:fill(1) end", 2),
        ("local t = torch.zeros(4000):add(y)", 2),
        ("local g = l:backward(torch.ones(4000), y) local s = g:sum()", 2),
        ("l:backward(torch.ones(4000), y) l:updateParameters(0.1)", 2),
        ("if nn.MSECriterion():forward(y, y) < 1 then l = nil end", 2),
    ] {
        let said = said(&format!("{large}{read}\nreturn l"));
        let wanted = ["error[E070", "known only when", &format!(":{line}:")];
        assert!(wanted.iter().all(|part| said.contains(part)), "{read}: {said}");
    }
    // Shapes are known, and nothing else is asked.
    let said = said(&format!("{large}assert(y:size(1) == 4000) local t = tostring(y)\nerror(t)"));
    assert!(
        said.contains("[torch.FloatTensor of size 4000, known only when the network runs]"),
        "{said}"
    );
}
