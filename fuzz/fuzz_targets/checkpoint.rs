#![no_main]

use cortado_fuzz::{file, weights};

// The index of a checkpoint of version 2, whose elements are zeros, or a checkpoint of version 1.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    file("old.ckpt.data-00000-of-00001", &[0; 4096]);
    weights("old.ckpt.index", bytes);
    weights("one.ckpt", bytes);
});
