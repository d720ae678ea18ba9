#![no_main]

use cortado::data::idx::{is_idx, read_idx_pair};
use cortado_fuzz::{file, of_file};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let path = file("images", bytes);
    is_idx(&path);
    let labels = file("labels", &[0, 0, 8, 1, 0, 0, 0, 1, 7]);
    if let Err(error) = read_idx_pair(&path, &labels) {
        assert!(error.to_string().contains("images"), "{error}");
    }
    let images = file("image", &[0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 7]);
    of_file(&path, read_idx_pair(&images, &path));
});
