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
const TEXTS: [&str; 11] = [
    include_str!("text/layout.cu"),
    include_str!("text/product.cu"),
    include_str!("text/reduce.cu"),
    include_str!("text/softmax.cu"),
    include_str!("text/pool.cu"),
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
    bodies: String,
    entries: Vec<Entry>,
    known: HashMap<String, usize>,
}

impl Module {
    /// A module without entries, whose operands have so many elements at most.
    pub fn new(precision: Precision, longest: usize) -> Self {
        let (texts, entries) = (vec![PRELUDE], vec![]);
        // Counters go beyond the last element by less than what all threads do in one turn.
        let long = 1 << 30 <= longest;
        let (functions, bodies, known) = (String::new(), String::new(), HashMap::new());
        Module { precision, long, texts, functions, bodies, entries, known }
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
        let next = self.known.len();
        let number = *self.known.entry(key).or_insert(next);
        let name = format!("chain_{number}");
        if number == next {
            self.functions.push_str(&write(&name));
        }
        name
    }

    /// The entry that makes a call; calls that differ only in their operands have the same.
    pub fn entry(&mut self, call: &Call) -> usize {
        let operands = call.operands.len();
        let parameters: Vec<String> = (0..operands).map(|i| format!("real *p{i}")).collect();
        let given = (0..operands).map(|i| format!("p{i}")).chain(call.numbers.iter().map(number));
        let body = format!("{}({})", call.function, given.collect::<Vec<_>>().join(", "));
        if let Some(&known) = self.known.get(&body) {
            return known;
        }
        let definition = format!("DEVICE void {}(", call.function);
        if let Some(text) = TEXTS.into_iter().find(|text| text.contains(&definition)) {
            self.include(text);
        }
        let index = self.entries.len();
        let name = format!("k{index}_{}", call.function);
        let addresses: Vec<String> =
            (0..operands).map(|i| format!("*(real **)arguments[{i}]")).collect();
        let (parameters, addresses) = (parameters.join(", "), addresses.join(", "));
        let parameters = if operands == 0 { "void" } else { &parameters };
        let _ = writeln!(
            self.bodies,
            "KERNEL {name}({parameters}) {{ {body}; }}\nRUNNER({name}, {name}({addresses}))"
        );
        self.known.insert(body, index);
        self.entries.push(Entry { name, arguments: operands });
        index
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
        let _ = writeln!(text, "{}\n{RUNNER}\n{}", self.functions, self.bodies);
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
