//! The layer types of forks of Caffe that do not exist here, and what is like them. The names were collected from the
//! definitions that were published with the forks and from the forks' registries.

/// Forks and the layer types that exist in them and not here.
pub(super) const TYPES: &[(&str, &[&str])] = &[
    ("SSD's fork of Caffe", &["DetectionEvaluate"]),
    ("forks of SSD with a focal loss", &["MultiBoxFocalLoss"]),
    ("the fork of Oh for LSTMs", &["Lstm"]),
    ("the fork of Tschopp for OpenCL and volumes", &["MalisLoss", "MergeCrop"]),
    ("Yahoo's CaffeOnSpark", &["CoSData"]),
    (
        "DeepLab's fork of Caffe",
        &[
            "BiasChannel",
            "AdaptiveBiasChannel",
            "DenseCRF",
            "DomainTransform",
            "MatRead",
            "MatWrite",
            "UniqueLabel",
        ],
    ),
    ("CRF-RNN's fork of Caffe", &["MultiStageMeanfield"]),
    ("HED's fork of Caffe", &["AutoCrop", "ImageLabelmapData"]),
    (
        "FlowNet's fork of Caffe",
        &[
            "Accum",
            "BlackAugment",
            "Correlation1D",
            "CustomData",
            "DataAugmentation",
            "FLOWriter",
            "Float",
            "FlowAugmentation",
            "GenerateAugmentationParameters",
            "ImgWriter",
            "LpqLoss",
            "Mean",
            "NegReLU",
        ],
    ),
    (
        "the fork of Convolutional Pose Machines and OpenPose",
        &["CPMData", "ImResize", "Nms", "OPData"],
    ),
    (
        "Ristretto's fork of Caffe",
        &["ConvolutionRistretto", "DeconvolutionRistretto", "FcRistretto", "LRNRistretto"],
    ),
    ("C3D's fork of Caffe", &["Deconvolution3D", "VolumeData"]),
    ("the forks of C3D and of Temporal Segment Networks", &["Gather", "VideoData"]),
    ("forks of Caffe with the layers of Mask R-CNN", &["ROIAlign"]),
    ("forks of Caffe with the layers of Faster R-CNN in C++", &["Proposal"]),
    (
        "forks of Caffe with the layers of YOLO",
        &[
            "BoxData",
            "DetectionLoss",
            "EvalDetection",
            "Region",
            "RegionLoss",
            "RegionOutput",
            "YoloDetectionOutput",
            "Yolov3",
            "Yolov3DetectionOutput",
        ],
    ),
    (
        "forks of Caffe for recognising text",
        &[
            "CTCDecoder",
            "CTCGreedyDecoder",
            "LabelsequenceAccuracy",
            "SequenceAccuracy",
            "WarpCTC",
            "WarpCTCLoss",
        ],
    ),
    (
        "forks of Caffe for recognising faces",
        &["CombinedMarginInnerProduct", "LargeMarginInnerProduct", "TripletLoss"],
    ),
    (
        "NormFace's fork of Caffe",
        &[
            "GeneralTripletLoss",
            "Hotspot",
            "LabelSpecificAffine",
            "LabelSpecificHardMargin",
            "LabelSpecificMargin",
            "LabelSpecificStatistics",
            "SoftTruncation",
            "SubRegion",
            "Transformer",
            "Truncation",
        ],
    ),
    ("the forks of HashNet and NormFace", &["MultiLabelImageData"]),
    ("the forks of deep hashing (HashNet)", &["PairwiseLoss", "QuantizationLoss", "ScaleTanH"]),
    (
        "forks of Caffe for domain adaptation",
        &["CORALLoss", "Entropy", "GradientReverse", "JMMDLoss", "MMDLoss"],
    ),
    (
        "forks of Caffe for learning similarities",
        &[
            "CoupledClusterLoss",
            "HistogramLoss",
            "LiftedStructSimilaritySoftmaxLoss",
            "NPairLoss",
            "NpairLoss",
            "RankHardLoss",
            "TripletSelect",
        ],
    ),
    (
        "the fork of Wang, Fouhey and Gupta for surface normals and poses",
        &["AngleLoss", "LabelDropout", "MultiSoftmax", "MultiSoftmaxLoss", "Norm", "PoseImageData"],
    ),
    ("caffe-jacinto", &["ImageLabelData"]),
    ("MyCaffe", &["AccuracyDecode", "Debug", "Decode", "Knn", "MemoryLoss"]),
    (
        "the ports of Deformable Convolutional Networks to Caffe",
        &["DeformablePSROIPooling", "ModulatedDeformableConvolution"],
    ),
    ("forks of Caffe for key points", &["DataHeatmap", "EuclideanLossHeatmap", "HeatmapData"]),
    ("forks of Caffe of 2015 with convolutions over any axes", &["NdConvolution", "NdPooling"]),
    ("LRCN's and later forks of Caffe", &["GRU", "LSTMNode"]),
    // Layers whose forks disagree on what they compute.
    (
        "several forks of Caffe, which do not agree on what it computes",
        &[
            "Attention",
            "Broadcast",
            "CReLU",
            "DiceLoss",
            "HSwish",
            "HardSwish",
            "HuberLoss",
            "LocalConvolution",
            "Maxout",
            "MultiLabelLoss",
            "Padding",
            "Resize",
            "ResizeBilinear",
            "ResizeMax",
            "SigmoidFocalLoss",
            "SoftmaxCrossEntropyLoss",
            "SyncBN",
            "Unpooling",
            "WeightedSoftmaxWithLoss",
        ],
    ),
];

/// Types and what can be written instead.
pub(super) const INSTEAD: &[(&str, &str)] = &[
    ("CReLU", "Power with `scale: -1`, Concat with the bottom and ReLU are the layer of PVANet"),
    (
        "GradientReverse",
        "`GradientReversal` turns the gradient round, `GradientScaler` more and more strongly",
    ),
    (
        "HSwish",
        "it is Power with `shift: 3`, ReLU6, Eltwise PROD with the bottom, and Power with `scale: 0.16667`",
    ),
    (
        "HardSwish",
        "it is Power with `shift: 3`, ReLU6, Eltwise PROD with the bottom, and Power with `scale: 0.16667`",
    ),
    (
        "HuberLoss",
        "SmoothL1Loss with a `sigma` of 1/sqrt(delta) is the loss over delta, divided by the items instead of the elements",
    ),
    ("ImageLabelData", "DenseImageData reads images and images of labels"),
    ("LocalConvolution", "`Local` is one with `local_param`"),
    (
        "Lstm",
        "LSTM takes steps x batch x features, steps x batch of 0 where a sequence begins and 1 elsewhere, and `recurrent_param`",
    ),
    ("Maxout", "Slice and Eltwise MAX"),
    ("MergeCrop", "Crop, and Concat with the other bottom"),
    ("MultiBoxFocalLoss", "MultiBoxLoss is the same with the loss of a softmax"),
    (
        "MultiLabelImageData",
        "HDF5Data reads rows of any labels; two ImageData layers read images and their first labels",
    ),
    (
        "MultiLabelLoss",
        "SigmoidCrossEntropyLoss takes targets 0 and 1, and leaves out those that are its `ignore_label`",
    ),
    ("NdConvolution", "Convolution goes over any number of axes"),
    ("NdPooling", "PoolingND goes over any number of axes"),
    ("Resize", "Interp resizes images"),
    (
        "ResizeBilinear",
        "Interp resizes images between corners; Deconvolution with a bilinear filler doubles them",
    ),
    ("SigmoidFocalLoss", "`FocalLoss` is the form with a softmax"),
    ("SyncBN", "BatchNorm, on one device"),
    ("Transformer", "`SpatialTransformer` has the six elements of its matrix as `st_param`"),
    ("Unpooling", "Upsample takes the positions of a MAX Pooling as its second bottom"),
    (
        "WeightedSoftmaxWithLoss",
        "for weights of classes: SoftmaxWithLoss with `loss_param { weight_by_label_freqs: true class_weighting: 1 ... }`",
    ),
];

/// Messages of layers of forks, which a layer of another type may carry there without effect.
pub(super) const MESSAGES: &[&str] = &[
    "channel_scale_param",
    "flip_param",
    "general_contrastive_loss_param",
    "general_triplet_loss_param",
    "inner_distance_param",
    "insanity_param",
    "label_specific_add_param",
    "label_specific_rescale_param",
    "local_param",
    "normalize_param",
    "triplet_loss_param",
];
