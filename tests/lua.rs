//! Lua snippets through the interpreter, against what LuaJIT prints; golden scripts; the cage; mutated texts.
//!
//! A file of `tests/lua` holds cases that begin with `-- @case name`; the file beside it holds their output under the
//! same marks, an uncaught error as `error: message`. `tests/lua/bless.sh` writes it with the real interpreter.

use cortado::front::cage::{Limits, on_large_stack};
use cortado::front::torch::interp::Lua;
use cortado::front::torch::library::Library;
use cortado::source::SourceMap;
use libtest_mimic::{Arguments, Failed, Trial};
use std::path::PathBuf;

mod snippets;

use snippets::{Snippets, check, read};

const LUA: Snippets = Snippets { folder: "lua", ending: "lua", mark: "-- @case " };

fn main() {
    let mut trials = golden_scripts();
    trials.extend(LUA.trials(|text| output("case", text, Limits::default(), false)));
    trials.extend(cage());
    trials.push(Trial::test("mutated_texts_end", mutated_texts_end));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// What a chunk prints, with or without Torch's library, and the error that stopped it.
fn output(path: &str, text: &str, limits: Limits, torch: bool) -> String {
    on_large_stack(|| {
        let mut lua = Lua::new(SourceMap::default(), limits);
        if torch {
            Library::install(&mut lua).expect("the limits hold the library");
        }
        let stopped = match lua.load(path, text) {
            Ok(chunk) => lua.call(&chunk, vec![]).err().map(|error| error.message()),
            Err(errors) => errors.first().map(|error| {
                let place = lua.sources.place(error.span);
                let line = place.rsplit_once(':').map_or("", |(line, _)| line);
                format!("{line}: {}", error.message)
            }),
        };
        let stopped = stopped.map_or(String::new(), |message| format!("error: {message}\n"));
        format!("{}{stopped}", lua.output())
    })
}

fn golden_scripts() -> Vec<Trial> {
    let trial = |path: PathBuf| {
        let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        Trial::test(format!("golden::{name}"), move || {
            let expected = read(&path.with_extension("out"));
            let text = read(&path);
            // Plain scripts see no library: it changes the standard one.
            let torch = text.contains("require 'torch'") || text.contains("require 'nn'");
            check(&output(&name, &text, Limits::default(), torch), &expected)
        })
    };
    let scripts = Snippets { folder: "golden/torch/lua", ..LUA };
    scripts.files().into_iter().map(trial).collect()
}

/// Smaller than the defaults, so that unoptimised builds reach them soon.
const CAGE: Limits = Limits { steps: 4_000_000, memory: 32 << 20, calls: 6000, output: 1 << 16 };

/// Scripts that try to break out, with a part of the error that stops each; none may be caught.
fn cage() -> Vec<Trial> {
    let scripts: &[(&str, &str, &str)] = &[
        ("endless_while", "while true do end", "does not end"),
        ("endless_repeat", "repeat until false", "does not end"),
        ("endless_goto", "::top:: goto top", "does not end"),
        ("endless_for", "for i = 1, math.huge do end", "does not end"),
        ("endless_zero_step", "for i = 1, 2, 0 do end", "does not end"),
        ("endless_tail_calls", "local function f() return f() end f()", "does not end"),
        (
            "endless_pcall",
            "while true do pcall(function() while true do end end) end",
            "does not end",
        ),
        ("endless_iterator", "for _ in function() return 1 end do end", "does not end"),
        ("endless_gmatch", "for _ in ('x'):rep(1e7):gmatch('.') do end", "does not end"),
        (
            "endless_sort",
            "local t = {} for i = 1, 1e5 do t[i] = i % 7 end while true do table.sort(t) end",
            "does not end",
        ),
        ("caught_recursion", "local function f() pcall(f) pcall(f) end f()", "does not end"),
        ("rep_bomb", "local s = ('x'):rep(1e10)", "memory"),
        ("rep_bomb_doubling", "local s = 'x' while true do s = s .. s end", "memory"),
        ("rep_bomb_caught", "while true do pcall(string.rep, 'x', 1e10) end", "memory"),
        (
            "gsub_bomb",
            "local s = ('x'):rep(1e5) while true do s = s:gsub('.', '%0%0%0%0') end",
            "does not end",
        ),
        (
            "concat_bomb",
            "local t = {} for i = 1, 1e5 do t[i] = ('x'):rep(1e4) end table.concat(t)",
            "memory",
        ),
        (
            "format_bomb",
            "local s = 'x' while true do s = string.format('%s%s%s%s', s, s, s, s) end",
            "memory",
        ),
        ("table_bomb", "local t = {} while true do t[#t + 1] = {} end", "memory"),
        (
            "closure_bomb",
            "local t = {} while true do local x t[#t + 1] = function() return x end end",
            "memory",
        ),
        (
            "string_bomb",
            "local t, i = {}, 0 while true do i = i + 1 t[i] = ('%099d'):format(i):rep(9) end",
            "memory",
        ),
        ("nested_tables", "local t while true do t = {t} end", "memory"),
        ("varargs_bomb", "local function f(...) return f(1, ...) end f()", "does not end"),
        ("print_bomb", "while true do print(('x'):rep(1000)) end", "prints more than"),
        ("backtracking", "return (('a'):rep(40)):find(('a-'):rep(30) .. 'b')", "does not end"),
        ("backtracking_long", "return (('a'):rep(1e6)):find('.-.-.-b')", "does not end"),
        ("pattern_levels", "return ('x'):rep(500):find(('x?'):rep(500))", "pattern too complex"),
        ("deep_recursion", "local function f() return 1 + f() end f()", "stack overflow"),
        (
            "deep_metamethods",
            "local t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) return t[k] end return t.x .. 1",
            "stack overflow",
        ),
        (
            "deep_callbacks",
            "local function f() return (('x'):gsub('x', f)) end f()",
            "stack overflow",
        ),
        (
            "deep_sort",
            "local function f() table.sort({1, 2, 3}, f) return true end f()",
            "stack overflow",
        ),
        (
            "deep_tostring",
            "local t = setmetatable({}, {}) getmetatable(t).__tostring = function() return tostring(t) .. '' end print(t)",
            "stack overflow",
        ),
        ("index_loop", "local t = {} setmetatable(t, {__index = t}) return t.x", "loop"),
        ("string_index_loop", "getmetatable('').__index = '' return ('').x", "loop"),
        (
            "string_index_call",
            "getmetatable('').__index = function(s, k) return s[k] .. 1 end return ('').x",
            "stack overflow",
        ),
        ("torch_huge", "torch.zeros(1e12)", "elements here"),
        ("torch_huge_sizes", "torch.Tensor(1e6, 1e6, 1e6, 1e6)", "elements here"),
        ("torch_drawn", "local t = torch.zeros(1e8) t[1] = 1", "memory"),
        (
            "torch_many",
            "local t, i = {}, 0 while true do i = i + 1 t[i] = torch.zeros(1e6) t[i][1] = 1 end",
            "memory",
        ),
        ("torch_forgotten", "while true do torch.range(1, 1e5) end", "does not end"),
        ("torch_apply", "torch.zeros(1e6):apply(function() while true do end end)", "does not end"),
        ("torch_print", "while true do print(torch.zeros(1000)) end", "prints more than"),
        (
            "torch_repeat",
            "local t = torch.ones(10) while true do t = t:repeatTensor(10) end",
            "memory",
        ),
        (
            "torch_fills",
            "local t = torch.zeros(1e6) for i = 1, 1e7 do t:narrow(1, i, 1):fill(i) end",
            "does not end",
        ),
        (
            "coroutines_waiting",
            "local t = {} while true do t[#t + 1] = coroutine.wrap(function() coroutine.yield() end) t[#t]() end",
            "memory",
        ),
        (
            "coroutines_within_each_other",
            "local function f() return coroutine.wrap(f)() end f()",
            "memory",
        ),
        (
            "coroutines_deep_and_waiting",
            "local function d(n) if n > 0 then return 1 + d(n - 1) end coroutine.yield() return 0 end local t = {} \
             while true do local co = coroutine.wrap(d) co(500) t[#t + 1] = co end",
            "memory",
        ),
        (
            "coroutines_without_end",
            "local co = coroutine.wrap(function() while true do coroutine.yield() end end) while true do co() end",
            "does not end",
        ),
        ("loop_in_coroutine", "coroutine.wrap(function() while true do end end)()", "does not end"),
        (
            "recursion_in_coroutine",
            "local function d() return 1 + d() end print(coroutine.resume(coroutine.create(d))) error('x')",
            "stack overflow",
        ),
        (
            "removed_entries",
            "local t = {} for i = 1, 20000 do t['a' .. i] = 1 end for i = 1, 19999 do t['a' .. i] = nil end \
             while true do table.foreach(t, function() return 1 end) end",
            "does not end",
        ),
        (
            "search",
            "local s = ('a'):rep(3e6) while true do s:find(('a'):rep(1.5e6) .. 'b', 1, true) end",
            "does not end",
        ),
        ("rep_loop", "while true do local t = ('x'):rep(1e5) end", "does not end"),
        ("execute", "os.execute('ls')", "'os.execute' is not available"),
        ("open", "io.open('x')", "'io.open' is not available"),
        ("dofile", "dofile('x')", "'dofile' is not available"),
        ("exit", "os.exit(1)", "'os.exit' is not available"),
        ("require_outside", "require '../secret'", "module '../secret' not found"),
    ];
    let trial = |&(name, script, expected): &(&'static str, &'static str, &'static str)| {
        Trial::test(format!("cage::{name}"), move || {
            let got = output("case", script, CAGE, name.starts_with("torch_"));
            match got.lines().find(|line| line.starts_with("error: ")) {
                Some(line) if line.contains(expected) || got.contains(expected) => Ok(()),
                _ => Err(format!("expected an error with `{expected}`, got `{got:.300}`").into()),
            }
        })
    };
    let mut trials: Vec<_> = scripts.iter().map(trial).collect();
    let deep: [(&str, String); 8] = [
        ("parentheses", format!("return {}1{}", "(".repeat(100_000), ")".repeat(100_000))),
        ("tables", format!("return {}{}", "{".repeat(100_000), "}".repeat(100_000))),
        ("functions", "return function() ".repeat(50_000)),
        ("blocks", "do ".repeat(100_000)),
        ("minus", format!("return {}1", "- ".repeat(100_000))),
        ("powers", format!("return {}1", "2^".repeat(100_000))),
        ("sums", format!("return {}1", "1+".repeat(100_000))),
        ("chain", format!("return x{}", ":f()".repeat(100_000))),
    ];
    for (name, text) in deep {
        trials.push(Trial::test(format!("cage::nested_{name}"), move || {
            check(
                &output("case", &text, Limits::default(), false),
                "error: case:1: chunk has too many syntax levels",
            )
        }));
    }
    trials
}

/// Damaged texts neither panic nor run for ever.
fn mutated_texts_end() -> Result<(), Failed> {
    let limits = Limits { steps: 20_000, memory: 4 << 20, calls: 200, output: 1 << 16 };
    LUA.damage(b" ()[]{}\"'=.,:;+-*/%^#~<>\\0aendx\n", |text, _| {
        output("case", text, limits, false);
    });
    Ok(())
}
