//! `nn.SpatialMaxUnpooling` and `nn.VolumetricMaxUnpooling`: where another module of the net has found its maxima.

use super::{Stop, Walk, fields::field};
use crate::front::torch::interp::{Table, Value};
use crate::source::Spanned;
use crate::spec::{self, Field};

impl Walk<'_> {
    /// The node of the pooling module that an unpooling one belongs to.
    fn pooling(&self, module: &Table) -> Result<usize, Stop> {
        let pooling = match module.field("pooling") {
            Value::Table(pooling) => self.made.get(&pooling.serial()).copied(),
            _ => None,
        };
        pooling.ok_or_else(|| {
            let message = "the pooling module it belongs to does not stand before it in the net";
            self.complaint(module, message.to_owned())
        })
    }

    /// The blob that the pooling module of an unpooling one reads.
    pub(super) fn pooled(&self, module: &Table) -> Result<String, Stop> {
        let node = self.pooling(module)?;
        Ok(self.nodes[node].bottoms[0].value.clone())
    }

    /// The blob of the positions that the pooling module of an unpooling one gives as its second top, and as an argument
    /// the height and width of what was pooled, if they are known.
    pub(super) fn positions(&mut self, module: &Table) -> Result<(String, Option<Field>), Stop> {
        let node = self.pooling(module)?;
        let span = self.nodes[node].span;
        if self.nodes[node].tops.len() == 1 {
            let name = format!("{}[positions]", self.nodes[node].tops[0].value);
            self.nodes[node].tops.push(Spanned::new(name, span));
            self.infer(node);
        }
        let pooled = self.nodes[node].bottoms[0].value.clone();
        let extent = self.shape(&pooled).filter(|shape| 2 <= shape.rank()).map(|shape| {
            let last = &shape.dims()[shape.rank() - 2..];
            let one = |&d: &usize| Spanned::new(spec::Value::Int(d as i64), span);
            field("extent", spec::Value::List(last.iter().map(one).collect()), span)
        });
        Ok((self.nodes[node].tops[1].value.clone(), extent))
    }
}
