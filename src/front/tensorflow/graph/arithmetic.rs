//! Functions of elements: of one tensor, and of two that are repeated to one shape as numpy does it.

use super::layout::{physical, plain_order};
use super::{Fault, Graph, Kind, Outcome, Source, Tensor, shown};
use crate::layers::Layer;
use crate::layers::axis_span::AxisSpan;
use crate::layers::bias::Bias;
use crate::layers::element_function::{ElementFunction, Function};
use crate::layers::power::Power;

/// A function of two tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Remainder,
    Power,
    Maximum,
    Minimum,
    SquaredDifference,
    Angle,
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
    And,
    Or,
}

impl Binary {
    /// TensorFlow's name of the operation.
    pub fn name(self) -> &'static str {
        match self {
            Binary::Add => "add",
            Binary::Subtract => "sub",
            Binary::Multiply => "mul",
            Binary::Divide => "truediv",
            Binary::FloorDivide => "floordiv",
            Binary::Remainder => "mod",
            Binary::Power => "pow",
            Binary::Maximum => "Maximum",
            Binary::Minimum => "Minimum",
            Binary::SquaredDifference => "SquaredDifference",
            Binary::Angle => "atan2",
            Binary::Equal => "Equal",
            Binary::Unequal => "NotEqual",
            Binary::Less => "Less",
            Binary::AtMost => "LessEqual",
            Binary::Greater => "Greater",
            Binary::AtLeast => "GreaterEqual",
            Binary::And => "LogicalAnd",
            Binary::Or => "LogicalOr",
        }
    }

    fn of(self, a: f64, b: f64) -> f64 {
        let truth = |holds: bool| f64::from(u8::from(holds));
        match self {
            Binary::Add => a + b,
            Binary::Subtract => a - b,
            Binary::Multiply | Binary::And => a * b,
            Binary::Divide => a / b,
            Binary::FloorDivide => (a / b).floor(),
            Binary::Remainder => a - b * (a / b).floor(),
            Binary::Power => a.powf(b),
            Binary::Maximum | Binary::Or => a.max(b),
            Binary::Minimum => a.min(b),
            Binary::SquaredDifference => (a - b) * (a - b),
            Binary::Angle => a.atan2(b),
            Binary::Equal => truth(a == b),
            Binary::Unequal => truth(a != b),
            Binary::Less => truth(a < b),
            Binary::AtMost => truth(a <= b),
            Binary::Greater => truth(b < a),
            Binary::AtLeast => truth(b <= a),
        }
    }

    /// The layer's function, where one layer does it.
    fn function(self) -> Option<Function> {
        Some(match self {
            Binary::Add => Function::Add,
            Binary::Subtract => Function::Subtract,
            Binary::Multiply | Binary::And => Function::Multiply,
            Binary::Divide => Function::Divide,
            Binary::Power => Function::Power,
            Binary::Angle => Function::Angle,
            Binary::Maximum | Binary::Or => Function::Larger,
            Binary::Minimum => Function::Smaller,
            Binary::Equal => Function::Equal,
            Binary::Unequal => Function::Unequal,
            Binary::Less => Function::Less,
            Binary::AtMost => Function::AtMost,
            Binary::Greater => Function::Greater,
            Binary::AtLeast => Function::AtLeast,
            Binary::FloorDivide | Binary::Remainder | Binary::SquaredDifference => return None,
        })
    }

    /// The same with the arguments exchanged, where that is a function of these.
    fn exchanged(self) -> Option<Binary> {
        Some(match self {
            Binary::Less => Binary::Greater,
            Binary::AtMost => Binary::AtLeast,
            Binary::Greater => Binary::Less,
            Binary::AtLeast => Binary::AtMost,
            Binary::Subtract
            | Binary::Divide
            | Binary::FloorDivide
            | Binary::Remainder
            | Binary::Power
            | Binary::Angle => return None,
            other => other,
        })
    }

    fn kind(self, a: Kind, b: Kind) -> Kind {
        match self {
            Binary::Equal
            | Binary::Unequal
            | Binary::Less
            | Binary::AtMost
            | Binary::Greater
            | Binary::AtLeast
            | Binary::And
            | Binary::Or => Kind::Bool,
            Binary::Divide => Kind::Float,
            _ if a == Kind::Float || b == Kind::Float => Kind::Float,
            _ => Kind::Int,
        }
    }
}

/// Of so many numbers the results are worked out beforehand.
const MOST_KNOWN: usize = 1 << 20;

/// The shape that two tensors are repeated to.
fn common(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let extent = |dims: &[usize], axis: usize| {
        let missing = rank - dims.len();
        if axis < missing { 1 } else { dims[axis - missing] }
    };
    let fit = |axis: usize| match (extent(a, axis), extent(b, axis)) {
        (a, b) if a == b || b == 1 => Some(a),
        (1, b) => Some(b),
        _ => None,
    };
    (0..rank).map(fit).collect()
}

impl Graph {
    /// A function of each element, as a layer.
    ///
    /// # Errors
    /// The layer does not take the blob.
    pub fn unary(
        &mut self,
        tensor: &Tensor,
        name: &str,
        layer: impl Into<Layer>,
    ) -> Outcome<Tensor> {
        let (blob, order) = self.blob(tensor)?;
        let top = self.push(name, layer, &[&blob], &[])?;
        Ok(self.tensor(top, order, Kind::Float))
    }

    /// (shift + scale x)^power.
    ///
    /// # Errors
    /// The tensor would be too large.
    pub fn power(&mut self, x: &Tensor, name: &str, layer: Power) -> Outcome<Tensor> {
        let Power { power, scale, shift, .. } = layer;
        let whole = [power, scale, shift].iter().all(|number| number.fract() == 0.0);
        let kind = if whole && 0.0 <= power { x.kind } else { Kind::Float };
        if let Some(known) = x.map(kind, |x| (shift + scale * x).powf(power)) {
            return Ok(known);
        }
        let made = self.unary(x, name, Power { exact_gradient: true, ..layer })?;
        Ok(Tensor { kind, ..made })
    }

    /// A function of two tensors.
    ///
    /// # Errors
    /// Their shapes cannot be repeated to one.
    pub fn binary(&mut self, function: Binary, a: &Tensor, b: &Tensor) -> Outcome<Tensor> {
        let name = function.name();
        let Some(dims) = common(&a.dims, &b.dims) else {
            let (left, right) = (shown(&a.dims), shown(&b.dims));
            let message = format!("shapes {left} and {right} do not go together");
            let pairs = super::origins::repeated(a, b);
            return Err(self
                .unlike(message, [a, b], pairs)
                .help("counted from the last axis, extents must be equal, or one of them 1"));
        };
        let kind = function.kind(a.kind, b.kind);
        if let (Some(x), Some(y)) = (a.uniform(), b.uniform()) {
            let source = Source::Uniform(function.of(x, y));
            return Ok(Tensor { source, dims, kind, name: "Const".into() });
        }
        if a.dims == b.dims
            && MOST_KNOWN >= a.count()
            && let (Some(x), Some(y)) = (a.known(), b.known())
        {
            let values = x.iter().zip(&y).map(|(&x, &y)| function.of(x, y)).collect();
            return Ok(Tensor::numbers(values, dims, kind));
        }
        if b.dims.len() <= a.dims.len()
            && let Some(number) = b.uniform().filter(|_| dims == a.dims)
            && let Some(result) = self.with_number(function, a, number)?
        {
            return Ok(Tensor { kind, ..result });
        }
        if let Some(number) = a.uniform().filter(|_| dims == b.dims)
            && let Some(result) = self.number_with(function, number, b)?
        {
            return Ok(Tensor { kind, ..result });
        }
        if function == Binary::Add {
            for (x, v) in [(a, b), (b, a)] {
                if let (Source::Variable(variable), false) =
                    (&v.source, matches!(x.source, Source::Variable(_)))
                    && v.rank() == 1
                    && x.dims.last() == v.dims.last()
                {
                    return self.bias_add(x, *variable, name);
                }
            }
        }
        let Some(of) = function.function() else {
            if function == Binary::SquaredDifference {
                let difference = self.binary(Binary::Subtract, a, b)?;
                return self.power(&difference, name, Power { power: 2.0, ..Power::default() });
            }
            let quotient = self.binary(Binary::Divide, a, b)?;
            let layer = ElementFunction { function: Function::Floor, ..ElementFunction::default() };
            let whole = self.unary(&quotient, "Floor", layer)?;
            if function == Binary::FloorDivide {
                return Ok(Tensor { kind, ..whole });
            }
            let whole = self.binary(Binary::Multiply, &whole, b)?;
            let rest = self.binary(Binary::Subtract, a, &whole)?;
            return Ok(Tensor { kind, ..rest });
        };
        let (bottoms, order) = self.aligned(&[a, b])?;
        let layer = ElementFunction { function: of, number: None, repeats: true };
        let top = self.push(name, layer, &[&bottoms[0], &bottoms[1]], &[])?;
        Ok(self.tensor(top, order, kind))
    }

    /// Tensors as blobs of one order of axes and as many axes, to be repeated to one shape.
    fn aligned(&mut self, tensors: &[&Tensor]) -> Outcome<(Vec<String>, Vec<usize>)> {
        let rank = tensors.iter().map(|t| t.rank()).max().unwrap_or(0);
        // The largest says how all lie.
        let leader = tensors.iter().filter(|t| t.rank() == rank).max_by_key(|t| t.count());
        let order = match leader {
            Some(leader) => self.blob(leader)?.1,
            None => plain_order(rank),
        };
        let mut blobs = vec![];
        for tensor in tensors {
            let missing = rank - tensor.rank();
            if missing == 0 {
                blobs.push(self.arranged(tensor, &order)?);
                continue;
            }
            let mut dims = vec![1; missing];
            dims.extend(&tensor.dims);
            let dims: Vec<i64> = dims.into_iter().map(|extent| extent as i64).collect();
            let blob = self.plain(tensor)?;
            let plain = self.plain_tensor(blob, tensor.kind);
            let wide = self.reshape(&plain, &dims)?;
            blobs.push(self.arranged(&wide, &order)?);
        }
        Ok((blobs, order))
    }

    /// A function of a tensor and a number behind it.
    fn with_number(
        &mut self,
        function: Binary,
        x: &Tensor,
        number: f64,
    ) -> Outcome<Option<Tensor>> {
        let name = function.name();
        let layer = match function {
            Binary::Add => Power { shift: number, ..Power::default() },
            Binary::Subtract => Power { shift: -number, ..Power::default() },
            Binary::Multiply => Power { scale: number, ..Power::default() },
            Binary::Divide => Power { scale: 1.0 / number, ..Power::default() },
            Binary::Power => Power { power: number, ..Power::default() },
            _ => {
                let Some(function) = function.function() else { return Ok(None) };
                let layer = ElementFunction { function, number: Some(number), repeats: false };
                return self.unary(x, name, layer).map(Some);
            }
        };
        if layer == Power::default() {
            return Ok(Some(x.clone()));
        }
        self.power(x, name, layer).map(Some)
    }

    /// A function of a number and a tensor behind it.
    fn number_with(
        &mut self,
        function: Binary,
        number: f64,
        x: &Tensor,
    ) -> Outcome<Option<Tensor>> {
        let name = function.name();
        let last = match function {
            Binary::Maximum => Some(Function::LargerLast),
            Binary::Minimum => Some(Function::SmallerLast),
            _ => None,
        };
        if let Some(function) = last {
            // Of equals it is the number that counts.
            let layer = ElementFunction { function, number: Some(number), repeats: false };
            return self.unary(x, name, layer).map(Some);
        }
        if let Some(exchanged) = function.exchanged() {
            return self.with_number(exchanged, x, number);
        }
        let layer = match function {
            Binary::Subtract => Power { scale: -1.0, shift: number, ..Power::default() },
            Binary::Divide if number != 0.0 => {
                Power { power: -1.0, scale: 1.0 / number, ..Power::default() }
            }
            _ => return Ok(None),
        };
        self.power(x, name, layer).map(Some)
    }

    /// A variable of one axis added along the last axis. A convolution or a product that nothing else reads takes it as
    /// its bias.
    ///
    /// # Errors
    /// The extents differ.
    pub fn bias_add(&mut self, x: &Tensor, variable: usize, name: &str) -> Outcome<Tensor> {
        let (blob, order) = self.blob(x)?;
        let last = order.last().copied().unwrap_or(0);
        if let Some(top) = self.take_bias(&blob, last, variable, name)? {
            return Ok(self.tensor(top, order, Kind::Float));
        }
        let span = AxisSpan { axis: last as i64, count: 1 };
        let layer = Bias { span, filler: self.variables[variable].filler };
        let top = self.push(name, layer, &[&blob], &[variable])?;
        Ok(self.tensor(top, order, Kind::Float))
    }

    /// `tf.where` of three tensors, and masks.
    ///
    /// # Errors
    /// The shapes differ.
    pub fn choose(&mut self, condition: &Tensor, a: &Tensor, b: &Tensor) -> Outcome<Tensor> {
        let kind = a.kind;
        let mut condition = condition.clone();
        while condition.rank() < a.rank() && condition.rank() == 1 {
            // A vector chooses rows.
            let mut dims = vec![1; a.rank()];
            dims[0] = condition.dims[0] as i64;
            condition = self.reshape(&condition, &dims)?;
        }
        let dims = common(&a.dims, &b.dims).and_then(|dims| common(&dims, &condition.dims));
        let Some(dims) = dims else {
            let shapes = [&condition, a, b].map(|t| shown(&t.dims)).join(", ");
            return Err(Fault::new(format!("shapes {shapes} do not go together")));
        };
        let (bottoms, order) = self.aligned(&[&condition, a, b])?;
        let bottoms: Vec<&str> = bottoms.iter().map(String::as_str).collect();
        let layer = ElementFunction { function: Function::Choose, number: None, repeats: true };
        let top = self.push("Select", layer, &bottoms, &[])?;
        debug_assert_eq!(*self.shape(&top), physical(&dims, &order));
        Ok(self.tensor(top, order, kind))
    }

    /// Whole numbers from any (`tf.to_int32`, `tf.cast`).
    ///
    /// # Errors
    /// The tensor would be too large.
    pub fn cast(&mut self, x: &Tensor, kind: Kind) -> Outcome<Tensor> {
        let of = |x: f64| match kind {
            Kind::Float => x,
            Kind::Int => x.trunc(),
            Kind::Bool => f64::from(u8::from(x != 0.0)),
        };
        if let Some(known) = x.map(kind, of) {
            return Ok(known);
        }
        let function = match (x.kind, kind) {
            (Kind::Float, Kind::Int) => Function::Truncate,
            (Kind::Float | Kind::Int, Kind::Bool) => Function::Unequal,
            _ => return Ok(Tensor { kind, ..x.clone() }),
        };
        let number = (function == Function::Unequal).then_some(0.0);
        let layer = ElementFunction { function, number, repeats: false };
        let cast = self.unary(x, "Cast", layer)?;
        Ok(Tensor { kind, ..cast })
    }
}

impl Graph {
    /// The tensor, through which no gradient goes.
    ///
    /// # Errors
    /// The tensor would be too large.
    pub fn stop_gradient(&mut self, x: &Tensor) -> Outcome<Tensor> {
        let held = self.unary(x, "StopGradient", crate::layers::stop_gradient::StopGradient {})?;
        Ok(Tensor { kind: x.kind, ..held })
    }
}
