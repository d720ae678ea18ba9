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

    /// A place to write to. No two results for places that overlap may live at once, nor a result beside one of
    /// [`get`](Self::get) that overlaps it: a step takes its written places one after the other, and the planner keeps
    /// different ones apart.
    #[expect(clippy::mut_from_ref, reason = "the plan keeps written places disjoint")]
    pub(super) fn get_mut(&self, slot: Slot) -> &mut [T] {
        assert!(slot.offset + slot.len <= self.len, "place outside the arena");
        // SAFETY: inside the arena; that nothing else refers to the place is the callers' part, which `plan::verify` proves of
        // different places of a step.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(slot.offset), slot.len) }
    }
}
