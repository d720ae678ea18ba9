//! Tests of reading, recovering and printing a prototxt.

use super::tree::{Field, Message, Value, ValueKind};
use super::{parse, print};
use crate::diag::Diagnostics;
use crate::source::{FileId, SourceMap, Span, Spanned};
use proptest::prelude::*;

/// Reads a text; gives the canonical text of what was understood and the complaints as
/// `code line:column message`.
fn read(text: &str) -> (String, Vec<String>) {
    let mut sources = SourceMap::default();
    let file = sources.add("net", text);
    let mut diagnostics = Diagnostics::default();
    let message = parse(file, text, &mut diagnostics);
    diagnostics.sort();
    let complaint = |d: &crate::diag::Diagnostic| {
        let place = d.span().map(|span| sources.place(span)).unwrap_or_default();
        format!("{} {} {}", d.code.id, place.trim_start_matches("net:"), d.message)
    };
    (print(&message), diagnostics.iter().map(complaint).collect())
}

/// Expects a text to mean `expected` (fields on one line) and to have exactly these complaints.
fn check(text: &str, expected: &str, complaints: &[&str]) {
    let (printed, found) = read(text);
    let printed = printed.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(printed, expected, "of {text:?}");
    assert_eq!(found, complaints, "of {text:?}");
}

#[test]
fn fields_in_all_forms() {
    check(
        "a: 1 b { c: x } d: { } e < f: 'y' > g: <>;",
        "a: 1 b { c: x } d { } e { f: \"y\" } g { }",
        &[],
    );
    check("a: [1, -2, x] b [{ c: 1 }, < >], d: []", "a: 1 a: -2 a: x b { c: 1 } b { }", &[]);
    check("[caffe.extra]: 1 [ a.b / c.D ] { x: 2 }", "[caffe.extra]: 1 [a.b/c.D] { x: 2 }", &[]);
    check("\u{FEFF}a: 1 # é {\r\nb\r\n:\r\n2# no end", "a: 1 b: 2", &[]);
    check(
        "a:1;b:2,c:3d:4",
        "a: 1 b: 2",
        &["E0105 1:11 `3d` is not a number", "E0101 1:13 expected a field"],
    );
    check("", "", &[]);
}

#[test]
fn numbers() {
    check(
        "a: 0x1F a: 0X1f a: 017 a: 0 a: -0x10 a: - 3",
        "a: 31 a: 31 a: 15 a: 0 a: -16 a: -3",
        &[],
    );
    check(
        "a: 18446744073709551615 a: -9223372036854775808",
        "a: 18446744073709551615 a: -9223372036854775808",
        &[],
    );
    check(
        "a: .5 a: 5. a: 1.5f a: 1e-5 a: 2E+3 a: 3f a: 0.0039",
        "a: 0.5 a: 5 a: 1.5 a: 1e-05 a: 2000 a: 3 a: 0.0039",
        &[],
    );
    check(
        "a: 1e6 a: 1234567.5 a: 0.00390625 a: 1e-4 a: 1.0e10",
        "a: 1e+06 a: 1234567.5 a: 0.00390625 a: 0.0001 a: 1e+10",
        &[],
    );
    check("a: inf a: -Infinity a: nan a: - # why\n NaN", "a: inf a: -inf a: nan a: nan", &[]);
    check("a: 1.2.3 b: 1", "b: 1", &["E0105 1:4 `1.2.3` is not a number"]);
    check(
        "a: 089 b: 0x c: -x d: 1e",
        "",
        &[
            "E0105 1:4 `089` is not a number",
            "E0105 1:11 `0x` is not a number",
            "E0105 1:17 `-x` is not a number",
            "E0105 1:23 `1e` is not a number",
        ],
    );
}

#[test]
fn strings() {
    check(
        r#"a: "x\n\t\"\\\x41\101\u00e9\ud83d\ude00" 'b' "c""#,
        r#"a: "x\n\t\"\\AA\303\251\360\237\230\200bc""#,
        &[],
    );
    check(
        r"a: 'C:\data\net' b: 'it\'s'",
        r#"a: "C:\\data\net" b: "it\'s""#,
        &["E0108 1:7 `\\d` is not an escape"],
    );
    check(
        r"a: '\400' b: '\u12' c: '\ud800'",
        r#"a: "\\400" b: "\\u12" c: "\\ud800""#,
        &[
            "E0108 1:5 `\\4` is not an escape",
            "E0108 1:15 `\\u` is not an escape",
            "E0108 1:25 `\\u` is not an escape",
        ],
    );
}

#[test]
fn broken_fields_leave_the_others() {
    check(
        "a: 1\nb:\nc: 2\nd e: 3",
        "a: 1 c: 2 e: 3",
        &["E0106 2:1 `b` has no value", "E0106 4:1 `d` has no value"],
    );
    check("l { a: } b: 1", "l { } b: 1", &["E0106 1:5 `a` has no value"]);
    check("name: type: \"x\"", "type: \"x\"", &["E0106 1:1 `name` has no value"]);
    check(
        "a 3 b \"x\" c = 4",
        "a: 3 b: \"x\" c: 4",
        &[
            "E0107 1:3 expected `:` between `a` and its value",
            "E0107 1:7 expected `:` between `b` and its value",
            "E0107 1:13 expected `:` after `c`, found `=`",
        ],
    );
    check("a: 1 ; ; 7 { x: 1 } 'y' b: 2", "a: 1 b: 2", &["E0101 1:8 expected a field"]);
    check(
        "a: “x” b: +3 c: $ d: 1",
        "d: 1",
        &[
            "E0101 1:4 `“x”` cannot be the value of `a`",
            "E0101 1:11 `+3` cannot be the value of `b`",
            "E0101 1:17 `$` cannot be the value of `c`",
        ],
    );
    check(
        "batch-size: 3 größe: x",
        "batch-size: 3 größe: x",
        &["E0111 1:1 `batch-size` cannot be a name", "E0111 1:15 `größe` cannot be a name"],
    );
    check(
        "a: [1 2,, 3,] b: [x: 1]",
        "a: 1 a: 2 a: 3 b: 1",
        &[
            "E0101 1:7 expected `,`",
            "E0101 1:9 expected a value",
            "E0101 1:12 expected a value",
            "E0101 1:19 expected a value",
            "E0101 1:20 expected `,`",
            "E0101 1:20 expected a value",
            "E0101 1:22 expected `,`",
        ],
    );
}

#[test]
fn a_byte_of_0_is_an_error_wherever_it_stands() {
    let (_, found) = read("a: 1 # \0");
    assert_eq!(found, ["E0101 1:8 a byte of 0"]);
    let (_, found) = read("a: 'x\0y'");
    assert_eq!(found, ["E0101 1:6 a byte of 0"]);
}

#[test]
fn brackets_are_completed_by_layout() {
    check(
        "l {\n  a: 1\nl {\n  b: 2\n}\n",
        "l { a: 1 } l { b: 2 }",
        &["E0102 1:3 this `{` is never closed"],
    );
    check(
        "l {\n  p { x: 1 # }\n  t: 2\n}\nl { }",
        "l { p { x: 1 } t: 2 } l { }",
        &["E0102 2:5 this `{` is never closed"],
    );
    check(
        "l {\n  p {\n    x: 1\n}\nm: 1",
        "l { p { x: 1 } } m: 1",
        &["E0102 2:5 this `{` is never closed"],
    );
    check(
        "l { a: [1, 2 } b: 1 # end",
        "l { a: 1 a: 2 } b: 1",
        &["E0102 1:8 this `[` is never closed"],
    );
    check("l { a: 1 # end", "l { a: 1 }", &["E0102 1:3 this `{` is never closed"]);
    check(
        "l { } } a: 1 ]",
        "l { } a: 1",
        &["E0103 1:7 unexpected closing `}`", "E0103 1:14 unexpected closing `]`"],
    );
    check("l { a: 1 > b: 2", "l { a: 1 } b: 2", &["E0103 1:10 `>` closes a block that `{` opened"]);
    check(
        "l { a: \"x }\nb: 'y\\\nc: 1",
        "l { a: \"x\" } b: \"y \" c: 1",
        &[
            "E0104 1:8 this string does not end on its line",
            "E0104 2:4 this string does not end on its line",
        ],
    );
    check(
        "name: \"c type: \"ReLU\" top: \"d\"\na: 'x b: ' c: 'y'",
        "name: \"c\" type: \"ReLU\" top: \"d\" a: \"x b: \" c: \"y\"",
        &["E0104 1:7 this string does not end on its line"],
    );
}

#[test]
fn depth_and_number_of_errors_are_limited() {
    let nested = |depth: usize| format!("{}{}", "a { ".repeat(depth), "} ".repeat(depth));
    assert_eq!(read(&nested(100)).1, Vec::<String>::new());
    let deep = vec!["E0109 1:403 blocks are nested deeper than 100 levels".to_string()];
    assert_eq!(read(&nested(101)).1, deep);
    assert_eq!(read(&"a { ".repeat(100_000)).1, deep);
    assert_eq!(read(&"[".repeat(100_000)).1.len(), 2);
    assert_eq!(read(&"a: ; ".repeat(10_000)).1.len(), 100);
}

#[test]
fn spans_point_into_the_original_text() {
    let text = "l { a: \"x }\nl {\n  b: 'y' 'z'\nm { c: - 1 }";
    let mut diagnostics = Diagnostics::default();
    let message = parse(FileId(0), text, &mut diagnostics);
    let texts: Vec<&str> = message.fields.iter().map(|f| &text[f.span.range()]).collect();
    assert_eq!(texts, ["l { a: \"x }", "l {\n  b: 'y' 'z'", "m { c: - 1 }"]);
    let ValueKind::Message(m) = &message.fields[2].value.kind else { panic!("m is a message") };
    assert_eq!(&text[m.fields[0].value.span.range()], "- 1");
}

#[test]
fn prints_as_caffes_tools_do() {
    for entry in std::fs::read_dir("tests/golden/caffe/legacy").unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let (printed, complaints) = read(&text);
        assert_eq!(complaints, Vec::<String>::new(), "of {path:?}");
        if path.to_string_lossy().ends_with(".upgraded.prototxt") {
            assert_eq!(printed, text, "of {path:?}");
        }
    }
}

const NOWHERE: Span = Span { file: FileId(0), start: 0, end: 0 };

fn without_spans(message: Message) -> Message {
    let field = |field: Field| {
        let kind = match field.value.kind {
            ValueKind::Message(inner) => ValueKind::Message(without_spans(inner)),
            kind => kind,
        };
        let name = Spanned::new(field.name.value, NOWHERE);
        Field { name, value: Value { kind, span: NOWHERE }, span: NOWHERE }
    };
    Message { fields: message.fields.into_iter().map(field).collect(), span: NOWHERE }
}

fn any_message() -> impl Strategy<Value = Message> {
    let name = "[A-Za-z_][A-Za-z0-9_]{0,8}|\\[[a-z]{1,3}\\.[a-z]{1,3}\\]";
    let float = any::<f64>().prop_filter("whole floats print as integers", |x| x.fract() != 0.0);
    let leaf = prop_oneof![
        any::<i64>().prop_map(|i| ValueKind::Integer(i.into())),
        any::<u64>().prop_map(|i| ValueKind::Integer(i.into())),
        float.prop_map(ValueKind::Float),
        (-1e4..1e4f32).prop_map(|x| ValueKind::Float(f64::from(x.trunc()) + 0.125)),
        any::<String>().prop_map(ValueKind::Str),
        "[A-Z_][A-Z0-9_]{5,9}".prop_map(ValueKind::Ident),
    ];
    let message = |fields: Vec<(String, ValueKind)>| Message {
        fields: fields
            .into_iter()
            .map(|(name, kind)| Field {
                name: Spanned::new(name, NOWHERE),
                value: Value { kind, span: NOWHERE },
                span: NOWHERE,
            })
            .collect(),
        span: NOWHERE,
    };
    let kind = leaf.prop_recursive(4, 64, 6, move |inner| {
        prop::collection::vec((name, inner), 0..6).prop_map(move |f| ValueKind::Message(message(f)))
    });
    prop::collection::vec((name, kind), 0..6).prop_map(message)
}

proptest! {
    #[test]
    fn reading_what_was_printed_gives_the_same_tree(message in any_message()) {
        let mut diagnostics = Diagnostics::default();
        let text = print(&message);
        let again = parse(FileId(0), &text, &mut diagnostics);
        prop_assert!(diagnostics.is_empty());
        prop_assert_eq!(without_spans(again), message);
    }

    #[test]
    fn any_text_is_read(text in "([a-c]|[0-9.]|[\\[\\]{}<>:;,=\"'\\\\#\n -]|\\PC){0,60}") {
        let mut diagnostics = Diagnostics::default();
        let message = parse(FileId(0), &text, &mut diagnostics);
        for field in &message.fields {
            prop_assert!(text.get(field.span.range()).is_some());
        }
        for label in diagnostics.iter().flat_map(|d| &d.labels) {
            prop_assert!(text.get(label.span.range()).is_some());
        }
    }
}
