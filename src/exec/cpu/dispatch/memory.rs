//! The arena as the steps of a plan see it: by places, read and written.

use crate::plan::Slot;

/// The arena, of which the places of one step are read and written at a time.
pub(super) struct Memory<'a, T> {
    start: *mut T,
    len: usize,
    life: std::marker::PhantomData<&'a mut [T]>,
}

impl<'a, T> Memory<'a, T> {
    pub(super) fn new(arena: &'a mut [T]) -> Self {
        let len = arena.len();
        Memory { start: arena.as_mut_ptr(), len, life: std::marker::PhantomData }
    }

    pub(super) fn get(&self, slot: Slot) -> &[T] {
        assert!(slot.offset + slot.len <= self.len, "place outside the arena");
        // SAFETY: inside the arena; the planner keeps the places that a step writes apart from all others, which `plan::verify`
        // proves in tests and debug builds.
        unsafe { std::slice::from_raw_parts(self.start.add(slot.offset), slot.len) }
    }

    #[expect(clippy::mut_from_ref, reason = "the plan keeps written places disjoint")]
    pub(super) fn get_mut(&self, slot: Slot) -> &mut [T] {
        assert!(slot.offset + slot.len <= self.len, "place outside the arena");
        // SAFETY: as for `get`; a step asks for each written place once.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(slot.offset), slot.len) }
    }
}
