//! Calls: frames, arguments, tail calls, and what the frames say about an error.

use super::Lua;
use super::code::{Block, Described, Site, Variable};
use super::error::LuaError;
use super::exec::Flow;
use super::function::{Args, Captured, Closure, LuaResult, Results};
use super::value::{LuaStr, Value};
use crate::diag::Label;
use crate::source::Span;
use std::cell::RefCell;
use std::rc::Rc;

/// A call in progress, as errors see it.
pub(super) struct Active {
    /// Where the caller stands; `None` if the caller is a native function.
    pub site: Option<Rc<Site>>,
    /// Where the call is written; that of a tail call lies in a function that is already left.
    pub written: Option<Rc<Site>>,
    /// What runs, unless it is native.
    pub closure: Option<Rc<Closure>>,
}

/// The variables of a call of a Lua function.
pub(super) struct Frame {
    pub locals: Vec<Value>,
    pub cells: Vec<Captured>,
    pub upvalues: Rc<[Captured]>,
    pub varargs: Vec<Value>,
    pub closure: Rc<Closure>,
}

impl Frame {
    fn value(&self, variable: Variable) -> Value {
        match variable {
            Variable::Slot(at) => self.locals[at].clone(),
            Variable::Cell(at) => self.cells[at].borrow().clone(),
        }
    }

    pub fn declare(&mut self, variable: Variable, value: Value) {
        match variable {
            Variable::Slot(at) => self.locals[at] = value,
            Variable::Cell(at) => self.cells[at] = Rc::new(RefCell::new(value)),
        }
    }

    /// Lets go of what the variables of a block hold that has ended.
    pub fn forget(&mut self, block: &Block) {
        self.locals[block.slots.clone()].fill(Value::Nil);
    }
}

/// Labels of a trace; the middle of a longer one is left out.
const TRACE_ENDS: usize = 12;

/// Steps that a call costs.
const CALL: usize = 6;

const VALUE: usize = size_of::<Value>();

impl Lua {
    /// Calls a function or anything with `__call`, from native code.
    pub fn call(&mut self, callee: &Value, args: Vec<Value>) -> Results {
        // A coroutine cannot wait inside of native code.
        self.boundaries += 1;
        let results = self.call_from(callee.clone(), args, None);
        self.boundaries -= 1;
        results
    }

    /// The first result of a call from native code; nil if there is none.
    pub fn call_for_one(&mut self, callee: &Value, args: Vec<Value>) -> LuaResult<Value> {
        Ok(self.call(callee, args)?.into_iter().next().unwrap_or_default())
    }

    /// As [`Lua::call`], by native code through which coroutines may yield.
    pub fn call_through(&mut self, callee: &Value, args: Vec<Value>) -> Results {
        self.call_from(callee.clone(), args, None)
    }

    pub(super) fn call_from(
        &mut self,
        callee: Value,
        args: Vec<Value>,
        site: Option<Rc<Site>>,
    ) -> Results {
        if self.limits.calls <= self.frames.len() + self.calls_outside || !self.has_stack() {
            return Err(match &site {
                Some(site) => self.error_at(site.span, "stack overflow".into()),
                None => self.error("stack overflow"),
            });
        }
        let (mut callee, mut args, mut written) = (callee, args, site.clone());
        loop {
            self.count(CALL + args.len() / 4);
            self.step_at(written.as_deref().map(|site| site.span))?;
            match callee {
                Value::Function(closure) => {
                    let running = Some(closure.clone());
                    self.frames.push(Active { site: site.clone(), written, closure: running });
                    let flow = self.run_closure(closure, args).map_err(|error| self.handled(error));
                    self.frames.pop();
                    match flow? {
                        Flow::Return(values) => return Ok(values),
                        Flow::Tail(tail) => {
                            (callee, args, written) = (tail.0, tail.1, Some(tail.2))
                        }
                        _ => return Ok(vec![]),
                    }
                }
                Value::Native(native) => {
                    let bytes = |arg: &Value| if let Value::String(s) = arg { s.len() } else { 0 };
                    self.count(args.iter().map(bytes).sum::<usize>() / 64);
                    self.frames.push(Active { site: site.clone(), written, closure: None });
                    let results = (native.run)(self, &Args(args));
                    let results = results.map_err(|error| self.handled(error));
                    self.frames.pop();
                    return results;
                }
                Value::Object(object) if object.metatable().is_none() => {
                    let span = written.as_deref().map(|site| site.span);
                    self.frames.push(Active { site: site.clone(), written, closure: None });
                    let results = object.call(self, args, span);
                    self.frames.pop();
                    return results;
                }
                other => {
                    let handler = self.metamethod(&other, "__call");
                    if !handler.is_function() {
                        return Err(self.not_callable(&other, written.as_deref()));
                    }
                    args.insert(0, other);
                    callee = handler;
                }
            }
        }
    }

    /// An error with what the handler of the innermost `xpcall` makes of it, which sees the calls that led to it. On
    /// a full stack the handler is left to `xpcall` itself.
    #[cold]
    fn handled(&mut self, error: LuaError) -> LuaError {
        if self.handler.is_none() || error.is_handled() || !error.is_catchable() {
            return error;
        }
        let overflow = |text: &LuaStr| text.ends_with(b"stack overflow");
        if matches!(error.value(), Value::String(text) if overflow(text)) {
            return error;
        }
        let Some(handler) = self.handler.take() else { return error };
        let site = error.span().map(|span| Rc::new(Site { span, name: None }));
        self.boundaries += 1;
        let handled = self.call_from(handler.clone(), vec![error.value().clone()], site);
        self.boundaries -= 1;
        self.handler = Some(handler);
        match handled {
            Ok(values) => error.with_handled(values.into_iter().next().unwrap_or_default()),
            Err(error) if error.is_catchable() => {
                error.with_handled("error in error handling".into())
            }
            Err(error) => error,
        }
    }

    fn not_callable(&self, value: &Value, site: Option<&Site>) -> LuaError {
        match site {
            Some(site) => self.operand_error("call", value, site.name.clone(), site.span),
            None => {
                self.error_without_place(format!("attempt to call a {} value", value.type_name()))
            }
        }
    }

    fn run_closure(&mut self, closure: Rc<Closure>, mut args: Vec<Value>) -> LuaResult<Flow> {
        let proto = closure.proto.clone();
        let given = proto.parameters.len();
        let varargs = match proto.is_vararg && given < args.len() {
            true if given == 0 => std::mem::take(&mut args),
            true => {
                let rest = args.split_off(given);
                args.shrink_to_fit();
                rest
            }
            false => vec![],
        };
        let cost = VALUE * (proto.slots + proto.cells + varargs.capacity());
        self.heap.add(cost);
        let has_cells = 0 < proto.cells;
        let cells = match has_cells {
            true => vec![Captured::default(); proto.cells],
            false => vec![],
        };
        let upvalues = closure.upvalues.borrow().clone();
        let mut frame = Frame { locals: vec![], cells, upvalues, varargs, closure };
        if has_cells {
            frame.locals.resize(proto.slots, Value::Nil);
            let mut args = args.into_iter();
            for &parameter in &proto.parameters {
                frame.declare(parameter, args.next().unwrap_or_default());
            }
        } else {
            // Without captured variables the parameters are the first slots.
            args.truncate(given);
            args.resize(proto.slots, Value::Nil);
            frame.locals = args;
        }
        let flow = self.block(&mut frame, &proto.body);
        if proto.is_main
            && let Some((_, kept)) = self.kept.iter().find(|(file, _)| *file == proto.span.file)
        {
            for (name, variable) in &proto.outermost {
                let value = frame.value(*variable);
                if !value.is_nil() {
                    kept.set_field(name, value);
                }
            }
        }
        self.heap.subtract(cost);
        flow
    }

    /// The place that `level` 1 (the caller of the running native function), 2, … of `error` names.
    pub(crate) fn place_of_level(&self, level: usize) -> Option<Span> {
        let at = self.frames.len().checked_sub(level)?;
        let reached = self.frames[..=at].iter().rev();
        let mut sites = reached.map(|frame| frame.site.as_ref().map(|site| site.span));
        let first = sites.next()?;
        match first {
            Some(span) if self.is_internal(span) => {
                sites.flatten().find(|&span| !self.is_internal(span))
            }
            first => first,
        }
    }

    /// Whether a place lies in a text of the library itself, which has a name in angle brackets.
    pub(in crate::front::torch) fn is_internal(&self, span: Span) -> bool {
        self.sources.is_generated(span.file)
    }

    /// The innermost call that is written in Lua: the line that constructs a layer, for a native constructor.
    pub fn call_span(&self) -> Option<Span> {
        self.frames.iter().rev().find_map(|frame| self.outside(frame)).map(|site| site.span)
    }

    /// Where the definition itself made a call: a tail call of the library lies in the function that was called.
    fn outside<'f>(&self, frame: &'f Active) -> Option<&'f Site> {
        let sites = [&frame.written, &frame.site].into_iter().filter_map(|site| site.as_deref());
        sites.into_iter().find(|site| !self.is_internal(site.span))
    }

    /// The name under which the running native function was called.
    pub(super) fn called_name(&self) -> Option<Described> {
        self.frames.last()?.site.as_ref()?.name.clone()
    }

    /// The calls in progress, innermost first.
    pub fn trace(&self) -> Vec<Label> {
        let label = |frame: &Active| {
            let (site, closure) = (self.outside(frame)?, frame.closure.as_deref()?);
            let called = site.name.as_ref().map(|described| &*described.name);
            let text = match called.or(closure.proto.name.as_deref()) {
                Some(name) => format!("in function '{name}'"),
                None => "in a function".into(),
            };
            Some(Label { span: site.span, text })
        };
        let mut labels = vec![];
        let mut reached = self.frames.len();
        while 0 < reached && labels.len() < TRACE_ENDS {
            reached -= 1;
            labels.extend(label(&self.frames[reached]));
        }
        let outer = self.frames[..reached].iter().filter_map(label).take(TRACE_ENDS);
        let outer: Vec<_> = outer.collect();
        labels.extend(outer.into_iter().rev());
        labels
    }
}
