"""Writes the cases beside this file with PyTorch: modules of cudnn, rnn, dpnn and nnx by PyTorch's own layers where it has them,
else by the equations that the packages document; gradients by automatic differentiation in double precision."""

import os

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

torch.manual_seed(11)
HERE = os.path.dirname(os.path.abspath(__file__))


def rand(*shape):
    return torch.rand(*shape, dtype=torch.float64) * 2 - 1


def case(name, text, function, inputs, shapes=(), target=None, backward=True, fixed=()):
    """One case: `function` of inputs and parameters gives outputs, or with a target the loss. Inputs of numbers `fixed` are
    labels or places and get no gradient."""
    inputs = [x if i in fixed else x.requires_grad_() for i, x in enumerate(inputs)]
    parameters = [rand(*shape).requires_grad_() for shape in shapes]
    result = function(*inputs, *parameters)
    tensors = {f"in.{i}": x for i, x in enumerate(inputs)}
    outputs = result if isinstance(result, (list, tuple)) else [result]
    if target is not None:
        tensors["target"], tensors["loss"] = target, result.reshape(1)
        result.backward()
    else:
        tensors.update({f"out.{i}": y for i, y in enumerate(outputs)})
        if backward:
            slopes = [rand(*y.shape) if y.requires_grad else torch.zeros_like(y) for y in outputs]
            tensors.update({f"dout.{i}": dy for i, dy in enumerate(slopes)})
            torch.autograd.backward([y for y in outputs if y.requires_grad],
                                    [dy for y, dy in zip(outputs, slopes) if y.requires_grad])
    for i, x in enumerate(inputs):
        if backward and i not in fixed:
            tensors[f"din.{i}"] = torch.zeros_like(x) if x.grad is None else x.grad
    for i, p in enumerate(parameters):
        tensors[f"param.{i}"] = p
        if backward:
            tensors[f"dparam.{i}"] = p.grad
    folder = os.path.join(HERE, name)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "def.lua"), "w") as file:
        file.write(text if "return" in text else f"return {text}\n")
    save_file({key: value.detach().float().contiguous() for key, value in tensors.items()},
              os.path.join(folder, "data.safetensors"))


T, N, D = 5, 2, 3


# cuDNN: PyTorch's layers, whose matrices and biases lie one after the other in one vector.
def cudnn(name, arguments, layer, batch_first=False):
    parts = [(key, value.shape) for key, value in layer.named_parameters()]
    parts = [p for p in parts if "weight" in p[0]] + [p for p in parts if "bias" in p[0]]
    count = sum(shape.numel() for _, shape in parts)

    def run(x, flat):
        values, at = {}, 0
        for key, shape in parts:
            values[key] = flat[at:at + shape.numel()].reshape(shape)
            at += shape.numel()
        return torch.func.functional_call(layer, values, (x,))[0]
    x = rand(N, T, D) if batch_first else rand(T, N, D)
    case("cudnn_" + name.lower(), f"require 'cudnn'\nreturn cudnn.{name}({arguments})\n", run, [x], [(count,)])


double = {"dtype": torch.float64}
cudnn("LSTM", "3, 4, 2", torch.nn.LSTM(D, 4, 2, **double))
cudnn("GRU", "3, 4, 2, true", torch.nn.GRU(D, 4, 2, batch_first=True, **double), True)
cudnn("RNN", "3, 4, 1", torch.nn.RNN(D, 4, 1, nonlinearity="relu", **double))
cudnn("RNNTanh", "3, 4, 2", torch.nn.RNN(D, 4, 2, **double))
cudnn("BLSTM", "3, 2, 2", torch.nn.LSTM(D, 2, 2, bidirectional=True, **double))
cudnn("BGRU", "3, 2, 2, true", torch.nn.GRU(D, 2, 2, bidirectional=True, batch_first=True, **double), True)


# rnn
def seq_lstmp(x, w, b, o):
    """PyTorch's LSTM with a projection; gates by columns: input, forget, output, content."""
    def rows(p):
        i, f, o, g = p.chunk(4)
        return torch.cat([i, f, g, o])
    layer = torch.nn.LSTM(D, 5, proj_size=4, **double)
    values = {"weight_ih_l0": rows(w[:D].T), "weight_hh_l0": rows(w[D:].T), "bias_ih_l0": rows(b),
              "bias_hh_l0": torch.zeros_like(b), "weight_hr_l0": o.T}
    return torch.func.functional_call(layer, values, (x,))[0]


case("seq_lstmp", "require 'rnn'\nreturn nn.SeqLSTMP(3, 5, 4)\n", seq_lstmp, [rand(T, N, D)], [(D + 4, 20), (20,), (5, 4)])


def mufuru(x, wr, br, ur, cr, wv, bv, wp, bp):
    h, steps = torch.zeros(N, 4, dtype=torch.float64), []
    for t in range(T):
        reset = torch.sigmoid(x[t] @ wr.T + br + h @ ur.T + cr)
        v = torch.sigmoid(torch.cat([x[t], reset * h], 1) @ wv.T + bv)
        p = (torch.cat([x[t], h], 1) @ wp.T + bp).reshape(N, 5, 4).softmax(1)
        made = [h, v, h * v, h - v, torch.maximum(h, v)]
        h = sum(p[:, i] * made[i] for i in range(5))
        steps.append(h)
    return torch.stack(steps)


case("mufuru", "require 'rnn'\nreturn nn.Sequencer(nn.MuFuRu(3, 4, {'keep', 'replace', 'mul', 'diff', 'max'}))\n", mufuru,
     [rand(T, N, D)], [(4, D), (4,), (4, 4), (4,), (4, 7), (4,), (20, 7), (20,)])


def passing(cost):
    """A function that passes its input on, and adds the gradient of what the input costs."""
    class Passed(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.clone()

        @staticmethod
        def backward(ctx, dy):
            with torch.enable_grad():
                x = ctx.saved_tensors[0].detach().requires_grad_()
                return dy + torch.autograd.grad(cost(x), x)[0]
    return Passed.apply


def differing_lengths(x):
    """beta times the mean squared differences of the lengths of neighbouring states."""
    lengths = x.norm(dim=2)
    return 0.5 * (lengths[1:] - lengths[:-1]).square().mean(1).sum()


case("norm_stabilizer", "require 'rnn'\nreturn nn.Sequencer(nn.NormStabilizer(0.5))\n", passing(differing_lengths),
     [rand(T, N, D)])


def gru(x, w, b, u, wc, bc, uc):
    h, steps = torch.zeros(N, 2, dtype=torch.float64), []
    for t in range(x.shape[0]):
        reset, update = torch.sigmoid(x[t] @ w.T + b + h @ u.T).chunk(2, 1)
        content = torch.tanh(x[t] @ wc.T + bc + (reset * h) @ uc.T)
        h = (1 - update) * content + update * h
        steps.append(h)
    return torch.stack(steps)


def bi_sequencer_lm(x, *p):
    nothing = torch.zeros(1, N, 2, dtype=torch.float64)
    there, back = gru(x[:-1], *p[:6]), gru(x[1:].flip(0), *p[6:]).flip(0)
    return torch.cat([torch.cat([nothing, there]), torch.cat([back, nothing])], 2)


case("bi_sequencer_lm", "require 'rnn'\nreturn nn.Sequential():add(nn.SplitTable(1)):add(nn.BiSequencerLM(nn.GRU(3, 2)))\n"
     "   :add(nn.MapTable(nn.Unsqueeze(1))):add(nn.JoinTable(1))\n", bi_sequencer_lm, [rand(T, N, D)],
     2 * [(4, D), (4,), (4, 2), (2, D), (2,), (2, 2)])

rows = rand(5, 3)
rows[[1, 3]] = 0
classes = torch.tensor([3, 0, 1, 0, 2])


def kept_cross_entropy(x):
    kept = classes > 0
    return F.cross_entropy(x[kept], classes[kept] - 1)


case("mask_zero_criterion", "require 'rnn'\nreturn {model = nn.Identity(), "
     "loss = nn.MaskZeroCriterion(nn.CrossEntropyCriterion(), 1)}\n", kept_cross_entropy, [rows], target=classes.double())


def attention(x, start, w, b, u, ub, wa, ba):
    h, state = torch.zeros(N, 4, dtype=torch.float64), None
    for _ in range(3):
        place = h @ wa.T + ba
        inner = torch.cat([x, place], 1) @ w.T + b
        h = state = torch.tanh(inner + (start if state is None else state @ u.T + ub))
    return h


case("recurrent_attention", "require 'rnn'\nlocal look = nn.Sequential():add(nn.JoinTable(1, 1)):add(nn.Linear(5, 4))\n"
     "local rnn = nn.Recurrent(4, look, nn.Linear(4, 4), nn.Tanh())\n"
     "return nn.Sequential():add(nn.RecurrentAttention(rnn, nn.Linear(4, 2), 3, {4})):add(nn.SelectTable(-1))\n", attention,
     [rand(N, D)], [(4,), (4, 5), (4,), (4, 4), (4,), (2, 4), (2,)], backward=False)


# dpnn
def glimpse(x, place):
    squares = []
    for depth in range(2):
        size = 8 if depth else 4
        pad = (size - 1) // 2
        padded = F.pad(x, (pad, pad, pad, pad))
        items = []
        for i in range(N):
            extents = [padded.shape[2] - size, padded.shape[3] - size]
            top, left = (int(min(e, max(0, (place[i, k].item() + 1) / 2 * e))) for k, e in enumerate(extents))
            items.append(padded[i, :, top:top + size, left:left + size])
        squares.append(F.interpolate(torch.stack(items), (4, 4), mode="bilinear", align_corners=True))
    return torch.cat(squares, 1)


case("spatial_glimpse", "require 'dpnn'\nreturn nn.SpatialGlimpse(4, 2, 2)\n", glimpse,
     [rand(N, 2, 9, 7), torch.tensor([[-0.4, 0.7], [1.0, -1.2]], dtype=torch.float64)])


def low_entropy(x):
    """The entropy of the mean of probabilities over the batch, which shall rise."""
    p = x.sum(0) / x.sum().detach()
    return 1.5 * (p * (p + 1e-6).log()).sum() / x.shape[0]


case("categorical_entropy", "require 'dpnn'\nreturn nn.CategoricalEntropy(1.5)\n", passing(low_entropy),
     [(rand(4, 3) + 1.1) / 5])


# All words that are drawn are the third.
def nce_module(x, target, w, b):
    scores = (x @ w.T + b).exp()
    one = torch.full((N, 2), 0.5, dtype=torch.float64)
    often = torch.tensor([0.0, 0.0, 0.5, 0.0], dtype=torch.float64)
    return (scores[torch.arange(N), target.long() - 1], scores[:, [2, 2]], often[target.long() - 1], one)


case("nce_module", "require 'dpnn'\nreturn nn.NCEModule(3, 4, 2, torch.Tensor{0, 0, 0.5, 0})\n", nce_module,
     [rand(N, D), torch.tensor([3.0, 1.0])], [(4, D), (4,)], fixed=(1,))


# nnx
case("spatial_up_sampling", "require 'nnx'\nreturn nn.SpatialUpSampling(3, 2)\n",
     lambda x: F.interpolate(x[None], scale_factor=(2, 3))[0], [rand(2, 3, 4)])
case("spatial_down_sampling", "require 'nnx'\nreturn nn.SpatialDownSampling{rW = 2, rH = 3}\n",
     lambda x: F.avg_pool2d(x[None], (3, 2))[0], [rand(2, 7, 5)])
case("spatial_re_sampling", "require 'nnx'\nreturn nn.SpatialReSampling{owidth = 7, oheight = 3}\n",
     lambda x: F.interpolate(x, (3, 7), mode="bilinear", align_corners=True), [rand(2, 2, 5, 4)])
case("spatial_padding_nnx", "require 'nnx'\nreturn nn.SpatialPadding(2, -1, -1, 1)\n",
     lambda x: F.pad(x, (2, -1, -1, 1)), [rand(2, 4, 5)])
case("spatial_linear", "require 'nnx'\nreturn nn.SpatialLinear(3, 2)\n",
     lambda x, w, b: torch.einsum("khw,ok->ohw", x, w) + b[:, None, None], [rand(3, 4, 2)], [(2, 3), (2,)])
case("spatial_classifier", "require 'nnx'\nreturn nn.SpatialClassifier(nn.Linear(3, 2))\n",
     lambda x, w, b: torch.einsum("khw,ok->ohw", x, w) + b[:, None, None], [rand(3, 4, 2)], [(2, 3), (2,)])
case("minus", "require 'nnx'\nreturn nn.Minus()\n", lambda x: -x, [rand(2, 3)])

# A root 1 with children 2, 3 and 4; 3 has 5 and 6; 6 has 7, 8 and 9. Rows: 2 3 4, 5 6, 7 8 9.
FAMILIES, WAYS = [(0, 3), (3, 5), (5, 8)], {2: [0], 4: [2], 5: [1, 3], 7: [1, 4, 5], 9: [1, 4, 7]}


def tree(x, target, w, b):
    scores = x @ w.T + b
    logs = torch.cat([scores[:, a:z].log_softmax(1) for a, z in FAMILIES], 1)
    return torch.stack([logs[i, WAYS[int(leaf)]].sum() for i, leaf in enumerate(target)])


case("soft_max_tree", "require 'nnx'\nreturn nn.SoftMaxTree(3, {[1] = torch.IntTensor{2, 3, 4}, [3] = torch.IntTensor{5, 6}, "
     "[6] = torch.IntTensor{7, 8, 9}}, 1)\n", tree, [rand(4, D), torch.tensor([9.0, 2.0, 7.0, 5.0])], [(8, D), (8,)], fixed=(1,))

# nn
case("index_linear", "return nn.IndexLinear(5, 2)\n", lambda keys, values, w, b: values @ w[keys.long() - 1] + b,
     [torch.tensor([4.0, 1.0, 4.0]), rand(3)], [(5, 2), (2,)], fixed=(0,))


# Rewards (Williams 1992): the gradient is that of the logarithm of what was drawn, times reward less baseline. One class of
# each row is possible, so that nothing is left to chance.
def class_reward(p, w, b, baseline):
    drawn = (p > 0).double()
    reward = 0.5 * ((drawn @ w.T + b).argmax(1) + 1 == REWARDED).double()
    advantage = (reward - baseline).detach() / len(reward)
    learned = F.mse_loss(baseline.expand(len(reward)), reward) - (advantage[:, None] * drawn * (p + 1e-8).log()).sum()
    return -reward.mean() + learned - learned.detach() + 0 * (w.sum() + b.sum())


REWARDED = torch.tensor([4.0, 1.0, 2.0, 3.0, 4.0])
POSSIBLE = F.one_hot(torch.tensor([0, 1, 2, 0, 1])) * torch.tensor([[0.25], [0.5], [1.0], [0.75], [0.125]], **double)
case("vr_class_reward", """require 'dpnn'
local model = nn.Sequential():add(nn.ReinforceCategorical()):add(nn.ConcatTable():add(nn.Linear(3, 4))
   :add(nn.Sequential():add(nn.Constant(0, 1)):add(nn.Add(1))))
return {model = model, loss = nn.ModuleCriterion(nn.VRClassReward(model, 0.5), nil, nn.Convert())}
""", class_reward, [POSSIBLE], [(4, 3), (4,), (1,)], target=REWARDED)

# Windows of SpatialLPPooling lie beside each other where no strides are given.
case("lp_pooling_without_strides", "return nn.SpatialLPPooling(2, 3, 2, 3)\n",
     lambda x: F.lp_pool2d(x, 3.0, (3, 2), (3, 2)), [rand(2, 2, 6, 4) + 1.5])


def root(x, power=2):
    """The root with a gradient of 0 where it is 0, as nn.Sqrt has it."""
    none = x == 0
    return torch.where(none, torch.zeros_like(x), torch.where(none, torch.ones_like(x), x)**(1 / power))


# Images with regions where nothing is, as those of digits have, and vectors of zeros.
def contrast(x):
    mean = lambda y: F.conv2d(y, torch.full((1, 1, 3, 3), 1 / 9, **double), padding=1)
    inside = mean(torch.ones_like(x))
    x = x - mean(x) / inside
    deviation = root(mean(x * x)) / inside
    return x / torch.where(deviation > 1e-4, deviation, torch.full_like(deviation, 1e-4))


case("contrast_of_nothing", "return nn.SpatialContrastiveNormalization(1, torch.ones(3, 3))\n", contrast,
     [rand(2, 1, 8, 8) * (torch.arange(8)[:, None] > 5)])
case("cosine_of_nothing", "return nn.Cosine(3, 2)\n",
     lambda x, w: x @ w.T / ((root((x * x).sum(1, keepdim=True)) + 1e-12) * (root((w * w).sum(1)) + 1e-12)),
     [torch.cat([rand(2, 3), torch.zeros(1, 3, **double)])], [(2, 3)])
FEATURES = torch.cat([rand(3, 2) + 1.5, torch.zeros(3, 2, **double)])
for power in (2, 3):
    case(f"features_of_nothing_{power}", f"return nn.FeatureLPPooling(2, 1, {power}, false)\n",
         lambda x, power=power: torch.stack([root((x[i:i + 2]**power).sum(0), power) for i in range(5)]),
         [FEATURES.clone()])
