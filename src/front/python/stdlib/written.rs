//! The modules that are written in Python.

use crate::front::python::interp::{Args, Python, Value};

pub(super) fn install(py: &mut Python) {
    py.add_text("functools", include_str!("functools.py"));
    py.add_text("itertools", include_str!("itertools.py"));
    py.add_text("argparse", include_str!("argparse.py"));
    py.add_text("easydict", include_str!("easydict.py"));
    py.add_text("logging", include_str!("logging.py"));
    py.add_copy("logging.handlers", "logging");
    py.add_text("distutils.version", include_str!("versions.py"));
    py.add_copy("packaging.version", "distutils.version");
    py.add_text("enum", include_str!("enum.py"));
    let shown =
        "def pprint(value, *args, **kwargs):\n    print(value)\n\npp, pformat = pprint, repr\n";
    py.add_text("pprint", shown);
    py.add_text("contextlib", include_str!("contextlib.py"));
    py.add_text("copy", include_str!("copy.py"));
    py.add_text("operator", include_str!("operator.py"));
    py.add_text("numpy", include_str!("numpy.py"));
    py.add_text("numpy.linalg", include_str!("numpy_linalg.py"));
    py.add_text("numpy.random", include_str!("numpy_random.py"));
    py.add_text("numbers", "Number = Complex = Real = Rational = (int, float)\nIntegral = int\n");
    py.add_text("re", include_str!("re.py"));
    py.add_text("six", include_str!("six.py"));
    py.add_text("six.moves", include_str!("six_moves.py"));
    // In Python 2 it is a builtin.
    let reduce = Value::function("reduce", |py: &mut Python, args: Args| {
        let module = py.import("functools", args.span)?;
        let reduce = py.get_attribute(&module, "reduce", args.span)?;
        py.call(&reduce, args)
    });
    py.add_builtin("reduce", reduce);
}
