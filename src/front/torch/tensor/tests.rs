//! What is drawn and what is not, who shares with whom, and what the functions give.

use super::{First, Tensor};
use crate::front::cage::{Limits, on_large_stack};
use crate::front::torch::interp::{Lua, Value};
use crate::source::SourceMap;
use crate::spec::Filler;

/// The value that a chunk returns, looked at.
fn eval<R: Send>(text: &str, look: impl FnOnce(&mut Lua, &Value) -> R + Send) -> R {
    on_large_stack(|| {
        let mut lua = Lua::new(SourceMap::default(), Limits::default());
        super::install(&mut lua);
        let results = match lua.run("test", text) {
            Ok(results) => results,
            Err(errors) => panic!("{text}: {errors:?}"),
        };
        look(&mut lua, results.first().unwrap_or(&Value::Nil))
    })
}

fn first(text: &str) -> First {
    eval(text, |lua, value| {
        let tensor = value.object::<Tensor>().expect("a tensor");
        tensor.first(lua).expect("within the limits")
    })
}

fn text(expression: &str) -> String {
    eval(&format!("return {expression}"), |lua, value| {
        lua.to_text(value).expect("has a text").to_str().into_owned()
    })
}

#[test]
fn fills_stay_undrawn() {
    let filler = |text: &str| match first(text) {
        First::Filler(filler) => filler,
        First::Values(values) => panic!("{text} was drawn: {} values", values.len()),
    };
    assert_eq!(filler("return torch.Tensor(1000, 1000, 100)"), Filler::Constant(0.0));
    assert_eq!(filler("return torch.Tensor(1e9):fill(2):mul(3):add(1)"), Filler::Constant(7.0));
    assert_eq!(
        filler("return torch.Tensor(1e9):uniform(-2, 2):div(2)"),
        Filler::Uniform(-1.0, 1.0)
    );
    let normal = Filler::Gaussian { mean: 0.0, std: 0.5, sparse: None };
    assert_eq!(filler("return torch.Tensor(1e9):normal():mul(-0.5)"), normal);
    let part = "local t = torch.Tensor(1e9):normal() t:narrow(1, 11, 90):fill(5) ";
    assert_eq!(filler(&format!("{part} return t:narrow(1, 20, 3)")), Filler::Constant(5.0));
    assert_eq!(filler("return torch.Tensor(4, 5):fill(3):t()"), Filler::Constant(3.0));
}

#[test]
fn copies_begin_equal() {
    let both = "local a = torch.Tensor(6):normal() local b = a:clone() ";
    assert_eq!(text(&format!("(function() {both} return a:equal(b) end)()")), "true");
    eval(&format!("{both} return {{a, b}}"), |lua, value| {
        let Value::Table(pair) = value else { panic!("a table") };
        let (a, b) = (pair.item(1), pair.item(2));
        let first = |lua: &mut Lua, value: &Value| {
            value.object::<Tensor>().expect("a tensor").first(lua).expect("drawn")
        };
        let (a, b) = (first(lua, &a), first(lua, &b));
        assert!(matches!(a, First::Values(_)) && a == b, "{a:?} {b:?}");
    });
    let moved =
        "local a = torch.Tensor(6):uniform() local b = torch.zeros(9) b:narrow(1, 3, 6):copy(a)";
    assert_eq!(
        text(&format!("(function() {moved} return b:narrow(1, 3, 6):equal(a) end)()")),
        "true"
    );
    assert_eq!(text("torch.Tensor(9):normal():equal(torch.Tensor(9):normal())"), "false");
}

#[test]
fn storage_is_what_is_shared() {
    let shared =
        |body: &str| text(&format!("(function() local t = torch.range(1, 6) {body} end)()"));
    assert_eq!(shared("t:view(2, 3)[2][1] = 9 return t[4]"), "9");
    assert_eq!(shared("t:reshape(2, 3)[2][1] = 9 return t[4]"), "4");
    assert_eq!(shared("t:clone():zero() return t:sum()"), "21");
    assert_eq!(shared("local u = torch.Tensor() u:set(t) u[1] = 0 return t:sum()"), "20");
    assert_eq!(shared("return t:storage() == t:narrow(1, 2, 2):storage()"), "true");
    assert_eq!(shared("return torch.Tensor(t:storage(), 2, 2, 3)[2]"), "5");
}

#[test]
fn functions_and_methods_place_their_results() {
    let run = |body: &str| {
        text(&format!(
            "(function() local a, b, r = torch.Tensor{{1, 2}}, torch.Tensor{{3, 4}}, torch.Tensor() {body} end)()"
        ))
    };
    assert_eq!(run("torch.add(a, 5) return a[1]"), "1");
    assert_eq!(run("a:add(5) return a[1]"), "6");
    assert_eq!(run("a:add(2, b) return a[2]"), "10");
    assert_eq!(run("torch.add(r, a, 2, b) return r[2]"), "10");
    assert_eq!(run("r:cmul(a, b) return r[2] + a[2]"), "10");
    assert_eq!(run("return torch.pow(2, b)[2] + torch.pow(b, 2)[1]"), "25");
    assert_eq!(run("return torch.cat({a, b}, 2):size(2)"), "2");
    assert_eq!(run("return torch.cat(a, b):size(1)"), "4");
    assert_eq!(run("return (a * b) + (a - b):sum()"), "7");
    assert_eq!(run("return a:repeatTensor(3, 2):sum()"), "18");
    assert_eq!(run("return torch.ger(a, b)[2][2]"), "8");
    assert_eq!(
        run("return torch.Tensor{{1, 2}, {3, 4}}:gather(2, torch.LongTensor{{2}, {1}})[1][1]"),
        "2"
    );
    assert_eq!(run("return torch.Tensor(2, 3):zero():unfold(2, 2, 1):size(3)"), "2");
}

#[test]
fn tensors_of_three_dimensions_print_in_slices() {
    let expected = "(1,.,.) = \n  1  2\n\n(2,.,.) = \n  3  4\n[torch.FloatTensor of size 2x1x2]\n";
    assert_eq!(text("torch.range(1, 4):view(2, 1, 2)"), expected);
}

#[test]
fn mistakes_are_named() {
    let message = |body: &str| {
        eval(&format!("return select(2, pcall(function() {body} end))"), |lua, value| {
            lua.to_text(value).expect("a message").to_str().into_owned()
        })
    };
    let cases = [
        ("local t = torch.Tensor(2, 3) return t[3]", "index 3 out of range of extent 2"),
        ("torch.Tensor(2):size(2)", "dimension 2 out of range of 1D tensor"),
        ("torch.Tensor(2):add(torch.Tensor(3))", "inconsistent tensor sizes: [2] and [3]"),
        ("torch.Tensor(6):view(4, -1)", "cannot have the size [4x-1]"),
        ("torch.Tensor(2, 3):t():view(6)", "contiguous"),
        ("torch.Tensor{{1, 2}, {3}}", "different lengths"),
        ("torch.mm(torch.ones(2, 3), torch.ones(2, 3))", "size mismatch: [2x3] times [2x3]"),
        ("torch.Tensor(2):copy(5)", "tensor expected, got number"),
        ("torch.setdefaulttensortype('torch.Foo')", "no type of tensors"),
        (
            "local t = torch.Tensor(2) return t + {}",
            "attempt to perform arithmetic on a table value",
        ),
    ];
    for (body, expected) in cases {
        let got = message(body);
        assert!(got.contains(expected) && got.starts_with("test:1:"), "{body}: {got}");
    }
}
