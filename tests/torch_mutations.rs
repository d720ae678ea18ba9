//! Damaged definitions in Lua and Python: whatever the text, reading, checking, lowering and planning end soon, with complaints or a
//! plan, never with a panic, and within the memory that a definition may use.

mod damage;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use cortado::pipeline::{self, Options};
use damage::{Numbers, sources, tokens};

/// Damaged texts made of each source.
const ROUNDS: u64 = 4;

/// What one text may take. A definition that does not end is stopped after a number of steps, here without optimisation.
const LONGEST: Duration = Duration::from_secs(30);

/// Pieces of other definitions, and what people do not write.
const PIECES: &[&str] = &[
    "nil",
    "false",
    "0",
    "-1",
    "1e300",
    "0/0",
    "1/0",
    "2^53",
    "{}",
    "{{}}",
    "''",
    "'cudnn'",
    "...",
    "end",
    "function",
    "(",
    ")",
    "then",
    "do",
    "=",
    "==",
    "..",
    "local",
    "return",
    "nn",
    "torch",
    "self",
    "params",
    "model",
    "nn.Sequential()",
    "nn.Linear(3, 4)",
    "nn.Linear(1e9, 1e9)",
    "nn.Parallel(1, 1)",
    "nn.ConcatTable()",
    "nn.View(-1)",
    "torch.Tensor()",
    "torch.Tensor(2, 3)",
    "torch.LongStorage{1, 2}",
    ":add(model)",
    ":clone()",
    ":ceil()",
    ":noBias()",
    ":get(1)",
    ":remove()",
    ":float()",
    ".weight",
    ".bias = nil",
    ".modules",
    "while true do end",
    "goto",
    "setmetatable({}, {})",
    "nn.Module",
    "torch.class('nn.X', 'nn.Module')",
    "nn.SpatialConvolution(1, 2, 3, 3)",
    "nn.SplitTable(1)",
    "nn.JoinTable(9)",
    "nn.Identity()()",
    "nn.gModule({}, {})",
    "string.rep('x', 1e9)",
    "pcall(error)",
    "-5",
    "1e9",
];

/// The same for Python.
const PYTHON: &[&str] = &[
    "None",
    "True",
    "0",
    "-1",
    "1e300",
    "2**40",
    "float('nan')",
    "[]",
    "[[]]",
    "{}",
    "''",
    "lambda x: x",
    "(",
    ")",
    ":",
    "=",
    "*",
    "return",
    "self.x",
    "self.y",
    "self.input_shape",
    "tf.reshape(self.x, [-1])",
    "tf.zeros([0])",
    "tf.zeros([2**15, 2**15])",
    "tf.constant([])",
    "tf.get_variable('w', [3])",
    "tf.split(self.x, 0)",
    "tf.concat([], 0)",
    "tf.transpose(self.x, [0])",
    "tf.pad(self.x, [[9, 9]])",
    "tf.one_hot(self.y, 0)",
    "slim.conv2d",
    "slim.flatten",
    "tf.layers.dense(self.x, 3)",
    "digits.mse_loss",
    ".get_shape()",
    "[0]",
    "[-1]",
    "[:, None]",
    "[..., 0]",
    "for i in range(3):",
    "while True:",
    "import os",
    "raise",
    "del self",
    "*args",
    "'%s' %",
    "with tf.variable_scope('a'):",
    "reuse=True",
    "10**9",
];

fn mutated(text: &str, pieces: &[&str], random: &mut Numbers) -> String {
    let mut tokens = tokens(text, |c| c == '_');
    for _ in 0..1 + random.below(4) {
        let (at, other) = (random.below(tokens.len()), random.below(tokens.len()));
        match random.below(7) {
            0 => drop(tokens.remove(at)),
            1 => tokens.swap(at, other),
            2 => tokens[at] = tokens[other].clone(),
            3 | 4 => tokens[at] = format!(" {} ", pieces[random.below(pieces.len())]),
            5 => tokens.insert(at, format!(" {} ", pieces[random.below(pieces.len())])),
            _ => {
                let range = at.min(other)..at.max(other).min(at.min(other) + 30);
                let copy: Vec<String> = tokens[range].to_vec();
                let place = random.below(tokens.len());
                tokens.splice(place..place, copy);
            }
        }
        if tokens.is_empty() {
            break;
        }
    }
    tokens.concat()
}

/// Everything short of running.
fn compile(text: &str, ending: &str) {
    let mut options = Options::default();
    let shape = if ending == "py" { [28, 28, 3] } else { [3, 32, 32] };
    options.request.input_shape = Some(shape.to_vec());
    options.request.classes = Some(10);
    let path = format!("mutated.{ending}");
    let checked = pipeline::check(Path::new(&path), text.to_owned(), &options);
    checked.complaints();
    if checked.diagnostics.has_errors() {
        return;
    }
    let env = pipeline::environment(&options, &|_| None);
    for typed in &checked.stages {
        // A net whose shapes are not known is refused with a reason.
        let _ = pipeline::training_plan(typed, &env, 1, (cortado::exec::Device::Cpu, 1));
    }
}

/// Checks a text; gives what is wrong with how it went.
fn trouble(text: &str, ending: &str) -> Option<&'static str> {
    let start = Instant::now();
    if catch_unwind(AssertUnwindSafe(|| compile(text, ending))).is_err() {
        return Some("panics");
    }
    (LONGEST < start.elapsed()).then_some("takes too long")
}

/// Damages every `step`th definition of a folder.
fn check(folder: &str, step: usize) {
    check_all(folder, "lua", PIECES, step);
}

fn check_all(folder: &str, ending: &str, pieces: &[&str], step: usize) {
    let mut failures = vec![];
    for (number, path) in sources(folder, ending).into_iter().enumerate().step_by(step) {
        let text = std::fs::read_to_string(&path).expect("readable text");
        for round in 0..ROUNDS {
            let mut random = Numbers(((number as u64) << 32) | round);
            let text = mutated(&text, pieces, &mut random);
            if let Some(what) = trouble(&text, ending) {
                failures.push(format!("{} round {round} {what}:\n{text}\n", path.display()));
            }
        }
    }
    assert!(failures.is_empty(), "{} texts:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn damaged_modules() {
    check("tests/golden/torch/modules", 4);
}

#[test]
fn damaged_nets() {
    check("tests/public_lua", 1);
    check("networks", 1);
    check("tests/golden/torch/nets", 1);
}

#[test]
fn damaged_classes_of_python() {
    check_all("tests/golden/tensorflow", "py", PYTHON, 1);
    check_all("networks", "py", PYTHON, 1);
}

/// Texts in Python that ask for more than there is: one complaint, soon.
#[test]
fn bombs_in_python_are_refused() {
    for (bomb, code) in [
        ("while True:\n            pass", "E0803"),
        ("a = 10**10**10", "E0802"),
        ("a = 'x' * 10**9", "E0803"),
        ("a = list(range(10**9))", "E0803"),
        ("def f(n):\n            return f(n + 1)\n        f(0)", "E0802"),
        ("a = [[0] * 100]\n        for i in range(60):\n            a = a * 10", "E0803"),
        (
            "a = b = ()\n        for i in range(60):\n            a, b = (a, a), (b, b)\n        a == b",
            "E0803",
        ),
        ("a = [i * j for i in range(10**5) for j in range(10**5)]", "E0803"),
        ("'%1000000000d' % 1", "E0802"),
        ("import itertools\n        list(itertools.product(range(1000), repeat=10))", "E0803"),
        ("import numpy as np\n        np.zeros((10**5, 10**5))", "E0803"),
        ("tf.unstack(tf.zeros([10**8]))", "E0811"),
        ("tf.concat([tf.zeros([2**30])] * 3, 0)", "E0811"),
        ("tf.get_variable('w', [2**30], initializer=tf.constant_initializer([1, 2]))", "E0811"),
        ("tf.constant([1, 2], shape=[2**30])", "E0811"),
        ("tf.tile(self.x, [1, 10**5, 10**5, 1])", "E08"),
        ("tf.constant_initializer([1.0, 2.0])([2000000000])", "E0811"),
        ("a = [tf.range(8000000) for _ in range(200)]", "E0803"),
        ("a = tf.range(8000000)\n        b = [a * i for i in range(200)]", "E0803"),
        (
            "a = [tf.get_variable('w%d' % i, [8000000], initializer=tf.constant_initializer([1, 2])) for i in range(200)]",
            "E0803",
        ),
        ("a = tf.range(2000000)\n        for i in range(10**4): tf.reduce_sum(a)", "E0803"),
        ("open('/etc/passwd').read()", "E0804"),
        ("import os\n        os.system('id')", "E0804"),
        ("__import__('os').system('id')", "E0804"),
        ("().__class__.__bases__[0].__subclasses__()", "E0804"),
        ("eval('1 + 1')", "E0804"),
    ] {
        let text = format!(
            "class UserModel(Tower):\n    @model_property\n    def inference(self):\n        {bomb}\n        return \
             slim.flatten(self.x)\n"
        );
        let mut options = Options::default();
        options.request.input_shape = Some(vec![8, 8, 1]);
        let start = Instant::now();
        let checked = pipeline::check(Path::new("bomb.py"), text, &options);
        let said = checked.complaints();
        let errors: Vec<&str> = checked
            .diagnostics
            .iter()
            .map(|d| d.code.id)
            .filter(|id| id.starts_with('E'))
            .collect();
        assert!(errors.len() == 1 && errors[0].starts_with(code), "{bomb}\n{said}");
        assert!((4..8).any(|line| said.contains(&format!("bomb.py:{line}"))), "{said}");
        assert!(start.elapsed() < LONGEST, "{:?}: {bomb}", start.elapsed());
    }
}

/// Stages without a common name are told apart in a time that grows with their length.
#[test]
fn long_stages_are_joined() {
    let text = "class UserModel(Tower):\n    @model_property\n    def inference(self):\n        y = slim.flatten(self.x)\n        \
                mode = 'a' if self.is_training else 'b' if self.is_inference else 'c'\n        for i in range(3000): \
                y = tf.nn.relu(y, name=mode + str(i))\n        return y\n    @model_property\n    def loss(self):\n        \
                return digits.classification_loss(self.inference, self.y)\n";
    let mut options = Options::default();
    options.request.input_shape = Some(vec![8, 8, 1]);
    let checked = pipeline::check(Path::new("long.py"), text.to_owned(), &options);
    let said = checked.complaints();
    assert!(!checked.diagnostics.has_errors(), "{said}");
}

/// Texts that ask for more than there is.
#[test]
fn bombs_are_refused() {
    let bombs = [
        "while true do end",
        "local s = string.rep('x', 1e10) return nn.Linear(1, 1)",
        "local function f() return f() + 1 end return f()",
        "local m = nn.Linear(3, 3) for i = 1, 40 do m = nn.ConcatTable():add(m):add(m) end return m",
        "local m = nn.Sequential() for i = 1, 40 do m:add(nn.ConcatTable():add(nn.Identity()):add(nn.Identity())) end return m",
        "local m, l = nn.Sequential(), nn.ReLU() for i = 1, 1e7 do m:add(l) end return m",
        "local m, l = nn.Sequential(), nn.ReLU() for i = 1, 150000 do m:add(l) end return m",
        "local m = nn.Sequential() m:add(m) return m",
        "local m = nn.ConcatTable() m:add(nn.Sequential():add(m)) return m",
        "local t = {} for i = 1, 1e9 do t[i] = nn.Linear(100, 100) end return t[1]",
        "local m = nn.Sequential() for i = 1, 30 do m:add(m:clone()) end return m",
        "return nn.Replicate(1e9, 1):add(nn.Replicate(1e9, 1))",
        "return nn.Sequential():add(nn.Replicate(1e9, 1)):add(nn.Replicate(1e9, 1)):add(nn.Replicate(1e9, 1))",
        "return nn.Linear(1e9, 1e9)",
        "return nn.SpatialConvolution(3, 1e9, 1e5, 1e5)",
        "return nn.ClassSimplexCriterion(1e9)",
        "torch.ones(1e5, 1e5):apply(function(x) return x end) return nn.Identity()",
        "local t = torch.randn(1e5, 1e5) print(t:sum()) return nn.Identity()",
        "return nn.SpatialConvolutionMap(nn.tables.full(1e5, 1e5), 3, 3)",
        "return nn.SplitTable(2)",
        "local c = nn.MultiCriterion() c:add(c) return {model = nn.Identity(), loss = c}",
        "local c = nn.ParallelCriterion() c:add(c) return {model = nn.ConcatTable():add(nn.Identity()), loss = c}",
        "local t = {} t.__index = t local m = setmetatable(t, t) t.__typename = 'x' return m",
        "local m = nn.Linear(3, 3) local c = getmetatable(m) setmetatable(c, {__index = c}) return m",
        "getmetatable('').__index = function() return os.execute end return ('x'):foo()",
        "return io.open('/etc/passwd')",
        "nn.Constant(torch.Tensor()):forward(torch.ones(3)) return nn.Identity()",
        "nn.ReLU():forward(torch.Tensor()) return nn.Identity()",
        "local m = nn.Linear(3, 2) m.weight = torch.Tensor() m:forward(torch.ones(3)) return nn.Identity()",
        "local m, l = nn.Sequential():add(nn.View(3072)):add(nn.Linear(3072, 3)), nn.Linear(3, 3) for i = 1, 4000 do m:add(l) end return m",
        "local c = nn.ConcatTable() for i = 1, 10000 do c:add(nn.Identity()) end return c",
        "local m = nn.MapTable(nn.Linear(3, 3)) return nn.Sequential():add(nn.Replicate(1e6, 1)):add(nn.SplitTable(1)):add(m)",
    ];
    for bomb in bombs {
        let mut options = Options::default();
        options.request.input_shape = Some(vec![3, 32, 32]);
        let start = Instant::now();
        let checked = catch_unwind(AssertUnwindSafe(|| {
            pipeline::check(Path::new("bomb.lua"), bomb.to_owned(), &options)
        }));
        let checked = checked.unwrap_or_else(|_| panic!("panics: {bomb}"));
        let time = start.elapsed();
        println!("{time:?} {} {bomb}", checked.diagnostics.has_errors());
        assert!(time < LONGEST, "{time:?}: {bomb}");
        // What is only large may be described; it cannot be run, and the plan says so.
        if !checked.diagnostics.has_errors() {
            let env = pipeline::environment(&options, &|_| None);
            for typed in &checked.stages {
                let _ = pipeline::training_plan(typed, &env, 1, (cortado::exec::Device::Cpu, 1));
            }
        }
    }
}
