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
}
