//! The nets that slim has itself, `tensorflow.contrib.slim.nets` and `tf_slim.nets`. A text is read when it is first asked for.

use crate::front::python::interp::Python;

/// Where they are written.
const NETS: &[(&str, &str)] = &[
    ("tf_slim.nets.alexnet", include_str!("nets/alexnet.py")),
    ("tf_slim.nets.inception", include_str!("nets/inception.py")),
    ("tf_slim.nets.overfeat", include_str!("nets/overfeat.py")),
    ("tf_slim.nets.resnet_utils", include_str!("nets/resnet_utils.py")),
    ("tf_slim.nets.resnet_v1", include_str!("nets/resnet_v1.py")),
    ("tf_slim.nets.resnet_v2", include_str!("nets/resnet_v2.py")),
    ("tf_slim.nets.vgg", include_str!("nets/vgg.py")),
];

/// What the packages have that they are imported from, by another name.
const NAMES: &[(&str, &str)] = &[
    ("alexnet", "from tf_slim.nets.alexnet import *\n"),
    ("inception", "from tf_slim.nets.inception import *\n"),
    ("inception_v1", "from tf_slim.nets.inception import *\n"),
    ("inception_v2", "from tf_slim.nets.inception import *\n"),
    ("inception_v3", "from tf_slim.nets.inception import *\n"),
    ("overfeat", "from tf_slim.nets.overfeat import *\n"),
    ("resnet_utils", "from tf_slim.nets.resnet_utils import *\n"),
    ("resnet_v1", "from tf_slim.nets.resnet_v1 import *\n"),
    ("resnet_v2", "from tf_slim.nets.resnet_v2 import *\n"),
    ("vgg", "from tf_slim.nets.vgg import *\n"),
];

/// These packages.
const PACKAGES: [&str; 3] =
    ["tf_slim.nets", "tensorflow.contrib.slim.nets", "tensorflow.contrib.slim.python.slim.nets"];

/// What a package is.
const PACKAGE: &str = "from tf_slim.nets import alexnet, inception, inception_v1, inception_v2, inception_v3, overfeat
from tf_slim.nets import resnet_utils, resnet_v1, resnet_v2, vgg
";

/// Makes the modules known.
pub(super) fn install(py: &mut Python) {
    for package in PACKAGES {
        for (name, text) in NAMES {
            py.add_text(&format!("{package}.{name}"), text);
        }
        py.add_text(package, PACKAGE);
    }
    for (name, text) in NETS {
        py.add_text(name, text);
    }
    py.add_text(
        "tensorflow.contrib.slim.python",
        "import tensorflow.contrib.slim.python.slim as slim\n",
    );
    py.add_text(
        "tensorflow.contrib.slim.python.slim",
        "import tensorflow.contrib.slim.python.slim.nets as nets\n",
    );
}
