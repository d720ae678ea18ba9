//! Files of real Torch, in both encodings, and files that nobody should have written.

use std::path::{Path, PathBuf};

use super::{Numbers, Object, T7, Value, write_flat};
use crate::weights::{Blob, read_safetensors};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/torch/t7").join(name)
}

/// A tensor of the table in `values_*.t7`: its class and its numbers in row-major order.
fn tensor(file: &T7, key: &str) -> (String, Blob) {
    let value = file.field(&file.root, key).unwrap_or_else(|| panic!("{key}"));
    let Some(Object::Tensor { class, tensor }) = file.object(value) else { panic!("{key}") };
    (class.clone(), file.blob(tensor).unwrap())
}

#[test]
fn values_of_every_type() {
    for name in ["values_binary.t7", "values_ascii.t7"] {
        let file = T7::read(&golden(name)).unwrap();
        let field = |key| file.field(&file.root, key).unwrap_or_else(|| panic!("{name}: {key}"));
        assert_eq!(field("number"), &Value::Number(3.25));
        assert_eq!(field("int"), &Value::Number(42.0));
        assert_eq!(field("neg"), &Value::Number(-1e-300));
        assert_eq!(field("str"), &Value::Text("caf\u{e9}\nline2".into()));
        assert_eq!((field("yes"), field("no")), (&Value::Bool(true), &Value::Bool(false)));
        // The table holds itself, and one object under two names.
        assert_eq!(field("self"), &file.root);
        assert_eq!(field("again"), field("float"));
        let list = file.list(field("list"));
        assert_eq!(list[..2], [&Value::Number(10.0), &Value::Number(20.0)]);
        assert_eq!(file.list(list[2]), [&Value::Number(30.0)]);

        let check = |key: &str, class: &str, shape: &[usize], data: &[f32]| {
            let (have, blob) = tensor(&file, key);
            assert_eq!(have, format!("torch.{class}Tensor"), "{name}: {key}");
            assert_eq!(
                (blob.shape.as_slice(), blob.data.as_slice()),
                (shape, data),
                "{name}: {key}"
            );
        };
        check("float", "Float", &[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        check("transposed", "Float", &[3, 2], &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        check("row", "Float", &[3], &[4.0, 5.0, 6.0]);
        check("double", "Double", &[2], &[0.1, 0.2]);
        check("long", "Long", &[2, 2], &[1.0, -2.0, 3.0, 4e9]);
        check("int32", "Int", &[2], &[-7.0, 8.0]);
        check("short", "Short", &[1], &[-3.0]);
        check("byte", "Byte", &[2], &[0.0, 255.0]);
        check("char", "Char", &[2], &[-128.0, 127.0]);
        check("empty", "Float", &[0], &[]);
        let Some(Object::Storage { class, numbers }) = file.object(field("storage")) else {
            panic!("{name}: no storage")
        };
        assert_eq!((class.as_str(), numbers), ("torch.LongStorage", &Numbers::Whole(vec![2, 3])));
        let Some(Object::Table(entries)) = file.object(&file.root) else { panic!("no table") };
        let seven = entries.iter().find(|(key, _)| *key == Value::Number(7.0)).unwrap();
        assert_eq!(seven.1, Value::Text(b"seven".to_vec()));
        // Doubles and longs are exact, not through f32.
        let storage = |key| match file.object(field(key)) {
            Some(Object::Tensor { tensor, .. }) => &file.objects[tensor.storage.unwrap()],
            _ => panic!("{key}"),
        };
        let numbers = |key| match storage(key) {
            Object::Storage { numbers, .. } => numbers,
            _ => panic!("{key}"),
        };
        assert!(matches!(numbers("double"), Numbers::Double(values) if values[0] == 0.1));
        assert!(matches!(numbers("long"), Numbers::Whole(values) if values[3] == 4_000_000_000));
    }
}

/// Parameters, buffers and the flat vector of a saved network.
fn check_model(name: &str, tensors: &str, towers: usize) {
    let file = T7::read(&golden(name)).unwrap();
    let want = read_safetensors(&golden(tensors)).unwrap();
    let parameters = file.parameters().unwrap();
    let count = want.keys().filter(|key| key.starts_with("param.")).count();
    assert_eq!(parameters.len(), count, "{name}");
    for (i, parameter) in parameters.iter().enumerate() {
        assert_eq!(parameter.blob, want[&format!("param.{i}")], "{name}: {i}");
    }
    let once: std::collections::HashSet<_> = parameters.iter().map(|p| p.place).collect();
    assert_eq!(once.len() * towers, count, "{name}");
    let flat: Vec<f32> =
        parameters.iter().take(once.len()).flat_map(|p| p.blob.data.clone()).collect();
    assert_eq!(flat, want["flat"].data, "{name}");
    let buffers = file.buffers().unwrap();
    assert_eq!(2 * buffers.len(), want.keys().filter(|key| key.starts_with("buf.")).count());
    for (i, buffer) in buffers.iter().enumerate() {
        assert_eq!(buffer.mean, want[&format!("buf.{i}.running_mean")], "{name}");
        assert_eq!(buffer.variance, want[&format!("buf.{i}.running_var")], "{name}");
    }
    assert_eq!(file.flat().unwrap(), None);
}

#[test]
fn parameters_of_saved_networks() {
    check_model("small_binary.t7", "small.safetensors", 1);
    check_model("small_ascii.t7", "small.safetensors", 1);
    check_model("siamese_small_binary.t7", "siamese_small.safetensors", 2);
    let file = T7::read(&golden("small_binary.t7")).unwrap();
    let roles: Vec<String> = file
        .parameters()
        .unwrap()
        .iter()
        .map(|p| format!("{} {} {}", p.module, p.class, p.role))
        .collect();
    assert_eq!(
        roles,
        [
            "0 nn.SpatialConvolution weight",
            "0 nn.SpatialConvolution bias",
            "1 nn.SpatialBatchNormalization weight",
            "1 nn.SpatialBatchNormalization bias",
            "2 nn.Linear weight",
            "2 nn.Linear bias"
        ]
    );
}

#[test]
fn flat_vector_goes_both_ways() {
    let file = T7::read(&golden("small_Weights.t7")).unwrap();
    let want = &read_safetensors(&golden("small.safetensors")).unwrap()["flat"];
    let flat = file.flat().unwrap().unwrap();
    assert_eq!(flat, want.data);
    assert!(file.parameters().unwrap().is_empty());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net_Weights.t7");
    write_flat(&path, &flat).unwrap();
    assert_eq!(T7::read(&path).unwrap().flat().unwrap().unwrap(), flat);
    assert_eq!(std::fs::read(&path).unwrap(), std::fs::read(golden("small_Weights.t7")).unwrap());
}

fn parse(bytes: &[u8]) -> Result<T7, String> {
    T7::parse(Path::new("x.t7"), bytes).map_err(|e| e.to_string())
}

#[test]
fn cut_files_are_errors() {
    for name in ["values_binary.t7", "values_ascii.t7", "small_ascii.t7", "small_binary.t7"] {
        let whole = std::fs::read(golden(name)).unwrap();
        // The last byte of an ascii file is a line break that nothing needs.
        let each = if name.starts_with("values") { 1 } else { 7 };
        for len in (0..whole.len() - 1).step_by(each) {
            let error = parse(&whole[..len]).expect_err(name);
            assert!(error.starts_with("x.t7: at byte "), "{error}");
        }
    }
}

#[test]
fn changed_bytes_are_survived() {
    for name in ["values_binary.t7", "values_ascii.t7", "small_ascii.t7", "small_binary.t7"] {
        let whole = std::fs::read(golden(name)).unwrap();
        let each = if name.starts_with("values") { 1 } else { 7 };
        let places = (0..whole.len()).step_by(each);
        for (at, bits) in places.flat_map(|at| [(at, 0x01), (at, 0xff)]) {
            let mut bytes = whole.clone();
            bytes[at] ^= bits;
            // Whatever is still readable must be so throughout.
            if let Ok(file) = parse(&bytes) {
                let _ = (file.parameters(), file.buffers(), file.flat());
            }
        }
    }
}

fn ints(numbers: &[i32]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_le_bytes()).collect()
}

/// An object of a class, up to where its own data begin.
fn head(number: i32, class: &str) -> Vec<u8> {
    let mut bytes = ints(&[4, number, 3]);
    bytes.extend(b"V 1");
    bytes.extend(ints(&[class.len() as i32]));
    bytes.extend(class.as_bytes());
    bytes
}

#[test]
fn absurd_claims_are_refused() {
    let check = |bytes: &[u8], expected: &str| {
        let error = parse(bytes).expect_err(expected);
        assert!(error.contains(expected), "{error}");
    };
    check(b"hello\n", "expected the type of an object, found `hello`");
    check(b"", "expected the type of an object");
    check(&ints(&[9]), "9 is no type of an object");
    check(&ints(&[2, i32::MAX]), "a string of 2147483647 bytes, but 0 are left");
    check(&ints(&[2, -1]), "a string is -1");
    check(&ints(&[3, 1, i32::MAX]), "the type of an object of 4 bytes, but 0 are left");
    let deep: Vec<u8> = (1..1000).flat_map(|i| ints(&[3, i, 1])).collect();
    check(&deep, "more than 200 objects within objects");

    let mut storage = head(1, "torch.DoubleStorage");
    storage.extend(i64::MAX.to_le_bytes());
    check(&storage, "a storage of 9223372036854775807 numbers");
    let mut storage = head(1, "torch.DoubleStorage");
    storage.extend((-1i64).to_le_bytes());
    check(&storage, "a storage of -1 numbers");
    check(b"4\n1\n3\nV 1\n19\ntorch.DoubleStorage\n99999\n", "a storage of 99999 numbers");

    // A tensor that reaches past its storage, by size, by stride or by offset.
    let tensor = |size: i64, stride: i64, offset: i64| {
        let mut bytes = head(1, "torch.FloatTensor");
        bytes.extend(ints(&[1]));
        [size, stride, offset].iter().for_each(|n| bytes.extend(n.to_le_bytes()));
        bytes.extend(head(2, "torch.FloatStorage"));
        bytes.extend(2i64.to_le_bytes());
        bytes.extend([0; 8]);
        bytes
    };
    assert!(parse(&tensor(2, 1, 1)).is_ok());
    for (size, stride, offset) in
        [(3, 1, 1), (2, 2, 1), (2, 1, 2), (2, 1, 0), (-1, 1, 1), (2, -1, 2), (2, i64::MAX, 2)]
    {
        check(&tensor(size, stride, offset), "does not fit its storage of 2 numbers");
    }
    // An expanded tensor fits, but is not made larger than the file explains.
    let file = parse(&tensor(1 << 40, 0, 1)).unwrap();
    assert!(file.flat().unwrap_err().to_string().contains("a tensor of 1099511627776 numbers"));
}

#[test]
fn modules_that_contain_themselves_are_refused() {
    // { modules = { itself } } as nn.Sequential.
    let mut bytes = head(1, "nn.Sequential");
    bytes.extend(ints(&[3, 2, 1, 2, 7]));
    bytes.extend(b"modules");
    bytes.extend(ints(&[3, 3, 1, 1]));
    bytes.extend(1f64.to_le_bytes());
    bytes.extend(ints(&[4, 1]));
    let error = parse(&bytes).unwrap().parameters().unwrap_err().to_string();
    assert!(error.contains("modules that contain each other"), "{error}");
}

#[test]
fn functions_are_passed_over() {
    // { f = function, 8 = of today; 7, 6 = of earlier } and a number after each.
    let mut bytes = ints(&[3, 1, 3]);
    for (key, kind) in [8, 7, 6].into_iter().enumerate() {
        bytes.extend(ints(&[1]));
        bytes.extend((key as f64 + 1.0).to_le_bytes());
        bytes.extend(ints(if kind == 6 { &[6] } else { &[8, 9] }));
        if kind == 7 {
            let at = bytes.len() - 8;
            bytes[at] = 7;
            bytes[at + 4] = 10;
        }
        bytes.extend(ints(&[4]));
        bytes.extend(b"\x1bLJ\x01");
        bytes.extend(ints(&[0]));
    }
    let file = parse(&bytes).unwrap();
    let list = file.list(&file.root);
    assert_eq!(list.len(), 3);
    assert!(list.iter().all(|value| file.object(value) == Some(&Object::Function)));
}

#[test]
fn variance_of_the_first_version() {
    let text = b"4\n1\n3\nV 1\n28\nnn.SpatialBatchNormalization\n3\n2\n3\n\
        2\n12\nrunning_mean\n4\n3\n3\nV 1\n17\ntorch.FloatTensor\n1\n1\n1\n1\n4\n4\n3\nV 1\n18\ntorch.FloatStorage\n1\n3\n\
        2\n11\nrunning_std\n4\n5\n3\nV 1\n17\ntorch.FloatTensor\n1\n1\n1\n1\n4\n6\n3\nV 1\n18\ntorch.FloatStorage\n1\n0.5\n\
        2\n3\neps\n1\n0.25\n";

    let buffers = parse(text).unwrap().buffers().unwrap();
    assert_eq!((buffers[0].mean.data[0], buffers[0].variance.data[0]), (3.0, 3.75));
}

#[test]
fn tensors_of_tables_have_the_names_of_their_keys() {
    for name in ["values_binary.t7", "values_ascii.t7"] {
        let file = T7::read(&golden(name)).unwrap();
        // The table holds itself, which is no end of names.
        let named = file.named().unwrap();
        let blob = |key: &str| named.iter().find(|(name, _)| name == key).map(|(_, blob)| blob);
        assert_eq!(blob("row").unwrap().data, [4.0, 5.0, 6.0]);
        assert_eq!(blob("transposed").unwrap().shape, [3, 2]);
        assert!(blob("number").is_none() && blob("self.row").is_none());
        assert_eq!(file.flat().unwrap(), None);
    }
}
