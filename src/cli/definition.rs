//! What the command line tells a definition about its data: shape of the input, number of classes, parameters.

use crate::front::Request;

/// Arguments that describe the data to a definition that is a program.
#[derive(Clone, Debug, Default, clap::Args)]
#[group(id = "definition")]
pub(super) struct Arguments {
    /// The shape of one image: channels, height, width for a Lua definition, height, width, channels for TensorFlow
    #[arg(long, value_parser = extents, value_name = "C,H,W|H,W,C")]
    input_shape: Option<Extents>,
    /// The number of classes for a definition of DIGITS
    #[arg(long)]
    classes: Option<usize>,
    /// A field of the table that a Lua definition's function receives, such as depth=50 or layers={2,2}
    #[arg(long = "param", value_parser = named_param, value_name = "NAME=VALUE")]
    params: Vec<(String, String)>,
    /// What gives the model where a Lua definition or a Python program of Caffe only has functions, such as 'defineG(3, 3, 64)'
    #[arg(long, value_name = "EXPRESSION")]
    call: Option<String>,
    /// The file that is meant of those that a Python program of Caffe writes; of a net for training and one for tests both
    #[arg(long, value_name = "FILE|TRAIN,TEST")]
    written: Option<String>,
    /// The loss for a Lua definition without one, such as 'nn.CrossEntropyCriterion()'
    #[arg(long, value_name = "CRITERION")]
    loss: Option<String>,
}

/// The extents of one image.
#[derive(Clone, Debug)]
pub(super) struct Extents(pub Vec<usize>);

/// `3,28,28`, or with `x` between the numbers.
pub(super) fn extents(text: &str) -> Result<Extents, String> {
    let extents: Result<_, _> = text.split([',', 'x']).map(|part| part.trim().parse()).collect();
    extents.map(Extents).map_err(|_| "write it as 3,28,28".to_owned())
}

impl Arguments {
    /// Adds what was said to what a definition is told.
    pub(super) fn tell(&self, request: &mut Request) {
        request.input_shape = self.input_shape.clone().map(|Extents(extents)| extents);
        request.classes = self.classes;
        request.params.extend(self.params.iter().cloned());
        request.call.clone_from(&self.call);
        request.written.clone_from(&self.written);
        request.loss.clone_from(&self.loss);
    }
}

fn named_param(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as depth=50")?;
    Ok((name.to_owned(), value.to_owned()))
}
