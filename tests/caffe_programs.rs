//! Nets of Caffe that Python programs make: what becomes of them is held against what Caffe's own net_spec.py writes
//! (`caffe_programs/make.py`); which of several nets is meant; where complaints point.

use std::path::{Path, PathBuf};

use cortado::diag::Diagnostics;
use cortado::diag::render::render;
use cortado::front::Request;
use cortado::front::caffe::{parse, print, pycaffe};
use cortado::ir::{Port, TypedNet};
use cortado::job::{self, JobOptions};
use cortado::pipeline::{Checked, Options, check};
use cortado::source::{FileId, SourceMap};

const HEAD: &str = "import caffe\nfrom caffe import layers as L, params as P, to_proto\n";

/// A net of one convolution, as a function of its outputs.
const NET: &str = "def net(outputs, size=8):
    n = caffe.NetSpec()
    n.data = L.Input(shape=dict(dim=[1, 3, size, size]))
    n.conv = L.Convolution(n.data, num_output=outputs, kernel_size=3, weight_filler=dict(type='xavier'))
    return n.to_proto()
";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/caffe_programs")
}

/// The text of the net that a program makes, and what is said about it.
fn made(path: &Path, text: &str, request: &Request) -> (Option<String>, String) {
    let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::default());
    let tree = pycaffe::tree(&mut sources, path, text, request, &mut diagnostics);
    (tree.map(|tree| print(&tree)), render(&diagnostics, &sources, false))
}

fn canonical(text: &str) -> String {
    let mut complaints = Diagnostics::default();
    let tree = parse(FileId(0), text, &mut complaints);
    assert!(complaints.is_empty(), "{complaints:?}");
    print(&tree)
}

fn checked(text: &str, call: Option<&str>, written: Option<&str>) -> Checked {
    let [call, written] = [call, written].map(|told| told.map(str::to_owned));
    let request = Request { call, written, ..Request::default() };
    check(Path::new("net.py"), text.to_owned(), &Options { request, ..Options::default() })
}

/// The names of layers at each stage.
fn layers(checked: &Checked) -> Vec<String> {
    assert!(!checked.diagnostics.has_errors(), "{}", checked.complaints());
    let stage = |typed: &TypedNet| {
        let names = typed.net.nodes().map(|(_, node)| node.name.value.clone());
        format!("{}: {}", typed.net.state.label(), names.collect::<Vec<_>>().join(" "))
    };
    checked.stages.iter().map(stage).collect()
}

/// The number of outputs of the layer `conv`, at each stage.
fn outputs(checked: &Checked) -> Vec<usize> {
    assert!(!checked.diagnostics.has_errors(), "{}", checked.complaints());
    let of_stage = |typed: &TypedNet| {
        let (node, _) = typed.net.nodes().find(|(_, node)| node.name.value == "conv")?;
        Some(typed.shape(Port { node, top: 0 })?.dims()[1])
    };
    checked.stages.iter().filter_map(of_stage).collect()
}

fn wrong(checked: &Checked, parts: &[&str]) {
    let said = checked.complaints();
    assert!(checked.diagnostics.has_errors(), "it is right: {said}");
    for part in parts {
        assert!(said.contains(part), "no {part:?} in\n{said}");
    }
}

#[test]
fn nets_are_those_that_pycaffe_makes() {
    let mut count = 0;
    for entry in std::fs::read_dir(folder()).expect("the programs are there").flatten() {
        let path = entry.path();
        let expected = path.with_extension("prototxt");
        if path.extension().is_none_or(|e| e != "py") || !expected.exists() {
            continue;
        }
        let read = |path: &Path| std::fs::read_to_string(path).expect("readable");
        let (net, said) = made(&path, &read(&path), &Request::default());
        assert_eq!(said, "", "{}", path.display());
        let net = net.expect("a net");
        assert_eq!(net, canonical(&read(&expected)), "{}", path.display());
        count += 1;
    }
    assert_eq!(count, 3);
}

#[test]
fn the_net_that_is_written_printed_or_left_is_taken() {
    for end in [
        "open('net.prototxt', 'w').write('name: \"x\"\\n' + str(net(2)))",
        "f = open('net.prototxt', 'w')\nprint >>f, net(2)\nf.close()",
        "print(net(2))",
        "import sys\nsys.stdout.write(str(net(2)))",
        "made = net(2)",
        "if __name__ == '__main__':\n    with open('a/b.prototxt', 'w') as f:\n        f.write(str(net(2)))\n    import shutil\n    \
         shutil.copy('a/b.prototxt', 'c/')",
        "import tempfile\ndef write():\n    with tempfile.NamedTemporaryFile(delete=False) as f:\n        \
         f.write(str(net(2)))\n        return f.name\nwrite()",
    ] {
        let text = format!("{HEAD}{NET}{end}\n");
        assert_eq!(outputs(&checked(&text, None, None)), [2], "{end}");
    }
}

#[test]
fn calls_and_files_say_which_net_is_meant() {
    let text = format!(
        "{HEAD}{NET}\nfor k in (2, 3):\n    with open('out/net%d.prototxt' % k, 'w') as f:\n        f.write(str(net(k)))\n"
    );
    wrong(&checked(&text, None, None), &["E0821", "makes 2 nets", "--written out/net2.prototxt"]);
    assert_eq!(outputs(&checked(&text, None, Some("net3.prototxt"))), [3]);
    assert_eq!(outputs(&checked(&text, Some("net(5)"), None)), [5]);
    wrong(
        &checked(&text, None, Some("net4.prototxt")),
        &["E0820", "writes no net `net4.prototxt`"],
    );
    wrong(&checked(&text, Some("net(0, size=1)['x']"), None), &["E0802", "--call"]);
    wrong(&checked(&format!("{HEAD}{NET}"), None, None), &["E0820", "--call 'net(outputs, size)'"]);
    assert_eq!(outputs(&checked(&format!("{HEAD}{NET}"), Some("net(4)"), None)), [4]);
}

#[test]
fn a_net_for_training_and_one_for_tests_are_one_of_two_phases() {
    let text = format!(
        "{HEAD}
def net(part, batch):
    n = caffe.NetSpec()
    n.data = L.DummyData(shape=dict(dim=[batch, 3, 8, 8]))
    n.label = L.DummyData(shape=dict(dim=[batch]))
    n.ip = L.InnerProduct(n.data, num_output=2, weight_filler=dict(type='xavier'))
    n.loss = L.SoftmaxWithLoss(n.ip, n.label)
    if part == 'test':
        n.acc = L.Accuracy(n.ip, n.label)
    with open(part + '.prototxt', 'w') as f:
        f.write(str(n.to_proto()))
net('train', 4)
net('test', 2)
"
    );
    let both = ["TRAIN: data label ip loss", "TEST: data label ip loss acc"];
    assert_eq!(layers(&checked(&text, None, None)), both);
    assert_eq!(layers(&checked(&text, None, Some("train.prototxt,test.prototxt"))), both);
    let one = checked(&text, None, Some("test.prototxt"));
    assert!(layers(&one)[0].ends_with("loss acc"));
    let (net, said) = made(Path::new("net.py"), &text, &Request::default());
    assert!(net.is_none() && said.contains("--written train.prototxt"), "{said}");
}

#[test]
fn complaints_point_into_the_program() {
    let text = format!("{HEAD}{NET}\nopen('net.prototxt', 'w').write(str(net(2, size=2)))\n");
    wrong(&checked(&text, None, None), &["net.py:6:"]);
    let text = format!("{HEAD}{NET}\nnet = net(2)\nnet.layer[1].type = 'Convolutoin'\n");
    wrong(&checked(&text, None, None), &["net.py:10:", "did you mean `Convolution`?"]);
    let text = "text = 'layer { name: \"a\" type: \"Convolutoin\" bottom: \"d\" top: \"a\" }'\n\
                open('net.prototxt', 'w').write(text)\n";
    wrong(&checked(text, None, None), &["net.prototxt:1:"]);
}

#[test]
fn the_original_refuses_what_is_refused() {
    let of = |body: &str| checked(&format!("{HEAD}n = caffe.NetSpec()\n{body}\n"), None, None);
    let data =
        "n.data, n.label = L.DummyData(shape=[dict(dim=[1, 3, 8, 8]), dict(dim=[1])], ntop=2)\n";
    wrong(
        &of("n.data = L.DummyData(ntop=2)\nn.to_proto()"),
        &["'tuple' object has no attribute '_to_proto'", "name each"],
    );
    wrong(
        &of("n.conv = L.Convolution(L.DummyData(ntop=2), num_output=2)"),
        &["Convolution input 0 is not a Top"],
    );
    wrong(
        &of(&format!("{data}n.a = L.ReLU(n.dato)")),
        &["KeyError: 'dato'", "did you mean `data`?"],
    );
    wrong(
        &of(&format!("{data}n.a = L.Slice(n.data, slice_point=(1, 2), ntop=3)[0]\nn.to_proto()")),
        &["has type tuple", "write `[...]`"],
    );
    wrong(
        &of(&format!("{data}n.a = L.ReLU(n.data, param=[])\nn.to_proto()")),
        &["IndexError: list index out of range"],
    );
    wrong(
        &checked(
            "from caffe.proto import caffe_pb2\nnet = caffe_pb2.NetParameter()\nnet.layer = 3\n",
            None,
            None,
        ),
        &["Assignment not allowed to repeated field"],
    );
    wrong(
        &checked(
            "from caffe.proto import caffe_pb2\nnet = caffe_pb2.NetParameter(nam='x')\n",
            None,
            None,
        ),
        &["unexpected keyword argument 'nam'", "did you mean `name`?"],
    );
    wrong(&checked("import caffe\nopen('/etc/passwd').read()\n", None, None), &["No such file"]);
}

#[test]
fn a_notebook_is_the_program_of_its_cells() {
    let cells = r##"{"cells": [
        {"cell_type": "code", "source": ["%matplotlib inline\n", "import caffe"]},
        {"cell_type": "code", "source": "!ls\nn = caffe.NetSpec()\nn.data = caffe.layers.Input(shape=dict(dim=[1, 3]))"}
    ]}"##;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("net.ipynb");
    std::fs::write(&path, cells).expect("written");
    let checked = cortado::pipeline::check_file(&path, &Options::default()).expect("a text");
    assert!(layers(&checked)[0].ends_with(": data"));
}

#[test]
fn all_names_of_pylab_are_those_of_numpy_and_of_what_draws() {
    let program = "from pylab import *
get_ipython().magic(u'matplotlib inline')
import caffe
from caffe import layers as L
n = caffe.NetSpec()
n.data = L.Input(shape=dict(dim=[1, 3, 8, 8]))
n.pool = L.Pooling(n.data, kernel_size=int(sqrt(zeros((2, 8)).size)), stride=int(np.array([2, 3]).max()))
print(n.to_proto())
figure(figsize=(8, 8)); imshow(ones((3, 3))); plt.show()
";
    assert!(layers(&checked(program, None, None))[0].ends_with(": data pool"));
}

#[test]
fn a_crop_lies_where_pycaffe_puts_it() {
    let text = format!(
        "{HEAD}from caffe.coord_map import crop
n = caffe.NetSpec()
n.data = L.Input(shape=dict(dim=[1, 3, 40, 40]))
n.conv = L.Convolution(n.data, kernel_size=3, num_output=4, pad=10, weight_filler=dict(type='xavier'))
n.relu = L.ReLU(n.conv, in_place=True)
n.pool = L.Pooling(n.relu, pool=P.Pooling.MAX, kernel_size=2, stride=2)
n.up = L.Deconvolution(n.pool, convolution_param=dict(num_output=4, kernel_size=4, stride=2, bias_term=False))
n.score = crop(n.up, n.data)
print(n.to_proto())
"
    );
    let (net, said) = made(Path::new("net.py"), &text, &Request::default());
    let net = net.unwrap_or_else(|| panic!("{said}"));
    // A pixel of `up` is where it would be of the data, but for 9 of the padding and 1 of the window: 10 - 1 + 1.
    assert!(net.contains("crop_param {\n    axis: 2\n    offset: 10\n"), "{net}");
}

#[test]
fn a_solver_that_is_written_trains_the_nets_that_it_names() {
    let text = format!(
        "{HEAD}from caffe.proto import caffe_pb2
def net(batch):
    data = L.DummyData(shape=dict(dim=[batch, 3]), data_filler=dict(type='gaussian'))
    ip = L.InnerProduct(data, num_output=2, weight_filler=dict(type='xavier'))
    return to_proto(L.EuclideanLoss(ip, L.DummyData(shape=dict(dim=[batch, 2]))))
solver = caffe_pb2.SolverParameter(base_lr=0.1, lr_policy='fixed', max_iter=3, test_interval=2)
for part, batch in [('train', 4), ('test', 2)]:
    with open('models/%s.prototxt' % part, 'w') as f:
        f.write(str(net(batch)))
solver.train_net = 'models/train.prototxt'
solver.test_net.append('models/test.prototxt')
solver.test_iter.append(1)
with open('solver.prototxt', 'w') as f:
    f.write(str(solver))
caffe.SGDSolver('solver.prototxt').solve()
"
    );
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("net.py");
    std::fs::write(&path, text).expect("written");
    assert!(!job::is_net(&path).expect("readable"));
    let opened = job::open(&path, &JobOptions::default()).expect("readable");
    let said = render(&opened.diagnostics, &opened.sources, false);
    assert!(said.contains("W0635"), "{said}");
    let job = opened.job.unwrap_or_else(|| panic!("{said}"));
    assert_eq!(job.trainer.tests(), 1);
    let kept = job.kept.expect("the solver is kept").text;
    assert!(kept.contains("train_net_param {\n  layer {"), "{kept}");
    assert!(kept.contains("test_net_param {\n  layer {"), "{kept}");
}
