//! What a definition makes of the gradients of its parameters before a solver applies them, and of the parameters afterwards.

use std::sync::Arc;

use super::Definition;

/// Other gradients in the place of those that the losses give, and whose they are; or, as constraints, other values in the place
/// of those that a solver gives to parameters.
#[derive(Clone, Debug, Default)]
pub struct Rewriting {
    /// The net that computes them, from inputs with the gradients of the losses, or with the parameters; none where nothing is
    /// computed.
    pub net: Option<Arc<Definition>>,
    /// What becomes of the gradient of each parameter, or of the parameter itself, that does not go on as it is.
    pub changes: Vec<Change>,
    /// Parameters of that net that have the values of those of the trained one: the places in this and in that one, by
    /// layer and position.
    pub values: Vec<(Place, Place)>,
    /// The parameters of each loss, where there are several and each makes a step of the solver of its own, in their order.
    pub steps: Vec<Vec<Place>>,
    /// The blobs of these losses.
    pub losses: Vec<String>,
}

/// A parameter, by the name of a layer that uses it and its position there.
pub type Place = (String, usize);

/// What becomes of the gradient of a parameter, or of the parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The parameter.
    pub parameter: Place,
    /// The input that its gradient, or the parameter, is given to, where the net reads it.
    pub input: Option<String>,
    /// The output that is its gradient, or the parameter, from now on.
    pub becomes: Becomes,
}

/// What a gradient is replaced by.
#[derive(Clone, Debug, PartialEq)]
pub enum Becomes {
    /// It goes on as it is.
    Itself,
    /// The parameter is not changed at all.
    Nothing,
    /// An output of the net.
    Output(String),
}
