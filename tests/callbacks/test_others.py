"""NaN, functions, averaged weights, servers, TensorBoard, progress."""

import http.server
import json
import socket
import threading
import urllib.parse

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

import kernelkit as kk
from kernelkit import callbacks, optimizers
from kernelkit.callbacks import event_files
from kernelkit.training.callback_list import CallbackList


def test_nan_ends_training_at_the_first_bad_batch(pretend, capsys):
    model = pretend.model()
    guard = callbacks.TerminateOnNaN()
    told = CallbackList([guard], model=model)
    told.on_train_begin()
    for batch, loss in enumerate([1.0, float("inf"), float("nan")]):
        told.on_train_batch_begin(batch)
        told.on_train_batch_end(batch, {"loss": loss})
    assert model.stop_training
    assert capsys.readouterr().out == "The loss became inf in batch 2 of epoch 1, so training stops.\n"


def test_nan_may_be_an_error():
    with pytest.raises(RuntimeError, match="NaN or Inf loss encountered: it became nan in batch 4 of epoch 1"):
        callbacks.TerminateOnNaN(raise_error=True).on_train_batch_end(3, {"loss": float("nan")})


def test_functions_are_called_at_their_hooks():
    calls = []
    hooks = [name for name in dir(callbacks.Callback) if name.startswith("on_")]
    by_batch = [name for name in hooks if "batch" in name]

    def note(name):
        if name in by_batch:
            return lambda batch, logs: calls.append(name)
        return lambda *_: calls.append(name)

    callback = callbacks.LambdaCallback(**{name: note(name) for name in hooks})
    for name in hooks:
        if name in by_batch:
            getattr(callback, name)(0, logs={})
        elif "epoch" in name:
            getattr(callback, name)(0, {})
        else:
            getattr(callback, name)({})
    assert calls == hooks
    with pytest.raises(TypeError, match="no hook 'on_epoch_ends'. Did you mean 'on_epoch_end'"):
        callbacks.LambdaCallback(on_epoch_ends=print)
    with pytest.raises(TypeError, match="no hook 'set_model'"):
        callbacks.LambdaCallback(set_model=print)
    assert callbacks.LambdaCallback(told=print).told is print


# Averaged weights -----------------------------------------------------------------------------------------------------


@pytest.fixture
def averaging(pretend):
    """A model with weight 1 and average 5."""
    model = pretend.model(use_ema=True)
    model.optimizer.build(model.trainable_variables)
    ((variable, average),) = model.optimizer.averaged_variables
    variable.assign(1.0)
    average.assign(5.0)
    model.both = lambda: (float(variable), float(average))
    return model


def test_averages_are_in_place_while_testing(averaging):
    swap = callbacks.SwapEMAWeights()
    swap.set_model(averaging)
    swap.on_epoch_begin(0)
    for begin, end in ((swap.on_test_begin, swap.on_test_end), (swap.on_predict_begin, swap.on_predict_end)):
        begin()
        assert averaging.both() == (5.0, 1.0)
        end()
        assert averaging.both() == (1.0, 5.0)
    swap.on_epoch_end(0)
    assert averaging.both() == (1.0, 5.0)


@pytest.mark.parametrize("stopped", [False, True])
def test_averages_are_in_place_at_the_end_of_an_epoch(averaging, stopped):
    swap = callbacks.SwapEMAWeights(swap_on_epoch=True)
    swap.set_model(averaging)
    swap.set_params({"epochs": 2})
    swap.on_epoch_begin(0)
    swap.on_epoch_end(0)
    assert averaging.both() == (5.0, 1.0)
    if stopped:
        averaging.stop_training = True
    swap.on_epoch_begin(1)
    assert averaging.both() == (1.0, 5.0)
    swap.on_epoch_end(1)
    averaging.optimizer.finalize_variable_values(averaging.trainable_variables)
    assert averaging.both() == (5.0, 5.0)


def test_averages_of_wrapped_optimizers(averaging):
    inner = averaging.optimizer
    averaging.optimizer = optimizers.LossScaleOptimizer(inner)
    swap = callbacks.SwapEMAWeights()
    swap.set_model(averaging)
    swap.on_test_begin()
    assert averaging.both() == (5.0, 1.0)


def test_swapping_needs_averages(pretend):
    swap = callbacks.SwapEMAWeights()
    swap.set_model(pretend.model())
    with pytest.raises(ValueError, match="make it with use_ema=True"):
        swap.on_test_begin()


# A server -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def server():
    received = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            received.append((self.path, dict(self.headers), body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}", received
        listening.shutdown()
        thread.join()


def test_remote_monitor(pretend, server):
    root, received = server
    logs = {"loss": 0.5, "rows": np.array([1.0, 2.0])}
    pretend.run(callbacks.RemoteMonitor(root, headers={"X-Run": "7"}), [logs], pretend.model())
    pretend.run(callbacks.RemoteMonitor(root, path="/p", send_as_json=True), [logs], pretend.model())
    (path, headers, form), (other_path, other_headers, text) = received
    expected = {"epoch": 0, "loss": 0.5, "rows": [1.0, 2.0]}
    assert (path, headers["X-Run"], other_path) == ("/publish/epoch/end/", "7", "/p")
    assert json.loads(urllib.parse.parse_qs(form)["data"][0]) == expected
    assert (json.loads(text), other_headers["Content-Type"]) == (expected, "application/json")


def test_a_server_that_does_not_answer_is_no_failure(pretend):
    with pytest.warns(UserWarning, match="Could not reach RemoteMonitor root server at http://127.0.0.1:9"):
        pretend.run(callbacks.RemoteMonitor("http://127.0.0.1:9"), [{"loss": 0.5}], pretend.model())


# TensorBoard ----------------------------------------------------------------------------------------------------------


def read(folder):
    """All that event files hold: {tag: [(step, value)]}."""
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    return {
        tag: [(e.step, tensor_util.make_ndarray(e.tensor_proto)) for e in events.Tensors(tag)]
        for tag in events.Tags()["tensors"]
    }


class Layer:
    name = "table"

    def __init__(self):
        self.embeddings = kk.Variable(np.arange(6.0, dtype="float32").reshape(3, 2), name="embeddings")
        self.weights = [self.embeddings]


def test_tensorboard_writes_epochs_and_weights(pretend, tmp_path):
    model = pretend.model()
    model.layers = [Layer()]
    settings = {"histogram_freq": 2, "write_images": True, "write_steps_per_second": True, "embeddings_freq": 1}
    board = callbacks.TensorBoard(tmp_path, embeddings_metadata={"table": "words.tsv"}, **settings)
    logs = [{"loss": 0.5, "val_loss": 0.75}, {"loss": 0.25, "val_loss": 0.5}]
    pretend.run(board, logs, model)
    train, validation = read(tmp_path / "train"), read(tmp_path / "validation")
    assert [(step, float(value)) for step, value in train["epoch_loss"]] == [(0, 0.5), (1, 0.25)]
    assert [(step, float(value)) for step, value in validation["epoch_loss"]] == [(0, 0.75), (1, 0.5)]
    assert float(train["epoch_learning_rate"][0][1]) == pytest.approx(0.1)
    assert "epoch_steps_per_second" in train
    assert [step for step, _ in train["embeddings/histogram"]] == [0]
    assert train["embeddings/histogram"][0][1][:, 2].sum() == 6
    assert train["embeddings/image"][0][1][2].startswith(b"\x89PNG")
    assert np.loadtxt(tmp_path / "train" / "table_embedding.tsv").shape == (3, 2)
    assert "words.tsv" in (tmp_path / "train" / "projector_config.pbtxt").read_text()


def test_tensorboard_writes_batches(pretend, tmp_path):
    board = callbacks.TensorBoard(tmp_path, update_freq=2, write_steps_per_second=True)
    pretend.run(board, [{"loss": 0.5}] * 2, pretend.model(), batches=3)
    train = read(tmp_path / "train")
    assert [(step, float(value)) for step, value in train["batch_loss"]] == [(2, 1.0), (4, 0.0), (6, 2.0)]
    assert len(train["batch_steps_per_second"]) == 3


def test_tensorboard_writes_evaluations(pretend, tmp_path):
    board = callbacks.TensorBoard(tmp_path)
    board.set_model(pretend.model())
    board.on_test_end({"loss": 0.5})
    assert [(s, float(v)) for s, v in read(tmp_path / "validation")["evaluation_loss_vs_iterations"]] == [(0, 0.5)]


def test_tensorboard_profiles(pretend, tmp_path):
    pretend.run(callbacks.TensorBoard(tmp_path, profile_batch=(1, 2)), [{"loss": 0.5}], pretend.model(), batches=3)
    assert list(tmp_path.glob("plugins/profile/*/*"))


@pytest.mark.parametrize("settings", [{"update_freq": "often"}, {"update_freq": 0}, {"profile_batch": (3, 2)}])
def test_tensorboard_with_wrong_settings(settings):
    with pytest.raises(ValueError, match=f"TensorBoard: {next(iter(settings))} must be"):
        callbacks.TensorBoard(**settings)


def test_png():
    from PIL import Image

    pixels = np.array([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]])
    import io

    read_back = np.asarray(Image.open(io.BytesIO(event_files.grey_png(pixels))))
    np.testing.assert_array_equal(read_back, [[0, 128, 255], [255, 128, 0]])


# Progress -------------------------------------------------------------------------------------------------------------


def test_progress_of_a_loop_of_ones_own(pretend, capsys):
    logger = callbacks.ProgbarLogger()
    logger.set_model(pretend.model())
    logger.set_params({"epochs": 1, "steps": 2, "verbose": 2})
    logger.on_train_begin()
    logger.on_epoch_begin(0)
    logger.on_train_batch_end(0, {"loss": 1.0})
    logger.on_epoch_end(0, {"loss": 0.5})
    logger.on_train_end()
    assert capsys.readouterr().out.startswith("Epoch 1/1 - ")


def test_a_server_that_never_answers_does_not_hold_up_training(pretend, monkeypatch):
    monkeypatch.setattr("kernelkit.callbacks.remote_monitor.SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        root = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.warns(UserWarning, match="no answer in 0.2 seconds|timed out"):
            pretend.run(callbacks.RemoteMonitor(root), [{"loss": 0.5}], pretend.model())
