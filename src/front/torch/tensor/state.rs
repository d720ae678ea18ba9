//! What the tensors of one interpreter share: methods, the default type, and the random numbers.

use super::kind::Kind;
use super::recipe::{Draw, Law, Recipe};
use super::twister::Generator;
use super::{METHODS, OPERATIONS, object, shape};
use crate::front::torch::interp::{Args, Lua, LuaResult, Native, Results, Table, Value};
use crate::source::Span;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

pub(super) struct State {
    /// The kind that `torch.Tensor` makes; Torch's own is `Double`, but the definitions are run after
    /// `torch.setdefaulttensortype('torch.FloatTensor')`.
    pub default: Cell<Kind>,
    pub seed: Cell<u64>,
    pub random: RefCell<Generator>,
    /// Methods of tensors by name.
    pub methods: Table,
    /// Methods of storages by name.
    pub storage_methods: Table,
    /// While modules are followed, the functions that are asked first, by [`Question`].
    pub followers: RefCell<Option<Followers>>,
}

/// Functions by [`Question`].
pub type Followers = [Value; 3];

/// What the functions that follow modules are asked about.
#[derive(Clone, Copy)]
enum Question {
    Operator,
    Assignment,
    Call,
}

impl State {
    /// The state of this interpreter.
    pub fn of(lua: &mut Lua) -> Rc<State> {
        lua.state(|lua| {
            let (methods, storage_methods) = (lua.table(), lua.table());
            for &(name, function) in OPERATIONS.iter().flat_map(|list| list.iter()) {
                let native = Native::value(name, move |lua, args| {
                    State::call(lua, (name, true), args, |lua, args| function(lua, args, true))
                });
                methods.set_field(name, native);
            }
            for kind in Kind::all() {
                let name = kind.method();
                let native = Native::value(name, move |lua, args| {
                    State::call(lua, (name, true), args, |lua, args| {
                        shape::convert(lua, args, kind)
                    })
                });
                methods.set_field(name, native);
            }
            // A method of its own wins over the function of the same name.
            for &(name, function) in METHODS.iter().flat_map(|list| list.iter()) {
                let native = Native::value(name, move |lua, args| {
                    State::call(lua, (name, true), args, function)
                });
                methods.set_field(name, native);
            }
            for &(name, function) in object::STORAGE_METHODS {
                storage_methods.set_field(name, Native::value(name, function));
            }
            State {
                default: Cell::new(Kind::Float),
                seed: Cell::new(1),
                random: RefCell::new(Generator::new(1)),
                methods,
                storage_methods,
                followers: RefCell::new(None),
            }
        })
    }

    /// What follows modules makes of an operator on tensors, if it makes anything of it.
    ///
    /// # Errors
    /// The operator needs numbers that are not known.
    pub fn followed(
        lua: &mut Lua,
        operator: &str,
        (left, right): (&Value, &Value),
        span: Span,
    ) -> LuaResult<Option<Value>> {
        let args = || vec![operator.into(), left.clone(), right.clone()];
        let results = State::ask(lua, Question::Operator, Some(span), args)?;
        Ok(results.map(|results| results.into_iter().next().unwrap_or_default()))
    }

    /// Whether what follows modules has carried out `tensor[key] = value`.
    ///
    /// # Errors
    /// It needs numbers that are not known.
    pub fn followed_assignment(
        lua: &mut Lua,
        tensor: Value,
        (key, value): (&Value, &Value),
        span: Span,
    ) -> LuaResult<bool> {
        let args = || vec![tensor, key.clone(), value.clone()];
        Ok(State::ask(lua, Question::Assignment, Some(span), args)?.is_some())
    }

    /// A function about tensors, or what follows modules makes of its call.
    pub fn call(
        lua: &mut Lua,
        (name, method): (&str, bool),
        args: &Args,
        run: impl FnOnce(&mut Lua, &Args) -> Results,
    ) -> Results {
        let all = || {
            let mut all = vec![name.into(), Value::Bool(method)];
            all.extend(args.0.iter().cloned());
            all
        };
        match State::ask(lua, Question::Call, None, all)? {
            Some(results) => Ok(results),
            None => run(lua, args),
        }
    }

    /// Asks what follows modules, if anything does; `None` if it leaves the work to others. What it refuses is said at
    /// the place given, or at that of the running call.
    fn ask(
        lua: &mut Lua,
        question: Question,
        span: Option<Span>,
        args: impl FnOnce() -> Vec<Value>,
    ) -> LuaResult<Option<Vec<Value>>> {
        let follower = match &*State::of(lua).followers.borrow() {
            Some(followers) => followers[question as usize].clone(),
            None => return Ok(None),
        };
        let mut results = lua.call(&follower, args())?;
        if results.is_empty() {
            return Ok(None);
        }
        match results.remove(0) {
            Value::Bool(true) => Ok(Some(results)),
            Value::String(_) => {
                let complaint = results.first().and_then(Value::to_text);
                let complaint = complaint.map_or(String::new(), |text| text.to_str().into_owned());
                Err(match span {
                    Some(span) => lua.error_at(span, complaint),
                    None => lua.error(&complaint),
                })
            }
            _ => Ok(None),
        }
    }

    /// Starts all random numbers anew.
    pub fn set_seed(&self, seed: u64) {
        self.seed.set(seed);
        self.random.replace(Generator::new(seed));
    }

    /// A recipe of `shift + scale * random` for so many elements.
    pub fn recipe(&self, law: Law, count: usize, scale: f64, shift: f64) -> Recipe {
        let mut random = self.random.borrow_mut();
        let start = match law {
            Law::Uniform => random.leave_uniform(count as u64),
            Law::Normal => random.leave_normal(count as u64),
        };
        Recipe::Random { draw: Rc::new(Draw { law, start }), skew: 0, scale, shift }
    }

    /// Pays for so many random numbers that are drawn at once.
    pub fn pay_for_random(lua: &mut Lua, count: usize) -> LuaResult<()> {
        let ahead = State::of(lua).random.borrow().ahead();
        lua.work(count.saturating_add(ahead / 32))
    }
}
