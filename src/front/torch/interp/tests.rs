//! What native code sees of the interpreter: complaints with their calls, objects, callbacks, modules.

use super::function::{LuaResult, Results};
use super::*;
use crate::front::cage::on_large_stack;

/// Runs a chunk prepared by `setup`; its output, or the rendered complaints.
fn run(setup: fn(&mut Lua), text: &str) -> String {
    on_large_stack(|| {
        let mut lua = Lua::new(SourceMap::default(), Limits::default());
        setup(&mut lua);
        let complaints = lua.run("net.lua", text).err().unwrap_or_default();
        let mut shown = lua.output().into_owned();
        for complaint in &complaints {
            let place = complaint.span().map_or("?".into(), |span| lua.sources.place(span));
            shown += &format!("{place}: {}: {}\n", complaint.code.id, complaint.message);
            for call in &complaint.trace {
                shown += &format!("  {} {}\n", lua.sources.place(call.span), call.text);
            }
        }
        shown
    })
}

#[test]
fn complaints_tell_the_calls() {
    let text = "local function block(n)\n  return 1 + n.planes\nend\n\
                local function layer(n) local b = block(n) return b end\nlayer(nil)";
    let expected = "net.lua:2:14: E0702: attempt to index local 'n' (a nil value)\n  \
                    net.lua:4:35 in function 'block'\n  net.lua:5:1 in function 'layer'\n";
    assert_eq!(run(|_| {}, text), expected);
}

#[test]
fn raised_errors_lose_their_written_position() {
    assert_eq!(run(|_| {}, "error('no planes')"), "net.lua:1:1: E0701: no planes\n");
    assert_eq!(run(|_| {}, "assert(false, 'x')"), "net.lua:1:1: E0701: x\n");
    let endless = run(|_| {}, "\nwhile true do\nend");
    assert!(endless.starts_with("net.lua:2:1: E0703: the definition does not end"), "{endless}");
}

#[test]
fn several_syntax_errors_are_found() {
    let text =
        "local x = = 3\nprint(1)\nif x the y() end\nlocal t = {1, 2\nprint(t)\nfor i do end\n";
    let expected = "net.lua:1:11: E0101: unexpected symbol near '='\n\
                    net.lua:3:6: E0101: 'then' expected near 'the'\n\
                    net.lua:5:1: E0101: '}' expected (to close '{' at line 4) near 'print'\n\
                    net.lua:6:7: E0101: '=' or 'in' expected near 'do'\n";
    assert_eq!(run(|_| {}, text), expected);
}

struct Point(f64);

impl Object for Point {
    fn type_name(&self) -> String {
        "Point".into()
    }

    fn index(self: Rc<Self>, lua: &mut Lua, key: &Value, span: Span) -> LuaResult<Value> {
        match key.to_text() {
            Some(name) if &name[..] == b"x" => Ok(self.0.into()),
            _ => Err(lua.error_at(span, "a point has only x".into())),
        }
    }

    fn arithmetic(
        self: Rc<Self>,
        lua: &mut Lua,
        operator: Arithmetic,
        left: &Value,
        right: &Value,
        span: Span,
    ) -> LuaResult<Value> {
        let x = |value: &Value| value.object::<Point>().map(|p| p.0).or(value.to_number());
        match (x(left), x(right)) {
            (Some(a), Some(b)) => Ok(Value::Object(Rc::new(Point(operator.apply(a, b))))),
            _ => Err(lua.error_at(span, "not a point".into())),
        }
    }

    fn equals(self: Rc<Self>, _lua: &mut Lua, other: &Value, _span: Span) -> LuaResult<bool> {
        Ok(other.object::<Point>().is_some_and(|other| other.0 == self.0))
    }

    fn call(self: Rc<Self>, lua: &mut Lua, args: Vec<Value>, _span: Option<Span>) -> Results {
        let function = args.first().cloned().unwrap_or_default();
        lua.call(&function, vec![self.0.into()])
    }
}

fn with_points(lua: &mut Lua) {
    let module = lua.table();
    module.set_field(
        "new",
        Native::value("new", |lua, args| {
            Ok(vec![Value::Object(Rc::new(Point(args.number(lua, 0)?)))])
        }),
    );
    lua.set_module("point", module);
    lua.set_resolver(|name, _| {
        (name == "other")
            .then(|| ("other.lua".into(), "return {y = require('point').new(2)}".into()))
    });
}

#[test]
fn objects_behave() {
    let text = "local point = require 'point' local p = point.new(3) + 1\n\
                print(p.x, p == point.new(4), p(function(x) return x * 2 end), type(p), (-p).x)\n\
                print(require('other').y.x, require('other') == require('other'), tostring(p))\n\
                print(pcall(function() return p.y end))\np.z = 1";
    let expected = "4\ttrue\t8\tuserdata\t-4\n2\ttrue\tPoint\nfalse\tnet.lua:4: a point has only x\n\
                    net.lua:5:1: E0702: attempt to index a Point value\n";
    assert_eq!(run(with_points, text), expected);
    let wrong =
        run(with_points, "local function make(n)\n  return require('point').new(n)\nend\nmake({})");
    assert!(wrong.starts_with("net.lua:2:10: E0701: bad argument #1 to 'make'"), "{wrong}");
}

#[test]
fn memory_is_given_back() {
    on_large_stack(|| {
        let mut lua = Lua::new(SourceMap::default(), Limits::default());
        let result = lua.run("a", "for i = 1, 100000 do local t = {i, {('x'):rep(100) .. i}} end");
        assert!(result.is_ok(), "{result:?}");
        assert!(lua.memory_used() < 1 << 20, "{} bytes", lua.memory_used());
    });
}
