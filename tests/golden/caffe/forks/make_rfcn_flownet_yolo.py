"""Writes the cases of R-FCN's losses with hard examples, of FlowNet's Resample and Downsample, of YOLO's Reorg and of DeepLab's
SegAccuracy beside this file: plain loops in double precision over the formulas that the layers' forks document, gradients by
their derivatives."""

import json
import math
import os
import random
import struct

HERE = os.path.dirname(os.path.abspath(__file__))
RANDOM = random.Random(20)


def count(shape):
    return math.prod(shape)


def uniform(shape, low=-1.0, high=1.0):
    # Numbers that single precision holds, so that the loops see what the net sees.
    return [round(RANDOM.uniform(low, high) * 4096) / 4096 for _ in range(count(shape))]


def save(name, layer, inputs, tensors):
    """`inputs` are shapes and numbers by name, `tensors` likewise by the name that the file has."""
    folder = os.path.join(HERE, name)
    os.makedirs(folder, exist_ok=True)
    lines = [f'name: "{name}"', "force_backward: true", "state { phase: TRAIN }"]
    for blob, (shape, _) in inputs.items():
        dims = " ".join(f"dim: {n}" for n in shape)
        lines.append(
            f'layer {{ name: "{blob}" type: "Input" top: "{blob}" input_param {{ shape {{ {dims} }} }} }}'
        )
    with open(os.path.join(folder, "net.prototxt"), "w") as file:
        file.write("\n".join(lines + [layer]) + "\n")
    tensors = {**{f"in.{blob}": value for blob, value in inputs.items()}, **tensors}
    header, data = {}, b""
    for key in sorted(tensors):
        shape, values = tensors[key]
        assert len(values) == count(shape), (name, key)
        start = len(data)
        data += struct.pack(f"<{len(values)}f", *values)
        header[key] = {"dtype": "F32", "shape": list(shape), "data_offsets": [start, len(data)]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(folder, "data.safetensors"), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


# Reorg: Darknet's loop over the elements.


def reorg(x, n, c, h, w, s, forward):
    out = [0.0] * len(x)
    few = c // (s * s)
    for b in range(n):
        for k in range(c):
            for j in range(h):
                for i in range(w):
                    one = i + w * (j + h * (k + c * b))
                    offset, channel = k // few, k % few
                    column, row = i * s + offset % s, j * s + offset // s
                    other = column + w * s * (row + h * s * (channel + few * b))
                    if forward:
                        out[other] = x[one]
                    else:
                        out[one] = x[other]
    return out


def reorg_case(name, shape, s, reverse):
    n, c, h, w = shape
    top = (n, c // s // s, h * s, w * s) if reverse else (n, c * s * s, h // s, w // s)
    x, dout = uniform(shape), uniform(shape)
    more = " reverse: true" if reverse else ""
    save(
        name,
        f'layer {{ name: "l" type: "Reorg" bottom: "x" top: "out" reorg_param {{ stride: {s}{more} }} }}',
        {"x": (shape, x)},
        {
            "dout.out": (top, dout),
            "out.out": (top, reorg(x, *shape, s, reverse)),
            "din.x": (shape, reorg(dout, *shape, s, not reverse)),
        },
    )


reorg_case("reorg", (2, 4, 4, 6), 2, False)
reorg_case("reorg_three", (1, 9, 3, 6), 3, False)
reorg_case("reorg_reverse", (2, 8, 2, 3), 2, True)


# Resample: FlowNet 2's loop over a window around each place.


def cubic(x):
    x = abs(x)
    if x <= 1:
        return x * x * (1.5 * x - 2.5) + 1
    return x * (x * (-0.5 * x + 2.5) - 4) + 2 if x < 2 else 0.0


def triangle(x):
    return max(0.0, 1 - abs(x))


def half_up(x):
    return math.floor(x + 0.5) if 0 <= x else -math.floor(-x + 0.5)


def resample(x, shape, size, kind, antialias):
    n, c, h, w = shape
    height, width = size
    fx, fy = w / width, h / height
    antialias = antialias and (1 < fx or 1 < fy)
    out = []
    for plane in range(n * c):
        for yo in range(height):
            for xo in range(width):
                xi, yi = xo * fx + fy / 2 - 0.5, yo * fy + fx / 2 - 0.5
                xr, yr = half_up(xi), half_up(yi)
                if kind == "NEAREST":
                    out.append(x[(plane * h + yr) * w + xr])
                    continue
                coefficient, wide = (cubic, 4) if kind == "CUBIC" else (triangle, 2)
                ax, ay = (1 / fx, 1 / fy) if antialias else (1.0, 1.0)
                rx = 2 if fx < 1 else math.ceil(wide / ax)
                ry = 2 if fy < 1 else math.ceil(wide / ay)
                total, weights = 0.0, 0.0
                for yy in range(yr - ry, yr + ry + 1):
                    for xx in range(xr - rx, xr + rx + 1):
                        if 0 <= yy < h and 0 <= xx < w:
                            weight = ax * coefficient(ax * (xi - xx)) * ay * coefficient(ay * (yi - yy))
                            total += weight * x[(plane * h + yy) * w + xx]
                            weights += weight
                out.append(total / weights if weights else 0.0)
    return out


def resample_case(name, shape, size, kind, antialias=True, like=False):
    x = uniform(shape)
    top = (shape[0], shape[1], *size)
    told = "" if like else f" height: {size[0]} width: {size[1]}"
    told += "" if kind == "LINEAR" else f" type: {kind}"
    told += "" if antialias else " antialias: false"
    bottom = ' bottom: "like"' if like else ""
    inputs = {"x": (shape, x)}
    if like:
        inputs["like"] = ((1, 1, *size), uniform((1, 1, *size)))
    save(
        name,
        f'layer {{ name: "l" type: "Resample" bottom: "x"{bottom} top: "out" resample_param {{{told} }} }}',
        inputs,
        {"out.out": (top, resample(x, shape, size, kind, antialias))},
    )


resample_case("resample_larger", (2, 2, 3, 4), (6, 8), "LINEAR")
resample_case("resample_like", (1, 2, 4, 3), (7, 5), "LINEAR", like=True)
resample_case("resample_smaller", (1, 2, 9, 8), (4, 3), "LINEAR")
resample_case("resample_smaller_sharp", (1, 2, 9, 8), (4, 3), "LINEAR", antialias=False)
resample_case("resample_cubic", (1, 2, 5, 6), (8, 9), "CUBIC")
resample_case("resample_cubic_smaller", (1, 1, 9, 8), (3, 5), "CUBIC")
resample_case("resample_nearest", (1, 2, 3, 4), (6, 8), "NEAREST")


# Downsample: FlowNet's loop, which leaves pixels out that are no numbers.


def downsample(x, shape, size):
    n, c, h, w = shape
    height, width = size
    across, down = (w - 1) / (width - 1), (h - 1) / (height - 1)
    out = []
    for plane in range(n * c):
        for yo in range(height):
            for xo in range(width):
                xi, yi = xo / (width - 1) * (w - 1), yo / (height - 1) * (h - 1)
                rx, ry = math.ceil(across), math.ceil(down)
                total, weights, unknown = 0.0, 0.0, 0.0
                for yy in range(half_up(yi) - ry, half_up(yi) + ry + 1):
                    for xx in range(half_up(xi) - rx, half_up(xi) + rx + 1):
                        if not (0 <= yy < h and 0 <= xx < w):
                            continue
                        weight = max(0.0, 1 - abs(xx - xi) / across) * max(0.0, 1 - abs(yy - yi) / down)
                        sample = x[(plane * h + yy) * w + xx]
                        if math.isnan(sample):
                            unknown += weight
                        else:
                            total += sample * weight
                            weights += weight
                known = weights and unknown / weights <= 0.5
                out.append(total / weights if known else math.nan)
    return out


def downsample_case(name, shape, size, unknown=()):
    x = uniform(shape)
    for place in unknown:
        x[place] = math.nan
    top = (shape[0], shape[1], *size)
    save(
        name,
        'layer { name: "l" type: "Downsample" bottom: "x" top: "out" '
        f"downsample_param {{ top_height: {size[0]} top_width: {size[1]} }} }}",
        {"x": (shape, x)},
        {"out.out": (top, downsample(x, shape, size))},
    )


downsample_case("downsample", (2, 2, 7, 9), (3, 4))
downsample_case("downsample_unknown", (1, 1, 7, 9), (3, 4), unknown=(0, 1, 2, 9, 10, 11, 18, 19, 20, 40, 62))


# R-FCN's losses.


def smooth_l1(name, shape, weights, loss, divisor):
    items, channels, places = shape[0], shape[1], count(shape[2:])
    a, b = uniform(shape, -2, 2), uniform(shape, -2, 2)
    inputs = {"a": (shape, a), "b": (shape, b)}
    w = [1.0] * count(shape)
    if weights:
        w = [float(RANDOM.random() < 0.6) for _ in w]
        inputs["w"] = (shape, w)
    gaps = [wi * (ai - bi) for ai, bi, wi in zip(a, b, w)]
    costs = [d * d / 2 if abs(d) < 1 else abs(d) - 0.5 for d in gaps]
    slopes = [(d if abs(d) < 1 else math.copysign(1, d)) * wi / divisor for d, wi in zip(gaps, w)]
    each = [
        sum(costs[(n * channels + c) * places + p] for c in range(channels))
        for n in range(items)
        for p in range(places)
    ]
    side = [*shape[2:], 1, 1][:2]
    bottoms = "".join(f' bottom: "{key}"' for key in inputs)
    save(
        name,
        f'layer {{ name: "l" type: "SmoothL1LossOHEM"{bottoms} top: "out" top: "each" loss_weight: 1 loss_weight: 0{loss} }}',
        inputs,
        {
            "out.out": ((), [sum(costs) / divisor]),
            "out.each": ((items, 1, *side), each),
            "din.a": (shape, slopes),
            "din.b": (shape, [-s for s in slopes]),
        },
    )


smooth_l1("smooth_l1_ohem", (3, 4, 2, 2), False, "", 12)
smooth_l1(
    "smooth_l1_ohem_fixed",
    (5, 8),
    True,
    " loss_param { normalization: PRE_FIXED pre_fixed_normalizer: 128 }",
    128,
)


def softmax(name, shape, ignore, loss, divisor):
    items, classes, places = shape[0], shape[1], count(shape[2:])
    x = uniform(shape, -2, 2)
    labels = [float(RANDOM.randrange(classes)) for _ in range(items * places)]
    if ignore:
        labels[1] = labels[-2] = -1.0
    shape_of_labels = (items, 1, *shape[2:]) if places > 1 else (items,)
    counted = sum(label >= 0 for label in labels)
    divisor = divisor or counted
    probabilities, slopes, each = [0.0] * len(x), [0.0] * len(x), []
    for n in range(items):
        for p in range(places):
            at = [(n * classes + c) * places + p for c in range(classes)]
            total = sum(math.exp(x[i]) for i in at)
            label = labels[n * places + p]
            each.append(math.log(total) - x[at[int(label)]] if label >= 0 else 0.0)
            for c, i in enumerate(at):
                probabilities[i] = math.exp(x[i]) / total
                slopes[i] = (probabilities[i] - (c == label)) / divisor if label >= 0 else 0.0
    save(
        name,
        'layer { name: "l" type: "SoftmaxWithLossOHEM" bottom: "x" bottom: "label" top: "out" top: "p" top: "each" '
        f"loss_weight: 1 loss_weight: 0 loss_weight: 0{loss} }}",
        {"x": (shape, x), "label": (shape_of_labels, labels)},
        {
            "out.out": ((), [sum(each) / divisor]),
            "out.p": (shape, probabilities),
            "out.each": (shape_of_labels, each),
            "din.x": (shape, slopes),
        },
    )


softmax("softmax_ohem", (6, 4), False, "", 6)
softmax("softmax_ohem_ignore", (2, 3, 2, 2), True, " loss_param { ignore_label: -1 }", None)
softmax(
    "softmax_ohem_fixed",
    (6, 4),
    True,
    " loss_param { ignore_label: -1 normalization: PRE_FIXED pre_fixed_normalizer: 16 }",
    16,
)


def annotator(name, items, places, channels, images, kept, ignored):
    """Boxes sorted by their losses, image by image."""
    side = (items, 5, *places)
    per = count(places)
    rois = uniform(side, 0, 100)
    for n in range(items):
        for p in range(per):
            rois[n * 5 * per + p] = float(RANDOM.randrange(images))
    losses = [abs(v) for v in uniform((items * per,), 0, 4)]
    labels = [float(RANDOM.randrange(3)) for _ in range(items * per)]
    weights = uniform((items, channels, *places), 0, 1)
    one = (items, 1, *places) if places else (items,)
    left = [kept] * images
    out_labels, out_weights = [float(ignored)] * (items * per), [0.0] * len(weights)
    for index in sorted(range(items * per), key=lambda i: -losses[i]):
        n, p = divmod(index, per)
        image = int(rois[n * 5 * per + p])
        if left[image]:
            left[image] -= 1
            out_labels[index] = labels[index]
            for c in range(channels):
                place = (n * channels + c) * per + p
                out_weights[place] = weights[place]
    four = [*places, 1, 1][:2]
    told = "" if ignored == -1 else f" ignore_label: {ignored}"
    save(
        name,
        'layer { name: "l" type: "BoxAnnotatorOHEM" bottom: "rois" bottom: "loss" bottom: "label" bottom: "w" '
        f'top: "labels" top: "weights" box_annotator_ohem_param {{ roi_per_img: {kept}{told} }} }}',
        {"rois": (side, rois), "loss": (one, losses), "label": (one, labels), "w": ((items, channels, *places), weights)},
        {
            "out.labels": ((items, 1, *four), out_labels),
            "out.weights": ((items, channels, *four), out_weights),
        },
    )


annotator("box_annotator", 12, (), 8, 2, 3, -1)
annotator("box_annotator_places", 3, (2, 3), 4, 2, 4, 255)


# DeepLab's SegAccuracy: its confusion matrix, pixel by pixel.


def seg_accuracy(name, items, classes, places, ignored, told):
    """Shares of a batch; `told` are the labels that occur, some of them ignored or no class."""
    per = count(places)
    scores = uniform((items, classes, *places))
    labels = [float(RANDOM.choice(told)) for _ in range(items * per)]
    matrix = [[0] * classes for _ in range(classes)]
    for n in range(items):
        for p in range(per):
            label = int(labels[n * per + p])
            of = [scores[(n * classes + c) * per + p] for c in range(classes)]
            if label not in ignored and 0 <= label < classes:
                matrix[label][of.index(max(of))] += 1
    rows = [sum(row) for row in matrix]
    columns = [sum(row[c] for row in matrix) for c in range(classes)]
    right = [matrix[c][c] for c in range(classes)]
    recalls = [right[c] / rows[c] for c in range(classes) if rows[c]]
    unions = [rows[c] + columns[c] - right[c] for c in range(classes)]
    overlaps = [right[c] / unions[c] if unions[c] else 1.0 for c in range(classes)]
    numbers = [sum(right) / sum(rows), sum(recalls) / len(recalls), sum(overlaps) / classes]
    fields = " ".join(f"ignore_label: {label}" for label in ignored)
    save(
        name,
        'layer { name: "l" type: "SegAccuracy" bottom: "scores" bottom: "label" top: "a" '
        f"seg_accuracy_param {{ {fields} }} }}",
        {"scores": ((items, classes, *places), scores), "label": ((items, 1, *places), labels)},
        {"out.a": ((1, 1, 1, 3), numbers)},
    )


seg_accuracy("seg_accuracy", 2, 4, (5, 6), [255], [0, 1, 2, 3, 255])
seg_accuracy("seg_accuracy_absent", 1, 8, (3, 4), [255, 2], [0, 1, 2, 5, 9, 255])


# Proposal: boxes around every place, moved, clipped, sorted and thinned out one by one, as the papers describe it.


def boxes_around(base, ratios, scales, nearest):
    found = []
    for ratio in ratios:
        wide = nearest(math.sqrt(base * base / ratio))
        high = nearest(wide * ratio)
        for scale in scales:
            x, y = (wide * scale - 1) / 2, (high * scale - 1) / 2
            middle = (base - 1) / 2
            found.append((middle - x, middle - y, middle + x, middle + y))
    return found


def shared(a, b):
    wide = max(0.0, min(a[2], b[2]) - max(a[0], b[0]) + 1)
    high = max(0.0, min(a[3], b[3]) - max(a[1], b[1]) + 1)
    area = [(r[2] - r[0] + 1) * (r[3] - r[1] + 1) for r in (a, b)]
    return wide * high / (sum(area) - wide * high)


def proposals(name, images, place, info, python, message, ratios, scales, stride, before, after, threshold, least):
    high, wide = place
    boxes = boxes_around(16, ratios, scales, round if python else half_up)
    scores = [x / 4096 for x in RANDOM.sample(range(4096), images * 2 * len(boxes) * high * wide)]
    moves = uniform((images, 4 * len(boxes), high, wide), -0.75, 0.75)
    rows, tops = [], []
    for n in range(images):
        found = []
        for y in range(high):
            for x in range(wide):
                for k, box in enumerate(boxes):
                    at = [moves[((n * len(boxes) + k) * 4 + i) * high * wide + y * wide + x] for i in range(4)]
                    score = scores[((n * 2 + 1) * len(boxes) + k) * high * wide + y * wide + x]
                    region = [0.0] * 4
                    for axis, start in ((0, x * stride), (1, y * stride)):
                        size = box[axis + 2] - box[axis] + 1
                        middle = at[axis] * size + box[axis] + start + size / 2
                        reach = math.exp(at[axis + 2]) * size / 2
                        end = info[1 - axis] - 1
                        region[axis] = max(0.0, min(middle - reach, end))
                        region[axis + 2] = max(0.0, min(middle + reach, end))
                    sides = [region[2] - region[0] + 1, region[3] - region[1] + 1]
                    big = least * info[-1] <= sides[0] and least * info[2] <= sides[1]
                    if big or not python:
                        found.append((score if big else 0.0, region))
        found.sort(key=lambda one: -one[0])
        kept = []
        for score, region in found[:before]:
            if len(kept) < after and all(shared(region, other) <= threshold for _, other in kept):
                kept.append((score, region))
        rows += [[n, *region] for _, region in kept]
        tops += [score for score, _ in kept]
    most = images * min(after, before, len(boxes) * high * wide)
    print(name, len(rows), "of", most)
    rows += [[-1.0] * 5] * (most - len(rows))
    tops += [-1.0] * (most - len(tops))
    save(
        name,
        f'layer {{ name: "l" bottom: "scores" bottom: "moves" bottom: "info" top: "rois" top: "probs" {message} }}',
        {
            "scores": ((images, 2 * len(boxes), high, wide), scores),
            "moves": ((images, 4 * len(boxes), high, wide), moves),
            "info": ((1, len(info)), info),
        },
        {
            "out.rois": ((most, 5), [x for row in rows for x in row]),
            "out.probs": ((most, 1) if python else (most,), tops),
        },
    )


PYTHON = "type: 'Python' python_param { module: 'rpn.proposal_layer' layer: 'ProposalLayer' param_str: \"%s\" }"
proposals(
    "proposal_python",
    1,
    (4, 5),
    [64.0, 80.0, 1.5],
    True,
    PYTHON % "{'feat_stride': 16, 'scales': [1, 2], 'post_nms_topN': 60}",
    [0.5, 1, 2],
    [1, 2],
    16,
    12000,
    60,
    0.7,
    16,
)
proposals(
    "proposal",
    2,
    (3, 4),
    [30.0, 36.0, 1.25, 0.75],
    False,
    'type: "Proposal" proposal_param { feat_stride: 8 ratio: 0.667 ratio: 1.5 scale: 0.5 scale: 1 scale: 1.75 '
    "pre_nms_topn: 40 post_nms_topn: 12 nms_thresh: 0.5 min_size: 9 }",
    [0.667, 1.5],
    [0.5, 1, 1.75],
    8,
    40,
    12,
    0.5,
    9,
)


# FlowNet's L1Loss: a loop over places, in which what is no number counts as 0.


def flow_loss(name, shape, bottoms, fields, vectors=None, prescale=False, entries=False, plateau=0.0):
    n, c, *places = shape
    per = count(places)
    values = [uniform(shape) for _ in range(bottoms)]
    for at in RANDOM.sample(range(count(shape)), 5):
        values[-1][at] = math.nan
    values[-1][3] = values[0][3] if bottoms == 2 else 0.0
    gaps = [values[0][i] - (values[1][i] if bottoms == 2 else 0.0) for i in range(count(shape))]
    known = [d == d for d in gaps]
    divisor = sum(known) / c if entries else n
    total, slopes = 0.0, [0.0] * len(gaps)
    if vectors is None:
        for i, d in enumerate(gaps):
            if known[i] and plateau <= abs(d):
                total += abs(d)
                slopes[i] = (1.0 if 0 < d else -1.0) / divisor
    else:
        for place in range(n * per):
            at = [(place // per * c + k) * per + place % per for k in range(c)]
            factor = 1 / c if prescale else 1.0
            square = factor * sum(gaps[i] ** 2 for i in at if known[i])
            flat = square < plateau**2
            length = math.sqrt((0.0 if flat else square) + vectors)
            total += length
            for i in at:
                if known[i] and not flat:
                    slopes[i] = factor * gaps[i] / length / divisor
    names = ["a", "b"][:bottoms]
    reads = " ".join(f'bottom: "{blob}"' for blob in names)
    gradients = [slopes, [-slope for slope in slopes]]
    save(
        name,
        f'layer {{ name: "l" type: "L1Loss" {reads} top: "loss" l1_loss_param {{ {fields} }} }}',
        {blob: (shape, value) for blob, value in zip(names, values)},
        {"dout.loss": ((), [1.0]), "out.loss": ((), [total / divisor])}
        | {f"din.{blob}": (shape, gradient) for blob, gradient in zip(names, gradients)},
    )


flow_loss("l1_loss_flow", (2, 2, 3, 4), 2, "l2_per_location: true", 0.01)
flow_loss(
    "l1_loss_flow_entries",
    (2, 2, 3, 4),
    2,
    "l2_per_location: true l2_prescale_by_channels: true normalize_by_num_entries: true epsilon: 0.001 plateau: 0.5",
    0.001,
    True,
    True,
    0.5,
)
flow_loss("l1_loss_flow_one", (2, 3, 2, 2), 1, "normalize_by_num_entries: true plateau: 0.25", None, False, True, 0.25)


# The loss of lifted structures: every pair of a class against all of both rows' others.


def lifted(name, rows, width, labels, margin, spread):
    x = uniform((rows, width), -spread, spread)
    at = [x[i * width : (i + 1) * width] for i in range(rows)]
    apart = [[math.dist(a, b) for b in at] for a in at]
    pairs = [(i, j) for i in range(rows) for j in range(i + 1, rows) if labels[i] == labels[j]]
    total, slopes = 0.0, [0.0] * (rows * width)

    def pull(i, j, strength):
        for k in range(width):
            step = strength * (at[i][k] - at[j][k]) / apart[i][j]
            slopes[i * width + k] += step
            slopes[j * width + k] -= step

    for i, j in pairs:
        others = [(own, k) for own in (i, j) for k in range(rows) if labels[k] != labels[own]]
        most = max(margin - apart[own][k] for own, k in others)
        powers = [math.exp(margin - apart[own][k] - most) for own, k in others]
        cost = max(0.0, math.log(sum(powers)) + most + apart[i][j])
        total += cost * cost / 2 / len(pairs)
        pull(i, j, cost / len(pairs))
        for (own, k), power in zip(others, powers):
            pull(own, k, -cost * power / sum(powers) / len(pairs))
    save(
        name,
        'layer { name: "l" type: "LiftedStructSimilaritySoftmaxLoss" bottom: "x" bottom: "label" top: "loss" '
        f"lifted_struct_sim_softmax_loss_param {{ margin: {margin} }} }}",
        {"x": ((rows, width), x), "label": ((rows, 1), [float(label) for label in labels])},
        {
            "dout.loss": ((), [1.0]),
            "out.loss": ((), [total]),
            "din.x": ((rows, width), slopes),
        },
    )


lifted("lifted_structure", 8, 4, [0, 1, 0, 2, 1, 0, 2, 3], 1.0, 1.0)
# Distances beyond what a power holds in single precision.
lifted("lifted_structure_far", 6, 3, [4, 4, 7, 7, 4, 1], 0.5, 400.0)
