//! The two forms of a net between text and program.
//!
//! A [`Definition`] is what a front end makes of a file: layers in the order they were written, naming blobs,
//! with rules that say at which stages they exist. A [`Net`] is one stage of it: a petgraph graph in
//! single-assignment form. A [`TypedNet`] adds shapes and the owner of every parameter.
//!
//! Why wiring is not part of the `Definition`: in Caffe a name means the last top of that name
//! among the layers *of the stage*, so it can only be resolved after a stage was chosen.
//!
//! Invariants of a `Net`, checked by [`Net::verify`]:
//! - nodes are numbered in source order, and every edge goes from a lower number to a higher one;
//! - every bottom port of a node has exactly one incoming edge, unless it was reported as unresolved;
//! - nothing is written twice: Caffe's in-place tops are fresh values that happen to share a name.
//!
//! Absent on purpose: shapes computed by front ends, storage, and any mention of a dialect's syntax.

mod definition;
mod net;
mod rewriting;
mod typed;

pub use definition::{
    Before, Definition, NetState, Node, OF_LOSS, ParamSpec, Rule, ShareMode, StateWords,
};
pub use net::{Edge, Net, Port};
pub use rewriting::{Becomes, Change, Place, Rewriting};
pub use typed::{TypedNet, Variable};
