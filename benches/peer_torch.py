"""PyTorch's and ONNX Runtime's side of `peers.py` and `gpu.py`: training steps and inference of the nets of peer_nets.py."""

import torch
import torch.nn.functional as F
from torch import nn

import peer_nets


class Module(nn.Module):
    def __init__(self, net, parameters=None):
        super().__init__()
        shapes = peer_nets.parameter_shapes(net)
        self.layers, self.parts = net.layers, nn.ModuleDict()
        for layer in net.layers:
            part = self.part(layer, shapes.get(layer["name"]))
            if part is not None:
                self.parts[layer["name"]] = part
        if parameters is not None:
            self.take(parameters)

    @staticmethod
    def part(layer, shapes):
        kind = layer["kind"]
        if kind == "Convolution":
            outputs, inputs, kernel, _ = shapes[0]
            return nn.Conv2d(inputs * layer["group"], outputs, kernel, layer["stride"], layer["pad"], groups=layer["group"],
                             bias=layer["bias"])
        if kind == "InnerProduct":
            return nn.Linear(shapes[0][1], shapes[0][0])
        if kind == "ReLU":
            return nn.ReLU(inplace=True)
        if kind == "Pooling":
            pool = nn.MaxPool2d if layer["method"] == "MAX" else nn.AvgPool2d
            return pool(layer["kernel"], layer["stride"], layer["pad"], ceil_mode=True)
        if kind == "LRN":
            return nn.LocalResponseNorm(layer["size"], layer["alpha"], layer["beta"])
        if kind == "Dropout":
            return nn.Dropout(layer["ratio"])
        if kind == "BatchNorm":  # with the Scale that follows
            return nn.BatchNorm2d(shapes[0][0])
        return None

    def take(self, parameters):
        with torch.no_grad():
            for name, blobs in parameters.items():
                blobs = [torch.from_numpy(blob) for blob in blobs]
                if name.startswith("scale_"):
                    part = self.parts["bn_" + name[len("scale_"):]]
                    part.weight.copy_(blobs[0])
                    part.bias.copy_(blobs[1])
                elif name.startswith("bn_"):
                    self.parts[name].running_mean.copy_(blobs[0])
                    self.parts[name].running_var.copy_(blobs[1])
                else:
                    self.parts[name].weight.copy_(blobs[0])
                    if len(blobs) > 1:
                        self.parts[name].bias.copy_(blobs[1])

    def forward(self, x):
        blobs = {"data": x}
        for layer in self.layers:
            bottoms = [blobs[name] for name in layer["bottoms"]]
            kind = layer["kind"]
            if kind == "Concat":
                y = torch.cat(bottoms, 1)
            elif kind == "Eltwise":
                y = bottoms[0] + bottoms[1]
            elif kind == "Scale":
                y = bottoms[0]
            elif kind == "InnerProduct":
                y = self.parts[layer["name"]](torch.flatten(bottoms[0], 1))
            else:
                y = self.parts[layer["name"]](bottoms[0])
            blobs[layer["top"]] = y
        return y


def data(net):
    """What the bench `nets` feeds."""
    count = 1
    for n in net.shape:
        count *= n
    return ((torch.arange(count, dtype=torch.int64) * 7919 % 256).float() / 256).reshape(net.shape)


def contrastive(a, b, same):
    squares = ((a - b) ** 2).sum(1)
    apart = torch.clamp(1 - torch.sqrt(squares + 1e-12), min=0) ** 2
    return (same * squares + (1 - same) * apart).mean() * 0.5


def training(net, compiled, device="cpu"):
    """Steps by name, each made when it is asked for."""
    x, labels = data(net).to(device), (torch.arange(net.shape[0]) % 2).to(device)

    def two_calls(module, x):
        x = x * 0.0125
        return contrastive(module(x[:, 0:1]), module(x[:, 1:2]), labels.float())

    def one_call(module, x, last=False):
        x = x * 0.0125
        both = torch.cat([x[:, 0:1], x[:, 1:2]])
        y = module(both.contiguous(memory_format=torch.channels_last) if last else both)
        return contrastive(y[: len(x)], y[len(x):], labels.float())

    def classes(module, x, last=False):
        scores = module(x.contiguous(memory_format=torch.channels_last) if last else x)
        return F.cross_entropy(scores.flatten(1), labels)

    def make(loss, last=False, fused=False, compiled=False):
        def build():
            module = Module(net).train().to(device)
            if last:
                module = module.to(memory_format=torch.channels_last)
            optimiser = torch.optim.SGD(module.parameters(), lr=1e-6, momentum=0.9, weight_decay=0.0005, fused=fused)
            run = (lambda x: loss(module, x, True)) if last else (lambda x: loss(module, x))
            if compiled:
                run = torch.compile(run)

            def step():
                optimiser.zero_grad(set_to_none=True)
                run(x).backward()
                optimiser.step()

            return step

        return build

    pairs = net.name == "siamese"
    loss = one_call if pairs else classes
    steps = {"eager": make(two_calls if pairs else classes)}
    if pairs:
        steps["batched"] = make(one_call, fused=True)
    steps["channels_last"] = make(loss, last=True)
    steps["channels_last, fused SGD"] = make(loss, last=True, fused=True)
    if compiled:
        steps["compiled"] = make(loss, fused=True, compiled=True)
    return steps


def reference(net, parameters, x):
    with torch.inference_mode():
        return Module(net, parameters).eval()(x).reshape(-1).tolist()


def inference(net, parameters, x, compiled):
    def make(last=False, frozen=False, compiled=False):
        def build():
            module, data = Module(net, parameters).eval(), x
            if last:
                module = module.to(memory_format=torch.channels_last)
                data = x.contiguous(memory_format=torch.channels_last)
            if frozen:
                module = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(module, data)))
            if compiled:
                module = torch.compile(module)

            def step():
                with torch.inference_mode():
                    return module(data)

            return step

        return build

    steps = {"eager": make(), "channels_last": make(last=True), "jit, frozen": make(frozen=True)}
    if compiled:
        steps["compiled"] = make(compiled=True)
        steps["compiled, channels_last"] = make(last=True, compiled=True)
    return steps


def onnx_runtime(net, parameters, x, path, threads):
    import onnxruntime

    module = Module(net, parameters).eval()
    torch.onnx.export(module, (x,), path, input_names=["data"], output_names=["out"], opset_version=17, dynamo=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feed = {"data": x.numpy()}
    return lambda: session.run(None, feed)[0]


def opencv(definition, weights, x, threads):
    import cv2

    cv2.setNumThreads(threads)
    net, data = cv2.dnn.readNetFromCaffe(definition, weights), x.numpy()

    def step():
        net.setInput(data)
        return net.forward()

    return step


def flops(net, work):
    """Two for every multiply-add of a step's convolutions and products, as PyTorch counts them."""
    from torch.utils.flop_counter import FlopCounterMode

    x = data(net)
    with FlopCounterMode(display=False) as counter:
        if work == "train":
            training(net, False)["eager"]()()
        else:
            Module(net).eval()(x)
    return counter.get_total_flops()
