//! Copies of the next batch while the last step is running: pinned memory, a stream of their own, buffers in turns.

use std::ffi::c_void;
use std::sync::Arc;

use cudarc::driver::{CudaContext, CudaEvent, CudaStream, DriverError, result};

use crate::exec::cuda::driver::BUFFERS;

/// Places of pieces in a buffer are multiples of so many bytes.
const ALIGN: usize = 16;

/// The buffers and the stream of copies.
pub(super) struct Staging {
    context: Arc<CudaContext>,
    copies: Arc<CudaStream>,
    buffers: Vec<Buffer>,
    /// The buffer that is filled next, or now.
    turn: usize,
    /// What is in it: where each piece is to go, and its bytes.
    pieces: Vec<(usize, usize)>,
    /// How much of it is filled.
    filled: usize,
}

/// Pinned memory of the host and memory of the device of the same size.
struct Buffer {
    context: Arc<CudaContext>,
    host: *mut c_void,
    device: u64,
    bytes: usize,
    /// The device's part holds what was copied into it.
    ready: CudaEvent,
    /// What was copied in has been taken out.
    taken: CudaEvent,
}

impl Staging {
    pub(super) fn new(context: &Arc<CudaContext>) -> Result<Staging, DriverError> {
        let copies = context.new_stream()?;
        let (context, buffers, pieces) = (context.clone(), vec![], vec![]);
        Ok(Staging { context, copies, buffers, turn: 0, pieces, filled: 0 })
    }

    /// Makes buffers for so many bytes at a time, while nobody captures a graph.
    pub(super) fn allocate(&mut self, bytes: usize) -> Result<(), DriverError> {
        self.buffers.clear();
        for _ in 0..BUFFERS {
            self.buffers.push(Buffer::new(&self.context, bytes.max(ALIGN))?);
        }
        Ok(())
    }

    /// Takes pieces for their places from `base` on. Waits where a buffer's data of earlier runs have not been taken out.
    pub(super) fn stage(
        &mut self,
        stream: &CudaStream,
        base: u64,
        pieces: &[(usize, &[u8])],
    ) -> Result<(), DriverError> {
        for (place, bytes) in pieces.iter().filter(|(_, bytes)| !bytes.is_empty()) {
            if self.buffers[self.turn].bytes < self.filled + bytes.len() {
                self.send(stream, base)?;
            }
            if self.buffers[self.turn].bytes < bytes.len() {
                let _alone = super::alone();
                self.allocate(bytes.len())?;
            }
            let buffer = &self.buffers[self.turn];
            if self.pieces.is_empty() {
                buffer.taken.synchronize()?;
            }
            // SAFETY: the piece fits, and nobody reads the buffer since `taken`.
            unsafe {
                let to = buffer.host.cast::<u8>().add(self.filled);
                std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len());
            }
            self.pieces.push((*place, bytes.len()));
            self.filled = (self.filled + bytes.len()).next_multiple_of(ALIGN).min(buffer.bytes);
        }
        Ok(())
    }

    /// Copies what was taken to its places, in the order of `stream`, without waiting for what runs there.
    pub(super) fn send(&mut self, stream: &CudaStream, base: u64) -> Result<(), DriverError> {
        if self.pieces.is_empty() {
            return Ok(());
        }
        let buffer = &self.buffers[self.turn];
        self.turn = (self.turn + 1) % BUFFERS;
        // SAFETY: the host's part is not written before `taken` is recorded again and has passed.
        unsafe {
            let from = std::slice::from_raw_parts(buffer.host.cast::<u8>(), self.filled);
            result::memcpy_htod_async(buffer.device, from, self.copies.cu_stream())?;
        }
        buffer.ready.record(&self.copies)?;
        stream.wait(&buffer.ready)?;
        let mut at = 0;
        for (place, bytes) in self.pieces.drain(..) {
            let (to, from) = (base + place as u64, buffer.device + at as u64);
            // SAFETY: both ends are inside their memory.
            unsafe { result::memcpy_dtod_async(to, from, bytes, stream.cu_stream())? };
            at = (at + bytes).next_multiple_of(ALIGN);
        }
        self.filled = 0;
        buffer.taken.record(stream)
    }
}

impl Buffer {
    fn new(context: &Arc<CudaContext>, bytes: usize) -> Result<Buffer, DriverError> {
        let (ready, taken) = (context.new_event(None)?, context.new_event(None)?);
        // SAFETY: freed once, by `drop`.
        let (host, device) =
            unsafe { (result::malloc_host(bytes, 0)?, result::malloc_sync(bytes)?) };
        Ok(Buffer { context: context.clone(), host, device, bytes, ready, taken })
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // Whatever still reads the buffer is waited for; there is nobody to tell about a failure.
        let _ = self.context.bind_to_thread();
        let _ = self.taken.synchronize();
        // SAFETY: allocated by `new`, and nobody reads them any more.
        unsafe {
            let _ = result::free_host(self.host);
            let _ = result::free_sync(self.device);
        }
    }
}
