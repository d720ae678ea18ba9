//! What real Torch refuses is refused in a sentence that points into the definition, and what it accepts is accepted
//! (tests/golden/torch/errors.json).

use cortado::spec::Phase;
use cortado::weights::Blob;

mod lua_pass;
mod torch_golden;

use lua_pass::{Tensors, run};
use torch_golden::{blob, golden, scattered, tensors};

/// Numbers that are at least 0.01 apart, so that a small step changes no maximum.
fn spaced(shape: &[usize]) -> Blob {
    let count: usize = shape.iter().product();
    let spacing = (3.0 / count as f32).max(0.01);
    blob(shape, (0..count).map(|i| (i * 7919 % count) as f32 * spacing - 1.0).collect())
}

#[test]
fn mistakes_are_those_of_torch() {
    let cases = golden("errors.json");
    let mut failures = vec![];
    for case in cases["cases"].as_array().expect("a list") {
        let (name, expr) = (&case["name"], case["expr"].as_str().unwrap_or_default());
        let mut text = format!("-- {name}\nreturn {expr}\n");
        let given = match case["input"].as_str() {
            Some("index5") => tensors([("in.0", blob(&[2], vec![1.0, 5.0]))]),
            Some("index0") => tensors([("in.0", blob(&[2], vec![1.0, 0.0]))]),
            Some("nll") => {
                text = format!(
                    "-- {name}\nlocal loss = {expr}\nreturn {{model = nn.Identity(), loss = loss}}\n"
                );
                let target = blob(&[2], vec![1.0, 4.0]);
                tensors([("in.0", scattered(&[2, 3])), ("target", target)])
            }
            other => {
                assert!(other.is_none(), "{name}: an input of another kind, {other:?}");
                let dims = case["input"].as_array().expect("extents");
                let dims: Vec<usize> =
                    dims.iter().filter_map(|d| d.as_u64()).map(|d| d as usize).collect();
                tensors([("in.0", scattered(&dims))])
            }
        };
        let refused = case["raises"].as_bool().expect("a truth value");
        match run(&text, &given, Phase::Train, 0) {
            Err(error) if !refused => failures.push(format!("{name} is refused: {error}")),
            Ok(_) if refused => failures.push(format!("{name} is accepted")),
            Err(error) if !error.contains("definition.lua:2:") => {
                failures.push(format!("{name} names no line: {error}"));
            }
            Ok(results) => {
                let shape: Vec<String> =
                    results["out.0"].shape.iter().map(usize::to_string).collect();
                let message = case["message"].as_str().unwrap_or_default();
                if message != format!("output {}", shape.join("x")) {
                    failures.push(format!("{name}: {shape:?} where Torch gives {message}"));
                }
            }
            Err(_) => {}
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Half the difference of the sum of `out · dout` over steps along a direction, against the gradient along it.
fn slopes(text: &str, given: &Tensors, along: &str) -> (f64, f64) {
    let total = |given: &Tensors| -> f64 {
        let results = run(text, given, Phase::Train, 0).unwrap_or_else(|e| panic!("{text}: {e}"));
        let douts =
            given.iter().filter_map(|(name, dout)| Some((name.strip_prefix("dout.")?, dout)));
        let sums = douts.map(|(i, dout)| {
            let out = &results[&format!("out.{i}")];
            out.data.iter().zip(&dout.data).map(|(a, b)| f64::from(a * b)).sum::<f64>()
        });
        sums.sum()
    };
    let direction: Vec<f32> =
        (0..given[along].data.len()).map(|i| (i as f32 * 3.7).cos()).collect();
    let moved = |step: f32| {
        let mut given = given.clone();
        let values = &mut given.get_mut(along).expect("the input").data;
        values.iter_mut().zip(&direction).for_each(|(x, d)| *x += step * d);
        total(&given)
    };
    let step = 2e-3;
    let measured = (moved(step) - moved(-step)) / f64::from(2.0 * step);
    let results = run(text, given, Phase::Train, 0).unwrap_or_else(|e| panic!("{text}: {e}"));
    let gradient = &results[&format!("d{along}")].data;
    let derived = gradient.iter().zip(&direction).map(|(a, b)| f64::from(a * b)).sum();
    (measured, derived)
}

/// Layers in variants of which no results of Torch are at hand: shapes of outputs, and gradients against differences.
#[test]
fn variants_have_their_shapes_and_gradients() {
    let pool = "local p = nn.VolumetricMaxPooling(2, 2, 2)\n";
    let cases: &[(&str, &[usize], &[usize])] = &[
        ("nn.SpatialFractionalMaxPooling(2, 3, 3, 3)", &[2, 9, 9], &[2, 3, 3]),
        ("nn.VolumetricFractionalMaxPooling(2, 2, 2, 0.4, 0.6, 0.4)", &[2, 7, 6, 5], &[2, 2, 2, 3]),
        ("nn.VolumetricReplicationPadding(1, 2, 3, 0, -1, 1)", &[2, 4, 4, 4], &[2, 4, 7, 7]),
        (
            "nn.VolumetricDilatedConvolution(2, 3, 3, 2, 2, 1, 1, 1, 0, 0, 0, 2, 2, 1)",
            &[2, 7, 6, 6],
            &[3, 3, 5, 4],
        ),
        (
            "nn.VolumetricDilatedMaxPooling(2, 2, 2, 1, 1, 1, 0, 0, 0, 2, 2, 2)",
            &[2, 2, 7, 6, 5],
            &[2, 2, 5, 4, 3],
        ),
        (
            "nn.Sequential():add(p):add(nn.VolumetricMaxUnpooling(p))",
            &[2, 2, 4, 5, 4],
            &[2, 2, 4, 5, 4],
        ),
        (
            "nn.SpatialFullConvolutionMap(nn.tables.oneToOne(3), 2, 3, 2, 1)",
            &[3, 4, 5],
            &[3, 6, 10],
        ),
        ("nn.SpatialConvolution(3, 4, 5, 3, 2, 3, 2, 1):noBias()", &[3, 9, 8], &[4, 3, 4]),
        (
            "nn.SpatialAveragePooling(3, 3, 2, 2, 1, 1):ceil():setCountExcludePad()",
            &[2, 8, 8],
            &[2, 5, 5],
        ),
        ("nn.SpatialFullConvolution(2, 3, 4, 3, 2, 2, 1, 1, 0, 1)", &[2, 2, 4, 4], &[2, 3, 8, 8]),
        ("nn.SpatialConvolutionLocal(2, 3, 6, 7, 3, 3, 2, 1, 1, 0)", &[2, 7, 6], &[3, 5, 3]),
        ("nn.TemporalRowConvolution(3, 2, 1, true)", &[2, 3, 7], &[2, 3, 6]),
        ("nn.Concat(1):add(nn.Linear(5, 2)):add(nn.Linear(5, 3))", &[5], &[5]),
        (
            "nn.Sequential():add(nn.ConcatTable():add(nn.Linear(5, 2))):add(nn.CMulTable())",
            &[3, 5],
            &[3, 2],
        ),
        ("nn.Bottle(nn.Linear(5, 2))", &[2, 3, 4, 5], &[2, 3, 4, 2]),
        ("nn.LayerNormalization(5, 0.1)", &[3, 5], &[3, 5]),
        ("nn.ZeroGrad()", &[3, 5], &[3, 5]),
        ("nn.FireModule(4, 2, 3, 5, 'Tanh')", &[2, 4, 3, 3], &[2, 8, 3, 3]),
        ("inn.SpatialPyramidPooling({2, 2}, {1, 1})", &[2, 3, 4, 4], &[2, 15]),
        ("inn.SpatialPyramidPooling({{3, 1}})", &[3, 4, 4], &[9]),
        (
            "nn.GPU(nn.Sequential():add(nn.PrintSize('x')):add(nn.Linear(5, 2)), 1)",
            &[3, 5],
            &[3, 2],
        ),
    ];
    for &(expr, input, output) in cases {
        let text = format!("{pool}return {expr}\n");
        let given = tensors([("in.0", spaced(input)), ("dout.0", scattered(output))]);
        let results = run(&text, &given, Phase::Train, 0).unwrap_or_else(|e| panic!("{expr}: {e}"));
        assert_eq!(results["out.0"].shape, output, "{expr}");
        let (measured, derived) = slopes(&text, &given, "in.0");
        if expr.contains("ZeroGrad") {
            assert_eq!(derived, 0.0);
            continue;
        }
        let scale = measured.abs() + derived.abs() + 0.05;
        assert!((measured - derived).abs() < 0.02 * scale, "{expr}: {measured} and {derived}");
    }
}

#[test]
fn sums_of_windows_and_sparse_rows_have_their_values() {
    let text = "local p = nn.SpatialAveragePooling(2, 2, 2, 2) p.divide = false return p";
    let rising = blob(&[1, 2, 4], (0..8).map(|i| i as f32).collect());
    let results =
        run(text, &tensors([("in.0", rising)]), Phase::Test, 0).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(results["out.0"].data, [10.0, 18.0]);

    let text = "local l = nn.SparseLinear(4, 2)\n\
                l.weight:copy(torch.Tensor{{1, 2, 3, 4}, {5, 6, 7, 8}}) l.bias:fill(0.5) return l";
    let rows = blob(&[2, 2, 2], vec![1.0, 2.0, 4.0, -1.0, 3.0, 1.0, 0.0, 0.0]);
    let results =
        run(text, &tensors([("in.0", rows)]), Phase::Test, 0).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(results["out.0"].data, [-1.5, 2.5, 3.5, 7.5]);
    let beyond = tensors([("in.0", blob(&[1, 2], vec![5.0, 1.0]))]);
    assert!(run(text, &beyond, Phase::Test, 0).is_err(), "there is no fifth place");

    let text = "return {model = nn.Identity(), loss = nn.SpatialAutoCropMSECriterion()}";
    let target = blob(&[1, 3, 4], (0..12).map(|i| i as f32).collect());
    let given = tensors([("in.0", blob(&[1, 1, 2], vec![5.0, 8.0])), ("target", target)]);
    let results = run(text, &given, Phase::Train, 0).unwrap_or_else(|e| panic!("{e}"));
    // The middle of the target is 5 and 6.
    assert_eq!((results["loss"].data[0], &results["din.0"].data[..]), (2.0, &[0.0, 2.0][..]));

    let text = "return {model = nn.Identity(), loss = nn.L1HingeEmbeddingCriterion(2)}";
    let given = tensors([
        ("in.0", blob(&[2, 2], vec![1.0, 0.0, 0.5, 0.0])),
        ("in.1", blob(&[2, 2], vec![0.0, 0.5, 0.0, 0.25])),
        ("target", blob(&[2], vec![1.0, -1.0])),
    ]);
    let results = run(text, &given, Phase::Train, 0).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(results["loss"].data, [(1.5 + (2.0 - 0.75)) / 2.0]);
}

#[test]
fn tables_nest_as_the_model_takes_them() {
    let text = "local inner = nn.ParallelTable():add(nn.Identity()):add(nn.CSubTable())\n\
                return nn.Sequential():add(nn.ParallelTable():add(nn.Linear(2, 2)):add(inner))\n\
                :add(nn.FlattenTable()):add(nn.SelectTable(-1))";
    let one = |x: f32| blob(&[1, 2], vec![x; 2]);
    let list = [("in.0", one(1.0)), ("in.1", one(2.0)), ("in.2", one(7.0)), ("in.3", one(4.0))];
    let results = run(text, &tensors(list), Phase::Test, 0).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(results["out.0"].data, [3.0, 3.0]);
}

#[test]
fn definitions_compute_with_tensors() {
    let text = "local a, b = torch.Tensor{{1, 2}, {3, 4}}, torch.eye(2)\n\
        assert(torch.addmm(b, a, a)[1][1] == 8 and torch.addmm(2, b, 0.5, a, a)[2][2] == 13)\n\
        assert(b:clone():addmm(a, a)[2][1] == 15 and b:clone():addmm(10, a, b)[1][2] == 20)\n\
        assert(torch.addmv(torch.ones(2), a, torch.ones(2))[2] == 8)\n\
        assert(torch.bmm(a:view(1, 2, 2), a:view(1, 2, 2))[1][1][1] == 7)\n\
        assert(torch.addr(torch.zeros(2, 2), torch.ones(2), torch.Tensor{1, 5})[2][2] == 5)\n\
        assert(torch.log(1) == 0 and torch.sqrt(4) == 2)\n\
        assert(nn.utils.addSingletonDimension(a, 1):size(1) == 1)\n\
        local c = nn.utils.recursiveFill({a:clone(), {b:clone()}}, 3) assert(c[2][1][1][1] == 3)\n\
        local cmd = torch.CmdLine() cmd:option('-width', 5, 'a number') assert(cmd:parse(arg).width == 5)\n\
        return nn.Identity()";
    let given = tensors([("in.0", scattered(&[2]))]);
    run(text, &given, Phase::Test, 0).unwrap_or_else(|e| panic!("{e}"));
}

#[test]
fn constructors_take_numbers_as_texts() {
    let given = tensors([("in.0", scattered(&[2, 3]))]);
    let results = run("return nn.Linear('3', '4')", &given, Phase::Train, 0).expect("a net");
    assert_eq!(results["out.0"].shape, [2, 4]);
}

#[test]
fn a_complaint_says_where_the_module_was_added() {
    let text = "local function block(n)\nreturn nn.Sequential():add(nn.ReLU())\n:add(nn.SpatialConvolution(n, 8, 3, 3))\nend\n\
                local net = nn.Sequential()\nnet:add(block(3))\nnet:add(block(4))\nreturn net";
    let given = tensors([("in.0", scattered(&[1, 3, 9, 9]))]);
    let said = run(text, &given, Phase::Train, 0).expect_err("4 planes of 8");
    assert!(said.contains("added here") && said.contains("net:add(block(4))"), "{said}");
    assert!(!said.contains("net:add(block(3))"), "{said}");
}

#[test]
fn words_that_a_definition_gives_its_options_count() {
    let text = "local cmd = torch.CmdLine() cmd:option('-x', 1) cmd:option('-name', 'a') cmd:option('-flag', false)\n\
                local o = cmd:parse({'-x', '5', '-flag'}) error(o.x + 1 .. o.name .. tostring(o.flag))";
    let said = run(text, &Tensors::new(), Phase::Train, 0).expect_err("an error of its own");
    assert!(said.contains("6atrue"), "{said}");
}

#[test]
fn a_definition_that_asks_for_the_type_is_followed_either_way() {
    let class = "local M = torch.class('nn.Halves', 'nn.Module')\n\
         function M:updateOutput(input)\n\
            local by = 2\n\
            if input:type() == 'torch.CudaTensor' then by = 4 end\n\
            self.output = input:float():mul(1 / by):typeAs(input)\n\
            assert(self.output:type() == input:type())\n\
            return self.output\n\
         end\n";
    for (cast, expected) in [("", 3.0), (":cuda()", 1.5), (":double()", 3.0)] {
        let text = format!("{class}return nn.Halves(){cast}");
        let given = tensors([("in.0", blob(&[1, 1], vec![6.0]))]);
        let results = run(&text, &given, Phase::Test, 0).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(results["out.0"].data, [expected], "{cast}");
    }
}

/// Largest elements of parts of regions as imagine-nn's ROIPooling.cu finds them, in its first and in its second form.
fn regions_of_inn(
    x: &Blob,
    regions: &[[f64; 5]],
    [rows, columns]: [usize; 2],
    scale: f64,
    second: bool,
) -> Vec<f32> {
    let [channels, height, width] = [1, 2, 3].map(|i| x.shape[i]);
    let mut tops = vec![];
    for region in regions {
        let image = region[0] as usize - 1;
        let at = |i: usize| ((region[i] - 1.0) * scale).round() as i64;
        let (x1, y1) = (at(1), at(2));
        let less = i64::from(second);
        let sizes =
            [(at(4) - less - y1 + 1).max(1), (at(3) - less - x1 + 1).max(1)].map(|n| n as f32);
        let edges = |i: usize, n: usize, size: f32, first: i64, most: usize| {
            let size = size / n as f32;
            let (from, to) = (i as f32 * size, (i + 1) as f32 * size);
            let edges = if second { [from.round(), to.round()] } else { [from.floor(), to.ceil()] };
            edges.map(|edge| (edge as i64 + first).clamp(0, most as i64) as usize)
        };
        for channel in 0..channels {
            for row in 0..rows {
                for column in 0..columns {
                    let [top, bottom] = edges(row, rows, sizes[0], y1, height);
                    let [left, right] = edges(column, columns, sizes[1], x1, width);
                    let mut best = if bottom <= top || right <= left { 0.0 } else { f32::MIN };
                    for h in top..bottom {
                        for w in left..right {
                            let place = ((image * channels + channel) * height + h) * width + w;
                            best = best.max(x.data[place]);
                        }
                    }
                    tops.push(best);
                }
            }
        }
    }
    tops
}

#[test]
fn regions_of_inn_are_counted_from_1() {
    let images = spaced(&[2, 3, 9, 7]);
    let regions = [
        [1.0, 1.0, 1.0, 14.0, 18.0],
        [2.0, 3.0, 5.0, 9.0, 8.0],
        [2.0, 6.0, 2.0, 6.0, 2.0],
        [1.0, 9.0, 11.0, 40.0, 40.0],
    ];
    let flat: Vec<f32> = regions.iter().flatten().map(|&number| number as f32).collect();
    for second in [true, false] {
        let text = format!(
            "local m = inn.ROIPooling(3, 2):setSpatialScale(1 / 2) m.v2 = {second} return m"
        );
        let given = tensors([
            ("in.0", images.clone()),
            ("in.1", blob(&[4, 5], flat.clone())),
            ("dout.0", blob(&[4, 3, 2, 3], vec![1.0; 72])),
        ]);
        let results = run(&text, &given, Phase::Test, 0).unwrap_or_else(|e| panic!("{e}"));
        let wanted = regions_of_inn(&images, &regions, [2, 3], 0.5, second);
        assert_eq!(results["out.0"].data, wanted, "{second}");
        // Every part that has pixels passes its gradient on.
        let parts = wanted.iter().filter(|&&best| best != 0.0).count() as f32;
        assert_eq!(results["din.0"].data.iter().sum::<f32>(), parts);
    }
}
