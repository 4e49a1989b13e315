"""`TFSMLayer`: a SavedModel of TensorFlow as a layer."""

from __future__ import annotations

import os
import threading
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit import dtypes, serialize
from kernelkit.layers.layer import Layer
from kernelkit.typing import DType, Tensor, Tree
from kernelkit.variable import Variable

__all__ = ["TFSMLayer"]


class TFSMLayer(Layer):
    """Read a SavedModel as a trainable layer.

    TensorFlow computes the endpoint and its gradients on the CPU; jax calls it from inside its compiled steps. The
    file's variables are weights of the layer. Each call copies arrays from jax to TensorFlow and back, so the layer is
    for using a file that exists, not for speed. A SavedModel can hold operations that read and write files: open only
    files that you trust.

    Args:
        filepath: The folder of the SavedModel.
        call_endpoint: Name of the endpoint that the layer calls: ``"serve"`` in files of `model.export`, often
            ``"serving_default"`` in others.
        call_training_endpoint: Name of the endpoint that the layer calls in training; by default ``call_endpoint``.
        trainable: Whether the file's trainable variables are trained.
        name: Name.
        dtype: Dtype policy.

    Raises:
        ImportError: If TensorFlow is not installed.
        ValueError: If the folder is not a SavedModel, or has no such endpoint.

    Example:
        >>> import tempfile
        >>> import tensorflow
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(2)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     report = model.export(f"{folder}/saved", verbose=False)
        ...     kk.layers.TFSMLayer(f"{folder}/saved")(kk.ops.ones((4, 3))).shape
        (4, 2)
    """

    def __init__(
        self,
        filepath: str | os.PathLike,
        call_endpoint: str = "serve",
        call_training_endpoint: str | None = None,
        trainable: bool = True,
        name: str | None = None,
        dtype: DType = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(trainable=trainable, name=name, dtype=dtype, **kwargs)
        self.filepath = os.fspath(filepath)
        self.call_endpoint = call_endpoint
        self.call_training_endpoint = call_training_endpoint
        if serialize.in_safe_mode():
            raise ValueError(
                f"{self.who()}: the config in the loaded file names the SavedModel {self.filepath!r}, which can read "
                "and write files when it runs. In safe mode it is not opened. If you trust it, pass safe_mode=False to "
                "load_model()."
            )
        tf = _tensorflow(self.who())
        if not os.path.exists(os.path.join(self.filepath, "saved_model.pb")):
            raise ValueError(f"{self.who()}: {self.filepath!r} is not a SavedModel: it has no file saved_model.pb.")
        self._program = _Loaded(tf, self.filepath, [call_endpoint, call_training_endpoint], self.who())
        self._weights = [self._variable(variable) for variable in self._program.variables]
        self.built = True

    def _variable(self, variable: Any) -> Variable:
        value = variable.numpy()
        return self.add_weight(
            value.shape,
            lambda shape, dtype: jnp.asarray(value, dtype),
            dtype=dtypes.canonical(value.dtype.name).name,
            trainable=variable.trainable,
            autocast=False,
            name=variable.name.partition(":")[0].replace("/", "_"),
        )

    def call(self, inputs: Tree, training: bool = False) -> Tree:
        wanted = training and self.call_training_endpoint
        endpoint = self.call_training_endpoint if wanted else self.call_endpoint
        given = jax.tree.map(jnp.asarray, inputs)
        return _run(self._program, str(endpoint), [v.value for v in self._weights], given)

    def get_config(self) -> dict:
        """Return the arguments; the SavedModel itself stays where it is."""
        return {
            **super().get_config(),
            "filepath": self.filepath,
            "call_endpoint": self.call_endpoint,
            "call_training_endpoint": self.call_training_endpoint,
        }


class _Loaded:
    """A SavedModel that was read."""

    def __init__(self, tf: Any, path: str, names: list[str | None], who: str) -> None:
        self.tf = tf
        self.loaded = tf.saved_model.load(path)  # TensorFlow frees the variables with this object
        self.endpoints = {name: self._endpoint(name, who) for name in dict.fromkeys(names) if name is not None}
        self.variables: list[Any] = []
        for concrete in [c for e in self.endpoints.values() for c in getattr(e, "concrete_functions", [e])]:
            self.variables += [v for v in concrete.variables if all(v is not other for other in self.variables)]
        self._shapes: dict[Any, Any] = {}
        self._lock = threading.Lock()  # the variables are shared by all threads

    def _endpoint(self, name: str, who: str) -> Any:
        signatures = self.loaded.signatures
        found = getattr(self.loaded, name, None)
        if callable(found):
            return found
        if name in signatures:
            return _by_position(signatures[name], who)
        raise ValueError(f"{who}: the SavedModel has no endpoint {name!r}. It has {sorted(signatures)}.")

    def shapes(self, endpoint: str, weights: list, inputs: Tree) -> Any:
        """Return the outputs' shapes and dtypes, from a run on zeros, because a file may not contain them."""
        leaves, tree = jax.tree.flatten(inputs)
        key = (endpoint, tree, tuple((v.shape, jnp.dtype(v.dtype)) for v in leaves))
        if key not in self._shapes:
            zeros = jax.tree.unflatten(tree, [np.zeros(v.shape, v.dtype) for v in leaves])
            made = self.endpoints[endpoint](jax.tree.map(self.tf.constant, zeros))
            self._shapes[key] = jax.tree.map(
                lambda t: jax.ShapeDtypeStruct(tuple(t.shape), dtypes.canonical(t.dtype.name)), made
            )
        return self._shapes[key]

    def _assign(self, weights: list) -> None:
        for variable, value in zip(self.variables, weights, strict=True):
            variable.assign(np.asarray(value))

    def forward(self, endpoint: str, weights: list, inputs: Tree) -> Tree:
        """Return the outputs as NumPy arrays."""
        with self._lock:
            self._assign(weights)
            made = self.endpoints[endpoint](jax.tree.map(self._tensor, inputs))
            return jax.tree.map(_numpy, made)

    def backward(self, endpoint: str, weights: list, inputs: Tree, gradients: Tensor) -> Tree:
        """Return the gradients of the trainable variables and of the float inputs, as NumPy arrays."""
        tf = self.tf
        with self._lock:
            self._assign(weights)
            given = jax.tree.map(self._tensor, inputs)
            sources = [v for v in self.variables if v.trainable]
            sources += [t for t in jax.tree.leaves(given) if t.dtype.is_floating]
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(sources)
                made = jax.tree.leaves(self.endpoints[endpoint](given))
            pairs = zip(made, jax.tree.leaves(gradients), strict=True)
            reached = [(output, self._tensor(g)) for output, g in pairs if output.dtype.is_floating]
            found = tape.gradient(
                [output for output, _ in reached],
                sources,
                [g for _, g in reached],
                unconnected_gradients=tf.UnconnectedGradients.ZERO,
            )
            return [_numpy(tf.convert_to_tensor(g)) for g in found]

    def _tensor(self, value: Tensor) -> Any:
        return self.tf.constant(np.asarray(value))


def _run(program: _Loaded, endpoint: str, weights: list, inputs: Tree) -> Tree:
    """Return an endpoint's outputs; jax can differentiate this function."""
    outputs = program.shapes(endpoint, weights, inputs)
    like = lambda tree: jax.tree.map(lambda v: jax.ShapeDtypeStruct(v.shape, v.dtype), tree)  # noqa: E731
    is_trained = [v.trainable for v in program.variables]
    is_float = [jnp.issubdtype(v.dtype, jnp.floating) for v in jax.tree.leaves(inputs)]

    @jax.custom_vjp
    def call(weights: list, inputs: Tree) -> Tree:
        run = lambda *args: program.forward(endpoint, *args)  # noqa: E731
        return jax.pure_callback(run, outputs, weights, inputs, vmap_method="sequential")

    def forward(*args: Any) -> tuple[Tree, Tree]:
        return call(*args), args

    def backward(args: tuple, gradients: Tensor) -> tuple:
        weights, inputs = args
        leaves, tree = jax.tree.flatten(inputs)
        wanted = [w for w, chosen in zip([*weights, *leaves], [*is_trained, *is_float], strict=True) if chosen]
        run = lambda *args: program.backward(endpoint, *args)  # noqa: E731
        found = iter(jax.pure_callback(run, like(wanted), weights, inputs, gradients, vmap_method="sequential"))
        for_weights = [
            next(found) if chosen else _no_gradient(w) for w, chosen in zip(weights, is_trained, strict=True)
        ]
        for_inputs = [next(found) if chosen else None for chosen in is_float]
        return for_weights, jax.tree.unflatten(tree, for_inputs)

    call.defvjp(forward, backward)
    return call(weights, inputs)


def _no_gradient(weight: jax.Array) -> Any:
    return jnp.zeros_like(weight) if jnp.issubdtype(weight.dtype, jnp.floating) else None


def _by_position(signature: Any, who: str) -> Any:
    """Return a signature, which takes tensors by name, as a function of one tensor or of a dict."""
    names = list(signature.structured_input_signature[1])

    def call(inputs: Tree) -> Tree:
        if isinstance(inputs, dict):
            return signature(**inputs)
        if len(names) != 1:
            raise ValueError(f"{who}: the endpoint takes a dict of tensors with the keys {names}.")
        return signature(**{names[0]: inputs})

    call.concrete_functions = [signature]  # type: ignore[attr-defined]
    return call


def _numpy(tensor: Tensor) -> np.ndarray:
    value = tensor.numpy()
    return np.asarray(value, dtypes.canonical(value.dtype.name))


def _tensorflow(who: str) -> Any:
    try:
        import tensorflow
    except ImportError as error:
        raise ImportError(f"{who} needs TensorFlow: pip install tensorflow. Only this layer needs it.") from error
    return tensorflow
