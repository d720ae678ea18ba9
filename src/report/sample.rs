//! Builds the diagrams that tests draw: known nets and random ones.

use super::diagram::{Category, Cluster, Diagram, Edge, Node, Role};

/// The twin LeNet of DIGITS' Siamese example, with its input pair stacked along the channels.
pub fn siamese() -> Diagram {
    let mut net = Diagram {
        title: "mnist_siamese".into(),
        subtitle: "training · 431 602 parameters, all of them shared by the two towers".into(),
        legend: true,
        ..Diagram::default()
    };
    net.nodes.push(Node::new("pair_data", "Input", Category::Data));
    net.nodes.push(Node::new("sim", "Input", Category::Data));
    net.nodes.push(Node::new("slice_pair", "Slice", Category::Shape).detail("axis 1 at 1, 2"));
    net.nodes.push(Node::new("silence", "Silence", Category::Shape));
    net.edges.push(Edge::new((0, 0), (2, 0), "pair_data", "64×3×28×28"));
    net.edges.push(Edge::new((2, 2), (3, 0), "junk", "64×1×28×28"));
    let mut features = vec![];
    for (port, suffix) in ["", "_p"].into_iter().enumerate() {
        let first = net.nodes.len();
        let name = |base: &str| format!("{base}{suffix}");
        let group = |node: Node, index: usize, shape: &str, bias: &str, base: &str| {
            let weight = format!("{base}_w");
            node.parameter(&weight, shape, Some(2 * index)).parameter(
                &format!("{base}_b"),
                bias,
                Some(2 * index + 1),
            )
        };
        let conv = |base: &str, detail: &str, index, shape: &str, bias: &str| {
            let node = Node::new(name(base), "Convolution", Category::Convolution).detail(detail);
            group(node, index, shape, bias, base)
        };
        let dense = |base: &str, outputs: &str, index, shape: &str| {
            let node = Node::new(name(base), "InnerProduct", Category::Dense);
            group(node.detail(format!("{outputs} outputs")), index, shape, outputs, base)
        };
        let pool = |base: &str| {
            Node::new(name(base), "Pooling", Category::Pooling).detail("max 2×2, stride 2")
        };
        let relu = name("relu1");
        net.nodes.extend([
            conv("conv1", "20 × 5×5, stride 1", 0, "20×1×5×5", "20"),
            pool("pool1"),
            conv("conv2", "50 × 5×5, stride 1", 1, "50×20×5×5", "50"),
            pool("pool2"),
            dense("ip1", "500", 2, "500×800").fold("ReLU", &relu, Category::Activation),
            dense("ip2", "10", 3, "10×500"),
            dense("feat", "2", 4, "2×10"),
        ]);
        let blob = ["data", "data_p"][port];
        net.edges.push(Edge::new((2, port), (first, 0), blob, "64×1×28×28"));
        let shapes = ["64×20×24×24", "64×20×12×12", "64×50×8×8", "64×50×4×4", "64×500", "64×10"];
        for (step, shape) in shapes.into_iter().enumerate() {
            let label = net.nodes[first + step].name.clone();
            net.edges.push(Edge::new((first + step, 0), (first + step + 1, 0), &label, shape));
        }
        features.push(first + 6);
    }
    let loss = net.nodes.len();
    net.nodes.push(Node::new("loss", "ContrastiveLoss", Category::Loss).detail("margin 1"));
    for (port, feature) in features.into_iter().enumerate() {
        let label = net.nodes[feature].name.clone();
        net.edges.push(Edge::new((feature, 0), (loss, port), &label, "64×2"));
    }
    let sim = Edge { role: Role::Label, ..Edge::new((1, 0), (loss, 2), "sim", "64") };
    net.edges.push(sim);
    net
}

/// GoogLeNet as deployed: nine inception blocks, each a cluster (Szegedy et al., 2015).
pub fn googlenet() -> Diagram {
    let mut net = Diagram {
        title: "googlenet".into(),
        subtitle: "deploy · 6 998 552 parameters".into(),
        legend: true,
        ..Diagram::default()
    };
    let mut add = |node: Node, from: &[(usize, &str)]| {
        let to = net.nodes.len();
        for (port, &(from, shape)) in from.iter().enumerate() {
            let label = net.nodes[from].name.clone();
            net.edges.push(Edge::new((from, 0), (to, port), &label, shape));
        }
        net.nodes.push(node);
        to
    };
    let conv = |name: &str, outputs: usize, kernel: usize, stride: usize| {
        let relu = format!("relu_{name}");
        Node::new(name, "Convolution", Category::Convolution)
            .detail(format!("{outputs} × {kernel}×{kernel}, stride {stride}"))
            .fold("ReLU", &relu, Category::Activation)
    };
    let pool = |name: &str, text: &str| Node::new(name, "Pooling", Category::Pooling).detail(text);
    let lrn = |name: &str| Node::new(name, "LRN", Category::Normalisation).detail("5 channels");

    let mut at = add(Node::new("data", "Input", Category::Data), &[]);
    at = add(conv("conv1", 64, 7, 2), &[(at, "3×224×224")]);
    at = add(pool("pool1", "max 3×3, stride 2"), &[(at, "64×112×112")]);
    at = add(lrn("norm1"), &[(at, "64×56×56")]);
    at = add(conv("conv2r", 64, 1, 1), &[(at, "64×56×56")]);
    at = add(conv("conv2", 192, 3, 1), &[(at, "64×56×56")]);
    at = add(lrn("norm2"), &[(at, "192×56×56")]);
    at = add(pool("pool2", "max 3×3, stride 2"), &[(at, "192×56×56")]);

    let mut clusters = vec![];
    let mut channels = 192;
    for (name, one, reduce3, three, reduce5, five, project, size) in [
        ("i3a", 64, 96, 128, 16, 32, 32, 28),
        ("i3b", 128, 128, 192, 32, 96, 64, 28),
        ("i4a", 192, 96, 208, 16, 48, 64, 14),
        ("i4b", 160, 112, 224, 24, 64, 64, 14),
        ("i4c", 128, 128, 256, 24, 64, 64, 14),
        ("i4d", 112, 144, 288, 32, 64, 64, 14),
        ("i4e", 256, 160, 320, 32, 128, 128, 14),
        ("i5a", 256, 160, 320, 32, 128, 128, 7),
        ("i5b", 384, 192, 384, 48, 128, 128, 7),
    ] {
        let shape = |channels: usize| format!("{channels}×{size}×{size}");
        let input = shape(channels);
        let part = |suffix: &str| format!("{name}_{suffix}");
        let a = add(conv(&part("1x1"), one, 1, 1), &[(at, &input)]);
        let b = add(conv(&part("3x3r"), reduce3, 1, 1), &[(at, &input)]);
        let b2 = add(conv(&part("3x3"), three, 3, 1), &[(b, &shape(reduce3))]);
        let c = add(conv(&part("5x5r"), reduce5, 1, 1), &[(at, &input)]);
        let c2 = add(conv(&part("5x5"), five, 5, 1), &[(c, &shape(reduce5))]);
        let d = add(pool(&part("pool"), "max 3×3, stride 1"), &[(at, &input)]);
        let d2 = add(conv(&part("poolp"), project, 1, 1), &[(d, &input)]);
        at = add(
            Node::new(name, "Concat", Category::Shape),
            &[(a, &shape(one)), (b2, &shape(three)), (c2, &shape(five)), (d2, &shape(project))],
        );
        channels = one + three + five + project;
        clusters.push(Cluster {
            title: format!("inception {}", &name[1..]),
            members: vec![a, b, b2, c, c2, d, d2, at],
        });
        if name == "i3b" || name == "i4e" {
            let pool = pool(if name == "i3b" { "pool3" } else { "pool4" }, "max 3×3, stride 2");
            at = add(pool, &[(at, &shape(channels))]);
        }
    }
    at = add(
        pool("pool5", "mean 7×7").fold("Dropout", "drop", Category::Regularisation),
        &[(at, "1024×7×7")],
    );
    at = add(
        Node::new("fc", "InnerProduct", Category::Dense).detail("1000 outputs"),
        &[(at, "1024×1×1")],
    );
    add(Node::new("prob", "Softmax", Category::Activation), &[(at, "1000")]);
    net.clusters = clusters;
    net
}

/// An unrolled recurrent net: one slice into `steps` cells, each fed by the last, joined at the end.
pub fn unrolled(steps: usize) -> Diagram {
    let mut net = Diagram { title: "unrolled".into(), legend: true, ..Diagram::default() };
    net.nodes.push(Node::new("data", "Input", Category::Data));
    net.nodes.push(Node::new("slice", "Slice", Category::Shape));
    net.nodes.push(Node::new("join", "Concat", Category::Shape));
    net.edges.push(Edge::new((0, 0), (1, 0), "data", "10×1×64"));
    for step in 0..steps {
        let cell = net.nodes.len();
        let node = Node::new(format!("cell_{step}"), "LSTMUnit", Category::Recurrent);
        net.nodes.push(node.parameter("W", "256×128", Some(7)));
        net.edges.push(Edge::new((1, step), (cell, 0), &format!("x_{step}"), "1×64"));
        if 0 < step {
            net.edges.push(Edge::new((cell - 1, 0), (cell, 1), &format!("h_{step}"), "1×64"));
        }
        net.edges.push(Edge::new((cell, 0), (2, step), &format!("h_{}", step + 1), "1×64"));
    }
    net
}

/// A net of `count` nodes, each reading up to three earlier ones (and rarely a later one), from a seed.
pub fn random(count: usize, reach: usize, mut seed: u64) -> Diagram {
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 33) as usize % below.max(1)
    };
    let mut net = Diagram { title: "random".into(), ..Diagram::default() };
    for index in 0..count {
        let category = Category::ALL[next(Category::ALL.len())];
        let mut node = Node::new(format!("layer{}", "x".repeat(next(12))), "Any", category);
        for _ in 0..next(4) {
            node = node.detail("k".repeat(next(30)));
        }
        net.nodes.push(node);
        for port in 0..next(4).min(index) {
            let from = index - 1 - next(reach.min(index));
            let edge = Edge::new((from, next(2)), (index, port), "", &"9".repeat(next(12)));
            net.edges.push(if next(40) == 0 {
                Edge { from: index, to: from, ..edge }
            } else {
                edge
            });
        }
    }
    net
}
