//! Torch definitions as the programs that they are: what may not be read before the network runs, what is printed, which
//! files are read, and where complaints point.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cortado::diag::render::{render, said};
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
    render(&checked.diagnostics, &checked.sources, false)
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
    let shown = render(&checked.diagnostics, &checked.sources, false);
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
        ("local n = nn.Sequential()\nn:add(n)\nreturn n", "does not end", "d.lua:1:"),
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
        let shown = render(&checked.diagnostics, &checked.sources, false);
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
        let shown = render(&checked.diagnostics, &checked.sources, false);
        assert!(!checked.diagnostics.has_errors(), "{text}: {shown}");
        let record = |_: &str| None;
        let options = check_options(Path::new("definition.lua"), &given, None);
        let env = pipeline::environment(&options, &record);
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
