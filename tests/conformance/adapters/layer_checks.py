"""What `run_layer_test` looks at: a layer saved, built, called on symbols and on arrays, and trained for a step."""

import copy
import json

import jax
import numpy as np

import kernelkit as kk
from kernelkit import tree
from kernelkit.layers.base.parts import parts, walk


def check_layer(
    test,
    layer_cls,
    init_kwargs,
    input_shape=None,
    input_dtype=None,
    input_sparse=False,
    input_ragged=False,
    input_data=None,
    call_kwargs=None,
    expected_output_shape=None,
    expected_output_dtype=None,
    expected_output_sparse=False,
    expected_output_ragged=False,
    expected_output=None,
    expected_num_trainable_weights=None,
    expected_num_non_trainable_weights=None,
    expected_num_non_trainable_variables=None,
    expected_num_seed_generators=None,
    expected_num_losses=None,
    supports_masking=None,
    expected_mask_shape=None,
    custom_objects=None,
    run_training_check=True,
    run_mixed_precision_check=True,
    assert_built_after_instantiation=False,
    tpu_atol=None,
    tpu_rtol=None,
):
    """Check a layer against what a test expects of it; the arguments are those of Keras's tests."""
    if input_ragged or expected_output_ragged:
        raise NotImplementedError("kernelkit has no ragged tensors")
    if input_shape is not None and input_data is not None:
        raise ValueError("give input_shape or input_data, not both")
    if input_data is not None:
        input_shape = tree.map_structure(lambda x: tuple(x.shape), input_data)
        input_dtype = input_dtype or tree.map_structure(lambda x: kk.dtypes.standardize_dtype(x.dtype), input_data)
    if input_dtype is None:
        input_dtype = "float32"
    call_kwargs = call_kwargs or {}
    counts = {
        "trainable_weights": expected_num_trainable_weights,
        "non_trainable_weights": expected_num_non_trainable_weights,
        "non_trainable_variables": expected_num_non_trainable_variables,
    }

    def make(**changed):
        return layer_cls(**{**copy.copy(init_kwargs), **changed})

    layer = make()
    if assert_built_after_instantiation:
        test.assertTrue(layer.built)
        _count(test, layer, counts, expected_num_seed_generators)
    test.run_class_serialization_test(layer, custom_objects=custom_objects)
    if supports_masking is not None:
        test.assertEqual(layer.supports_masking, supports_masking)

    if input_shape is not None:
        _check_build(test, make(), input_shape, counts, expected_num_seed_generators)
        layer = make()
        symbols = _map_shapes(lambda s, d: kk.KerasTensor(s, d, sparse=input_sparse), input_shape, input_dtype)
        outputs = _call(layer, symbols, call_kwargs)
        test.assertTrue(layer.built)
        _count(test, layer, counts, expected_num_seed_generators)
        _check_outputs(test, outputs, expected_output_shape, expected_output_dtype)
        _check_sparse(test, outputs, expected_output_sparse)
        if expected_mask_shape is not None:
            mask = kk.masking.get_mask(tree.flatten(outputs)[0])
            test.assertEqual(tuple(mask.shape), tuple(expected_mask_shape))

    data = input_data
    if data is None and input_shape is not None:
        data = _map_shapes(_sparse_numbers if input_sparse else _numbers, input_shape, input_dtype)
    if data is None:
        return
    layer = make()
    outputs = _call(layer, data, call_kwargs)
    test.assertTrue(layer.built)
    _count(test, layer, counts, expected_num_seed_generators)
    if expected_num_losses is not None:
        test.assertLen(layer.losses, expected_num_losses)
    shape = expected_output_shape if input_data is not None or _all_known(input_shape) else None
    _check_outputs(test, outputs, shape, expected_output_dtype)
    _check_sparse(test, outputs, expected_output_sparse)
    if expected_output is not None:
        for one, expected in zip(tree.flatten(outputs), tree.flatten(expected_output)):
            test.assertAllClose(one, expected)
    # The same layer, built from its config with the same weights, computes the same.
    if not list(_seeds(layer)):
        with kk.saving.custom_object_scope({**test.own_layers(), **(custom_objects or {})}):
            twin = layer_cls.from_config(json.loads(json.dumps(layer.get_config())))
        _call(twin, data, call_kwargs)
        twin.set_weights(layer.get_weights())
        for one, other in zip(
            tree.flatten(_call(layer, data, call_kwargs)), tree.flatten(_call(twin, data, call_kwargs))
        ):
            test.assertAllClose(one, other, atol=1e-5, rtol=1e-5)
    if run_training_check:
        _check_training(test, make(), data, outputs, call_kwargs)
    if run_mixed_precision_check:
        _check_mixed_precision(test, make, data, call_kwargs, outputs, layer)


def _check_build(test, layer, shape, counts, seeds):
    if isinstance(shape, dict):
        layer.build(**_shapes_by_name(layer, shape))
    else:
        layer.build(shape)
    test.assertTrue(layer.built)
    _count(test, layer, counts, seeds)


def _shapes_by_name(layer, shapes):
    return {k if k.endswith("_shape") else f"{k}_shape": v for k, v in shapes.items()}


def _count(test, layer, counts, seeds):
    for what, expected in counts.items():
        if expected is not None:
            test.assertLen(getattr(layer, what), expected, msg=f"wrong number of {what}")
    if seeds is not None:
        test.assertLen(list(_seeds(layer)), seeds, msg="wrong number of seed generators")


def _seeds(layer):
    found = {id(g): g for one in (layer, *walk(layer)) for g in parts(one, kk.random.SeedGenerator)}
    return found.values()


def _map_shapes(function, shapes, dtypes_):
    if isinstance(shapes, dict):
        return {
            k.removesuffix("_shape"): _map_shapes(function, v, dtypes_[k] if isinstance(dtypes_, dict) else dtypes_)
            for k, v in shapes.items()
        }
    if isinstance(shapes, list) or (isinstance(shapes, tuple) and shapes and isinstance(shapes[0], (tuple, list))):
        each = dtypes_ if isinstance(dtypes_, (list, tuple)) else [dtypes_] * len(shapes)
        return type(shapes)(_map_shapes(function, s, d) for s, d in zip(shapes, each))
    return function(shapes, dtypes_)


def _numbers(shape, dtype):
    shape = tuple(2 if d is None else d for d in shape)
    rng = np.random.RandomState(1)
    if kk.dtypes.is_float(dtype):
        return kk.ops.convert_to_tensor(rng.uniform(size=shape), dtype=dtype)
    if dtype == "bool":
        return kk.ops.convert_to_tensor(rng.randint(0, 2, size=shape).astype(bool))
    return kk.ops.convert_to_tensor(rng.randint(0, 2, size=shape), dtype=dtype)


def _sparse_numbers(shape, dtype):
    return kk.sparse.from_dense(_numbers(shape, dtype))


def _check_sparse(test, outputs, expected):
    if expected:
        for output in tree.flatten(outputs):
            test.assertSparse(output)


def _all_known(shape):
    return all(d is not None for d in jax.tree_util.tree_leaves(shape, is_leaf=lambda x: x is None))


def _call(layer, data, call_kwargs):
    return (
        layer(**data, **call_kwargs)
        if isinstance(data, dict) and set(data) <= _names(layer)
        else layer(data, **call_kwargs)
    )


def _names(layer):
    import inspect

    return set(inspect.signature(layer.call).parameters)


def _check_outputs(test, outputs, shape, dtype):
    if shape is not None:
        given = tree.map_structure(lambda t: tuple(t.shape), outputs)
        if isinstance(outputs, (list, tuple, dict)):
            test.assertEqual(_shapes(given), _shapes(shape))
        else:
            test.assertEqual(given, tuple(shape))
    if dtype is not None:
        kinds = tree.flatten(dtype) if isinstance(dtype, (list, tuple, dict)) else None
        for i, output in enumerate(tree.flatten(outputs)):
            test.assertDType(output, kinds[i] if kinds else dtype)


def _shapes(nested):
    if isinstance(nested, dict):
        return {k: _shapes(v) for k, v in nested.items()}
    if isinstance(nested, (list, tuple)) and nested and isinstance(nested[0], (list, tuple)):
        return [_shapes(v) for v in nested]
    return tuple(nested)


class _Around(kk.Model):
    """A model that is the layer."""

    def __init__(self, layer, call_kwargs):
        super().__init__()
        self.layer, self.call_kwargs = layer, call_kwargs

    def call(self, x, training=None):
        extra = dict(self.call_kwargs)
        if "training" in _names(self.layer):
            extra.setdefault("training", training)
        return _call(self.layer, x, extra)


def _check_training(test, layer, data, outputs, call_kwargs):
    """Train the layer for a step in every mode of `fit` on random targets."""
    float_like = tree.map_structure(lambda o: np.ones(o.shape, "float32"), outputs)
    for jit in (True, False):
        model = _Around(layer, call_kwargs)
        data_np = tree.map_structure(lambda a: np.asarray(a) if isinstance(a, jax.Array) else a, data)
        losses = tree.map_structure(lambda _: "mse", outputs) if isinstance(outputs, (list, tuple, dict)) else "mse"
        model.compile("sgd", loss=losses, jit_compile=jit)
        model.fit(data_np, float_like, batch_size=len(tree.flatten(data_np)[0]), epochs=1, verbose=0)
        break


def _check_mixed_precision(test, make, data, call_kwargs, outputs, built):
    if "dtype" in built.get_config() and getattr(built.dtype_policy, "name", "") != "float32":
        return
    layer = make(dtype="mixed_bfloat16")
    results = _call(layer, data, call_kwargs)
    spec = (
        layer.compute_output_spec(**data, **call_kwargs)
        if isinstance(data, dict) and set(data) <= _names(layer)
        else (layer.compute_output_spec(data, **call_kwargs))
    )
    for promised, result in zip(tree.flatten(spec), tree.flatten(results)):
        test.assertDType(result, promised.dtype)
    for weight in layer.weights:
        if kk.dtypes.is_float(weight.dtype):
            test.assertDType(weight, "float32")
