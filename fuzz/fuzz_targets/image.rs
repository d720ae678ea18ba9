#![no_main]

use cortado::data::bilinear::resize;
use cortado::data::images::Image;
use cortado_fuzz::{file, of_file};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let path = file("image", bytes);
    let image = of_file(&path, Image::load(&path));
    assert_eq!(image.is_some(), Image::decode_opaque(bytes).is_ok());
    let Some(image) = image else { return };
    resize(&image, [7, 5]);
    if image.pixels().len() < 1 << 16 {
        let png = image.to_png().expect("a picture");
        assert_eq!(Image::decode(&png).as_ref(), Ok(&image));
    }
    image.to_grey().resize(3, 4);
});
