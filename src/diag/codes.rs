//! Every code with its explanation. Numbers: 01 syntax, 02 names and wiring, 03 arguments,
//! 04 shapes, 05 parameters and sharing, 06 lints, 07 Lua, 08 Python, 09 solvers and runs.

use super::Code;

macro_rules! codes {
    ($($(#[doc = $text:literal])* $id:ident $name:literal;)*) => {
        $(
            $(#[doc = $text])*
            pub static $id: Code = Code {
                id: stringify!($id),
                name: $name,
                explanation: concat!($($text, "\n"),*),
            };
        )*

        /// All codes, in the order of their numbers.
        pub static CODES: &[&Code] = &[$(&$id),*];
    };
}

codes! {
    /// The text does not follow the grammar of its language. The place is where reading stopped
    /// making sense; the mistake can be a little earlier, such as a missing closing brace.
    E0101 "syntax";

    /// A `{`, `<`, `[` or `(` has no closing partner. The place is the opening bracket; where the
    /// closing one should be is guessed from the indentation, and the rest is read as if it were there.
    E0102 "unclosed-bracket";

    /// A closing bracket has no partner that it could close, or its partner is of another kind, as in
    /// `layer { ... >`. Often there is one closing bracket too many, or the opening one was deleted.
    E0103 "unexpected-closing-bracket";

    /// A string does not end on the line it begins on. A string cannot hold a line break; write `\n`
    /// for one. Two strings one after the other are joined, so a long string can be split over lines.
    E0104 "unterminated-string";

    /// Something begins like a number and goes on like none: `1.2.3`, `10k`, `0x`, `089` (a leading
    /// zero makes an integer octal). Numbers are `12`, `-0.5`, `5.`, `.5`, `1e-4`, `0.1f`, `0x1F`, `017`,
    /// `inf` and `nan`.
    E0105 "bad-number";

    /// A field has a name and no value, such as `num_output:` before the closing brace or before the
    /// next field. Write the value, or remove the field to get its default.
    E0106 "missing-value";

    /// Between the name of a field and its value stands a colon: `num_output: 20`. Only a block
    /// (`convolution_param { ... }`) and a list of blocks may go without.
    E0107 "missing-colon";

    /// A backslash in a string starts an escape: `\\ \" \' \n \r \t \a \b \f \v \?`, up to three octal
    /// digits, `\x` with up to two hexadecimal digits, `\u` with four and `\U` with eight. A backslash that
    /// is meant as such, as in a Windows path, is written twice.
    E0108 "bad-escape";

    /// Blocks within blocks go deeper than any network needs. The limit keeps a damaged or malicious
    /// text from exhausting the stack.
    E0109 "nesting-too-deep";

    /// The names of fields and of values consist of the letters a to z and A to Z, digits and `_`, and
    /// do not begin with a digit. Names of layers and blobs are strings and can be anything.
    E0111 "bad-name";

    /// The `type` of a layer is not one that this dialect has. Names are case-sensitive. A layer of another
    /// framework or of a fork may have a counterpart here: `cortado layers` lists them all.
    E0201 "unknown-layer-type";
    /// A `bottom` names a blob that no earlier layer of this stage produces. Caffe never sorts layers: a blob
    /// must be a `top` of a layer above the one that reads it.
    E0202 "unknown-blob";
    /// A layer reads a blob that exists at other stages but not at this one, because the layer that produces it
    /// has an `include` or `exclude` rule. The reader needs a rule as well, or the producer one fewer.
    E0203 "blob-absent-at-stage";
    /// Two layers of one stage produce a blob of the same name. Only a layer whose `top` is its own `bottom` at
    /// the same position (in place) may reuse a name, and only if no layer above it has read the blob.
    E0204 "duplicate-top";
    /// A layer has too few or too many bottoms or tops for its type. A loss reads scores and labels, so it has two bottoms:
    /// `bottom: "ip2" bottom: "label"`; most layers give one result, `top: "conv1"`. `cortado layers TYPE` says how many.
    E0205 "wrong-arity";
    /// A layer has both `include` and `exclude` rules; Caffe accepts one kind.
    E0206 "include-and-exclude";
    /// `loss_weight` must be absent or given once for each top (see also W0626), and `propagate_down` once for each bottom.
    E0207 "wrong-count";
    /// The type of this layer cannot compute in place: its top must have a name of its own.
    E0208 "in-place-forbidden";
    /// The net has no layer at this stage.
    E0209 "empty-net";
    /// A field of a layer of the oldest form that no layer of this form has.
    E0210 "unknown-field";
    /// The net has layers in the modern form (`layer`) and in one of the old forms (`layers`). Caffe refuses it,
    /// because the order of the layers would be lost. Write all of them as `layer`.
    E0211 "mixed-layer-forms";
    /// A solver gives its type twice, as `type: "Adam"` and in the old form `solver_type: ADAM`.
    E0212 "two-solver-types";
    /// In the form of 2013 padding was a layer of its own, which only convolution and pooling could read.
    E0213 "unreadable-padding";

    /// The layer has no parameter of this name. Caffe refuses the whole file in that case. The name may be misspelt
    /// (`num_outputs` for `num_output`), may belong into a message (`kernel_size` into `convolution_param { ... }`), or to
    /// another program. `cortado layers TYPE` lists the parameters.
    E0301 "unknown-argument";
    /// A parameter that can be given once is given again; which one counts would be a guess.
    E0302 "repeated-argument";
    /// A parameter has a value of the wrong kind: `num_output: "20"` is text where `num_output: 20` is a number, and `pool: "MAX"`
    /// is text where `pool: MAX` is a word. Numbers and words have no quotes, names and paths have.
    E0303 "wrong-type";
    /// The word is not one of those that this parameter accepts: `pool` is MAX, AVE or STOCHASTIC, `phase` is TRAIN or TEST. Words
    /// are case-sensitive. `cortado layers TYPE` lists them.
    E0304 "unknown-word";
    /// A parameter that has no default is missing.
    E0305 "missing-argument";
    /// A value of the right kind that makes no sense in its place: a stride of 0, a `dropout_ratio` of 1.5, a window of no
    /// extent, a negative number of outputs. The message says which values do.
    E0306 "bad-value";
    /// A field that a fork of Caffe added and that changes the result in a way that cortado does not follow. The help says
    /// what can be done instead.
    E0307 "field-of-a-fork";

    /// A parameter of the layer does not fit the shapes it meets: a window of 5 over an image of 4 x 4, slices at 1 and 2 of one
    /// channel, a group of 3 over 64 channels. Change the parameter, or what the layer reads; the table of `cortado check` has all
    /// shapes.
    E0401 "shape-mismatch";
    /// A bottom does not have a shape this layer can take: 64 scores with 100 labels, two towers of different lengths into a loss
    /// on their distance, a matrix where images are read. The note says where the shape comes from.
    E0402 "bad-bottom-shape";
    /// A blob would have more elements than Caffe counts, 2147483647, or more axes than it takes, 32.
    E0404 "too-large";

    /// Two layers share a parameter by name, but their shapes differ. With `share_mode: PERMISSIVE` equal counts
    /// suffice.
    E0501 "shared-shape-mismatch";
    /// Two layers share a parameter and both set `lr_mult` or `decay_mult`, to different values.
    E0502 "shared-multiplier-mismatch";
    /// A layer has more `param` entries than parameters.
    E0503 "too-many-params";
    /// A layer has other parameters where the net is tested than where it is trained, such as a fully connected layer over
    /// images of another size. A test takes the parameters of the trained net, so Caffe stops here.
    E0504 "stages-disagree";

    /// Two towers share all their parameters by name but one. A new name silently makes a parameter of its own, so
    /// the towers drift apart while the net still trains: this was the state of DIGITS' Siamese example for
    /// two months (NVIDIA/DIGITS#574).
    W0601 "unshared-twin";
    /// A layer shares its weights with another by name, but not its bias, or the other way round.
    W0602 "half-shared";
    /// A weight without a filler starts at zero, as in Caffe. All units of the layer then stay alike or dead;
    /// fine only if trained weights are loaded.
    W0603 "weight-without-filler";
    /// A message of parameters that the layer's type does not read.
    W0604 "idle-parameters";
    /// The shape of a data blob is known only from the data, which is not there. Everything that does not depend
    /// on shapes is checked; for the rest give the run file, or `--shape`.
    W0605 "unknown-shape";
    /// `nn.View` and `nn.Reshape` drop the batch axis of a batch of one, and a later module needs it. Torch's people train
    /// with larger batches and do not notice, so the net is checked with a batch of two; with `--shape input=1,3,28,28` the
    /// complaint is Torch's own.
    W0606 "lost-batch";
    /// Two modules of a Torch net share their weights but not the gradients of them (`clone('weight', 'bias')` without
    /// `'gradWeight', 'gradBias'`). Torch's `getParameters()` then stops with "check that you are sharing parameters and
    /// gradParameters", so such a net cannot be trained with optim. `updateParameters()` adds both gradients to the one tensor,
    /// and so does cortado, which counts it once.
    W0607 "gradient-not-shared";
    /// A Torch module that works in place (`nn.ReLU(true)`) writes over a tensor that another branch still reads. That
    /// branch then computes with the changed values, and the gradients of the two are not those of the net as drawn.
    W0608 "overwritten-input";
    /// A layer's top bears the name of its bottom, and Caffe, which accepts it, writes the result over what the layer
    /// still reads. Its results are then undefined; cortado computes as if the top had a name of its own.
    W0609 "garbled-in-place";
    /// A module of a class that the definition wrote was followed through its `updateOutput`, and its gradient is derived
    /// from what that computes, since its own `updateGradInput` asks for what is not known, such as the gradient of a module
    /// inside. Where that gives anything but the derivative, the net trains otherwise than in Torch.
    W0610 "derived-gradient";
    /// The layers are written as `layers { ... }`, the form of Caffe before 2015. They mean the same as the
    /// modern `layer { type: "..." }` that the help shows.
    W0611 "outdated-layers";
    /// `scale`, `mean_file`, `crop_size` and `mirror` once stood in `data_param`. Caffe moves them to
    /// `transform_param` for layers in the old form only; in a modern `layer` it reads past them without a word. So it does with
    /// `rand_skip` and `force_encoded_color` of a Data layer, and with the `scale` of WindowData's `transform_param`.
    W0612 "ignored-transformation";
    /// `input`, `input_dim` and `input_shape` of the net were replaced by an Input layer.
    W0613 "outdated-inputs";
    /// The three parameters of a BatchNorm layer are running statistics, which a solver must not touch. Caffe sets
    /// their `lr_mult` and `decay_mult` to 0 whatever the file says. NVCaffe, whose layer has a factor and a bias as well,
    /// sets `lr_mult` of these to 1.
    W0614 "overruled-multipliers";
    /// `solver_type: ADAM` was replaced by `type: "Adam"`.
    W0615 "outdated-solver-type";
    /// A field that a fork of Caffe added. It changes nothing of what is computed, only how fast or how exactly that fork
    /// did it.
    W0616 "idle-field-of-a-fork";
    /// Caffe accepts the value, but the layer can do nothing sensible with it.
    W0617 "pointless-value";
    /// Caffe 1.0 takes the upper left part where a Crop layer says no offset. Definitions of 2015 (the first FCN, HED,
    /// CRF-RNN) were written for forks whose Crop found the offset that undoes the padding of the layers between, so
    /// that with Caffe 1.0 their results are shifted. `caffe.coord_map.crop` of pycaffe computes that offset.
    W0618 "crop-without-offset";
    /// A data layer of a fork asks for random changes of its images that cortado does not make. The net is trained on the
    /// images as they are, so its results will be worse than those of that fork; where this is too far from what is meant,
    /// images are not read, as the complaint says.
    W0619 "change-of-images-not-made";
    /// A Lua definition loads a file of tensors, which is not read: definitions run without other files. Parameters that
    /// copy it keep their first values; `--weights` loads trained ones.
    W0620 "unread-file";
    /// A field of a layer in the form of 2013 that belongs to layers of another type, or that stands beside the inner `layer`
    /// and not in it. Caffe goes on without it; of the first it says so in its log.
    W0621 "misplaced-field";
    /// All rules of a definition are for one phase, and in the other one its layers read what does not exist there. Caffe
    /// builds such a net where a solver names it as `train_net` (or `test_net`) only, so it is checked for that alone. Under
    /// `net`, in a solver that tests, it needs an `include` or `exclude` rule where the complaint points.
    W0623 "one-phase-alone";
    /// Caffe 1.0 refuses what is written here, and a fork of it, or cortado, takes it. The net means what the fork made of
    /// it; in Caffe 1.0 it cannot be used as it is.
    W0624 "refused-by-caffe";
    /// The table that a definition returns to DIGITS has a field of a name that DIGITS does not know, so that nobody reads it.
    /// Names are written as in `trainBatchSize`: small letters and large ones count.
    W0625 "unknown-field";
    /// A top with a `loss_weight` is also read by a layer. Caffe then copies it by a Split layer that takes the weight along, and
    /// drops all weights that are left with the layer itself: those of its tops that nobody reads have no effect, and their
    /// number is not looked at.
    W0626 "dropped-loss-weight";
    /// The command line tells a definition what it does not ask for: the shape of a blob that is none of its inputs, or what only
    /// definitions of another dialect are told (`--input-shape`, `--param`, `--call` and `--loss` are for programs, `--classes`
    /// is also for layers of DIGITS without `num_output`).
    W0627 "idle-option";
    /// `nn.View(500)` sees whatever it is given as rows of 500 numbers: if a record has 800 of them, there are more or fewer rows
    /// than records afterwards, and a loss compares rows with the labels of other records. It says so only where the shapes
    /// show that a row begins in the midst of a record of images. `:setNumInputDims(3)` makes the mistake an error.
    W0628 "rows-across-records";
    /// Two layers have parameters of their own and one name. Snapshots and weight files keep parameters by the names of
    /// layers, so only those of one could be kept, and training refuses such a net.
    W0629 "names-used-twice";
    /// A recurrent module is told to remember its states from one pass to the next (`:remember()`, cudnn's `rememberStates`).
    /// Every pass begins anew here: the results are those of Torch where each batch holds whole sequences, and others where a
    /// batch goes on where the one before ended.
    W0630 "states-forgotten";
    /// A module that the definition wrote compares numbers of its own parameters, such as `if self.weight[1] > 2 then`. What it
    /// does is written down once, with the parameters as they are before training, and not asked again when they have
    /// changed: a clamp that does not hold in the beginning never will.
    W0631 "decided-once";
    /// A criterion of Torch computes with its input as something that the module before it does not give:
    /// `nn.ClassNLLCriterion` and its spatial form read logarithms of probabilities (`nn.LogSoftMax`), `nn.BCECriterion` reads
    /// probabilities (`nn.Sigmoid`), and `nn.CrossEntropyCriterion` takes the logarithm of the softmax itself. Torch trains such
    /// a net without a word: the loss of `nn.ClassNLLCriterion` behind an `nn.Linear` falls below 0 without end. Only modules
    /// known for what they give are looked at, views and selections between them and the criterion left aside.
    W0632 "unfit-scores";
    /// `clone` and `share` are told a name that no tensor of the module has, such as `clone('weights')`: Torch's modules call theirs
    /// `weight` and `bias`, with the gradients `gradWeight` and `gradBias`. Nothing is shared under a wrong name, and nothing
    /// says so: both copies learn by themselves.
    W0633 "shares-nothing";
    /// Two modules were told to share a tensor, and in the net each has one of its own. `:cuda()`, `:double()`, `:float()` and
    /// `:type()` give the module that they are called on new storage; what is shared inside of that module stays shared, what
    /// is shared with a module outside of it does not. Convert before `clone('weight', ...)`, or call it on the container of both.
    W0634 "sharing-ended";
    /// A Lua file builds a model, or a Python program nets of Caffe, and goes on to do what a definition cannot: it reads data,
    /// or asks for the numbers that a network gives while it trains. Nothing after that place makes modules or layers, so
    /// what is there by then is taken.
    W0635 "rest-not-run";
    /// Torch's BatchNormalization is trained with a batch of one image. Since August 2017 it takes the running statistics then,
    /// as outside of training; before, and in cudnn, it took mean and variance over the pixels of that one image, and
    /// definitions of those years, such as those of pix2pix with a batch of one, mean that.
    W0640 "batch-of-one";
    /// A definition replaces a method which the programs that train with Torch call and cortado does not: `forward` or
    /// `getParameters` of the whole model, `forward` or `backward` of its criterion. Modules compute by `updateOutput` and
    /// `updateGradInput`, and `parameters` says what is learned; these are followed. So is said of a module whose `gradWeight`
    /// or `gradBias` is taken away, which Torch cannot train: it keeps its first values.
    W0641 "method-not-called";
    /// A class of the library is made with more arguments than it takes. Lua drops them without a word.
    W0642 "argument-without-effect";
    /// Of two layers with the same parameters, one on each side of a net of pairs, one computes what no layer reads: the layer
    /// behind it reads the other side instead. Both sides are the same image then, and the net learns nothing about pairs.
    W0643 "unread-twin";
    /// One module with parameters was added twice to a container. A module of Torch has one `output` and one `gradInput`, so
    /// that its second call overwrites those of the first: two sides of a net of pairs give the same features there, and
    /// gradients of the first call are wrong. cortado computes both calls. Add a `clone` that shares the parameters.
    W0644 "module-twice";

    /// A solver or a run file names a net that is not there. Paths of a solver are relative to where cortado is
    /// started, as for Caffe, or to the solver's own folder.
    E0901 "no-such-net";
    /// A data layer names a database, a list or a mean image that is not there. Paths count from where cortado is started, as for
    /// Caffe, or from the folder of the run file or the solver.
    E0902 "no-such-file";
    /// A Lua definition raised an error itself, with `error` or `assert`, or a library function refused its arguments.
    /// The message is the definition's own or Lua's; the calls that led to the place are listed below it.
    E0701 "lua-error";
    /// A Lua definition did something with a value that this kind of value cannot do: called or indexed nil, added a
    /// table, compared a number with a string. The usual cause is a misspelt name, which Lua silently reads as nil, or a
    /// function that returns nothing.
    E0702 "lua-operation";
    /// A Lua definition used up what it may use: steps, memory, or printed output. A definition that builds a network
    /// stays far below these bounds, so look for a loop that does not end at the place named. `pcall` cannot catch this.
    E0703 "lua-limit";
    /// A module or criterion is of no class that cortado knows and computes nothing itself, so it cannot be translated. The
    /// rest of the net is still drawn. Modules and criterions that compute in Lua are followed where shapes are known, as
    /// far as they need no numbers of the tensors they are given.
    E0704 "untranslatable-module";
    /// The file does not return what a definition must: a model, a table with a `model`, or a function that returns
    /// one of them.
    E0705 "no-model";
    /// A Python definition raised an exception itself, with `raise` or `assert`, and nothing caught it. The message is the
    /// definition's own; the calls that led to the place are listed below it.
    E0801 "python-exception";
    /// A Python definition did something that raises an exception in Python as well: used a name that does not exist, called
    /// what is no function, added a number to a text, or gave a library function arguments that it does not take.
    E0802 "python-operation";
    /// A Python definition used up what it may use: steps, memory, or printed output. A definition that builds a network
    /// stays far below these bounds, so look for a loop that does not end at the place named. `except` cannot catch this.
    E0803 "python-limit";
    /// A Python definition asked for what it cannot have here: files, processes, the clock, other programs' packages, or the
    /// inside of the interpreter (`open`, `os`, `eval`, `__globals__`). A definition only says what the network is.
    E0804 "not-available";
    /// `/` of two integers has a remainder, and whether it is dropped depends on the Python. DIGITS runs with Python 2, where
    /// `7 / 2` is 3 in the files that a definition imports, and so does cortado; Python 3 gives 3.5. In the definition
    /// itself it is 3.5, since DIGITS' `from __future__ import division` holds for it. Write `//` where 3 is meant, `7 / 2.0`
    /// where 3.5 is. With that line at its start, or with syntax of Python 3 only, a file's `/` gives 3.5.
    W0805 "integer-division";
    /// A name of `tf`, `slim` or `digits` that cortado does not know: misspelt, of another version of TensorFlow, or not
    /// implemented. The help names the nearest one that is.
    E0810 "unknown-function";
    /// A function of `tf`, `slim` or `digits` was given what it cannot take: shapes that do not go together, a variable
    /// that exists already, a number out of range. Shapes are written as TensorFlow has them, batch, height, width,
    /// channels.
    E0811 "bad-call";
    /// The file is not what DIGITS asks for: a class `UserModel` with the properties `inference` (a tensor, or a list of
    /// them) and `loss` (a tensor of one number, or a list of `{'loss': ..., 'vars': [...]}`).
    E0812 "no-user-model";
    /// A loss is computed from a gradient that the definition asks for with `tf.gradients`, as a penalty on gradients is, and
    /// this gradient goes through a function whose gradient cortado cannot differentiate once more. Convolutions, products,
    /// poolings, normalisations, activations, softmax and all arithmetic can; losses that are one function, such as
    /// `tf.nn.sparse_softmax_cross_entropy_with_logits`, cannot. Written with `tf.log` and `tf.nn.softmax` they can, and a
    /// gradient that is only looked at, or passed through `tf.stop_gradient`, may go through anything.
    E0813 "second-gradient";

    /// A Python program that is to make a net of Caffe makes none: it writes none, prints none and leaves none in a variable, or
    /// what `--call` or `--written` names is no net. Functions that make one are not called by themselves: say which, with
    /// its arguments, `--call 'lenet("train_lmdb", 64)'`.
    E0820 "no-net-made";
    /// A Python program makes several nets of Caffe, and nothing says which one is meant. `--written train.prototxt` names the
    /// file of one, `--written train.prototxt,test.prototxt` a net for training and one for tests, which are taken together;
    /// where these are the only ones that is so without being said. `--call` names a variable or calls a function.
    E0821 "several-nets-made";

    /// The definition can be trained, but not built for use on inputs of the same shape (`is_inference`), as generators
    /// that take a vector then. Name the shape that it is used on to check that.
    W0810 "not-for-use";
    /// The class `UserModel` has no property `loss`. It is checked, drawn and used all the same, but there is nothing that
    /// training could minimise.
    W0811 "no-loss";
    /// The class `UserModel` changes gradients in `gradientUpdate` before they are applied, and several losses change the same
    /// variable. cortado adds up the gradients of losses and has none of each to give to the method, so it is not called:
    /// the net is trained with its gradients as they are, and not as in DIGITS. Give each loss variables of its own.
    W0812 "gradients-as-they-are";
    /// A variable is made while `loss` is asked for. DIGITS 5 does that outside of the scope `model`, so that the name does
    /// not begin with it; DIGITS 6 shares all variables then, and ends with an error that this one does not exist. Make it
    /// in `inference` and keep it in `self`.
    W0813 "variable-of-loss";
    /// The definition makes an optimizer of `tf.train`, as programs that train do. DIGITS makes one of its own for the loss that
    /// `UserModel` returns, and what the definition's adds to the graph is never run. Leave it out, and say in the run file
    /// what trains the net.
    W0814 "idle-optimizer";
    /// A layer of `tf.keras` that works differently in training, such as `Dropout` or `BatchNormalization`, is called without
    /// `training`. Outside of Keras' own `fit`, as in DIGITS, it works then as in a test: it drops nothing and normalises by
    /// moments that never move. Give it `training=self.is_training`, or give that to the model around it.
    W0815 "keras-without-training";
}
