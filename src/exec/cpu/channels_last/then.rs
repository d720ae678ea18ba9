//! What happens to the sums of a convolution before they are stored.

use crate::exec::cpu::conv::Addend;
use crate::real::Real;

/// `y = max(0, sums + bias + addend)`, where the mask is above 0; whatever is not there is left out.
#[derive(Clone, Copy, Debug)]
pub struct Then<'a, T> {
    /// A number for each channel.
    pub bias: Option<&'a [T]>,
    /// A blob like the result.
    pub addend: Addend<'a, T>,
    /// Whether negative results become 0.
    pub relu: bool,
    /// A blob like the result, which is 0 where this is not above 0.
    pub mask: Option<&'a [T]>,
}

impl<'a, T: Real> Then<'a, T> {
    /// The sums as they are.
    pub const NOTHING: Then<'static, T> =
        Then { bias: None, addend: Addend::None, relu: false, mask: None };

    /// The same for a result of so many channels.
    pub(super) fn on(self, y: &mut [T], channels: usize) -> After<'a, T> {
        let Then { bias, addend, relu, mask } = self;
        assert!(bias.is_none_or(|bias| bias.len() == channels), "bias of {channels} channels");
        assert!(mask.is_none_or(|mask| mask.len() == y.len()), "mask of a result of {}", y.len());
        After { bias, addend: addend.pointer(y), relu, mask }
    }
}

/// [`Then`] with the place of the addend, which may be that of the result.
#[derive(Clone, Copy)]
pub(super) struct After<'a, T> {
    pub bias: Option<&'a [T]>,
    pub addend: Option<*const T>,
    pub relu: bool,
    pub mask: Option<&'a [T]>,
}

// SAFETY: the addend is read where the same task writes, or lies in a blob that nobody writes.
unsafe impl<T: Sync> Sync for After<'_, T> {}
