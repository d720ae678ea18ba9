//! A Lua file to `ir::Definition`: runs it as DIGITS does (torch/main.lua), or as a plain file that returns a model, and
//! walks the model and the loss that come out.

mod advice;
mod contract;
mod find;
mod fine_tune;
mod functions;
mod hook;
mod loss;
mod nesting;
mod options;
mod training;

use std::path::Path;
use std::rc::Rc;

use self::functions::Left;
use self::nesting::{asked_by, nestings};
use self::options::{Asked, param, parameters};
use super::interp::{Lua, LuaResult, Table, Value};
use super::library::{Library, ancestors, class_name, is_criterion, lua_field};
use super::lower::{Flow, Nesting, Outcome, Places, Stop, Walk};
use super::syntax::{SyntaxError, advised};
use crate::front::cage::{Limits, on_large_stack};

use crate::diag::{self, Diagnostic, Diagnostics};
use crate::front::Request;
use crate::ir::Definition;
use crate::source::{SourceMap, Span};
use crate::spec::Dialect;

/// Reads a definition. Whatever goes wrong is among the diagnostics; what was built until then is in the definition.
pub fn read(
    sources: &mut SourceMap,
    path: &Path,
    text: &str,
    request: &Request,
    diagnostics: &mut Diagnostics,
) -> Definition {
    let taken = std::mem::take(sources);
    let (back, definition, complaints) = on_large_stack(move || {
        let (mut at, mut presets) = (taken, vec![]);
        loop {
            let mut complaints = Diagnostics::default();
            let mut lua = Lua::new(at, Limits::default());
            let definition = run(&mut lua, path, text, request, &presets, &mut complaints);
            complaints.say(&lua.output());
            at = std::mem::take(&mut lua.sources);
            match missing(&complaints).filter(|name| !presets.contains(name)) {
                Some(name) => presets.push(name),
                None => break (at, definition, complaints),
            }
        }
    });
    *sources = back;
    diagnostics.extend(complaints);
    definition
}

/// What programs that train define before they load a definition, and definitions use without asking: packages.
const PACKAGES: [&str; 5] = ["cudnn", "cunn", "cutorch", "ccn2", "nnlib"];

/// And their options, by the names that they have.
const OPTIONS: [&str; 8] =
    ["opt", "params", "opts", "options", "args", "config", "cfg", "cmd_params"];

/// The first of them whose absence has stopped a definition.
fn missing(complaints: &Diagnostics) -> Option<&'static str> {
    complaints.iter().find_map(|complaint| {
        let (_, rest) = complaint.message.split_once("attempt to index global '")?;
        let (name, _) = rest.split_once('\'')?;
        PACKAGES.into_iter().chain(OPTIONS).find(|&preset| preset == name)
    })
}

/// Defines one of [`PACKAGES`] and [`OPTIONS`].
fn define(lua: &mut Lua, request: &Request, asked: &Asked, preset: &str) -> LuaResult<()> {
    match preset {
        "nnlib" => {
            let nn = lua.globals().field("nn");
            lua.globals().set_field(preset, nn);
        }
        name if OPTIONS.contains(&name) => {
            let options = parameters(lua, request, asked)?;
            lua.globals().set_field(preset, options);
        }
        name => {
            let require = lua.globals().field("require");
            lua.call(&require, vec![name.into()])?;
        }
    }
    Ok(())
}

/// What a definition returned.
struct Returned {
    model: Table,
    loss: Option<Table>,
    /// The table around the model, for the rest of the contract.
    whole: Option<Table>,
    /// Whether the file is written to DIGITS' contract, which has a default loss.
    contract: bool,
    /// Says where the file was left, if it was not run to its end.
    ended: Option<Diagnostic>,
}

fn run(
    lua: &mut Lua,
    path: &Path,
    text: &str,
    request: &Request,
    presets: &[&str],
    diagnostics: &mut Diagnostics,
) -> Definition {
    let library = Library::install(lua);
    let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
    lua.set_resolver(move |name, asking| find::find(&folder, name, asking));
    let chunk = lua.load(path, text);
    // The text is the last file that was added.
    let whole = lua.sources.last_file().map_or_else(Span::nowhere, |file| Span::new(file, 0, 0));
    let mut definition = Definition {
        force_backward: true,
        ..Definition::empty(Dialect::Torch, crate::front::name(path), whole)
    };
    let library = match library {
        Ok(library) => library,
        Err(error) => {
            diagnostics.report(error.diagnostic());
            return definition;
        }
    };
    let chunk = match chunk {
        Ok(chunk) => chunk,
        Err(errors) => {
            for error in errors.iter().map(SyntaxError::diagnostic) {
                diagnostics.report(advised(error, text));
            }
            return definition;
        }
    };
    library.allow_trials(request.trial);
    let asked = Asked::default();
    let returned = evaluate(lua, &chunk, text, request, presets, &asked, whole);
    let built = returned.and_then(|mut returned| {
        if let Some(warning) = returned.ended.take() {
            diagnostics.report(warning);
        }
        if let Some(expression) = &request.loss {
            returned.loss = Some(loss::told(lua, expression)?);
        }
        if let Some(table) = returned.whole.as_ref().filter(|_| returned.contract) {
            contract::misspelt(table, &lua.sources, whole, diagnostics);
        }
        let before = fine_tune::apply(lua, &library, &mut returned, request, &definition)?;
        let places = build(lua, &library, &returned, request, whole, diagnostics, &mut definition)?;
        definition.before = before.map(|before| Box::new(before.after(&places)));
        Ok(())
    });
    for (name, span) in library.unread() {
        let message = format!("`{name}` is not read: a definition is checked without other files");
        let d = Diagnostic::new(&diag::W0620, span.unwrap_or(whole), message)
            .here("parameters that copy this keep their first values")
            .help("load trained weights with --weights");
        diagnostics.report(d);
    }
    for warning in library.warnings() {
        diagnostics.report(warning);
    }
    if let Err(mut stop) = built {
        if stop.labels.is_empty() {
            *stop = stop.label(whole, "of this definition");
        }
        let advised = advice::advised(*stop, lua);
        let unset = options::unset(lua, &advised);
        diagnostics.report(match (unset, &advised.help) {
            (Some(unset), _) => advised.help(unset),
            (None, Some(_)) => advised,
            (None, None) => asked.suggest(advised, &library, &lua.sources, text),
        });
    }
    definition
}

/// Gives a definition what the program that loads it would have: its options, and packages.
fn prepare(lua: &mut Lua, request: &Request, presets: &[&str], asked: &Asked) -> LuaResult<()> {
    // Files that a larger program loads find what it was told in global variables.
    if !request.params.is_empty() {
        let options = parameters(lua, request, asked)?;
        lua.globals().set_field("opt", options);
        for (name, value) in &request.params {
            let package = PACKAGES.contains(&name.as_str());
            if !package && lua.globals().field(name).is_nil() {
                let value = param(lua, value)?;
                lua.globals().set_field(name, value);
            }
        }
    }
    for preset in presets {
        define(lua, request, asked, preset)?;
    }
    if let Some(classes) = request.classes {
        lua.globals().set_field("nClasses", classes);
    }
    Ok(())
}

/// The first two of some values: a model and what is returned beside it.
fn two(values: Vec<Value>) -> (Value, Value) {
    let mut values = values.into_iter();
    (values.next().unwrap_or_default(), values.next().unwrap_or_default())
}

/// Runs the file and looks for the model in what it returns and leaves.
fn evaluate(
    lua: &mut Lua,
    chunk: &Value,
    text: &str,
    request: &Request,
    presets: &[&str],
    asked: &Asked,
    whole: Span,
) -> Result<Returned, Stop> {
    let failed = super::lower::stop;
    prepare(lua, request, presets, asked).map_err(failed)?;
    let before = functions::names(lua.globals());
    let mut locals = lua.keep_locals(whole.file);
    // A file that calls itself a module has its name from `require`.
    let named = text.contains("module(...").then(|| Value::from("definition"));
    let (ran, ended) = match lua.call(chunk, named.into_iter().collect()) {
        Ok(results) => (results, None),
        Err(error) => match training::ended(&lua.sources, &error, whole) {
            Some(warning) => (vec![], Some((warning, failed(error)))),
            None => return Err(failed(error)),
        },
    };
    if ended.is_some() && matches!(chunk, Value::Function(f) if f.ends_with_return()) {
        // What it would have returned is meant, not what it has worked with.
        locals = lua.table();
    }
    let (file, mut beside) = two(ran);
    let mut value = file.clone();
    if let Some(expression) = &request.call {
        let given = functions::call(lua, &file, &locals, expression);
        (value, beside) = two(match (given, &ended) {
            (Err(_), Some((_, error))) => return Err(error.clone()),
            (given, _) => given?,
        });
    }
    let given = value.clone();
    let scopes = [lua.globals().clone(), locals.clone()];
    let mut name = "M";
    let made = match &value {
        // What a program has made is meant before what it made it by.
        Value::Nil => match left(&scopes) {
            Some((model, loss)) => {
                (value, beside) = (model, loss);
                None
            }
            None => scopes.iter().find_map(maker),
        },
        Value::Table(table) if !is_module(table) && module_of(table).is_none() => maker(table),
        _ => None,
    };
    if let Some(made) = made {
        (name, value) = made;
    }
    if let Value::Table(list) = &value
        && let Some(chain) = functions::chain_of(lua, list).map_err(failed)?
    {
        value = chain;
    }
    let is_model = match &value {
        Value::Table(table) => is_module(table) || module_of(table).is_some(),
        value => matches!(value, Value::Function(_)),
    };
    let left = |lua: &Lua| Left::of(lua, &before, &file, &locals, text);
    if request.call.is_none()
        && !is_model
        && let Some(only) = left(lua).only(text)
    {
        (value, beside) = only;
    }
    let contract = matches!(value, Value::Function(_));
    let mut unasked = None;
    if contract {
        // Programs of the kind that call `createModel(nGPU)` pass a number.
        let told = match functions::takes_count(lua, &value) {
            true => 1usize.into(),
            false => parameters(lua, request, asked).map_err(failed)?,
        };
        unasked = functions::unasked(lua, &value, name, &told);
        let made = lua.call(&value, vec![told]).map_err(|error| match &unasked {
            Some(note) if error.is_catchable() => Box::new(failed(error).note(note.clone())),
            _ => failed(error),
        });
        (value, beside) = two(made?);
    }
    let lonely = matches!(&value, Value::Table(t) if is_module(t) && is_criterion(t));
    if let (Value::Table(table), true) = (&value, contract && !lonely) {
        contract::check(table, &lua.sources, whole)?;
    }
    if let Some(returned) = returned(&value, beside, contract) {
        return Ok(Returned { ended: ended.map(|(warning, _)| warning), ..returned });
    }
    if let Some((_, error)) = ended {
        let list = left(lua).listed(text);
        return Err(Box::new(list.into_iter().fold(*error, Diagnostic::note)));
    }
    let refused = |message: &str| Diagnostic::new(&diag::E0705, whole, message.to_owned());
    if let Value::Table(table) = &value {
        if let Some(misspelt) = contract::misspelt_model(table, text, whole, is_module) {
            return Err(Box::new(misspelt));
        }
        if let Some(class) = class_name(table).filter(|_| !table.field("__index").is_nil()) {
            let message = format!("the definition returns the class {class}, not a module of it");
            return Err(Box::new(refused(&message).help(format!("call it: `{class}()`"))));
        }
    }
    let d = refused(match lonely {
        true => "the definition returns a criterion without a model",
        false => "the definition returns no model",
    });
    if let Some(expression) = &request.call {
        return Err(Box::new(d.help(functions::gave(expression, &given, &file))));
    }
    let d = unasked.into_iter().fold(d, Diagnostic::note);
    let help = "end it with `return function(params) ... return { model = net, loss = criterion } end`, or with `return net`";
    Err(Box::new(d.help(left(lua).listed(text).unwrap_or_else(|| help.to_owned()))))
}

/// The model and the loss in what a definition gives, if there is a model.
fn returned(value: &Value, beside: Value, contract: bool) -> Option<Returned> {
    let Value::Table(table) = value else { return None };
    if is_module(table) {
        let model = Some(table.clone()).filter(|model| !is_criterion(model))?;
        let loss = criterion_of(beside);
        return Some(Returned { model, loss, whole: None, contract: false, ended: None });
    }
    let named = table.field("loss").into_table().or_else(|| loss_in(table));
    let loss = named.or_else(|| criterion_of(table.item(2)));
    let model = module_of(table)?;
    Some(Returned { model, loss, whole: Some(table.clone()), contract, ended: None })
}

/// Functions that make the model, by the names that training programs call them by.
const MAKERS: [&str; 4] = ["createModel", "create_model", "build_model", "setup"];

/// What returned tables call the model, beginning with DIGITS' word.
const MODELS: [&str; 4] = ["model", "Model", "net", "Net"];

/// What they call the loss.
const LOSSES: [&str; 3] = ["loss", "Loss", "criterion"];

/// A value that is a criterion.
fn criterion_of(value: Value) -> Option<Table> {
    value.into_table().filter(is_criterion)
}

/// The loss in a table, by its name.
fn loss_in(table: &Table) -> Option<Table> {
    LOSSES.iter().find_map(|name| criterion_of(table.field(name)))
}

/// Whether a table is a module or a criterion: of a class that extends those of nn, or that computes.
fn is_module(table: &Table) -> bool {
    let Some(class) = table.metatable().filter(|class| class_name(class).is_some()) else {
        return false;
    };
    let of_nn = |class: Table| {
        class_name(&class).is_some_and(|name| ["nn.Module", "nn.Criterion"].contains(&&*name))
    };
    !lua_field(&class, "updateOutput").is_nil() || ancestors(Some(class)).any(of_nn)
}

/// The function in a table that makes the model, with its name.
fn maker(table: &Table) -> Option<(&'static str, Value)> {
    let named = MAKERS.map(|name| (name, table.field(name)));
    named.into_iter().find(|(_, value)| matches!(value, Value::Function(_)))
}

/// The model in a returned table, by its name or as the first of a list.
fn module_of(table: &Table) -> Option<Table> {
    let named = MODELS.iter().map(|name| table.field(name));
    let tables = named.chain([table.item(1)]).filter_map(Value::into_table);
    tables.into_iter().find(|model| is_module(model) && !is_criterion(model))
}

/// The model and the loss that a file without a result has left in variables.
fn left(scopes: &[Table]) -> Option<(Value, Value)> {
    let model = scopes.iter().find_map(module_of)?;
    let loss = scopes.iter().find_map(loss_in);
    Some((Value::Table(model), loss.into()))
}

/// Steps that the text of a model may take.
const PRINTING: u64 = 2_000_000;

/// How a definition is tried, where nobody says it.
#[derive(Clone, Copy, Debug, Default)]
struct Attempt {
    /// Records in a batch.
    batch: Option<usize>,
    /// Whether a loss that computes in Lua, or a label hook, reads one label for each record, not one for each number.
    label_each: bool,
}

fn build(
    lua: &mut Lua,
    library: &Rc<Library>,
    returned: &Returned,
    request: &Request,
    whole: Span,
    diagnostics: &mut Diagnostics,
    definition: &mut Definition,
) -> Result<Places, Stop> {
    let count = |name: &str| {
        let number = returned.whole.as_ref()?.field(name).to_number()?;
        (1.0..1e9).contains(&number).then_some(number as usize)
    };
    definition.batch_sizes = [count("trainBatchSize"), count("validationBatchSize")];
    definition.crop = count("croplen");
    let mut attempts = vec![Attempt { batch: definition.batch_sizes[0], ..Attempt::default() }];
    let hooked = returned.whole.as_ref().is_some_and(|whole| !whole.field("labelHook").is_nil());
    let computes = returned.loss.as_ref().is_some_and(super::lower::computes);
    if request.targets().is_empty() && (hooked || computes) {
        attempts.push(Attempt { label_each: true, ..attempts[0] });
    }
    if attempts[0].batch.is_none() && request.is_one_record() {
        let two: Vec<Attempt> =
            attempts.iter().map(|first| Attempt { batch: Some(2), ..*first }).collect();
        attempts.extend(two);
    }
    let asked = asked_by(&returned.model).numbered();
    // Nobody writes down how a table of inputs is nested: the first nesting that the model takes is meant.
    let mut outcome = None;
    let said = lua.output().len();
    'all: for attempt in attempts {
        let mut inputs = request.inputs(attempt.batch, definition.crop);
        let mut nestings = nestings(inputs.len());
        if inputs.len() == 1 && !request.shapes.contains_key("0") && asked != Nesting::One(0) {
            // A model of several inputs has them by number, each of the shape that is told, if any is.
            let shape = inputs[0].1.clone();
            inputs = (0..asked.tensors()).map(|i| (i.to_string(), shape.clone())).collect();
            nestings = vec![asked.clone()];
        } else if inputs.len() == asked.tensors() {
            nestings.insert(0, asked.clone());
        }
        for nesting in nestings {
            let mut complaints = Diagnostics::default();
            lua.forget_output(said);
            let mut walk = Walk::new(lua, library.clone(), &mut complaints, whole);
            walk.label_each = attempt.label_each;
            let flows: Vec<Flow> = inputs
                .iter()
                .map(|(name, shape)| walk.input(name, shape.as_ref(), whole))
                .collect();
            let input = nesting.arrange(&flows);
            let result = finish(&mut walk, returned, request, &input, whole);
            let places = walk.places();
            let nodes = std::mem::take(&mut walk.nodes);
            let sound = !walk.doubtful;
            drop(walk);
            let given = |names: &Vec<(String, String)>| {
                let outputs = names.iter().filter(|(public, _)| public.starts_with("out."));
                request.outputs.is_none_or(|n| n == outputs.count())
            };
            let good = result.as_ref().is_ok_and(given) && !complaints.has_errors() && sound;
            if outcome.is_none() || good {
                outcome = Some((attempt, result, nodes, places, complaints));
            }
            if good {
                break 'all;
            }
        }
    }
    let Some((attempt, result, nodes, places, complaints)) = outcome else { return Ok(vec![]) };
    diagnostics.extend(complaints);
    if attempt.batch != definition.batch_sizes[0] {
        let message = "checked with a batch of two: with one the net loses its batch axis";
        let d = Diagnostic::new(&diag::W0606, whole, message)
            .note("nn.View and nn.Reshape drop the axis of a batch of one")
            .help("say the batch: --shape input=16,3,28,28");
        diagnostics.report(d);
    }
    definition.nodes = nodes;
    definition.names = result?;
    // The text of a deep net is far larger than the net.
    let most = (lua.steps() + PRINTING).min(lua.limits.steps);
    let steps = std::mem::replace(&mut lua.limits.steps, most);
    for part in [Some(&returned.model), returned.loss.as_ref()].into_iter().flatten() {
        // Classes of the definition's own may print themselves in any way, or in none.
        if let Ok(text) = lua.to_text(&Value::Table(part.clone())) {
            definition.printed.push_str(&text.to_str());
            definition.printed.push('\n');
        }
    }
    lua.limits.steps = steps;
    Ok(places)
}

/// The walk over model, label hook and loss.
fn finish(
    walk: &mut Walk,
    returned: &Returned,
    request: &Request,
    input: &Flow,
    whole: Span,
) -> Result<Vec<(String, String)>, Stop> {
    walk.ask_modes(&returned.model)?;
    walk.uncalled_methods(&returned.model, returned.loss.as_ref());
    let output = walk.module(&returned.model, "", input)?;
    let output = walk.outputs(output, whole);
    let mut names = walk.blob_names(input, &output);
    names.extend(walk.parameter_names(&returned.model).map_err(super::lower::stop)?);
    let default =
        if returned.loss.is_none() && returned.contract && matches!(output, Flow::Tensor(_)) {
            walk.default_loss()?
        } else {
            None
        };
    if let Some(loss) = returned.loss.clone().or(default) {
        if walk.reads_target(&loss) {
            walk.begin_loss();
            let target = target(walk, &loss, returned, request, (input, &output), &mut names)?;
            walk.criterion(&loss, "loss", &output, &target, 1.0)?;
        } else {
            walk.criterion(&loss, "loss", &output, &Flow::Table(vec![]), 1.0)?;
        }
    }
    walk.share(request.apart);
    walk.ended_sharing();
    Ok(names)
}

/// The inputs of the net that hold the target, after the definition's hook.
fn target(
    walk: &mut Walk,
    loss: &Table,
    returned: &Returned,
    request: &Request,
    (input, output): (&Flow, &Flow),
    names: &mut Vec<(String, String)>,
) -> Outcome {
    let (whole, nesting, shapes) = (walk.whole(), walk.targets(loss), request.targets());
    let apart = nesting != Nesting::One(0);
    let hook = returned.whole.as_ref().map_or(Ok(None), |table| {
        contract::hook(table, "labelHook", &walk.lua.sources, walk.whole())
    })?;
    // A hook is given the one label of a record, and makes of it what the loss takes apart.
    let n = if hook.is_some() { 1 } else { nesting.tensors() }.max(shapes.len());
    let mut flows = vec![];
    for i in 0..n {
        let name = if 1 < n { format!("target.{i}") } else { "target".to_owned() };
        let shape = shapes.get(i).cloned().or_else(|| walk.label_shape(loss, i, input, output));
        names.push((name.clone(), format!("in.{name}")));
        flows.push(walk.input(&name, shape.as_ref(), whole));
    }
    let target = match (flows.len(), apart, &hook) {
        (1, false, _) | (1, _, Some(_)) => flows.remove(0),
        (n, true, None) if n == nesting.tensors() => nesting.arrange(&flows),
        _ => Flow::Table(flows),
    };
    let target = match hook {
        Some(hook) => {
            let field = contract::place(&walk.lua.sources, whole, "labelHook");
            hook::apply(walk, hook, field, input, target)?
        }
        None => target,
    };
    Ok(match target {
        one @ Flow::Tensor(_) if apart => Flow::Table(vec![one]),
        target => target,
    })
}
