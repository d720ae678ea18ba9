//! The memory behind tensors: undrawn runs of recipes that cost nothing, or numbers that are paid for.

use super::kind::Kind;
use super::layout::Layout;
use super::recipe::Recipe;
use crate::front::torch::interp::{Heap, Lua, LuaResult};
use crate::spec::Filler;
use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::rc::Rc;

/// Elements that a storage may have, drawn or not.
const MOST_ELEMENTS: usize = 1 << 31;
/// Runs of recipes that a storage may have before they are drawn.
const MOST_RUNS: usize = 4096;
/// Bytes of a storage without its numbers.
const STORAGE_COST: usize = 160;
/// Bytes of a run.
const RUN_COST: usize = 64;

/// A sequence of numbers that several tensors may look at; which storage it is, is what sharing means.
pub struct Storage {
    kind: Kind,
    content: RefCell<Content>,
    heap: Heap,
    charged: Cell<usize>,
}

enum Content {
    /// Runs of recipes, in order.
    Undrawn(Vec<Run>),
    Single(Vec<f32>),
    Double(Vec<f64>),
}

#[derive(Clone)]
struct Run {
    /// One more than the last place.
    end: usize,
    recipe: Recipe,
}

impl Storage {
    /// A storage of zeros.
    pub fn new(lua: &mut Lua, kind: Kind, length: usize) -> LuaResult<Rc<Storage>> {
        let storage = Storage {
            kind,
            content: RefCell::new(Content::Undrawn(vec![])),
            heap: lua.heap.clone(),
            charged: Cell::new(0),
        };
        storage.resize(lua, length)?;
        Ok(Rc::new(storage))
    }

    /// A storage with the same content and elements of another kind. Random numbers stay undrawn, so that the two differ
    /// by rounding: it is for storages that are given up.
    pub fn recast(&self, lua: &mut Lua, kind: Kind) -> LuaResult<Rc<Storage>> {
        let storage = Storage::new(lua, kind, 0)?;
        let length = self.length();
        match self.runs_of(&(0..length)) {
            Some(mut runs) => {
                for run in &mut runs {
                    if let Recipe::Constant(value) = &mut run.recipe {
                        *value = kind.cast(*value);
                    }
                }
                storage.content.replace(Content::Undrawn(runs));
                storage.charge();
            }
            None => {
                storage.resize(lua, length)?;
                storage.copy_run(lua, 0, self, 0..length)?;
            }
        }
        Ok(storage)
    }

    /// The type of the elements.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// How many elements there are.
    pub fn length(&self) -> usize {
        match &*self.content.borrow() {
            Content::Undrawn(runs) => runs.last().map_or(0, |run| run.end),
            Content::Single(values) => values.len(),
            Content::Double(values) => values.len(),
        }
    }

    /// Makes the storage longer, by zeros, or shorter.
    pub fn resize(&self, lua: &mut Lua, length: usize) -> LuaResult<()> {
        if MOST_ELEMENTS < length {
            let message =
                format!("a tensor has at most {MOST_ELEMENTS} elements here, not {length}");
            return Err(lua.error(&message));
        }
        lua.work(1)?;
        let more = length.saturating_sub(self.length());
        let is_drawn = !matches!(&*self.content.borrow(), Content::Undrawn(_));
        if is_drawn {
            lua.reserve_here(2 * more * self.kind.cost())?;
            lua.work(more / 8)?;
        } else {
            lua.reserve_here(STORAGE_COST)?;
        }
        match &mut *self.content.borrow_mut() {
            Content::Undrawn(runs) => {
                let zeros = Run { end: length, recipe: Recipe::Constant(0.0) };
                match runs.iter().position(|run| length <= run.end) {
                    Some(at) => {
                        runs.truncate(at + 1);
                        runs[at].end = length;
                    }
                    None => runs.push(zeros),
                }
                runs.retain(|run| 0 < run.end);
            }
            Content::Single(values) => values.resize(length, 0.0),
            Content::Double(values) => values.resize(length, 0.0),
        }
        self.charge();
        Ok(())
    }

    /// Accounts for the bytes held now.
    fn charge(&self) {
        let held = match &*self.content.borrow() {
            Content::Undrawn(runs) => runs.capacity() * RUN_COST,
            Content::Single(values) => values.capacity() * 4,
            Content::Double(values) => values.capacity() * 8,
        };
        let before = self.charged.replace(STORAGE_COST + held);
        self.heap.add(STORAGE_COST + held);
        self.heap.subtract(before);
    }

    /// Turns recipes into numbers.
    fn draw(&self, lua: &mut Lua) -> LuaResult<()> {
        let length = match &*self.content.borrow() {
            Content::Undrawn(runs) => runs.last().map_or(0, |run| run.end),
            _ => return Ok(()),
        };
        self.pay_for_random(lua, 0..length)?;
        lua.reserve_here(length * self.kind.cost())?;
        lua.work(length / 8)?;
        let whole = Layout::rows(0, &[length]);
        self.check_known(lua, 0..length)?;
        let drawn = match self.kind.element() {
            Kind::Float => {
                let mut values = Vec::with_capacity(length);
                self.each(&whole, |value| values.push(value as f32));
                Content::Single(values)
            }
            _ => {
                let mut values = Vec::with_capacity(length);
                self.each(&whole, |value| values.push(value));
                Content::Double(values)
            }
        };
        self.content.replace(drawn);
        self.charge();
        Ok(())
    }

    /// Whether no number was drawn.
    pub(super) fn is_undrawn(&self) -> bool {
        matches!(&*self.content.borrow(), Content::Undrawn(_))
    }

    /// Whether one of some places holds what only the running network knows.
    pub(super) fn has_unknown(&self, mut places: impl Iterator<Item = usize>) -> bool {
        let content = self.content.borrow();
        let Content::Undrawn(runs) = &*content else { return false };
        let is_unknown = |run: &Run| matches!(run.recipe, Recipe::Unknown);
        let at = |place: usize| runs.partition_point(|run| run.end <= place);
        runs.iter().any(is_unknown)
            && places.any(|place| runs.get(at(place)).is_some_and(is_unknown))
    }

    /// Pays for the random numbers of some places that nobody has drawn yet.
    fn pay_for_random(&self, lua: &mut Lua, places: Range<usize>) -> LuaResult<()> {
        let mut words = 0usize;
        if let Some(runs) = self.runs_of(&places) {
            for run in &runs {
                if let Recipe::Random { draw, skew, .. } = &run.recipe {
                    let last = (run.end as i64 - 1).wrapping_add(*skew) as u64;
                    words = words.max(draw.ahead(last));
                }
            }
        }
        lua.work(words / 8)
    }

    fn check_known(&self, lua: &mut Lua, places: impl Iterator<Item = usize>) -> LuaResult<()> {
        match self.has_unknown(places) {
            true => Err(lua.error("what a network gives is known only when it runs")),
            false => Ok(()),
        }
    }

    /// [`Storage::get`], unless only the running network knows the number.
    pub(super) fn known(&self, lua: &mut Lua, place: usize) -> LuaResult<f64> {
        self.check_known(lua, std::iter::once(place))?;
        self.pay_for_random(lua, place..place + 1)?;
        Ok(self.get(place))
    }

    /// The number at a place inside.
    pub fn get(&self, place: usize) -> f64 {
        match &*self.content.borrow() {
            Content::Undrawn(runs) => {
                let at = runs.partition_point(|run| run.end <= place);
                runs.get(at).map_or(0.0, |run| self.kind.cast(run.recipe.at(place)))
            }
            Content::Single(values) => values.get(place).map_or(0.0, |value| f64::from(*value)),
            Content::Double(values) => values.get(place).copied().unwrap_or(0.0),
        }
    }

    /// Visits the numbers of a layout.
    fn each(&self, layout: &Layout, mut visit: impl FnMut(f64)) {
        match &*self.content.borrow() {
            Content::Undrawn(runs) => {
                let mut at = 0;
                for place in layout.places() {
                    let covers = |at: usize| {
                        let start = if at == 0 { 0 } else { runs[at - 1].end };
                        at < runs.len() && start <= place && place < runs[at].end
                    };
                    if !covers(at) {
                        at = runs.partition_point(|run| run.end <= place);
                    }
                    visit(runs.get(at).map_or(0.0, |run| self.kind.cast(run.recipe.at(place))));
                }
            }
            Content::Single(values) => {
                layout.places().for_each(|place| visit(f64::from(values[place])))
            }
            Content::Double(values) => layout.places().for_each(|place| visit(values[place])),
        }
    }

    /// The numbers of a layout, row after row.
    pub(super) fn read(&self, lua: &mut Lua, layout: &Layout) -> LuaResult<Vec<f64>> {
        let count = layout.count();
        lua.reserve_here(8 * count)?;
        lua.work(count / 4)?;
        self.check_known(lua, layout.places())?;
        self.pay_for_random(lua, layout.offset..layout.end())?;
        let mut values = Vec::with_capacity(count);
        self.each(layout, |value| values.push(value));
        Ok(values)
    }

    /// Stores numbers at the places of a layout; stops when either ends.
    pub(super) fn write(&self, lua: &mut Lua, layout: &Layout, values: &[f64]) -> LuaResult<()> {
        lua.work(values.len() / 4)?;
        self.draw(lua)?;
        match &mut *self.content.borrow_mut() {
            Content::Undrawn(_) => {}
            Content::Single(slots) => {
                for (place, value) in layout.places().zip(values) {
                    slots[place] = *value as f32;
                }
            }
            Content::Double(slots) => {
                for (place, value) in layout.places().zip(values) {
                    slots[place] = self.kind.cast(*value);
                }
            }
        }
        Ok(())
    }

    /// Fills a run of places by a recipe; nothing is drawn unless drawn numbers surround the run.
    pub(super) fn fill(
        &self,
        lua: &mut Lua,
        places: Range<usize>,
        recipe: Recipe,
    ) -> LuaResult<()> {
        let recipe = match recipe {
            Recipe::Constant(value) => Recipe::Constant(self.kind.cast(value)),
            random => random,
        };
        let covers_all = places.start == 0 && places.end == self.length();
        if covers_all {
            let run = Run { end: places.end, recipe };
            self.content.replace(Content::Undrawn(vec![run]));
            self.charge();
            return lua.work(1);
        }
        self.splice(lua, places.clone(), vec![Run { end: places.end, recipe }])
    }

    /// Puts runs in the place of those of a part.
    fn splice(&self, lua: &mut Lua, places: Range<usize>, new: Vec<Run>) -> LuaResult<()> {
        if places.is_empty() {
            return Ok(());
        }
        let count = match &*self.content.borrow() {
            Content::Undrawn(runs) => runs.len(),
            _ => MOST_RUNS,
        };
        if MOST_RUNS <= count + new.len() {
            let layout = Layout::rows(places.start, &[places.len()]);
            let mut values = vec![];
            lua.reserve_here(8 * places.len())?;
            let mut runs = new.iter();
            let mut run = runs.next();
            for place in places {
                while run.is_some_and(|run| run.end <= place) {
                    run = runs.next();
                }
                values.push(run.map_or(0.0, |run| run.recipe.at(place)));
            }
            return self.write(lua, &layout, &values);
        }
        lua.work(1 + count / 16)?;
        if let Content::Undrawn(runs) = &mut *self.content.borrow_mut() {
            let first = runs.partition_point(|run| run.end <= places.start);
            let last = runs.partition_point(|run| run.end < places.end);
            let start = if first == 0 { 0 } else { runs[first - 1].end };
            let mut replaced = vec![];
            if start < places.start {
                replaced.push(Run { end: places.start, recipe: runs[first].recipe.clone() });
            }
            replaced.extend(new);
            // What follows the part inside its last run keeps that run.
            let keeps_last = runs.get(last).is_some_and(|run| places.end < run.end);
            let end = if keeps_last { last } else { (last + 1).min(runs.len()) };
            runs.splice(first..end.max(first), replaced);
        }
        self.charge();
        Ok(())
    }

    /// The runs of a part, if the part is not drawn.
    fn runs_of(&self, places: &Range<usize>) -> Option<Vec<Run>> {
        let content = self.content.borrow();
        let Content::Undrawn(runs) = &*content else { return None };
        let first = runs.partition_point(|run| run.end <= places.start);
        let mut found = vec![];
        for run in &runs[first..] {
            found.push(Run { end: run.end.min(places.end), recipe: run.recipe.clone() });
            if places.end <= run.end {
                break;
            }
        }
        Some(found)
    }

    /// What fills a part, if one recipe does and its random numbers are held nowhere else, where they must be the same.
    pub(super) fn filler_of(&self, places: &Range<usize>) -> Option<Filler> {
        let content = self.content.borrow();
        let Content::Undrawn(runs) = &*content else { return None };
        let first = runs.partition_point(|run| run.end <= places.start);
        let run = runs.get(first)?;
        let alone = places.end <= run.end && !run.recipe.is_copied();
        run.recipe.filler().filter(|_| alone)
    }

    /// `value * by + plus` for a run of places.
    pub(super) fn map_linear(
        &self,
        lua: &mut Lua,
        places: Range<usize>,
        by: f64,
        plus: f64,
    ) -> LuaResult<()> {
        if let Some(mut runs) = self.runs_of(&places) {
            for run in &mut runs {
                run.recipe = run.recipe.mapped(by, plus);
                if let Recipe::Constant(value) = &mut run.recipe {
                    *value = self.kind.cast(*value);
                }
            }
            return self.splice(lua, places, runs);
        }
        let layout = Layout::rows(places.start, &[places.len()]);
        let mut values = self.read(lua, &layout)?;
        values.iter_mut().for_each(|value| *value = *value * by + plus);
        self.write(lua, &layout, &values)
    }

    /// Copies a run of another storage (or of this one) to a place of this one; undrawn values stay undrawn.
    pub(super) fn copy_run(
        &self,
        lua: &mut Lua,
        to: usize,
        from: &Storage,
        places: Range<usize>,
    ) -> LuaResult<()> {
        let end = to + places.len();
        // Random numbers are rounded by their kind, so that only the same kind holds the same ones.
        let keeps = |runs: &Vec<Run>| {
            let is_random = |run: &Run| matches!(run.recipe, Recipe::Random { .. });
            self.kind.element() == from.kind.element() || !runs.iter().any(is_random)
        };
        let runs = from.runs_of(&places).filter(keeps);
        if let Some(mut runs) = runs {
            let by = to as i64 - places.start as i64;
            for run in &mut runs {
                run.end = (run.end as i64 + by) as usize;
                run.recipe = run.recipe.moved(by);
                if let Recipe::Constant(value) = &mut run.recipe {
                    *value = self.kind.cast(*value);
                }
            }
            if to == 0 && end == self.length() {
                self.content.replace(Content::Undrawn(runs));
                self.charge();
                return lua.work(1);
            }
            return self.splice(lua, to..end, runs);
        }
        let values = from.read(lua, &Layout::rows(places.start, &[places.len()]))?;
        self.write(lua, &Layout::rows(to, &[values.len()]), &values)
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        self.heap.subtract(self.charged.get());
    }
}
