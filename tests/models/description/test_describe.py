"""Models as plain data."""

import json

import jax.numpy as jnp
import numpy as np
import pytest

import kernelkit as kk
from kernelkit.models.description import check, describe, schema
from kernelkit.models.profile import cost_of

L = kk.layers


class Table:
    """A description with names in place of indices."""

    def __init__(self, description):
        check(json.loads(json.dumps(description, allow_nan=False)))
        self.raw = description
        self.strings, self.nodes = description["strings"], description["nodes"]
        self.names = [self.strings[i] for i in self.nodes["name"]]

    def path(self, row):
        parts = []
        while row >= 0:
            parts.append(self.names[row])
            row = self.nodes["parent"][row]
        return "/".join(reversed(parts))

    @property
    def paths(self):
        return [self.path(row) for row in range(len(self.names))]

    def edges(self):
        e = self.raw["edges"]
        return {(self.path(a), self.path(b)) for a, b in zip(e["source"], e["target"])}

    def of(self, column, path):
        value = self.nodes[column][self.paths.index(path)]
        return self.strings[value] if column in schema.TEXTS and value is not None else value

    def kinds(self):
        return {path: schema.KINDS[kind] for path, kind in zip(self.paths, self.nodes["kind"])}


def block(x, filters=4):
    y = L.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    y = L.BatchNormalization()(y)
    return L.ReLU()(L.Add()([x, L.Conv2D(filters, 3, padding="same")(y)]))


def residual(blocks):
    i = kk.Input((8, 8, 4))
    x = i
    for _ in range(blocks):
        x = block(x)
    return kk.Model(i, L.Dense(2)(L.GlobalAveragePooling2D()(x)))


class Block(kk.layers.Layer):
    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.norm = L.LayerNormalization(name="norm")
        self.inner = L.Dense(size, name="inner")

    def call(self, x):
        return kk.ops.relu(x + self.inner(self.norm(x)))


class Net(kk.Model):
    def __init__(self, blocks=4, **kwargs):
        super().__init__(**kwargs)
        self.embed = L.Embedding(10, 8, name="embed")
        self.blocks = [Block(8, name=f"b{i}") for i in range(blocks)]
        self.head = L.Dense(3, name="head")

    def call(self, x):
        x = self.embed(x)
        for one in self.blocks:
            x = one(x)
        return self.head(x)


def test_a_small_model_column_by_column():
    model = kk.Sequential(
        [kk.Input((4,), name="i"), L.Dense(8, activation="relu", name="a"), L.Dense(2, name="b")], name="m"
    )
    model.layers[1].trainable = False
    table = Table(describe(model))
    assert table.names == ["i", "a", "b", "output"]
    assert [schema.KINDS[k] for k in table.nodes["kind"]] == ["input", "layer", "layer", "output"]
    assert table.nodes["params"] == [0, 40, 18, 0] and table.nodes["trainable_params"] == [0, 40, 0, 0]
    assert table.nodes["trainable"] == [None, 1, 0, None]
    assert table.of("activation", "a") == "relu" and table.of("config", "a") == "units=8, activation='relu'"
    assert [table.raw["tensors"][t][1:] for t in table.nodes["outputs"][1]] == [[None, 8]]
    assert table.raw["totals"]["frozen_params"] == 18 and table.raw["totals"]["weight_bytes"] == 58 * 4
    assert table.edges() == {("i", "a"), ("a", "b"), ("b", "output")}


def test_floating_point_operations_are_about_those_that_xla_counts():
    model = kk.Sequential(
        [kk.Input((16, 16, 3)), L.Conv2D(8, 3, padding="valid"), L.Conv2D(8, 3, groups=2), L.Flatten(), L.Dense(10)]
    )
    counted = describe(model)["totals"]["flops"]
    weights = [v.value for v in model.trainable_variables], []
    xla = cost_of(lambda x: model.stateless_call(*weights, x)[0], np.ones((1, 16, 16, 3), "float32")).flops
    assert counted == pytest.approx(xla, rel=0.05)


def test_flops_of_scans_count_each_round():
    model = kk.Sequential([kk.Input((50, 4)), L.SimpleRNN(8)])
    assert describe(model)["totals"]["flops"] > 50 * 2 * (4 * 8 + 8 * 8)


def test_a_nested_model_is_a_group_and_a_shared_one_stands_once():
    encoder = kk.Sequential([kk.Input((8,)), L.Dense(4, name="d")], name="encoder")
    a, b = kk.Input((8,), name="l"), kk.Input((8,), name="r")
    table = Table(describe(kk.Model([a, b], L.Subtract(name="sub")([encoder(a), encoder(b)]))))
    assert table.kinds()["encoder"] == "group" and table.of("calls", "encoder") == 2
    inside = [path for path in table.paths if path.startswith("encoder/")]
    assert len(inside) == 2 and table.of("params", "encoder") == 36 == table.raw["totals"]["params"]
    entry = next(path for path in inside if path != "encoder/d")
    assert {("l", entry), ("r", entry), (entry, "encoder/d"), ("encoder/d", "sub")} <= table.edges()
    e = table.raw["edges"]
    into = [call for t, call in zip(e["target"], e["call"]) if table.path(t) == entry]
    assert into == [0, 1]


def test_an_edge_out_of_a_nested_model_leaves_from_the_right_layer():
    i, j = kk.Input((6,)), kk.Input((6,))
    two = kk.Model(i, [L.Dense(2, name="p")(i), L.Dense(3, name="q")(i)], name="two")
    p, q = two(j)
    table = Table(describe(kk.Model(j, [L.Dense(1, name="r")(p), L.Dense(1, name="s")(q)])))
    assert {("two/p", "r"), ("two/q", "s")} <= table.edges()
    assert ("two/p", "s") not in table.edges()


def test_repeated_blocks_fold_and_each_is_reachable():
    table = Table(describe(residual(12)))
    kinds = table.kinds()
    assert kinds["block"] == "repeat" and table.of("count", "block") == 12
    assert [path for path, kind in kinds.items() if kind == "block"] == [f"block/block {i}" for i in range(1, 13)]
    assert sum(path.startswith("block/block 12/") for path in table.paths) == 5
    assert table.of("params", "block") == 12 * table.of("params", "block/block 1")
    assert "repeat" not in Table(describe(residual(12), fold=False)).kinds().values()


def test_blocks_that_are_wired_otherwise_do_not_fold():
    i = x = kk.Input((8,))
    for skip in (True, False, True, True, False):
        y = L.Dense(8)(L.LayerNormalization()(x))
        x = L.Add()([x, y]) if skip else L.Add()([y, y])
    assert "repeat" not in Table(describe(kk.Model(i, x))).kinds().values()


def test_a_subclassed_model_shows_its_calls_and_those_of_its_own_layers():
    kk.ops.relu(kk.Input((3,)))  # names that are taken elsewhere put no numbers behind these
    net = Net(name="net")
    net(kk.ops.zeros((2, 5), "int32"))
    table = Table(describe(net))
    assert table.of("count", "Block") == 4
    entry = "Block/b2/x"
    assert {("Block/b1/relu", entry), (entry, "Block/b2/norm"), ("Block/b2/norm", "Block/b2/inner")} <= table.edges()
    assert ("Block/b3/relu", "head") in table.edges()
    assert table.of("flops", "Block") == 4 * table.of("flops", "Block/b0") > 0
    assert table.raw["error"] is None and table.raw["note"] == ""


def test_describing_leaves_no_trace():
    net = Net()
    net(kk.ops.zeros((2, 5), "int32"))
    before = {layer: list(layer._inbound_nodes) for layer in (net, *net.layers)}
    weights, name = net.get_weights(), L.Dense(1).name
    describe(net)
    assert before == {layer: list(layer._inbound_nodes) for layer in (net, *net.layers)}
    assert all((a == b).all() for a, b in zip(weights, net.get_weights()))
    assert int(L.Dense(1).name.rpartition("_")[2]) == int(name.rpartition("_")[2] or 0) + 1
    assert net.losses == []


def test_code_that_gives_tensors_to_jax_is_traced_by_jax():
    class Mixed(kk.Model):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = L.Dense(3, name="a"), L.Dense(3, name="b"), L.Dense(3, name="c")

        def call(self, x):
            left, right = self.a(x), self.b(x)
            return self.c(jnp.tanh(left) * jnp.where(right > 0, right, 0.0))

    model = Mixed()
    model(kk.ops.zeros((2, 5)))
    table = Table(describe(model))
    assert {("x", "a"), ("x", "b"), ("a", "mul"), ("b", "mul"), ("mul", "c"), ("c", "output")} == table.edges()
    assert table.raw["error"] is None


@pytest.mark.parametrize("raw", [False, True], ids=["ops", "jax.numpy"])
def test_a_call_that_fails_is_marked_and_what_came_before_is_there(raw):
    class Broken(kk.Model):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = L.Dense(3, name="a"), L.Conv2D(4, 3, name="b"), L.Dense(2, name="c")

        def call(self, x):
            x = self.a(x)
            return self.c(self.b(jnp.sin(x) if raw else x))

    table = Table(describe(Broken(), (2, 5)))
    assert [table.of("state", name) for name in "abc"] == [schema.OK, schema.FAILED, schema.UNREACHED]
    error = table.raw["error"]
    assert error["layer"] == "b" and error["shapes"] == [[None, 3]] and "expected 4 dimensions" in error["message"]
    assert table.names[error["node"]] == "b" and ("x", "a") in table.edges()


def test_a_failure_deep_inside_is_marked_where_it_is():
    class Inner(kk.layers.Layer):
        def __init__(self):
            super().__init__(name="inner")
            self.bad = L.Conv2D(4, 3, name="bad")

        def call(self, x):
            return self.bad(x)

    class Outer(kk.Model):
        def __init__(self):
            super().__init__()
            self.inner = Inner()

        def call(self, x):
            return self.inner(x)

    table = Table(describe(Outer(), (None, 5)))
    assert table.of("state", "inner/bad") == schema.FAILED


def test_a_model_that_nobody_called_says_so():
    table = Table(describe(Net(name="fresh")))
    assert "not called yet" in table.raw["note"] and table.raw["edges"]["source"] == []
    assert set(table.nodes["state"]) <= {schema.UNREACHED, schema.OK}


def test_a_model_of_strings_has_no_cost():
    lookup = L.StringLookup(vocabulary=["a", "b"])
    i = kk.Input((1,), dtype="string")
    model = kk.Model(i, L.Embedding(4, 2)(lookup(i)))
    table = Table(describe(model))
    assert None in table.nodes["flops"] and table.raw["totals"]["params"] == 8


def test_shared_weights_are_counted_once():
    dense = L.Dense(4)
    i = kk.Input((4,))
    table = Table(describe(kk.Model(i, dense(dense(i)))))
    assert table.raw["totals"]["params"] == 20 and table.of("calls", dense.name) == 2


def test_a_deep_chain_is_walked_without_recursion():
    i = x = kk.Input((4,))
    same = L.Identity()
    for _ in range(1000):
        x = same(x)
    table = Table(describe(kk.Model(i, x), costs=False))
    assert table.of("calls", same.name) == 1000


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(version=2),
        lambda d: d["nodes"]["parent"].__setitem__(0, 0),
        lambda d: d["nodes"]["parent"].__setitem__(0, 5),
        lambda d: d["nodes"]["params"].__setitem__(0, float("nan")),
        lambda d: d["nodes"]["params"].__setitem__(0, -1),
        lambda d: d["nodes"]["kind"].__setitem__(0, 77),
        lambda d: d["nodes"]["name"].__setitem__(0, 10**6),
        lambda d: d["nodes"].pop("flops"),
        lambda d: d["edges"]["target"].__setitem__(0, 99),
        lambda d: d["edges"]["target"].append(1),
        lambda d: d["strings"].append("x" * 5000),
        lambda d: d["strings"].append(3),
        lambda d: d["tensors"].append([0] * 99),
        lambda d: d["totals"].update(params="many"),
        lambda d: d.update(nodes=[]),
    ],
)
def test_a_description_from_a_stranger_is_checked(change):
    description = describe(kk.Sequential([kk.Input((4,)), L.Dense(2)]))
    check(description)
    change(description)
    with pytest.raises(ValueError, match=r"description|version"):
        check(description)


def test_a_summary_asks_no_layer_for_its_arguments(monkeypatch):
    model = kk.Sequential([kk.Input((4,)), kk.layers.Dense(2, activation="relu", name="head")])
    whole = describe(model)
    monkeypatch.setattr("kernelkit.serialize.shown_texts", lambda *_: pytest.fail("read the arguments"))
    found = describe(model, costs=False, fold=False, configs=False)
    assert whole["nodes"]["config"][1] is not None and found["nodes"]["config"] == [None] * 3
    assert {name: column for name, column in found["nodes"].items() if name in ("params", "trainable", "calls")} == {
        name: whole["nodes"][name] for name in ("params", "trainable", "calls")
    }
    told = []
    model.summary(print_fn=told.append)
    assert "head (Dense)" in told[0]


@pytest.mark.parametrize("name", ["head", "층_머리"])
def test_a_summary_as_wide_as_its_table_has_one_line_a_layer_and_a_narrower_one_cuts_no_letter(name):
    model = kk.Sequential([kk.Input((4,)), kk.layers.Dense(2, name=name)], name="m")
    lines = []
    model.summary(print_fn=lambda text: lines.append(text.splitlines()))
    table = lines[0][1:6]
    wide = len(table[0])
    for width in (wide, wide - 1, 30):
        model.summary(line_length=width, print_fn=lambda text: lines.append(text.splitlines()))
        assert all(len(line) <= width for line in lines[-1] if line[:1] in "┏┃┡│└")
    assert lines[1][1:6] == table and len(lines[2]) > len(lines[1])
    for found in lines[2:]:
        cells = ["".join(line.split("│")[1].split()) for line in found if line.startswith("│")]
        assert "".join(cells) == f"{name}(Dense)"


@pytest.mark.parametrize("name", ["층", "two\nlines"])
def test_a_summary_that_fits_looks_as_one_that_rich_draws(name, monkeypatch):
    told = []
    x = kk.Input((4,), name="입력")
    shared = kk.layers.Dense(4, name=name)
    model = kk.Model(x, kk.layers.Add(name="sum")([shared(x), shared(shared(x))]), name="m")
    for options in ({}, {"show_trainable": True}):
        model.summary(print_fn=told.append, **options)
        with monkeypatch.context() as patch:
            patch.setattr("kernelkit.models.summary._breadth", lambda _: 1000)  # nothing fits
            patch.setattr("kernelkit.models.summary._drawn", lambda *_: pytest.fail("drawn without rich"))
            model.summary(print_fn=told.append, **options)
        assert told[-1] == told[-2] and "┃ Layer (type)" in told[-1]
