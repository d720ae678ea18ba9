"""Training steps a second on cuda:0: cortado beside PyTorch (eager, compiled, and with CUDA graphs), one table, one run.

    cargo build --release --features cuda
    python3 benches/gpu.py [--cortado target/release/cortado] [--steps 200] [--nets siamese-64,siamese-1024,alexnet-128,resnet50-64]

Both sides train in float32 without TF32 on random data that do not change, by SGD with momentum 0.9. cortado's time is that
of its own log, from the first displayed step to the last; its memory is what its plan allocates, as it prints it. PyTorch's
time is measured between two synchronisations, its memory is its allocator's peak. What is not there is reported as missing.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
NETS = {"siamese": (2, 28), "alexnet": (3, 227), "resnet50": (3, 224)}


def cortado(binary, net, batch, steps):
    """Samples a second and MiB of one training run."""
    import numpy
    from safetensors.numpy import save_file

    channels, side = NETS[net]
    random = numpy.random.default_rng(1)
    data = random.random((1, batch, channels, side, side), dtype=numpy.float32)
    classes = 2 if net == "siamese" else 1000
    label = random.integers(0, classes, (1, batch)).astype(numpy.float32)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        save_file({"data": data, "label": label}, folder / "batches.safetensors")
        display = max(1, steps // 4)
        run = {
            "network": str(ROOT / "networks" / net / "caffe.prototxt"),
            "dataset": {"train": {"tensors": "batches.safetensors"}},
            "train": {
                "iterations": steps + 1,
                "batch_size": batch,
                "solver": {"type": "SGD", "base_lr": 1e-6, "momentum": 0.9, "lr_policy": "fixed", "display": display},
            },
            "output": str(folder / "run"),
        }
        (folder / "run.yaml").write_text(json.dumps(run))
        command = [binary, "train", str(folder / "run.yaml"), "--device", "cuda:0"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            return f"failed: {done.stderr.strip().splitlines()[-1:]}", None
        log = (folder / "run" / "log.jsonl").read_text().splitlines()
        events = [e for e in map(json.loads, log) if e["event"] == "train" and e["iteration"] % display == 0]
        first, last = events[1], events[-1]
        rate = batch * (last["iteration"] - first["iteration"]) / (last["seconds"] - first["seconds"])
        words = next((line for line in done.stdout.splitlines() if "MiB" in line), "").split()
        memory = float(words[words.index("MiB") - 1]) if "MiB" in words else None
        return rate, memory


def siamese(torch):
    nn = torch.nn

    class Siamese(nn.Module):
        def __init__(self):
            super().__init__()
            self.tower = nn.Sequential(
                nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2),
                nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10), nn.Linear(10, 2),
            )

        def forward(self, x, y):
            a, b = self.tower(x[:, :1] * 0.0125), self.tower(x[:, 1:] * 0.0125)
            squared = ((a - b) ** 2).sum(1)
            apart = torch.clamp(1 - torch.sqrt(squared + 1e-12), min=0) ** 2
            return (torch.where(y == 1, squared, apart)).mean() / 2

    return Siamese()


def classifier(torch, net):
    import torchvision

    class Classifier(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = getattr(torchvision.models, net)()

        def forward(self, x, y):
            return torch.nn.functional.cross_entropy(self.net(x), y)

    return Classifier()


def pytorch(net, batch, steps, way):
    """Samples a second and MiB of the same step in PyTorch."""
    import torch

    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    torch.cuda.reset_peak_memory_stats()
    channels, side = NETS[net]
    model = (siamese(torch) if net == "siamese" else classifier(torch, net)).cuda()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6, momentum=0.9, foreach=True)
    x = torch.rand(batch, channels, side, side, device="cuda")
    y = torch.randint(0, 2 if net == "siamese" else 1000, (batch,), device="cuda")
    forward = torch.compile(model) if way == "compiled" else model

    def step():
        optimizer.zero_grad(set_to_none=way != "graphs")
        forward(x, y).backward()
        optimizer.step()

    run = step
    side_stream = torch.cuda.Stream()
    with torch.cuda.stream(side_stream):
        for _ in range(11):
            step()
    torch.cuda.current_stream().wait_stream(side_stream)
    if way == "graphs":
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            step()
        run = graph.replay
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(steps):
        run()
    torch.cuda.synchronize()
    return batch * steps / (time.perf_counter() - start), torch.cuda.max_memory_allocated() / 2**20


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cortado", default=str(ROOT / "target/release/cortado"))
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--nets", default="siamese-64,siamese-1024,alexnet-128,resnet50-64")
    options = parser.parse_args()
    print("| net | batch | program | samples/s | MiB |")
    print("| --- | --- | --- | --- | --- |")
    for name in options.nets.split(","):
        net, batch = name.rsplit("-", 1)
        ways = [("cortado", lambda: cortado(options.cortado, net, int(batch), options.steps))]
        for way in ("eager", "compiled", "graphs"):
            ways.append((f"PyTorch {way}", lambda way=way: pytorch(net, int(batch), options.steps, way)))
        for program, measure in ways:
            try:
                rate, memory = measure()
            except Exception as why:  # a missing module or an unsupported way is a row of the table
                rate, memory = f"missing: {type(why).__name__}: {why}", None
            rate = f"{rate:,.0f}" if isinstance(rate, float) else rate
            print(f"| {net} | {batch} | {program} | {rate} | {'' if memory is None else f'{memory:,.0f}'} |", flush=True)


if __name__ == "__main__":
    main()
