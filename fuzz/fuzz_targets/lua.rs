#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cortado_fuzz::definition("net.lua", bytes));
