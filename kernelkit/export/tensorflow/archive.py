"""`ExportArchive`: a SavedModel with endpoints of your choice."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable
from typing import Any

import jax.tree_util as jtu
import numpy as np

from kernelkit.export import signature as signatures
from kernelkit.export.folder import replacing_folder
from kernelkit.export.program import Program
from kernelkit.export.pure import named_variables
from kernelkit.export.signature import Signature
from kernelkit.export.tensorflow import convert
from kernelkit.layers.layer import Layer
from kernelkit.typing import Tree
from kernelkit.variable import Variable

OWN = ("saved_model.pb", "variables", "assets", "assets.extra", "fingerprint.pb", "keras_metadata.pb", "debug")
_RESERVED = ("variables", "trainable_variables", "non_trainable_variables", "signatures")


class ExportArchive:
    """Write a SavedModel of TensorFlow with one or more endpoints.

    Every variable that an endpoint uses becomes a `tf.Variable` in the file, trained or not as it is in kernelkit, so
    TensorFlow can train the file further. TensorFlow is imported here and nowhere else in kernelkit.

    Args:
        format: ``"saved_model"``, the only format.

    Raises:
        ImportError: If TensorFlow is not installed.

    Example:
        >>> import tempfile
        >>> import tensorflow as tf
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(2)])
        >>> archive = kk.export.ExportArchive()
        >>> archive.track(model)
        >>> endpoint = archive.add_endpoint("serve", model.call, [kk.InputSpec("float32", shape=(None, 3))])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     archive.write_out(f"{folder}/saved", verbose=False)
        ...     loaded = tf.saved_model.load(f"{folder}/saved")
        ...     loaded.serve(tf.ones((4, 3))).shape.as_list()
        [4, 2]
    """

    def __init__(self, format: str = "saved_model") -> None:
        if format != "saved_model":
            raise ValueError(f"ExportArchive writes format='saved_model', got {format!r}.")
        self._tf = convert.import_tensorflow()
        self._root = self._tf.__internal__.tracking.AutoTrackable()
        self._variables: list[Variable] = []
        self._tf_variables: dict[int, Any] = {}
        self._endpoints: dict[str, Any] = {}
        self._signatures: dict[str, Any] = {}
        self._collections: dict[str, list] = {}
        self._resources: list[Any] = []

    @property
    def variables(self) -> list[Any]:
        """The `tf.Variable` of each tracked variable."""
        return [self._tf_variables[id(v)] for v in self._variables]

    @property
    def trainable_variables(self) -> list[Any]:
        """The `tf.Variable` of each tracked variable that is trained."""
        return [v for v in self.variables if v.trainable]

    @property
    def non_trainable_variables(self) -> list[Any]:
        """The `tf.Variable` of each tracked variable that is not trained."""
        return [v for v in self.variables if not v.trainable]

    def track(self, resource: Any) -> None:
        """Keep the variables of a layer or model, or a resource of TensorFlow such as a lookup table.

        Args:
            resource: A layer or model that is built, or a trackable object of TensorFlow.

        Raises:
            ValueError: If it is neither, or a layer that is not built.
        """
        if hasattr(resource, "trainable_variables") and hasattr(resource, "built"):
            if not resource.built:
                raise ValueError(
                    f"{type(resource).__name__} {resource.name!r} has no weights yet: call it on a batch of data "
                    "before you track it."
                )
            self._make(resource.variables)
        elif isinstance(resource, self._tf.__internal__.tracking.Trackable):
            self._resources.append(resource)
        else:
            raise ValueError(
                "Invalid resource type: ExportArchive.track() takes a layer, a model or a resource of TensorFlow, "
                f"got {resource!r}."
            )

    def add_endpoint(self, name: str, fn: Callable, input_signature: Tree = None, **kwargs: Any) -> Any:
        """Add a function that the file offers by name.

        Args:
            name: Name of the endpoint. The first one is offered as ``serving_default`` too.
            fn: A function of kernelkit's ops, layers and variables, such as ``model.call``; or a `tf.function`.
            input_signature: A list with an entry for each argument of ``fn``: a spec (`InputSpec`, `KerasTensor`,
                `tf.TensorSpec`, array), or specs nested as the argument is. A size of ``None`` stays open. Needed
                unless ``fn`` is a `tf.function` that was called.
            **kwargs: ``is_static``: whether values that ``fn`` assigns to variables are dropped; by default the
                endpoint assigns them. ``jax2tf_kwargs``: arguments of `jax2tf.convert`, among them
                ``polymorphic_shapes``, such as ``["(batch, a, a)"]`` for squares of any size.

        Returns:
            The `tf.function`.

        Raises:
            ValueError: If the name is taken or no name, the signature is missing, or ``fn`` needs an open size as a
                number.
        """
        self._check_name(name)
        is_static, options = bool(kwargs.pop("is_static", False)), dict(kwargs.pop("jax2tf_kwargs", None) or {})
        if kwargs:
            raise TypeError(f"add_endpoint() got unknown arguments {sorted(kwargs)}.")
        if isinstance(fn, self._tf.types.experimental.GenericFunction):
            return self._add_of_tensorflow(name, fn, input_signature)
        if input_signature is None:
            raise ValueError(
                f"Endpoint {name!r}: you must provide an `input_signature`, a list with a spec for each argument, such "
                "as [kernelkit.InputSpec(shape=(None, 3), dtype='float32')]."
            )
        given = input_signature if isinstance(input_signature, (list, tuple)) else [input_signature]
        signature = signatures.from_specs(list(given))
        shapes = options.pop("polymorphic_shapes", None)
        pure = convert.purified(fn, self._variables, signature, name, is_static, shapes)
        self._make(pure.variables)
        run = convert.converted(pure.function, pure.arguments, **options)
        values = [self._tf_variables[id(v)] for v in pure.variables]
        written = [self._tf_variables[id(v)] for v in pure.written]

        def endpoint(*inputs: Any) -> Tree:
            outputs, changes = run(values, *signature.flatten(list(inputs)))
            for variable, value in zip(written, changes, strict=True):
                variable.assign(value)
            return jtu.tree_map(lambda i: outputs[i], pure.struct)

        specs = convert.tf_specs(signature, pure.arguments)
        endpoint = convert.named_arguments(endpoint, _positional(fn, len(signature.struct)))
        function = self._tf.function(endpoint, input_signature=signature.nest(specs), autograph=False)
        self._add(name, function, function)
        return function

    def track_and_add_endpoint(self, name: str, resource: Any, input_signature: Tree = None, **kwargs: Any) -> Any:
        """Track a layer or model, and add its call as an endpoint.

        Args:
            name: Name of the endpoint.
            resource: A layer or model that is built.
            input_signature: As in :meth:`add_endpoint`; by default the inputs of the model.
            **kwargs: As in :meth:`add_endpoint`.

        Returns:
            The `tf.function`.
        """
        self.track(resource)
        if input_signature is None and hasattr(resource, "called_with"):
            known = signatures.of_model(resource).positional()
            input_signature = known.nest(known.inputs)
        return self.add_endpoint(name, resource, input_signature, **kwargs)

    def add_program(self, name: str, model: Any, program: Program, is_static: bool = False, **options: Any) -> None:
        """Add the traced program of a model, with the model's names of inputs and outputs.

        Args:
            name: Name of the endpoint.
            model: The model.
            program: Its program.
            is_static: Whether the changes that a prediction makes to variables are dropped.
            **options: Arguments of `jax2tf.convert`.
        """
        self._check_name(name)
        signature = program.signature.positional()
        if program.changed and not is_static:
            flat = signature._replace(struct=list(range(len(signature.inputs))))
            pure = convert.purified(program.call, self._variables, flat, name, is_static=False)
            function, variables, changed = pure.function, pure.variables, pure.written
        else:
            _, trainable, state = named_variables(model)
            function, variables, changed = (
                lambda weights, *inputs: (program.function(weights, *inputs), []),
                [*trainable.values(), *state.values()],
                [],
            )
        self._make(variables)
        run = convert.converted(function, program.arguments, **options)
        values = [self._tf_variables[id(v)] for v in variables]
        written = [self._tf_variables[id(v)] for v in changed]

        def endpoint(*inputs: Tree) -> Tree:
            outputs, changes = run(values, *signature.flatten(list(inputs)))
            for variable, value in zip(written, changes, strict=True):
                variable.assign(value)
            return jtu.tree_map(lambda i: outputs[i], program.struct)

        specs = convert.tf_specs(signature, program.arguments)
        endpoint = convert.named_arguments(endpoint, _argument_names(program.signature))
        function = self._tf.function(endpoint, input_signature=signature.nest(specs), autograph=False)
        self._add(name, function, convert.signature_function(function, signature, specs, program.outputs))

    def add_variable_collection(self, name: str, variables: Iterable[Variable]) -> None:
        """Add a list of variables, which a reader finds under a name.

        Args:
            name: The attribute that holds the list after `tf.saved_model.load`.
            variables: Variables of kernelkit, such as ``model.optimizer.variables``.

        Raises:
            ValueError: If an entry is not a variable, or the name is taken.
        """
        self._check_name(name)
        chosen = list(variables)
        for variable in chosen:
            if not isinstance(variable, Variable):
                raise ValueError(f"Collection {name!r} takes kernelkit's variables, got {variable!r}.")
        self._make(chosen)
        self._collections[name] = [self._tf_variables[id(v)] for v in chosen]

    def write_out(self, filepath: str | os.PathLike, options: Any = None, verbose: bool = True) -> None:
        """Write the SavedModel, whole or not at all.

        Args:
            filepath: The folder. A SavedModel there is replaced; a folder with other files is an error.
            options: `tf.saved_model.SaveOptions`; by default gradients are written.
            verbose: Whether the endpoints are printed.

        Raises:
            ValueError: If there is no endpoint.
            FileExistsError: If the folder holds other files than a SavedModel.
        """
        if not self._endpoints:
            raise ValueError("No endpoints have been set. Add one: add_endpoint() or track_and_add_endpoint().")
        root, tf = self._root, self._tf
        for name, function in self._endpoints.items():
            setattr(root, name, function)
        for name, collection in self._collections.items():
            setattr(root, name, list(collection))
        root.variables, root.trainable_variables = self.variables, self.trainable_variables
        root.non_trainable_variables = self.non_trainable_variables
        root._resources = list(self._resources)
        signatures_ = dict(self._signatures)
        if signatures_:
            signatures_.setdefault("serving_default", next(iter(signatures_.values())))
        options = options or tf.saved_model.SaveOptions(experimental_custom_gradients=True)
        with replacing_folder(filepath, OWN, "a SavedModel") as folder:
            tf.saved_model.save(root, folder, signatures=signatures_ or None, options=options)
        if verbose:
            import sys

            said = f"SavedModel {os.fspath(filepath)!r} with the endpoints {', '.join(self._endpoints)}.\n"
            if sys.stdout is not None:
                sys.stdout.write(said)

    def _make(self, variables: Iterable[Variable]) -> None:
        """Track variables: make the `tf.Variable` of each new one."""
        for v in variables:
            if id(v) not in self._tf_variables:
                name = convert.safe_name(v.path.replace("/", "__")).replace("__", "/")
                made = self._tf.Variable(np.asarray(v.value), trainable=v.trainable, name=name)
                self._tf_variables[id(v)] = made
                self._variables.append(v)

    def _check_name(self, name: str) -> None:
        if not isinstance(name, str) or not name.isidentifier() or name.startswith("_") or name in _RESERVED:
            raise ValueError(f"The name of an endpoint or collection must be a Python name, got {name!r}.")
        if name in self._endpoints or name in self._collections:
            raise ValueError(
                f"The name {name!r} is already taken by another endpoint or collection of this archive: choose another."
            )

    def _add_of_tensorflow(self, name: str, fn: Any, input_signature: Tree) -> Any:
        tf = self._tf
        if input_signature is not None:
            given = input_signature if isinstance(input_signature, (list, tuple)) else [input_signature]
            signature = signatures.from_specs(list(given))
            specs = [
                tf.TensorSpec(s.shape, tf.as_dtype(s.dtype), name=convert.safe_name(s.name)) for s in signature.inputs
            ]
            fn.get_concrete_function(*signature.nest(specs))
        elif getattr(fn, "input_signature", None) is None and not _traces(fn):
            raise ValueError(
                f"Endpoint {name!r} is a tf.function that was not called yet: you must either provide a function that "
                "was called once, or an `input_signature`."
            )
        self._add(name, fn, fn)
        return fn

    def _add(self, name: str, endpoint: Any, serving: Any) -> None:
        self._endpoints[name] = endpoint
        if getattr(serving, "input_signature", None) is None:
            traces = _traces(serving)
            serving = traces[0] if len(traces) == 1 else None  # a server needs one fixed signature
        if serving is not None:
            self._signatures[name] = serving


def _positional(fn: Callable, count: int) -> list[str]:
    """Return the names of the first arguments that a function takes by position, or numbered ones if it names fewer."""
    layer = fn if isinstance(fn, Layer) else getattr(fn, "__self__", None)
    if isinstance(layer, Layer) and (fn is layer or getattr(fn, "__name__", "") == "__call__"):
        fn = layer.call
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    try:
        names = [p.name for p in inspect.signature(fn).parameters.values() if p.kind in kinds]
    except (TypeError, ValueError):  # a function of C
        names = []
    return names[:count] if len(names) >= count else [f"inputs_{i}" for i in range(count)]


def _argument_names(signature: Signature) -> list[str]:
    """Return the names of the arguments of a model's call: those of its specs where one argument is one array."""
    args, kwargs = signature.arguments(range(len(signature.inputs)))
    if len(args) + len(kwargs) == 1:
        return ["inputs"]
    firsts = [signature.inputs[at].name if isinstance(at, int) else f"args_{i}" for i, at in enumerate(args)]
    return [*firsts, *kwargs]


def _traces(fn: Any) -> list:
    """Return the concrete functions of a `tf.function`."""
    listed = getattr(fn, "_list_all_concrete_functions", None) or getattr(
        fn, "_list_all_concrete_functions_for_serialization", None
    )
    return list(listed()) if listed is not None else []
