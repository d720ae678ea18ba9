//! Turns the syntax tree into resolved code: which variable a name means, where a `goto` goes.
//!
//! Two passes: the first finds the declarations that inner functions use, the second writes the code.

use super::code::*;
use super::operators::Arithmetic;
use super::value::LuaStr;
use crate::front::torch::ast;
use crate::front::torch::ast::{Binary, ExprKind, Unary};
use crate::front::torch::syntax::SyntaxError;
use crate::source::{SourceMap, Span};
use std::collections::HashSet;
use std::rc::Rc;

/// A chunk as code, and where it reads global variables.
pub(crate) type Resolved = (Rc<Proto>, Vec<(LuaStr, Span)>);

/// The code of a chunk, a function with `...` and no parameters; or what no compiler accepts.
pub(crate) fn resolve(
    chunk: &ast::Block,
    whole: Span,
    sources: &SourceMap,
) -> Result<Resolved, Vec<SyntaxError>> {
    let line = |span: Span| sources.file(span.file).line_column(span.start as usize).0;
    let mut resolver = Resolver {
        line: &line,
        functions: vec![],
        next_declaration: 0,
        captured: HashSet::new(),
        globals: vec![],
        errors: vec![],
        result: None,
    };
    // The first pass only collects `captured`; what it writes is thrown away.
    for _ in 0..2 {
        resolver.next_declaration = 0;
        resolver.errors.clear();
        resolver.globals.clear();
        resolver.functions = vec![FunctionState { is_vararg: true, ..FunctionState::default() }];
        let body = resolver.block(chunk);
        let proto = resolver.finish_function(None, vec![], body, whole);
        resolver.result = Some(proto);
    }
    match resolver.result {
        Some(proto) if resolver.errors.is_empty() => Ok((proto, resolver.globals)),
        _ => Err(resolver.errors),
    }
}

/// Local variables that a function may have at one place, and captured ones in all: the limits of Lua 5.1 and LuaJIT.
const MOST_LOCALS: usize = 200;
const MOST_UPVALUES: usize = 60;

/// Variables of its own that a loop over numbers or over an iterator keeps.
const HIDDEN: usize = 3;

struct Resolver<'a> {
    line: &'a dyn Fn(Span) -> usize,
    functions: Vec<FunctionState>,
    /// Declarations in the order of the text; the same in both passes.
    next_declaration: usize,
    captured: HashSet<usize>,
    globals: Vec<(LuaStr, Span)>,
    errors: Vec<SyntaxError>,
    result: Option<Rc<Proto>>,
}

#[derive(Default)]
struct FunctionState {
    is_vararg: bool,
    slots: usize,
    cells: usize,
    /// The line of a function that is not the whole text.
    line: Option<usize>,
    /// Visible locals, innermost last.
    locals: Vec<Local>,
    /// What the loops around need beside them.
    hidden: usize,
    upvalues: Vec<(Rc<str>, Capture)>,
    outermost: Vec<(Rc<str>, Variable)>,
    blocks: Vec<BlockState>,
    loops: usize,
    labels: usize,
}

impl FunctionState {
    /// Which function it is, for a complaint.
    fn described(&self) -> String {
        match self.line {
            Some(line) => format!("function at line {line}"),
            None => "main function".into(),
        }
    }
}

struct Local {
    name: Rc<str>,
    variable: Variable,
    declaration: usize,
}

struct BlockState {
    labels: Vec<KnownLabel>,
    first_local: usize,
}

#[derive(Clone)]
struct KnownLabel {
    name: String,
    identity: usize,
    /// How many locals are visible there.
    locals: usize,
    /// Those of the block that are declared before it.
    declared: Rc<[String]>,
}

enum Found {
    Local(Variable),
    Upvalue(usize),
}

impl Resolver<'_> {
    fn function(&mut self) -> &mut FunctionState {
        let last = self.functions.len() - 1;
        &mut self.functions[last]
    }

    fn error(&mut self, span: Span, message: String) {
        self.errors.push(SyntaxError { span, message });
    }

    fn finish_function(
        &mut self,
        name: Option<String>,
        parameters: Vec<Variable>,
        body: Block,
        span: Span,
    ) -> Rc<Proto> {
        let state = self.functions.pop().unwrap_or_default();
        let FunctionState { is_vararg, slots, cells, upvalues, outermost, .. } = state;
        let (upvalue_names, upvalues) = upvalues.into_iter().unzip();
        let is_main = self.functions.is_empty();
        Rc::new(Proto {
            name,
            parameters,
            is_vararg,
            is_main,
            span,
            slots,
            cells,
            upvalues,
            upvalue_names,
            outermost,
            body,
        })
    }

    fn nested(&mut self, function: &ast::Function) -> Rc<Proto> {
        let line = Some((self.line)(function.span));
        let is_vararg = function.is_vararg;
        self.functions.push(FunctionState { is_vararg, line, ..FunctionState::default() });
        let parameters = function.parameters.iter().map(|p| self.declare(p)).collect();
        let body = self.block(&function.body);
        self.finish_function(function.name.clone(), parameters, body, function.span)
    }

    /// A new local; `hidden` ones of the same loop come before it.
    fn declare(&mut self, name: &ast::Name) -> Variable {
        let function = self.function();
        if MOST_LOCALS <= function.locals.len() + function.hidden {
            let described = function.described();
            let message = format!("{described} has more than {MOST_LOCALS} local variables");
            if self.errors.iter().all(|error| error.message != message) {
                self.error(name.span, message);
            }
        }
        let name = &*name.value;
        let declaration = self.next_declaration;
        self.next_declaration += 1;
        let is_captured = self.captured.contains(&declaration);
        let function = self.function();
        let counter = if is_captured { &mut function.cells } else { &mut function.slots };
        let place = *counter;
        *counter += 1;
        let variable = if is_captured { Variable::Cell(place) } else { Variable::Slot(place) };
        function.locals.push(Local { name: name.into(), variable, declaration });
        let is_outermost = function.blocks.len() == 1 && function.hidden == 0;
        if is_outermost && function.line.is_none() {
            function.outermost.push((name.into(), variable));
        }
        variable
    }

    fn find(&mut self, level: usize, name: &str) -> Option<Found> {
        let function = &self.functions[level];
        if let Some(local) = function.locals.iter().rev().find(|local| &*local.name == name) {
            if level + 1 < self.functions.len() {
                self.captured.insert(local.declaration);
            }
            return Some(Found::Local(local.variable));
        }
        if let Some(at) = function.upvalues.iter().position(|(known, _)| &**known == name) {
            return Some(Found::Upvalue(at));
        }
        let capture = match self.find(level.checked_sub(1)?, name)? {
            // In the first pass a captured variable may still be in a slot; that code is thrown away.
            Found::Local(Variable::Slot(at) | Variable::Cell(at)) => Capture::Cell(at),
            Found::Upvalue(at) => Capture::Upvalue(at),
        };
        let upvalues = &mut self.functions[level].upvalues;
        upvalues.push((name.into(), capture));
        Some(Found::Upvalue(upvalues.len() - 1))
    }

    /// `repeats` if a condition follows that sees the locals of the block.
    fn open_block(&mut self, block: &ast::Block, repeats: bool) {
        let mut labels: Vec<KnownLabel> = vec![];
        let first_local = self.function().locals.len();
        let mut declared: Vec<String> = vec![];
        let mut duplicates = vec![];
        for statement in &block.statements {
            match &statement.value {
                ast::StatementKind::Local(names, _) => {
                    declared.extend(names.iter().map(|name| name.value.clone()));
                }
                ast::StatementKind::LocalFunction(name, _) => declared.push(name.value.clone()),
                ast::StatementKind::Label(name) => {
                    if labels.iter().any(|known| known.name == name.value) {
                        duplicates.push(name.clone());
                        continue;
                    }
                    let function = self.function();
                    labels.push(KnownLabel {
                        name: name.value.clone(),
                        identity: function.labels,
                        locals: first_local + declared.len(),
                        declared: declared.as_slice().into(),
                    });
                    function.labels += 1;
                }
                _ => {}
            }
        }
        // A label at the end of a block lies outside the scope of the block's locals.
        let is_label = |s: &&ast::Statement| matches!(s.value, ast::StatementKind::Label(_));
        let ending = block.statements.iter().rev().take_while(is_label).count();
        let ending = if repeats { 0 } else { ending.min(labels.len()) };
        let total = labels.len();
        for label in &mut labels[total - ending..] {
            label.locals = first_local;
        }
        self.function().blocks.push(BlockState { labels, first_local });
        for name in duplicates {
            self.error(name.span, format!("duplicate label '{}'", name.value));
        }
    }

    fn close_block(&mut self) {
        let function = self.function();
        if let Some(block) = function.blocks.pop() {
            function.locals.truncate(block.first_local);
        }
    }

    fn block(&mut self, block: &ast::Block) -> Block {
        self.open_block(block, false);
        let first = self.function().slots;
        let mut code = self.statements(block);
        code.slots = first..self.function().slots;
        self.close_block();
        code
    }

    fn statements(&mut self, block: &ast::Block) -> Block {
        let mut code = Block::default();
        for statement in &block.statements {
            if let ast::StatementKind::Label(name) = &statement.value {
                let labels = self.function().blocks.last().map(|b| &b.labels);
                let known = labels.and_then(|l| l.iter().find(|label| label.name == name.value));
                if let Some(label) = known {
                    code.labels.push((label.identity, code.statements.len()));
                }
                continue;
            }
            let kind = self.statement(statement);
            code.statements.push(Statement { kind, span: statement.span });
        }
        code
    }

    fn loop_body(&mut self, block: &ast::Block) -> Block {
        self.function().loops += 1;
        let code = self.block(block);
        self.function().loops -= 1;
        code
    }

    fn statement(&mut self, statement: &ast::Statement) -> StatementKind {
        match &statement.value {
            ast::StatementKind::Local(names, values) => {
                let values = self.expressions(values);
                let variables = names.iter().map(|name| self.declare(name)).collect();
                StatementKind::Local(variables, values)
            }
            ast::StatementKind::LocalFunction(name, function) => {
                let variable = self.declare(name);
                StatementKind::LocalFunction(variable, self.nested(function))
            }
            ast::StatementKind::Assign(targets, values) => self.assignment(targets, values),
            ast::StatementKind::Call(call) => StatementKind::Call(self.expression(call)),
            ast::StatementKind::Do(body) => StatementKind::Do(self.block(body)),
            ast::StatementKind::While(condition, body) => {
                StatementKind::While(self.expression(condition), self.loop_body(body))
            }
            ast::StatementKind::Repeat(body, condition) => {
                self.function().loops += 1;
                self.open_block(body, true);
                let first = self.function().slots;
                let mut code = self.statements(body);
                let condition = self.expression(condition);
                code.slots = first..self.function().slots;
                self.close_block();
                self.function().loops -= 1;
                StatementKind::Repeat(code, condition)
            }
            ast::StatementKind::If(arms, otherwise) => {
                let arms = arms.iter().map(|(c, body)| (self.expression(c), self.block(body)));
                let arms = arms.collect();
                StatementKind::If(arms, otherwise.as_ref().map(|body| self.block(body)))
            }
            ast::StatementKind::NumericFor(range) => {
                let ast::NumericFor { name, start, limit, step, body } = &**range;
                let (start, limit) = (self.expression(start), self.expression(limit));
                let step = step.as_ref().map(|step| self.expression(step));
                let before = self.function().locals.len();
                self.function().hidden += HIDDEN;
                let variable = self.declare(name);
                let body = self.loop_body(body);
                self.function().hidden -= HIDDEN;
                self.function().locals.truncate(before);
                StatementKind::NumericFor { variable, start, limit, step, body }
            }
            ast::StatementKind::GenericFor(names, values, body) => {
                let values = self.expressions(values);
                let before = self.function().locals.len();
                self.function().hidden += HIDDEN;
                let variables = names.iter().map(|name| self.declare(name)).collect();
                let body = self.loop_body(body);
                self.function().hidden -= HIDDEN;
                self.function().locals.truncate(before);
                StatementKind::GenericFor(variables, values, body)
            }
            ast::StatementKind::Return(values) => {
                let mut values = self.expressions(values);
                match values.pop() {
                    Some(Expr::Call(call)) if values.is_empty() => StatementKind::TailCall(call),
                    last => {
                        values.extend(last);
                        StatementKind::Return(values)
                    }
                }
            }
            ast::StatementKind::Break if self.function().loops == 0 => {
                self.error(statement.span, "no loop to break".into());
                StatementKind::Nothing
            }
            ast::StatementKind::Break => StatementKind::Break,
            ast::StatementKind::Goto(name) => self.goto(name),
            ast::StatementKind::Label(_) => StatementKind::Nothing,
        }
    }

    fn goto(&mut self, name: &ast::Name) -> StatementKind {
        let function = self.function();
        let visible = function.locals.len();
        let labels = function.blocks.iter().rev().flat_map(|block| &block.labels);
        let Some(label) = labels.clone().find(|label| label.name == name.value).cloned() else {
            self.error(name.span, format!("undefined label '{}'", name.value));
            return StatementKind::Nothing;
        };
        if let Some(passed) = label.locals.checked_sub(visible).filter(|&count| 0 < count) {
            let first = label.declared.get(label.declared.len() - passed);
            let local = first.map_or("", String::as_str);
            let message = format!("<goto {}> jumps into the scope of local '{local}'", name.value);
            self.error(name.span, message);
        }
        StatementKind::Goto(label.identity)
    }

    fn assignment(&mut self, targets: &[ast::Expr], values: &[ast::Expr]) -> StatementKind {
        let mut targets: Vec<Target> =
            targets.iter().filter_map(|target| self.target(target)).collect();
        let mut values = self.expressions(values);
        if let ([_], [_]) = (&targets[..], &values[..])
            && let (Some(target), Some(value)) = (targets.pop(), values.pop())
        {
            return StatementKind::AssignOne(target, value);
        }
        StatementKind::Assign(targets, values)
    }

    fn target(&mut self, target: &ast::Expr) -> Option<Target> {
        match self.expression(target) {
            Expr::Slot(at, _) => Some(Target::Slot(at)),
            Expr::Cell(at, _) => Some(Target::Cell(at)),
            Expr::Upvalue(at, _) => Some(Target::Upvalue(at)),
            Expr::Global(name, _) => Some(Target::Global(name)),
            Expr::Index(index) => Some(Target::Index(index)),
            _ => None,
        }
    }

    fn expressions(&mut self, list: &[ast::Expr]) -> Vec<Expr> {
        list.iter().map(|e| self.expression(e)).collect()
    }

    fn boxed(&mut self, expression: &ast::Expr) -> Box<Expr> {
        Box::new(self.expression(expression))
    }

    fn pair(&mut self, left: &ast::Expr, right: &ast::Expr) -> Box<(Expr, Expr)> {
        let left = self.expression(left);
        Box::new((left, self.expression(right)))
    }

    fn expression(&mut self, expression: &ast::Expr) -> Expr {
        let span = expression.span;
        match &expression.value {
            ExprKind::Nil => Expr::Nil,
            ExprKind::Bool(value) => Expr::Bool(*value),
            ExprKind::Number(value) => Expr::Number(*value),
            ExprKind::Text(bytes) => Expr::Text(LuaStr::from(bytes.as_slice())),
            ExprKind::Vararg => {
                if !self.function().is_vararg {
                    let message = "cannot use '...' outside a vararg function near '...'";
                    self.error(span, message.into());
                }
                Expr::Vararg
            }
            ExprKind::Function(function) => Expr::Function(self.nested(function)),
            ExprKind::Table(fields) => {
                let fields = fields.iter().map(|field| match field {
                    ast::Field::Item(value) => Field::Item(self.expression(value)),
                    ast::Field::Keyed(key, value) => {
                        let key = self.expression(key);
                        Field::Keyed(key, self.expression(value))
                    }
                });
                let fields = fields.collect();
                Expr::Table(Box::new(Constructor { fields, span }))
            }
            ExprKind::Name(name) => self.name(name, span),
            ExprKind::Paren(inner) => Expr::Paren(self.boxed(inner)),
            ExprKind::Index(base, key) => {
                let base = self.expression(base);
                Expr::Index(Box::new(Index { base, key: self.expression(key), span }))
            }
            ExprKind::Call(callee, arguments) => {
                let callee = self.expression(callee);
                let arguments = self.expressions(arguments);
                let site = Rc::new(Site { span, name: callee.described() });
                Expr::Call(Box::new(Call { callee, method: None, arguments, site }))
            }
            ExprKind::Method(object, name, arguments) => {
                let callee = self.expression(object);
                let arguments = self.expressions(arguments);
                let described = Described { kind: "method", name: name.value.as_str().into() };
                let site =
                    Rc::new(Site { span: name.span.to(span.after()), name: Some(described) });
                let method = Some(LuaStr::from(name.value.as_str()));
                Expr::Call(Box::new(Call { callee, method, arguments, site }))
            }
            ExprKind::Unary(operator, operand) => {
                let operand = self.boxed(operand);
                match (operator.value, &*operand) {
                    (Unary::Minus, Expr::Number(n)) => Expr::Number(-n),
                    (Unary::Minus, _) => Expr::Negate(operand, operator.span),
                    (Unary::Not, _) => Expr::Not(operand),
                    (Unary::Length, _) => Expr::Length(operand, operator.span),
                }
            }
            ExprKind::Binary(operator, left, right) => {
                self.binary(operator.value, operator.span, left, right)
            }
        }
    }

    fn name(&mut self, name: &str, span: Span) -> Expr {
        let full = |function: &FunctionState| MOST_UPVALUES < function.upvalues.len();
        let was_full = self.functions.iter().any(full);
        let found = self.find(self.functions.len() - 1, name);
        if let Some(function) = self.functions.iter().find(|function| full(function))
            && !was_full
        {
            let message =
                format!("{} has more than {MOST_UPVALUES} upvalues", function.described());
            self.error(span, message);
        }
        match found {
            Some(Found::Local(Variable::Slot(at))) => Expr::Slot(at, name.into()),
            Some(Found::Local(Variable::Cell(at))) => Expr::Cell(at, name.into()),
            Some(Found::Upvalue(at)) => Expr::Upvalue(at, name.into()),
            None => {
                let name = LuaStr::from(name);
                self.globals.push((name.clone(), span));
                Expr::Global(name, span)
            }
        }
    }

    fn binary(
        &mut self,
        operator: Binary,
        span: Span,
        left: &ast::Expr,
        right: &ast::Expr,
    ) -> Expr {
        let arithmetic = match operator {
            Binary::Or => return Expr::Or(self.pair(left, right)),
            Binary::And => return Expr::And(self.pair(left, right)),
            Binary::Equal => return Expr::Equal(self.pair(left, right), true, span),
            Binary::NotEqual => return Expr::Equal(self.pair(left, right), false, span),
            Binary::Less => return Expr::Less(self.pair(left, right), false, false, span),
            Binary::LessEqual => return Expr::Less(self.pair(left, right), true, false, span),
            Binary::Greater => return Expr::Less(self.pair(left, right), false, true, span),
            Binary::GreaterEqual => return Expr::Less(self.pair(left, right), true, true, span),
            Binary::Concat => {
                let mut parts = vec![self.expression(left)];
                match self.expression(right) {
                    Expr::Concat(more, _) => parts.extend(more),
                    last => parts.push(last),
                }
                return Expr::Concat(parts, span);
            }
            Binary::Add => Arithmetic::Add,
            Binary::Subtract => Arithmetic::Subtract,
            Binary::Multiply => Arithmetic::Multiply,
            Binary::Divide => Arithmetic::Divide,
            Binary::Modulo => Arithmetic::Modulo,
            Binary::Power => Arithmetic::Power,
        };
        Expr::Arithmetic(arithmetic, self.pair(left, right), span)
    }
}
