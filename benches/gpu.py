"""Training steps a second on cuda:0: cortado beside PyTorch (eager, compiled, and as CUDA graphs), one table, one run.

    cargo build --release --features cuda
    pip install torch nvidia-curand
    python3 benches/gpu.py [--cortado target/release/cortado] [--nets siamese-64,siamese-1024,alexnet-128,resnet50-64]

Both sides train the nets of peer_nets.py in float32 without TF32 on data that do not change, by SGD with momentum 0.9.
cortado's time is that of its own log, from the first displayed step to the last; its memory is what its plan takes of the GPU,
as it prints it. PyTorch's time is measured between two synchronisations, its memory is its allocator's peak; it runs every way
of peer_torch.py, each also captured as a graph. cortado finds CUDA's libraries among PyTorch's, which has no cuRAND of its own. What is not there is reported as missing. The last lines are ratios: to the
quickest way without graphs and compiler, and to the quickest of all. cortado is measured twice: as it is, and with all convolutions by cuDNN
(CORTADO_CUDNN=always). `--device cpu` tries the script where no GPU is.
"""

import argparse
import array
import importlib.util
import json
import math
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import time

import peer_nets

ROOT = pathlib.Path(__file__).resolve().parent.parent


def save_tensors(path, tensors):
    """Writes numbers by name, with their shapes, as safetensors."""
    header, end = {}, 0
    for name, (shape, numbers) in tensors.items():
        start, end = end, end + 4 * len(numbers)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, numbers in tensors.values():
            numbers.tofile(file)


def with_libraries(settings):
    """The environment with some settings, and with the folders of the CUDA libraries that Python's packages bring."""
    torch = importlib.util.find_spec("torch")
    packages = pathlib.Path(torch.origin).parent.parent if torch else pathlib.Path(sys.prefix)
    folders = [*map(str, packages.glob("nvidia/*/lib")), os.environ.get("LD_LIBRARY_PATH")]
    return {**os.environ, **settings, "LD_LIBRARY_PATH": ":".join(filter(None, folders))}


def cortado(binary, net, seconds, device, settings):
    """Steps a second and MiB of a training run."""
    batch, numbers = net.shape[0], random.Random(1)
    data, label = ("raw", "sim") if net.name == "siamese" else ("data", "label")
    # Random pixels, the same for every image of 64.
    pixels = array.array("f", (numbers.random() for _ in range(math.prod(net.shape[1:]) * 64)))
    tensors = {
        data: ([1, *net.shape], (pixels * -(-batch // 64))[: math.prod(net.shape)]),
        label: ([1, batch], array.array("f", (numbers.randrange(2) for _ in range(batch)))),
    }
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        save_tensors(folder / "batches.safetensors", tensors)
        (folder / "net.prototxt").write_text(peer_nets.prototxt(net, True))

        def run(steps):
            display = max(1, steps // 4)
            solver = {"type": "SGD", "base_lr": 1e-6, "momentum": 0.9, "weight_decay": 0.0005, "lr_policy": "fixed", "display": display}
            run = {
                "network": "net.prototxt",
                "dataset": {"train": {"tensors": "batches.safetensors"}},
                "train": {"iterations": steps + 1, "batch_size": batch, "solver": solver},
                "output": str(folder / f"run{steps}"),
            }
            (folder / "run.yaml").write_text(json.dumps(run))
            command = [binary, "train", str(folder / "run.yaml"), "--device", device]
            done = subprocess.run(command, capture_output=True, text=True, env=with_libraries(settings))
            if done.returncode != 0:
                raise RuntimeError(done.stderr.strip())
            log = (folder / f"run{steps}" / "log.jsonl").read_text().splitlines()
            events = [e for e in map(json.loads, log) if e["event"] == "train" and e["iteration"] % display == 0]
            first, last = events[1], events[-1]
            # Of the GPU; on the processor, of a step.
            lines = [line for line in done.stdout.splitlines() if "MiB" in line and not line.startswith("memory: ")]
            words = lines[-1].split() if lines else []
            unit = next((word for word in ("MiB,", "MiB", "GiB,", "GiB") if word in words), None)
            memory = float(words[words.index(unit) - 1]) * (1024 if unit[0] == "G" else 1) if unit else None
            return (last["iteration"] - first["iteration"]) / (last["seconds"] - first["seconds"]), memory

        rate, _ = run(40)
        return run(max(40, int(rate * seconds / 3 * 4)))


def pytorch(step, seconds, captured, device):
    """Steps a second and MiB of a step of PyTorch."""
    import torch

    if device == "cpu":
        run = step
        synchronise = lambda: None
    else:
        synchronise = torch.cuda.synchronize
        torch.cuda.reset_peak_memory_stats()
        other = torch.cuda.Stream()
        other.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(other):
            for _ in range(11):
                step()
        torch.cuda.current_stream().wait_stream(other)
        run = step
        if captured:
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                step()
            run = graph.replay

    def window(steps):
        synchronise()
        start = time.perf_counter()
        for _ in range(steps):
            run()
        synchronise()
        return steps / (time.perf_counter() - start)

    rate = window(max(10, int(window(10) * seconds)))
    return rate, None if device == "cpu" else torch.cuda.max_memory_allocated() / 2**20


def rows(net, options):
    """Names, and what measures them."""
    where = options.device.split(":")[0]
    ways = {"cortado": {}, "cortado, all convolutions by cuDNN": {"CORTADO_CUDNN": "always"}}
    for name, settings in list(ways.items())[: 2 if where == "cuda" else 1]:
        yield name, False, lambda settings=settings: cortado(options.cortado, net, options.seconds, options.device, settings)
    try:
        import torch

        import peer_torch

        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = True
        steps = peer_torch.training(net, options.compile, where)
    except (ImportError, RuntimeError) as why:
        print(f"PyTorch is missing: {why}", file=sys.stderr)
        return
    for name, make in steps.items():
        yield f"PyTorch {name}", name == "compiled", lambda make=make: pytorch(make(), options.seconds, False, where)
        if where == "cuda" and name != "compiled":
            yield f"PyTorch {name}, graph", True, lambda make=make: pytorch(make(), options.seconds, True, where)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cortado", default=str(ROOT / "target/release/cortado"))
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--seconds", type=float, default=5, help="how long each way is measured")
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True, help="whether torch.compile takes part")
    parser.add_argument("--nets", default="siamese-64,siamese-1024,alexnet-128,resnet50-64")
    options = parser.parse_args()
    print("| net | batch | program | samples/s | MiB |")
    print("| --- | --- | --- | --- | --- |")
    for name in options.nets.split(","):
        kind, batch = name.rsplit("-", 1)
        net = peer_nets.NETS[kind](int(batch))
        plain, all_ways, own = 0.0, 0.0, 0.0
        for program, advanced, measure in rows(net, options):
            try:
                rate, memory = measure()
                shown = f"{rate * int(batch):,.0f}"
            except Exception as why:  # a missing module or an unsupported way is a row of the table
                rate, memory, shown = 0.0, None, f"missing: {type(why).__name__}: {why}"
            if program == "cortado":
                own = rate
            elif program.startswith("PyTorch"):
                plain, all_ways = (plain if advanced else max(plain, rate)), max(all_ways, rate)
            print(f"| {kind} | {batch} | {program} | {shown} | {'' if memory is None else f'{memory:,.0f}'} |", flush=True)
            if "torch" in sys.modules and options.device != "cpu":
                sys.modules["torch"].cuda.empty_cache()
        if own and all_ways:
            print(f"| {kind} | {batch} | **ratio** to PyTorch eager / to its best | {own / plain:.2f} / {own / all_ways:.2f} | |", flush=True)


if __name__ == "__main__":
    main()
