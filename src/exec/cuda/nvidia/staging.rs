//! Copies of the next batch while the last step is running: pinned memory, a stream of their own, buffers in turns.

use std::ffi::c_void;
use std::sync::Arc;

use cudarc::driver::{CudaContext, CudaEvent, CudaStream, DriverError, result};

/// Pieces of at most so many bytes together count as small: the numbers of a step, not a batch.
const SMALL: usize = 4096;

/// Buffers for batches, and for the numbers of steps.
const BUFFERS: [usize; 2] = [2, 8];

/// The buffers and the stream of copies.
pub(super) struct Staging {
    context: Arc<CudaContext>,
    copies: Arc<CudaStream>,
    rings: [Ring; 2],
}

#[derive(Default)]
struct Ring {
    buffers: Vec<Buffer>,
    next: usize,
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
        Ok(Staging { context: context.clone(), copies, rings: Default::default() })
    }

    /// Copies pieces to their places from `base` on, in the order of `stream`, without waiting for what runs there.
    pub(super) fn stage(
        &mut self,
        stream: &CudaStream,
        base: u64,
        pieces: &[(usize, &[u8])],
    ) -> Result<(), DriverError> {
        let total: usize = pieces.iter().map(|(_, bytes)| bytes.len().next_multiple_of(16)).sum();
        if total == 0 {
            return Ok(());
        }
        let sort = usize::from(total <= SMALL);
        let ring = &mut self.rings[sort];
        let turn = ring.next % BUFFERS[sort];
        ring.next += 1;
        match ring.buffers.get(turn) {
            Some(buffer) if total <= buffer.bytes => {}
            // A batch is as large as the one before, so this happens in the first steps only.
            Some(_) => ring.buffers[turn] = Buffer::new(&self.context, total.max(SMALL))?,
            None => ring.buffers.push(Buffer::new(&self.context, total.max(SMALL))?),
        }
        let buffer = &ring.buffers[turn];
        buffer.taken.synchronize()?;
        let mut at = 0;
        for (_, bytes) in pieces {
            // SAFETY: the pieces fit one after the other, and nobody reads the buffer since `taken`.
            unsafe {
                std::ptr::copy_nonoverlapping(
                    bytes.as_ptr(),
                    buffer.host.cast::<u8>().add(at),
                    bytes.len(),
                );
            }
            at += bytes.len().next_multiple_of(16);
        }
        // SAFETY: the host's part is not written before `taken` is recorded again and has passed.
        unsafe {
            let from = std::slice::from_raw_parts(buffer.host.cast::<u8>(), total);
            result::memcpy_htod_async(buffer.device, from, self.copies.cu_stream())?;
        }
        buffer.ready.record(&self.copies)?;
        stream.wait(&buffer.ready)?;
        let mut at = 0;
        for (place, bytes) in pieces {
            let (to, from) = (base + *place as u64, buffer.device + at);
            // SAFETY: both ends are inside their memory.
            unsafe { result::memcpy_dtod_async(to, from, bytes.len(), stream.cu_stream())? };
            at += bytes.len().next_multiple_of(16) as u64;
        }
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
