//! Classes that are not Torch's under the names by which people ask for them, and what to write.

/// Names without `nn.`, and what does it here.
const ELSEWHERE: [(&[&str], &str); 25] = [
    (
        &["CTCCriterion"],
        "no source of labels here gives lists of several lengths: check the model without it",
    ),
    (
        &["InstanceNormalization"],
        "`require` the file of texture_nets or fast-neural-style that defines it",
    ),
    (&["L2Norm", "L2Normalize"], "`nn.Normalize(2)` does this"),
    (&["LinearNB"], "`nn.Linear(inputs, outputs, false)` has no bias"),
    (&["NoBackprop"], "`nn.ZeroGrad()` gives its input and no gradient"),
    (&["SpatialConvolutionNoBias"], "`nn.SpatialConvolution(...):noBias()` has no bias"),
    (
        &["Conv", "Conv2d", "Conv2D", "Convolution", "Convolution2D"],
        "it is `nn.SpatialConvolution(inputs, outputs, kW, kH)`",
    ),
    (&["Conv1d", "Conv1D"], "it is `nn.TemporalConvolution(inputs, outputs, kW)`"),
    (&["Conv3d", "Conv3D"], "it is `nn.VolumetricConvolution(inputs, outputs, kT, kW, kH)`"),
    (
        &["ConvTranspose2d", "Conv2DTranspose", "Deconvolution", "SpatialDeconvolution"],
        "it is `nn.SpatialFullConvolution(inputs, outputs, kW, kH)`",
    ),
    (
        &["MaxPool", "MaxPool2d", "MaxPool2D", "MaxPooling", "MaxPooling2D", "Pooling"],
        "it is `nn.SpatialMaxPooling(kW, kH, dW, dH)`",
    ),
    (
        &["AvgPool", "AvgPool2d", "AvgPooling", "AveragePooling", "AveragePooling2D"],
        "it is `nn.SpatialAveragePooling(kW, kH, dW, dH)`",
    ),
    (&["BatchNorm2d", "SpatialBatchNorm"], "it is `nn.SpatialBatchNormalization(planes)`"),
    (
        &["BatchNorm", "BatchNorm1d"],
        "it is `nn.BatchNormalization(features)`, of images `nn.SpatialBatchNormalization(planes)`",
    ),
    (
        &["Dense", "FullyConnected", "InnerProduct", "LinearLayer"],
        "it is `nn.Linear(inputs, outputs)`",
    ),
    (&["Flatten"], "it is `nn.View(numbers of a record):setNumInputDims(3)`, behind images"),
    (&["Dropout2d"], "it is `nn.SpatialDropout()`"),
    (&["Concatenate", "Cat"], "`nn.JoinTable(1, 3)` joins the images of a table"),
    (&["CrossEntropyLoss", "SoftmaxWithLoss"], "it is `nn.CrossEntropyCriterion()`"),
    (&["NLLLoss"], "it is `nn.ClassNLLCriterion()`, behind `nn.LogSoftMax()`"),
    (&["MSELoss", "EuclideanLoss", "L2Loss"], "it is `nn.MSECriterion()`"),
    (&["L1Loss", "L1Criterion", "MAELoss"], "it is `nn.AbsCriterion()`"),
    (&["BCELoss"], "it is `nn.BCECriterion()`"),
    (&["CosineEmbeddingLoss", "CosineLoss"], "it is `nn.CosineEmbeddingCriterion(margin)`"),
    (
        &["ContrastiveLoss", "ContrastiveCriterion", "ContrastiveEmbeddingCriterion"],
        "`nn.HingeEmbeddingCriterion(margin)` takes what `nn.PairwiseDistance(2)` makes of a pair, and labels 1 and -1",
    ),
];

/// What to write for a class of this full name, `nn.Conv2d`, if people know it from elsewhere.
pub(super) fn instead(class: &str) -> Option<&'static str> {
    let name = class.rsplit('.').next().unwrap_or(class);
    let (_, help) = ELSEWHERE.iter().find(|(names, _)| names.contains(&name))?;
    Some(help)
}
