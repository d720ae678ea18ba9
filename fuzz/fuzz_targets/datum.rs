#![no_main]

use cortado::data::datum::{Colour, Record, Values};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for colour in [Colour::AsStored, Colour::Colour, Colour::Grey] {
        let mut record = Record::default();
        if record.read(bytes).and_then(|()| record.decode(colour)).is_ok() {
            let length = match record.values() {
                Values::Bytes(bytes) => bytes.len(),
                Values::Floats(floats) => floats.len(),
            };
            assert_eq!(record.shape().iter().product::<usize>(), length);
        }
    }
});
