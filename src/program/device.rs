//! How an operation is said to a GPU: which functions of a text in CUDA C do it, with which operands and numbers.
//!
//! A text is a file of `DEVICE` functions in the language of `exec/cuda/text/prelude.cu`: the part of C that CUDA's
//! compiler and a C compiler both read. A [`Call`] names one of them. The executor gives every call an entry of its own in
//! which the numbers are constants, so that the compiler folds them.

use std::borrow::Cow;

/// Something a function reads or writes: its address becomes an argument.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// An argument of the operation.
    Arg(usize),
    /// A result of the operation; in a backward pass, a result of the forward pass.
    Out(usize),
    /// In a backward pass, the gradient of a result.
    OutGradient(usize),
    /// In a backward pass, the gradient of the argument at this position of those asked for.
    ArgGradient(usize),
    /// The scratch memory, from this element on.
    Work(usize),
    /// Numbers that are known beforehand, as elements.
    Table(Vec<f64>),
    /// Numbers that are known beforehand, as integers of 64 bits.
    Whole(Vec<i64>),
    /// The seed and the number of the run: two integers of 64 bits.
    Control,
    /// Where what is wrong with the data is written: four elements.
    Trouble,
}

/// A constant of a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// A count, an index, or a truth.
    Whole(i64),
    /// A real number.
    Real(f64),
}

impl From<usize> for Number {
    fn from(n: usize) -> Self {
        Number::Whole(n as i64)
    }
}

impl From<i64> for Number {
    fn from(n: i64) -> Self {
        Number::Whole(n)
    }
}

impl From<bool> for Number {
    fn from(yes: bool) -> Self {
        Number::Whole(i64::from(yes))
    }
}

impl From<f64> for Number {
    fn from(x: f64) -> Self {
        Number::Real(x)
    }
}

/// Whether a product of matrices with so many results and terms for each is quicker by a kernel of its own, which adds the bias
/// as well, than by a library.
pub fn is_small_product(results: usize, terms: usize) -> bool {
    terms <= 1024 && results.saturating_mul(terms) <= 1 << 20
}

/// Over how many threads a call is spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// A thread for each of so many items, which the function visits with `EACH`.
    Each(usize),
    /// A thread for each four of so many items, which the function visits with `EACH_FOUR`.
    Fours(usize),
    /// A block of threads for each of so many items, which the function visits with `EACH_TEAM`.
    Teams(usize),
}

/// One call of a function.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The function.
    pub function: Cow<'static, str>,
    /// Its first parameters.
    pub operands: Vec<Operand>,
    /// The parameters after them.
    pub numbers: Vec<Number>,
    /// How many threads share the work.
    pub spread: Spread,
}

impl Call {
    /// A call with a thread for each of `n` items; `n` is the first number.
    pub fn each(function: &'static str, n: usize, operands: Vec<Operand>) -> Self {
        let numbers = vec![n.into()];
        Call { function: function.into(), operands, numbers, spread: Spread::Each(n) }
    }

    /// A call with a thread for each four of `n` items; `n` is the first number.
    pub fn fours(function: &'static str, n: usize, operands: Vec<Operand>) -> Self {
        Call { spread: Spread::Fours(n), ..Call::each(function, n, operands) }
    }

    /// A call with a block of threads for each of `n` items; `n` is the first number.
    pub fn teams(function: &'static str, n: usize, operands: Vec<Operand>) -> Self {
        let numbers = vec![n.into()];
        Call { function: function.into(), operands, numbers, spread: Spread::Teams(n) }
    }

    /// With one more number.
    pub fn with(mut self, number: impl Into<Number>) -> Self {
        self.numbers.push(number.into());
        self
    }

    /// With more numbers.
    pub fn with_all<N: Into<Number>>(mut self, numbers: impl IntoIterator<Item = N>) -> Self {
        self.numbers.extend(numbers.into_iter().map(Into::into));
        self
    }
}

/// How an operation runs on a GPU.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeviceForm {
    /// The texts that have the functions, beside those of the executor.
    pub texts: &'static [&'static str],
    /// The calls, one after the other.
    pub calls: Vec<Call>,
    /// Elements of scratch memory.
    pub work: usize,
}

/// Which pass of an operation is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass<'a> {
    /// The results from the arguments.
    Forward,
    /// The gradients of these arguments.
    Backward(&'a [usize]),
}
