//! Functions of elements that Torch's and TensorFlow's tensors have and no other layer computes.

use super::prelude::*;
use crate::layers::special_functions as special;
use crate::program::expr::Expr;

/// What is computed of each element and those in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// Whether x = y: 1 or 0, as all comparisons.
    Equal,
    /// Whether x and y differ.
    Unequal,
    /// Whether x < y.
    Less,
    /// Whether x <= y.
    AtMost,
    /// Whether x > y.
    Greater,
    /// Whether x >= y.
    AtLeast,
    /// y where x is not 0, else z.
    Choose,
    /// x to the power of y.
    Power,
    /// The whole part.
    Truncate,
    /// The largest whole number not above.
    Floor,
    /// The smallest whole number not below.
    Ceiling,
    /// The nearest whole number; halves away from 0.
    Round,
    /// x less its whole part.
    Fraction,
    /// -1, 0 or 1.
    Sign,
    /// Sine.
    Sine,
    /// Cosine.
    Cosine,
    /// Tangent.
    Tangent,
    /// Hyperbolic sine.
    HyperbolicSine,
    /// Hyperbolic cosine.
    HyperbolicCosine,
    /// ln(1 + x)
    LogOfOneMore,
    /// The error function, twice the integral of the normal density of variance 1/2 from 0 to x.
    Error,
    /// Arc sine.
    ArcSine,
    /// Arc cosine.
    ArcCosine,
    /// Arc tangent.
    ArcTangent,
    /// The angle of the point that is x high and y wide.
    Angle,
    /// Inverse of the hyperbolic sine.
    AreaSine,
    /// Logarithm of the absolute value of the gamma function.
    LogGamma,
    /// Derivative of that logarithm.
    Digamma,
    /// x + y
    Add,
    /// x - y
    Subtract,
    /// x y
    Multiply,
    /// x / y
    Divide,
    /// The larger one; the gradient of equals goes to x.
    Larger,
    /// The smaller one; the gradient of equals goes to x.
    Smaller,
    /// The larger one; the gradient of equals goes to y.
    LargerLast,
    /// The smaller one; the gradient of equals goes to y.
    SmallerLast,
}

params! {
    /// A function of each element of the first bottom and the elements in the same places of the others.
    ///
    /// Bottoms have as many elements as the first, or one. A number takes the place of the last bottom. Comparisons and
    /// whole parts have the gradient 0.
    ///
    /// Torch's methods of tensors (`gt`, `pow`, `floor`, ...), where a module of a definition's own calls them, and
    /// TensorFlow's operators.
    pub struct ElementFunction {
        /// What is computed.
        function: Function = Function::Equal,
        /// The last argument, where it is a number.
        number: Option<f64> = None,
        /// Whether bottoms are repeated along axes where they have extent 1, as in TensorFlow; all then have as many axes.
        repeats: bool = false,
    }
}

const SCRIPT: &str = "
function Class:__init(method, number)
   Parent.__init(self)
   self.method, self.number = method, number
end";

/// The description of [`ElementFunction`].
pub static SPEC: LayerSpec = LayerSpec {
    bottoms: Arity::between(1, 3),
    in_place: InPlace::Refused,
    spellings: &[
        torch("cortado.ElementFunction", &["method", "number"], |a| read(a).into()).script(SCRIPT)
    ],
    ..LayerSpec::new("ElementFunction", Category::Elementwise, ElementFunction::DOCS)
};

/// The functions by the names of Torch's methods.
const METHODS: [(&str, Function); 34] = [
    ("eq", Function::Equal),
    ("ne", Function::Unequal),
    ("lt", Function::Less),
    ("le", Function::AtMost),
    ("gt", Function::Greater),
    ("ge", Function::AtLeast),
    ("maskedFill", Function::Choose),
    ("pow", Function::Power),
    ("trunc", Function::Truncate),
    ("floor", Function::Floor),
    ("ceil", Function::Ceiling),
    ("round", Function::Round),
    ("frac", Function::Fraction),
    ("sign", Function::Sign),
    ("sin", Function::Sine),
    ("cos", Function::Cosine),
    ("tan", Function::Tangent),
    ("sinh", Function::HyperbolicSine),
    ("cosh", Function::HyperbolicCosine),
    ("log1p", Function::LogOfOneMore),
    ("erf", Function::Error),
    ("asin", Function::ArcSine),
    ("acos", Function::ArcCosine),
    ("atan", Function::ArcTangent),
    ("atan2", Function::Angle),
    ("asinh", Function::AreaSine),
    ("lgamma", Function::LogGamma),
    ("digamma", Function::Digamma),
    ("add", Function::Add),
    ("sub", Function::Subtract),
    ("mul", Function::Multiply),
    ("div", Function::Divide),
    ("max", Function::Larger),
    ("min", Function::Smaller),
];

fn read(a: &Args) -> ElementFunction {
    let method = a.text("method").unwrap_or_default();
    let known = METHODS.iter().find(|(name, _)| *name == method);
    if known.is_none() {
        a.wrong("method", format!("no function of elements is called `{method}`"));
    }
    let function = known.map_or(Function::Equal, |(_, function)| *function);
    ElementFunction { function, number: a.float("number"), repeats: false }
}

impl ElementFunction {
    /// How many arguments the function takes.
    fn takes(&self) -> usize {
        match self.function {
            Function::Choose => 3,
            Function::Equal
            | Function::Unequal
            | Function::Less
            | Function::AtMost
            | Function::Greater
            | Function::AtLeast
            | Function::Power
            | Function::Angle
            | Function::Add
            | Function::Subtract
            | Function::Multiply
            | Function::Divide
            | Function::Larger
            | Function::Smaller
            | Function::LargerLast
            | Function::SmallerLast => 2,
            _ => 1,
        }
    }

    /// The shape in which all bottoms fit when they are repeated.
    fn repeated(&self, cx: &Infer) -> Result<Signature, Reported> {
        let mut top = cx.bottom(0).clone();
        for (i, other) in cx.bottoms.iter().enumerate().skip(1) {
            let pairs = top.dims().iter().zip(other.dims());
            let fits = |(&a, &b): (&usize, &usize)| a == b || a == 1 || b == 1;
            if other.rank() != top.rank() || !pairs.clone().all(fits) {
                return cx.fail_bottom(i, format!("cannot be repeated to the shape {top}"));
            }
            let dims = pairs.map(|(&a, &b)| if a == 1 { b } else { a });
            top = Shape(dims.collect());
        }
        Ok(Signature::of(top))
    }

    fn of(&self, x: Expr, y: Expr, z: Expr) -> Expr {
        let halves = |sign: f64| (x.clone().exp() + (-x.clone()).exp() * sign) * 0.5;
        match self.function {
            Function::Equal => x.equals(y),
            Function::Unequal => constant(1.0) - x.equals(y),
            Function::Less => x.lt(y),
            Function::AtMost => x.le(y),
            Function::Greater => x.gt(y),
            Function::AtLeast => x.ge(y),
            Function::Choose => select(x, y, z),
            Function::Power => x.pow(y),
            Function::Truncate => x.trunc(),
            Function::Floor => x.floor(),
            Function::Ceiling => -(-x).floor(),
            Function::Round => {
                let size = (x.clone().abs() + 0.5).floor();
                select(x.lt(0.0), -size.clone(), size)
            }
            Function::Fraction => x.clone() - x.trunc(),
            Function::Sign => x.sign(),
            Function::Sine => x.sin(),
            Function::Cosine => x.cos(),
            Function::Tangent => x.clone().sin() / x.cos(),
            Function::HyperbolicSine => halves(-1.0),
            Function::HyperbolicCosine => halves(1.0),
            Function::LogOfOneMore => x.ln_1p(),
            Function::Error => special::error_function(&x),
            Function::ArcSine => special::arc_sine(&x),
            Function::ArcCosine => special::arc_cosine(&x),
            Function::ArcTangent => special::arc_tangent(&x),
            Function::Angle => special::angle(&x, &y),
            Function::AreaSine => special::area_sine(&x),
            Function::LogGamma => special::log_gamma(&x),
            Function::Digamma => special::digamma(&x),
            Function::Add => x + y,
            Function::Subtract => x - y,
            Function::Multiply => x * y,
            Function::Divide => x / y,
            Function::Larger => select(x.clone().ge(y.clone()), x, y),
            Function::Smaller => select(x.clone().le(y.clone()), x, y),
            Function::LargerLast => select(x.clone().gt(y.clone()), x, y),
            Function::SmallerLast => select(x.clone().lt(y.clone()), x, y),
        }
    }
}

impl LayerOps for ElementFunction {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let given = cx.bottoms.len() + usize::from(self.number.is_some());
        if given != self.takes() {
            let message = format!("takes {} arguments, not {given}", self.takes());
            return cx.fail(&["number"], message);
        }
        let x = cx.bottom(0);
        if self.repeats {
            return self.repeated(cx);
        }
        for (i, other) in cx.bottoms.iter().enumerate().skip(1) {
            if other.count() != x.count() && other.count() != 1 {
                return cx.fail_bottom(i, format!("must have as many elements as {x}, or one"));
            }
        }
        Ok(Signature::of(x.clone()))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let top = cx.top(0).clone();
        let mut args = vec![];
        for &bottom in cx.bottoms {
            let one = b.shape(bottom).count() == 1;
            let seen = if one { vec![1; top.rank()].into() } else { top.clone() };
            args.push(if self.repeats { bottom } else { b.view(bottom, seen) });
        }
        let argument = |i: usize| match self.number {
            Some(number) if i == args.len() => constant(number),
            _ => arg(i),
        };
        vec![b.map(&args, &self.of(argument(0), argument(1), argument(2)))]
    }

    fn detail(&self) -> String {
        let name = METHODS.iter().find(|(_, function)| *function == self.function);
        let name = name.map_or("", |(name, _)| name);
        self.number.map_or_else(|| name.to_owned(), |number| format!("{name} {}", number as f32))
    }
}

#[cfg(test)]
mod tests {
    use super::METHODS;

    #[test]
    fn every_function_has_one_name() {
        for (i, (name, function)) in METHODS.iter().enumerate() {
            let others = &METHODS[i + 1..];
            assert!(!others.iter().any(|(n, f)| n == name || f == function), "{name}");
        }
    }
}
