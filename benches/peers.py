"""cortado beside PyTorch, ONNX Runtime and OpenCV in one run: one table of milliseconds and ratios.

    python -m venv peers && peers/bin/pip install torch numpy onnx onnxruntime "opencv-python-headless<5"
    cargo bench --bench nets --no-run
    peers/bin/python benches/peers.py [--rows resnet50] [--threads 2] [--rounds 5] [--seconds 1] [--output table.md]

Every row is one net, one batch size and one kind of work. The candidates take turns, window by window, so that a machine
whose speed drifts is unfair to none. A candidate has three figures: the median over windows of the median step, the best step, and
the processor time of a step, summed over its threads. On a machine that others use only the last means much, and with one
thread it is what a step would take alone; with several, threads that wait actively count as well. Training is forward, backward and SGD with momentum and weight decay. For inference all candidates have
the same weights, and their outputs are compared before anything is timed. The rate is that of cortado's median, counting the FLOPs that
PyTorch counts in products and convolutions, beside the best product of two matrices of 2048 x 2048 that PyTorch or NumPy makes in the same run.
Caffe's figure is a recorded one, of Caffe 1.0 with OpenBLAS beside PyTorch's eager mode on a machine of this kind.
"""

import argparse
import glob
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

# net, work, batch, goal: how many times faster than the fastest peer. Other rows can be asked for by name.
ROWS = [
    ("siamese", "train", 64, 2.0),
    ("siamese", "train", 8, 2.0),
    ("siamese", "train", 256, 2.0),
    ("lenet", "train", 64, 2.0),
    ("alexnet", "train", 16, 1.3),
    ("resnet50", "train", 8, 1.3),
    ("lenet", "infer", 1, 1.0),
    ("lenet", "infer", 8, 1.0),
    ("alexnet", "infer", 1, 1.0),
    ("alexnet", "infer", 8, 1.0),
    ("googlenet", "infer", 1, 1.0),
    ("googlenet", "infer", 8, 1.0),
    ("resnet50", "infer", 1, 1.0),
    ("resnet50", "infer", 8, 1.0),
]

# How many times faster Caffe 1.0 (OpenBLAS, two threads, forward and backward without the update) once was than PyTorch's eager mode
CAFFE = {"siamese train b64": 40.3 / 38.6, "lenet train b64": 23.1 / 23.0, "alexnet train b16": 1006 / 856}


class Cortado:
    """The `nets` bench as a server: a line with seconds in, a line with the milliseconds of every step out."""

    def __init__(self, binary, definition, work, shape, threads, weights=None):
        shape = ",".join(map(str, shape))
        command = [binary, "--serve", definition, work, shape, str(threads)] + ([weights] if weights else [])
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.ready = json.loads(self.process.stdout.readline())
        self.pid = self.process.pid

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def window(self, seconds):
        return self.ask(str(seconds))

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Function:
    """A Python function as a candidate."""

    def __init__(self, step):
        self.step, self.pid = step, os.getpid()
        for _ in range(2):
            step()

    def window(self, seconds):
        times, begin = [], time.perf_counter()
        while len(times) < 2 or time.perf_counter() - begin < seconds:
            start = time.perf_counter()
            self.step()
            times.append((time.perf_counter() - start) * 1e3)
        return times

    def close(self):
        pass


def processor_seconds(pid):
    """Seconds that the threads of a process have run so far."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/schedstat") as f:
                total += int(f.read().split()[0])
        except OSError:
            pass  # the thread has ended
    return total / 1e9


def rows(wanted):
    """The rows of the table that are wanted, and what else is, with level as its goal."""
    found = []
    for part in wanted.split(",") if wanted else [""]:
        known = [row for row in ROWS if "{} {} b{}".format(*row).startswith(part)]
        if not known:
            net, work, batch = part.split()
            known = [(net, work, int(batch.removeprefix("b")), 1.0)]
        found += known
    return found


def find_binary():
    found = [f for f in glob.glob(os.path.join(HERE, "../target/release/deps/nets-*")) if not f.endswith(".d")]
    if not found:
        sys.exit("no bench `nets` was built: cargo bench --bench nets --no-run")
    return max(found, key=os.path.getmtime)


def candidates(args, binary, folder, net, work, batch):
    import peer_nets
    import peer_torch

    description = peer_nets.NETS[net](batch)
    found = {}
    definition = os.path.join(folder, net + ".prototxt")
    with open(definition, "w") as f:
        f.write(peer_nets.prototxt(description, work == "train"))
    if work == "train":
        found["cortado"] = Cortado(binary, definition, work, description.shape, args.threads)
        for name, make in peer_torch.training(description, args.compile).items():
            add(found, name, lambda make=make: Function(make()))
        return found
    parameters = peer_nets.parameters(description)
    weights = os.path.join(folder, net + ".caffemodel")
    with open(weights, "wb") as f:
        f.write(peer_nets.caffemodel(description, parameters))
    found["cortado"] = Cortado(binary, definition, work, description.shape, args.threads, weights)
    data = peer_torch.data(description)
    want = peer_torch.reference(description, parameters, data)
    compare("cortado", found["cortado"].ask("output"), want)
    for name, make in peer_torch.inference(description, parameters, data, args.compile).items():
        add(found, name, lambda make=make: Function(make()))
    onnx = os.path.join(folder, net + ".onnx")

    def runtime():
        step = peer_torch.onnx_runtime(description, parameters, data, onnx, args.threads)
        compare("ONNX Runtime", step().reshape(-1).tolist(), want)
        return Function(step)

    def opencv():
        step = peer_torch.opencv(definition, weights, data, args.threads)
        compare("OpenCV", step().reshape(-1).tolist(), want)
        return Function(step)

    add(found, "ONNX Runtime", runtime)
    add(found, "OpenCV", opencv)
    return found


def add(found, name, make):
    try:
        found[name] = make()
    except Exception as error:  # a peer that cannot do a net is left out of its row, and said to be
        print(f"  {name} is left out: {str(error)[:200]}", file=sys.stderr)


def compare(name, got, want):
    scale = max(abs(x) for x in want)
    worst = max(abs(a - b) for a, b in zip(got, want, strict=True))
    if not worst <= 1e-3 * scale:
        sys.exit(f"{name} computes something else: {worst} of {scale}")


def measure(found, args):
    windows = {name: [] for name in found}
    for _ in range(args.rounds):
        for name, candidate in found.items():
            time.sleep(0.05)  # threads of the one before may still wait actively for work
            begin = processor_seconds(candidate.pid)
            times = candidate.window(args.seconds)
            windows[name].append((times, (processor_seconds(candidate.pid) - begin) * 1e3 / len(times)))
    result = {}
    for name, all_windows in windows.items():
        medians = [statistics.median(times) for times, _ in all_windows]
        best = min(min(times) for times, _ in all_windows)
        result[name] = (statistics.median(medians), best, min(cpu for _, cpu in all_windows))
    return result


def product_rate():
    """GFLOP/s of the fastest product of two square matrices that the peers can make."""
    import numpy
    import torch

    side, best = 2048, float("inf")
    a, b = torch.randn(side, side), torch.randn(side, side)
    out, x, y, z = torch.empty(side, side), a.numpy(), b.numpy(), numpy.empty((side, side), "float32")
    for step in (lambda: torch.mm(a, b, out=out), lambda: numpy.matmul(x, y, out=z)):
        best = min(best, min(Function(step).window(1.0)))
    return 2 * side**3 / best / 1e6


def line(net, work, batch, goal, times, flops, by_processor):
    """One row of the table, from the figures of the candidates; the goal is judged by processor time or by medians."""
    own = times["cortado"]
    peers = {name: t for name, t in times.items() if name != "cortado"}
    figure = 2 if by_processor else 0

    def ratio(name):
        return " / ".join(f"{a / b:.2f}" for a, b in zip(peers[name], own)) if name in peers else ""

    def milliseconds(name):
        return " / ".join(f"{t:.2f}" for t in times[name]) if name in times else ""

    best = {name: t for name, t in peers.items() if name not in ("ONNX Runtime", "OpenCV")}
    torch = min(best, key=lambda name: best[name][figure]) if best else ""
    met = "met" if goal <= min(t[figure] for t in peers.values()) / own[figure] else "missed"
    name = f"{net} {work} b{batch}"
    caffe = f"{CAFFE[name]:.2f}" if name in CAFFE else ""
    cells = [name, milliseconds("cortado"), f"{flops / own[0] / 1e6:.0f}", milliseconds("eager"), f"{torch}: {milliseconds(torch)}",
             milliseconds("ONNX Runtime"), milliseconds("OpenCV"), ratio("eager"), ratio(torch), ratio("ONNX Runtime"), ratio("OpenCV"),
             caffe, f"{goal:.1f}", met]
    return "| " + " | ".join(cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="", help="names such as `vgg16 train b4`, or beginnings of those of the table, separated by commas")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--binary", default=None, help="the bench `nets`; the newest in target/ if not given")
    parser.add_argument("--compile", action="store_true", help="try torch.compile as well, which needs a C++ compiler")
    parser.add_argument("--by-processor", action="store_true", help="judge goals by processor time, where others use the machine")
    parser.add_argument("--output", default=None, help="a file that the table is also appended to")
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(args.threads)
    os.environ["OPENBLAS_NUM_THREADS"] = str(args.threads)
    import torch

    import peer_nets
    import peer_torch

    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    binary = args.binary or find_binary()
    titles = ["work", "cortado ms", "cortado GFLOP/s", "eager ms", "PyTorch's best", "ONNX Runtime ms", "OpenCV ms", "eager : cortado",
              "best : cortado", "ONNX Runtime : cortado", "OpenCV : cortado", "eager : Caffe, recorded", "goal", ""]
    head = [f"{args.threads} thread(s), PyTorch {torch.__version__}; milliseconds and ratios are of the median / best / processor time; "
            f"a product of 2048 x 2048 runs at {product_rate():.0f} GFLOP/s", "",
            "| " + " | ".join(titles) + " |", "|" + " --- |" * len(titles)]
    lines = []

    def show(text):
        print(text, flush=True)
        lines.append(text)
        if args.output:
            with open(args.output, "a") as f:
                f.write(text + "\n")

    for text in head:
        show(text)
    with tempfile.TemporaryDirectory() as folder:
        for net, work, batch, goal in rows(args.rows):
            found = candidates(args, binary, folder, net, work, batch)
            flops = peer_torch.flops(peer_nets.NETS[net](batch), work)
            show(line(net, work, batch, goal, measure(found, args), flops, args.by_processor))
            for candidate in found.values():
                candidate.close()


if __name__ == "__main__":
    main()
