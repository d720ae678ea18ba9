#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cortado_fuzz::weights("old.caffemodel", bytes));
