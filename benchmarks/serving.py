"""What sharing batches is worth: the digits CNN behind HTTP, with and without it, asked for single samples.

`python benchmarks/serving.py [--requests 10000] [--clients 64] [--model digits] [--body JSON bytes] [--delay 0.002]`

The models: `digits` is the CNN of the quickstart, for pictures of 8x8; `cnn` that of the benchmarks, for 28x28; `lstm`
reads 80 words; `wide` has 8.5 million weights in dense layers.

The server and the clients are two processes. Each client sends a request when it has the answer to its last one. Then
half of the rate that was reached is sent at even times, and the time to each answer is measured from when its request
was due. Each answer is compared with the model's: none may be lost or mixed up.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

SAMPLES = 256


class Told(NamedTuple):
    """What the clients have seen."""

    rate: float
    median: float
    slowest: float  # of 99 percent
    wrong: int


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--requests", type=int, default=10_000)
    arguments.add_argument("--clients", type=int, default=64)
    arguments.add_argument("--model", choices=sorted(MODELS), default="digits")
    arguments.add_argument("--body", nargs="+", choices=("JSON", "bytes"), default=["JSON", "bytes"])
    arguments.add_argument("--delay", type=float, default=0.0, help="seconds for which a batch waits to be filled")
    arguments.add_argument("--child", type=int, metavar="BATCH", help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.child:
        serve(options.model, options.child, options.delay)
        return
    print(
        "| model | batch | body | requests/s | server's CPU ms a request | median ms | p99 ms "
        "| at half the rate: median ms | p99 ms | wrong | server MB |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for kind in options.body:
        for batch in (1, 64):
            row(options.model, batch, kind, options.requests, options.clients, options.delay if batch > 1 else 0.0)


def row(model: str, batch: int, kind: str, requests: int, clients: int, delay: float) -> None:
    """Measure one server and print its line."""
    command = [sys.executable, __file__, "--model", model, "--child", str(batch), "--delay", str(delay)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin and child.stdout
    try:
        port = int(child.stdout.readline())
        bodies, answers = samples(model, kind, json.loads(child.stdout.readline()))
        run(closed_loop(port, bodies, answers, clients, requests // 10))  # the connections are warm
        first, before = memory(child.pid), cpu(child.pid)
        full = run(closed_loop(port, bodies, answers, clients, requests))
        each = (cpu(child.pid) - before) / requests * 1e3
        half = run(open_loop(port, bodies, answers, full.rate / 2, requests // 2))
        last = memory(child.pid)
        print(
            f"| {model} | {batch} | {kind} | {full.rate:,.0f} | {each:.2f} | {full.median:.1f} | {full.slowest:.1f} "
            f"| {half.median:.1f} | {half.slowest:.1f} | {full.wrong + half.wrong} | {first} to {last} |",
            flush=True,
        )
    finally:
        child.stdin.close()
        child.wait(30)


def digits(keras: Any) -> Any:
    """The CNN of the quickstart."""
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )


def wide(keras: Any) -> Any:
    """A network of wide layers: what it costs is to read its weights, once a batch."""
    layers = keras.layers
    hidden = [layers.Dense(2048, activation="relu") for _ in range(3)]
    return keras.Sequential([layers.Input((64,)), *hidden, layers.Dense(10, activation="softmax")])


def cnn(keras: Any) -> Any:
    from benchmarks import workloads

    return workloads.cnn(keras)


def lstm(keras: Any) -> Any:
    from benchmarks import workloads

    return workloads.lstm(keras)


MODELS: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
    "digits": (digits, (8, 8, 1)),
    "wide": (wide, (64,)),
    "cnn": (cnn, (28, 28, 1)),
    "lstm": (lstm, (80,)),
}


def serve(name: str, batch: int, delay: float) -> None:
    """Serve a model until the input ends."""
    import kernelkit

    kernelkit.utils.set_random_seed(0)
    model = MODELS[name][0](kernelkit)
    outputs = np.asarray(model(rows(name)))
    with model.serve(port=0, name="model", batch=batch, delay=delay) as server:
        print(server.port, flush=True)
        print(json.dumps([server.runners["model"].inputs[0].name, outputs.tolist()]), flush=True)
        sys.stdin.read()


def rows(name: str) -> np.ndarray:
    """Return samples: whole numbers of 255 as in a file of digits, or words."""
    rng = np.random.default_rng(0)
    shape = (SAMPLES, *MODELS[name][1])
    drawn = rng.integers(0, 256, shape)
    return (
        drawn.astype("int32")
        if name == "lstm"
        else (drawn * (rng.random(shape) < 0.2) / 255).round(3).astype("float32")
    )


def samples(model: str, kind: str, told: list) -> tuple[list[bytes], np.ndarray]:
    """Return the request for each sample, and the answers."""
    name, outputs = told
    bodies = []
    for sample in rows(model):
        if kind == "JSON":
            values = sample.astype(float).round(3) if sample.dtype.kind == "f" else sample
            text = json.dumps({"instances": [values.tolist()]}, separators=(",", ":")).encode()
            path, extra, data = "/v1/models/model:predict", "", text
        else:
            datatype = "FP32" if sample.dtype.kind == "f" else "INT32"
            entry = {"name": name, "shape": [1, *sample.shape], "datatype": datatype}
            text = json.dumps({"inputs": [entry | {"parameters": {"binary_data_size": sample.nbytes}}]}).encode()
            path, extra = "/v2/models/model/infer", f"Inference-Header-Content-Length: {len(text)}\r\n"
            data = text + sample.tobytes()
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\n{extra}Content-Length: {len(data)}\r\n\r\n"
        bodies.append(head.encode() + data)
    return bodies, np.array(outputs)


class Connection(asyncio.Protocol):
    """One connection to the server.

    It costs little, since clients and server share the cores: answers are read after the clock has stopped.
    """

    @classmethod
    async def open(cls, port: int) -> Connection:
        made = cls()
        await asyncio.get_running_loop().create_connection(lambda: made, "127.0.0.1", port)
        return made

    def connection_made(self, transport: Any) -> None:
        self.transport, self.data, self.answered = transport, b"", None

    def data_received(self, data: bytes) -> None:
        self.data += data
        start = self.data.find(b"\r\n\r\n") + 4
        if start < 4:
            return
        at = self.data.lower().index(b"content-length:") + 15
        if len(self.data) >= start + int(self.data[at : self.data.index(b"\r", at)]):
            whole, self.data = self.data, b""
            self.answered(whole)

    def connection_lost(self, error: Exception | None) -> None:
        if self.answered is not None and self.data is not None:
            self.answered(b"lost")

    def ask(self, request: bytes, answered: Callable[[bytes], None]) -> None:
        """Send a request; ``answered`` receives the answer."""
        self.answered = answered
        self.transport.write(request)

    def close(self) -> None:
        self.answered = None
        self.transport.close()


def is_right(answer: bytes, want: np.ndarray) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    if b" 200 " not in head[:20]:
        return False
    made = json.loads(body)
    numbers = made["predictions"][0] if "predictions" in made else made["outputs"][0]["data"]
    return max(abs(a - b) for a, b in zip(numbers, want, strict=True)) < 1e-4


async def closed_loop(port: int, bodies: list[bytes], answers: np.ndarray, clients: int, requests: int) -> Told:
    """Let each of the clients ask again as soon as it is answered."""
    connections = [await Connection.open(port) for _ in range(clients)]
    numbers = iter(range(requests))
    seconds = [0.0] * requests
    raw = [b""] * requests
    left = requests
    done = asyncio.get_running_loop().create_future()

    def ask(connection: Connection) -> None:
        number = next(numbers, None)
        if number is None:
            return
        before = time.perf_counter()

        def answered(answer: bytes) -> None:
            nonlocal left
            seconds[number], raw[number] = time.perf_counter() - before, answer
            left -= 1
            if not left:
                done.set_result(None)
            ask(connection)

        connection.ask(bodies[number % SAMPLES], answered)

    started = time.perf_counter()
    for connection in connections:
        ask(connection)
    await done
    rate = requests / (time.perf_counter() - started)
    for connection in connections:
        connection.close()
    return told(seconds, rate, wrong(raw, answers))


async def open_loop(port: int, bodies: list[bytes], answers: np.ndarray, rate: float, requests: int) -> Told:
    """Send requests at even times, whether or not the earlier ones are answered."""
    free = [await Connection.open(port) for _ in range(64)]
    seconds = [0.0] * requests
    raw = [b""] * requests
    left = requests
    done = asyncio.get_running_loop().create_future()

    def send(number: int, due: float, connection: Connection) -> None:
        def answered(answer: bytes) -> None:
            nonlocal left
            seconds[number], raw[number] = time.perf_counter() - due, answer
            free.append(connection)
            left -= 1
            if not left:
                done.set_result(None)

        connection.ask(bodies[number % SAMPLES], answered)

    started = time.perf_counter()
    for number in range(requests):
        due = started + number / rate
        if (rest := due - time.perf_counter()) > 0:
            await asyncio.sleep(rest)
        send(number, due, free.pop() if free else await Connection.open(port))
    await done
    for connection in free:
        connection.close()
    return told(seconds, rate, wrong(raw, answers))


def wrong(raw: list[bytes], answers: np.ndarray) -> int:
    """Count the answers that are lost, refused or another sample's."""
    return sum(not is_right(answer, answers[number % SAMPLES]) for number, answer in enumerate(raw))


def run(work: Any) -> Told:
    """Run clients, in the event loop of uvloop where it is installed, as the server does."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(work)
    return uvloop.run(work)


def told(seconds: list[float], rate: float, wrong: int) -> Told:
    median, slowest = np.percentile(np.array(seconds) * 1e3, [50, 99])
    return Told(rate, float(median), float(slowest), wrong)


def cpu(pid: int) -> float:
    """Return the seconds that a process has computed."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> int:
    """Return the megabytes that a process holds."""
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 2**20


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    main()
