//! The element types of tensors and storages: names, conversions, and what each can hold.

/// The type of the elements of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are Torch's")]
pub enum Kind {
    Byte,
    Char,
    Short,
    Int,
    Long,
    Float,
    Double,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 7] =
        [Kind::Byte, Kind::Char, Kind::Short, Kind::Int, Kind::Long, Kind::Float, Kind::Double];

    /// `Float` of `torch.FloatTensor`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Byte => "Byte",
            Kind::Char => "Char",
            Kind::Short => "Short",
            Kind::Int => "Int",
            Kind::Long => "Long",
            Kind::Float => "Float",
            Kind::Double => "Double",
        }
    }

    /// The kind that `torch.FloatTensor`, `torch.CudaTensor`, `torch.CudaLongTensor` and their like name. A tensor of
    /// the graphics processor is one of floats here.
    pub fn of_tensor(name: &str) -> Option<Kind> {
        let name = name.strip_prefix("torch.")?.strip_suffix("Tensor")?;
        let name = name.strip_prefix("Cuda").unwrap_or(name);
        if name.is_empty() {
            return Some(Kind::Float);
        }
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// `torch.FloatTensor`.
    pub fn tensor_name(self) -> String {
        format!("torch.{}Tensor", self.name())
    }

    /// `torch.FloatStorage`.
    pub fn storage_name(self) -> String {
        format!("torch.{}Storage", self.name())
    }

    /// Whether it holds fractions.
    pub fn is_real(self) -> bool {
        matches!(self, Kind::Float | Kind::Double)
    }

    /// The value that is stored for a number, as C converts it.
    pub fn cast(self, value: f64) -> f64 {
        let whole = value as i64;
        match self {
            Kind::Byte => f64::from(whole as u8),
            Kind::Char => f64::from(whole as i8),
            Kind::Short => f64::from(whole as i16),
            Kind::Int => f64::from(whole as i32),
            Kind::Long => whole as f64,
            Kind::Float => f64::from(value as f32),
            Kind::Double => value,
        }
    }

    /// Bytes that an element costs here.
    pub(super) fn cost(self) -> usize {
        if self == Kind::Float { 4 } else { 8 }
    }
}
