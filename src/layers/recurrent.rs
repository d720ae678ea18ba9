//! What layers that unroll over time share: their settings, the checks of their bottoms, and the steps in time.

use super::prelude::*;

params! {
    /// A `recurrent_param`.
    pub struct Recurrent {
        /// Number of outputs.
        num_output: usize = 0,
        /// Whether the states before the first and after the last step are bottoms and tops.
        expose_hidden: bool = false,
        /// First values of all weights.
        weight_filler: Filler = Filler::Unset,
        /// First values of all biases.
        bias_filler: Filler = Filler::Unset,
    }
}

/// More steps than this in one sequence are taken for a mistake: each becomes steps of the program.
const MOST_STEPS: usize = 10_000;

/// What is known about a sequence before it is unrolled.
#[derive(Clone, Copy, Debug)]
pub struct Sequence {
    /// Number of steps in time.
    pub steps: usize,
    /// Number of sequences side by side.
    pub batch: usize,
    /// Numbers that come in at each step.
    features: usize,
    /// Numbers that come in at all steps alike, if there is a static bottom.
    statics: Option<usize>,
}

impl Recurrent {
    /// Reads `recurrent_param`.
    pub fn read(a: &Args) -> Self {
        let p = a.section("recurrent_param");
        p.ignore(&["debug_info"]);
        Recurrent {
            num_output: p.required("num_output", Args::usize),
            expose_hidden: p.bool("expose_hidden").unwrap_or(false),
            weight_filler: Filler::read(&p.section("weight_filler")),
            bias_filler: Filler::read(&p.section("bias_filler")),
        }
    }

    /// A short phrase for pictures.
    pub fn detail(&self) -> String {
        format!("{} outputs", self.num_output)
    }

    /// The signature of a layer with these hidden states and `gates` numbers to compute for each output: the
    /// parameters that all recurrent layers have are followed by those of `own`, then by the states.
    pub fn signature(
        &self,
        cx: &Infer,
        states: &[&'static str],
        gates: usize,
        own: Vec<ParamDecl>,
    ) -> Result<Signature, Reported> {
        let n = self.num_output;
        cx.not_zero("num_output", n)?;
        let sequence = self.sequence(cx, states)?;
        let Sequence { steps, batch, features, statics } = sequence;
        let state = Shape::from([1, batch, n]);
        let mut tops = vec![Shape::from([steps, batch, n])];
        let rows = gates * n;
        let weight = |role, inputs| ParamDecl::new(role, [rows, inputs], self.weight_filler);
        let mut params = vec![weight("weight_x", features)];
        params.push(ParamDecl::new("bias", [rows], self.bias_filler));
        params.extend(statics.map(|inputs| weight("weight_static", inputs)));
        params.push(weight("weight_h", n));
        params.extend(own);
        if self.expose_hidden {
            tops.extend(states.iter().map(|_| state.clone()));
        } else {
            let zero = Filler::Constant(0.0);
            params.extend(states.iter().map(|s| ParamDecl::private(s, state.clone(), zero)));
        }
        if cx.n_tops() != tops.len() {
            let (need, have) = (tops.len(), cx.n_tops());
            let message = match self.expose_hidden {
                true => format!("with `expose_hidden` it gives {need} tops, not {have}"),
                false => format!("without `expose_hidden` it gives 1 top, not {have}"),
            };
            return cx.fail(&["expose_hidden"], message);
        }
        Ok(Signature { tops, params })
    }

    /// Checks the bottoms: x, cont, the static input if there is one, and the exposed states.
    fn sequence(&self, cx: &Infer, states: &[&str]) -> Result<Sequence, Reported> {
        let exposed = if self.expose_hidden { states.len() } else { 0 };
        let n = cx.bottoms.len();
        let has_static = n == 3 + exposed;
        if n != 2 + exposed && !has_static {
            let names = match exposed {
                0 => String::new(),
                _ => format!(" and {}", states.join(" and ")),
            };
            let message = format!("takes x, cont, perhaps a static input{names}: not {n} bottoms");
            return cx.fail(&["expose_hidden"], message);
        }
        let x = cx.bottom(0);
        let &[steps, batch, ref rest @ ..] = x.dims() else {
            return cx.fail_bottom(0, "must be steps x batch x features");
        };
        if steps == 0 || MOST_STEPS < steps {
            return cx.fail_bottom(0, format!("the first axis counts steps: 1 to {MOST_STEPS}"));
        }
        if cx.bottom(1).dims() != [steps, batch] {
            return cx.fail_bottom(1, format!("must be steps x batch, {steps} x {batch}"));
        }
        let mut statics = None;
        if has_static {
            let shape = cx.bottom(2);
            if shape.dims().first() != Some(&batch) {
                return cx.fail_bottom(2, format!("its first axis must be the batch, {batch}"));
            }
            if shape.rank() < 2 {
                return cx.fail_bottom(2, "needs an axis for its features behind the batch");
            }
            statics = Some(shape.count_of(1..shape.rank()));
        }
        for i in n - exposed..n {
            let want = [1, batch, self.num_output];
            if cx.bottom(i).dims() != want {
                return cx.fail_bottom(i, format!("a state must be {}", Shape::from(want)));
            }
        }
        Ok(Sequence { steps, batch, features: rest.iter().product(), statics })
    }

    /// Computes what does not depend on the past, for all steps at once.
    pub fn unroll(&self, b: &mut Builder, cx: &Lower, states: usize, gates: usize) -> Unrolled {
        let exposed = if self.expose_hidden { states } else { 0 };
        let (steps, batch) = (cx.top(0).dims()[0], cx.top(0).dims()[1]);
        let width = gates * self.num_output;
        let mut params = cx.params.iter().copied();
        let mut next = || params.next().unwrap_or(cx.params[0]);

        let (weight, bias) = (next(), next());
        let features = b.shape(weight).dims()[1];
        let x = b.view(cx.bottoms[0], [steps * batch, features]);
        let inputs = b.matmul(x, false, weight, true, Some(bias));
        let mut inputs = b.view(inputs, [steps, batch, width]);
        if cx.bottoms.len() == 3 + exposed {
            let weight = next();
            let features = b.shape(weight).dims()[1];
            let x = b.view(cx.bottoms[2], [batch, features]);
            let constant = b.matmul(x, false, weight, true, None);
            let constant = b.view(constant, [1, batch, width]);
            inputs = b.add(inputs, constant);
        }
        let recurrent = next();
        let own = params.collect();

        let conts = b.view(cx.bottoms[1], [steps, batch, 1]);
        let state = [batch, self.num_output];
        let before: Vec<ValueId> = match exposed {
            0 => cx.params[cx.params.len() - states..].to_vec(),
            _ => cx.bottoms[cx.bottoms.len() - states..].to_vec(),
        };
        let initial = before.iter().map(|&s| {
            let s = b.stop(s);
            b.view(s, state)
        });
        let initial = initial.collect();
        let (inputs, conts) = (unstack(b, inputs, 0), unstack(b, conts, 0));
        Unrolled { inputs, conts, initial, recurrent, own, before }
    }

    /// The outputs of all steps, with the states after the last one as tops or kept for the next pass.
    pub fn finish(
        &self,
        b: &mut Builder,
        cx: &Lower,
        unrolled: &Unrolled,
        output: ValueId,
        states: &[ValueId],
    ) -> Vec<ValueId> {
        let mut tops = vec![output];
        for (&state, &before) in states.iter().zip(&unrolled.before) {
            let shape = b.shape(before).clone();
            let last = b.view(state, shape);
            if self.expose_hidden {
                tops.push(b.stop(last));
            } else {
                b.assign(before, last);
            }
        }
        debug_assert_eq!(tops.len(), cx.n_tops());
        tops
    }
}

/// A sequence cut into its steps.
#[derive(Debug)]
pub struct Unrolled {
    /// What each step gets from the inputs, bias included: `batch x gates·outputs`.
    pub inputs: Vec<ValueId>,
    /// Whether each step continues the sequence: `batch x 1`.
    pub conts: Vec<ValueId>,
    /// The states before the first step, `batch x outputs`.
    pub initial: Vec<ValueId>,
    /// The weights of the past output, `gates·outputs x outputs`.
    pub recurrent: ValueId,
    /// The layer's own parameters, and after them its states, if not exposed.
    pub own: Vec<ValueId>,
    /// The states before the first step as bottoms or variables.
    before: Vec<ValueId>,
}

/// The outputs of all steps, `batch x outputs` each, one after the other.
pub fn stack(b: &mut Builder, steps: &[ValueId]) -> ValueId {
    let views: Vec<ValueId> = steps
        .iter()
        .map(|&v| {
            let dims = [&[1][..], b.shape(v).dims()].concat();
            b.view(v, dims)
        })
        .collect();
    b.concat(&views, 0)
}

/// `x[0], x[1], ...`: the slices along an axis, without that axis.
pub(super) fn unstack(b: &mut Builder, x: ValueId, axis: usize) -> Vec<ValueId> {
    let shape = b.shape(x).clone();
    let count = shape.dims()[axis];
    if count == 1 {
        let dims = [&shape.dims()[..axis], &shape.dims()[axis + 1..]].concat();
        return vec![b.view(x, dims)];
    }
    // Of many slices pieces are cut, and slices of these.
    let pieces = count.min(MOST_PIECES);
    let bounds = (0..=pieces).map(|i| i * count / pieces).collect();
    let pieces = b.native(Pieces { axis, bounds }, &[x]);
    pieces.into_iter().flat_map(|piece| unstack(b, piece, axis)).collect()
}

/// Pieces that are cut at once; an operation has few results.
const MOST_PIECES: usize = 12;

/// `(x) -> pieces along an axis`. One operation for several pieces, so that the gradient is written once and not added up
/// from padded pieces.
#[derive(Debug, PartialEq)]
struct Pieces {
    /// The axis.
    axis: usize,
    /// Where each piece begins, and where the last ends.
    bounds: Vec<usize>,
}

impl Pieces {
    /// Calls `each` with every run of neighbouring elements: the piece, the place in it, the place in `x`, the length.
    fn runs(&self, shape: &Shape, mut each: impl FnMut(usize, usize, usize, usize)) {
        let count = shape.dims()[self.axis];
        let inner = shape.count_of(self.axis + 1..shape.rank());
        for outer in 0..shape.count_of(0..self.axis) {
            for (piece, bounds) in self.bounds.windows(2).enumerate() {
                let length = (bounds[1] - bounds[0]) * inner;
                each(piece, outer * length, (outer * count + bounds[0]) * inner, length);
            }
        }
    }
}

impl Operation for Pieces {
    const NAME: &'static str = "pieces";

    fn shapes(&self, args: &[&Shape]) -> Vec<Shape> {
        self.bounds.windows(2).map(|pair| args[0].with(self.axis, pair[1] - pair[0])).collect()
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        self.runs(args[0].shape, |piece, to, from, n| {
            outs[piece].data[to..to + n].copy_from_slice(&args[0].data[from..from + n]);
        });
    }

    fn backward<T: Real>(&self, saved: &Saved<T>, dargs: &mut [ViewMut<T>], _work: &mut [T]) {
        self.runs(saved.args[0].shape, |piece, from, to, n| {
            dargs[0].data[to..to + n].copy_from_slice(&saved.douts[piece].data[from..from + n]);
        });
    }

    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm> {
        let (extent, rank) = (args[0].dims()[self.axis], args[0].rank());
        let inner = args[0].count_of(self.axis + 1..rank);
        let calls = self.bounds.windows(2).enumerate().map(|(i, bounds)| {
            let (start, count) = (bounds[0], bounds[1] - bounds[0]);
            let each = args[0].count() / extent.max(1) * count;
            match pass {
                Pass::Forward => {
                    let operands = vec![Operand::Arg(0), Operand::Out(i)];
                    Call::each("slice", each, operands).with_all([extent, inner, count, start, 1])
                }
                Pass::Backward(_) => {
                    let operands = vec![Operand::OutGradient(i), Operand::ArgGradient(0)];
                    Call::each("place", each, operands).with_all([extent, inner, count, start])
                }
            }
        });
        Some(DeviceForm { texts: &[], calls: calls.collect(), work: 0 })
    }
}
