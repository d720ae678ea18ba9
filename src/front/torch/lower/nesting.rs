//! How tensors are nested in tables: the inputs of a model and the targets of a criterion.

use super::Flow;

/// How a list of tensors is nested in tables.
#[derive(Clone, Debug, PartialEq)]
pub enum Nesting {
    /// The tensor of this number.
    One(usize),
    /// A table.
    Many(Vec<Nesting>),
}

impl Nesting {
    /// The same with tensors numbered in order.
    pub fn numbered(&self) -> Self {
        fn number(nesting: &Nesting, next: &mut usize) -> Nesting {
            match nesting {
                Nesting::One(_) => {
                    *next += 1;
                    Nesting::One(*next - 1)
                }
                Nesting::Many(parts) => {
                    Nesting::Many(parts.iter().map(|part| number(part, next)).collect())
                }
            }
        }
        number(self, &mut 0)
    }

    /// How many tensors there are.
    pub fn tensors(&self) -> usize {
        match self {
            Nesting::One(_) => 1,
            Nesting::Many(parts) => parts.iter().map(Nesting::tensors).sum(),
        }
    }

    /// The tensors in their tables.
    pub fn arrange(&self, flows: &[Flow]) -> Flow {
        match self {
            Nesting::One(i) => flows[*i].clone(),
            Nesting::Many(parts) => Flow::Table(parts.iter().map(|p| p.arrange(flows)).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Nesting;

    #[test]
    fn tensors_are_numbered_in_order() {
        let (one, many) = (Nesting::One, Nesting::Many);
        let asked = many(vec![one(0), many(vec![one(0), one(0)]), one(0)]);
        let numbered = many(vec![one(0), many(vec![one(1), one(2)]), one(3)]);
        assert_eq!((asked.numbered(), asked.tensors()), (numbered, 4));
    }
}
