//! What to write instead of names of TensorFlow that a definition cannot use here.

/// Beginnings of names, and what to do.
const ADVICE: &[(&str, &str)] = &[
    (
        "tf.keras",
        "what is there of Keras are layers, models as nets, losses of tensors and `backend`; DIGITS trains the net that \
         `inference` and `loss` of `UserModel` make",
    ),
    ("tf.Session", RUNS),
    ("tf.InteractiveSession", RUNS),
    ("tf.Graph", RUNS),
    ("tf.placeholder", "the images are `self.x`, and their labels `self.y`"),
    (
        "tf.train",
        "`loss` is all that training needs of a definition; the run file says how: `solver: { optimizer: adam, \
         learning_rate: 0.001 }`",
    ),
    ("tf.py_func", PYTHON),
    ("tf.numpy_function", PYTHON),
    ("tf.data", READS),
    ("tf.read_file", READS),
    ("tf.decode_raw", READS),
    ("tf.FIFOQueue", READS),
    ("tf.gfile", READS),
    (
        "tf.app",
        "DIGITS runs the definition; of a program's command line there are the defaults of `tf.app.flags`",
    ),
    ("tf.estimator", "DIGITS trains the net that `inference` and `loss` of `UserModel` make"),
    ("tf.contrib.learn", "DIGITS trains the net that `inference` and `loss` of `UserModel` make"),
    (
        "slim.nets",
        "put the file of the net, such as resnet_v1.py, and what it imports beside the definition, and `import resnet_v1`",
    ),
    ("slim.dense", "it is `slim.fully_connected(net, outputs)`"),
    ("slim.linear", "it is `slim.fully_connected(net, outputs, activation_fn=None)`"),
    (
        "slim.relu",
        "it is `tf.nn.relu(net)`, which slim's layers do anyway if not told `activation_fn=None`",
    ),
    (
        "slim.learning",
        "DIGITS trains the net that `inference` and `loss` of `UserModel` make; the run file says how",
    ),
];

const RUNS: &str = "DIGITS runs the net; a definition only makes it, and sees no numbers";
const PYTHON: &str =
    "a function of Python cannot run inside of the net: write it with functions of `tf`";
const READS: &str = "the run file names the data; they come as `self.x` and `self.y`";

/// What to do instead of using a name.
pub(super) fn advice(path: &str) -> Option<&'static str> {
    let fits = |known: &str| {
        let rest = path.strip_prefix(known);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    ADVICE.iter().find(|(known, _)| fits(known)).map(|(_, text)| *text)
}

/// The same for a module that is not there.
pub(super) fn module_advice(name: &str) -> Option<&'static str> {
    if [".slim.nets.", "tf_slim.nets."].iter().any(|package| name.contains(package)) {
        return advice("slim.nets");
    }
    let path = name.strip_prefix("tensorflow.").map(|rest| format!("tf.{rest}"));
    match path {
        Some(path) => advice(&path),
        None => Some(
            "tensorflow, tf_slim, numpy and modules such as math and collections are there, and files of the project \
             beside the definition",
        ),
    }
}
