//! Assignment: to names, attributes, items, and to several at once.

use super::exec::Frame;
use super::{Outcome, PyError, Python, Value, bury};
use crate::front::python::ast::{Binary, Expr, ExprKind, Variable};
use crate::source::{Span, Spanned};
use std::rc::Rc;

impl Python {
    pub(super) fn assign(&mut self, frame: &mut Frame, target: &Expr, value: Value) -> Outcome<()> {
        let at = target.span;
        match &target.value {
            ExprKind::Name(name, variable) => self.store(frame, *variable, name, value),
            ExprKind::Attribute(base, name) => {
                let base = self.eval(frame, base)?;
                self.set_attribute(&base, &name.value, value, name.span)?;
            }
            ExprKind::Item(base, index) => {
                let base = self.eval(frame, base)?;
                let key = self.eval(frame, index)?;
                self.set_item(&base, &key, value, index.span)?;
            }
            ExprKind::Tuple(targets) | ExprKind::List(targets) => {
                self.unpack(frame, targets, &value, at)?;
            }
            ExprKind::Star(inner) => {
                let items = self.iterate(&value, at)?;
                let list = self.new_list(items, at)?;
                self.assign(frame, inner, list)?;
            }
            _ => return Err(self.error("SyntaxError", at, "cannot assign to this")),
        }
        Ok(())
    }

    fn unpack(
        &mut self,
        frame: &mut Frame,
        targets: &[Expr],
        value: &Value,
        at: Span,
    ) -> Outcome<()> {
        let items = match value {
            Value::Tuple(items) => items.to_vec(),
            Value::List(items) => items.0.borrow().clone(),
            other => {
                let is_iterable = self.iter(other, at);
                match is_iterable {
                    Ok(iter) => self.take(&iter, targets, at)?,
                    Err(error) if error.message().contains("is not iterable") => {
                        let name = self.type_name(other);
                        let message = format!("cannot unpack non-iterable {name} object");
                        return Err(self.type_error(at, message));
                    }
                    Err(error) => return Err(error),
                }
            }
        };
        self.work(items.len(), at)?;
        let star = targets.iter().position(|t| matches!(t.value, ExprKind::Star(_)));
        let (given, wanted) = (items.len(), targets.len());
        let Some(star) = star else {
            if given < wanted {
                return Err(self.too_few(wanted, given, "", at));
            }
            if wanted < given {
                let message = format!("too many values to unpack (expected {wanted})");
                let error = self.value_error(at, message);
                return Err(error.help(format!("there are {given}: name one for each")));
            }
            for (target, item) in targets.iter().zip(items) {
                self.assign(frame, target, item)?;
            }
            return Ok(());
        };
        let after = wanted - star - 1;
        if given < star + after {
            return Err(self.too_few(star + after, given, "at least ", at));
        }
        let mut items = items.into_iter();
        for (i, target) in targets.iter().enumerate() {
            let value = match &target.value {
                ExprKind::Star(inner) => {
                    let middle = items.by_ref().take(given - star - after).collect();
                    let list = self.new_list(middle, at)?;
                    self.assign(frame, inner, list)?;
                    continue;
                }
                _ => items.next().unwrap_or_default(),
            };
            debug_assert!(i != star);
            self.assign(frame, target, value)?;
        }
        Ok(())
    }

    /// The items of an iterator, but no more than one too many for these targets.
    fn take(&mut self, iter: &Value, targets: &[Expr], at: Span) -> Outcome<Vec<Value>> {
        let has_star = targets.iter().any(|t| matches!(t.value, ExprKind::Star(_)));
        let mut items = vec![];
        while has_star || items.len() <= targets.len() {
            let Some(item) = self.next(iter, at)? else { break };
            self.room(1, at)?;
            items.push(item);
        }
        Ok(items)
    }

    fn too_few(&mut self, wanted: usize, given: usize, least: &str, at: Span) -> PyError {
        let message =
            format!("not enough values to unpack (expected {least}{wanted}, got {given})");
        self.value_error(at, message)
    }

    /// Sets a variable.
    pub(super) fn store(
        &mut self,
        frame: &mut Frame,
        variable: Variable,
        name: &Rc<str>,
        value: Value,
    ) {
        match variable {
            Variable::Local(hops, slot) => {
                if let Some(scope) = frame.scope_at(hops)
                    && let Some(place) = scope.slots.borrow_mut().get_mut(slot as usize)
                {
                    let old = place.replace(value);
                    bury(old);
                }
            }
            Variable::Member(_) => {
                if let Some(names) = &frame.names {
                    let old = names.borrow_mut().insert(name.clone(), value);
                    bury(old);
                }
            }
            Variable::Global => frame.module.set(name.clone(), value),
        }
    }

    pub(super) fn delete(&mut self, frame: &mut Frame, target: &Expr) -> Outcome<()> {
        let at = target.span;
        match &target.value {
            ExprKind::Name(name, variable) => {
                // It must have a value.
                self.load(frame, *variable, name, at)?;
                match variable {
                    Variable::Local(hops, slot) => {
                        if let Some(scope) = frame.scope_at(*hops) {
                            let old = scope.slots.borrow_mut()[*slot as usize].take();
                            bury(old);
                        }
                    }
                    Variable::Member(_) => {
                        let names = frame.names.as_ref();
                        bury(names.and_then(|names| names.borrow_mut().shift_remove(name)));
                    }
                    Variable::Global => {
                        let old = frame.module.names.borrow_mut().shift_remove(name);
                        bury(old);
                    }
                }
            }
            ExprKind::Attribute(base, name) => {
                let base = self.eval(frame, base)?;
                self.delete_attribute(&base, &name.value, name.span)?;
            }
            ExprKind::Item(base, index) => {
                let base = self.eval(frame, base)?;
                let key = self.eval(frame, index)?;
                match &base {
                    Value::Native(native) => {
                        native.clone().delete_item(self, &key, index.span)?;
                    }
                    _ => self.delete_item(&base, &key, index.span)?,
                }
            }
            ExprKind::Tuple(targets) | ExprKind::List(targets) => {
                for target in targets {
                    self.delete(frame, target)?;
                }
            }
            _ => return Err(self.error("SyntaxError", at, "cannot delete this")),
        }
        Ok(())
    }

    /// `target op= value`; what the target is made of is computed once.
    pub(super) fn augment(
        &mut self,
        frame: &mut Frame,
        target: &Expr,
        operator: &Spanned<Binary>,
        value: &Expr,
    ) -> Outcome<()> {
        let at = target.span.to(value.span);
        match &target.value {
            ExprKind::Name(name, variable) => {
                let old = self.load(frame, *variable, name, target.span)?;
                let value = self.eval(frame, value)?;
                let new = self.in_place(operator.value, &old, &value, at)?;
                drop(old);
                self.store(frame, *variable, name, new);
            }
            ExprKind::Attribute(base, name) => {
                let base = self.eval(frame, base)?;
                let old = self.get_attribute(&base, &name.value, name.span)?;
                let value = self.eval(frame, value)?;
                let new = self.in_place(operator.value, &old, &value, at)?;
                self.set_attribute(&base, &name.value, new, name.span)?;
            }
            ExprKind::Item(base, index) => {
                let base = self.eval(frame, base)?;
                let key = self.eval(frame, index)?;
                let old = self.get_item(&base, &key, index.span)?;
                let value = self.eval(frame, value)?;
                let new = self.in_place(operator.value, &old, &value, at)?;
                self.set_item(&base, &key, new, index.span)?;
            }
            _ => return Err(self.error("SyntaxError", at, "cannot assign to this")),
        }
        Ok(())
    }
}
