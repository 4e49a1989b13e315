"""`keras.src.testing`: the test case that Keras's tests derive from, and its helpers, written for kernelkit."""

import itertools
import json
import shutil
import sys
import tempfile
import unittest

import numpy as np
from absl.testing import parameterized

import kernelkit as kk
from kernelkit import dtypes, scope
from tests.conformance.adapters import layer_checks


def jax_uses_gpu():
    """Return whether jax computes on a GPU."""
    import jax

    return jax.default_backend() == "gpu"


def uses_gpu():
    """Return whether there is a GPU to compute on."""
    return jax_uses_gpu()


def uses_tpu():
    """Return whether there is a TPU: these runs are made without one."""
    return False


jax_uses_tpu = tensorflow_uses_gpu = tensorflow_uses_tpu = torch_uses_gpu = uses_tpu


def as_numpy(x):
    """Return values as a NumPy array that can be compared."""
    if not isinstance(x, np.ndarray):
        x = kk.ops.convert_to_numpy(x) if hasattr(x, "dtype") else np.asarray(_plain(x))
    if x.dtype.kind == "V" or x.dtype.name == "bfloat16":
        x = x.astype("float32")
    return x


def _plain(x):
    return [_plain(v) for v in x] if isinstance(x, (list, tuple)) else as_numpy(x) if hasattr(x, "dtype") else x


class TestCase(parameterized.TestCase, unittest.TestCase):
    """A test case with assertions about tensors and layers."""

    maxDiff = None

    def setUp(self):
        kk.utils.clear_session(free_memory=False)
        super().setUp()

    def get_temp_dir(self):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def convert_to_numpy(self, x):
        return as_numpy(x)

    def assertAllClose(self, actual, desired, atol=1e-6, rtol=1e-6, tpu_atol=None, tpu_rtol=None, msg=None):
        pairs = _pairs(actual, desired)
        for a, d in pairs:
            np.testing.assert_allclose(as_numpy(a), as_numpy(d), atol=atol, rtol=rtol, err_msg=msg or "")

    def assertRaisesRegex(self, expected_exception, expected_regex, *args, **kwargs):
        """Like unittest's; says when only the words differ."""
        context = _Raises(expected_exception, self, expected_regex)
        return context.handle("assertRaisesRegex", args, kwargs)

    def assertNotAllClose(self, x1, x2, atol=1e-6, rtol=1e-6, msg=None):
        try:
            self.assertAllClose(x1, x2, atol=atol, rtol=rtol)
        except AssertionError:
            return
        raise AssertionError(msg or f"The values are all close: {x1} and {x2}")

    def assertAlmostEqual(self, actual, desired, decimal=3, tpu_decimal=None, msg=None):
        np.testing.assert_almost_equal(as_numpy(actual), as_numpy(desired), decimal=decimal, err_msg=msg or "")

    def assertAllEqual(self, actual, desired, msg=None):
        self.assertEqual(len(actual), len(desired), msg=msg)
        for a, d in zip(actual, desired):
            if isinstance(a, (list, tuple)):
                self.assertAllEqual(a, d, msg=msg)
            elif np.ndim(a) or np.ndim(d):
                np.testing.assert_array_equal(as_numpy(a), as_numpy(d), err_msg=msg or "")
            else:
                self.assertEqual(a, d, msg=msg)

    def assertLen(self, iterable, expected_len, msg=None):
        self.assertEqual(len(iterable), expected_len, msg=msg)

    def assertSparse(self, x, sparse=True):
        self.assertEqual(x.sparse if isinstance(x, kk.KerasTensor) else kk.sparse.is_sparse(x), sparse)

    def assertRagged(self, x, ragged=True):
        self.assertEqual(bool(getattr(x, "ragged", False)), ragged)

    def assertDType(self, x, dtype, msg=None):
        self.assertEqual(dtypes.standardize_dtype(x.dtype), dtypes.standardize_dtype(dtype), msg=msg)

    def assertFileExists(self, path):
        import os

        self.assertTrue(os.path.isfile(path), msg=f"There is no file {path}")

    def own_layers(self):
        """Return the layers that the test's file defines or imports from another one, by name."""
        found = vars(sys.modules[type(self).__module__]).items()
        return {n: c for n, c in found if isinstance(c, type) and issubclass(c, kk.Layer) and "_test" in c.__module__}

    def run_class_serialization_test(self, instance, custom_objects=None):
        """Return an equal object made from the instance's config, having compared the two in every way there is."""
        cls, config = type(instance), instance.get_config()
        # Keras imports what a config names by its module; kernelkit never does, and is told the test's own layers.
        custom_objects = {**self.own_layers(), **(custom_objects or {})}
        with kk.saving.custom_object_scope(custom_objects):
            revived = cls.from_config(json.loads(json.dumps(config)))
        self.assertEqual(_json(revived.get_config()), _json(config))
        self.assertEqual(_public_attributes(instance), _public_attributes(revived))
        written = json.dumps(kk.saving.serialize_keras_object(instance), sort_keys=True)
        again = kk.saving.deserialize_keras_object(
            json.loads(written), custom_objects={**custom_objects, cls.__name__: cls}
        )
        self.assertIsInstance(again, cls)
        self.assertEqual(_json(again.get_config()), _json(config))
        if not isinstance(instance, kk.Layer):
            self.assertEqual(type(again), cls)
        return again

    def run_layer_test(self, layer_cls, init_kwargs, **expectations):
        """Make a layer, save, build and call it in each way, and compare with what the test expects."""
        layer_checks.check_layer(self, layer_cls, init_kwargs, **expectations)


class _Raises(unittest.case._AssertRaisesContext):
    """The context of `assertRaisesRegex`."""

    def __exit__(self, exc_type, exc_value, tb):
        try:
            return super().__exit__(exc_type, exc_value, tb)
        except AssertionError as error:
            if exc_type is not None and issubclass(exc_type, self.expected):
                raise AssertionError(f"own words: {error}") from None
            raise


def _pairs(actual, desired):
    """Return what is to be compared, leaf by leaf where both are nested alike."""
    if isinstance(actual, dict) and isinstance(desired, dict):
        assert set(actual) == set(desired), f"keys differ: {sorted(actual)} and {sorted(desired)}"
        return [pair for key in actual for pair in _pairs(actual[key], desired[key])]
    return [(actual, desired)]


def _json(config):
    return json.dumps(config, sort_keys=True, default=str)


def _public_attributes(instance):
    return {name for name in dir(instance) if not name.startswith("_")}


def get_test_data(train_samples, test_samples, input_shape, num_classes, random_seed=None):
    """Return two sets of normally distributed samples around a centre for each class."""
    rng = np.random.RandomState(random_seed)
    centres = 2 * num_classes * rng.random_sample((num_classes, *input_shape))
    count = train_samples + test_samples
    y = rng.randint(0, num_classes, size=(count,))
    x = np.stack([centres[label] + rng.normal(scale=0.1, size=input_shape) for label in y]).astype("float32")
    return (x[:train_samples], y[:train_samples]), (x[train_samples:], y[train_samples:])


def named_product(*args, **kwargs):
    """Return every combination of a case of each list and of the keyword arguments' values, named by these."""
    cases = []
    for chosen in itertools.product(*args):
        first = {name: value for case in chosen for name, value in case.items()}
        for values in itertools.product(*kwargs.values()):
            case = {**first, **dict(zip(kwargs, values))}
            parts = [str(one["testcase_name"]) for one in chosen if "testcase_name" in one]
            parts += [_text(v) for v in values]
            cases.append({**case, "testcase_name": "_" + "_".join(parts) if parts else ""})
    return cases


def _text(value):
    return (getattr(value, "__name__", None) or str(value)).lower()


__all__ = ["TestCase", "get_test_data", "named_product", "scope"]
