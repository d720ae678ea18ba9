"""Writes the case ctc_loss_long: two sequences of 40 labels. Probabilities are added up in double precision, without
logarithms, over the states of Graves et al. 2006; gradients are central differences."""
import json
import math
import random
import struct
from pathlib import Path

STEPS, ITEMS, CLASSES, LABELS, BLANK = 90, 2, 4, 40, 1
random.seed(40)


def single(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def loss(scores, labels):
    """-ln p of one sequence: scores by step and class."""
    classes = [BLANK]
    for label in labels:
        classes += [label, BLANK]
    ways, scale = None, 0.0
    for row in scores:
        total = sum(math.exp(x) for x in row)
        share = [math.exp(x) / total for x in row]
        if ways is None:
            ways = [share[c] if s < 2 else 0.0 for s, c in enumerate(classes)]
        else:
            come = []
            for s, c in enumerate(classes):
                sum_ = ways[s] + (ways[s - 1] if s > 0 else 0.0)
                if s > 1 and c != BLANK and c != classes[s - 2]:
                    sum_ += ways[s - 2]
                come.append(sum_ * share[c])
            ways = come
        # Kept near 1; the factor is part of the result.
        most = max(ways)
        ways = [w / most for w in ways]
        scale += math.log(most)
    return -math.log(ways[-1] + ways[-2]) - scale


x = [[[single(random.gauss(0, 1)) for _ in range(CLASSES)] for _ in range(ITEMS)] for _ in range(STEPS)]
labels = [[random.choice([0, 2, 3]) for _ in range(LABELS)] for _ in range(ITEMS)]
dx = [[[0.0] * CLASSES for _ in range(ITEMS)] for _ in range(STEPS)]
total = 0.0
for item in range(ITEMS):
    scores = [list(step[item]) for step in x]
    total += loss(scores, labels[item])
    for step in range(STEPS):
        for k in range(CLASSES):
            old, ends = scores[step][k], []
            for far in [1e-4, -1e-4]:
                scores[step][k] = old + far
                ends.append(loss(scores, labels[item]))
            scores[step][k] = old
            # The fork of this layer does not divide gradients by the number of sequences.
            dx[step][item][k] = (ends[0] - ends[1]) / 2e-4


def flat(a):
    return [b for part in a for b in flat(part)] if isinstance(a, list) else [float(a)]


tensors = {
    "din.x": ([STEPS, ITEMS, CLASSES], dx),
    "in.label": ([ITEMS, LABELS], labels),
    "in.x": ([STEPS, ITEMS, CLASSES], x),
    "out.out": ([], [total / ITEMS]),
}
head, data = {}, b""
for name, (shape, values) in tensors.items():
    values = flat(values)
    part = struct.pack(f"<{len(values)}f", *values)
    head[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(part)]}
    data += part
head = json.dumps(head, separators=(",", ":")).encode()
head += b" " * (-len(head) % 8)
case = Path(__file__).parent / "ctc_loss_long"
case.mkdir(exist_ok=True)
(case / "data.safetensors").write_bytes(struct.pack("<Q", len(head)) + head + data)
shapes = [("x", [STEPS, ITEMS, CLASSES]), ("label", [ITEMS, LABELS])]
text = 'name: "ctc_loss_long"\nforce_backward: true\nstate { phase: TRAIN }\n'
for name, shape in shapes:
    dims = " ".join(f"dim: {d}" for d in shape)
    text += f'layer {{ name: "{name}" type: "Input" top: "{name}" input_param {{ shape {{ {dims} }} }} }}\n'
text += (
    'layer { name: "l" type: "CtcLoss" bottom: "x" bottom: "label" top: "out" '
    f"ctc_loss_param {{ blank_label: {BLANK} alphabet_size: {CLASSES} time_step: {STEPS} }} }}\n"
)
(case / "net.prototxt").write_text(text)
