#![no_main]

use cortado::data::lmdb::LmdbReader;
use cortado::data::mean_image::mean_image;
use cortado_fuzz::{file, of_file};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let path = file("data.mdb", bytes);
    of_file(&path, mean_image(&path));
    let Some(mut reader) = of_file(&path, LmdbReader::open(&path)) else { return };
    let mut keys = vec![];
    while let Ok(Some((key, value))) = reader.advance() {
        keys.push(key.to_vec());
        std::hint::black_box(value.iter().map(|&byte| u64::from(byte)).sum::<u64>());
    }
    assert_eq!(keys.len(), reader.len());
    for key in keys {
        let _ = reader.get(&key);
    }
});
