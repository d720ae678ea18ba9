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

    /// A `{`, `<`, `[` or `(` has no closing partner. The place is the opening bracket; where the
    /// closing one should be is guessed from the indentation, and the rest is read as if it were there.
    E0102 "unclosed-bracket";

    /// A closing bracket has no partner that it could close, or its partner is of another kind, as in
    /// `layer { ... >`. Often there is one closing bracket too many, or the opening one was deleted.
    E0103 "unexpected-closing-bracket";

    /// A string does not end on the line it begins on. A string cannot hold a line break; write `\n`
    /// for one. Two strings one after the other are joined, so a long string can be split over lines.
    E0104 "unterminated-string";

    /// Something begins like a number and goes on like none: `1.2.3`, `10k`, `0x`, `089` (a leading
    /// zero makes an integer octal). Numbers are `12`, `-0.5`, `5.`, `.5`, `1e-4`, `0.1f`, `0x1F`, `017`,
    /// `inf` and `nan`.
    E0105 "bad-number";

    /// A field has a name and no value, such as `num_output:` before the closing brace or before the
    /// next field. Write the value, or remove the field to get its default.
    E0106 "missing-value";

    /// Between the name of a field and its value stands a colon: `num_output: 20`. Only a block
    /// (`convolution_param { ... }`) and a list of blocks may go without.
    E0107 "missing-colon";

    /// A backslash in a string starts an escape: `\\ \" \' \n \r \t \a \b \f \v \?`, up to three octal
    /// digits, `\x` with up to two hexadecimal digits, `\u` with four and `\U` with eight. A backslash that
    /// is meant as such, as in a Windows path, is written twice.
    E0108 "bad-escape";

    /// Blocks within blocks go deeper than any network needs. The limit keeps a damaged or malicious
    /// text from exhausting the stack.
    E0109 "nesting-too-deep";

    /// The text is larger than any network definition. Most likely it is another kind of file, such as
    /// weights in text form.
    E0110 "text-too-large";

    /// The names of fields and of values consist of the letters a to z and A to Z, digits and `_`, and
    /// do not begin with a digit. Names of layers and blobs are strings and can be anything.
    E0111 "bad-name";
}
