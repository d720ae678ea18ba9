//! Torch definitions as the programs that they are: what may not be read before the network runs, what is printed, which
//! files are read, and where complaints point.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cortado::diag::render::said;
use cortado::exec::Device;
use cortado::ir::NetState;
use cortado::one_pass::{PassOptions, check_options, inward, one_pass, outward};
use cortado::pipeline::{self, Checked, Options};
use cortado::spec::Phase;
use cortado::weights::Blob;

type Tensors = BTreeMap<String, Blob>;

fn checked(text: &str, given: &Tensors) -> Checked {
    let path = PathBuf::from("definition.lua");
    let options = check_options(&path, given, Some(NetState::phase(Phase::Train)));
    pipeline::check(&path, text.to_owned(), &options)
}

/// What is said of a definition without inputs.
fn complaints(text: &str) -> String {
    let checked =
        pipeline::check(Path::new("definition.lua"), text.to_owned(), &Options::default());
    checked.complaints()
}

fn blob(shape: &[usize], data: &[f32]) -> Blob {
    Blob { shape: shape.to_vec(), data: data.to_vec() }
}

#[test]
fn what_a_large_network_gives_cannot_be_read() {
    // Small nets are computed.
    let linear = "local l = nn.Linear(2000, 2000)\nlocal out = l:forward(torch.ones(3, 2000))\n";
    for read in [
        "local x = out[1][1]",
        "l.weight:div(out:std())",
        "local x = out:sum() + 1",
        "out:add(1)[1][1] = out[1][2]",
    ] {
        let shown = complaints(&format!("{linear}{read}\nreturn l\n"));
        assert!(shown.contains("known only when"), "{read}: {shown}");
        assert!(shown.contains("definition.lua:3:"), "{read}: {shown}");
    }
    let sizes = format!(
        "{linear}assert(out:size(1) == 3 and out:nElement() == 6000)\nprint(out, nn.MSECriterion():forward(out, out))\nreturn l\n"
    );
    let shown = complaints(&sizes);
    assert!(!shown.contains("error"), "{shown}");
}

fn cortado(arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cortado"));
    command.args(arguments).current_dir(folder).output().expect("cortado runs")
}

#[test]
fn what_is_printed_is_passed_on_once() {
    let text =
        "print('one\\27[31m', 2)\nio.write('three')\nreturn nn.Sequential():add(nn.Linear(2, 3))\n";
    let checked = pipeline::check(Path::new("d.lua"), text.to_owned(), &Options::default());
    assert_eq!(said(&checked.diagnostics), "one\\u{1b}[31m\t2\nthree\n");
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("d.lua"), text).expect("a file");
    std::fs::write(folder.path().join("e.lua"), "print('before')\nerror('stopped')\n")
        .expect("a file");
    for (arguments, shown) in [
        (&["check", "d.lua"][..], "three\n"),
        (&["check", "d.lua", "--json"], "three\n"),
        (&["check", "e.lua"], "before\n"),
    ] {
        let output = cortado(arguments, folder.path());
        let (out, err) =
            [&output.stdout, &output.stderr].map(|b| String::from_utf8_lossy(b)).into();
        assert_eq!(err.matches(shown).count(), 1, "{arguments:?}: {err}");
        assert!(!out.contains(shown), "{arguments:?}: {out}");
    }
    let drawn = cortado(&["visualize", "e.lua", "-o", "e.svg"], folder.path());
    assert_eq!(drawn.status.code(), Some(1));
    assert!(!folder.path().join("e.svg").exists(), "a picture of nothing is written");
}

#[test]
fn complaints_name_what_added_a_module() {
    let text = "local function block(n)\n   local c = nn.SpatialConvolution(n, 16, 3, 3)\n   return c\nend\n\
         local net = nn.Sequential()\nnet:add(nn.Identity())\nnet:add(block(4))\nreturn net\n";
    let given = Tensors::from([("in.0".to_owned(), blob(&[1, 3, 8, 8], &[0.0; 192]))]);
    let checked = checked(text, &given);
    let shown = checked.complaints();
    assert!(shown.contains("definition.lua:2:14") && shown.contains("added here"), "{shown}");
    assert!(shown.contains("7 | net:add(block(4))"), "{shown}");
}

#[test]
fn complaints_have_a_place() {
    for (text, message, place) in [
        (
            "local a = torch.ones(2000, 2000)\nwhile true do a = a * a end",
            "does not end",
            "d.lua:2:",
        ),
        (
            "local inp = nn.Identity()()\nreturn nn.gModule({inp}, {nn.ReLU()(nothing)})",
            "what is this in the input",
            "d.lua:2:",
        ),
        ("local n = nn.Sequential()\nn:add(n)\nreturn n", "one contains itself", "d.lua:1:"),
        (
            "local C, P = torch.class('nn.C', 'nn.Module')\nfunction C:updateOutput(x) while true do end end\nreturn nn.C()",
            "does not end",
            "d.lua:2:",
        ),
        ("local x = 1\nreturn nn.Linear(3)", "nn.Linear needs its `outputSize`", "d.lua:2:"),
        (
            "local x = 1\nreturn nn.Linear(-1, 3)",
            "nn.Linear cannot be made of these arguments",
            "d.lua:2:",
        ),
        ("error(('x'):rep(1e6))", "more bytes", "d.lua:1:"),
        ("local m = nn.Linear(2, 3)\nm.weight = nil\nreturn m", "weight", "d.lua:1:"),
    ] {
        let mut options = Options::default();
        options.shapes.insert("0".into(), [2, 3].into());
        let checked = pipeline::check(Path::new("d.lua"), text.to_owned(), &options);
        let shown = checked.complaints();
        assert!(shown.contains(message) && shown.contains(place), "{text}: {shown}");
        assert!(!shown.contains("<nn.") && shown.len() < 20_000, "{text}: {shown}");
    }
}

#[test]
fn fields_of_the_contract_hold_what_they_should() {
    for (field, message) in [
        ("loss = 'x'", "the `loss` is a string"),
        ("loss = nn.MSECriterion", "the class nn.MSECriterion"),
        ("trainBatchSize = 'many'", "`trainBatchSize` is `many`"),
        ("validationBatchSize = 1.5", "`validationBatchSize` is `1.5`"),
        ("croplen = -3", "`croplen` is `-3`"),
    ] {
        let text = format!("return function() return {{model = nn.Linear(2, 3), {field}}} end");
        let shown = complaints(&text);
        assert!(
            shown.contains(message)
                && shown.contains("d.lua:1:") | shown.contains("definition.lua:1:"),
            "{field}: {shown}"
        );
    }
}

#[test]
fn files_are_texts_of_the_project() {
    let folder = tempfile::tempdir().expect("a folder");
    let project = folder.path().join("above/project");
    std::fs::create_dir_all(&project).expect("a folder");
    let write =
        |name: &str, bytes: &[u8]| std::fs::write(project.join(name), bytes).expect("a file");
    write(
        "latin.lua",
        b"-- caf\xe9\nrequire 'part'\nreturn nn.Sequential():add(nn.Linear(2, 3))\n",
    );
    write("part.lua", b"return 'caf\xe9'");
    write("mark.lua", b"\xef\xbb\xbfreturn nn.Sequential():add(nn.Linear(2, 3))\n");
    write("asks.lua", b"require 'outside'\nreturn nn.Identity()\n");
    write("long.lua", "a = 1\n".repeat(1 << 20).as_bytes());
    std::fs::write(folder.path().join("secret.lua"), "root:x:0:0").expect("a file");
    for file in ["latin.lua", "mark.lua"] {
        let output = cortado(&["check", file], &project);
        assert!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let refused = |file: &str| {
        let output = cortado(&["check", file], &project);
        assert_eq!(output.status.code(), Some(1), "{file}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(refused("long.lua").contains("long.lua: 6144 KiB are no definition"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::symlink;
        symlink(folder.path().join("secret.lua"), project.join("outside.lua")).expect("a link");
        symlink("/dev/zero", project.join("zero.lua")).expect("a link");
        let shown = refused("asks.lua");
        assert!(shown.contains("module 'outside' not found") && !shown.contains("root"), "{shown}");
        assert!(refused("zero.lua").contains("is no regular file"));
    }
}

#[test]
fn modules_of_inn_compute_what_imagine_nn_does() {
    let data: Vec<f32> = (0..24).map(|i| (i as f32 * 0.7).sin()).collect();
    let input = blob(&[1, 2, 3, 4], &data);
    let given = Tensors::from([("in.0".to_owned(), input)]);
    let plane = |c: usize, h: i64, w: i64| match (0..3).contains(&h) && (0..4).contains(&w) {
        true => data[c * 12 + h as usize * 4 + w as usize],
        false => 0.0,
    };
    let same = |at: usize| {
        let (c, h, w) = (at / 12, (at / 4 % 3) as i64, (at % 4) as i64);
        let around = (-1..=1).flat_map(|i| (-1..=1).map(move |j| (i, j)));
        let sum: f32 = around.map(|(i, j)| plane(c, h + i, w + j).powi(2)).sum();
        data[at] / (1.0 + 0.5 * sum / 9.0).powf(0.75)
    };
    let affine = |at: usize| data[at] * [2.0, 3.0][at / 12] + [1.0, -1.0][at / 12];
    let cases: [(&str, &dyn Fn(usize) -> f32); 4] = [
        ("return inn.SpatialSameResponseNormalization(3, 0.5)", &same),
        ("return inn.MeanSubtraction(torch.Tensor(2, 3, 4):fill(0.25))", &|at| data[at] - 0.25),
        (
            "local m = inn.ConstAffine(2) m.a[1], m.a[2], m.b[1], m.b[2] = 2, 3, 1, -1 return m",
            &affine,
        ),
        (
            "local m = inn.SpatialConstAffine(2) m.a:copy(torch.Tensor{2, 3}) m.b:copy(torch.Tensor{1, -1}) return m",
            &affine,
        ),
    ];
    for (text, of_place) in cases {
        let checked = checked(&format!("require 'inn'\n{text}\n"), &given);
        let shown = checked.complaints();
        assert!(!checked.diagnostics.has_errors(), "{text}: {shown}");
        let options = check_options(Path::new("definition.lua"), &given, None);
        let env = pipeline::environment(&options, &|_| None);
        let pass = PassOptions { backward: false, device: Device::Cpu, threads: 1, seed: 1 };
        let results =
            one_pass(&checked.stages[0], &env, &inward(&checked.definition, &given), &pass)
                .expect("runs");
        let results = outward(&checked.definition, &given, results);
        for (at, got) in results["out.0"].data.iter().enumerate() {
            let want = of_place(at);
            assert!((got - want).abs() < 1e-5, "{text}: {at}: {got}, not {want}");
        }
    }
}

/// The numbers are worked out by hand from the definitions in Torch's documentation.
#[test]
fn tensors_know_more_statistics() {
    let text = "local function same(a, b) assert((a - torch.Tensor(b)):abs():max() < 1e-5, tostring(a)) end\n\
         local m = torch.Tensor{{3, 1, 2}, {5, 5, 4}}\n\
         local v, i = torch.kthvalue(m, 2) same(v, {{2}, {5}}) assert(i[1][1] == 3)\n\
         same((m:kthvalue(1, 1)), {{3, 1, 2}})\n\
         v, i = torch.mode(m) same(v, {{1}, {5}}) assert(i[1][1] == 2 and i[2][1] == 2)\n\
         same(torch.histc(m, 4, 1, 5), {1, 1, 1, 3}) same(m:histc(2), {2, 4})\n\
         same(torch.renorm(torch.Tensor{{3, 4}, {0.3, 0.4}}, 2, 1, 1), {{0.6, 0.8}, {0.3, 0.4}})\n\
         same(torch.cross(torch.Tensor{1, 0, 0}, torch.Tensor{0, 1, 0}), {0, 0, 1})\n\
         same(torch.cross(torch.Tensor{{1, 2, 3}}, torch.Tensor{{4, 5, 6}}), {{-3, 6, -3}})\n\
         torch.manualSeed(1) local c = torch.Tensor(4001):cauchy(2, 0.5)\n\
         local middle = torch.kthvalue(c, 2001)[1] assert(math.abs(middle - 2) < 0.1, middle)\n\
         local l = torch.Tensor(20000):logNormal(3, 1)\n\
         assert(math.abs(l:mean() - 3) < 0.05 and math.abs(l:std() - 1) < 0.05 and l:min() > 0)\n\
         return nn.Identity()\n";
    let shown = complaints(text);
    assert!(!shown.contains("error"), "{shown}");
}

/// Each asserts what Torch7 does.
#[test]
fn types_are_those_that_modules_and_tensors_were_turned_to() {
    let text = "local t = torch.Tensor{1.5, -2}\n\
         assert(t:type() == 'torch.FloatTensor' and t:double():type() == 'torch.DoubleTensor')\n\
         assert(t:cuda():type() == 'torch.CudaTensor' and t:cudaLong()[2] == -2 and torch.isTensor(t:cuda()))\n\
         assert(t:cuda():gt(0):type() == 'torch.CudaByteTensor' and t:gt(0):type() == 'torch.ByteTensor')\n\
         assert(torch.CudaTensor(2, 3):nElement() == 6 and t:cuda():float():type() == t:type())\n\
         assert(torch.type(torch.CudaTensor(2)[{{1, 1}}]) == 'torch.CudaTensor' and t.new().type and t:half():type() == 'torch.HalfTensor')\n\
         local l = nn.Linear(3, 3) local n = nn.Sequential():add(l):add(nn.ReLU()):add(l:clone('weight', 'bias'))\n\
         assert(n:type() == 'torch.FloatTensor' and n:cuda() == n and n:type() == 'torch.CudaTensor')\n\
         assert(l:type() == 'torch.CudaTensor' and l.weight:type() == 'torch.CudaTensor' and l.output:type() == l:type())\n\
         l.weight:fill(4) assert(n:get(3).weight[1][1] == 4, 'shared before, shared after')\n\
         n:double() assert(l.weight:type() == 'torch.DoubleTensor' and l.gradBias:type() == 'torch.DoubleTensor')\n\
         l.weight:fill(5) assert(n:get(3).weight[2][3] == 5)\n\
         assert(n:forward(torch.ones(3):double()):type() == 'torch.DoubleTensor')\n\
         local c = nn.MSECriterion():cuda() assert(c:type() == 'torch.CudaTensor' and nn.utils.recursiveType({t}, 'torch.CudaTensor')[1]:type() == c:type())\n\
         assert(not pcall(n.type, n, 'torch.NoTensor'))\n\
         torch.setdefaulttensortype('torch.CudaTensor') assert(torch.Tensor(1):type() == 'torch.CudaTensor')\n\
         return n\n";
    let shown = complaints(text);
    assert!(!shown.contains("error"), "{shown}");
    // Random first values are neither drawn nor lost.
    let large = "local l = nn.Linear(20000, 20000):cuda():double():float() return l";
    let shown = complaints(large);
    assert!(!shown.contains("error"), "{shown}");
}

/// The numbers follow from the formulas of the package optim and of linear algebra.
#[test]
fn steps_of_optim_inverses_and_inner_outputs_are_computed() {
    let text = "local function near(a, b) assert(math.abs(a - b) < 1e-5, tostring(a)) end\n\
         local x, config = torch.Tensor{1, 2}, {learningRate = 0.1, momentum = 0.5, weightDecay = 0.1}\n\
         local function f(x) return x:dot(x), x * 2 end\n\
         local _, losses = optim.sgd(f, x, config) near(x[1], 0.79) near(losses[1], 5)\n\
         optim.sgd(f, x, config) near(x[2], 1.58 - 0.1 * (0.5 * 4.2 + 0.5 * 3.318)) assert(config.evalCounter == 2)\n\
         local m = torch.Tensor{{0, 2}, {4, 1}} local e = torch.inverse(m) * m\n\
         near(e[1][1], 1) near(e[1][2], 0) near(e[2][2], 1) assert(not pcall(torch.inverse, torch.zeros(2, 2)))\n\
         local image, window = torch.Tensor{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}}, torch.Tensor{{1, 2}, {0, 0}}\n\
         near(torch.xcorr2(image, window)[2][1], 14) near(torch.conv2(image, window)[1][1], 13)\n\
         assert(torch.conv2(image, window, 'F'):size(1) == 4) near(torch.conv2(image, window, 'F')[1][1], 1)\n\
         local n = nn.Sequential():add(nn.SpatialConvolution(3, 8, 3, 3)):add(nn.ReLU()):add(nn.View(-1):setNumInputDims(3))\n\
         n:forward(torch.ones(2, 3, 5, 5))\n\
         assert(n:get(1).output:size(4) == 3 and n:get(2).output:min() >= 0 and n.output:size(2) == 72)\n\
         return n\n";
    let shown = complaints(text);
    assert!(!shown.contains("error"), "{shown}");
    let learns = "local n = nn.Linear(2, 1)\nlocal x, g = n:getParameters()\n\
         local function f() local y = n:forward(torch.ones(2)) n:backward(torch.ones(2), y) return 1, g end\n\
         optim.sgd(f, x, {learningRate = 1})\nprint(x[1])\nreturn n\n";
    let shown = complaints(learns);
    assert!(shown.contains("known only when it runs"), "{shown}");
    let shown = complaints("optim.lbfgs(print, torch.ones(1))\nreturn nn.Identity()\n");
    assert!(shown.contains("'optim.lbfgs' is not available"), "{shown}");
}

#[test]
fn cudnn_has_layers_of_volumes_and_says_what_it_lacks() {
    let text = "require 'cudnn'\n\
         local x = torch.randn(2, 3, 2, 2, 2) local y = cudnn.VolumetricSoftMax():forward(x)\n\
         local want = nn.SoftMax():forward(x:select(5, 2):contiguous())\n\
         assert((y:select(5, 2) - want):abs():max() < 1e-6 and y:isSameSizeAs(x))\n\
         assert((cudnn.VolumetricLogSoftMax():forward(x) - torch.log(y)):abs():max() < 1e-5)\n\
         return nn.Identity()\n";
    let shown = complaints(text);
    assert!(!shown.contains("error"), "{shown}");
    let windows = "require 'cudnn'\nlocal l = cudnn.BLSTM(4, 5, 2)\n\
         local w, b = l:weights(), l:biases()\n\
         assert(#w == 4 and #w[1] == 8 and w[1][1]:nElement() == 20 and w[3][1]:nElement() == 50 and w[3][5]:nElement() == 25)\n\
         local all = 0 for _, list in ipairs({w, b}) do for _, layer in ipairs(list) do for _, part in ipairs(layer) do\n\
            all = all + part:nElement() part:fill(0.25) end end end\n\
         assert(all == l.weight:nElement() and l.weight:min() == 0.25 and l.weight:max() == 0.25)\n\
         return nn.Identity()\n";
    let shown = complaints(windows);
    assert!(!shown.contains("error"), "{shown}");
    let shown = complaints("require 'cudnn'\nreturn cudnn.LSTM(4, 5, 2, false, 0, true)\n");
    assert!(shown.contains("W0630") && shown.contains("definition.lua:2:"), "{shown}");
    let shown = complaints("require 'dpnn'\nreturn nn.ReinforceGamma()\n");
    assert!(
        shown.contains("gamma distributions") && shown.contains("definition.lua:2:"),
        "{shown}"
    );
}

#[test]
fn joining_and_copying_without_end_is_stopped() {
    for text in [
        "local t = {} for i = 1, 1e5 do t[i] = torch.Tensor(3) end\nfor i = 1, 100 do torch.cat(t, 1) end",
        "local n = nn.Sequential() for i = 1, 30 do n:add(n:clone()) end",
        "local n = nn.Sequential() n:add(n) return n",
        "local t = torch.Tensor(2e9):uniform() print(t[2e9])",
    ] {
        let shown = complaints(text);
        let stopped = shown.contains("does not end") || shown.contains("contains itself");
        assert!(stopped && shown.contains("definition.lua:"), "{text}: {shown}");
    }
}

#[test]
fn matrices_are_taken_apart() {
    let text = "require 'torch' torch.setdefaulttensortype('torch.DoubleTensor')\n\
         local function near(a, b) assert(a:size(1) == b:size(1) and (a - b):abs():max() < 1e-10, tostring(a)) end\n\
         local function same(a, b) assert(math.abs(a - b) < 1e-10, tostring(a)) end\n\
         for _, size in ipairs({{5, 3}, {3, 5}, {4, 4}, {1, 6}}) do\n\
            local a = torch.randn(size[1], size[2]) local k = math.min(size[1], size[2])\n\
            local u, s, v = torch.svd(a) near(u * torch.diag(s) * v:t(), a)\n\
            near(u:t() * u, torch.eye(k)) near(v:t() * v, torch.eye(k))\n\
            for i = 2, k do assert(s[i - 1] >= s[i] and s[i] > 0) end\n\
            local u, s, v = a:svd('A') near(u:t() * u, torch.eye(size[1])) near(v:t() * v, torch.eye(size[2]))\n\
            local q, r = torch.qr(a) near(q * r, a) near(q:t() * q, torch.eye(k)) assert(r:size(2) == size[2])\n\
            for i = 2, k do for j = 1, i - 1 do same(r[i][j], 0) end end\n\
         end\n\
         local u, s, v = torch.svd(torch.ones(3, 2)) same(s[1], math.sqrt(6)) same(s[2], 0) near(u:t() * u, torch.eye(2))\n\
         local a = torch.Tensor{{4, 1, 2}, {1, 3, 0}, {2, 0, 5}}\n\
         local e, v = torch.symeig(a, 'V') near(v * torch.diag(e) * v:t(), a) assert(e[1] < e[2] and e[2] < e[3])\n\
         near(torch.symeig(torch.Tensor{{2, 1}, {9, 2}}), torch.Tensor{1, 3})\n\
         near(torch.symeig(torch.Tensor{{2, 9}, {1, 2}}, 'N', 'L'), torch.Tensor{1, 3})\n\
         local c = torch.potrf(a) near(c:t() * c, a) same(c[2][1], 0) near(torch.potrf(a, 'L') * torch.potrf(a, 'L'):t(), a)\n\
         local b = torch.Tensor{{1, 2}, {3, 4}, {5, 6}}\n\
         near(a * torch.gesv(b, a), b) near(a * torch.potrs(b, c), b) near(torch.potri(c) * a, torch.eye(3))\n\
         near(torch.inverse(a) * a, torch.eye(3)) local x = torch.Tensor() torch.inverse(x, a) near(x * a, torch.eye(3))\n\
         local tall = torch.Tensor{{1, 1}, {1, 2}, {1, 3}, {1, 4}}\n\
         near(torch.gels(torch.Tensor{{6}, {5}, {7}, {10}}, tall), torch.Tensor{{3.5}, {1.4}})\n\
         near(torch.gels(torch.Tensor{{3}}, torch.Tensor{{1, 2}}), torch.Tensor{{0.6}, {1.2}})\n\
         assert(not pcall(torch.potrf, torch.Tensor{{1, 2}, {2, 1}}) and not pcall(torch.gesv, b, torch.zeros(3, 3)))\n\
         assert(not pcall(torch.symeig, b) and not pcall(torch.svd, torch.ones(3)))\n\
         local m = nn.Linear(6, 6) m.weight:copy((torch.qr(torch.randn(6, 6))))\n\
         return m\n";
    let shown = complaints(text);
    assert!(!shown.contains("error"), "{shown}");
    let shown = complaints("torch.svd(torch.randn(1500, 1500))\nreturn nn.Identity()\n");
    assert!(shown.contains("does not end") && shown.contains("definition.lua:1:"), "{shown}");
}

#[test]
fn modules_of_dpnn_compute_and_objects_have_numbers() {
    let text = "require 'dpnn'\n\
         local function near(a, b) assert(math.abs(a - b) < 1e-5, tostring(a)) end\n\
         local at = nn.ArgMax(1, 1):forward(torch.Tensor{{1, 3, 3}, {5, 5, 1}}) assert(at[1] == 2 and at[2] == 1)\n\
         local y = nn.SpatialFeatNormalization(torch.Tensor{1, 2}, torch.Tensor{2, 4}):forward(torch.ones(1, 2, 1, 1) * 5)\n\
         near(y[1][1][1][1], 2) near(y[1][2][1][1], 0.75)\n\
         local scores, classes = torch.Tensor{{2}, {-1}}, torch.Tensor{1, 1}\n\
         local cost = math.log(1 + math.exp(-2)) + math.log(1 + math.exp(1))\n\
         near(nn.BinaryLogisticRegression():forward(scores, classes), cost / 2)\n\
         near(nn.BinaryLogisticRegression(false):forward(scores, classes), cost)\n\
         local images = scores:view(2, 1, 1, 1)\n\
         near(nn.SpatialBinaryLogisticRegression():forward(images, torch.ones(2, 1, 1, 1)), cost / 4)\n\
         near(nn.CosineEmbeddingCriterion():forward({torch.Tensor{1, 0}, torch.Tensor{1, 1}}, 1), 1 - math.sqrt(0.5))\n\
         local x, t = torch.Tensor(2), {}\n\
         assert(torch.pointer(x) == torch.pointer(x) and torch.pointer(x) ~= torch.pointer(x:clone()))\n\
         assert(torch.pointer(t) == torch.pointer(t) and torch.pointer(t) ~= torch.pointer({}))\n\
         return nn.Identity()\n";
    let shown = complaints(text);
    assert!(!shown.contains("error"), "{shown}");
}

/// What is said of a net for a batch of images.
fn complaints_for(shape: &[usize], text: &str) -> String {
    let count = shape.iter().product();
    let given = Tensors::from([("in.0".to_owned(), blob(shape, &vec![0.5; count]))]);
    let checked = checked(text, &given);
    checked.complaints()
}

#[test]
fn rows_that_begin_in_the_midst_of_an_image_are_noticed() {
    let view = |view: &str, rest: &str| {
        let text = format!(
            "local net = nn.Sequential():add(nn.SpatialConvolution(3, 50, 3, 3))\nnet:add({view}){rest}\nreturn net\n"
        );
        complaints_for(&[4, 3, 6, 6], &text)
    };
    for (mistaken, message) in [
        ("nn.View(-1, 400)", "makes 2 rows of each record"),
        ("nn.View(400)", "makes 2 rows of each record"),
        ("nn.View(-1, 1600)", "makes one row of 2 records"),
        ("nn.View(-1, 320)", "makes 2.5 rows of each record"),
    ] {
        let shown = view(mistaken, "");
        assert!(shown.contains("W0628") && shown.contains(message), "{mistaken}: {shown}");
        assert!(shown.contains("definition.lua:2:"), "{mistaken}: {shown}");
        assert!(shown.contains("nn.View(800):setNumInputDims(3)"), "{mistaken}: {shown}");
    }
    for meant in
        ["nn.View(-1, 800)", "nn.View(800)", "nn.View(-1, 4)", "nn.View(-1, 16)", "nn.View(-1)"]
    {
        let shown = view(meant, "");
        assert!(!shown.contains("W0628"), "{meant}: {shown}");
    }
    let undone = view("nn.View(-1, 400)", ":add(nn.Tanh()):add(nn.View(-1, 800))");
    assert!(!undone.contains("W0628"), "{undone}");
}

#[test]
fn deep_and_long_nets_are_checked_soon() {
    for text in [
        "local n = nn.Linear(4, 4) for i = 1, 2000 do n = nn.Sequential():add(n) end return n",
        "local n = nn.Sequential() for i = 1, 3000 do n:add(nn.Linear(4, 4)):add(nn.ReLU()) end return n",
    ] {
        let shown = complaints_for(&[2, 4], text);
        assert!(!shown.contains("error"), "{text}: {shown:.300}");
    }
}
