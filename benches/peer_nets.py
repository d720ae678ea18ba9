"""The nets that `peers.py` compares, each once: as a list of layers, from which Caffe's prototxt, a .caffemodel and (in
peer_torch.py) a PyTorch module are made."""

import struct


class Net:
    def __init__(self, name, shape):
        self.name, self.shape, self.layers, self.top = name, list(shape), [], "data"

    def add(self, kind, name, bottoms=None, in_place=False, **options):
        bottoms = bottoms or [self.top]
        top = bottoms[0] if in_place else name
        self.layers.append(dict(kind=kind, name=name, bottoms=bottoms, top=top, **options))
        self.top = top
        return top

    def conv(self, name, outputs, kernel, stride=1, pad=0, group=1, bias=True, bottom=None):
        return self.add("Convolution", name, [bottom or self.top], outputs=outputs, kernel=kernel, stride=stride, pad=pad,
                        group=group, bias=bias)

    def activated(self, name, *args, **options):
        self.conv(name, *args, **options)
        return self.relu()

    def normalised(self, name, outputs, kernel, stride=1, pad=0, group=1, relu=True, bottom=None):
        """A convolution with BatchNorm, Scale and, if wanted, ReLU."""
        self.conv(name, outputs, kernel, stride, pad, group=group, bias=False, bottom=bottom)
        self.add("BatchNorm", "bn_" + name, in_place=True)
        self.add("Scale", "scale_" + name, in_place=True)
        return self.relu() if relu else self.top

    def classifier(self):
        """The fully connected layers of AlexNet and VGG."""
        for name in ("6", "7"):
            self.dense("fc" + name, 4096)
            self.relu()
            self.add("Dropout", "drop" + name, in_place=True, ratio=0.5)
        self.dense("fc8", 1000)

    def relu(self):
        return self.add("ReLU", "relu_" + self.layers[-1]["name"], in_place=True)

    def pool(self, name, method, kernel, stride, pad=0, bottom=None):
        return self.add("Pooling", name, [bottom or self.top], method=method, kernel=kernel, stride=stride, pad=pad)

    def dense(self, name, outputs):
        return self.add("InnerProduct", name, outputs=outputs)


def lenet(batch):
    net = Net("lenet", (batch, 1, 28, 28))
    tower(net)
    net.dense("ip1", 500)
    net.relu()
    net.dense("ip2", 10)
    return net


def siamese(batch):
    """The tutorial's net: both images of a pair are channels of one blob."""
    net = Net("siamese", (batch, 3, 28, 28))
    tower(net)
    net.dense("ip1", 500)
    net.relu()
    net.dense("ip2", 10)
    net.dense("feat", 2)
    return net


def tower(net):
    net.conv("conv1", 20, 5)
    net.pool("pool1", "MAX", 2, 2)
    net.conv("conv2", 50, 5)
    net.pool("pool2", "MAX", 2, 2)


def alexnet(batch):
    net = Net("alexnet", (batch, 3, 227, 227))
    for name, options, normalised in [
        ("1", dict(outputs=96, kernel=11, stride=4), True),
        ("2", dict(outputs=256, kernel=5, pad=2, group=2), True),
        ("3", dict(outputs=384, kernel=3, pad=1), False),
        ("4", dict(outputs=384, kernel=3, pad=1, group=2), False),
        ("5", dict(outputs=256, kernel=3, pad=1, group=2), None),
    ]:
        net.conv("conv" + name, **options)
        net.relu()
        if normalised:
            net.add("LRN", "norm" + name, size=5, alpha=1e-4, beta=0.75)
        if normalised is not False:
            net.pool("pool" + name, "MAX", 3, 2)
    net.classifier()
    return net


def googlenet(batch):
    net = Net("googlenet", (batch, 3, 224, 224))

    conv = net.activated

    def inception(name, plain, reduce3, three, reduce5, five, pooled):
        source = net.top
        parts = [conv(name + "_1x1", plain, 1, bottom=source)]
        conv(name + "_3x3r", reduce3, 1, bottom=source)
        parts.append(conv(name + "_3x3", three, 3, 1, 1))
        conv(name + "_5x5r", reduce5, 1, bottom=source)
        parts.append(conv(name + "_5x5", five, 5, 1, 2))
        net.pool(name + "_pool", "MAX", 3, 1, 1, bottom=source)
        parts.append(conv(name + "_poolp", pooled, 1))
        net.add("Concat", name, parts)

    conv("conv1", 64, 7, 2, 3)
    net.pool("pool1", "MAX", 3, 2)
    net.add("LRN", "norm1", size=5, alpha=1e-4, beta=0.75)
    conv("conv2r", 64, 1)
    conv("conv2", 192, 3, 1, 1)
    net.add("LRN", "norm2", size=5, alpha=1e-4, beta=0.75)
    net.pool("pool2", "MAX", 3, 2)
    inception("i3a", 64, 96, 128, 16, 32, 32)
    inception("i3b", 128, 128, 192, 32, 96, 64)
    net.pool("pool3", "MAX", 3, 2)
    inception("i4a", 192, 96, 208, 16, 48, 64)
    inception("i4b", 160, 112, 224, 24, 64, 64)
    inception("i4c", 128, 128, 256, 24, 64, 64)
    inception("i4d", 112, 144, 288, 32, 64, 64)
    inception("i4e", 256, 160, 320, 32, 128, 128)
    net.pool("pool4", "MAX", 3, 2)
    inception("i5a", 256, 160, 320, 32, 128, 128)
    inception("i5b", 384, 192, 384, 48, 128, 128)
    net.pool("pool5", "AVE", 7, 1)
    net.add("Dropout", "drop", in_place=True, ratio=0.4)
    net.dense("fc", 1000)
    return net


def resnet50(batch):
    net = Net("resnet50", (batch, 3, 224, 224))

    conv = net.normalised
    conv("conv1", 64, 7, 2, 3)
    net.pool("pool1", "MAX", 3, 2)
    for stage, (width, blocks) in enumerate([(64, 3), (128, 4), (256, 6), (512, 3)]):
        for block in range(blocks):
            name, source = f"res{stage + 2}{'abcdef'[block]}", net.top
            stride = 2 if block == 0 and stage else 1
            shortcut = conv(name + "_1", width * 4, 1, stride, relu=False, bottom=source) if block == 0 else source
            conv(name + "_2a", width, 1, stride, bottom=source)
            conv(name + "_2b", width, 3, 1, 1)
            end = conv(name + "_2c", width * 4, 1, relu=False)
            net.add("Eltwise", name, [shortcut, end])
            net.relu()
    net.pool("pool5", "AVE", 7, 1)
    net.dense("fc1000", 1000)
    return net


def vgg16(batch):
    net = Net("vgg16", (batch, 3, 224, 224))
    for stage, (width, convolutions) in enumerate([(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)], 1):
        for i in range(1, convolutions + 1):
            net.conv(f"conv{stage}_{i}", width, 3, pad=1)
            net.relu()
        net.pool(f"pool{stage}", "MAX", 2, 2)
    net.classifier()
    return net


def mobilenet(batch):
    net = Net("mobilenet", (batch, 3, 224, 224))
    net.normalised("conv1", 32, 3, 2, 1)
    width = 32
    for i, (outputs, stride) in enumerate([(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)] + [(512, 1)] * 5 + [(1024, 2), (1024, 1)]):
        net.normalised(f"dw{i}", width, 3, stride, 1, group=width)
        net.normalised(f"sep{i}", outputs, 1)
        width = outputs
    net.pool("pool", "AVE", 7, 1)
    net.dense("fc", 1000)
    return net


def squeezenet(batch):
    net = Net("squeezenet", (batch, 3, 227, 227))

    conv = net.activated

    def fire(name, squeeze, expand):
        source = conv(name + "_s1", squeeze, 1)
        net.add("Concat", name, [conv(name + "_e1", expand, 1, bottom=source), conv(name + "_e3", expand, 3, pad=1, bottom=source)])

    conv("conv1", 64, 3, 2)
    for name, squeeze, expand in [("2", 16, 64), ("3", 16, 64), ("4", 32, 128), ("5", 32, 128), ("6", 48, 192), ("7", 48, 192),
                                  ("8", 64, 256), ("9", 64, 256)]:
        if name in "246":
            net.pool("pool" + name, "MAX", 3, 2)
        fire("fire" + name, squeeze, expand)
    net.add("Dropout", "drop9", in_place=True, ratio=0.5)
    conv("conv10", 1000, 1)
    net.pool("pool10", "AVE", 14, 1)
    return net


def cifar10(batch):
    """Caffe's cifar10_quick."""
    net = Net("cifar10", (batch, 3, 32, 32))
    net.conv("conv1", 32, 5, pad=2)
    net.pool("pool1", "MAX", 3, 2)
    net.relu()
    net.conv("conv2", 32, 5, pad=2)
    net.relu()
    net.pool("pool2", "AVE", 3, 2)
    net.conv("conv3", 64, 5, pad=2)
    net.relu()
    net.pool("pool3", "AVE", 3, 2)
    net.dense("ip1", 64)
    net.dense("ip2", 10)
    return net


def resnet20(batch):
    """The residual net of 20 layers for CIFAR-10, with projections by convolution."""
    net = Net("resnet20", (batch, 3, 32, 32))
    net.normalised("conv1", 16, 3, pad=1)
    for stage, width in enumerate((16, 32, 64)):
        for block in range(3):
            name, source = f"res{stage}{block}", net.top
            stride = 2 if block == 0 and stage else 1
            shortcut = source
            if stride == 2:
                shortcut = net.normalised(name + "_1", width, 1, stride, relu=False, bottom=source)
            net.normalised(name + "_2a", width, 3, stride, 1, bottom=source)
            end = net.normalised(name + "_2b", width, 3, pad=1, relu=False)
            net.add("Eltwise", name, [shortcut, end])
            net.relu()
    net.pool("pool", "AVE", 8, 1)
    net.dense("fc", 10)
    return net


NETS = {
    make.__name__: make
    for make in (lenet, siamese, alexnet, googlenet, resnet50, vgg16, mobilenet, squeezenet, cifar10, resnet20)
}


def pooled(extent, kernel, stride, pad):
    windows = -(-(extent + 2 * pad - kernel) // stride) + 1
    return windows - 1 if pad and (windows - 1) * stride >= extent + pad else windows


def parameter_shapes(net):
    """Shapes of every layer's parameters, in Caffe's order."""
    shapes, found = {"data": net.shape}, {}
    if net.name == "siamese":
        shapes["data"] = [net.shape[0], 1, *net.shape[2:]]
    for layer in net.layers:
        bottoms = [shapes[b] for b in layer["bottoms"]]
        n, *rest = bottoms[0]
        kind, shape = layer["kind"], bottoms[0]
        if kind == "Convolution":
            k, outputs = layer["kernel"], layer["outputs"]
            extents = [(e + 2 * layer["pad"] - k) // layer["stride"] + 1 for e in rest[1:]]
            shape = [n, outputs, *extents]
            found[layer["name"]] = [[outputs, rest[0] // layer["group"], k, k]] + ([[outputs]] if layer["bias"] else [])
        elif kind == "Pooling":
            extents = [pooled(e, layer["kernel"], layer["stride"], layer["pad"]) for e in rest[1:]]
            shape = [n, rest[0], *extents]
        elif kind == "InnerProduct":
            inputs = 1
            for extent in rest:
                inputs *= extent
            shape = [n, layer["outputs"]]
            found[layer["name"]] = [[layer["outputs"], inputs], [layer["outputs"]]]
        elif kind == "Concat":
            shape = [n, sum(b[1] for b in bottoms), *rest[1:]]
        elif kind == "BatchNorm":
            found[layer["name"]] = [[rest[0]], [rest[0]], [1]]
        elif kind == "Scale":
            found[layer["name"]] = [[rest[0]], [rest[0]]]
        shapes[layer["top"]] = shape
    return found


def parameters(net):
    """Random parameters by layer, the same for the same net."""
    import numpy

    random = numpy.random.default_rng(1)
    kinds = {layer["name"]: layer["kind"] for layer in net.layers}
    found = {}
    for name, shapes in parameter_shapes(net).items():
        if kinds[name] == "BatchNorm":
            channels = shapes[0][0]
            blobs = [random.normal(0, 0.1, channels), random.uniform(0.5, 1.5, channels), numpy.ones(1)]
        elif kinds[name] == "Scale":
            channels = shapes[0][0]
            blobs = [random.uniform(0.4, 0.7, channels), random.normal(0, 0.1, channels)]
        else:
            deviation = (2.0 / numpy.prod(shapes[0][1:])) ** 0.5
            blobs = [random.normal(0, deviation, shapes[0])] + [random.normal(0, 0.01, shape) for shape in shapes[1:]]
        found[name] = [numpy.ascontiguousarray(blob, dtype="float32") for blob in blobs]
    return found


def prototxt(net, training):
    """The net for Caffe and cortado; with a loss if it is trained."""
    if net.name == "siamese":
        return siamese_prototxt(net)
    dims = " ".join(f"dim: {n}" for n in net.shape)
    lines = [f'name: "{net.name}"', f'layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ {dims} }} }} }}']
    lines += [layer_text(layer, training) for layer in net.layers]
    if training:
        lines.append(f'layer {{ name: "label" type: "Input" top: "label" input_param {{ shape {{ dim: {net.shape[0]} }} }} }}')
        lines.append(f'layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "{net.top}" bottom: "label" top: "loss" }}')
    return "\n".join(lines) + "\n"


def siamese_prototxt(net):
    dims = " ".join(f"dim: {n}" for n in net.shape)
    lines = ['name: "siamese"', f'layer {{ name: "data" type: "Input" top: "raw" input_param {{ shape {{ {dims} }} }} }}',
             'layer { name: "data_scaled" type: "Power" bottom: "raw" top: "pair" power_param { scale: 0.0125 } }',
             'layer { name: "slice" type: "Slice" bottom: "pair" top: "data" top: "data_p" top: "rest" slice_param { slice_dim: 1 slice_point: 1 slice_point: 2 } }',
             'layer { name: "nothing" type: "Silence" bottom: "rest" }',
             f'layer {{ name: "sim" type: "Input" top: "sim" input_param {{ shape {{ dim: {net.shape[0]} }} }} }}']
    for end in ("", "_p"):
        lines += [layer_text(layer, True, end, True) for layer in net.layers]
    lines.append(f'layer {{ name: "loss" type: "ContrastiveLoss" bottom: "{net.top}" bottom: "{net.top}_p" bottom: "sim" top: "loss" }}')
    return "\n".join(lines) + "\n"


def layer_text(layer, training, end="", towers=False):
    kind, name = layer["kind"], layer["name"]
    bottoms = " ".join(f'bottom: "{b}{end}"' for b in layer["bottoms"])
    filler = 'weight_filler { type: "msra" }'
    options = ""
    if kind == "Convolution":
        options = (f'convolution_param {{ num_output: {layer["outputs"]} kernel_size: {layer["kernel"]} stride: {layer["stride"]} '
                   f'pad: {layer["pad"]} group: {layer["group"]} bias_term: {str(layer["bias"]).lower()} {filler} }}')
    elif kind == "InnerProduct":
        options = f'inner_product_param {{ num_output: {layer["outputs"]} {filler} }}'
    elif kind == "Pooling":
        options = (f'pooling_param {{ pool: {layer["method"]} kernel_size: {layer["kernel"]} stride: {layer["stride"]} '
                   f'pad: {layer["pad"]} }}')
    elif kind == "LRN":
        options = f'lrn_param {{ local_size: {layer["size"]} alpha: {layer["alpha"]} beta: {layer["beta"]} }}'
    elif kind == "Dropout":
        options = f'dropout_param {{ dropout_ratio: {layer["ratio"]} }}'
    elif kind == "BatchNorm":
        options = f'batch_norm_param {{ use_global_stats: {str(not training).lower()} }}'
    elif kind == "Scale":
        options = "scale_param { bias_term: true }"
    shared = ""
    if towers and kind in ("Convolution", "InnerProduct"):
        shared = f'param {{ name: "{name}_w" }} param {{ name: "{name}_b" lr_mult: 2 }} '
    return f'layer {{ name: "{name}{end}" type: "{kind}" {bottoms} top: "{layer["top"]}{end}" {shared}{options} }}'


def caffemodel(net, parameters):
    """The parameters in Caffe's format: NetParameter { name = 1, layer = 100 { name = 1, type = 2, blobs = 7 } }, where a
    blob is { data = 5, shape = 7 { dim = 1 } }."""

    def number(n):
        out = bytearray()
        while n > 127:
            out.append(n & 127 | 128)
            n >>= 7
        return bytes(out + bytes([n]))

    def field(at, content):
        return number(at << 3 | 2) + number(len(content)) + content

    def blob(array):
        shape = field(1, b"".join(number(n) for n in array.shape))
        return field(5, struct.pack(f"<{array.size}f", *array.ravel().tolist())) + field(7, shape)

    out = [field(1, net.name.encode())]
    for layer in net.layers:
        content = field(1, layer["name"].encode()) + field(2, layer["kind"].encode())
        content += b"".join(field(7, blob(array)) for array in parameters.get(layer["name"], []))
        out.append(field(100, content))
    return b"".join(out)
