//! Files that were written for the program around them: scripts that train what they build, files with a class or a function,
//! files that read global variables and packages which the program has set.

mod lua_project;

use cortado::pipeline::{self, Checked, Options};
use cortado::ty::Shape;
use lua_project::{complaints, parameters, project, read};
use tempfile::TempDir;

const PAIR: &[(&str, &[usize])] = &[("input", &[2, 3])];

fn called(folder: &TempDir, call: &str) -> Checked {
    let mut options = Options::default();
    options.shapes.insert("input".to_owned(), Shape(vec![2, 3]));
    options.request.call = Some(call.to_owned());
    pipeline::check_file(&folder.path().join("net.lua"), &options).expect("the file is there")
}

#[test]
fn a_script_leaves_its_local_variables() {
    let folder = project(&[(
        "net.lua",
        "require 'nn'
        local net = nn.Sequential()
        local criterion = nn.MSECriterion()
        for i = 1, 2 do local net = 'inside' end
        do local criterion = nil end
        net:add(nn.Linear(3, 4))
        local function step(x) return net:forward(x) end
        step(nil)",
    )]);
    let checked = read(&folder, "net.lua", PAIR, &[]);
    let text = complaints(&checked);
    assert!(text.contains("warning[W0635]: what follows is not run"), "{text}");
    assert_eq!(checked.stages[0].parameter_count(), 16);
    assert!(checked.stages[0].loss_weights.iter().flatten().any(|&weight| weight == 1.0));
}

#[test]
fn local_functions_are_listed_and_called() {
    let folder = project(&[(
        "net.lua",
        "require 'nn'
        local size = 4
        local function build(n) return nn.Linear(n, size) end
        local function other(n) return nn.Linear(n, 1) end",
    )]);
    let text = complaints(&read(&folder, "net.lua", PAIR, &[]));
    assert!(text.contains("`--call 'build(...)'`; the file has `build(n)`, `other(n)`"), "{text}");
    let checked = called(&folder, "build(size - 1)");
    assert_eq!(complaints(&checked), "");
    assert_eq!(checked.stages[0].parameter_count(), 16);
}

#[test]
fn classes_of_a_file_are_listed() {
    let folder = project(&[(
        "net.lua",
        "require 'nn'
        function helper(x) return x end
        local Twin, parent = torch.class('nn.Twin', 'nn.Sequential')
        function Twin:__init(size, bias) parent.__init(self) self:add(nn.Linear(3, size, bias)) end
        torch.class('nn.TwinCriterion', 'nn.Criterion')
        function nn.TwinCriterion:__init(margin) end",
    )]);
    let text = complaints(&read(&folder, "net.lua", PAIR, &[]));
    let help = "`--call 'nn.Twin(...)'`; the file has `nn.Twin(size, bias)`, `helper(x)`";
    assert!(text.contains(help), "{text}");
    assert_eq!(called(&folder, "nn.Twin(4)").stages[0].parameter_count(), 16);
}

#[test]
fn an_object_that_is_no_module_holds_the_model() {
    let folder = project(&[(
        "net.lua",
        "local Holder = torch.class('Holder')
        function Holder:__init(n)
           self.model = nn.Linear(n, 4)
           self.parameters = self.model:getParameters()
        end
        return Holder(3)",
    )]);
    assert_eq!(parameters(&folder, "net.lua", PAIR, &[]), 16);
}

#[test]
fn what_stops_a_script_before_its_model_is_followed_by_what_could_be_called() {
    let folder = project(&[(
        "net.lua",
        "require 'nn'
        function build(n) return nn.Linear(n, 4) end
        local file = io.open('train.csv')
        build(file:lines())",
    )]);
    let text = complaints(&read(&folder, "net.lua", PAIR, &[]));
    assert!(text.contains("'io.open' is not available"), "{text}");
    assert!(text.contains("note: say what gives the model, `--call 'build(...)'`"), "{text}");
}

#[test]
fn variables_of_the_program_are_asked_for() {
    let text = "return nn.Sequential():add(nn.Linear(inputs, hidden)):add(nn.Linear(hidden, 2))";
    let folder = project(&[("net.lua", text)]);
    let said = complaints(&read(&folder, "net.lua", PAIR, &[]));
    let help = "`inputs`, `hidden` are nil: `--param inputs=… --param hidden=…` sets them";
    assert!(said.contains(help), "{said}");
    let all = [("inputs", "3"), ("hidden", "4")];
    assert_eq!(parameters(&folder, "net.lua", PAIR, &all), 26);
}

#[test]
fn packages_of_the_program_are_there() {
    let folder = project(&[(
        "net.lua",
        "assert(nn.NoSuchClass == nil and nn.NoSuchClass == nil)
        local step = nn.Sequential():add(nn.ParallelTable():add(nn.Linear(3, 4)):add(nn.Linear(4, 4)))
        return nn.Sequencer(nn.Recurrence(step:add(nn.CAddTable()), 4, 1))",
    )]);
    let steps: &[(&str, &[usize])] = &[("0", &[2, 3]), ("1", &[2, 3])];
    assert_eq!(parameters(&folder, "net.lua", steps, &[]), 36);
    let text = complaints(&read(&project(&[("net.lua", "require 'data'")]), "net.lua", &[], &[]));
    assert!(text.contains("error[E0701]: module 'data' not found\n"), "{text}");
    assert!(text.contains("help: put `data.lua` beside the definition"), "{text}");
}

#[test]
fn data_of_dp_has_its_shape() {
    let folder = project(&[(
        "net.lua",
        "require 'dp'
        local ds, hidden = dp.Cifar100{input_preprocess = {}}, dp.returnString('{5}')
        assert(ds:imageSize('c') == 3 and ds:imageSize('h') == 32 and #ds:classes() == 100)
        model = nn.Sequential():add(nn.Convert(ds:ioShapes(), 'bf'))
        model:add(nn.Linear(ds:featureSize(), hidden[1])):add(nn.Linear(hidden[1], #ds:classes()))
        dp.Experiment{model = model}:run(ds)",
    )]);
    let image: &[(&str, &[usize])] = &[("input", &[2, 3, 32, 32])];
    assert_eq!(parameters(&folder, "net.lua", image, &[]), 3073 * 5 + 600);
}

#[test]
fn counts_and_tensors_are_passed() {
    let text = "return function(nGPU) assert(nGPU == 1) return nn.Linear(3, 4) end";
    assert_eq!(parameters(&project(&[("net.lua", text)]), "net.lua", PAIR, &[]), 16);
    let folder = project(&[("net.lua", "return nn.Linear(3, opt.sizes:sum())")]);
    let sizes = [("sizes", "torch.Tensor{1, 3}")];
    assert_eq!(parameters(&folder, "net.lua", PAIR, &sizes), 16);
}

#[test]
fn classes_that_are_no_layers_say_what_to_write() {
    for (text, said) in [
        ("nn.Container():add(nn.Linear(3, 4))", "help: it only holds modules: nn.Sequential()"),
        ("nn.L2Normalize()", "help: `nn.Normalize(2)` does this"),
        ("nn.MyOwnBlockOfLayers()", "`require` the file that defines it"),
    ] {
        let folder = project(&[("net.lua", &format!("return {text}"))]);
        let shown = complaints(&read(&folder, "net.lua", PAIR, &[]));
        assert!(shown.contains(said), "{shown}");
    }
}
