//! `table.sort`: quicksort with the middle of three as pivot. Sorting is not stable, and equal items end up in the order
//! in which Lua 5.1 and LuaJIT leave them, since definitions may depend on it.

use crate::front::torch::interp::{Args, Lua, LuaResult, Results, Table, Value, compare_message};

pub(super) fn sort(lua: &mut Lua, args: &Args) -> Results {
    let table = args.table(lua, 0)?;
    let function = if args.is_none(1) { None } else { Some(args.function(lua, 1)?) };
    let length = table.length();
    lua.work(length)?;
    let mut sorting = Sorting { items: (1..=length).map(|at| table.item(at)).collect(), function };
    let outcome = match length {
        0 => Ok(()),
        _ => sorting.range(lua, 0, length - 1),
    };
    write_back(&table, sorting.items);
    outcome.map(|()| vec![])
}

fn write_back(table: &Table, items: Vec<Value>) {
    for (at, item) in items.into_iter().enumerate() {
        table.set((at + 1).into(), item);
    }
}

struct Sorting {
    items: Vec<Value>,
    function: Option<Value>,
}

impl Sorting {
    fn less(&self, lua: &mut Lua, left: &Value, right: &Value) -> LuaResult<bool> {
        lua.work(1)?;
        if let Some(function) = &self.function {
            let results = lua.call(function, vec![left.clone(), right.clone()])?;
            return Ok(results.first().is_some_and(Value::is_truthy));
        }
        match (left, right) {
            (Value::Number(a), Value::Number(b)) => Ok(a < b),
            (Value::String(a), Value::String(b)) => Ok(a[..] < b[..]),
            (Value::Object(_), _) | (_, Value::Object(_)) => self.ordered(lua, left, right),
            _ if !lua.comparison_handler(left, right, "__lt").is_nil() => {
                self.ordered(lua, left, right)
            }
            _ => Err(lua.error_without_place(compare_message(left, right))),
        }
    }

    fn ordered(&self, lua: &mut Lua, left: &Value, right: &Value) -> LuaResult<bool> {
        match lua.call_span() {
            Some(span) => lua.less(left, right, false, span),
            None => Ok(false),
        }
    }

    fn less_at(&self, lua: &mut Lua, left: usize, right: usize) -> LuaResult<bool> {
        let (left, right) = (self.items[left].clone(), self.items[right].clone());
        self.less(lua, &left, &right)
    }

    /// Sorts `low..=high`, the smaller half by recursion.
    fn range(&mut self, lua: &mut Lua, mut low: usize, mut high: usize) -> LuaResult<()> {
        while low < high {
            if self.less_at(lua, high, low)? {
                self.items.swap(low, high);
            }
            if high - low == 1 {
                break;
            }
            let middle = low + (high - low) / 2;
            if self.less_at(lua, middle, low)? {
                self.items.swap(middle, low);
            } else if self.less_at(lua, high, middle)? {
                self.items.swap(middle, high);
            }
            if high - low == 2 {
                break;
            }
            let pivot = self.items[middle].clone();
            self.items.swap(middle, high - 1);
            let split = self.partition(lua, low, high, &pivot)?;
            if split - low < high - split {
                if low + 1 < split {
                    self.range(lua, low, split - 1)?;
                }
                low = split + 1;
            } else {
                if split < high {
                    self.range(lua, split + 1, high)?;
                }
                high = split - 1;
            }
        }
        Ok(())
    }

    /// Moves what is less than the pivot (at `high - 1`) before it; where the pivot ends up.
    fn partition(
        &mut self,
        lua: &mut Lua,
        low: usize,
        high: usize,
        pivot: &Value,
    ) -> LuaResult<usize> {
        let (mut left, mut right) = (low, high - 1);
        loop {
            left += 1;
            while self.less(lua, &self.items[left].clone(), pivot)? {
                if high <= left {
                    return Err(lua.error("invalid order function for sorting"));
                }
                left += 1;
            }
            right -= 1;
            while self.less(lua, pivot, &self.items[right].clone())? {
                if right <= low {
                    return Err(lua.error("invalid order function for sorting"));
                }
                right -= 1;
            }
            if right < left {
                self.items.swap(high - 1, left);
                return Ok(left);
            }
            self.items.swap(left, right);
        }
    }
}
