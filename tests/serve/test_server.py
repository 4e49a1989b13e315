"""A server on this machine, with good and broken clients."""

import concurrent.futures
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import jax
import numpy as np
import pytest

import kernelkit as kk
from kernelkit import layers as L
from kernelkit.serve import Limits, Runner, Server
from tests.export import zoo

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")


def ask(server, method, path, body=None, headers=None):
    """Return the status and the JSON, or text, of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    try:
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        connection.request(method, path, data, headers or {})
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if "json" in (answer.headers["content-type"] or "") else text
    finally:
        connection.close()


def wide_model():
    """Each output tells which input it belongs to."""
    inputs = kk.Input((3,), name="x")
    return kk.Model(inputs, L.Lambda(lambda x: x * 2.0, name="twice")(inputs), name="twice")


@pytest.fixture(scope="module")
def server():
    models = {"twice": wide_model(), "multi": zoo.build("multi_io"), "words": zoo.build("masked_lstm")}
    limits = Limits(batch=16, rows=40, queue=60, body=20_000, seconds=1.0)
    with Server({name: Runner(model, limits) for name, model in models.items()}, 0, limits=limits).start() as made:
        made.models = models
        yield made


PREDICT, INFER = "/v1/models/twice:predict", "/v2/models/twice/infer"


def test_tensorflows_protocol_answers_rows_and_columns(server):
    rows = [[1, 2, 3], [4.5, 5, 6]]
    assert ask(server, "POST", PREDICT, {"instances": rows}) == (200, {"predictions": [[2, 4, 6], [9, 10, 12]]})
    assert ask(server, "POST", "/v1/models/twice/versions/1:predict", {"inputs": rows})[1] == {
        "outputs": [[2, 4, 6], [9, 10, 12]]
    }
    model, x = server.models["multi"], zoo.draw(server.models["multi"], 2)
    want = {name: np.asarray(y) for name, y in model(x).items()}
    instances = [{name: values[i].tolist() for name, values in x.items()} for i in range(2)]
    status, answer = ask(server, "POST", "/v1/models/multi:predict", {"instances": instances})
    assert status == 200 and [set(row) for row in answer["predictions"]] == [{"mean", "kind"}] * 2
    np.testing.assert_allclose([row["kind"] for row in answer["predictions"]], want["kind"], atol=1e-6)
    columns = {name: values.tolist() for name, values in x.items()}
    status, answer = ask(server, "POST", "/v1/models/multi:predict", {"inputs": columns})
    np.testing.assert_allclose(answer["outputs"]["mean"], want["mean"], atol=1e-6)
    assert ask(server, "GET", "/v1/models/twice")[1]["model_version_status"][0]["state"] == "AVAILABLE"
    described = ask(server, "GET", "/v1/models/twice/metadata")[1]["metadata"]["signature_def"]["signature_def"]
    assert described["serving_default"]["inputs"]["x"]["tensor_shape"]["dim"][1]["size"] == "3"


def entry(name, array, datatype="FP32"):
    return {"name": name, "shape": list(array.shape), "datatype": datatype, "data": array.ravel().tolist()}


def test_the_open_inference_protocol_answers_lists_and_bytes(server):
    x = np.arange(6, dtype="float32").reshape(2, 3)
    status, answer = ask(server, "POST", INFER, {"id": "7", "inputs": [entry("x", x)]})
    assert status == 200 and answer["id"] == "7" and answer["model_name"] == "twice"
    (output,) = answer["outputs"]
    assert output["shape"] == [2, 3] and output["datatype"] == "FP32" and output["data"] == (2 * x).ravel().tolist()
    head = {
        "inputs": [{"name": "x", "shape": [2, 3], "datatype": "FP32", "parameters": {"binary_data_size": 24}}],
        "outputs": [{"name": output["name"], "parameters": {"binary_data": True}}],
    }
    text = json.dumps(head).encode()
    status, answer = ask(server, "POST", INFER, text + x.tobytes(), {"Inference-Header-Content-Length": str(len(text))})
    assert status == 200 and answer.endswith((2 * x).tobytes())
    described = ask(server, "GET", "/v2/models/words")[1]
    assert described["inputs"][0]["shape"] == [-1, 6] and described["inputs"][0]["datatype"] == "INT32"
    for path in ("/v2/health/live", "/v2/health/ready", "/v2/models/twice/ready", "/v2"):
        assert ask(server, "GET", path)[0] == 200


REFUSED = {
    "no model": ("/v1/models/none:predict", {"instances": [[1]]}, 404, "no model 'none'"),
    "no version": ("/v1/models/twice/versions/9:predict", {"instances": [[1]]}, 404, "version 1, not '9'"),
    "no path": ("/v3", {}, 404, "Not Found"),
    "no JSON": (PREDICT, b"{", 400, "is not JSON"),
    "no text": (PREDICT, b"\xff\xfe\x00", 400, "is not JSON"),
    "NaN": (PREDICT, b'{"instances": [[NaN, 1, 2]]}', 400, "NaN is not a JSON number"),
    "deep": (PREDICT, b"[" * 9000, 400, "is not JSON"),
    "deep lists": (PREDICT, b'{"instances": ' + b"[" * 400 + b"]" * 400 + b"}", 400, "Input 'x'"),
    "a list": (PREDICT, [1], 400, '"instances" and "inputs"'),
    "both": (PREDICT, {"instances": [], "inputs": []}, 400, '"instances" and "inputs"'),
    "signature": (PREDICT, {"instances": [[1, 2, 3]], "signature_name": "x"}, 400, "no signature 'x'"),
    "empty": (PREDICT, {"instances": []}, 400, "at least one row"),
    "empty columns": (PREDICT, {"inputs": []}, 400, "Input 'x' has shape [any, 3], got [0]"),
    "ragged": (PREDICT, {"instances": [[1, 2, 3], [1]]}, 400, "unequal lengths"),
    "words": (PREDICT, {"instances": [["a", "b", "c"]]}, 400, "takes float32, got strings"),
    "null": (PREDICT, {"instances": [[None, 1, 2]]}, 400, "takes float32, got other things"),
    "objects": (PREDICT, {"instances": [{"y": 1}]}, 400, "keys ['x']"),
    "huge number": (PREDICT, b'{"instances": [[' + b"9" * 5000 + b", 1, 2]]}", 400, "not JSON"),
    "shape": (PREDICT, {"instances": [[1, 2]]}, 400, "has shape [any, 3], got [1, 2]"),
    "rows": (PREDICT, {"instances": [[1, 2, 3]] * 41}, 413, "41 rows, the limit is 40"),
    "body": (PREDICT, b" " * 20_001, 413, "larger than 20000 bytes"),
    "fractions": ("/v1/models/words:predict", {"instances": [[1.5] * 6]}, 400, "takes int32, got fractions"),
    "too large a number": ("/v1/models/words:predict", {"instances": [[2**40] * 6]}, 400, "to 2147483647"),
    "missing input": ("/v1/models/multi:predict", {"inputs": {"a": [[1] * 4]}}, 400, "inputs ['a', 'b'], got ['a']"),
    "rows differ": (
        "/v1/models/multi:predict",
        {"inputs": {"a": [[1] * 4], "b": [[1] * 3] * 2}},
        400,
        "different numbers of rows: 1 and 2",
    ),
    "v2 no inputs": (INFER, {"inputs": 3}, 400, '"inputs", a list of arrays'),
    "v2 name": (INFER, {"inputs": [{"name": "z"}]}, 400, "inputs ['x'], each once, got 'z'"),
    "v2 datatype": (INFER, {"inputs": [entry("x", np.ones((1, 3)), "FP64")]}, 400, "datatype FP32, got 'FP64'"),
    "v2 size": (INFER, {"inputs": [entry("x", np.ones((1, 3))) | {"shape": [7, 3]}]}, 400, "do not fill the shape"),
    "v2 shape": (INFER, {"inputs": [entry("x", np.ones((1, 3))) | {"shape": [-1, 3]}]}, 400, "whole numbers"),
    "v2 output": (INFER, {"inputs": [entry("x", np.ones((1, 3)))], "outputs": [{"name": "q"}]}, 400, "has the outputs"),
    "v2 bytes": (
        INFER,
        {"inputs": [{"name": "x", "shape": [1, 3], "datatype": "FP32", "parameters": {"binary_data_size": 12}}]},
        400,
        "some of its bytes are missing",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_request_that_cannot_be_answered_is_told_why(server, what):
    path, body, status, words = REFUSED[what]
    got, answer = ask(server, "POST", path, body)
    assert got == status and words in answer["error"]
    assert len(answer["error"]) < 500
    assert ask(server, "POST", PREDICT, {"instances": [[1, 2, 3]]})[0] == 200


def test_other_methods_and_compressed_bodies_are_refused(server):
    assert ask(server, "GET", PREDICT)[0] == 405
    assert ask(server, "POST", PREDICT, b"x", {"Content-Encoding": "gzip"})[0] == 415
    assert ask(server, "POST", INFER, b"{}", {"Inference-Header-Content-Length": "99"})[0] == 400


def raw(server, data, read=True):
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(data)
        return connection.recv(4096) if read else b""


def test_broken_clients_disturb_nobody(server):
    head = b"POST /v1/models/twice:predict HTTP/1.1\r\nHost: x\r\n"
    assert b"408" in raw(server, head + b"Content-Length: 50\r\n\r\n{").split(b"\r\n")[0]  # never sends the rest
    assert b"413" in raw(server, head + b"Content-Length: 99999999999\r\n\r\n").split(b"\r\n")[0]
    chunks = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
    assert b"413" in raw(server, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks * 2).split(b"\r\n")[0]
    assert b"400" in raw(server, b"nonsense\r\n\r\n").split(b"\r\n")[0]
    for _ in range(20):
        raw(server, head + b'Content-Length: 50\r\n\r\n{"inst', read=False)  # hangs up in the middle
        body = b'{"instances":[[1,2,3]]}'
        raw(server, head + b"Content-Length: %d\r\n\r\n" % len(body) + body, read=False)  # does not wait for the answer
    assert ask(server, "POST", PREDICT, {"instances": [[1, 2, 3]]}) == (200, {"predictions": [[2, 4, 6]]})


def test_slow_and_vanishing_clients_disturb_nobody(server):
    head = b"POST /v1/models/twice:predict HTTP/1.1\r\nHost: x\r\n"
    body = b'{"instances":[[1,2,3]]}'
    with contextlib.ExitStack() as stack:
        halves, drops = [], []
        for _ in range(20):
            half, drop = (
                stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=60)) for _ in range(2)
            )
            half.sendall(head[:40])  # a head that does not end
            drop.sendall(head + b"Content-Length: 20000\r\n\r\n")
            halves.append(half)
            drops.append(drop)
        started = time.monotonic()
        while time.monotonic() - started < 1.5:  # the server waits for a second, and no body is whole by then
            for drop in drops:
                with contextlib.suppress(OSError):  # it has answered and closed
                    drop.sendall(b" ")
            assert ask(server, "POST", PREDICT, {"instances": [[1, 2, 3]]}) == (200, {"predictions": [[2, 4, 6]]})
        assert {drop.recv(4096).split(b" ")[1] for drop in drops} == {b"408"}
        halves[0].sendall(head[40:] + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert halves[0].recv(4096).startswith(b"HTTP/1.1 200")
    assert server.entries["twice"].batcher.waiting == 0


def test_a_thousand_broken_clients_leave_nothing_behind(server):
    """Their connections, tasks and bytes are given back, and the process does not grow."""
    psutil = pytest.importorskip("psutil")
    head = b"POST /v1/models/twice:predict HTTP/1.1\r\nHost: x\r\n"
    body = b'{"instances":[[1,2,3]]}'
    whole = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    broken = [
        head[:30],  # half a head
        head + b"Content-Length: 20000\r\n\r\n" + b" " * 9000,  # half a body
        head + b"Content-Length: 5\r\n\r\n" + body,  # a length that is too small: the rest is no request
        head + b"Content-Length: -5\r\n\r\n" + body,
        head + b"Content-Length: 23\r\nContent-Length: 5\r\n\r\n" + body,
        head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + body,
        b"\x00\xff" * 500,
        whole,  # hangs up before the answer
        whole * 3,  # three at once, and hangs up
        whole[:-4],
    ]

    def send(count):
        for _ in range(count):
            for data in broken:
                raw(server, data, read=False)

    state = server._server.server_state
    at_rest = lambda: not state.connections and not state.tasks and not server.app.held  # noqa: E731
    send(20)
    until(at_rest)
    before = psutil.Process().memory_info().rss
    send(100)
    until(at_rest)
    assert psutil.Process().memory_info().rss - before < 2**25
    assert server.entries["twice"].batcher.waiting == 0
    assert ask(server, "POST", PREDICT, {"instances": [[1, 2, 3]]}) == (200, {"predictions": [[2, 4, 6]]})


def answers_to(server, *parts, count=1, pause=0.0):
    """Send the parts of one or more requests, and return as many answers: status and body."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)
        data = b""
        found = []
        while len(found) < count:
            head, end, rest = data.partition(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0) if end else 0
            if not end or len(rest) < length:
                part = connection.recv(65536)
                assert part, f"closed after {data!r}"
                data += part
                continue
            found.append((int(head[9:12]), json.loads(rest[:length])))
            data = rest[length:]
        return found


def request(row, extra=b"", version=b"HTTP/1.1"):
    body = json.dumps({"instances": [row]}).encode()
    head = b"POST /v1/models/twice:predict " + version + b"\r\nHost: x\r\n" + extra
    return head + b"Content-Length: %d\r\n\r\n" % len(body), body


def twice(row):
    return 200, {"predictions": [[2 * n for n in row]]}


def test_heads_and_bodies_may_come_in_pieces(server):
    short = head, body = request([1, 2, 3])
    assert answers_to(server, *short) == answers_to(server, head + body) == [twice([1, 2, 3])]
    assert answers_to(server, head, body, pause=0.1) == [twice([1, 2, 3])]
    assert answers_to(server, head[:40], head[40:], body[:5], body[5:], pause=0.05) == [twice([1, 2, 3])]
    for extra in (b"Connection: close\r\n", b"TE: trailers\r\n", b"X: a\r\nX: b\r\n", b"X: caf\xc3\xa9\r\n"):
        head, body = request([4, 5, 6], extra)
        assert answers_to(server, head + body) == [twice([4, 5, 6])]
    head, body = request([4, 5, 6], version=b"HTTP/1.0")
    assert answers_to(server, head + body) == [twice([4, 5, 6])]


def test_requests_that_come_before_the_last_is_answered_are_answered_in_turn(server):
    rows = [[i, i + 1, i + 2] for i in range(40)]
    parts = [b"".join(request(row, b"TE: x\r\n" if i % 3 == 0 else b"")) for i, row in enumerate(rows)]
    assert answers_to(server, b"".join(parts), count=40) == [twice(row) for row in rows]
    assert answers_to(server, *parts, count=40) == [twice(row) for row in rows]
    cut = b"".join(parts)
    pieces = [cut[i : i + 97] for i in range(0, len(cut), 97)]
    assert answers_to(server, *pieces, count=40) == [twice(row) for row in rows]


def test_a_body_that_stays_out_is_told_after_its_time_however_it_began(server):
    head, body = request([1, 2, 3])
    assert answers_to(server, head) == answers_to(server, head + body[:4])
    assert answers_to(server, head)[0][0] == 408


def test_a_client_that_leaves_while_its_batch_is_computed_takes_nothing_from_the_others():
    entered, go = threading.Event(), threading.Event()

    def wait(x):
        entered.set()
        go.wait(120)
        return x

    def slow(x):
        return jax.pure_callback(wait, jax.ShapeDtypeStruct(x.shape, x.dtype), x)

    go.set()
    inputs = kk.Input((1,), name="x")
    model = kk.Model(inputs, L.Lambda(slow, output_shape=lambda shape: shape)(inputs), name="slow")
    with model.serve(port=0, batch=4) as server:
        entered.clear()
        go.clear()
        body = b'{"instances":[[1]]}'
        head = b"POST /v1/models/slow:predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            with socket.create_connection(("127.0.0.1", server.port), timeout=60) as leaves:
                leaves.sendall(head + body)
                assert entered.wait(120)
            raw(server, head + body, read=False)  # leaves while it waits for its turn
            answers = [
                pool.submit(ask, server, "POST", "/v1/models/slow:predict", {"instances": [[n]]}) for n in (2, 3)
            ]
            time.sleep(0.2)
            go.set()
            assert [a.result() for a in answers] == [(200, {"predictions": [[n]]}) for n in (2, 3)]


PLAIN = [
    b'{"instances":[[1,2.5,-3e0]]}',
    b' { "instances" : [ [1, 2, 3] ,\n[4, 5, 6] ] } ',
    b'{"instances":[[1e39,2,3]]}',
]
NOT_PLAIN = [
    b'{"instances":[[1,2],[3,4,5,6]]}',
    b'{"instances":[[1,2,]3]}',
    b'{"instances":[[1,2,3]4]}',
    b'{"instances":[[1 2,3]]}',
    b'{"instances":[[1,2,3]],"x":1}',
    b'{"instances":[[01,2,3]]}',
    b'{"instances":[[1,2,3],]}',
    b'{"instances":[[1,,3]]}',
    b'{"instances":[]}',
    b'{"instances":[[[1,2,3]]]}',
    b'{"instances":[[1,2,null]]}',
    b'{"instances":[[1,2,' + b"9" * 400 + b"]]}",
]


def test_a_plain_body_is_read_without_lists_and_equal_to_the_long_way():
    from kernelkit.export.signature import TensorSpec
    from kernelkit.serve import tensorflow_rest

    specs = [TensorSpec("x", (None, 3), "float32")]
    for body in PLAIN:
        made = tensorflow_rest.decode_plain(body, specs)["x"]
        want = tensorflow_rest.decode(json.loads(body), specs)["x"]
        np.testing.assert_array_equal(made, want)
        assert made.dtype == want.dtype and made.shape == want.shape
    assert [tensorflow_rest.decode_plain(body, specs) for body in NOT_PLAIN] == [None] * len(NOT_PLAIN)


def test_bodies_that_fill_the_memory_are_refused_together(server):
    head = b"POST /v1/models/twice:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\n\r\n"
    with contextlib.ExitStack() as stack:
        address = ("127.0.0.1", server.port)
        clients = [stack.enter_context(socket.create_connection(address, timeout=60)) for _ in range(18)]
        data = head + b" " * 19_000
        for connection in clients:  # of 20,000 bytes each; the server holds 16 times that, each for a second
            connection.sendall(data)
        statuses = [connection.recv(4096).split(b"\r\n")[0].split(b" ")[1] for connection in clients]
    assert set(statuses) == {b"408", b"429"} and statuses.count(b"429") <= 2
    assert ask(server, "POST", PREDICT, b" " * 19_000)[0] == 400  # read again, as far as "no JSON"


def test_a_large_body_is_read_beside_the_others():
    with wide_model().serve(port=0, batch=4, rows=10**5) as server:
        rows = np.arange(3 * 30_000, dtype="float32").reshape(-1, 3)
        status, answer = ask(server, "POST", PREDICT, {"instances": rows.tolist()})
        assert status == 200
        np.testing.assert_array_equal(answer["predictions"], 2 * rows)


def test_a_thousand_requests_at_once_are_answered_each_with_its_own_numbers(server):
    before = server.entries["twice"].counters.batch_rows
    batches, total = sum(before.counts), before.total

    def client(number):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
        wrong = 0
        for i in range(125):
            row = [number, i, number * i]
            connection.request("POST", PREDICT, json.dumps({"instances": [row]}))
            answer = connection.getresponse()
            got = json.loads(answer.read())
            wrong += answer.status != 200 or got != {"predictions": [[2.0 * n for n in row]]}
        connection.close()
        return wrong

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(client, range(8))) == 0
    after = server.entries["twice"].counters.batch_rows
    assert after.total - total == 1000 and sum(after.counts) - batches < 1000
    assert server.runners["twice"].compiled == 3  # sizes 1, 4 and 16


def test_the_metrics_page_counts_answers_batches_and_programs(server):
    ask(server, "POST", PREDICT, {"instances": [[1, 2, 3]]})
    ask(server, "POST", PREDICT, {"instances": [[1, 2]]})
    text = ask(server, "GET", "/metrics")[1].decode()
    counts = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    counters = server.entries["twice"].counters
    assert int(counts['kernelkit_answers_total{model="twice",status="200"}']) == counters.answers[200] > 0
    assert int(counts['kernelkit_answers_total{model="twice",status="400"}']) == counters.answers[400] > 0
    assert counts['kernelkit_compiled_programs{model="twice"}'] == "3"
    assert counts['kernelkit_queue_rows{model="twice"}'] == "0"
    assert counts['kernelkit_batch_rows_bucket{model="twice",le="+Inf"}'] == str(sum(counters.batch_rows.counts))


def test_the_page_for_people_has_a_command_that_works(server):
    text = ask(server, "GET", "/")[1].decode()
    assert text.count("<pre>") == 3 and "curl -d" in text
    command = json.loads(
        server._repr_html_().split("<pre>")[1].split("-d &#x27;")[1].split("&#x27;")[0].replace("&quot;", '"')
    )
    assert ask(server, "POST", PREDICT, command)[0] == 200


class Slow:
    """A runner that waits until it is let go."""

    def __init__(self, runner):
        self.runner, self.go, self.sizes = runner, threading.Event(), []
        self.name, self.inputs, self.outputs, self.compiled = runner.name, runner.inputs, runner.outputs, 0

    def __call__(self, inputs):
        self.sizes.append(len(inputs[0]))
        assert self.go.wait(120)
        if (inputs[0] == 13).any():
            raise RuntimeError("thirteen")
        return self.runner(inputs)


@contextlib.contextmanager
def slow(**limits):
    limits = Limits(**{"batch": 4} | limits)
    runner = Slow(Runner(wide_model(), limits))
    with (
        Server({"twice": runner}, 0, limits=limits).start() as server,
        concurrent.futures.ThreadPoolExecutor(8) as pool,
    ):
        yield server, runner, lambda *row: pool.submit(ask, server, "POST", PREDICT, {"instances": [list(row)]})
        runner.go.set()


def until(condition):
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_requests_that_come_while_a_batch_is_computed_share_the_next_one():
    with slow() as (server, runner, send):
        answers = [send(0, 0, 0)]
        until(lambda: runner.sizes == [1])
        answers += [send(i, i, i) for i in range(1, 6)]
        until(lambda: server.entries["twice"].batcher.waiting == 5)
        runner.go.set()
        assert sorted(a.result()[1]["predictions"][0][0] for a in answers) == [0, 2, 4, 6, 8, 10]
        assert runner.sizes == [1, 4, 1]


def test_the_error_of_one_request_is_not_that_of_its_neighbors():
    with slow() as (server, runner, send):
        first = send(0, 0, 0)
        until(lambda: runner.sizes == [1])
        bad, good = send(13, 0, 0), send(1, 1, 1)
        until(lambda: server.entries["twice"].batcher.waiting == 2)
        runner.go.set()
        assert first.result()[0] == 200 and good.result() == (200, {"predictions": [[2, 2, 2]]})
        assert bad.result() == (500, {"error": "The model raised RuntimeError: thirteen"})


def test_a_full_queue_and_a_long_wait_are_told():
    with slow(queue=2, seconds=1.5) as (server, runner, send):
        first = send(0, 0, 0)
        until(lambda: runner.sizes == [1])
        waiting = [send(1, 1, 1), send(2, 2, 2)]
        until(lambda: server.entries["twice"].batcher.waiting == 2)
        status, answer = send(3, 3, 3).result()
        assert status == 429 and "the limit is 2" in answer["error"]
        time.sleep(1.6)
        runner.go.set()
        assert first.result()[0] == 200
        assert {a.result()[0] for a in waiting} == {429}


def test_a_server_that_closes_answers_what_is_under_way():
    with slow() as (server, runner, send):
        first = send(1, 1, 1)
        until(lambda: runner.sizes == [1])
        closing = threading.Thread(target=server.close)
        closing.start()
        time.sleep(0.1)
        runner.go.set()
        assert first.result() == (200, {"predictions": [[2, 2, 2]]})
        closing.join(120)
        assert not closing.is_alive() and "closed" in repr(server)
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", server.port), timeout=2)


def test_a_model_is_served_in_a_with_block_with_the_weights_of_that_moment():
    model = kk.Sequential([kk.Input((2,)), L.Dense(1, kernel_initializer="ones")], name="sum")
    with model.serve(port=0, batch=4) as server:
        assert server.host == "127.0.0.1"
        post = lambda: ask(server, "POST", "/v1/models/sum:predict", {"instances": [[1, 2]]})[1]  # noqa: E731
        assert post() == {"predictions": [[3]]}
        model.layers[0].kernel.assign(np.full((2, 1), 2.0))
        assert post() == {"predictions": [[3]]}
        server.update()
        assert post() == {"predictions": [[6]]}
        with pytest.raises(OSError, match=f"Cannot listen on 127.0.0.1:{server.port}: .* port=0 takes a free port"):
            model.serve(port=server.port, batch=1)


def test_a_model_with_strings_is_served_whole():
    lookup = L.StringLookup(vocabulary=["cat", "dog"])
    inputs = kk.Input((2,), dtype="string", name="animals")
    model = kk.Model(inputs, L.Embedding(3, 2)(lookup(inputs)), name="strings")
    with model.serve(port=0, batch=4) as server:
        status, answer = ask(server, "POST", "/v1/models/strings:predict", {"instances": [["cat", "x"]] * 3})
        assert status == 200
        np.testing.assert_allclose(answer["predictions"], model(np.array([["cat", "x"]] * 3)), atol=1e-6)
        assert ask(server, "POST", "/v1/models/strings:predict", {"instances": [[1, 2]]})[0] == 400


def test_open_lengths_are_compiled_as_they_come_and_limited():
    inputs = kk.Input((None, 2), name="x")
    model = kk.Model(inputs, L.GlobalAveragePooling1D()(inputs), name="mean")
    with model.serve(port=0, batch=4, shapes=2, open_size=50) as server:
        send = lambda n: ask(server, "POST", "/v1/models/mean:predict", {"instances": [[[1, 2]] * n]})  # noqa: E731
        assert send(3) == send(5) == (200, {"predictions": [[1, 2]]})
        status, answer = send(7)
        assert status == 413 and "2 different shapes" in answer["error"]
        assert send(3)[0] == 200
        assert send(51) == (413, {"error": "Input 'x' has an axis of size 51, the limit is 50."})


def test_models_whose_rows_influence_each_other_are_refused():
    inputs = kk.Input((2,))
    model = kk.Model(inputs, L.Lambda(lambda x: x - kk.ops.mean(x, 0, keepdims=True))(inputs), name="centered")
    with pytest.raises(ValueError, match="rows of a batch .* influence each other.* batch=1"):
        Runner(model)
    assert Runner(model, Limits(batch=1))([np.ones((3, 2), "float32")])[0].tolist() == [[0, 0]] * 3


def test_batches_that_need_too_much_memory_are_not_compiled():
    inputs = kk.Input((1000,))
    model = kk.Model(inputs, L.Dense(1000)(inputs), name="wide")
    runner = Runner(model, Limits(batch=16, memory=20_000))
    assert runner.sizes == (1, 4)
    assert runner([np.ones((9, 1000), "float32")])[0].shape == (9, 1000)


def test_nan_is_null_in_json():
    inputs = kk.Input((1,), name="x")
    model = kk.Model(inputs, L.Lambda(lambda x: kk.ops.log(x))(inputs), name="log")
    with model.serve(port=0, batch=1) as server:
        answer = ask(server, "POST", "/v1/models/log:predict", {"instances": [[1], [-1], [0]]})
        assert answer == (200, {"predictions": [[0], [None], [None]]})


def test_arguments_that_make_no_sense_are_refused():
    model = wide_model()
    with pytest.raises(TypeError, match=r"unknown arguments \['size'\]"):
        model.serve(port=0, size=3)
    with pytest.raises(ValueError, match="The limit 'batch' must be a positive number"):
        model.serve(port=0, batch=0)
    with pytest.raises(ValueError, match="letters, digits"):
        model.serve(port=0, name="a/b", batch=1)


def test_the_commands_of_the_container_recipe_serve_a_file_and_end_at_a_signal(tmp_path):
    model = zoo.build("mlp")
    model.save(tmp_path / "digits.keras")
    recipe = (Path(__file__).parents[2] / "docs" / "serving.md").read_text().split("```dockerfile\n")[1].split("```")[0]
    health, command = (
        json.loads(re.search(rf"^{word} (\[.*\])$", recipe, re.M)[1]) for word in ("HEALTHCHECK CMD", "CMD")
    )
    assert command[:3] == ["python", "-m", "kernelkit.serve"] and command[4:] == ["--host", "0.0.0.0"]
    command = [sys.executable, *command[1:3], str(tmp_path / "digits.keras"), "--port", "0", "--batch", "1"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ)
    try:
        line = process.stderr.readline()
        assert "kernelkit serves digits at http://127.0.0.1:" in line
        port = int(line.rsplit(":", 1)[1])
        assert health[0] == "python" and ":8000/" in health[2]
        healthy = [sys.executable, "-c", health[2].replace(":8000/", f":{port}/")]
        subprocess.run(healthy, check=True, timeout=120)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        x = zoo.draw(model, 1)
        connection.request("POST", "/v1/models/digits:predict", json.dumps({"instances": x.tolist()}))
        np.testing.assert_allclose(json.loads(connection.getresponse().read())["predictions"], model(x), atol=1e-6)
        connection.close()
        process.send_signal(signal.SIGTERM)
        process.wait(120)
        assert process.stderr.read() == "" and process.returncode == -signal.SIGTERM  # as process 1 of a container: 0
        assert subprocess.run(healthy, stderr=subprocess.DEVNULL, timeout=120).returncode == 1
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def test_the_command_line_opens_no_file_that_would_run_code(tmp_path, capsys):
    from kernelkit.serve.__main__ import main

    wide_model().save(tmp_path / "twice.keras")  # holds a lambda
    with pytest.raises(SystemExit) as stopped:
        main([str(tmp_path / "twice.keras"), "--port", "0"])
    assert "safe_mode=False" in str(stopped.value)
