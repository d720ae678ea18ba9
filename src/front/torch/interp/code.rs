//! Resolved Lua: every variable is a slot, a captured variable of this or an outer function, or a global.
//!
//! Invariants: a local that an inner function uses is never in a slot but in `cells`; each declaration has a slot or
//! cell of its own; every `Goto` names a label of an enclosing block of the same function.

use super::operators::Arithmetic;
use super::value::LuaStr;
use crate::source::Span;
use std::ops::Range;
use std::rc::Rc;

/// A function before it closes over variables.
pub(crate) struct Proto {
    pub name: Option<String>,
    pub parameters: Vec<Variable>,
    pub is_vararg: bool,
    /// Whether it is a whole chunk.
    pub is_main: bool,
    /// Where it is written.
    pub span: Span,
    pub slots: usize,
    pub cells: usize,
    /// Where each upvalue comes from when the function is created.
    pub upvalues: Vec<Capture>,
    pub upvalue_names: Vec<Rc<str>>,
    /// The variables of the outermost block of a chunk, by name.
    pub outermost: Vec<(Rc<str>, Variable)>,
    pub body: Block,
}

/// A declaration.
#[derive(Clone, Copy)]
pub(crate) enum Variable {
    Slot(usize),
    Cell(usize),
}

/// Where a new closure finds a captured variable.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Capture {
    /// A cell of the function that creates it.
    Cell(usize),
    /// An upvalue of that function.
    Upvalue(usize),
}

#[derive(Default)]
pub(crate) struct Block {
    pub statements: Vec<Statement>,
    /// Labels with the statement that follows them.
    pub labels: Vec<(usize, usize)>,
    /// What is declared in it and in the blocks inside.
    pub slots: Range<usize>,
}

pub(crate) struct Statement {
    pub kind: StatementKind,
    pub span: Span,
}

pub(crate) enum StatementKind {
    Local(Vec<Variable>, Vec<Expr>),
    LocalFunction(Variable, Rc<Proto>),
    AssignOne(Target, Expr),
    Assign(Vec<Target>, Vec<Expr>),
    Call(Expr),
    Do(Block),
    While(Expr, Block),
    Repeat(Block, Expr),
    If(Vec<(Expr, Block)>, Option<Block>),
    NumericFor {
        variable: Variable,
        start: Expr,
        limit: Expr,
        step: Option<Expr>,
        body: Block,
    },
    GenericFor(Vec<Variable>, Vec<Expr>, Block),
    Return(Vec<Expr>),
    TailCall(Box<Call>),
    Break,
    Goto(usize),
    /// A label, or a statement with a mistake that was reported.
    Nothing,
}

pub(crate) enum Target {
    Slot(usize),
    Cell(usize),
    Upvalue(usize),
    Global(LuaStr),
    Index(Box<Index>),
}

pub(crate) enum Expr {
    Nil,
    Bool(bool),
    Number(f64),
    Text(LuaStr),
    Vararg,
    Slot(usize, Rc<str>),
    Cell(usize, Rc<str>),
    Upvalue(usize, Rc<str>),
    Global(LuaStr, Span),
    Function(Rc<Proto>),
    Table(Box<Constructor>),
    Paren(Box<Expr>),
    Index(Box<Index>),
    Call(Box<Call>),
    And(Box<(Expr, Expr)>),
    Or(Box<(Expr, Expr)>),
    Not(Box<Expr>),
    Negate(Box<Expr>, Span),
    Length(Box<Expr>, Span),
    Arithmetic(Arithmetic, Box<(Expr, Expr)>, Span),
    Concat(Vec<Expr>, Span),
    Equal(Box<(Expr, Expr)>, bool, Span),
    /// Left less than right; the flags: or equal, and whether the sides were written the other way round.
    Less(Box<(Expr, Expr)>, bool, bool, Span),
}

pub(crate) struct Index {
    pub base: Expr,
    pub key: Expr,
    pub span: Span,
}

pub(crate) struct Constructor {
    pub fields: Vec<Field>,
    pub span: Span,
}

pub(crate) enum Field {
    Item(Expr),
    Keyed(Expr, Expr),
}

pub(crate) struct Call {
    pub callee: Expr,
    /// The method name, if the callee is the object.
    pub method: Option<LuaStr>,
    pub arguments: Vec<Expr>,
    pub site: Rc<Site>,
}

/// Where a call is written and under which name it calls.
pub(crate) struct Site {
    pub span: Span,
    pub name: Option<Described>,
}

/// A kind of variable and its name, as messages show them: `local 'x'`.
#[derive(Clone)]
pub(crate) struct Described {
    pub kind: &'static str,
    pub name: Rc<str>,
}

impl Expr {
    /// The variable or field that the expression reads.
    pub(crate) fn described(&self) -> Option<Described> {
        let (kind, name) = match self {
            Expr::Slot(_, name) | Expr::Cell(_, name) => ("local", name.clone()),
            Expr::Upvalue(_, name) => ("upvalue", name.clone()),
            Expr::Global(name, _) => ("global", name.to_str().into()),
            Expr::Index(index) => match &index.key {
                Expr::Text(name) => ("field", name.to_str().into()),
                _ => return None,
            },
            Expr::Paren(inner) => return inner.described(),
            _ => return None,
        };
        Some(Described { kind, name })
    }

    /// Whether the expression may have any number of values.
    pub(crate) fn is_multiple(&self) -> bool {
        matches!(self, Expr::Vararg | Expr::Call(_))
    }
}
