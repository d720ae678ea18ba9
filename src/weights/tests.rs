//! Caffe's own snapshots are read exactly, what is written is read again, and broken files are errors.

use std::fs;
use std::path::PathBuf;

use super::*;
use crate::data::proto::{BlobProto, NetParameter, V0LayerParameter, V1LayerParameter};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/caffe").join(name)
}

/// Blobs of a snapshot against the tensors saved beside it.
fn check_snapshot(net: &str, updates: usize) {
    let file = |suffix: &str| golden(&format!("nets/{net}/snap_iter_{updates}.{suffix}"));
    let tensors = read_safetensors(&golden(&format!("nets/{net}/data.safetensors"))).unwrap();
    let model = CaffeModel::read(&file("caffemodel")).unwrap();
    let prefix = format!("param@{updates}.");
    let mut compared = 0;
    for (name, expected) in tensors.iter().filter_map(|(n, t)| Some((n.strip_prefix(&prefix)?, t)))
    {
        let (layer, i) = name.rsplit_once('.').unwrap();
        assert_eq!(&model.blobs(layer).unwrap()[i.parse::<usize>().unwrap()], expected, "{name}");
        compared += 1;
    }
    assert_eq!(compared, 10);
    // The other tower holds the same values under its own layer names.
    assert_eq!(model.blobs("conv1"), model.blobs("conv1_p"));
    assert_eq!(model.layers.iter().find(|l| l.name == "conv1").unwrap().kind, "Convolution");

    let state = SolverState::read(&file("solverstate")).unwrap();
    assert_eq!((state.iter, state.current_step), (updates, 0));
    let learned = state.learned_net.as_ref().unwrap();
    assert!(learned.ends_with(&format!("snap_iter_{updates}.caffemodel")), "{learned}");
    let history = tensors.keys().filter(|name| name.starts_with("history.")).count();
    assert_eq!(state.history.len(), history);
    for (i, blob) in state.history.iter().enumerate() {
        let expected = &tensors[&format!("history.{i}")];
        assert_eq!(blob.shape, expected.shape);
        // `history` is saved after the last update only.
        assert!(updates != 20 || blob == expected, "history.{i}");
    }

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("copy");
    model.write(&path).unwrap();
    assert_eq!(CaffeModel::read(&path).unwrap(), model);
    state.write(&path).unwrap();
    assert_eq!(SolverState::read(&path).unwrap(), state);
}

#[test]
fn snapshots_of_caffe() {
    check_snapshot("siamese_sgd", 10);
    check_snapshot("siamese_adam", 20);
}

#[test]
fn mean_of_caffe() {
    let expected = read_safetensors(&golden("io/raw.safetensors")).unwrap();
    let mean = read_binaryproto(&golden("io/mean.binaryproto")).unwrap();
    assert_eq!(mean.shape, [1, 3, 10, 12]);
    assert_eq!(mean.data, expected["mean"].data);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mean.binaryproto");
    write_binaryproto(&path, &mean).unwrap();
    assert_eq!(fs::read(&path).unwrap(), fs::read(golden("io/mean.binaryproto")).unwrap());
}

#[test]
fn legacy_generations() {
    let blob = BlobProto {
        num: Some(1),
        channels: Some(1),
        height: Some(2),
        width: Some(3),
        double_data: (0..6).map(f64::from).collect(),
        ..BlobProto::default()
    };
    let v1 = V1LayerParameter {
        name: Some("ip".into()),
        r#type: Some(14),
        blobs: vec![blob.clone()],
        ..V1LayerParameter::default()
    };
    let inner = V0LayerParameter {
        name: Some("conv".into()),
        r#type: Some("conv".into()),
        blobs: vec![blob],
    };
    let v0 = V1LayerParameter { layer: Some(inner), ..V1LayerParameter::default() };
    let net = NetParameter { layers: vec![v1, v0], ..NetParameter::default() };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.caffemodel");
    write_message(&path, &net).unwrap();
    let model = CaffeModel::read(&path).unwrap();
    for layer in ["ip", "conv"] {
        let blob = &model.blobs(layer).unwrap()[0];
        assert_eq!((blob.shape.as_slice(), blob.data[5]), (&[1, 1, 2, 3][..], 5.0));
        assert!(
            blob.fits(&[2, 3]) && blob.fits(&[1, 2, 3]) && !blob.fits(&[3, 2]) && !blob.fits(&[6])
        );
    }
}

#[test]
fn types_of_safetensors() {
    let check = |dtype, bytes: &[u8], expected: f32| {
        let view = TensorView::new(dtype, vec![1], bytes).unwrap();
        let file = ::safetensors::serialize([("x", view)], None).unwrap();
        let tensors = parse_safetensors(Path::new("x"), &file).unwrap();
        assert_eq!(tensors["x"], Blob { shape: vec![1], data: vec![expected] });
    };
    use ::safetensors::tensor::{Dtype, TensorView};
    check(Dtype::F64, &(-2.5f64).to_le_bytes(), -2.5);
    check(Dtype::F16, &0x3e00u16.to_le_bytes(), 1.5);
    check(Dtype::BF16, &0x3fc0u16.to_le_bytes(), 1.5);
    check(Dtype::I64, &(-7i64).to_le_bytes(), -7.0);
    check(Dtype::U8, &[200], 200.0);
}

#[test]
fn safetensors_round_trip() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.safetensors");
    let scalar = Blob::new(vec![], vec![f32::NAN]).unwrap();
    let matrix = Blob::new(vec![2, 2], vec![1.0, -0.0, f32::INFINITY, 1e-45]).unwrap();
    write_safetensors(&path, [("b", &matrix), ("a", &scalar)]).unwrap();
    let read = read_safetensors(&path).unwrap();
    assert!(read["a"].shape.is_empty() && read["a"].data[0].is_nan());
    assert_eq!(read["b"], matrix);
}

#[test]
fn absurd_sizes_are_refused() {
    let check = |blob: BlobProto, expected: &str| {
        let error = Blob::from_proto(blob).unwrap_err();
        assert!(error.contains(expected), "{error}");
    };
    let shaped = |dim: &[i64]| BlobProto {
        shape: Some(crate::data::proto::BlobShape { dim: dim.to_vec() }),
        data: vec![1.0],
        ..BlobProto::default()
    };
    check(shaped(&[1 << 40, 1 << 40]), "holds 1 values");
    check(shaped(&[-1]), "claims the shape [-1]");
    check(BlobProto::default(), "claims the shape [] and holds 0 values");
}

#[test]
fn cut_files_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut");
    let check = |name: &str, read: fn(&Path) -> Option<Error>| {
        let whole = fs::read(golden(name)).unwrap();
        for len in (0..whole.len()).step_by(whole.len() / 40) {
            fs::write(&path, &whole[..len]).unwrap();
            // A cut between two fields of the outermost message leaves a smaller valid one.
            if let Some(error) = read(&path) {
                assert!(error.to_string().contains("cut: "), "{error}");
            }
        }
        fs::write(&path, [0xff; 64]).unwrap();
        assert!(read(&path).is_some());
    };
    check("nets/siamese_sgd/snap_iter_10.caffemodel", |p| CaffeModel::read(p).err());
    check("nets/siamese_sgd/snap_iter_10.solverstate", |p| SolverState::read(p).err());
    check("nets/siamese_sgd/data.safetensors", |p| read_safetensors(p).err());
    check("io/mean.binaryproto", |p| read_binaryproto(p).err());
}

#[test]
fn a_feed_may_be_named_as_for_one_pass() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("feed.safetensors");
    let blob = Blob { shape: vec![1], data: vec![2.0] };
    let names = ["in.0", "target", "in.data"];
    super::write_safetensors(&path, names.iter().map(|name| (*name, &blob))).unwrap();
    let read: Vec<String> = super::read_feed(&path).unwrap().into_keys().collect();
    assert_eq!(read, ["data", "input", "target"]);
}
