//! What compares outputs with labels.

use super::layout::plain_order;
use super::{Binary, Fault, Graph, Kind, Outcome, Reduction, Source, Tensor, shown};
use crate::layers::accuracy::{Accuracy, Ties};
use crate::layers::arg_max::ArgMax;
use crate::layers::bnll::Bnll;
use crate::layers::contrastive_loss::ContrastiveLoss;
use crate::layers::cross_entropy::CrossEntropy;
use crate::layers::log_softmax::LogSoftmax;
use crate::layers::one_hot::OneHot;
use crate::layers::power::Power;
use crate::layers::softmax::Softmax;
use crate::layers::softmax_loss::SoftmaxLoss;

impl Graph {
    /// `tf.nn.softmax` over an axis.
    ///
    /// # Errors
    /// There is no such axis.
    pub fn softmax(&mut self, x: &Tensor, axis: i64, name: &str) -> Outcome<Tensor> {
        let axis = x.axis(axis)?;
        let (blob, order) = self.blob(x)?;
        let layer = Softmax { axis: order[axis] as i64, ..Softmax::default() };
        let top = self.push(name, layer, &[&blob], &[])?;
        Ok(self.tensor(top, order, Kind::Float))
    }

    /// `tf.nn.log_softmax` over an axis.
    ///
    /// # Errors
    /// There is no such axis.
    pub fn log_softmax(&mut self, x: &Tensor, axis: i64, name: &str) -> Outcome<Tensor> {
        self.with_last(&[x], axis, |graph, tensors| graph.log_softmax_of_rows(&tensors[0], name))
    }

    /// What `work` makes of tensors whose axis is the last one, with the axes in their places again.
    fn with_last(
        &mut self,
        tensors: &[&Tensor],
        axis: i64,
        work: impl FnOnce(&mut Self, &[Tensor]) -> Outcome<Tensor>,
    ) -> Outcome<Tensor> {
        let Some(rank) = tensors.first().map(|x| x.rank()) else { return Err(Fault::new("")) };
        let axis = tensors[0].axis(axis)?;
        let mut perm: Vec<i64> = (0..rank as i64).filter(|&other| other != axis as i64).collect();
        perm.push(axis as i64);
        let moved = tensors.iter().map(|x| self.transpose(x, Some(&perm)));
        let moved = moved.collect::<Outcome<Vec<_>>>()?;
        let made = work(self, &moved)?;
        if made.rank() != rank || axis + 1 == rank {
            return Ok(made);
        }
        let back: Vec<i64> = (0..rank as i64)
            .map(|place| perm.iter().position(|&from| from == place).unwrap_or(0) as i64)
            .collect();
        self.transpose(&made, Some(&back))
    }

    fn log_softmax_of_rows(&mut self, x: &Tensor, name: &str) -> Outcome<Tensor> {
        let classes = x.dims[x.axis(-1)?] as i64;
        let rows = self.reshape(x, &[-1, classes])?;
        let rows = self.plain(&rows)?;
        let top = self.push(name, LogSoftmax {}, &[&rows], &[])?;
        let rows = self.plain_tensor(top, Kind::Float);
        let dims: Vec<i64> = x.dims.iter().map(|&extent| extent as i64).collect();
        self.reshape(&rows, &dims)
    }

    /// Rows with 1 at the class that each element names, from 0.
    ///
    /// # Errors
    /// There are no classes.
    pub fn one_hot(&mut self, labels: &Tensor, classes: usize, name: &str) -> Outcome<Tensor> {
        // The layer counts from 1.
        let one = Tensor::number(1.0, Kind::Int);
        let counted = self.binary(Binary::Add, labels, &one)?;
        let counted = self.plain(&counted)?;
        let top = self.push(name, OneHot { classes }, &[&counted], &[])?;
        Ok(self.plain_tensor(top, Kind::Float))
    }

    /// The cross entropy of logits along an axis and their distribution (`softmax_cross_entropy_with_logits`), which
    /// gets a gradient as well if `to_labels`.
    ///
    /// # Errors
    /// The shapes differ.
    pub fn cross_entropy(
        &mut self,
        logits: &Tensor,
        labels: &Tensor,
        axis: i64,
        to_labels: bool,
        name: &str,
    ) -> Outcome<Tensor> {
        self.alike(logits, labels)?;
        self.with_last(&[logits, labels], axis, |graph, tensors| {
            let (x, y) = (graph.plain(&tensors[0])?, graph.plain(&tensors[1])?);
            let top = graph.push(name, CrossEntropy { to_labels }, &[&x, &y], &[])?;
            Ok(graph.plain_tensor(top, Kind::Float))
        })
    }

    /// The cross entropy of each row of logits and its class (`sparse_softmax_cross_entropy_with_logits`).
    ///
    /// # Errors
    /// There is not one label for each row.
    pub fn sparse_cross_entropy(
        &mut self,
        logits: &Tensor,
        labels: &Tensor,
        name: &str,
    ) -> Outcome<Tensor> {
        let classes = logits.dims[logits.axis(-1)?];
        self.one_label_each(logits, labels)?;
        let rows = self.one_hot(labels, classes, "OneHot")?;
        self.cross_entropy(logits, &rows, -1, false, name)
    }

    /// max(x, 0) - x z + ln(1 + e^-|x|), the cross entropy of probabilities of single events.
    ///
    /// # Errors
    /// The shapes differ.
    pub fn sigmoid_cross_entropy(
        &mut self,
        logits: &Tensor,
        labels: &Tensor,
        name: &str,
    ) -> Outcome<Tensor> {
        self.alike(logits, labels)?;
        let soft = self.unary(logits, "Softplus", Bnll {})?;
        if labels.uniform() == Some(0.0) {
            return Ok(soft);
        }
        let products = self.binary(Binary::Multiply, logits, labels)?;
        let loss = self.binary(Binary::Subtract, &soft, &products)?;
        Ok(self.renamed(loss, name))
    }

    fn alike(&self, logits: &Tensor, labels: &Tensor) -> Outcome<()> {
        if logits.dims == labels.dims {
            return Ok(());
        }
        let (a, b) = (shown(&logits.dims), shown(&labels.dims));
        let fault = Fault::new(format!("logits are {a} and labels {b}: they must have one shape"));
        Err(match logits.dims.split_last() {
            Some((classes, rows)) if labels.dims == rows => {
                fault.help(format!("of classes, `tf.one_hot(labels, {classes})` makes such labels"))
            }
            _ => fault,
        })
    }

    fn one_label_each(&self, logits: &Tensor, labels: &Tensor) -> Outcome<()> {
        let rows = &logits.dims[..logits.rank().saturating_sub(1)];
        if labels.dims == rows {
            return Ok(());
        }
        let (scores, have, want) = (shown(&logits.dims), shown(&labels.dims), shown(rows));
        let message = format!("labels are {have}, and scores of {scores} need {want}");
        Err(Fault::new(message).help(match (logits.rank(), labels.rank()) {
            (4, 1) => {
                "scores of images are (batch, classes): `slim.flatten(net)` before the last layer"
            }
            _ => "one whole number for each row; `tf.reshape(y, [-1])` makes them a vector",
        }))
    }

    /// `digits.classification_loss`: the mean of the cross entropies of rows and classes.
    ///
    /// # Errors
    /// There is not one label for each row.
    pub fn classification_loss(&mut self, scores: &Tensor, labels: &Tensor) -> Outcome<Tensor> {
        let classes = scores.dims[scores.axis(-1)?] as i64;
        self.one_label_each(scores, labels)?;
        let rows = self.reshape(scores, &[-1, classes])?;
        let labels = self.reshape(labels, &[-1])?;
        let (rows, labels) = (self.plain(&rows)?, self.plain(&labels)?);
        let layer = SoftmaxLoss { clamped: false, ..SoftmaxLoss::default() };
        let top = self.push("loss", layer, &[&rows, &labels], &[])?;
        Ok(self.plain_tensor(top, Kind::Float))
    }

    /// The share of rows whose class is among the `n` best.
    ///
    /// # Errors
    /// There is not one label for each row.
    pub fn accuracy(&mut self, scores: &Tensor, labels: &Tensor, n: usize) -> Outcome<Tensor> {
        self.one_label_each(scores, labels)?;
        let (rows, labels) = (self.plain(scores)?, self.plain(labels)?);
        // Where there are fewer classes, all are among the best.
        let classes = scores.dims.last().copied().unwrap_or(0);
        let name = if n == 1 { "accuracy".to_owned() } else { format!("accuracy_top_{n}") };
        let ties = if n == 1 { Ties::EarlierBetter } else { Ties::Equal };
        let layer = Accuracy { top_k: n.min(classes), axis: -1, ties, ..Accuracy::default() };
        let top = self.push(&name, layer, &[&rows, &labels], &[])?;
        self.metrics.push(top.clone());
        Ok(self.plain_tensor(top, Kind::Float))
    }

    /// `digits.constrastive_loss`.
    ///
    /// # Errors
    /// The features are no two matrices of one shape, or there is not one label for each pair.
    pub fn contrastive_loss(
        &mut self,
        features: [&Tensor; 2],
        same: &Tensor,
        margin: f64,
    ) -> Outcome<Tensor> {
        let [lhs, rhs] = features;
        if lhs.rank() != 2 || lhs.dims != rhs.dims {
            let (a, b) = (shown(&lhs.dims), shown(&rhs.dims));
            return Err(Fault::new(format!(
                "the features of pairs must be two matrices of one shape, not {a} and {b}"
            ))
            .help("bring them into that shape with `tf.reshape(x, [-1, features])`"));
        }
        if same.dims != [lhs.dims[0]] {
            let (have, n) = (shown(&same.dims), lhs.dims[0]);
            return Err(Fault::new(format!("labels are {have}, and {n} pairs need ({n})"))
                .help("`tf.reshape(y, shape=[-1])` makes them a vector"));
        }
        let (a, b, y) = (self.plain(lhs)?, self.plain(rhs)?, self.plain(same)?);
        let layer = ContrastiveLoss { margin, legacy: false, under_root: Some(1e-6) };
        let top = self.push("contrastive_loss", layer, &[&a, &b, &y], &[])?;
        Ok(self.plain_tensor(top, Kind::Float))
    }

    /// `tf.argmax`: where the largest element of an axis is.
    ///
    /// # Errors
    /// There is no such axis.
    pub fn arg_max(&mut self, x: &Tensor, axis: i64, name: &str) -> Outcome<Tensor> {
        let axis = x.axis(axis)?;
        // The layer takes the last of equals, TensorFlow the first.
        let extent = x.dims[axis];
        let backwards = self.pick(x, axis, (0..extent).rev().collect(), "ReverseV2")?;
        let (blob, order) = self.blob(&backwards)?;
        let layer = ArgMax { axis: Some(order[axis] as i64), ..ArgMax::default() };
        let top = self.push(name, layer, &[&blob], &[])?;
        let found = self.tensor(top, order, Kind::Int);
        let last = extent.saturating_sub(1) as f64;
        let layer = Power { scale: -1.0, shift: last, ..Power::default() };
        let found = self.power(&found, name, layer)?;
        self.squeeze(&found, &[axis as i64])
    }

    /// Whether a tensor is a variable as it is.
    pub fn is_variable(tensor: &Tensor) -> Option<usize> {
        match tensor.source {
            Source::Variable(variable) => Some(variable),
            _ => None,
        }
    }

    /// The mean of all elements of a function of two tensors, `digits.mse_loss`.
    ///
    /// # Errors
    /// The shapes do not go together.
    pub fn mean_squared(&mut self, a: &Tensor, b: &Tensor) -> Outcome<Tensor> {
        let squares = self.binary(Binary::SquaredDifference, a, b)?;
        let all: Vec<i64> = plain_order(squares.rank()).iter().map(|&axis| axis as i64).collect();
        self.reduce(&squares, Reduction::Mean, Some(&all), false, Some("mse"))
    }
}

impl Graph {
    /// Shows a number while training.
    ///
    /// # Errors
    /// The tensor would be too large.
    pub fn show(&mut self, x: &Tensor) -> Outcome<()> {
        let (blob, _) = self.blob(x)?;
        if !self.metrics.contains(&blob) {
            self.metrics.push(blob);
        }
        Ok(())
    }

    /// A tensor that no layer computes, made of another; the net cannot run where it is needed.
    ///
    /// # Errors
    /// The tensor would be too large.
    pub fn unknown(&mut self, name: &str, x: &Tensor, dims: Vec<usize>) -> Outcome<Tensor> {
        let tiled = self.tile(x, &dims)?;
        if let Some(node) = self.nodes.last_mut() {
            node.layer = crate::layers::unknown::Unknown { type_name: name.to_owned() }.into();
        }
        Ok(tiled)
    }
}
