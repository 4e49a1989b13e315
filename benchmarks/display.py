"""What the live panel costs: training time, messages, bytes, memory. In a real kernel, with a client that counts.

    python benchmarks/display.py [--rounds N]

The bars: 1 ms of the training thread for an update, 64 KB a message, 20 messages a second, 3 % of the training's time,
64 MB of memory for a million steps. Where other programs work too, two trainings differ by more than the panel takes:
the share is counted in the time of both threads, the one that trains and the panel's own, and what the clock says is
printed beside it. Exits with 1 if one of the bars is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

from jupyter_client.manager import start_new_kernel

MEGA = 1 << 20

SETUP = """
import json, statistics, time, tracemalloc
import numpy as np, kernelkit as kk
from kernelkit.training.display import Block, Run
from kernelkit.training.history import History
from kernelkit.viz.curves import LivePanel

class Timed(LivePanel):
    # Adds up what the training thread spends between two messages, and what the panel's own thread does.
    def __init__(self):
        super().__init__()
        self.wall, self.cpu, self.own, self.all, self.seen = [], [], [], 0.0, 1
        self.spent = [0.0, 0.0]
    def timed(self, method, *arguments):
        wall, cpu = time.perf_counter(), time.thread_time()
        method(*arguments)
        self.spent[0] += time.perf_counter() - wall
        self.spent[1] += (cpu := time.thread_time() - cpu)
        self.all += cpu
        if self._sequence > self.seen:
            self.seen = self._sequence
            self.wall.append(self.spent[0])
            self.cpu.append(self.spent[1])
            self.spent = [0.0, 0.0]
    def steps(self, block):
        self.timed(super().steps, block)
    def epoch_begin(self, epoch):
        self.timed(super().epoch_begin, epoch)
    def epoch_end(self, epoch, logs):
        self.timed(super().epoch_end, epoch, logs)
    def tick(self):
        sent, cpu = self._sequence, time.thread_time()
        super().tick()
        cpu = time.thread_time() - cpu
        self.all += cpu
        if self._sequence > sent:
            self.own.append(cpu)
    def begin(self, run):
        start = time.perf_counter()
        super().begin(run)
        self.opening = time.perf_counter() - start
    def end(self, *outcome):
        start = time.perf_counter()
        super().end(*outcome)
        self.closing = time.perf_counter() - start

def tell(**numbers):
    print(json.dumps(numbers))
"""

FIT = """
rng = np.random.default_rng(0)
x, y = rng.random((25_600, 256), dtype=np.float32), rng.integers(0, 10, 25_600)
model = kk.Sequential([kk.Input((256,)), kk.layers.Dense(256, "relu"), kk.layers.Dense(10, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
def fit(verbose):
    start = time.perf_counter()
    model.fit(x, y, batch_size=64, epochs=20, verbose=verbose)
    once = verbose.opening + verbose.closing if verbose else 0
    return time.perf_counter() - start - once, once
fit(0)
fit(Timed())
without, with_ = [], []
for _ in range(ROUNDS):
    without.append(fit(0)[0])
    with_.append(fit(panel := Timed()))
tell(without=statistics.median(without), with_panel=statistics.median(w for w, _ in with_),
     share=panel.all / with_[-1][0], once=min(c for _, c in with_), wall=panel.wall, cpu=panel.cpu, own=panel.own)
"""

LONG = """
history, panel = History(), Timed()
model = kk.Sequential([kk.Input((1,)), kk.layers.Dense(1)])
panel.begin(Run(model, "long", 1, 0, 1_000_000, 32, history))
rng, costs = np.random.default_rng(0), {}
tracemalloc.start()
for first in range(0, 1_000_000, 500):
    logs = {f"metric_{i}": rng.random(500, dtype=np.float32) for i in range(4)}
    block = Block(first, 500, 0, first, logs)
    history.record(block)
    panel.steps(block)
    panel._collect()
    if first in (0, 10_000, 100_000, 999_500):
        panel._show()
        tracemalloc.stop()
        for full in (False, True):
            cpu = []
            for i in range(20):
                panel.steps(Block(first + 500 + i, 1, 0, first + 500 + i, {k: v[:1] for k, v in logs.items()}))
                start = time.thread_time()
                with panel._lock:
                    panel._collect()
                    panel._send(full)
                cpu.append(time.thread_time() - start)
            costs[f"{first + 500} {'all' if full else 'new'}"] = statistics.median(cpu)
        tracemalloc.start()
panel.end("done")
single = History()
tracemalloc.stop()
tracemalloc.start()
row = {f"metric_{i}": np.ones(1, np.float32) for i in range(4)}
for first in range(1_000_000):
    single.record(Block(first, 1, 0, first, row))
memory = tracemalloc.get_traced_memory()[1]
tracemalloc.stop()
assert len(single.batches["metric_0"]) == 1_000_000
tell(costs=costs, memory_history=memory, memory_panel=panel.store.nbytes)
"""


def main() -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="trainings with and without the panel, in turn")
    rounds = parser.parse_args().rounds
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        execute(client, SETUP)
        fit, updates = execute(client, FIT.replace("ROUNDS", str(rounds)))
        long, _ = execute(client, LONG)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    return report(fit, long, updates)


def execute(client: Any, code: str) -> tuple[dict, list[tuple[float, int]]]:
    """Run a cell; return what it told, and the time and the bytes of each of the panel's messages."""
    client.execute(code)
    told, updates = "{}", []
    while True:
        message = client.get_iopub_msg(timeout=600)
        content = message["content"]
        if message["msg_type"] == "stream":
            told = content["text"] if content["text"].startswith("{") else told
        elif message["msg_type"] == "comm_msg":
            size = len(json.dumps(content)) + sum(map(len, message["buffers"]))
            updates.append((message["header"]["date"].timestamp(), size))
        elif message["msg_type"] == "error":
            raise RuntimeError("\n".join(content["traceback"]))
        elif message["msg_type"] == "status" and content["execution_state"] == "idle":
            return json.loads(told), updates


def report(fit: dict, long: dict, updates: list[tuple[float, int]]) -> int:
    """Print the table; return 1 if a bar is missed."""
    times = [when for when, _ in updates]
    busiest = max(sum(start <= other < start + 1 for other in times) for start in times)
    wall, cpu, own = sorted(fit["wall"]), sorted(fit["cpu"]), sorted(fit["own"])
    slower = fit["with_panel"] / fit["without"] - 1
    rows = [
        ("update, median", 1e3 * cpu[len(cpu) // 2], "ms", 1),
        ("update, slowest tenth", 1e3 * cpu[int(len(cpu) * 0.9)], "ms", 1),
        ("update, slowest, by the clock", 1e3 * wall[-1], "ms", None),
        ("update, median, on the panel's own thread", 1e3 * own[len(own) // 2], "ms", None),
        *(
            (f"its share after {key} steps' values".replace(" all", ", all"), 1e3 * v, "ms", None)
            for key, v in long["costs"].items()
        ),
        ("largest message", max(size for _, size in updates) / 1024, "KiB", 64),
        ("messages in the busiest second", busiest, "", 20),
        ("share of the time, of both threads", 100 * fit["share"], "%", 3),
        (f"fit of {fit['without']:.1f} s, by the clock", 100 * slower, "% slower", None),
        ("opening, and the last picture, once a fit", 1e3 * fit["once"], "ms", None),
        ("history of 1,000,000 single steps, peak", long["memory_history"] / MEGA, "MiB", 64),
        ("curves of 1,000,000 steps in the panel", long["memory_panel"] / MEGA, "MiB", 64),
    ]
    missed = 0
    for name, value, unit, bar in rows:
        verdict = "" if bar is None else "ok" if value <= bar else "MISSED"
        missed |= verdict == "MISSED"
        limit = "" if bar is None else f"<= {bar}"
        sys.stdout.write(f"{name:<44} {value:>9.2f} {unit:<9} {limit:>6}  {verdict}\n")
    sys.stdout.write(time.strftime("measured %Y-%m-%d\n"))
    return missed


if __name__ == "__main__":
    sys.exit(main())
