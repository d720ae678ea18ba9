//! The element types of tensors and storages: names, conversions, and what each can hold.

/// The type of the elements of a tensor, and whether it says that they lie on a graphics processor. There is none here:
/// such a tensor has its name only, since definitions ask for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are Torch's")]
pub enum Kind {
    Byte,
    Char,
    Short,
    Int,
    Long,
    Half,
    Float,
    Double,
    CudaByte,
    CudaChar,
    CudaShort,
    CudaInt,
    CudaLong,
    CudaHalf,
    /// `torch.CudaTensor`: floats.
    Cuda,
    CudaDouble,
}

/// Kinds with what their names have before `Tensor`, the method that converts to them, and the bytes that Torch has for
/// an element.
const NAMES: [(Kind, &str, &str, usize); 16] = [
    (Kind::Byte, "Byte", "byte", 1),
    (Kind::Char, "Char", "char", 1),
    (Kind::Short, "Short", "short", 2),
    (Kind::Int, "Int", "int", 4),
    (Kind::Long, "Long", "long", 8),
    (Kind::Half, "Half", "half", 2),
    (Kind::Float, "Float", "float", 4),
    (Kind::Double, "Double", "double", 8),
    (Kind::CudaByte, "CudaByte", "cudaByte", 1),
    (Kind::CudaChar, "CudaChar", "cudaChar", 1),
    (Kind::CudaShort, "CudaShort", "cudaShort", 2),
    (Kind::CudaInt, "CudaInt", "cudaInt", 4),
    (Kind::CudaLong, "CudaLong", "cudaLong", 8),
    (Kind::CudaHalf, "CudaHalf", "cudaHalf", 2),
    (Kind::Cuda, "Cuda", "cuda", 4),
    (Kind::CudaDouble, "CudaDouble", "cudaDouble", 8),
];

impl Kind {
    /// Every kind.
    pub fn all() -> impl Iterator<Item = Kind> {
        NAMES.iter().map(|(kind, ..)| *kind)
    }

    fn row(self) -> &'static (Kind, &'static str, &'static str, usize) {
        let row = NAMES.iter().find(|(kind, ..)| *kind == self);
        row.unwrap_or(&NAMES[6])
    }

    /// `Float` of `torch.FloatTensor`.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// `float` of `tensor:float()`.
    pub fn method(self) -> &'static str {
        self.row().2
    }

    /// Bytes of an element in Torch.
    pub fn bytes(self) -> usize {
        self.row().3
    }

    /// The kind that `torch.FloatTensor`, `torch.CudaTensor`, `torch.CudaLongTensor` and their like name.
    pub fn of_tensor(name: &str) -> Option<Kind> {
        let name = name.strip_prefix("torch.")?.strip_suffix("Tensor")?;
        Kind::all().find(|kind| kind.name() == name)
    }

    /// `torch.FloatTensor`.
    pub fn tensor_name(self) -> String {
        format!("torch.{}Tensor", self.name())
    }

    /// `torch.FloatStorage`.
    pub fn storage_name(self) -> String {
        format!("torch.{}Storage", self.name())
    }

    /// Whether it says that it lies on a graphics processor.
    pub fn is_cuda(self) -> bool {
        self != Kind::Half && self != self.element()
    }

    /// The kind that is held: halves are held as floats.
    pub(super) fn element(self) -> Kind {
        match self {
            Kind::Half | Kind::CudaHalf | Kind::Cuda => Kind::Float,
            Kind::CudaByte => Kind::Byte,
            Kind::CudaChar => Kind::Char,
            Kind::CudaShort => Kind::Short,
            Kind::CudaInt => Kind::Int,
            Kind::CudaLong => Kind::Long,
            Kind::CudaDouble => Kind::Double,
            own => own,
        }
    }

    /// The kind of the masks that comparisons of this kind give.
    pub(super) fn mask(self) -> Kind {
        if self.is_cuda() { Kind::CudaByte } else { Kind::Byte }
    }

    /// The kind of the indices that functions of this kind give.
    pub(super) fn indices(self) -> Kind {
        if self.is_cuda() { Kind::CudaLong } else { Kind::Long }
    }

    /// Whether it holds fractions.
    pub fn is_real(self) -> bool {
        matches!(self.element(), Kind::Float | Kind::Double)
    }

    /// The value that is stored for a number, as C converts it.
    pub fn cast(self, value: f64) -> f64 {
        let whole = value as i64;
        match self.element() {
            Kind::Byte => f64::from(whole as u8),
            Kind::Char => f64::from(whole as i8),
            Kind::Short => f64::from(whole as i16),
            Kind::Int => f64::from(whole as i32),
            Kind::Long => whole as f64,
            Kind::Float => f64::from(value as f32),
            _ => value,
        }
    }

    /// Bytes that an element costs here.
    pub(super) fn cost(self) -> usize {
        if self.element() == Kind::Float { 4 } else { 8 }
    }
}
