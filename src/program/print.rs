//! Programs as text: one line a step, `%7 = conv(%0, %1, %2) : 64 x 20 x 24 x 24`.

use std::fmt;

use super::{Program, Source, ValueId};

impl fmt::Display for ValueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.0)
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, v) in &self.inputs {
            writeln!(f, "{v} = input `{name}` : {}", self.shape(*v))?;
        }
        for (i, value) in self.values.iter().enumerate() {
            if let Source::Variable(var) = value.source {
                writeln!(f, "{} = variable {} : {}", ValueId(i as u32), var.0, value.shape)?;
            }
        }
        for step in &self.steps {
            let outs: Vec<String> = step.outs.iter().map(ValueId::to_string).collect();
            let args: Vec<String> = step.args.iter().map(ValueId::to_string).collect();
            let shapes: Vec<String> =
                step.outs.iter().map(|&o| self.shape(o).to_string()).collect();
            let (outs, args, shapes) = (outs.join(", "), args.join(", "), shapes.join(", "));
            writeln!(f, "{outs} = {}({args}) : {shapes}", step.kernel.name())?;
        }
        for (name, v) in &self.outputs {
            writeln!(f, "output `{name}` = {v}")?;
        }
        for (state, new) in &self.assigns {
            writeln!(f, "{state} <- {new}")?;
        }
        Ok(())
    }
}
