"""Merging layers against Keras: values, gradients, masks, errors."""

import keras
import numpy as np
import pytest

import kernelkit as kk
from tests.layers.twins import check, equal, rand

ELEMENTWISE = ["Add", "Multiply", "Average", "Maximum", "Minimum"]


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("shapes", [[(2, 3, 4)] * 3, [(2, 3, 4), (2, 1, 4)], [(2, 3, 4), (2, 4)], [(2, 3)]])
def test_elementwise_equals_keras(name, shapes):
    check(name, [rand(*shape) for shape in shapes])


def test_subtract_equals_keras():
    check("Subtract", [rand(2, 3), rand(2, 3)])


@pytest.mark.parametrize(
    ("axis", "shapes"), [(-1, [(2, 3), (2, 4)]), (1, [(2, 3, 4), (2, 1, 4)]), (2, [(2, 3, 1)] * 3), (-1, [(2, 3)])]
)
def test_concatenate_equals_keras(axis, shapes):
    check("Concatenate", [rand(*shape) for shape in shapes], axis=axis)


@pytest.mark.parametrize(
    ("axes", "shapes", "normalize"),
    [
        (1, [(2, 3), (2, 3)], False),
        (-1, [(2, 3, 4), (2, 5, 4)], False),
        ((2, 1), [(2, 3, 4), (2, 4, 5)], False),
        ((2, 1), [(2, 3, 4), (2, 4)], False),
        (2, [(2, 3, 4), (2, 3, 4)], True),
        ((2, 2), [(2, 3, 4, 5), (2, 3, 4, 6)], False),
        ((3, 1), [(2, 3, 4, 5), (2, 5, 4, 6)], False),
    ],
)
def test_dot_equals_keras(axes, shapes, normalize):
    check("Dot", [rand(*shape) for shape in shapes], axes=axes, normalize=normalize)


@pytest.mark.parametrize("name", [*ELEMENTWISE, "Subtract"])
def test_functional_forms(name):
    inputs = [rand(2, 3), rand(2, 3)]
    layer = getattr(kk.layers, name)()
    equal(getattr(kk.layers, name.lower())(inputs), layer(inputs))


def test_functional_forms_with_an_axis():
    inputs = [rand(2, 3), rand(2, 3)]
    equal(kk.layers.concatenate(inputs, axis=1), np.concatenate(inputs, 1))
    equal(kk.layers.dot(inputs, axes=1, name="d"), (inputs[0] * inputs[1]).sum(1, keepdims=True))


def masks(k):
    """Two embeddings that mask different steps, and an input that has no mask."""
    embed = k.layers.Embedding(5, 4, mask_zero=True)
    ids = np.array([[1, 0, 2], [0, 0, 3]]), np.array([[1, 1, 0], [0, 4, 3]])
    return embed(ids[0]), embed(ids[1]), k.ops.ones((2, 3, 4))


@pytest.mark.parametrize("name", ["Add", "Maximum", "Concatenate"])
@pytest.mark.parametrize("chosen", [(0, 1), (0, 2), (2, 2)])
@pytest.mark.parametrize("axis", [-1, 1])
def test_masks_merge_as_in_keras(name, chosen, axis):
    options = {"axis": axis} if name == "Concatenate" else {}
    found = []
    for k, mask_of in ((kk, kk.masking.get_mask), (keras, lambda y: getattr(y, "_keras_mask", None))):
        inputs = masks(k)
        found.append(mask_of(getattr(k.layers, name)(**options)([inputs[i] for i in chosen])))
    ours, theirs = found
    if theirs is None:
        assert ours is None
    else:
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", ["Add", "Concatenate"])
def test_masks_are_given_one_for_each_input(name):
    layer, inputs = getattr(kk.layers, name)(), [kk.Input((3, 4)), kk.Input((3, 4))]
    mask = np.ones((2, 3), bool)
    assert layer.compute_mask(inputs, None) is None
    assert layer.compute_mask(inputs, [mask, kk.Variable(mask)]).shape == (2, 3)
    for wrong, text in ((mask, "`mask` should be a list"), ([mask], "same length")):
        with pytest.raises(ValueError, match=text):
            layer.compute_mask(inputs, wrong)
    with pytest.raises(ValueError, match="`inputs` should be a list"):
        layer.compute_mask(inputs[0], [mask])


WRONG = [
    ("Add", {}, rand(2, 3), "takes a list of inputs"),
    ("Add", {}, [rand(2, 3), rand(2, 4)], "axis 1 differs"),
    ("Add", {}, [rand(2, 3), rand(1, 3)], "axis 0 differs"),
    ("Subtract", {}, [rand(2, 3)] * 3, "exactly 2"),
    ("Concatenate", {}, [rand(2, 3, 4), rand(2, 1, 4)], "axis 1 differs"),
    ("Concatenate", {"axis": 3}, [rand(2, 3)] * 2, "no common axis 3"),
    ("Dot", {"axes": (1, 2)}, [rand(2, 3, 4)] * 2, "sizes 3 and 4"),
    ("Dot", {"axes": 0}, [rand(2, 3)] * 2, "cannot be summed over"),
    ("Dot", {"axes": 1}, [rand(2, 3)], "exactly 2"),
]


@pytest.mark.parametrize(("name", "options", "inputs", "message"), WRONG)
def test_says_what_is_wrong(name, options, inputs, message):
    with pytest.raises(ValueError, match=message):
        getattr(kk.layers, name)(**options)(inputs)


@pytest.mark.parametrize("axes", ["a", (1, 2, 3), None])
def test_dot_refuses_strange_axes(axes):
    with pytest.raises(ValueError, match="axes must be"):
        kk.layers.Dot(axes)


@pytest.mark.parametrize("name", ["Multiply", "Maximum", "Minimum"])
@pytest.mark.parametrize("both", [True, False])
def test_masked_positions_leave_the_other_input_as_it_is(name, both):
    first = np.array([[[0, 0], [1, 2], [0, 0], [3, 4]]], "float32")
    second = np.array([[[0, 0], [0, 0], [5, 6], [7, 8]]], "float32")

    def merged(k):
        mask = k.layers.Masking()
        a, b = mask(k.ops.convert_to_tensor(first)), k.ops.convert_to_tensor(second)
        return getattr(k.layers, name)()([a, mask(b) if both else b])

    equal(merged(kk), merged(keras))
