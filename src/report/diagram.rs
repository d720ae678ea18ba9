//! The picture of a network as plain data: boxes, arrows, groups and their texts, without coordinates.
//!
//! A typed net becomes a [`Diagram`]; `layout` gives it coordinates and `svg`, `dot` and `png` draw it.
//! Indices that point nowhere are ignored by everything that reads a diagram.

use crate::diag::Severity;
pub use crate::spec::Category;

/// A parameter of a layer as a picture shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParamTag {
    /// Its name; the shared name if it is shared.
    pub name: String,
    /// Its shape, such as `20×1×5×5`; may be empty.
    pub shape: String,
    /// The number of the group of nodes that use the same parameter; `None` if one node owns it.
    pub shared_group: Option<usize>,
    /// Whether it learns, in a picture of the backward pass.
    pub learning: Option<Learning>,
}

impl ParamTag {
    /// Whether the box has a line for it.
    pub fn is_shown(&self) -> bool {
        self.shared_group.is_some() || self.learning.is_some()
    }
}

/// What the backward pass means for a parameter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Learning {
    /// Whether the solver changes it by its gradient.
    pub learns: bool,
    /// How, or why not: `lr × 1, decay × 1`, `lr_mult 0`.
    pub how: String,
}

/// A layer that works in place and is shown as a strip in its producer's box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folded {
    /// The layer's name.
    pub name: String,
    /// Its type, such as `ReLU`.
    pub kind: String,
    /// Its colour.
    pub category: Category,
}

/// A box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The layer's name.
    pub name: String,
    /// The layer's type as the user writes it.
    pub kind: String,
    /// Its colour.
    pub category: Category,
    /// Short facts, one a line, such as `20 × 5×5, stride 1`.
    pub details: Vec<String>,
    /// In-place layers that follow, in order.
    pub folded: Vec<Folded>,
    /// Its parameters; those in a shared group are shown in the box, all of them in the tooltip.
    pub parameters: Vec<ParamTag>,
    /// Outlined in red or amber if something is wrong with this layer.
    pub problem: Option<Severity>,
    /// The text of the definition, for the tooltip; may be empty.
    pub source: String,
}

impl Node {
    /// A box with nothing but a name, a type and a colour.
    pub fn new(name: impl Into<String>, kind: impl Into<String>, category: Category) -> Self {
        Node {
            name: name.into(),
            kind: kind.into(),
            category,
            details: vec![],
            folded: vec![],
            parameters: vec![],
            problem: None,
            source: String::new(),
        }
    }

    /// Adds a line of detail.
    pub fn detail(mut self, line: impl Into<String>) -> Self {
        self.details.push(line.into());
        self
    }

    /// Adds a strip for an in-place layer.
    pub fn fold(mut self, kind: &str, name: &str, category: Category) -> Self {
        self.folded.push(Folded { name: name.into(), kind: kind.into(), category });
        self
    }

    /// Adds a parameter.
    pub fn parameter(mut self, name: &str, shape: &str, shared_group: Option<usize>) -> Self {
        let (name, shape) = (name.into(), shape.into());
        self.parameters.push(ParamTag { name, shape, shared_group, learning: None });
        self
    }
}

/// What flows along an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Activations.
    Data,
    /// Targets: class labels, similarity flags. Drawn thinner.
    Label,
}

/// What the backward pass does on an edge; where several edges become one, the greatest counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Gradient {
    /// The picture does not tell.
    #[default]
    Untold,
    /// It does not come to the consumer.
    Absent,
    /// It comes to the consumer and ends there.
    Ends,
    /// It goes on to the producer.
    Passes,
}

impl Gradient {
    /// The class of its wire.
    pub fn class(self) -> &'static str {
        match self {
            Gradient::Untold => "",
            Gradient::Absent => " absent",
            Gradient::Ends => " ends",
            Gradient::Passes => " passes",
        }
    }
}

/// An arrow from an output of a node to an input of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Index of the producer in [`Diagram::nodes`].
    pub from: usize,
    /// Which output of the producer; edges of the same output are one blob.
    pub from_port: usize,
    /// Index of the consumer.
    pub to: usize,
    /// Which input of the consumer.
    pub to_port: usize,
    /// The blob's name; not repeated in the picture if it is the producer's name.
    pub label: String,
    /// The blob's shape, such as `64×20×24×24`.
    pub shape: String,
    /// Activations or targets.
    pub role: Role,
    /// Drawn dashed, for instance because no gradient flows back.
    pub dashed: bool,
    /// What the backward pass does on it.
    pub gradient: Gradient,
    /// Why it ends there; may be empty.
    pub why: &'static str,
}

impl Edge {
    /// A solid arrow of activations between given outputs and inputs.
    pub fn new(from: (usize, usize), to: (usize, usize), label: &str, shape: &str) -> Self {
        Edge {
            from: from.0,
            from_port: from.1,
            to: to.0,
            to_port: to.1,
            label: label.into(),
            shape: shape.into(),
            role: Role::Data,
            dashed: false,
            gradient: Gradient::Untold,
            why: "",
        }
    }
}

/// Nodes that belong together, such as a tower or a repeated block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// The heading.
    pub title: String,
    /// Indices in [`Diagram::nodes`].
    pub members: Vec<usize>,
}

/// A network as boxes and arrows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagram {
    /// The net's name.
    pub title: String,
    /// A line below it, such as the stage and the number of parameters; may be empty.
    pub subtitle: String,
    /// The boxes, in the order of the definition.
    pub nodes: Vec<Node>,
    /// The arrows.
    pub edges: Vec<Edge>,
    /// Groups of boxes.
    pub clusters: Vec<Cluster>,
    /// Whether to explain colours and shared parameters below the title.
    pub legend: bool,
}

impl Diagram {
    /// The categories that occur, in legend order.
    pub fn categories(&self) -> Vec<Category> {
        let mut seen = [false; Category::ALL.len()];
        for node in &self.nodes {
            seen[node.category as usize] = true;
            for strip in &node.folded {
                seen[strip.category as usize] = true;
            }
        }
        Category::ALL.into_iter().filter(|&category| seen[category as usize]).collect()
    }

    /// Whether it tells of the backward pass.
    pub fn is_backward(&self) -> bool {
        self.edges.iter().any(|edge| edge.gradient != Gradient::Untold)
    }

    /// The shared parameters: group, name and the nodes that use it, in order of first use.
    pub fn shared_parameters(&self) -> Vec<Shared<'_>> {
        let mut groups: Vec<Shared<'_>> = vec![];
        let mut place = std::collections::HashMap::new();
        for (index, node) in self.nodes.iter().enumerate() {
            for tag in &node.parameters {
                let Some(group) = tag.shared_group else { continue };
                let at = *place.entry(group).or_insert_with(|| {
                    groups.push(Shared { group, name: &tag.name, users: vec![] });
                    groups.len() - 1
                });
                groups[at].users.push(index);
            }
        }
        groups
    }
}

/// A parameter and the nodes that use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared<'a> {
    /// The number of [`ParamTag::shared_group`].
    pub group: usize,
    /// The parameter's name.
    pub name: &'a str,
    /// The nodes, in order.
    pub users: Vec<usize>,
}
