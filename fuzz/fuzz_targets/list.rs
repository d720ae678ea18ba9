#![no_main]

use cortado::data::image_list::ImageList;
use cortado::data::window_file::read_windows;
use cortado_fuzz::{file, of_file};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let path = file("list.txt", bytes);
    of_file(&path, ImageList::read(&path, ""));
    of_file(&path, read_windows(&path, ""));
});
