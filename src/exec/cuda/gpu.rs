//! A plan with its memory on a GPU: what a session is there.

use std::sync::Arc;

use super::driver::{BUFFERS, Driver, Piece, Script};
use super::form::{Act, form};
use super::module::{Module, Precision};
use super::script::{Acts, Places, acts, launch};
use super::solver::{Kind, NUMBERS, Tables};
use super::space::Space;
use crate::error::{Error, Result};
use crate::exec::Element;
use crate::exec::solve::{Decays, Update};
use crate::plan::{ALIGN, Plan, Slot};
use crate::program::device::Call;
use crate::program::{Program, Step};

/// Elements of scratch memory that a step needs on a GPU; 0 for a step that has no CUDA form.
pub(in crate::exec) fn workspace_of(precision: Precision, program: &Program, step: &Step) -> usize {
    // Where the elements are counted with 32 or 64 bits changes the text only.
    let mut module = Module::new(precision, 0);
    form(&mut module, program, step, 0, &|_| None).map_or(0, |form| form.work)
}

/// Elements that the seed and the number of a run take, and what follows up to the numbers of an update.
const CONTROL: usize = ALIGN;

/// The first step of a program that has no CUDA form, and why.
pub(in crate::exec) fn unsupported(program: &Program) -> Option<(usize, String)> {
    let mut module = Module::new(Precision::Single, 0);
    let mut steps = program.steps.iter().enumerate();
    steps.find_map(|(i, step)| {
        form(&mut module, program, step, i, &|_| None).err().map(|why| (i, why))
    })
}

/// Elements of the longest place that a launch reads or writes: each is counted from its own start.
fn longest_operand(plan: &Plan) -> usize {
    let places = plan.slots.iter().flatten().chain(&plan.work);
    places.chain([&plan.parameters, &plan.gradients]).map(|slot| slot.len).max().unwrap_or(0)
}

/// Runs whose small outputs are kept.
const ROWS: usize = 1024;

/// Outputs of more elements are not kept.
const MOST_KEPT: usize = 16;

/// A ring of rows, one for each of the last runs, with the small outputs of the program.
struct Ring {
    /// Its first element.
    start: usize,
    width: usize,
    /// The outputs, and where each is in a row.
    outputs: Vec<(Slot, usize)>,
}

impl Ring {
    fn new(plan: &Plan, space: &mut Space) -> Ring {
        let mut ring = Ring { start: 0, width: 0, outputs: vec![] };
        for (_, v) in &plan.program.outputs {
            let Some(slot) = plan.slots[v.0 as usize] else { continue };
            if slot.len <= MOST_KEPT && ring.outputs.iter().all(|(known, _)| *known != slot) {
                ring.outputs.push((slot, ring.width));
                ring.width += slot.len;
            }
        }
        ring.start = space.reserve(ROWS * ring.width);
        ring
    }

    /// The launches that keep the outputs of a run.
    fn keep(&self, module: &mut Module, control: usize) -> Vec<Act<usize>> {
        let keep = |&(slot, offset): &(Slot, usize)| {
            let call = Call::each("keep", slot.len, vec![]);
            let call = call.with_all([ROWS, self.width, offset]);
            launch(module, call, &[control, slot.offset, self.start])
        };
        self.outputs.iter().filter_map(keep).collect()
    }
}

/// The scripts of a session.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wanted {
    /// All steps.
    Steps,
    /// An update of this kind from these gradients.
    Update(Kind, Slot),
    /// Both, one after the other.
    Whole(Kind, Slot),
    /// Moves the parameters ahead.
    Ahead,
    /// Adds the gradients to an array.
    Add(Slot),
    /// Fills a place with zeros.
    Clear(Slot),
}

/// What a plan comes to on a GPU before one is there: launches, and places behind the arena.
struct Laid {
    module: Module,
    acts: Acts,
    places: Places,
    tables: Option<Tables>,
    ring: Ring,
    space: Space,
    /// Bytes that a run is given.
    staged: usize,
}

impl Laid {
    /// # Errors
    /// A step has no CUDA form.
    fn new(plan: &Plan, precision: Precision) -> Result<Laid> {
        let mut module = Module::new(precision, longest_operand(plan));
        let size = precision.size();
        let mut space = Space::new(plan.arena, size);
        // The numbers of an update lie behind those of a run, so that both go in one piece.
        let (trouble, control) = (space.reserve(4), space.reserve(CONTROL));
        let places = Places { control, trouble };
        let tables = Tables::new(plan, &mut space);
        let ring = Ring::new(plan, &mut space);
        let mut acts = acts(plan, &mut module, &mut space, places).map_err(|(step, why)| {
            let kernel = plan.program.steps[step].kernel.name();
            Error::refused(format!("step {step}, {kernel}, cannot run on a GPU: {why}"))
        })?;
        acts.acts.extend(ring.keep(&mut module, places.control));
        acts.steps.resize(acts.acts.len(), plan.program.steps.len());
        let inputs = plan.program.inputs.iter().filter_map(|(_, v)| plan.slots[v.0 as usize]);
        let given = inputs.map(|slot| (slot.len * size).next_multiple_of(16)).sum::<usize>();
        let multipliers = tables.map_or(0, |tables| tables.multiplier_count().next_multiple_of(16));
        let staged = given + (CONTROL + NUMBERS + multipliers) * size;
        Ok(Laid { module, acts, places, tables, ring, space, staged })
    }
}

/// What a plan takes on a GPU, as far as is known before one is there: cuDNN and cuBLAS choose their scratch memory there.
#[derive(Clone, Debug)]
pub struct OnGpu {
    /// Bytes of the GPU: the arena, tables, rings of outputs, and what copies of batches go through.
    pub bytes: u64,
    /// Launches of kernels, and calls of libraries, by step.
    pub launches: Vec<usize>,
}

impl OnGpu {
    /// Of a plan that runs in single precision.
    ///
    /// # Errors
    /// A step has no CUDA form.
    pub fn of(plan: &Plan) -> Result<OnGpu> {
        let laid = Laid::new(plan, Precision::Single)?;
        let size = Precision::Single.size();
        let bytes = (laid.space.end() * size + BUFFERS * laid.staged) as u64;
        let mut launches = vec![0; plan.program.steps.len() + 1];
        laid.acts.steps.iter().for_each(|&step| launches[step] += 1);
        launches.pop();
        Ok(OnGpu { bytes, launches })
    }
}

/// A plan on a device.
pub(in crate::exec) struct Gpu<T> {
    plan: Arc<Plan>,
    driver: Box<dyn Driver>,
    module: Module,
    acts: Acts,
    places: Places,
    tables: Option<Tables>,
    ring: Ring,
    seed: u64,
    scripts: Vec<(Wanted, usize)>,
    /// The multipliers that the device has.
    mults: Vec<Option<[T; 2]>>,
}

/// The bytes of numbers.
fn bytes<T: Element>(data: &[T]) -> &[u8] {
    // SAFETY: an element is f32 or f64, which have no padding, and u8 needs no alignment.
    unsafe { std::slice::from_raw_parts(data.as_ptr().cast(), std::mem::size_of_val(data)) }
}

fn bytes_mut<T: Element>(data: &mut [T]) -> &mut [u8] {
    // SAFETY: as above, and any bytes are an element.
    unsafe { std::slice::from_raw_parts_mut(data.as_mut_ptr().cast(), std::mem::size_of_val(data)) }
}

/// Bytes to be copied to places from others of the same lengths.
fn pieces<T>(places: &[(Slot, Slot)]) -> Vec<Piece> {
    let piece = |(to, from): &(Slot, Slot)| {
        assert_eq!(to.len, from.len, "other number of elements");
        let [to, from, bytes] = [to.offset, from.offset, to.len].map(|n| n * size_of::<T>());
        Piece { to, from, bytes }
    };
    places.iter().map(piece).collect()
}

impl<T: Element> Gpu<T> {
    /// Allocates the memory on an open device and writes the tables.
    ///
    /// # Errors
    /// A step has no CUDA form, or the memory does not suffice.
    pub(in crate::exec) fn new(
        plan: Arc<Plan>,
        seed: u64,
        mut driver: Box<dyn Driver>,
    ) -> Result<Self> {
        let Laid { module, acts, places, tables, ring, space, staged } =
            Laid::new(&plan, T::PRECISION)?;
        let size = T::PRECISION.size();
        driver.allocate(space.end() * size, staged)?;
        for (at, table) in space.tables() {
            driver.write(at * size, table)?;
        }
        let (scripts, mults) = (vec![], vec![]);
        Ok(Gpu { plan, driver, module, acts, places, tables, ring, seed, scripts, mults })
    }

    pub(in crate::exec) fn write(&mut self, slot: Slot, data: &[T]) -> Result<()> {
        assert_eq!(slot.len, data.len(), "other number of elements");
        self.driver.write(slot.offset * size_of::<T>(), bytes(data))
    }

    pub(in crate::exec) fn read(&mut self, slot: Slot) -> Result<Vec<T>> {
        let mut data = vec![T::ZERO; slot.len];
        self.driver.read(slot.offset * size_of::<T>(), bytes_mut(&mut data))?;
        Ok(data)
    }

    /// Copies within the memory: pairs of where to and where from.
    pub(in crate::exec) fn copy(&mut self, places: &[(Slot, Slot)]) -> Result<()> {
        self.driver.copy(&pieces::<T>(places))
    }

    /// The same from the memory of another.
    pub(in crate::exec) fn take(
        &mut self,
        other: &mut Self,
        places: &[(Slot, Slot)],
    ) -> Result<()> {
        self.driver.take(other.driver.as_mut(), &pieces::<T>(places))
    }

    /// What its user should know of the device, if anything.
    pub(in crate::exec) fn note(&self) -> Option<&str> {
        self.driver.note()
    }

    /// Runs whose small outputs are there, the last one included.
    pub(in crate::exec) fn kept(&self) -> usize {
        ROWS
    }

    /// What small outputs were after each of these runs, which are among the last.
    pub(in crate::exec) fn recent(
        &mut self,
        runs: &[u64],
        outputs: &[Slot],
    ) -> Result<Vec<Vec<Vec<T>>>> {
        let rows = self.read(Slot { offset: self.ring.start, len: ROWS * self.ring.width })?;
        let of = |run: &u64, slot: &Slot| {
            let (_, at) = self.ring.outputs.iter().find(|(known, _)| known == slot)?;
            let start = (*run % ROWS as u64) as usize * self.ring.width + at;
            Some(rows[start..start + slot.len].to_vec())
        };
        let all = |run: &u64| outputs.iter().filter_map(|slot| of(run, slot)).collect();
        Ok(runs.iter().map(all).collect())
    }

    /// Copies in what the next run needs.
    pub(in crate::exec) fn stage(&mut self, pieces: &[(Slot, &[T])]) -> Result<()> {
        let at = |slot: &Slot| slot.offset * size_of::<T>();
        let pieces: Vec<_> = pieces.iter().map(|(slot, data)| (at(slot), bytes(data))).collect();
        self.driver.stage(&pieces)
    }

    /// Runs all steps.
    pub(in crate::exec) fn run(&mut self, run: u64) -> Result<()> {
        let control = self.control(run);
        self.driver.stage(&[(self.places.control * size_of::<T>(), &control)])?;
        let script = self.script(Wanted::Steps)?;
        self.driver.run(script)?;
        self.doubt()
    }

    /// The same, with the seconds of each step.
    pub(in crate::exec) fn run_timed(&mut self, run: u64) -> Result<Vec<f64>> {
        let control = self.control(run);
        self.driver.stage(&[(self.places.control * size_of::<T>(), &control)])?;
        let script = self.script(Wanted::Steps)?;
        let mut seconds = vec![0.0; self.plan.program.steps.len() + 1];
        for (&step, time) in self.acts.steps.iter().zip(self.driver.run_timed(script)?) {
            seconds[step] += time;
        }
        seconds.pop();
        Ok(seconds)
    }

    /// Updates the parameters; with `run`, after all steps of that run.
    pub(in crate::exec) fn update(&mut self, update: &Update<T>, run: Option<u64>) -> Result<()> {
        let Some(tables) = self.tables else {
            return Err(Error::refused("the plan has no gradients to update by"));
        };
        let absolute = update.decays == Decays::Absolute;
        let clip = update.clip.map(|most| most.to_f64() as f32);
        let (kind, rule) = Kind::of(&update.rule, absolute, clip);
        self.multiply_by(tables, &update.mults)?;
        let mut numbers = vec![update.rate, update.decay, T::ONE, update.normalizer];
        numbers.extend(rule);
        numbers.resize(NUMBERS, T::ZERO);
        match run {
            None => {
                self.driver.stage(&[(tables.numbers * size_of::<T>(), bytes(&numbers))])?;
                let script = self.script(Wanted::Update(kind, update.gradients))?;
                self.driver.run(script)
            }
            Some(run) => {
                let mut both = self.control(run);
                both.resize((tables.numbers - self.places.control) * size_of::<T>(), 0);
                both.extend(bytes(&numbers));
                self.driver.stage(&[(self.places.control * size_of::<T>(), &both)])?;
                let script = self.script(Wanted::Whole(kind, update.gradients))?;
                self.driver.run(script)?;
                self.doubt()
            }
        }
    }

    /// Moves the parameters by a multiple of the first history.
    pub(in crate::exec) fn look_ahead(
        &mut self,
        momentum: T,
        mults: &[Option<[T; 2]>],
    ) -> Result<()> {
        let Some(tables) = self.tables else { return Ok(()) };
        self.multiply_by(tables, mults)?;
        let numbers = [T::ZERO, T::ZERO, T::ONE, T::ONE, momentum];
        self.driver.stage(&[(tables.numbers * size_of::<T>(), bytes(&numbers))])?;
        let script = self.script(Wanted::Ahead)?;
        self.driver.run(script)
    }

    /// Hands the multipliers to the next run, unless the device has them.
    fn multiply_by(&mut self, tables: Tables, mults: &[Option<[T; 2]>]) -> Result<()> {
        if self.mults != mults {
            let values = Tables::multipliers(&self.plan, mults);
            self.driver.stage(&[(tables.mults * size_of::<T>(), bytes(&values))])?;
            self.mults = mults.to_vec();
        }
        Ok(())
    }

    /// Adds the gradients to an array of the same layout.
    pub(in crate::exec) fn accumulate(&mut self, sum: Slot) -> Result<()> {
        let script = self.script(Wanted::Add(sum))?;
        self.driver.run(script)
    }

    /// Fills a place with zeros.
    pub(in crate::exec) fn clear(&mut self, slot: Slot) -> Result<()> {
        let script = self.script(Wanted::Clear(slot))?;
        self.driver.run(script)
    }

    fn control(&self, run: u64) -> Vec<u8> {
        [self.seed, run].iter().flat_map(|word| word.to_ne_bytes()).collect()
    }

    /// The number of a script, which is compiled when it is first wanted.
    fn script(&mut self, wanted: Wanted) -> Result<usize> {
        if let Some((_, script)) = self.scripts.iter().find(|(known, _)| *known == wanted) {
            return Ok(*script);
        }
        let number = match wanted {
            Wanted::Whole(kind, gradients) => {
                let parts = [Wanted::Steps, Wanted::Update(kind, gradients)];
                let parts = parts.map(|part| self.script(part));
                let [steps, update] = parts;
                self.driver.join(&[steps?, update?])
            }
            _ => {
                let script = self.written(wanted);
                self.driver.prepare(&script)?
            }
        };
        self.scripts.push((wanted, number));
        Ok(number)
    }

    /// The script of what is no joint of others.
    fn written(&self, wanted: Wanted) -> Script {
        // A script without the steps needs none of their kernels.
        let (mut module, mut acts) = match wanted {
            Wanted::Steps => (self.module.clone(), self.acts.acts.clone()),
            _ => (Module::new(self.module.precision(), longest_operand(&self.plan)), vec![]),
        };
        match (wanted, self.tables) {
            (Wanted::Update(kind, gradients), Some(tables)) => {
                acts.extend(tables.update(&mut module, &self.plan, kind, gradients));
            }
            (Wanted::Ahead, Some(tables)) => {
                acts.extend(tables.look_ahead(&mut module, &self.plan));
            }
            (Wanted::Add(sum), _) => {
                let from = self.plan.gradients;
                let call = Call::fours("add_to", from.len, vec![]);
                acts.extend(launch(&mut module, call, &[from.offset, sum.offset]));
            }
            (Wanted::Clear(slot), _) => {
                let call = Call::each("fill", slot.len, vec![]).with(0.0);
                acts.extend(launch(&mut module, call, &[slot.offset]));
            }
            _ => {}
        }
        let (precision, entries) = (module.precision(), module.entries().to_vec());
        Script { precision, text: module.text(), entries, acts }
    }

    /// Asks whether the last run found that the data are wrong, if some step may.
    fn doubt(&mut self) -> Result<()> {
        if !self.acts.doubts {
            return Ok(());
        }
        let place = Slot { offset: self.places.trouble, len: 4 };
        let found = self.read(place)?;
        if found[0] == T::ZERO {
            return Ok(());
        }
        self.write(place, &[T::ZERO; 4])?;
        let [position, index, rows] = [1, 2, 3].map(|i| found[i].to_f64());
        Err(Error::refused(format!(
            "index {index}, number {position} of the indices, is not among {rows} rows"
        )))
    }
}
