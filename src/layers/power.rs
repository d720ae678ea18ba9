//! (shift + scale x)^power.

use super::prelude::*;

params! {
    /// (shift + scale x)^power, element by element.
    ///
    /// Gradients follow Caffe (power_layer.cpp), also where that leaves the mathematics: with shift 0 and a power
    /// other than 0, 1 and 2 the gradient is power · y / x, which is NaN at 0. Torch's is power · x^(power - 1).
    pub struct Power {
        /// Exponent.
        power: f64 = 1.0,
        /// Factor of the input.
        scale: f64 = 1.0,
        /// Added after scaling.
        shift: f64 = 0.0,
        /// Whether the gradient is power · x^(power - 1), as in mathematics.
        exact_gradient: bool = false,
    }
}

const CONSTANT: &[&str] = &["constant_scalar", "inplace"];

const SCRIPT: &str = "
function Class:__init(constant_scalar, inplace)
   Parent.__init(self)
   if type(constant_scalar) ~= 'number' then
      error(torch.type(self) .. ': the constant must be a number, not ' .. torch.type(constant_scalar), 3)
   end
   self.constant_scalar = constant_scalar
   self.inplace = inplace or false
end";

/// The description of [`Power`].
pub static SPEC: LayerSpec = LayerSpec {
    spellings: &[
        caffe("Power", |a| {
            let p = a.section("power_param");
            Power {
                power: p.float("power").unwrap_or(1.0),
                scale: p.float("scale").unwrap_or(1.0),
                shift: p.float("shift").unwrap_or(0.0),
                exact_gradient: false,
            }
            .into()
        }),
        torch("nn.Power", &["pow"], |a| {
            Power {
                power: a.required("pow", Args::float),
                exact_gradient: true,
                ..Power::default()
            }
            .into()
        }),
        torch("nn.Square", &[], |_| Power { power: 2.0, ..Power::default() }.into()),
        torch("nn.MulConstant", CONSTANT, |a| {
            Power { scale: a.required("constant_scalar", Args::float), ..Power::default() }.into()
        })
        .script(SCRIPT),
        torch("nn.AddConstant", CONSTANT, |a| {
            Power { shift: a.required("constant_scalar", Args::float), ..Power::default() }.into()
        })
        .script(SCRIPT),
    ],
    ..LayerSpec::new("Power", Category::Elementwise, Power::DOCS)
};

impl LayerOps for Power {
    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let x = cx.bottoms[0];
        let &Power { power, scale, shift, exact_gradient } = self;
        if power == 0.0 || scale == 0.0 {
            let constant = if power == 0.0 { 1.0 } else { shift.powf(power) };
            return vec![b.fill(constant, cx.top(0).clone())];
        }
        let base = arg(0) * scale + shift;
        let value = if power == 1.0 { base.clone() } else { base.clone().pow(power) };
        let y = if power == 1.0 || power == 2.0 || exact_gradient {
            value
        } else if shift == 0.0 {
            let derivative = value.clone() * power / arg(0);
            value.with_gradient(vec![derivative])
        } else {
            let derivative = value.clone() * (power * scale) / base;
            value.with_gradient(vec![derivative])
        };
        vec![b.map(&[x], &y)]
    }

    fn detail(&self) -> String {
        let &Power { power, scale, shift, .. } = self;
        let mut parts = vec![];
        if scale != 1.0 {
            parts.push(format!("scale {}", scale as f32));
        }
        if shift != 0.0 {
            parts.push(format!("shift {}", shift as f32));
        }
        if power != 1.0 {
            parts.push(format!("power {}", power as f32));
        }
        parts.join(", ")
    }
}
