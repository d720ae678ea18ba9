"""Writes the cases beside this file with PyTorch: recurrent layers by the equations that the package rnn documents, gradients
by automatic differentiation in double precision. Where PyTorch has the layer itself (LSTM), the results are its own."""

import os

import torch
from safetensors.torch import save_file

torch.manual_seed(7)
T, N, D, H = 5, 2, 3, 4


def rand(*shape):
    return (torch.rand(*shape, dtype=torch.float64) * 2 - 1).requires_grad_()


def scan(step, x, states):
    rows = []
    for t in range(x.shape[0]):
        states = step(x[t], *states)
        rows.append(states[0])
    return torch.stack(rows)


def zeros(size=H):
    return torch.zeros(N, size, dtype=torch.float64)


def own_lstm(x, w, b, u):
    """PyTorch's LSTM; rows of the gates come in its order: input, forget, content, output."""
    layer = torch.nn.LSTM(D, H, dtype=torch.float64)
    values = {"weight_ih_l0": w, "bias_ih_l0": b, "weight_hh_l0": u, "bias_hh_l0": torch.zeros_like(b)}
    return torch.func.functional_call(layer, values, (x,))[0]


def rows(w, order):
    parts = w.chunk(4)
    return torch.cat([parts[i] for i in order])


def fast_lstm(x, w, b, u):
    # Its gates are input, content, forget, output.
    return own_lstm(x, *(rows(p, [0, 2, 1, 3]) for p in (w, b, u)))


def seq_lstm(x, w, b):
    # One matrix for input and output before, by columns: input, forget, output, content.
    return own_lstm(x, *(rows(p, [0, 1, 3, 2]) for p in (w[:D].T, b, w[D:].T)))


def lstm(x, wf, bf, uf, cf, wi, bi, ui, ci, wc, bc, uc, wo, bo, uo, co):
    def step(x, h, c):
        forget = torch.sigmoid(x @ wf.T + bf + h @ uf.T + c * cf)
        into = torch.sigmoid(x @ wi.T + bi + h @ ui.T + c * ci)
        c = forget * c + into * torch.tanh(x @ wc.T + bc + h @ uc.T)
        return torch.sigmoid(x @ wo.T + bo + h @ uo.T + c * co) * torch.tanh(c), c
    return scan(step, x, (zeros(), zeros()))


def gru_step(h, reset, update, content):
    return (1 - update) * content + update * h


def gru(x, w, b, u, wc, bc, uc, size=H):
    def step(x, h):
        reset, update = torch.sigmoid(x @ w.T + b + h @ u.T).chunk(2, 1)
        return (gru_step(h, reset, update, torch.tanh(x @ wc.T + bc + (reset * h) @ uc.T)),)
    return scan(step, x, (zeros(size),))


def seq_gru(x, w, b):
    def step(x, h):
        reset, update = torch.sigmoid(x @ w[:D, :2 * H] + b[:2 * H] + h @ w[D:, :2 * H]).chunk(2, 1)
        content = torch.tanh(x @ w[:D, 2 * H:] + b[2 * H:] + (reset * h) @ w[D:, 2 * H:])
        return (gru_step(h, reset, update, content),)
    return scan(step, x, (zeros(),))


def both_ways(x, *p):
    there, back = gru(x, *p[:6], size=2), gru(x.flip(0), *p[6:], size=2).flip(0)
    return torch.cat([there, back], 2)


def recurrent(x, start, w, b, u, ub):
    steps = [torch.sigmoid(x[0] @ w.T + b + start)]
    for t in range(1, T):
        steps.append(torch.sigmoid(x[t] @ w.T + b + steps[-1] @ u.T + ub))
    return torch.stack(steps)


def gate(size=H, inside=D):
    return [(size, inside), (size,), (size, size)]


GRU2 = [(4, D), (4,), (4, 2)] + gate(2)
CASES = {
    "fast_lstm": ("nn.Sequencer(nn.FastLSTM(3, 4))", fast_lstm, [(4 * H, D), (4 * H,), (4 * H, H)]),
    "lstm": ("nn.Sequencer(nn.LSTM(3, 4))", lstm, 2 * (gate() + [(H,)]) + gate() + gate() + [(H,)]),
    "gru": ("nn.Sequencer(nn.GRU(3, 4))", gru, [(2 * H, D), (2 * H,), (2 * H, H)] + gate()),
    "seq_lstm": ("nn.SeqLSTM(3, 4)", seq_lstm, [(D + H, 4 * H), (4 * H,)]),
    "seq_gru": ("nn.SeqGRU(3, 4)", seq_gru, [(D + H, 3 * H), (3 * H,)]),
    "both_ways": ("nn.BiSequencer(nn.GRU(3, 2))", both_ways, 2 * GRU2),
    "recurrent": ("nn.Sequencer(nn.Recurrent(4, nn.Linear(3, 4), nn.Linear(4, 4), nn.Sigmoid()))", recurrent,
                  [(H,), (H, D), (H,), (H, H), (H,)]),
}

for name, (text, function, shapes) in CASES.items():
    x, parameters = rand(T, N, D), [rand(*shape) for shape in shapes]
    y = function(x, *parameters)
    dy = rand(*y.shape)
    y.backward(dy)
    tensors = {"in.0": x, "out.0": y, "dout.0": dy, "din.0": x.grad}
    for i, p in enumerate(parameters):
        tensors[f"param.{i}"], tensors[f"dparam.{i}"] = p, p.grad
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "def.lua"), "w") as file:
        file.write(f"require 'rnn'\nreturn {text}\n")
    tensors = {key: value.detach().float().contiguous() for key, value in tensors.items()}
    save_file(tensors, os.path.join(folder, "data.safetensors"))
