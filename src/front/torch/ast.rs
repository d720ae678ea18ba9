//! The syntax tree of Lua: what was written, every node with its place.
//!
//! Only `function a.b:c()` is rewritten while reading, into the assignment of a function with a first parameter
//! `self`. Strings are bytes, since Lua's escapes can spell bytes that are not text.

use crate::source::{Span, Spanned};

/// A name with its place.
pub type Name = Spanned<String>;

/// A sequence of statements with a scope of its own.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Block {
    /// In the order of the text.
    pub statements: Vec<Statement>,
}

/// A statement with its place.
pub type Statement = Spanned<StatementKind>;

/// What a statement does.
#[derive(Clone, Debug, PartialEq)]
pub enum StatementKind {
    /// `local a, b = x, y`.
    Local(Vec<Name>, Vec<Expr>),
    /// `local function f() end`; the name is visible in the body.
    LocalFunction(Name, Box<Function>),
    /// `a.b, c = x, y`; also `function a.b() end`.
    Assign(Vec<Expr>, Vec<Expr>),
    /// A call whose results are dropped.
    Call(Expr),
    /// `do … end`.
    Do(Block),
    /// `while c do … end`.
    While(Expr, Block),
    /// `repeat … until c`; the condition sees the locals of the block.
    Repeat(Block, Expr),
    /// `if c then … elseif d then … else … end`.
    If(Vec<(Expr, Block)>, Option<Block>),
    /// `for i = start, limit, step do … end`.
    NumericFor(Box<NumericFor>),
    /// `for k, v in explist do … end`.
    GenericFor(Vec<Name>, Vec<Expr>, Block),
    /// `return x, y`.
    Return(Vec<Expr>),
    /// `break`.
    Break,
    /// `goto name`.
    Goto(Name),
    /// `::name::`.
    Label(Name),
}

/// `for name = start, limit, step do body end`.
#[derive(Clone, Debug, PartialEq)]
pub struct NumericFor {
    /// The variable, fresh in every round.
    pub name: Name,
    /// First value.
    pub start: Expr,
    /// Last value that may be reached.
    pub limit: Expr,
    /// What is added after each round; 1 if absent.
    pub step: Option<Expr>,
    /// The rounds.
    pub body: Block,
}

/// An expression with its place.
pub type Expr = Spanned<ExprKind>;

/// What an expression computes.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// `nil`.
    Nil,
    /// `true` or `false`.
    Bool(bool),
    /// A numeral.
    Number(f64),
    /// A string with its escapes resolved.
    Text(Vec<u8>),
    /// `...`.
    Vararg,
    /// `function (…) … end`.
    Function(Box<Function>),
    /// `{ … }`.
    Table(Vec<Field>),
    /// A variable.
    Name(String),
    /// `(e)`, which cuts several values to one.
    Paren(Box<Expr>),
    /// `base[key]` and `base.key`.
    Index(Box<Expr>, Box<Expr>),
    /// `callee(args)`.
    Call(Box<Expr>, Vec<Expr>),
    /// `object:name(args)`.
    Method(Box<Expr>, Name, Vec<Expr>),
    /// `-e`, `not e`, `#e`; the operator's place.
    Unary(Spanned<Unary>, Box<Expr>),
    /// `a + b`; the operator's place.
    Binary(Spanned<Binary>, Box<Expr>, Box<Expr>),
}

/// An operator before its operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unary {
    /// `-`
    Minus,
    /// `not`
    Not,
    /// `#`
    Length,
}

/// An operator between two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the operators")]
pub enum Binary {
    Or,
    And,
    Less,
    Greater,
    LessEqual,
    GreaterEqual,
    NotEqual,
    Equal,
    Concat,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
}

impl Binary {
    /// Left and right binding power (Lua 5.1 reference manual, 2.5.6); right-associative where left is larger.
    pub fn powers(self) -> (u8, u8) {
        match self {
            Binary::Or => (1, 1),
            Binary::And => (2, 2),
            Binary::Less
            | Binary::Greater
            | Binary::LessEqual
            | Binary::GreaterEqual
            | Binary::NotEqual
            | Binary::Equal => (3, 3),
            Binary::Concat => (5, 4),
            Binary::Add | Binary::Subtract => (6, 6),
            Binary::Multiply | Binary::Divide | Binary::Modulo => (7, 7),
            Binary::Power => (10, 9),
        }
    }
}

/// The binding power of the operators before an operand.
pub const UNARY_POWER: u8 = 8;

/// A part of a table constructor.
#[derive(Clone, Debug, PartialEq)]
pub enum Field {
    /// `e`: the next index.
    Item(Expr),
    /// `[k] = e` and `k = e`.
    Keyed(Expr, Expr),
}

/// Parameters and body of a function.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// As in the text before the parameters (`a.b:c`), for traces.
    pub name: Option<String>,
    /// The named parameters.
    pub parameters: Vec<Name>,
    /// Whether the list ends with `...`.
    pub is_vararg: bool,
    /// The statements.
    pub body: Block,
    /// From the parameters to `end`.
    pub span: Span,
}
