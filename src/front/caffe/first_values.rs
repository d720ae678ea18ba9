//! `blobs` in the text of a layer: the first values of its parameters, which Caffe takes instead of those of the fillers.

use crate::ir::ParamSpec;
use crate::spec::Args;

/// Gives the parameters of a layer the values that its `blobs` hold, in their order.
pub(super) fn read(args: &Args, params: &mut Vec<ParamSpec>) {
    for (at, blob) in args.sections("blobs").iter().enumerate() {
        let shape = blob.section("shape");
        let legacy = ["num", "channels", "height", "width"].map(|key| (key, blob.int(key)));
        let dims = match legacy.iter().any(|(key, _)| blob.has(key)) {
            true => legacy.map(|(_, extent)| extent.unwrap_or(0)).to_vec(),
            false => shape.ints("dim"),
        };
        let [single, double] = ["data", "double_data"].map(|key| blob.floats(key));
        let values = if double.is_empty() { single } else { double };
        // What a solver has subtracted is no value.
        blob.ignore(&["diff", "double_diff"]);
        let count = dims.iter().try_fold(1i64, |count, &extent| count.checked_mul(extent));
        if count.and_then(|count| usize::try_from(count).ok()) != Some(values.len()) {
            let (n, dims) = (values.len(), dims.iter().map(i64::to_string).collect::<Vec<_>>());
            let message = format!("{n} numbers for a blob of {}", dims.join(" x "));
            blob.wrong(if n == 0 { "shape" } else { "data" }, message);
            continue;
        }
        while params.len() <= at {
            params.push(ParamSpec::new(blob.anchor()));
        }
        params[at].values = Some(values.into_iter().map(|x| x as f32).collect());
    }
}
