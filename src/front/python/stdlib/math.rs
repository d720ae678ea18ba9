//! The module `math`.

use super::function;
use crate::front::python::interp::{Args, Module, Outcome, Python, Value};
use crate::source::Span;

pub(super) fn install(py: &mut Python) {
    let math = Module::new("math");
    for (name, value) in [
        ("pi", std::f64::consts::PI),
        ("e", std::f64::consts::E),
        ("tau", std::f64::consts::TAU),
        ("inf", f64::INFINITY),
        ("nan", f64::NAN),
    ] {
        math.set(name, value);
    }
    let functions: [(&'static str, fn(f64) -> f64); 18] = [
        ("sqrt", f64::sqrt),
        ("exp", f64::exp),
        ("expm1", f64::exp_m1),
        ("log1p", f64::ln_1p),
        ("log2", f64::log2),
        ("log10", f64::log10),
        ("sin", f64::sin),
        ("cos", f64::cos),
        ("tan", f64::tan),
        ("asin", f64::asin),
        ("acos", f64::acos),
        ("atan", f64::atan),
        ("sinh", f64::sinh),
        ("cosh", f64::cosh),
        ("tanh", f64::tanh),
        ("fabs", f64::abs),
        ("degrees", f64::to_degrees),
        ("radians", f64::to_radians),
    ];
    for (name, compute) in functions {
        function(&math, name, &["x"], move |py, args| {
            let x = number(py, &args.get("x"), args.span_of("x"))?;
            let result = compute(x);
            checked(py, x, result, args.span)
        });
    }
    let whole: [(&'static str, fn(f64) -> f64); 3] =
        [("floor", f64::floor), ("ceil", f64::ceil), ("trunc", f64::trunc)];
    for (name, round) in whole {
        function(&math, name, &["x"], move |py, args| {
            let value = args.get("x");
            if let Some(whole) = value.as_int() {
                return Ok(Value::Int(whole));
            }
            let x = number(py, &value, args.span_of("x"))?;
            let int = py.types.int.clone();
            super::construct::int(py, &int, Args::new([Value::Float(round(x))], args.span))
        });
    }
    function(&math, "log", &["x", "base?"], |py, args| {
        let x = number(py, &args.get("x"), args.span_of("x"))?;
        if x <= 0.0 {
            return Err(py.value_error(args.span, "math domain error"));
        }
        if !args.is_given("base") {
            return Ok(Value::Float(x.ln()));
        }
        let base = number(py, &args.get("base"), args.span_of("base"))?;
        if base <= 0.0 {
            return Err(py.value_error(args.span, "math domain error"));
        }
        if base == 1.0 {
            return Err(py.error("ZeroDivisionError", args.span, "division by zero"));
        }
        Ok(Value::Float(x.ln() / base.ln()))
    });
    let pairs: [(&'static str, fn(f64, f64) -> f64); 4] = [
        ("pow", f64::powf),
        ("atan2", f64::atan2),
        ("hypot", f64::hypot),
        ("copysign", f64::copysign),
    ];
    for (name, compute) in pairs {
        function(&math, name, &["x", "y"], move |py, args| {
            let x = number(py, &args.get("x"), args.span_of("x"))?;
            let y = number(py, &args.get("y"), args.span_of("y"))?;
            let result = compute(x, y);
            checked(py, if y.is_finite() { x } else { f64::NAN }, result, args.span)
        });
    }
    function(&math, "fmod", &["x", "y"], |py, args| {
        let x = number(py, &args.get("x"), args.span)?;
        let y = number(py, &args.get("y"), args.span)?;
        checked(py, x, x % y, args.span)
    });
    let tests: [(&'static str, fn(f64) -> bool); 3] =
        [("isnan", f64::is_nan), ("isinf", f64::is_infinite), ("isfinite", f64::is_finite)];
    for (name, test) in tests {
        function(&math, name, &["x"], move |py, args| {
            Ok(Value::Bool(test(number(py, &args.get("x"), args.span)?)))
        });
    }
    function(&math, "gcd", &["a", "b"], |py, args| {
        let (mut a, mut b) = (args.int_or(py, "a", 0)?, args.int_or(py, "b", 0)?);
        while b != 0 {
            (a, b) = (b, a.wrapping_rem(b));
        }
        match a.checked_abs() {
            Some(a) => Ok(Value::Int(a)),
            None => Err(py.overflow(args.span)),
        }
    });
    function(&math, "factorial", &["x"], |py, args| {
        let x = args.int_or(py, "x", 0)?;
        if x < 0 {
            return Err(py.value_error(args.span, "factorial() not defined for negative values"));
        }
        let product = (1..=x.min(30)).try_fold(1i64, |product, i| product.checked_mul(i));
        match product {
            Some(product) => Ok(Value::Int(product)),
            None => Err(py.overflow(args.span)),
        }
    });
    function(&math, "fsum", &["seq"], |py, args| {
        // Neumaier's sum carries what each addition loses.
        let (mut sum, mut lost) = (0.0f64, 0.0f64);
        for item in py.iterate(&args.get("seq"), args.span)? {
            let x = number(py, &item, args.span)?;
            let total = sum + x;
            lost += if sum.abs() >= x.abs() { (sum - total) + x } else { (x - total) + sum };
            sum = total;
        }
        Ok(Value::Float(sum + lost))
    });
    function(&math, "modf", &["x"], |py, args| {
        let x = number(py, &args.get("x"), args.span)?;
        Ok(Value::tuple([Value::Float(x.fract()), Value::Float(x.trunc())]))
    });
    py.add_module("math", Value::Module(math));
}

fn number(py: &mut Python, value: &Value, at: Span) -> Outcome<f64> {
    match py.to_float(value, at)? {
        Some(value) => Ok(value),
        None => {
            let name = py.type_name(value);
            Err(py.type_error(at, format!("must be real number, not {name}")))
        }
    }
}

/// A result, unless a finite number led to none.
fn checked(py: &mut Python, x: f64, result: f64, at: Span) -> Outcome {
    if result.is_nan() && !x.is_nan() || result == f64::NEG_INFINITY && x == 0.0 {
        return Err(py.value_error(at, "math domain error"));
    }
    if result.is_infinite() && x.is_finite() {
        return Err(py.error("OverflowError", at, "math range error"));
    }
    Ok(Value::Float(result))
}
