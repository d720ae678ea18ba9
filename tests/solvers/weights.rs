//! The weights of a solver's nets: files to start from, what in them does not fit, and what snapshots hold.

use super::*;
use cortado::weights::{CaffeModel, LayerWeights, Weights, read_safetensors, write_hdf5_weights};

/// Starts from a file of weights.
fn of_weights(path: PathBuf) -> JobOptions {
    JobOptions { weights: vec![path], ..JobOptions::default() }
}

/// A file of Caffe's with layers of this many parameters, of which each has one number.
fn model(path: &Path, layers: &[(&str, &[&[usize]])]) {
    let blob =
        |shape: &&[usize]| Blob { shape: shape.to_vec(), data: vec![2.0; shape.iter().product()] };
    let layer = |(name, shapes): &(&str, &[&[usize]])| LayerWeights {
        name: (*name).to_owned(),
        kind: "InnerProduct".to_owned(),
        blobs: shapes.iter().map(blob).collect(),
        ..LayerWeights::default()
    };
    let layers = layers.iter().map(layer).collect();
    CaffeModel { name: "line".into(), layers, ..CaffeModel::default() }
        .write(path)
        .expect("written");
}

/// The same as HDF5.
fn hdf5_model(path: &Path, layers: &[(&str, &[&[usize]])]) {
    let names: Vec<&str> = layers.iter().map(|(name, _)| *name).collect();
    let mut weights = Weights::new();
    for (name, shapes) in layers {
        for (at, shape) in shapes.iter().enumerate() {
            let data = vec![2.0; shape.iter().product()];
            weights.insert(((*name).to_owned(), at), Blob { shape: shape.to_vec(), data });
        }
    }
    write_hdf5_weights(path, &names, weights, None).expect("written");
}

#[test]
fn weights_are_lists_of_files_and_reach_the_test_nets() {
    let place = Place::new();
    let one = |value: f32, shape: &[usize]| Blob {
        shape: shape.to_vec(),
        data: vec![value; shape.iter().product()],
    };
    let files = [
        ("one.safetensors", "ip.0", one(2.0, &[1, 3])),
        ("three.safetensors", "ip.0", one(4.0, &[1, 3])),
    ];
    for (file, name, blob) in &files {
        write_safetensors(&place.path(file), [(*name, blob)]).expect("written");
    }
    let extra =
        "layer { name: 'extra' type: 'InnerProduct' bottom: 'y' top: 'e' include { phase: TEST }
        inner_product_param { num_output: 1 bias_term: false } }";
    place.write("extra.prototxt", &format!("{NET}{extra}"));
    let merged = place.path("both.safetensors");
    let (ip, extra) = (one(2.0, &[1, 3]), one(7.0, &[1, 1]));
    let all = [("ip.0", &ip), ("extra.0", &extra)];
    write_safetensors(&merged, all).expect("written");
    let solver = "net: 'extra.prototxt' base_lr: 0 max_iter: 1 test_interval: 1 test_iter: 1
         weights: 'one.safetensors, both.safetensors'";
    let mut job = place.job(solver);
    let report = &job::test(&mut job).expect("tests")[0];
    // y = 2 * 3 + 0.1, and e = 7 y.
    assert!((outputs(report)["e"] - 42.7).abs() < 1e-3, "{report:?}");
    assert_eq!(job.weights.len(), 2);

    let options = of_weights(place.path("three.safetensors"));
    let mut job = place.opened(solver, options).expect("a job");
    assert_eq!(job.trainer.parameters()["param.ip.0"].data, [4.0; 3]);
    assert_eq!(job.weights.len(), 1);
}

#[test]
fn a_file_has_as_many_parameters_of_a_layer_as_the_net() {
    let place = Place::new();
    let second = "layer { name: 'more' type: 'InnerProduct' bottom: 'y' top: 'z' inner_product_param { num_output: 1 } }
        layer { name: 'tied' type: 'InnerProduct' bottom: 'x' top: 'v' param { name: 'w' }
        inner_product_param { num_output: 1 bias_term: false } }";
    place.write("two.prototxt", &format!("{NET}{second}"));
    let path = |hdf5: bool| place.path(if hdf5 { "w.caffemodel.h5" } else { "w.caffemodel" });
    let opened = |hdf5: bool, layers: &[(&str, &[&[usize]])]| {
        match hdf5 {
            true => hdf5_model(&path(hdf5), layers),
            false => model(&path(hdf5), layers),
        }
        place.opened("net: 'two.prototxt' base_lr: 0 max_iter: 1", of_weights(path(hdf5)))
    };
    let refused = |hdf5: bool, layers: &[(&str, &[&[usize]])]| {
        opened(hdf5, layers).err().unwrap_or_else(|| panic!("{layers:?} was taken"))
    };
    let (weight, bias): (&[usize], &[usize]) = (&[1, 3], &[1]);
    for hdf5 in [false, true] {
        let complaint = refused(hdf5, &[("ip", &[weight]), ("more", &[&[1, 7], bias])]);
        assert!(complaint.contains("`ip`: file 1 parameter, net 2 (weight, bias)"), "{complaint}");
        assert!(complaint.contains("`more` weight: file 1 x 7, net 1 x 1"), "{complaint}");
        let complaint = refused(hdf5, &[("ip", &[weight, bias, bias])]);
        assert!(complaint.contains("`ip`: file 3 parameters, net 2 (weight, bias)"), "{complaint}");
        let complaint = refused(hdf5, &[("ip", &[weight, bias]), ("more", &[]), ("loss", &[])]);
        assert!(complaint.contains("`more`: file 0 parameters, net 2"), "{complaint}");
        assert!(!complaint.contains("`loss`"), "{complaint}");
        let complaint = refused(hdf5, &[("ip", &[weight, bias]), ("loss", &[bias])]);
        assert!(complaint.contains("`loss`: file 1 parameter, net 0"), "{complaint}");
        let job = opened(hdf5, &[("ip", &[weight, bias]), ("more", &[&[1, 1], bias])]);
        assert_eq!(job.expect("it fits").trainer.parameters()["param.more.1"].data, [2.0]);
    }
    // Caffe writes a shared parameter with its owner only as HDF5, and with every user else.
    assert!(opened(true, &[("ip", &[weight, bias]), ("tied", &[])]).is_ok());
    let complaint = refused(false, &[("ip", &[weight, bias]), ("tied", &[])]);
    assert!(complaint.contains("`tied`: file 0 parameters, net 1 (weight)"), "{complaint}");
}

#[test]
fn layers_that_find_no_match_are_named() {
    let place = Place::new();
    let second = "layer { name: 'more' type: 'InnerProduct' bottom: 'y' top: 'z' inner_product_param { num_output: 1 } }";
    place.write("two.prototxt", &format!("{NET}{second}"));
    let path = place.path("w.caffemodel");
    model(&path, &[("data", &[]), ("ip", &[&[1, 3], &[1]]), ("x_c", &[&[1]]), ("x_relu", &[])]);
    let options = of_weights(path.clone());
    let solver = "net: 'two.prototxt' base_lr: 0 max_iter: 1";
    let job = place.opened(solver, options.clone()).expect("a job");
    assert_eq!(job.unmatched.len(), 1);
    assert_eq!(job.unmatched[0].of_file, ["x_c"]);
    assert_eq!(job.unmatched[0].of_net, ["more"]);
    let options = JobOptions { reinit: vec!["more".into()], ..options };
    let job = place.opened(solver, options.clone()).expect("a job");
    assert!(job.unmatched[0].of_net.is_empty(), "{:?}", job.unmatched);
    let options = JobOptions { reinit: vec!["mroe".into()], ..options };
    let complaint = place.refused(solver, options);
    assert!(
        complaint.contains("--reinit mroe: there is no such layer; did you mean `more`?"),
        "{complaint}"
    );
}

#[test]
fn snapshots_hold_the_last_change_where_the_solver_says_so() {
    let place = Place::new();
    let prefix = place.path("snap").display().to_string();
    let tied = "layer { name: 'tied' type: 'InnerProduct' bottom: 'x' top: 'v' param { name: 'w' }
        inner_product_param { num_output: 1 bias_term: false } }";
    place.write(
        "tied.prototxt",
        &NET.replace("layer { name: 'loss'", &format!("{tied} layer {{ name: 'loss'")),
    );
    // The first update: the gradient of every weight is 1.6, decayed by 0.1 times 0.5, or 0.1 for the bias.
    let (weight, bias) = (1.65, 1.61);
    let adam = 0.25; // (1 - momentum) g / (sqrt((1 - momentum2) g^2)), times 0.5 / 0.5 and the rate
    let rules = [
        ("type: 'SGD' momentum: 0.9", 0.25 * weight, 0.25 * bias),
        ("type: 'Nesterov' momentum: 0.9", 1.9 * 0.25 * weight, 1.9 * 0.25 * bias),
        ("type: 'AdaGrad'", 0.25, 0.25),
        ("type: 'RMSProp' rms_decay: 0.75", 0.5, 0.5),
        ("type: 'Adam' momentum: 0.5 momentum2: 0.75", adam, adam),
        ("type: 'SGD' clip_gradients: 0.8 momentum: 0.9", 0.25 * 0.45, 0.25 * 0.41),
    ];
    for (rule, weight, bias) in rules {
        let solver = format!(
            "net: 'tied.prototxt' base_lr: 0.25 weight_decay: 0.1 max_iter: 1 {rule}
             snapshot_prefix: '{prefix}' snapshot_diff: true"
        );
        run(&mut place.job(&solver));
        let model = CaffeModel::read(&place.path("snap_iter_1.caffemodel")).expect("a snapshot");
        let near = |values: &[f32], want: f32| {
            assert!(
                values.iter().all(|x| (x - want).abs() < 1e-5),
                "{rule}: {values:?}, not {want}"
            );
        };
        for layer in model.layers.iter().filter(|layer| layer.name == "ip" || layer.name == "tied")
        {
            assert_eq!(layer.diffs[0].len(), 3, "{rule}");
            near(&layer.diffs[0], weight);
        }
        let ip = model.layers.iter().find(|layer| layer.name == "ip").expect("the layer");
        near(&ip.diffs[1], bias);
        let after = read_safetensors(&place.path("snap_iter_1.safetensors")).expect("a snapshot");
        near(&after["param.ip.0"].data, 0.5 - weight);

        run(&mut place.job(&format!("{solver} snapshot_format: HDF5")));
        let path = place.path("snap_iter_1.caffemodel.h5");
        let file = cortado::weights::hdf5::Hdf5File::open(&path).expect("a snapshot");
        near(&file.blob("diff/ip/0").expect("a change").data, weight);
        near(&file.blob("diff/tied/0").expect("a change").data, weight);
        assert!(file.blob("data/tied/0").is_err(), "the owner has it");
    }
    let silent = "net: 'tied.prototxt' base_lr: 0.25 max_iter: 1";
    run(&mut place.job(&format!("{silent} snapshot_prefix: '{prefix}'")));
    let model = CaffeModel::read(&place.path("snap_iter_1.caffemodel")).expect("a snapshot");
    assert!(model.layers.iter().all(|layer| layer.diffs.is_empty()));
}
