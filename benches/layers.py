"""Single layers beside PyTorch: milliseconds forward and backward of one layer alone, and their ratios.

    python -m venv peers && peers/bin/pip install torch
    cargo build --release
    peers/bin/python benches/layers.py [--threads 1] [--rounds 3] [--binary target/release/cortado] [pooling lstm ...]

Every layer is a definition of its own, Caffe's or Torch's, whose inputs are parameters, so that their gradients are
computed as well. The two programs take turns; a figure is the best time of any pass. PyTorch is eager and writes what a user
would write. `cortado time` sums the best times of a layer's steps. Names after the options choose layers.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

IMAGES = (16, 64, 28, 28)
LARGE = (16, 64, 56, 56)
ONE = (1, 64, 28, 28)
CASES = []

# A module whose output is a parameter: the input of the layer that is timed.
SOURCE = """
local Source, Parent = torch.class('nn.Source', 'nn.Module')
function Source:__init(...)
   Parent.__init(self)
   self.weight, self.gradWeight = torch.rand(...), torch.zeros(...)
end
function Source:updateOutput(input) return self.weight end
"""


def extents(shape):
    return " ".join(f"dim: {extent}" for extent in shape)


def caffe(name, layer, shapes, peer, labels=(), before="", bottoms=None, forward_only=False):
    """`layer` is what the layer's message has beside its name and blobs; bottoms that are `labels` have no gradient."""
    text = ""
    for i, shape in enumerate(shapes):
        head = f'layer {{ name: "source{i}" top: "x{i}"'
        if i in labels or forward_only:
            text += f'{head} type: "Input" input_param {{ shape {{ {extents(shape)} }} }} }}\n'
        else:
            filler = 'blob_filler { type: "uniform" min: 0 max: 1 }'
            text += f'{head} type: "Parameter" parameter_param {{ shape {{ {extents(shape)} }} {filler} }} }}\n'
    bottoms = bottoms or [f"x{i}" for i in range(len(shapes))]
    bottoms = " ".join(f'bottom: "{bottom}"' for bottom in bottoms)
    tops = "" if "top:" in layer else 'top: "y"'
    text += before + f'layer {{ name: "layer" {bottoms} {tops} {layer} }}\n'
    CASES.append(dict(name="Caffe " + name, suffix=".prototxt", text=text, shapes=shapes, peer=peer, labels=labels,
                      options=[], forward_only=forward_only))


def lua(name, module, shapes, peer, package=None):
    sources = [f"nn.Source({', '.join(map(str, shape))})" for shape in shapes]
    source = sources[0] if len(sources) == 1 else "nn.ConcatTable()" + "".join(f":add({s})" for s in sources)
    head = f"require '{package}'\n" if package else ""
    text = f"{head}{SOURCE}return nn.Sequential():add({source}):add({module})\n"
    CASES.append(dict(name="Torch " + name, suffix=".lua", text=text, shapes=shapes, peer=peer, labels=(),
                      options=["--shape", f"0={shapes[0][0]}"], forward_only=False))


def conv(name, shape, outputs, kernel, stride=1, pad=0, group=1, dilation=1):
    caffe(f"Convolution {name}",
          f'type: "Convolution" convolution_param {{ num_output: {outputs} kernel_size: {kernel} stride: {stride} pad: {pad} '
          f'group: {group} dilation: {dilation} weight_filler {{ type: "msra" }} }}', [shape],
          lambda: {3: nn.Conv1d, 4: nn.Conv2d, 5: nn.Conv3d}[len(shape)](
              shape[1], outputs, kernel, stride, pad, dilation, group))


def deconv(name, shape, outputs, kernel, stride, pad=0, group=1):
    caffe(f"Deconvolution {name}",
          f'type: "Deconvolution" convolution_param {{ num_output: {outputs} kernel_size: {kernel} stride: {stride} pad: {pad} '
          f'group: {group} bias_term: false weight_filler {{ type: "msra" }} }}', [shape],
          lambda: nn.ConvTranspose2d(shape[1], outputs, kernel, stride, pad, 0, group, False))


def dense(shape, outputs):
    caffe(f"InnerProduct {shape[1]} to {outputs}, batch {shape[0]}",
          f'type: "InnerProduct" inner_product_param {{ num_output: {outputs} weight_filler {{ type: "xavier" }} }}', [shape],
          lambda: nn.Linear(shape[1], outputs))


def pool(name, shape, method, kernel, stride, pad, peer):
    caffe(f"Pooling {name}", f'type: "Pooling" pooling_param {{ pool: {method} kernel_size: {kernel} stride: {stride} '
          f'pad: {pad} }}', [shape], peer)


def element(kind, peer, fields="", shape=LARGE):
    name = f"{kind} {fields.replace('{', '').replace('}', '').split(' ', 1)[-1].strip()}" if fields else kind
    caffe(name if shape is LARGE else f"{name} {'x'.join(map(str, shape))}", f'type: "{kind}" {fields}', [shape], peer)


def with_parameters(function, *modules):
    """A function and the parameters it uses."""
    return function, [p for module in modules for p in module.parameters()]


def weighted(function, *shape):
    weight = torch.ones(shape, requires_grad=True)
    return lambda *xs: function(*xs, weight), [weight]


def first(module):
    """A recurrent module without its states."""
    return with_parameters(lambda x, *_: module(x)[0], module)


conv("1x1 64", LARGE, 64, 1)
conv("1x1 64 to 256", LARGE, 256, 1)
conv("1x1 stride 2, 256 to 512", (16, 256, 28, 28), 512, 1, 2)
conv("1x1 512 to 21", (4, 512, 28, 28), 21, 1)
conv("3x3 64", LARGE, 64, 3, 1, 1)
conv("3x3 64, 28x28", IMAGES, 64, 3, 1, 1)
conv("3x3 64, 28x28, batch 1", ONE, 64, 3, 1, 1)
conv("3x3 stride 2", LARGE, 128, 3, 2, 1)
conv("3x3 of 3 channels, 224x224", (4, 3, 224, 224), 64, 3, 1, 1)
conv("5x5 64, 28x28", IMAGES, 64, 5, 1, 2)
conv("7x7 stride 2 of 3 channels, 224x224", (8, 3, 224, 224), 64, 7, 2, 3)
conv("11x11 stride 4 of 3 channels, 227x227", (8, 3, 227, 227), 96, 11, 4)
conv("3x3 dilation 2", IMAGES, 64, 3, 1, 2, 1, 2)
conv("3x3 dilation 4, 256, 33x33", (4, 256, 33, 33), 256, 3, 1, 4, 1, 4)
conv("3x3 2 groups", IMAGES, 64, 3, 1, 1, 2)
conv("3x3 32 groups of 128", (16, 128, 28, 28), 128, 3, 1, 1, 32)
conv("3x3 depthwise", LARGE, 64, 3, 1, 1, 64)
conv("3x3 depthwise stride 2", LARGE, 64, 3, 2, 1, 64)
conv("3x3x3 32, 8x28x28", (4, 32, 8, 28, 28), 32, 3, 1, 1)
conv("5 of 64 x 256", (16, 64, 256), 64, 5, 1, 2)
deconv("4x4 stride 2", IMAGES, 64, 4, 2, 1)
deconv("2x2 stride 2, 56x56", LARGE, 32, 2, 2)
deconv("4x4 stride 2 by channel", IMAGES, 64, 4, 2, 1, 64)
deconv("64x64 stride 32, 21", (1, 21, 16, 16), 21, 64, 32)
deconv("64x64 stride 32, 21 by channel", (1, 21, 16, 16), 21, 64, 32, 0, 21)
deconv("4x4 stride 2, 64 to 3, 32x32", (64, 64, 32, 32), 3, 4, 2, 1)
dense((64, 800), 500)
dense((16, 9216), 4096)
dense((1, 4096), 1000)
caffe("Embed 8801 x 1000, 20 x 16", 'type: "Embed" embed_param { input_dim: 8801 num_output: 1000 bias_term: false }',
      [(20, 16)], lambda: (lambda table: with_parameters(lambda x: table((x * 8800).long()), table))(nn.Embedding(8801, 1000)),
      labels=(0,), bottoms=["rows"],
      before='layer { name: "scale" type: "Power" bottom: "x0" top: "rows" power_param { scale: 8800 } }\n')
pool("max 2x2", LARGE, "MAX", 2, 2, 0, lambda: nn.MaxPool2d(2, 2))
pool("max 3x3 stride 2", LARGE, "MAX", 3, 2, 0, lambda: nn.MaxPool2d(3, 2, ceil_mode=True))
pool("max 3x3 stride 1", IMAGES, "MAX", 3, 1, 1, lambda: nn.MaxPool2d(3, 1, 1))
pool("max 13x13 stride 1, 512, 13x13", (4, 512, 13, 13), "MAX", 13, 1, 6, lambda: nn.MaxPool2d(13, 1, 6))
pool("mean 2x2", LARGE, "AVE", 2, 2, 0, lambda: nn.AvgPool2d(2, 2))
pool("mean 3x3 stride 1", IMAGES, "AVE", 3, 1, 1, lambda: nn.AvgPool2d(3, 1, 1))
caffe("Pooling mean of all, 1024, 7x7", 'type: "Pooling" pooling_param { pool: AVE global_pooling: true }', [(16, 1024, 7, 7)],
      lambda: nn.AdaptiveAvgPool2d(1))
caffe("ROIPooling 128 regions of 512, 38x38",
      'type: "ROIPooling" roi_pooling_param { pooled_h: 7 pooled_w: 7 spatial_scale: 1 }', [(1, 512, 38, 38)],
      lambda: lambda x: torch.cat([F.adaptive_max_pool2d(x[:, :, :20, :20], 7) for _ in range(128)]), bottoms=["x0", "regions"],
      before='layer { name: "regions" type: "DummyData" top: "one" top: "zero" dummy_data_param { '
      'shape { dim: 128 dim: 2 } shape { dim: 128 dim: 3 } data_filler { value: 19 } data_filler { value: 0 } } }\n'
      'layer { name: "join" type: "Concat" bottom: "zero" bottom: "one" top: "regions" }\n')
for size, shape in [(5, (16, 96, 27, 27)), (5, LARGE)]:
    caffe(f"LRN {size}, {shape[1]} x {shape[2]} x {shape[3]}", f'type: "LRN" lrn_param {{ local_size: {size} alpha: 1e-4 beta: 0.75 }}',
          [shape], lambda size=size: nn.LocalResponseNorm(size))
caffe("BatchNorm", 'type: "BatchNorm"', [LARGE], lambda: nn.BatchNorm2d(64, affine=False))
caffe("Scale", 'type: "Scale"', [LARGE], lambda: weighted(torch.mul, 1, 64, 1, 1))
caffe("Bias", 'type: "Bias"', [LARGE], lambda: weighted(torch.add, 1, 64, 1, 1))
caffe("MVN", 'type: "MVN"', [LARGE], lambda: nn.InstanceNorm2d(64))
element("ReLU", nn.ReLU)
element("ReLU", nn.ReLU, shape=ONE)
element("ReLU", lambda: nn.LeakyReLU(0.1), "relu_param { negative_slope: 0.1 }")
element("PReLU", lambda: nn.PReLU(64))
element("ELU", nn.ELU)
element("Sigmoid", nn.Sigmoid)
element("TanH", nn.Tanh)
element("Power", lambda: lambda x: (1 + 2 * x) ** 2, "power_param { power: 2 scale: 2 shift: 1 }")
element("Exp", lambda: torch.exp)
element("Log", lambda: lambda x: torch.log(1 + x), "log_param { shift: 1 }")
element("AbsVal", lambda: torch.abs)
element("BNLL", nn.Softplus)
element("Mish", nn.Mish)
element("Swish", nn.SiLU)
element("Dropout", nn.Dropout)
element("Dropout", nn.Dropout, shape=(64, 4096))
for shape in [(64, 1000), (4, 21, 128, 128)]:
    size, labels = "x".join(map(str, shape)), shape[:1] + shape[2:]
    caffe(f"Softmax {size}", 'type: "Softmax"', [shape], lambda: nn.Softmax(1))
    caffe(f"SoftmaxWithLoss {size}", 'type: "SoftmaxWithLoss"', [shape, labels],
          lambda: lambda x, label: F.cross_entropy(x, label.long()), labels=(1,))
    caffe(f"ArgMax {size}", 'type: "ArgMax" argmax_param { axis: 1 }', [shape], lambda: lambda x: x.argmax(1),
          forward_only=True)
caffe("SigmoidCrossEntropyLoss 4x1x256x256", 'type: "SigmoidCrossEntropyLoss"', [(4, 1, 256, 256)] * 2,
      lambda: F.binary_cross_entropy_with_logits, labels=(1,))
caffe("EuclideanLoss 16x64x56x56", 'type: "EuclideanLoss"', [LARGE] * 2, lambda: lambda a, b: ((a - b) ** 2).sum() / 32)
caffe("SmoothL1Loss 256x84", 'type: "SmoothL1Loss"', [(256, 84)] * 2, lambda: F.smooth_l1_loss, labels=(1,))
caffe("Eltwise sum", 'type: "Eltwise"', [LARGE] * 2, lambda: torch.add)
caffe("Eltwise max", 'type: "Eltwise" eltwise_param { operation: MAX }', [LARGE] * 2, lambda: torch.maximum)
caffe("Concat", 'type: "Concat"', [LARGE] * 2, lambda: lambda a, b: torch.cat([a, b], 1))
caffe("Slice", 'type: "Slice" top: "a" top: "b"', [LARGE], lambda: lambda x: [part.contiguous() for part in x.chunk(2, 1)])
caffe("Tile 4", 'type: "Tile" tile_param { tiles: 4 }', [IMAGES], lambda: lambda x: x.repeat(1, 4, 1, 1))
caffe("Reduction mean", 'type: "Reduction" reduction_param { operation: MEAN axis: 2 }', [LARGE], lambda: lambda x: x.mean((2, 3)))
caffe("Permute", 'type: "Permute" permute_param { order: 0 order: 2 order: 3 order: 1 }', [LARGE],
      lambda: lambda x: x.permute(0, 2, 3, 1).contiguous())
caffe("Interp 2", 'type: "Interp" interp_param { zoom_factor: 2 }', [IMAGES],
      lambda: lambda x: F.interpolate(x, size=(55, 55), mode="bilinear", align_corners=True))
caffe("Upsample 2", 'type: "Upsample" upsample_param { scale: 2 }', [IMAGES], lambda: nn.Upsample(scale_factor=2))
RECURRENT = 'recurrent_param { num_output: %d weight_filler { type: "uniform" min: -0.08 max: 0.08 } }'
for size in (256, 1000):
    caffe(f"LSTM {size}, 20 steps of 16", f'type: "LSTM" {RECURRENT % size}', [(20, 16, size), (20, 16)],
          lambda size=size: first(nn.LSTM(size, size)), labels=(1,))
lua("SpatialFullConvolution 4x4 stride 2", "nn.SpatialFullConvolution(64, 64, 4, 4, 2, 2, 1, 1)", [IMAGES],
    lambda: nn.ConvTranspose2d(64, 64, 4, 2, 1))
lua("SpatialUpSamplingNearest 2", "nn.SpatialUpSamplingNearest(2)", [IMAGES], lambda: nn.Upsample(scale_factor=2))
lua("SpatialUpSamplingBilinear 2", "nn.SpatialUpSamplingBilinear(2)", [IMAGES],
    lambda: nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True))
lua("SpatialBatchNormalization", "nn.SpatialBatchNormalization(64)", [LARGE], lambda: nn.BatchNorm2d(64))
lua("TemporalConvolution 64 to 128", "nn.TemporalConvolution(64, 128, 3)", [(32, 100, 64)],
    lambda: (lambda m: with_parameters(lambda x: m(x.transpose(1, 2)), m))(nn.Conv1d(64, 128, 3)))
lua("TemporalConvolution 300 to 100", "nn.TemporalConvolution(300, 100, 3)", [(50, 56, 300)],
    lambda: (lambda m: with_parameters(lambda x: m(x.transpose(1, 2)), m))(nn.Conv1d(300, 100, 3)))
lua("VolumetricMaxPooling 2", "nn.VolumetricMaxPooling(2, 2, 2)", [(4, 64, 8, 56, 56)], lambda: nn.MaxPool3d(2))
lua("VolumetricFullConvolution 4", "nn.VolumetricFullConvolution(32, 16, 4, 4, 4, 2, 2, 2, 1, 1, 1)", [(4, 32, 8, 8, 8)],
    lambda: nn.ConvTranspose3d(32, 16, 4, 2, 1))
lua("SpatialAdaptiveMaxPooling 6", "nn.SpatialAdaptiveMaxPooling(6, 6)", [(16, 256, 13, 13)], lambda: nn.AdaptiveMaxPool2d(6))
lua("SpatialFractionalMaxPooling 0.7", "nn.SpatialFractionalMaxPooling(2, 2, 0.7, 0.7)", [IMAGES],
    lambda: nn.FractionalMaxPool2d(2, output_ratio=0.7))
lua("MM 32 of 100x64", "nn.MM()", [(32, 100, 64), (32, 64, 100)], lambda: torch.bmm)
lua("Bilinear 100, 100 to 50", "nn.Bilinear(100, 100, 50)", [(32, 100), (32, 100)], lambda: nn.Bilinear(100, 100, 50))
lua("PairwiseDistance 256x128", "nn.PairwiseDistance(2)", [(256, 128)] * 2, nn.PairwiseDistance)
lua("SoftPlus", "nn.SoftPlus()", [LARGE], nn.Softplus)
lua("LogSigmoid", "nn.LogSigmoid()", [LARGE], nn.LogSigmoid)
lua("HardTanh", "nn.HardTanh()", [LARGE], nn.Hardtanh)
lua("RReLU", "nn.RReLU()", [LARGE], nn.RReLU)
lua("Max", "nn.Max(2)", [LARGE], lambda: lambda x: x.max(1)[0])
lua("SeqLSTM 256, 20 steps of 16", "nn.SeqLSTM(256, 256)", [(20, 16, 256)], lambda: first(nn.LSTM(256, 256)), package="rnn")
lua("SeqGRU 256, 20 steps of 16", "nn.SeqGRU(256, 256)", [(20, 16, 256)], lambda: first(nn.GRU(256, 256)), package="rnn")


class Peer:
    """The layer in PyTorch."""

    def __init__(self, case):
        inputs = [torch.rand(shape) for shape in case["shapes"]]
        self.differentiated = not case["forward_only"]
        for i, x in enumerate(inputs):
            x.requires_grad_(self.differentiated and i not in case["labels"])
        made = case["peer"]()
        self.function, parameters = made if isinstance(made, tuple) else (made, [])
        if isinstance(made, nn.Module):
            parameters = list(made.parameters())
        self.inputs, self.leaves = inputs, inputs + parameters
        self.seeds = [torch.rand(y.shape) for y in self.results()]

    def results(self):
        results = self.function(*self.inputs)
        return results if isinstance(results, (list, tuple)) else [results]

    def once(self):
        """Milliseconds forward and backward."""
        for leaf in self.leaves:
            leaf.grad = None
        start = time.perf_counter()
        results = self.results()
        middle = time.perf_counter()
        if self.differentiated:
            torch.autograd.backward(results, self.seeds)
        return [(middle - start) * 1e3, (time.perf_counter() - middle) * 1e3]


def best(times):
    return [min(column) for column in zip(*times)]


def cortado(options, case, file, iterations):
    command = [options.binary, "time", file, "--iterations", str(iterations), "--threads", str(options.threads), "--json"]
    done = subprocess.run(command + case["options"], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{case['name']}: {done.stderr}")
    layers = json.loads(done.stdout)["layers"]
    # In Caffe's definitions the layer is the last; in Torch's whatever is no input.
    layers = [layer for layer in layers if layer["type"] not in ("Input", "Parameter", "cortado.Parameter", "Power")] \
        if case["suffix"] == ".lua" else layers[-1:]
    return [sum(layer[f"best_{which}_ms"] for layer in layers) for which in ("forward", "backward")]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default="target/release/cortado")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--milliseconds", type=float, default=60)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print("| layer | cortado forward | both | PyTorch forward | both | ratio forward | both |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for case in CASES:
        if options.names and not any(name.lower() in case["name"].lower() for name in options.names):
            continue
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "layer" + case["suffix"])
            with open(file, "w") as f:
                f.write(case["text"])
            peer = Peer(case)
            counts = [sum(best([peer.once(), peer.once()])), sum(cortado(options, case, file, 2))]
            counts = [max(3, min(2000, int(options.milliseconds / max(count, 1e-3)))) for count in counts]
            ours, theirs = [], []
            for _ in range(options.rounds):
                ours.append(cortado(options, case, file, counts[1]))
                theirs += [peer.once() for _ in range(counts[0])]
        (a, b), (c, d) = best(ours), best(theirs)
        print(f"| {case['name']} | {a:.3f} | {a + b:.3f} | {c:.3f} | {c + d:.3f} | {c / max(a, 1e-6):.2f} | "
              f"{(c + d) / max(a + b, 1e-6):.2f} |", flush=True)


if __name__ == "__main__":
    main()
