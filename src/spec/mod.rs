//! The words with which a layer describes itself; names no layer.

pub mod args;
pub mod filler;
mod infer;
mod near;
pub mod optim;
pub mod optimizer;
pub mod origins;
mod reading;
pub mod solver;
pub mod words;

pub use args::{Args, Field, Record, Value};
pub use filler::Filler;
pub use infer::{Environment, Infer, LabelRange, Lower, ParamDecl, Signature};
pub use near::{meant, near_word};
pub use reading::Reading;

use std::fmt;

use crate::diag::Reported;
use crate::layers::Layer;
use crate::program::{Builder, ValueId};
use crate::ty::Shape;
use crate::window::Axis;

/// Training, or everything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// Dropout drops, batch statistics are taken.
    Train,
    /// Inference.
    Test,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Train => "TRAIN",
            Phase::Test => "TEST",
        })
    }
}

/// The language a definition is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Caffe's protobuf text format.
    Caffe,
    /// Torch7's Lua with nn.
    Torch,
    /// DIGITS-TensorFlow's Python with slim.
    TensorFlow,
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Dialect::Caffe => "Caffe",
            Dialect::Torch => "Torch",
            Dialect::TensorFlow => "TensorFlow",
        })
    }
}

/// What a layer is for; chooses its colour in pictures and its chapter in the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Category {
    /// Brings data in.
    Data,
    /// Convolution and its relatives.
    Convolution,
    /// Pooling.
    Pooling,
    /// Fully connected and embedding.
    Dense,
    /// One non-linear function of each element.
    Activation,
    /// Brings activations to a common scale.
    Normalisation,
    /// Random noise against overfitting.
    Regularisation,
    /// Arithmetic between blobs.
    Elementwise,
    /// Moves and selects elements.
    Shape,
    /// Unrolls over time.
    Recurrent,
    /// What is minimised.
    Loss,
    /// What is only looked at.
    Metric,
    /// Not known.
    Unknown,
}

impl Category {
    /// All categories in the order of a legend.
    pub const ALL: [Category; 13] = [
        Category::Data,
        Category::Convolution,
        Category::Pooling,
        Category::Dense,
        Category::Activation,
        Category::Normalisation,
        Category::Regularisation,
        Category::Recurrent,
        Category::Elementwise,
        Category::Shape,
        Category::Metric,
        Category::Loss,
        Category::Unknown,
    ];

    /// The word in a legend.
    pub fn label(self) -> &'static str {
        match self {
            Category::Data => "data",
            Category::Convolution => "convolution",
            Category::Pooling => "pooling",
            Category::Dense => "fully connected",
            Category::Activation => "activation",
            Category::Normalisation => "normalisation",
            Category::Loss => "loss",
            Category::Shape => "reshaping",
            Category::Elementwise => "elementwise",
            Category::Recurrent => "recurrent",
            Category::Regularisation => "regularisation",
            Category::Metric => "metric",
            Category::Unknown => "unknown",
        }
    }
}

/// How many blobs a layer takes or gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arity {
    /// At least.
    pub min: usize,
    /// At most.
    pub max: usize,
}

impl Arity {
    /// Exactly `n`.
    pub const fn exactly(n: usize) -> Self {
        Arity { min: n, max: n }
    }
    /// `min` or more.
    pub const fn at_least(min: usize) -> Self {
        Arity { min, max: usize::MAX }
    }
    /// Between the two.
    pub const fn between(min: usize, max: usize) -> Self {
        Arity { min, max }
    }
    /// Whether `n` is allowed.
    pub fn allows(self, n: usize) -> bool {
        (self.min..=self.max).contains(&n)
    }
}

/// `2`, `at least 1`, `1 or 2`, `2 to 4`.
impl fmt::Display for Arity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.min, self.max) {
            (a, b) if a == b => write!(f, "{a}"),
            (a, usize::MAX) => write!(f, "at least {a}"),
            (a, b) if a + 1 == b => write!(f, "{a} or {b}"),
            (a, b) => write!(f, "{a} to {b}"),
        }
    }
}

/// A parameter of a layer, for the reference.
#[derive(Clone, Copy, Debug)]
pub struct ParamDoc {
    /// The name of the struct's field.
    pub name: &'static str,
    /// Its Rust type.
    pub ty: &'static str,
    /// Its default, as an expression.
    pub default: &'static str,
    /// What it means, with units.
    pub doc: &'static str,
}

/// How one dialect writes a layer.
#[derive(Clone, Copy, Debug)]
pub struct Spelling {
    /// The dialect.
    pub dialect: Dialect,
    /// The name there: `Convolution`, `nn.SpatialConvolution`.
    pub name: &'static str,
    /// The names of positional arguments, in order; empty for dialects without.
    pub positional: &'static [&'static str],
    /// From arguments to the layer. Complaints go to the arguments' [`Reading`]; when there is one the
    /// layer is discarded.
    pub read: fn(&Args) -> Layer,
    /// What a class of a dialect with classes says beyond its arguments.
    pub class: Class,
}

/// What a Torch class says beyond its arguments.
#[derive(Clone, Copy, Debug)]
pub struct Class {
    /// The class it extends.
    pub parent: &'static str,
    /// The fields that hold its parameters and buffers, in the order of [`Signature::params`]. A field that is nil is
    /// left out, and the layer must not declare its parameter then.
    pub tensors: &'static [&'static str],
    /// Lua that gives the class its constructor and methods, run once when the class is first named, with the tables
    /// of the class and of its parent in the locals `Class` and `Parent`. Without a constructor (`Class:__init`)
    /// arguments become fields of the names in [`Spelling::positional`].
    pub script: &'static str,
}

impl Class {
    /// An `nn.Module` without parameters and methods of its own.
    pub const PLAIN: Class = Class { parent: "nn.Module", tensors: &[], script: "" };
}

/// Caffe's spelling: a `type` string; the arguments are the fields of the whole layer message that are
/// not structure (`convolution_param { ... }`).
pub const fn caffe(name: &'static str, read: fn(&Args) -> Layer) -> Spelling {
    Spelling { dialect: Dialect::Caffe, name, positional: &[], read, class: Class::PLAIN }
}

/// Torch's spelling: a class, whose constructor has positional arguments.
///
/// `read` sees the fields of the module when the net is built, not the arguments of the constructor: numbers (whole
/// ones as [`Value::Int`]), truth values, texts, and tables, storages and small tensors of numbers as flat lists. A
/// tensor among [`Class::tensors`] is the list of its extents. `train` says whether the module is in training. Fields
/// that are never read are no mistakes.
///
/// The bottoms are the tensors of the input in depth-first order; for a criterion (`parent: "nn.Criterion"`) those of
/// the target follow, and the top is the loss, of one element. Several tops become a table.
pub const fn torch(
    name: &'static str,
    positional: &'static [&'static str],
    read: fn(&Args) -> Layer,
) -> Spelling {
    Spelling { dialect: Dialect::Torch, name, positional, read, class: Class::PLAIN }
}

impl Spelling {
    /// The class extends another one than `nn.Module`.
    pub const fn extends(mut self, parent: &'static str) -> Self {
        self.class.parent = parent;
        self
    }

    /// Names the fields that hold parameters and buffers; see [`Class::tensors`].
    pub const fn tensors(mut self, tensors: &'static [&'static str]) -> Self {
        self.class.tensors = tensors;
        self
    }

    /// Gives the class its constructor and methods; see [`Class::script`].
    pub const fn script(mut self, script: &'static str) -> Self {
        self.class.script = script;
        self
    }
}

/// What happens if a layer's top bears the name of its bottom (Caffe's in-place form).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InPlace {
    /// The layer works.
    Fine,
    /// Caffe accepts it and writes over what the layer still reads.
    Garbled,
    /// Caffe refuses it.
    Refused,
}

/// What is known about a kind of layer without an instance of it.
#[derive(Debug)]
pub struct LayerSpec {
    /// The name cortado uses: Caffe's, where Caffe has it.
    pub name: &'static str,
    /// What it is for.
    pub category: Category,
    /// What it does: the first sentence is the summary. Markdown.
    pub doc: &'static str,
    /// Its parameters.
    pub params: &'static [ParamDoc],
    /// Blobs it takes.
    pub bottoms: Arity,
    /// Blobs it gives.
    pub tops: Arity,
    /// The first so many bottoms have gradients; labels have none. See [`LayerOps::differentiable`].
    pub differentiable: usize,
    /// Whether its top may bear the name of its bottom.
    pub in_place: InPlace,
    /// Whether its first top is minimised unless told otherwise.
    pub loss: bool,
    /// Whether it brings data into the net: it has no bottoms and its tops are inputs of the program.
    pub input: bool,
    /// How dialects write it.
    pub spellings: &'static [Spelling],
}

impl LayerSpec {
    /// One bottom, one top, gradients to all bottoms, in place allowed, no loss, no input, no spellings.
    pub const fn new(name: &'static str, category: Category, docs: Docs) -> Self {
        LayerSpec {
            name,
            category,
            doc: docs.doc,
            params: docs.params,
            bottoms: Arity::exactly(1),
            tops: Arity::exactly(1),
            differentiable: usize::MAX,
            in_place: InPlace::Fine,
            loss: false,
            input: false,
            spellings: &[],
        }
    }

    /// A loss of scores and labels: two bottoms, one top, a gradient to the scores, not in place, no spellings.
    pub const fn loss(name: &'static str, docs: Docs) -> Self {
        LayerSpec {
            bottoms: Arity::exactly(2),
            differentiable: 1,
            in_place: InPlace::Refused,
            loss: true,
            ..LayerSpec::new(name, Category::Loss, docs)
        }
    }
}

/// The documentation that [`params!`](crate::params) gathers from a layer's struct.
#[derive(Clone, Copy, Debug)]
pub struct Docs {
    /// The struct's doc comment.
    pub doc: &'static str,
    /// Its fields.
    pub params: &'static [ParamDoc],
}

/// What every layer can do. `infer` is the only place that knows the shapes.
pub trait LayerOps {
    /// The shapes of tops and parameters, or complaints about what is wrong with the bottoms; unless said otherwise one top
    /// of the shape of the first bottom, and no parameters.
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        Ok(Signature::of(cx.bottom(0).clone()))
    }

    /// Complaints about what needs no shapes. It is asked before [`infer`](Self::infer), and also where those of the bottoms
    /// are not known: `cx` then has none.
    fn check(&self, _cx: &Infer) -> Result<(), Reported> {
        Ok(())
    }

    /// The layer as steps of a program; gives one value per top.
    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId>;

    /// Whether a bottom has a gradient, one of `bottoms`, where it is not just the first so many that have one; see
    /// [`LayerSpec::differentiable`].
    fn differentiable(&self, _bottom: usize, _bottoms: usize) -> bool {
        true
    }

    /// Which numbers the layer takes for labels of classes, if it reads such.
    fn labels(&self, _bottoms: &[Shape]) -> Option<LabelRange> {
        None
    }

    /// Whether this layer brings data into the net, where not all of its kind do; see [`LayerSpec::input`].
    fn is_input(&self) -> bool {
        false
    }

    /// Whether its tops may be without elements, since only the run shows how many there are.
    fn may_be_empty(&self) -> bool {
        false
    }

    /// Whether it looks at the numbers of its bottoms.
    fn reads_bottoms(&self) -> bool {
        true
    }

    /// A note and a help for whoever gives it another number of bottoms than it takes.
    fn on_other_bottoms(&self, _given: usize) -> Option<[&'static str; 2]> {
        None
    }

    /// A note and a help for whoever gives it another number of tops than it gives.
    fn on_other_tops(&self, _given: usize) -> Option<[&'static str; 2]> {
        None
    }

    /// The extents behind the first of bottom `i`, where only these are possible: none for a label of each item. For
    /// examples in advice.
    fn form(&self, _bottom: usize) -> Option<&'static [usize]> {
        None
    }

    /// Why a net with this layer cannot be run, as a sentence about the layer; most can.
    fn obstacle(&self) -> Option<String> {
        None
    }

    /// What happens if this layer's top bears the name of its bottom, where that is not the same for all layers of its
    /// kind; see [`LayerSpec::in_place`].
    fn in_place(&self, _tops: usize) -> Option<InPlace> {
        None
    }

    /// The windows that slide along the last axes of a bottom of this shape; none for layers without.
    fn sliding(&self, _bottom: &Shape) -> Vec<Axis> {
        vec![]
    }

    /// One or two short lines for pictures and tables: `20 x 5 x 5, stride 2`.
    fn detail(&self) -> String {
        String::new()
    }
}

/// Declares a layer's struct once: fields with types, defaults and documentation.
///
/// ```text
/// params! {
///     /// Divides each activation by the energy of its neighbours.
///     pub struct Lrn {
///         /// Width of the window; odd.
///         local_size: usize = 5,
///     }
/// }
/// ```
///
/// expands to the struct with public fields, its `Default`, and `Lrn::DOCS`.
#[macro_export]
macro_rules! params {
    (
        $(#[doc = $doc:literal])*
        pub struct $name:ident {
            $($(#[doc = $field_doc:literal])* $field:ident : $ty:ty = $default:expr,)*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $($(#[doc = $field_doc])* pub $field: $ty,)*
        }

        impl Default for $name {
            fn default() -> Self {
                $name { $($field: $default,)* }
            }
        }

        impl $name {
            /// The names of the fields with what they hold, for comparisons.
            pub fn fields(&self) -> Vec<(&'static str, String)> {
                vec![$((stringify!($field), format!("{:?}", self.$field)),)*]
            }

            /// The documentation above, for `cortado layers`.
            pub const DOCS: $crate::spec::Docs = $crate::spec::Docs {
                doc: concat!($($doc, "\n"),*),
                params: &[$($crate::spec::ParamDoc {
                    name: stringify!($field),
                    ty: stringify!($ty),
                    default: stringify!($default),
                    doc: concat!($($field_doc, "\n"),*),
                },)*],
            };
        }
    };
}
