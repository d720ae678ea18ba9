//! Every code with its explanation. Numbers: 01 syntax, 02 names and wiring, 03 arguments,
//! 04 shapes, 05 parameters and sharing, 06 lints, 07 Lua, 08 Python, 09 solvers and runs.

use super::Code;

macro_rules! codes {
    ($($(#[doc = $text:literal])* $id:ident $name:literal;)*) => {
        $(
            $(#[doc = $text])*
            pub static $id: Code = Code {
                id: stringify!($id),
                name: $name,
                explanation: concat!($($text, "\n"),*),
            };
        )*

        /// All codes, in the order of their numbers.
        pub static CODES: &[&Code] = &[$(&$id),*];
    };
}

codes! {
    /// The text does not follow the grammar of its language. The place is where reading stopped
    /// making sense; the mistake can be a little earlier, such as a missing closing brace.
    E0101 "syntax";
    /// A Lua definition raised an error itself, with `error` or `assert`, or a library function refused its arguments.
    /// The message is the definition's own or Lua's; the calls that led to the place are listed below it.
    E0701 "lua-error";
    /// A Lua definition did something with a value that this kind of value cannot do: called or indexed nil, added a
    /// table, compared a number with a string. The usual cause is a misspelt name, which Lua silently reads as nil, or a
    /// function that returns nothing.
    E0702 "lua-operation";
    /// A Lua definition used up what it may use: steps, memory, or printed output. A definition that builds a network
    /// stays far below these bounds, so look for a loop that does not end at the place named. `pcall` cannot catch this.
    E0703 "lua-limit";
}
