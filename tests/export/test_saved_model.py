"""SavedModels of TensorFlow, where TensorFlow is installed: `pytest tests/export/test_saved_model.py` there.

TensorFlow and PyTorch in one process crash, so TensorFlow has an environment of its own:
`uv venv tf`, `uv pip install --python tf tensorflow-cpu pytest -e .`,
`tf/bin/python -m pytest tests/export/test_saved_model.py`.
"""

import jax
import numpy as np
import pytest

import kernelkit as kk
from tests.export import users, zoo

tf = pytest.importorskip("tensorflow")


def close(got, want, atol=1e-5):
    got, want = jax.tree.leaves(got), jax.tree.leaves(want)
    assert len(got) == len(want)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), atol=atol)


@pytest.mark.parametrize("name", [n for n in (*zoo.ZOO, *zoo.MORE) if n != "kerashub_bert"])  # test_kerashub.py
def test_a_model_of_the_zoo_is_written_and_read(name, tmp_path):
    model = zoo.build(name)
    done = model.export(tmp_path / "out", verbose=False)
    assert done.format == "tf_saved_model" and done.checked_by == "tensorflow"
    assert done.error is not None and done.error < zoo.report_atol(name)
    loaded = tf.saved_model.load(tmp_path / "out")
    for batch in (1, 5):
        x = zoo.draw(model, batch)
        got = loaded.serve(jax.tree.map(tf.constant, x))
        want = zoo.outputs(model, x)
        assert set(got) == set(want) if isinstance(want, dict) else not isinstance(got, dict)
        close(got, want, atol=zoo.atol(name))


def test_variables_are_trained_or_not_as_in_the_model(tmp_path):
    model = zoo.build("resnet")
    model.layers[1].trainable = False
    model.export(tmp_path / "out", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "out")
    assert len(loaded.trainable_variables) == len(model.trainable_variables)
    assert len(loaded.variables) == len(model.variables)
    assert loaded.trainable_variables[0].name.startswith(model.trainable_variables[0].path)
    for got, variable in zip(loaded.variables, model.variables, strict=True):
        np.testing.assert_array_equal(got.numpy(), variable.numpy())


def test_tensorflow_trains_the_file_further(tmp_path):
    model = zoo.build("cnn")
    model.export(tmp_path / "out", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "out")
    x = zoo.draw(model, 4)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(loaded.serve(tf.constant(x)) ** 2)
    got = tape.gradient(loss, loaded.trainable_variables)
    apply, weights = model.pure()
    want = jax.jit(jax.grad(lambda t: (apply(weights._replace(trainable=t), x) ** 2).sum()))(weights.trainable)
    for a, b in zip(got, [want[v.path] for v in model.trainable_variables], strict=True):
        np.testing.assert_allclose(a.numpy(), b, rtol=1e-3, atol=1e-4)


def test_the_signature_has_the_models_names_and_is_the_default(tmp_path):
    model = zoo.build("multi_io")
    model.export(tmp_path / "out", verbose=False)
    signatures = tf.saved_model.load(tmp_path / "out").signatures
    assert set(signatures) == {"serve", "serving_default"}
    specs = signatures["serving_default"].structured_input_signature[1]
    assert {name: tuple(s.shape) for name, s in specs.items()} == {"a": (None, 4), "b": (None, 3)}
    assert set(signatures["serve"].structured_outputs) == {"mean", "kind"}


def spec(*shape, dtype="float32"):
    return kk.InputSpec(shape=shape, dtype=dtype)


def test_an_archive_has_several_endpoints_and_collections(tmp_path):
    inputs = kk.Input((3,), name="x")
    hidden = kk.layers.Dense(4, activation="tanh")(inputs)
    model = kk.Model(inputs, kk.layers.Dense(2)(hidden))
    embed = kk.Model(inputs, hidden)
    model.compile("adam", "mse")
    x = np.ones((5, 3), "float32")
    model.fit(x, np.zeros((5, 2)), verbose=0)
    archive = kk.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", model.call, [spec(None, 3)])
    archive.track_and_add_endpoint("embed", embed, [spec(None, 3)])
    archive.add_endpoint("both", lambda a, b: {"sum": model(a) + embed(b)[:, :2]}, [spec(None, 3), spec(None, 3)])
    archive.add_variable_collection("optimizer_variables", model.optimizer.variables)
    assert len(archive.trainable_variables) == 4
    archive.write_out(tmp_path / "out", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "out")
    close(loaded.serve(x), model(x))
    close(loaded.embed(x), embed(x))
    close(loaded.both(x, 2 * x)["sum"], model(x) + embed(2 * x)[:, :2])
    assert set(loaded.signatures) == {"serve", "embed", "both", "serving_default"}
    assert len(loaded.optimizer_variables) == len(model.optimizer.variables)
    assert int(loaded.optimizer_variables[0]) == int(model.optimizer.variables[0].value) == 1


def test_variables_that_an_endpoint_reads_are_found_without_track(tmp_path):
    scale = kk.Variable(3.0, name="scale")
    dense = kk.layers.Dense(2)
    dense(np.ones((1, 3)))
    archive = kk.export.ExportArchive()
    archive.add_endpoint("serve", lambda x: dense(x) * scale, [spec(None, 3)])
    assert {v.name.partition(":")[0] for v in archive.variables} >= {"scale"} and len(archive.variables) == 3
    archive.write_out(tmp_path / "out", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "out")
    x = np.ones((4, 3), "float32")
    close(loaded.serve(x), dense(x) * 3)
    loaded.variables[[v.name for v in loaded.variables].index("scale:0")].assign(5.0)
    close(loaded.serve(x), dense(x) * 5)


def test_an_endpoint_assigns_what_its_function_assigns(tmp_path):
    count = kk.Variable(0.0, trainable=False, name="count")

    def counted(x):
        count.assign_add(1.0)
        return x * count

    for is_static, second in ((False, 2.0), (True, 1.0)):
        archive = kk.export.ExportArchive()
        archive.add_endpoint("serve", counted, [spec(None)], is_static=is_static)
        archive.write_out(tmp_path / "out", verbose=False)
        loaded = tf.saved_model.load(tmp_path / "out")
        x = np.ones(2, "float32")
        assert loaded.serve(x)[0] == 1.0 and loaded.serve(x)[0] == second
    assert float(count.value) == 0.0


def test_dropout_of_a_training_endpoint_draws_anew_at_each_call(tmp_path):
    dropout = kk.layers.Dropout(0.5, seed=1)
    archive = kk.export.ExportArchive()
    archive.add_endpoint("train", lambda x: dropout(x, training=True), [spec(None, 50)])
    archive.write_out(tmp_path / "out", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "out")
    x = np.ones((1, 50), "float32")
    first, second = loaded.train(x).numpy(), loaded.train(x).numpy()
    assert set(np.unique(first)) == {0.0, 2.0} and (first != second).any()


def test_an_endpoint_is_called_by_the_names_of_its_arguments(tmp_path):
    layer = kk.layers.MultiHeadAttention(2, 2)
    x, y = users.floats(3, 2, 2), 2 * users.floats(3, 4, 2)
    want = layer(x, y)
    archive = kk.export.ExportArchive()
    archive.add_endpoint("call", layer.call, [spec(None, 2, 2), spec(None, 4, 2)])
    archive.add_endpoint("layer", layer.__call__, [spec(None, 2, 2), spec(None, 4, 2)])
    archive.add_endpoint("any", lambda *x: layer(*x), [spec(None, 2, 2), spec(None, 4, 2)])
    archive.write_out(tmp_path / "out", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "out")
    for endpoint in (loaded.call, loaded.layer):
        close([endpoint(x, y), endpoint(value=y, query=x), endpoint(x, value=y)], [want] * 3)
    close(loaded.any(x, y), want)


def test_sizes_of_one_name_are_equal(tmp_path):
    archive = kk.export.ExportArchive()
    square = lambda x: kk.ops.matmul(x, x)  # noqa: E731
    with pytest.raises(ValueError, match="must have the same size"):
        archive.add_endpoint("square", square, [spec(None, None, None)])
    for name, shapes in {"named": ["(batch, a, a)"], "dots": ["batch, a, a"]}.items():
        kwargs = {"polymorphic_shapes": shapes}
        archive.add_endpoint(name, square, [spec(None, None, None)], jax2tf_kwargs=kwargs)
    with pytest.raises(ValueError, match="polymorphic_shapes needs a text for each of the 1 inputs"):
        archive.add_endpoint("more", square, [spec(None, 3)], jax2tf_kwargs={"polymorphic_shapes": ["b, _", "b, _"]})
    archive.write_out(tmp_path / "out", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "out")
    x = users.floats(3, 4, 4)
    close([loaded.named(x), loaded.dots(x)], [x @ x] * 2)


def test_a_file_of_a_model_with_state_goes_on_counting_as_the_model_does(tmp_path):
    x = users.floats(2, 3)
    model = users.of_layer(users.Counted())
    assert model.export(tmp_path / "out", verbose=False).forgotten == ""
    loaded, default = (tf.saved_model.load(tmp_path / "out") for _ in range(2))
    for _ in range(3):
        want = model(x)
        close(loaded.serve(x), want)
        (got,) = default.signatures["serving_default"](tf.constant(x)).values()
        close(got, want)
    done = model.export(tmp_path / "static", is_static=True, verbose=False)
    assert "/count: in the file each call begins with" in done.forgotten
    loaded = tf.saved_model.load(tmp_path / "static")
    close([loaded.serve(x), loaded.serve(x)], [model(x)] * 2)


def test_a_file_of_a_model_that_draws_draws_anew_in_each_call(tmp_path):
    model = users.of_layer(users.Sampled())
    model.export(tmp_path / "out", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "out")
    x = np.zeros((200, 3), "float32")
    drawn = [loaded.serve(x).numpy() for _ in range(2)]
    close(drawn, [model(x), model(x)])
    assert abs(np.corrcoef(drawn[0][:, 0], drawn[1][:, 0])[0, 1]) < 0.3


def test_a_stateful_recurrence_goes_on_in_the_file(tmp_path):
    model, inputs, _ = users.stateful()
    model.export(tmp_path / "out", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "out")
    first, second = model(inputs), model(inputs)
    close([loaded.serve(inputs), loaded.serve(inputs)], [first, second])
    assert np.abs(np.asarray(first) - np.asarray(second)).max() > 1e-3


def test_an_endpoint_can_be_a_function_of_tensorflow_with_a_table(tmp_path):
    model = zoo.build("mlp")
    archive = kk.export.ExportArchive()
    inner = archive.track_and_add_endpoint("model", model, [spec(None, 10)])
    table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["one", "two"], [1.0, 2.0]), 0.0)
    archive.track(table)

    @tf.function(input_signature=[tf.TensorSpec((None, 10), tf.string)])
    def words(x):
        return inner(table.lookup(x))

    archive.add_endpoint("words", words)
    archive.write_out(tmp_path / "out", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "out")
    x = np.array([["one"] * 5 + ["two"] * 5])
    close(loaded.words(tf.constant(x)), model(np.array([[1.0] * 5 + [2.0] * 5], "float32")))


def test_what_an_archive_refuses(tmp_path):
    archive = kk.export.ExportArchive()
    with pytest.raises(ValueError, match="No endpoints have been set"):
        archive.write_out(tmp_path / "out")
    with pytest.raises(ValueError, match="you must provide an `input_signature`"):
        archive.add_endpoint("serve", lambda x: x)
    with pytest.raises(ValueError, match="not called yet"):
        archive.add_endpoint("serve", tf.function(lambda x: x))
    with pytest.raises(ValueError, match="must be a Python name"):
        archive.add_endpoint("no name", lambda x: x, [spec(None)])
    with pytest.raises(ValueError, match="no weights yet"):
        archive.track(kk.layers.Dense(2))
    with pytest.raises(ValueError, match="takes a layer, a model or a resource"):
        archive.track("model")
    archive.add_endpoint("serve", lambda x: x, [spec(None)])
    with pytest.raises(ValueError, match="'serve' is already taken"):
        archive.add_endpoint("serve", lambda x: x, [spec(None)])
    with pytest.raises(ValueError, match=r"open sizes .* needs one of them as a number"):
        archive.add_endpoint("two", lambda x: x[: int(x.shape[0] / 2)], [spec(None)])


def test_a_folder_with_other_files_is_not_replaced(tmp_path):
    model = zoo.build("mlp")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("words")
    with pytest.raises(FileExistsError, match=r"holds other files .* 'thesis.txt'"):
        model.export(tmp_path / "out", verbose=False)
    assert (tmp_path / "out" / "thesis.txt").read_text() == "words"
    for _ in range(2):
        model.export(tmp_path / "new", verbose=False)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["new", "out"]


def test_a_saved_model_is_a_layer_that_fit_trains(tmp_path):
    kk.utils.set_random_seed(0)
    model = zoo.build("mlp")
    model.export(tmp_path / "out", verbose=False)
    layer = kk.layers.TFSMLayer(tmp_path / "out")
    x = zoo.draw(model, 64)
    close(layer(x), model(x))
    assert len(layer.trainable_weights) == len(model.trainable_weights)
    assert len(layer.non_trainable_weights) == 2  # the averages; no endpoint reads the seed of the dropout
    inputs = kk.Input((10,))
    again = kk.Sequential([inputs, layer, kk.layers.Dense(1)])
    assert again.output_shape == (None, 1)
    again.compile(kk.optimizers.Adam(0.01), "mse")
    before = [v.numpy().copy() for v in layer.trainable_weights]
    losses = again.fit(x, x[:, :1] * 2, batch_size=16, epochs=15, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 2
    assert all((a != v.numpy()).any() for a, v in zip(before, layer.trainable_weights, strict=True))


def test_gradients_through_a_saved_model_are_the_models(tmp_path):
    model = zoo.build("multi_io")
    model.export(tmp_path / "out", verbose=False)
    layer = kk.layers.TFSMLayer(tmp_path / "out")
    x = zoo.draw(model, 3)

    def loss(f):
        return lambda x: sum((y**2).sum() for y in jax.tree.leaves(f(x)))

    close(jax.grad(loss(layer))(x), jax.grad(loss(model))(x), atol=1e-4)


def test_a_layer_may_call_another_endpoint_in_training_and_any_saved_model(tmp_path):
    archive = kk.export.ExportArchive()
    archive.add_endpoint("serve", lambda x: x * 2, [spec(None, 3)])
    archive.add_endpoint("train", lambda x: x * 3, [spec(None, 3)])
    archive.write_out(tmp_path / "out", verbose=False)
    layer = kk.layers.TFSMLayer(tmp_path / "out", call_training_endpoint="train")
    x = np.ones((2, 3), "float32")
    close([layer(x), layer(x, training=True)], [2 * x, 3 * x])
    close(kk.layers.TFSMLayer(tmp_path / "out", call_endpoint="serving_default")(x)["output_0"], 2 * x)
    with pytest.raises(ValueError, match="has no endpoint 'other'"):
        kk.layers.TFSMLayer(tmp_path / "out", call_endpoint="other")
    with pytest.raises(ValueError, match="has no file saved_model.pb"):
        kk.layers.TFSMLayer(tmp_path)


def test_a_saved_model_that_a_file_names_is_not_opened_in_safe_mode(tmp_path):
    zoo.build("mlp").export(tmp_path / "out", verbose=False)
    model = kk.Sequential([kk.Input((10,)), kk.layers.TFSMLayer(tmp_path / "out")])
    model.save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="In safe mode it is not opened"):
        kk.saving.load_model(tmp_path / "model.keras")
    x = zoo.draw(model, 2)
    close(kk.saving.load_model(tmp_path / "model.keras", safe_mode=False)(x), model(x))


def test_tensorflow_lite_converts_the_file(tmp_path):
    model = zoo.build("cnn")
    model.export(tmp_path / "out", verbose=False)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "out"))
    interpreter = tf.lite.Interpreter(model_content=converter.convert())
    run = interpreter.get_signature_runner("serving_default")
    x = zoo.draw(model, 1)
    (name,) = run.get_input_details()
    close(next(iter(run(**{name: x}).values())), model(x))
