//! Reads functions, classes and lambdas with their parameters and decorators.

use super::{Node, Reader, Rule, parts};
use crate::front::python::ast::*;
use crate::source::Spanned;
use std::rc::Rc;

impl<'t> Reader<'t> {
    pub(super) fn decorated(&mut self, node: Node<'t>) -> Option<StatementKind> {
        let mut decorators = vec![];
        let nodes: Vec<_> = match node.as_rule() {
            Rule::decorated => parts(node).collect(),
            _ => vec![node],
        };
        for part in nodes {
            match part.as_rule() {
                Rule::decorator => {
                    for part in parts(part) {
                        match part.as_rule() {
                            Rule::leftover => self.error(part.as_span().start(), "invalid syntax"),
                            _ => decorators.push(self.expression(part)),
                        }
                    }
                }
                Rule::function_statement => {
                    let function = self.function(part);
                    return Some(StatementKind::Function(
                        Variable::Global,
                        Rc::new(function),
                        decorators,
                    ));
                }
                Rule::class_statement => {
                    return self.class(part, decorators);
                }
                _ => {
                    self.reports_missing(&part);
                }
            }
        }
        None
    }

    fn class(&mut self, node: Node<'t>, decorators: Vec<Expr>) -> Option<StatementKind> {
        let mut name = None;
        let (mut arguments, mut body) = (vec![], vec![]);
        for part in parts(node) {
            match part.as_rule() {
                Rule::name | Rule::missing_name => name = Some(self.name(&part)),
                Rule::call => arguments = self.arguments(part),
                Rule::block => body = self.block(part),
                _ => {
                    self.heading(&part);
                }
            }
        }
        let doc = doc(&body);
        let class =
            Class { name: name?, target: Variable::Global, arguments, decorators, body, doc };
        Some(StatementKind::Class(Box::new(class)))
    }

    fn heading(&mut self, part: &Node<'t>) {
        if !self.reports_missing(part) {
            self.error(part.as_span().start(), "invalid syntax");
        }
    }

    fn function(&mut self, node: Node<'t>) -> Function {
        let span = self.span(&node);
        let mut name: Rc<str> = "".into();
        let (mut parameters, mut body) = (vec![], vec![]);
        let mut yields = None;
        for part in parts(node) {
            match part.as_rule() {
                Rule::name => name = part.as_str().into(),
                Rule::parameters => parameters = self.parameters(part),
                Rule::annotation => {
                    self.says(Version::Three);
                    self.expression(part);
                }
                Rule::block => {
                    self.yields.push(None);
                    body = self.block(part);
                    yields = self.yields.pop().flatten();
                }
                _ => self.heading(&part),
            }
        }
        let doc = doc(&body);
        Function { name, parameters, body, doc, slots: vec![], yields, span }
    }

    pub(super) fn lambda(&mut self, node: Node<'t>) -> Expr {
        let span = self.span(&node);
        let mut parameters = vec![];
        let mut body = vec![];
        let mut yields = None;
        for part in parts(node) {
            match part.as_rule() {
                Rule::lambda_parameters => parameters = self.parameters(part),
                Rule::expression => {
                    self.yields.push(None);
                    let value = self.expression(part);
                    yields = self.yields.pop().flatten();
                    body.push(Spanned {
                        span: value.span,
                        value: StatementKind::Return(Some(value)),
                    });
                }
                _ => self.heading(&part),
            }
        }
        let name = "<lambda>".into();
        let (doc, slots) = (None, vec![]);
        let function = Function { name, parameters, body, doc, slots, yields, span };
        Spanned::new(ExprKind::Lambda(Rc::new(function)), span)
    }

    fn parameters(&mut self, node: Node<'t>) -> Vec<Parameter> {
        let mut parameters: Vec<Parameter> = vec![];
        let mut after_star = false;
        for part in parts(node) {
            let span = self.span(&part);
            if let Some(last) = parameters.last()
                && last.kind == ParameterKind::Keywords
            {
                self.error_at(span, "arguments cannot follow var-keyword argument");
            }
            let Some(parameter) = self.parameter(part, &mut parameters, &mut after_star) else {
                continue;
            };
            if parameters.iter().any(|known| known.name.value == parameter.name.value) {
                let name = &parameter.name;
                self.error_at(
                    name.span,
                    format!("duplicate argument '{}' in function definition", name.value),
                );
            }
            let lacks_default =
                parameter.kind == ParameterKind::Plain && parameter.default.is_none();
            if lacks_default && parameters.iter().any(|p| p.default.is_some()) && !after_star {
                self.error_at(span, "parameter without a default follows parameter with a default");
            }
            parameters.push(parameter);
        }
        parameters
    }

    fn parameter(
        &mut self,
        node: Node<'t>,
        before: &mut [Parameter],
        after_star: &mut bool,
    ) -> Option<Parameter> {
        let span = self.span(&node);
        let mut kind = if *after_star { ParameterKind::KeywordOnly } else { ParameterKind::Plain };
        let (mut name, mut default, mut unpack) = (None, None, None);
        for part in parts(node) {
            match part.as_rule() {
                Rule::keywords_mark => kind = ParameterKind::Keywords,
                Rule::rest_mark => {
                    if *after_star {
                        self.error_at(span, "* argument may appear only once");
                    }
                    *after_star = true;
                    kind = ParameterKind::Rest;
                }
                Rule::only_mark => {
                    self.says(Version::Three);
                    for parameter in before.iter_mut() {
                        parameter.kind = ParameterKind::PositionOnly;
                    }
                    return None;
                }
                Rule::name => name = Some(self.name(&part)),
                Rule::annotation => {
                    self.says(Version::Three);
                    self.expression(part);
                }
                Rule::default => default = parts(part).next().map(|value| self.expression(value)),
                Rule::parameter_tuple => {
                    self.says(Version::Two);
                    let target = parts(part).next().map(|target| self.parenthesis(target));
                    if let Some(target) = &target {
                        self.check_target(target, false);
                    }
                    // No name of the definition has a dot.
                    name = Some(Spanned::new(format!(".{}", before.len()).into(), span));
                    unpack = target;
                }
                _ => self.heading(&part),
            }
        }
        if kind == ParameterKind::KeywordOnly || kind == ParameterKind::Rest && name.is_none() {
            self.says(Version::Three);
        }
        // A bare `*` only says that what follows is given by keyword.
        Some(Parameter { name: name?, kind, default, unpack })
    }
}

fn doc(body: &Block) -> Option<Rc<str>> {
    match body.first().map(|first| &first.value) {
        Some(StatementKind::Expression(Spanned { value: ExprKind::Text(text), .. })) => {
            Some(text.clone())
        }
        _ => None,
    }
}
