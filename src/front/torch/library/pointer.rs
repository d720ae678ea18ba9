//! `torch.pointer`: a number that tells objects apart.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::{Rc, Weak};

use crate::front::torch::interp::{Args, Lua, Object, Results, Value};

/// The objects that were asked about, by their addresses, numbered in the order of the questions, which is the same in every
/// run; and the number of questions.
#[derive(Default)]
struct Asked(RefCell<(HashMap<*const (), (Weak<dyn Object>, u64)>, u64)>);

/// What numbers of objects are larger than, so that they are none of a table.
const OBJECTS: u64 = 1 << 40;

pub(super) fn pointer(lua: &mut Lua, args: &Args) -> Results {
    let number = match args.any(lua, 0)? {
        Value::Table(table) => table.serial(),
        Value::Function(closure) => closure.serial,
        Value::Object(object) => {
            let asked = lua.state(|_| Asked::default());
            let (numbers, questions) = &mut *asked.0.borrow_mut();
            lua.reserve_here(64 * numbers.len())?;
            let address = Rc::as_ptr(&object).cast::<()>();
            // What had this address before may be gone.
            let known = numbers.get(&address).filter(|(known, _)| known.strong_count() != 0);
            match known {
                Some((_, number)) => *number,
                None => {
                    *questions += 1;
                    let number = OBJECTS + *questions;
                    numbers.insert(address, (Rc::downgrade(&object), number));
                    number
                }
            }
        }
        _ => return Err(args.wrong_type(lua, 0, "torch object, table or function")),
    };
    Ok(vec![Value::Number(number as f64)])
}
