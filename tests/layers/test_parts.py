"""Which layers and variables are parts of a layer, and in which order: as in Keras, attributes set again included."""

import keras
import numpy as np
import pytest

import kernelkit as kk

X = np.ones((2, 4), "float32")


def dense(p, units):
    layer = p.layers.Dense(units)
    layer.build((None, 4))
    return layer


def owner(p, base, first, then):
    """A layer that sets its attributes by two functions, the second one on what the first made."""

    class Owner(base(p)):
        def __init__(self):
            super().__init__()
            first(self, p)
            then(self, p)

        def call(self, x):
            return x * 1.0

    made = Owner()
    made(X)
    return made


def parts(o, p):
    o.one, o.many, o.named = dense(p, 2), [dense(p, 3), dense(p, 5)], {"a": dense(p, 6)}
    o.scale = p.Variable(np.ones(7, "float32"))


def again(o, p):
    o.one = dense(p, 8)


def list_again(o, p):
    o.many = [dense(p, 9)]


def variable_again(o, p):
    o.scale = p.Variable(np.ones(9, "float32"))


def deleted(o, p):
    del o.one, o.many


def moved(o, p):
    o.other, o.one = o.one, None


def reversed_list(o, p):
    o.many = o.many[::-1]


def the_same(o, p):
    o.one, o.many = o.one, list(o.many)


def shorter(o, p):
    o.many.pop(0)
    o.named.clear()


def all_again(o, p):
    parts(o, p)


def none_first(o, p):
    o.first = o.second = o.vector = o.other = None
    o.second, o.first = dense(p, 2), dense(p, 3)
    o.other, o.vector = p.Variable(np.ones(4, "float32")), p.Variable(np.ones(5, "float32"))


def filled_later(o, p):
    o.blocks, o.downs, o.by_name, o.nested = [], [], {}, [[]]
    o.head = dense(p, 2)
    for i in range(2):
        o.blocks.append(dense(p, 3 + i))
        o.downs.append(dense(p, 5 + i))
    o.by_name["k"] = dense(p, 7)
    o.nested[0].append(dense(p, 8))
    o.last = dense(p, 9)
    o.downs.append(dense(p, 10))


def filled_at_once(o, p):
    head, blocks = dense(p, 2), [dense(p, 3), dense(p, 4)]
    o.blocks, o.head = blocks, head


AGAIN = (again, list_again, variable_again, deleted, moved, reversed_list, the_same, shorter, all_again)


@pytest.mark.parametrize("then", [*AGAIN, none_first, filled_later, filled_at_once], ids=lambda f: f.__name__)
@pytest.mark.parametrize("base", [lambda p: p.layers.Layer, lambda p: p.Model], ids=["layer", "model"])
def test_weights_and_their_order_are_keras_s(base, then):
    made = [owner(p, base, parts, then) for p in (keras, kk)]
    theirs, ours = ([tuple(w.shape) for w in m.weights] for m in made)
    assert ours == theirs
    theirs, ours = ([type(layer).__name__ for layer in m._flatten_layers(include_self=False)] for m in made)
    assert ours == theirs


@pytest.mark.parametrize("then", [again, list_again, all_again, none_first, filled_later], ids=lambda f: f.__name__)
def test_files_go_both_ways(then, tmp_path):
    for writer, reader in ((keras, kk), (kk, keras), (kk, kk)):
        made, other = (owner(p, lambda p: p.Model, parts, then) for p in (writer, reader))
        made.set_weights([np.full(w.shape, i, "float32") for i, w in enumerate(made.weights)])
        made.save_weights(tmp_path / "m.weights.h5")
        other.load_weights(tmp_path / "m.weights.h5")
        assert [set(np.ravel(w)) for w in other.get_weights()] == [{float(i)} for i in range(len(made.weights))]


def test_a_functional_model_keeps_what_its_attributes_held():
    def make(p):
        class Functional(p.Model):
            def __init__(self):
                inputs = p.Input((4,))
                self.a = dense(p, 2)
                self.a = dense(p, 3)
                super().__init__(inputs, self.a(inputs))
                self.b = dense(p, 5)
                self.b = dense(p, 6)

        return Functional()

    theirs, ours = make(keras), make(kk)
    assert [tuple(w.shape) for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
    assert [type(layer).__name__ for layer in ours.layers] == ["InputLayer", "Dense"]
    assert ours.count_params() == theirs.count_params() == 10 + 15 + 25 + 30


def test_layers_without_weights_and_parts_of_a_built_layer_leave_with_their_attribute():
    def first(o, p):
        o.one = p.layers.Dense(3)

    made = owner(kk, lambda p: p.Model, first, first)
    assert len(made.layers) == 1  # the first Dense has no weights that a file or a list could hold
    made.one = dense(kk, 5)
    made.one = dense(kk, 6)  # Keras refuses parts of a layer that is built
    assert [w.shape for w in made.weights] == [(4, 6), (6,)]


def test_a_sequential_forgets_a_layer_that_was_taken_out():
    model = kk.Sequential([kk.layers.Dense(2)])
    model.build((None, 4))
    model.pop()
    model.add(kk.layers.Dense(3))
    model.build((None, 4))
    assert [w.shape for w in model.weights] == [(4, 3), (3,)]


def test_a_subclass_may_use_any_public_name_for_its_own():
    class Dated(kk.layers.Dense):
        def __init__(self, units):
            super().__init__(units)
            self.made_at = "2026-01-01"

    class Block(kk.layers.Layer):
        def __init__(self):
            super().__init__()
            self.parts = [Dated(2), Dated(3)]

        def call(self, x):
            return self.parts[1](self.parts[0](x))

    block = Block()
    block(np.ones((1, 4)))
    assert [v.shape for v in block.weights] == [(4, 2), (2,), (2, 3), (3,)]
