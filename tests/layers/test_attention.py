"""Attention layers: outputs, weights, gradients and masks equal to Keras's."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import kernelkit as kk
from kernelkit import masking
from kernelkit.layers import attention_masks
from tests.layers.twins import check_config, equal, rand, share_weights

pytestmark = pytest.mark.one_in(7)

QUERY, VALUE, KEY = rand(2, 4, 5), rand(2, 3, 5), rand(2, 3, 5)
QUERY_MASK = np.array([[1, 1, 0, 0], [1, 1, 1, 1]], bool)
VALUE_MASK = np.array([[1, 0, 0], [1, 1, 0]], bool)
PAIRS = np.array([[[1, 0, 1], [1, 1, 1], [0, 1, 0], [0, 0, 1]], [[1, 1, 1]] * 4], bool)
MULTI = [
    ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3}),
    ("GroupQueryAttention", {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}),
]
LISTS = [
    ("Attention", {}),
    ("Attention", {"use_scale": True}),
    ("Attention", {"score_mode": "concat"}),
    ("Attention", {"score_mode": "concat", "use_scale": True}),
    ("AdditiveAttention", {}),
    ("AdditiveAttention", {"use_scale": False}),
]
MASKS = [
    {},
    {"value_mask": VALUE_MASK},
    {"query_mask": QUERY_MASK, "value_mask": VALUE_MASK},
    {"key_mask": VALUE_MASK, "attention_mask": PAIRS},
    {"attention_mask": PAIRS[0]},
    {"attention_mask": PAIRS[:, None]},
    {"attention_mask": PAIRS[:, :1].astype("int32")},
    {"use_causal_mask": True},
    {"use_causal_mask": True, "value_mask": VALUE_MASK, "attention_mask": PAIRS},
]


def built(name, options, *inputs, **call):
    ours, theirs = getattr(kk.layers, name)(**options), getattr(keras.layers, name)(**options)
    ours(*inputs, **call)
    theirs(*inputs, **call)
    share_weights(ours, theirs)
    return ours, theirs


def same(ours, theirs, *inputs, **call):
    """Compare outputs."""
    mine, other = ours(*inputs, **call), theirs(*inputs, **for_keras(theirs, call))
    for a, b in zip(jax.tree.leaves(mine), jax.tree.leaves(other), strict=True):
        equal(a, b)
    return mine


def for_keras(layer, call):
    """Return a call's masks so that Keras's layer heeds them: it drops a `query_mask` that is no mask of an input's."""
    if not isinstance(layer, keras.layers.MultiHeadAttention) or "query_mask" not in call:
        return call
    rest = {k: v for k, v in call.items() if k not in ("query_mask", "value_mask")}
    return {**rest, "attention_mask": call["query_mask"][:, :, None] & call["value_mask"][:, None]}


def same_gradients(ours, theirs, *inputs, **call):
    """Compare gradients of weights and inputs."""

    def gradients(layer, values):
        def loss(weights, inputs):
            outputs, _ = layer.stateless_call(weights, [], *inputs, **for_keras(layer, call))
            return sum(jnp.sum(jnp.sin(y)) for y in jax.tree.leaves(outputs))

        return jax.jit(jax.grad(loss, (0, 1)))(values, jax.tree.map(jnp.asarray, inputs))

    values = [v.value for v in theirs.trainable_variables]
    for a, b in zip(jax.tree.leaves(gradients(ours, values)), jax.tree.leaves(gradients(theirs, values)), strict=True):
        equal(a, b, 1e-4)


@pytest.mark.parametrize("call", MASKS, ids=lambda c: "-".join(c) or "plain")
@pytest.mark.parametrize(("name", "options"), MULTI)
def test_projected_attention_equals_keras(name, options, call):
    ours, theirs = built(name, options, QUERY, VALUE)
    same(ours, theirs, QUERY, VALUE, KEY, **call)
    _, weights = same(ours, theirs, QUERY, VALUE, return_attention_scores=True, **call)
    assert weights.shape == (2, ours.query_dense.kernel.shape[1], 4, 3)


@pytest.mark.parametrize(("name", "options"), MULTI)
def test_gradients_equal_keras(name, options):
    ours, theirs = built(name, options | {"use_gate": True}, QUERY, VALUE)
    scores = name == "MultiHeadAttention"  # with them and without, the layers take different ways
    masks = {"value_mask": VALUE_MASK, "attention_mask": PAIRS[:, :1]}
    same_gradients(ours, theirs, QUERY, VALUE, KEY, **masks, return_attention_scores=scores)


@pytest.mark.parametrize(("name", "options"), [LISTS[1], LISTS[3], LISTS[4]])
def test_gradients_of_list_attention_equal_keras(name, options):
    ours, theirs = built(name, options, [QUERY, VALUE])
    same_gradients(ours, theirs, [QUERY, VALUE, KEY], mask=[QUERY_MASK, VALUE_MASK], use_causal_mask=True)


@pytest.mark.parametrize(
    "options",
    [{"use_gate": True}, {"use_bias": False}, {"sliding_window": 2}, {"sliding_window": 2, "use_gate": True}],
    ids=lambda o: "-".join(o),
)
@pytest.mark.parametrize(("name", "basic"), MULTI)
def test_options_equal_keras(name, basic, options):
    ours, theirs = built(name, basic | options, QUERY, VALUE)
    same(ours, theirs, QUERY, VALUE)
    same(ours, theirs, QUERY, VALUE, use_causal_mask=True, return_attention_scores=True)
    check_config(ours, theirs)


@pytest.mark.parametrize(
    ("options", "shape"), [({"output_shape": 7}, (7,)), ({"output_shape": (3, 2)}, (3, 2)), ({}, (5,))]
)
def test_output_shape_and_value_dim_equal_keras(options, shape):
    ours, theirs = built(
        "MultiHeadAttention",
        {"num_heads": 2, "key_dim": 3, "value_dim": 4, **options},
        QUERY,
        VALUE,
        return_attention_scores=True,
    )
    # Only with the weights returned: without, Keras on jax refuses values of another size than the keys.
    outputs, _ = same(ours, theirs, QUERY, VALUE, return_attention_scores=True)
    assert outputs.shape == (2, 4, *shape)
    equal(ours(QUERY, VALUE), outputs)
    check_config(ours, theirs)


@pytest.mark.parametrize(
    ("axes", "mask_shape", "weights"),
    [
        (None, (2, 4, 5, 4, 5), (2, 2, 4, 5, 4, 5)),
        ((1,), (2, 4, 4), (2, 5, 2, 4, 4)),
        (1, (2, 5, 4, 4), (2, 5, 2, 4, 4)),
        (2, (2, 1, 5, 5), (2, 4, 2, 5, 5)),
        ((-2,), (5, 5), (2, 4, 2, 5, 5)),
        ((1, 2), (2, 1, 1, 4, 5), (2, 2, 4, 5, 4, 5)),
    ],
)
def test_attention_along_chosen_axes_equals_keras(axes, mask_shape, weights):
    x = rand(2, 4, 5, 6)
    positive = tuple(a % 4 for a in axes) if isinstance(axes, tuple) else axes
    ours = kk.layers.MultiHeadAttention(2, 3, attention_axes=axes)
    theirs = keras.layers.MultiHeadAttention(2, 3, attention_axes=positive)
    ours(x, x)
    theirs(x, x)
    share_weights(ours, theirs)
    mask = rand(*mask_shape) > -0.5
    same(ours, theirs, x, x, attention_mask=mask)
    _, scores = same(ours, theirs, x, x, return_attention_scores=True)
    assert scores.shape == weights
    if positive in (1, (1,)):
        same(ours, theirs, x, x, use_causal_mask=True)


def test_a_mask_of_all_positions_follows_the_attention_axes():
    x = rand(2, 4, 5, 6)
    mask = rand(2, 4, 5) > 0
    layer = kk.layers.MultiHeadAttention(2, 3, attention_axes=1)
    _, weights = layer(x, x, value_mask=mask, return_attention_scores=True)
    unseen = np.broadcast_to(~mask.transpose(0, 2, 1)[:, :, None, None, :], weights.shape)
    assert (np.asarray(weights)[unseen] == 0).all()
    both = kk.layers.MultiHeadAttention(2, 3)
    _, weights = both(x, x, value_mask=mask, return_attention_scores=True)
    assert (np.asarray(weights)[np.broadcast_to(~mask[:, None, None, None], weights.shape)] == 0).all()


@pytest.mark.parametrize("call", [{}, {"use_causal_mask": True}], ids=["plain", "causal"])
@pytest.mark.parametrize("mask", [None, [QUERY_MASK, VALUE_MASK], [None, VALUE_MASK], [QUERY_MASK, None]])
@pytest.mark.parametrize(("name", "options"), LISTS)
def test_list_attention_equals_keras(name, options, mask, call):
    ours, theirs = built(name, options, [QUERY, VALUE])
    same(ours, theirs, [QUERY, VALUE], mask=mask, return_attention_scores=True, **call)
    if mask is None:
        same(ours, theirs, [QUERY, VALUE, KEY], **call)
    else:
        inputs = [jnp.asarray(QUERY), jnp.asarray(VALUE)]
        theirs_mask = theirs.compute_mask(inputs, mask)
        assert (ours.compute_mask(inputs, mask) is None) == (theirs_mask is None)


@pytest.mark.parametrize(("name", "options"), LISTS)
def test_list_attention_config_is_kerass(name, options):
    check_config(*built(name, {**options, "dropout": 0.3, "seed": 4}, [QUERY, VALUE]))


@pytest.mark.parametrize(("name", "options"), MULTI)
def test_config_is_kerass_and_makes_an_equal_layer(name, options):
    options = {**options, "dropout": 0.3, "seed": 4, "kernel_initializer": "he_normal", "activity_regularizer": "l2"}
    ours, theirs = built(name, options, QUERY, VALUE)
    check_config(ours, theirs)
    clone = type(ours).from_config(ours.get_config())
    clone.build_from_config(ours.get_build_config())
    clone.set_weights(ours.get_weights())
    equal(clone(QUERY, VALUE), ours(QUERY, VALUE))
    assert kk.layers.deserialize(kk.layers.serialize(ours)).get_config() == ours.get_config()
    assert kk.layers.serialize(ours)["class_name"] == keras.saving.serialize_keras_object(theirs)["class_name"]


@pytest.mark.parametrize(("name", "options"), MULTI)
def test_activity_losses_equal_keras(name, options):
    ours, theirs = built(name, {**options, "activity_regularizer": "l2"}, QUERY, VALUE)
    for call in ({}, {"return_attention_scores": True}):
        ours(QUERY, VALUE, **call)
        theirs(QUERY, VALUE, **call)
        np.testing.assert_allclose(sorted(map(float, ours.losses)), sorted(map(float, theirs.losses)), rtol=1e-5)


@pytest.mark.parametrize(("name", "options"), MULTI)
def test_weights_begin_different_unless_seeded(name, options):
    layer = getattr(kk.layers, name)(**options)
    layer(QUERY, QUERY)
    assert not np.allclose(layer.key_dense.kernel, layer.value_dense.kernel)
    seeded = getattr(kk.layers, name)(**options, kernel_initializer=kk.initializers.GlorotUniform(seed=1))
    seeded(QUERY, QUERY)
    np.testing.assert_array_equal(seeded.key_dense.kernel, seeded.value_dense.kernel)


@pytest.mark.parametrize(("name", "options"), MULTI)
def test_masks_travel_through(name, options):
    x = kk.layers.Masking()(np.where(QUERY_MASK[..., None], QUERY, 0))
    ours, theirs = built(name, options, QUERY, QUERY)
    y = ours(x, x)
    equal(y, theirs(x, x, **for_keras(theirs, {"query_mask": QUERY_MASK, "value_mask": QUERY_MASK})))
    np.testing.assert_array_equal(masking.get_mask(y), QUERY_MASK)


def test_masks_travel_through_a_list():
    x = kk.layers.Masking()(np.where(QUERY_MASK[..., None], QUERY, 0))
    ours, theirs = built("Attention", {}, [QUERY, QUERY])
    y = ours([x, x])
    equal(y, theirs([x, x], mask=[QUERY_MASK, QUERY_MASK]))
    np.testing.assert_array_equal(masking.get_mask(y), QUERY_MASK)


@pytest.mark.parametrize(("name", "options"), MULTI)
def test_symbolic_shapes(name, options):
    query, value = kk.Input((4, 5)), kk.Input((None, 5))
    layer = getattr(kk.layers, name)(**options)
    outputs, weights = layer(query, value, return_attention_scores=True)
    assert outputs.shape == (None, 4, 5)
    assert weights.shape == (None, layer.query_dense.kernel.shape[1], 4, None)
    assert layer(query, value, use_causal_mask=True).shape == (None, 4, 5)
    assert layer.compute_output_shape((2, 4, 5), (2, 3, 5)) == (2, 4, 5)
    listed = kk.layers.Attention()
    assert [t.shape for t in listed([query, value], return_attention_scores=True)] == [(None, 4, 5), (None, 4, None)]
    assert listed.compute_output_shape([(2, 4, 5), (2, 3, 7), (2, 3, 5)]) == (2, 4, 7)


@pytest.mark.parametrize(("name", "options"), [*MULTI, ("Attention", {}), ("AdditiveAttention", {})])
def test_dropout_in_training_only_and_by_its_seed(name, options):
    def layer():
        made = getattr(kk.layers, name)(**options, dropout=0.5, seed=3)
        inputs = ([QUERY, VALUE],) if name.endswith("Attention") and not options else (QUERY, VALUE)
        made(*inputs)
        made.set_weights([np.full(w.shape, 0.3) for w in made.weights])
        return lambda **call: np.asarray(made(*inputs, **call))

    first, second = layer(), layer()
    np.testing.assert_array_equal(first(), first(training=False))
    dropped = first(training=True)
    np.testing.assert_array_equal(dropped, second(training=True))
    assert not np.allclose(dropped, first(training=True))
    assert not np.allclose(dropped, first())


@pytest.mark.parametrize(("name", "options"), MULTI)
def test_mixed_precision(name, options):
    layer = getattr(kk.layers, name)(**options, dtype="mixed_bfloat16")
    outputs, weights = layer(QUERY, VALUE, value_mask=VALUE_MASK, return_attention_scores=True)
    assert outputs.dtype == weights.dtype == jnp.bfloat16
    assert layer.query_dense.kernel.dtype == "float32"
    half = kk.layers.Attention(dtype="float16")([QUERY, VALUE], mask=[None, VALUE_MASK])
    assert half.dtype == jnp.float16
    assert np.isfinite(half).all()


def test_a_row_without_keys_has_finite_gradients():
    def loss(scores):
        weights = attention_masks.masked_softmax(scores, jnp.zeros(3, bool))
        return weights.sum() + attention_masks.soft_masked(scores, jnp.zeros(3, bool))[0]

    assert np.isfinite(jax.grad(loss)(jnp.ones(3))).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: kk.layers.MultiHeadAttention(0, 3),
            "'multi_head_attention.*argument `num_heads` must be a positive integer, got 0",
        ),
        (lambda: kk.layers.MultiHeadAttention(2, 3, dropout=2), "argument `dropout`"),
        (lambda: kk.layers.MultiHeadAttention(2, 3, sliding_window=0), "sliding_window must be a positive int"),
        (
            lambda: kk.layers.MultiHeadAttention(2, 3, flash_attention=True, dropout=0.1),
            "Dropout is not supported when flash attention",
        ),
        (
            lambda: kk.layers.MultiHeadAttention(2, 3, flash_attention=True)(
                QUERY, QUERY, return_attention_scores=True
            ),
            "scores is not supported when flash attention",
        ),
        (lambda: kk.layers.MultiHeadAttention(2, 3)(QUERY[0], QUERY[0]), r"batch, positions, features.*\(4, 5\)"),
        (
            lambda: kk.layers.MultiHeadAttention(2, 3)(QUERY, VALUE, QUERY),
            "ranks of query, value and key must be equal",
        ),
        (lambda: kk.layers.MultiHeadAttention(2, 3, attention_axes=0)(QUERY, QUERY), "not the first"),
        (
            lambda: kk.layers.MultiHeadAttention(2, 3)(rand(2, 3, 4, 5), rand(2, 3, 4, 5), use_causal_mask=True),
            "Choose one axis with attention_axes",
        ),
        (
            lambda: kk.layers.MultiHeadAttention(2, 3, name="m")(QUERY, VALUE, attention_mask=np.ones((2, 3, 4))),
            r"Layer 'm'.*attention_mask must have a shape ending in \(4, 3\), got \(2, 3, 4\)",
        ),
        (
            lambda: kk.layers.GroupQueryAttention(3, 4, 3),
            "num_key_value_heads must divide num_query_heads, got 3 and 4",
        ),
        (lambda: kk.layers.GroupQueryAttention(3, 4, 2)(rand(2, 3, 4, 5), VALUE), "batch, positions, features"),
        (lambda: kk.layers.Attention(score_mode="x"), "Expected one of {'dot', 'concat'}, got 'x'"),
        (lambda: kk.layers.Attention()(QUERY), r"list of length 2 or 3, \[query, value\].*one tensor"),
        (lambda: kk.layers.Attention()([QUERY]), "got 1 inputs"),
        (lambda: kk.layers.AdditiveAttention()([QUERY, VALUE], mask=QUERY_MASK), "mask must be a list"),
    ],
)
def test_errors_say_what_to_do(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def subclass(library):
    """A tutorial's attention with a bias for each distance, written with Keras's private names."""
    ops = library.ops

    class Biased(library.layers.MultiHeadAttention):
        def _compute_attention(
            self, query, key, value, attention_mask=None, training=None, return_attention_scores=False
        ):
            query = ops.multiply(query, self._inverse_sqrt_key_dim)
            scores = ops.einsum(self._dot_product_equation, key, query)
            count = len(self._attention_axes)
            distance = ops.arange(scores.shape[-1]) / 2
            scores = self._masked_softmax(scores + ops.cast(distance, scores.dtype), attention_mask)
            assert scores.ndim == 2 + 2 * count + (query.ndim - 3 - count)
            dropped = self._dropout_layer(scores, training=training)
            return ops.einsum(self._combine_equation, dropped, value), scores

    return Biased


@pytest.mark.parametrize(
    ("shape", "axes"), [((2, 5, 4), None), ((2, 3, 5, 4), (2,)), ((2, 3, 5, 4), (1, 2)), ((2, 3, 5, 4), (1,))]
)
def test_a_subclass_computes_attention_its_own_way(shape, axes):
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    layers = [subclass(library)(2, 3, attention_axes=axes) for library in (keras, kk)]
    for layer in layers:
        layer.build(shape, shape)
    rng = np.random.default_rng(1)
    weights = [rng.normal(size=w.shape).astype("float32") for w in layers[0].get_weights()]
    count = len(axes or (1,))
    sizes = [shape[a] for a in axes or (1,)]
    outer = (2,) if len(shape) == 3 or count == 2 else (2, [3, 5][axes[0] == 1])
    mask = rng.random((*outer, *sizes, *sizes)) > 0.3
    mask |= np.eye(int(np.prod(sizes)), dtype=bool).reshape(*sizes, *sizes)
    results = []
    for layer in layers:
        layer.set_weights(weights)
        plain = layer(x, x)
        masked, scores = layer(x, x, attention_mask=mask, return_attention_scores=True)
        results.append([np.asarray(a) for a in (plain, masked, scores)])
    for expected, result in zip(*results, strict=True):
        np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)
    usual = kk.layers.MultiHeadAttention(2, 3, attention_axes=axes)
    usual.build(shape, shape)
    usual.set_weights(weights)
    assert np.abs(np.asarray(usual(x, x)) - results[1][0]).max() > 1e-3  # the subclass's rule is what was computed


def test_a_subclass_of_grouped_attention_gets_a_key_head_for_each_query_head():
    seen = []

    class Own(kk.layers.GroupQueryAttention):
        def _compute_attention(self, query, key, value, attention_mask=None, training=None):
            seen.append((query.shape, key.shape, None if attention_mask is None else attention_mask.shape, training))
            return value, None

    x = np.ones((2, 5, 4), "float32")
    Own(4, 6, 2)(x, x, use_causal_mask=True, training=True)
    assert seen[-1] == ((2, 5, 6, 4), (2, 5, 6, 4), (5, 5), True)


def near(library, name):
    """An attention layer whose scores are distances."""

    class Near(getattr(library.layers, name)):
        def _calculate_scores(self, query, key):
            return -library.ops.sum((query[:, :, None] - key[:, None]) ** 2, axis=-1)

    return Near(use_scale=False)


@pytest.mark.parametrize("name", ["Attention", "AdditiveAttention"])
def test_a_subclass_has_scores_of_its_own(name):
    x = np.random.default_rng(0).normal(size=(2, 5, 4)).astype("float32")
    np.testing.assert_allclose(near(kk, name)([x, x]), near(keras, name)([x, x]), rtol=1e-5, atol=1e-6)
