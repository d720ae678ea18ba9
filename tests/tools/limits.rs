//! What a verb leaves as it is, and texts that are long in one way.

use std::time::{Duration, Instant};

use cortado::data::lmdb::LmdbWriter;
use cortado::data::proto::Datum;
use prost::Message;

use super::{Place, refused};

#[test]
fn what_is_read_is_not_written_over() {
    let place = Place::new();
    let database = place.at("db");
    let mut writer = LmdbWriter::create(database.as_ref()).expect("a database");
    let one = Some(1);
    let datum = Datum { channels: one, height: one, width: one, data: vec![7], ..Datum::default() };
    writer.put(b"0", &datum.encode_to_vec()).expect("a record");
    writer.finish().expect("written");
    let data = place.at("db/data.mdb");
    let log = place.write("log.svg", "Iteration 0, loss = 1\nIteration 1, loss = 2\n");
    let net = place.write(
        "net.svg",
        "layer { name: 'd' type: 'Input' top: 'd' input_param { shape { dim: 1 } } }",
    );
    let tensors = place.write("t.safetensors", "x");
    let of = |path: &str| std::fs::read(path).expect("a file");
    for (words, written) in [
        (vec!["compute-mean", &database, &data], &data),
        (vec!["plot", &log, "-o", &log], &log),
        (vec!["visualize", &net, "-o", &net], &net),
        (vec!["run", &net, "--tensors", &tensors, "-o", &tensors], &tensors),
    ] {
        let before = of(written);
        let why = refused(&words);
        assert!(why.contains("is what is read; give what is written another name"), "{why}");
        assert_eq!(of(written), before, "{words:?}");
    }
}

/// Quotes of one line are counted for none of its strings to its end.
#[test]
fn a_line_of_many_strings_takes_a_time_in_proportion() {
    let place = Place::new();
    let text = format!("layer {{ name: 's' type: 'Silence' {} }}", "bottom: 'x' ".repeat(200_000));
    let path = place.write("long.prototxt", text);
    let start = Instant::now();
    let why = refused(&["check", &path]);
    assert!(why.contains("`x`"), "{}", &why[..why.len().min(400)]);
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}
