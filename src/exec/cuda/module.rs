//! Turns calls into one text with an entry for each: what is compiled for a GPU, or as C for the processor.

use std::collections::HashMap;
use std::fmt::Write;

use crate::program::device::{Call, Number, Spread};

/// Threads of a block, of every kernel.
pub const THREADS: usize = 256;

/// Most blocks of a kernel; what is beyond them is done in turns.
const MOST_BLOCKS: usize = 8192;

/// The language of all texts.
const PRELUDE: &str = include_str!("text/prelude.cu");

/// The executor's own texts.
const TEXTS: [&str; 12] = [
    include_str!("text/layout.cu"),
    include_str!("text/product.cu"),
    include_str!("text/reduce.cu"),
    include_str!("text/softmax.cu"),
    include_str!("text/pool.cu"),
    include_str!("text/conv.cu"),
    include_str!("text/lrn.cu"),
    include_str!("text/normalize.cu"),
    include_str!("text/gather.cu"),
    include_str!("text/im2col.cu"),
    include_str!("text/random.cu"),
    include_str!("text/update.cu"),
];

/// The number type that a module computes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Precision {
    /// 32 bits.
    Single,
    /// 64 bits.
    Double,
}

impl Precision {
    /// Bytes of a number.
    pub fn size(self) -> usize {
        match self {
            Precision::Single => 4,
            Precision::Double => 8,
        }
    }
}

/// A kernel of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name in the compiled module; `run_` before it is the name of the function that runs all blocks as C.
    pub name: String,
    /// Number of its arguments, all of them addresses.
    pub arguments: usize,
}

/// Texts and the entries that call their functions.
#[derive(Clone, Debug)]
pub struct Module {
    precision: Precision,
    /// Whether elements are counted with 64 bits.
    long: bool,
    texts: Vec<&'static str>,
    functions: String,
    /// The numbers of generated functions by what they compute.
    generated: HashMap<String, usize>,
    entries: Vec<Entry>,
    /// What each entry does.
    bodies: Vec<Vec<Body>>,
}

/// A call of a function with constants.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Body {
    function: String,
    operands: usize,
    numbers: Vec<String>,
    /// Whether each item has a block of threads.
    teams: bool,
}

impl Module {
    /// A module without entries, whose operands have so many elements at most.
    pub fn new(precision: Precision, longest: usize) -> Self {
        let (texts, entries) = (vec![PRELUDE], vec![]);
        // Counters go beyond the last element by less than what all threads do in one turn.
        let long = 1 << 30 <= longest;
        let (functions, generated, bodies) = (String::new(), HashMap::new(), vec![]);
        Module { precision, long, texts, functions, generated, entries, bodies }
    }

    /// The number type.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The entries, in the order in which they were asked for.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Adds a text, unless it is there.
    pub fn include(&mut self, text: &'static str) {
        if !self.texts.contains(&text) {
            self.texts.push(text);
        }
    }

    /// The name of a generated function: `write` gets it and writes the text. The same key has the same function.
    pub(super) fn generate(&mut self, key: String, write: impl FnOnce(&str) -> String) -> String {
        let next = self.generated.len();
        let number = *self.generated.entry(key).or_insert(next);
        let name = format!("chain_{number}");
        if number == next {
            self.functions.push_str(&write(&name));
        }
        name
    }

    /// The entry that makes a call; calls that differ only in their operands have the same.
    pub fn entry(&mut self, call: &Call) -> usize {
        let definition = format!("DEVICE void {}(", call.function);
        if let Some(text) = TEXTS.into_iter().find(|text| text.contains(&definition)) {
            self.include(text);
        }
        self.entry_of(vec![Body {
            function: call.function.to_string(),
            operands: call.operands.len(),
            numbers: call.numbers.iter().map(number).collect(),
            teams: matches!(call.spread, Spread::Teams(_)),
        }])
    }

    fn entry_of(&mut self, body: Vec<Body>) -> usize {
        if let Some(known) = self.bodies.iter().position(|known| *known == body) {
            return known;
        }
        let functions: Vec<&str> = body.iter().map(|part| part.function.as_str()).collect();
        let name = format!("k{}_{}", self.entries.len(), functions.join("_"));
        let arguments = body.iter().map(|part| part.operands).sum();
        self.entries.push(Entry { name, arguments });
        self.bodies.push(body);
        self.entries.len() - 1
    }

    /// An entry that does what two do, with the arguments of both; `None` if one of them has blocks for its items.
    pub(super) fn joined(&mut self, first: usize, second: usize) -> Option<usize> {
        let body = [&self.bodies[first][..], &self.bodies[second][..]].concat();
        match body.iter().any(|part| part.teams) {
            true => None,
            false => Some(self.entry_of(body)),
        }
    }

    /// Forgets all entries but these; gives the number that each of them has from then on.
    pub(super) fn keep(&mut self, used: &[usize]) -> Vec<usize> {
        self.entries.clear();
        let bodies = std::mem::take(&mut self.bodies).into_iter().enumerate();
        bodies
            .map(|(i, body)| match used.contains(&i) {
                true => self.entry_of(body),
                false => self.entries.len(),
            })
            .collect()
    }

    /// The whole text.
    pub fn text(&self) -> String {
        let (real, double) = match self.precision {
            Precision::Single => ("float", ""),
            Precision::Double => ("double", "#define REAL_IS_DOUBLE\n"),
        };
        let whole = if self.long { "long long" } else { "int" };
        let mut text = format!(
            "#define REAL {real}\n{double}#define WHOLE {whole}\n#define THREADS {THREADS}\n"
        );
        for part in &self.texts {
            let _ = writeln!(text, "{part}");
        }
        let _ = writeln!(text, "{}\n{RUNNER}", self.functions);
        for (entry, body) in self.entries.iter().zip(&self.bodies) {
            let (name, mut next, mut calls) = (&entry.name, 0, vec![]);
            for Body { function, operands, numbers, .. } in body {
                let given = (next..next + operands).map(|i| format!("p{i}"));
                let given: Vec<String> = given.chain(numbers.iter().cloned()).collect();
                calls.push(format!("{function}({});", given.join(", ")));
                next += operands;
            }
            let list = |what: &dyn Fn(usize) -> String| (0..next).map(what).collect::<Vec<_>>();
            let parameters = list(&|i| format!("real *p{i}")).join(", ");
            let parameters = if next == 0 { "void" } else { &parameters };
            let addresses = list(&|i| format!("*(real **)arguments[{i}]")).join(", ");
            let calls = calls.join(" ");
            let _ = writeln!(
                text,
                "KERNEL {name}({parameters}) {{ {calls} }}\nRUNNER({name}, {name}({addresses}))"
            );
        }
        text
    }
}

/// How a C compiler gets a function that runs all blocks of a kernel.
const RUNNER: &str = "\
#ifdef __CUDACC__
#define RUNNER(name, call)
#else
#define RUNNER(name, call)                                         \\
    KERNEL run_##name(long long blocks, void **arguments) {        \\
        (void)arguments;                                           \\
        BLOCKS = blocks;                                           \\
        for (long long turn = 0; turn < blocks; turn++) {          \\
            BLOCK = IN_TURN(turn, blocks);                         \\
            call;                                                  \\
        }                                                          \\
    }
#endif";

/// Blocks over which a call is spread; 0 if there is nothing to do.
pub(super) fn blocks(spread: Spread) -> usize {
    match spread {
        Spread::Each(n) => n.div_ceil(THREADS).min(MOST_BLOCKS),
        Spread::Fours(n) => n.div_ceil(4 * THREADS).min(MOST_BLOCKS),
        Spread::Teams(n) => n.min(MOST_BLOCKS),
    }
}

fn number(n: &Number) -> String {
    match *n {
        Number::Whole(n) if i32::try_from(n).is_ok() => n.to_string(),
        Number::Whole(n) => format!("{n}LL"),
        Number::Real(x) => real(x),
    }
}

/// A constant of the module's number type.
pub(super) fn real(x: f64) -> String {
    match x {
        _ if x.is_nan() => "R_NAN".to_owned(),
        f64::INFINITY => "R_INFINITY".to_owned(),
        f64::NEG_INFINITY => "(-R_INFINITY)".to_owned(),
        _ => format!("((real){x:?})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::device::Operand;

    #[test]
    fn equal_calls_share_an_entry() {
        let mut module = Module::new(Precision::Single, 100);
        let fill =
            |at: usize, value: f64| Call::each("fill", 10, vec![Operand::Out(at)]).with(value);
        let first = module.entry(&fill(0, 1.5));
        assert_eq!(module.entry(&fill(1, 1.5)), first);
        assert_ne!(module.entry(&fill(0, -0.25)), first);
        assert_eq!(module.entries().len(), 2);
        assert_eq!(module.entries()[0], Entry { name: "k0_fill".into(), arguments: 1 });
        assert!(module.text().contains("KERNEL k0_fill(real *p0) { fill(p0, 10, ((real)1.5)); }"));
    }

    #[test]
    fn joined_entries_have_the_arguments_of_both() {
        let mut module = Module::new(Precision::Single, 100);
        let [x, y] = [Operand::Arg(0), Operand::Out(0)];
        let fill = module.entry(&Call::each("fill", 10, vec![y.clone()]).with(1.5));
        let copy = module.entry(&Call::fours("copy", 20, vec![x, y.clone()]));
        let sums = module.entry(&Call::teams("squares", 20, vec![y]));
        assert_eq!(module.joined(fill, sums), None);
        let both = module.joined(fill, copy).expect("an entry");
        assert_eq!(module.entries()[both].arguments, 3);
        assert_eq!(module.keep(&[both])[both], 0);
        assert_eq!(module.entries().len(), 1);
        let calls =
            "(real *p0, real *p1, real *p2) { fill(p0, 10, ((real)1.5)); copy(p1, p2, 20); }";
        assert!(module.text().contains(&format!("KERNEL k0_fill_copy{calls}")));
    }

    #[test]
    fn elements_are_counted_with_64_bits_only_where_an_operand_is_long() {
        let whole = |longest| Module::new(Precision::Single, longest).text();
        assert!(whole((1 << 30) - 1).contains("#define WHOLE int\n"));
        assert!(whole(1 << 30).contains("#define WHOLE long long\n"));
    }

    #[test]
    fn constants_are_written_exactly() {
        assert_eq!(real(0.1), "((real)0.1)");
        assert_eq!(real(1e-30), "((real)1e-30)");
        assert_eq!(real(f64::NEG_INFINITY), "(-R_INFINITY)");
        assert_eq!(number(&Number::Whole(-3)), "-3");
        assert_eq!(number(&Number::Whole(1 << 40)), "1099511627776LL");
    }
}
