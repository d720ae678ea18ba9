//! The syntax tree of Python: what was written, every node with its place.
//!
//! Names carry the variable that they mean; the reader leaves [`Variable::Global`], and
//! [`resolve`](super::interp) finds the functions they belong to.

use crate::source::{Span, Spanned};
use std::rc::Rc;

/// A name with its place.
pub type Name = Spanned<Rc<str>>;

/// A file: its statements and which Python it is written for.
#[derive(Debug, Default)]
pub struct File {
    /// In the order of the text.
    pub body: Vec<Statement>,
    /// What the text says about its Python.
    pub version: Version,
}

/// Which Python a text is written for, as far as it shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// Nothing in it is of one Python only; it is read as Python 2.7, for which DIGITS was written.
    #[default]
    Unknown,
    /// It has statements of Python 2: `print x`, `raise E, x`, `except E, e`.
    Two,
    /// It has syntax of Python 3: f-strings, `nonlocal`, annotations, parameters after `*`.
    Three,
}

/// A statement with its place.
pub type Statement = Spanned<StatementKind>;

/// What a statement does.
#[derive(Debug)]
pub enum StatementKind {
    /// An expression whose value is dropped.
    Expression(Expr),
    /// `a = b, c = value`: targets from left to right.
    Assign(Vec<Expr>, Expr),
    /// `a += value`; the operator's place.
    Augment(Expr, Spanned<Binary>, Expr),
    /// `name: type = value`; without a value it only declares the name.
    Annotate(Expr, Option<Expr>),
    /// `if c: … elif d: … else: …`.
    If(Vec<(Expr, Block)>, Block),
    /// `while c: … else: …`.
    While(Expr, Block, Block),
    /// `for target in iterable: … else: …`.
    For(Expr, Expr, Block, Block),
    /// `with a as b, c: …`.
    With(Vec<(Expr, Option<Expr>)>, Block),
    /// `try: … except … else: … finally: …`.
    Try(Box<Try>),
    /// `raise`, `raise value`, `raise value from cause`; of Python 2 also `raise class, argument`.
    Raise(Option<Expr>, Option<Expr>),
    /// `assert condition, message`.
    Assert(Expr, Option<Expr>),
    /// `return` and `return value`.
    Return(Option<Expr>),
    /// `def`, with its decorators from the outermost to the innermost.
    Function(Variable, Rc<Function>, Vec<Expr>),
    /// `class`.
    Class(Box<Class>),
    /// `import a.b as c, d`.
    Import(Vec<Import>),
    /// `from a.b import c as d, e`.
    ImportFrom(Box<ImportFrom>),
    /// `del a, b[0], c.d`.
    Delete(Vec<Expr>),
    /// `print a, b` of Python 2.
    Print(Print),
    /// `global a, b`, `nonlocal a`; acts while names are resolved.
    Declare(Vec<Name>, Declaration),
    /// `break`.
    Break,
    /// `continue`.
    Continue,
    /// `pass`.
    Pass,
}

/// Statements under one heading.
pub type Block = Vec<Statement>;

/// Which word declares names of other scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declaration {
    /// `global`.
    Global,
    /// `nonlocal`.
    Nonlocal,
}

/// `try` and what follows.
#[derive(Debug)]
pub struct Try {
    /// What is tried.
    pub body: Block,
    /// In the order of the text.
    pub handlers: Vec<Handler>,
    /// Runs where nothing was raised.
    pub otherwise: Block,
    /// Runs in any case.
    pub finally: Block,
}

/// `except class as name: …`.
#[derive(Debug)]
pub struct Handler {
    /// The class or a tuple of classes; everything if absent.
    pub class: Option<Expr>,
    /// Where the exception goes.
    pub target: Option<Expr>,
    /// What is done.
    pub body: Block,
}

/// `print >>stream, a, b,` of Python 2.
#[derive(Debug)]
pub struct Print {
    /// Where to; it is evaluated and not used.
    pub stream: Option<Expr>,
    /// What.
    pub values: Vec<Expr>,
    /// Whether a newline follows; a comma at the end prevents it.
    pub newline: bool,
}

/// A part of an `import` statement.
#[derive(Debug)]
pub struct Import {
    /// `a.b.c`.
    pub path: Name,
    /// The variable that is bound: `a`, or the name after `as`.
    pub target: Variable,
    /// Its name.
    pub name: Name,
    /// Whether there is an `as`, so that the last module is bound and not the first.
    pub renamed: bool,
}

/// `from path import names`.
#[derive(Debug)]
pub struct ImportFrom {
    /// Dots before the path.
    pub level: usize,
    /// `a.b`; empty after bare dots.
    pub path: Name,
    /// Each name with the name and variable it is bound to; empty for `*`.
    pub names: Vec<(Name, Name, Variable)>,
}

/// `class name(bases): …`.
#[derive(Debug)]
pub struct Class {
    /// The name.
    pub name: Name,
    /// What it is bound to.
    pub target: Variable,
    /// Base classes, and keywords such as `metaclass=`.
    pub arguments: Vec<Argument>,
    /// From the outermost to the innermost.
    pub decorators: Vec<Expr>,
    /// The statements, which run in the class's own namespace.
    pub body: Block,
    /// The first string of the body.
    pub doc: Option<Rc<str>>,
}

/// Parameters and body of a function or lambda, or of a comprehension.
#[derive(Debug)]
pub struct Function {
    /// The name, `<lambda>` or such as `<listcomp>`.
    pub name: Rc<str>,
    /// In the order of the text: positional, then `*args`, then those by keyword only, then `**kwargs`.
    pub parameters: Vec<Parameter>,
    /// The statements.
    pub body: Block,
    /// The first string of the body.
    pub doc: Option<Rc<str>>,
    /// Names of its variables; parameters first.
    pub slots: Vec<Rc<str>>,
    /// Whether it has a `yield`.
    pub yields: Option<Span>,
    /// From `def` or `lambda` to the end.
    pub span: Span,
}

/// A parameter.
#[derive(Debug)]
pub struct Parameter {
    /// The name.
    pub name: Name,
    /// How it is given.
    pub kind: ParameterKind,
    /// The value where it is not given; evaluated where the function is defined.
    pub default: Option<Expr>,
    /// Parameters of Python 2 such as `(a, b)` are unpacked into this.
    pub unpack: Option<Expr>,
}

/// How a parameter is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterKind {
    /// By position or by keyword.
    Plain,
    /// By position, before a `/`.
    PositionOnly,
    /// The rest of the positions.
    Rest,
    /// By keyword, after a `*`.
    KeywordOnly,
    /// The rest of the keywords.
    Keywords,
}

/// An expression with its place.
pub type Expr = Spanned<ExprKind>;

/// What an expression computes.
#[derive(Debug)]
pub enum ExprKind {
    /// `None`.
    None,
    /// `...`.
    Ellipsis,
    /// `True` or `False`.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A number with a point or an exponent.
    Float(f64),
    /// A string with its escapes resolved and its neighbours joined.
    Text(Rc<str>),
    /// `f'…'`.
    Formatted(Vec<Piece>),
    /// A variable.
    Name(Rc<str>, Variable),
    /// `(a, b)` and `a, b`.
    Tuple(Vec<Expr>),
    /// `[a, b]`.
    List(Vec<Expr>),
    /// `{a, b}`.
    Set(Vec<Expr>),
    /// `{a: b, **c}`; `**` has no key.
    Dict(Vec<(Option<Expr>, Expr)>),
    /// `*a` inside of a list, of arguments or of targets.
    Star(Box<Expr>),
    /// `[… for …]` and its like.
    Comprehension(Rc<Comprehension>),
    /// `base.name`.
    Attribute(Box<Expr>, Name),
    /// `base[index]`.
    Item(Box<Expr>, Box<Expr>),
    /// `a:b:c` inside of an index.
    Slice(Option<Box<Expr>>, Option<Box<Expr>>, Option<Box<Expr>>),
    /// `callee(arguments)`.
    Call(Box<Expr>, Vec<Argument>),
    /// `-a`, `not a`; the operator's place.
    Unary(Spanned<Unary>, Box<Expr>),
    /// `a + b`; the operator's place.
    Binary(Spanned<Binary>, Box<Expr>, Box<Expr>),
    /// `a and b and c`.
    And(Vec<Expr>),
    /// `a or b or c`.
    Or(Vec<Expr>),
    /// `a < b <= c`; each operator with its right side.
    Compare(Box<Expr>, Vec<(Spanned<Compare>, Expr)>),
    /// `value if condition else other`: condition, value, other.
    Conditional(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `lambda …: …`.
    Lambda(Rc<Function>),
    /// `yield`, `yield value`.
    Yield(Option<Box<Expr>>),
    YieldFrom(Box<Expr>),
    /// `name := value`.
    Walrus(Box<Expr>, Box<Expr>),
}

/// A part of an f-string.
#[derive(Debug)]
pub enum Piece {
    /// Text as it is.
    Text(Rc<str>),
    /// `{value!r:format}`; the format is made of pieces itself.
    Value(Expr, Option<char>, Vec<Piece>),
}

/// `[element for target in iterable if condition]`.
#[derive(Debug)]
pub struct Comprehension {
    /// What is built.
    pub kind: ComprehensionKind,
    /// The element, or the key of a dict.
    pub element: Expr,
    /// The value of a dict.
    pub value: Option<Expr>,
    /// `for` and `if` from the outermost to the innermost. The first iterable belongs to the scope around.
    pub clauses: Vec<Clause>,
    /// Names of its variables.
    pub slots: Vec<Rc<str>>,
}

/// What a comprehension builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are what is built")]
pub enum ComprehensionKind {
    List,
    Set,
    Dict,
    Generator,
}

/// A part of a comprehension.
#[derive(Debug)]
pub enum Clause {
    /// `for target in iterable`.
    For(Expr, Expr),
    /// `if condition`.
    If(Expr),
}

/// An argument of a call.
#[derive(Debug)]
pub enum Argument {
    /// `value`.
    Positional(Expr),
    /// `name=value`.
    Keyword(Name, Expr),
    /// `*values`.
    Star(Expr),
    /// `**values`.
    DoubleStar(Expr),
}

/// Where the value of a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Variable {
    /// In a scope: how many functions outward, and which of its slots.
    Local(u32, u32),
    /// In the namespace of the class whose body runs; if it is not there, in a scope outside or among the globals.
    Member(Option<(u32, u32)>),
    /// In the module, or a builtin.
    #[default]
    Global,
}

/// An operator before its operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unary {
    /// `not`
    Not,
    /// `-`
    Minus,
    /// `+`
    Plus,
    /// `~`
    Invert,
}

impl Unary {
    /// As it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Unary::Not => "not",
            Unary::Minus => "-",
            Unary::Plus => "+",
            Unary::Invert => "~",
        }
    }
}

/// An arithmetic operator between two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the operators")]
pub enum Binary {
    Add,
    Subtract,
    Multiply,
    /// `/` where it divides integers as Python 3 does.
    Divide,
    /// `/` where it divides integers as Python 2 does, down to a whole number; for all other values as `Divide`.
    OldDivide,
    FloorDivide,
    Modulo,
    Power,
    MatrixMultiply,
    LeftShift,
    RightShift,
    BitAnd,
    BitOr,
    BitXor,
}

impl Binary {
    /// As it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Binary::Add => "+",
            Binary::Subtract => "-",
            Binary::Multiply => "*",
            Binary::Divide | Binary::OldDivide => "/",
            Binary::FloorDivide => "//",
            Binary::Modulo => "%",
            Binary::Power => "**",
            Binary::MatrixMultiply => "@",
            Binary::LeftShift => "<<",
            Binary::RightShift => ">>",
            Binary::BitAnd => "&",
            Binary::BitOr => "|",
            Binary::BitXor => "^",
        }
    }

    /// The middle of the name of its method: `add` of `__add__` and `__radd__`.
    pub fn method(self) -> &'static str {
        match self {
            Binary::Add => "add",
            Binary::Subtract => "sub",
            Binary::Multiply => "mul",
            Binary::Divide | Binary::OldDivide => "truediv",
            Binary::FloorDivide => "floordiv",
            Binary::Modulo => "mod",
            Binary::Power => "pow",
            Binary::MatrixMultiply => "matmul",
            Binary::LeftShift => "lshift",
            Binary::RightShift => "rshift",
            Binary::BitAnd => "and",
            Binary::BitOr => "or",
            Binary::BitXor => "xor",
        }
    }
}

/// An operator that compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the operators")]
pub enum Compare {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Is,
    IsNot,
    In,
    NotIn,
}

impl Compare {
    /// As it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Compare::Equal => "==",
            Compare::NotEqual => "!=",
            Compare::Less => "<",
            Compare::LessEqual => "<=",
            Compare::Greater => ">",
            Compare::GreaterEqual => ">=",
            Compare::Is => "is",
            Compare::IsNot => "is not",
            Compare::In => "in",
            Compare::NotIn => "not in",
        }
    }

    /// The operator that says the same with the sides exchanged.
    pub fn mirrored(self) -> Compare {
        match self {
            Compare::Less => Compare::Greater,
            Compare::LessEqual => Compare::GreaterEqual,
            Compare::Greater => Compare::Less,
            Compare::GreaterEqual => Compare::LessEqual,
            same => same,
        }
    }
}
