"""Variables: named arrays that training changes.

A :class:`Variable` is a thin wrapper around one `jax.Array`. Pure code never changes the wrapper: it runs inside a
:class:`~kernelkit.scope.StatelessScope`, which gives it traced values in place of the variables' values.
"""

from __future__ import annotations

import inspect
import itertools
import math
import threading
from collections.abc import Callable, Iterable
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit import budget, changes, dtypes, jax_arguments, placement, rich_display, scope
from kernelkit.jax_operators import asks_an_operator
from kernelkit.masked_arrays import unmasked
from kernelkit.operators import Operators
from kernelkit.typing import DType, InitializerLike, Tensor, Tree


class StateLock(type(threading.RLock())):  # type: ignore[misc]
    """The lock of one model's variables.

    A step holds it from taking the arrays until the new arrays are stored. Meanwhile no other thread may read them.
    """

    def __init__(self) -> None:
        self.number = next(_numbers)
        """The lock order: threads that need several locks take them by ascending number, so that no deadlock occurs."""


_numbers = itertools.count()
_no_model = StateLock()
"""The lock of variables that do not belong to a model yet."""


def claim(variables: Iterable[Variable], lock: StateLock) -> tuple[StateLock, ...]:
    """Put variables under the lock of a model, except those that another model's lock guards already.

    Args:
        variables: The variables that the model's steps read and write.
        lock: The model's lock.

    Returns:
        All locks to hold, in order, while a step has these variables' arrays.
    """
    found = {lock}
    for variable in variables:
        with _no_model:  # a thread that waits for this lock checks afterwards whether the variable's lock changed
            if variable._lock is _no_model:
                variable._lock = lock
        found.add(variable._lock)
    return tuple(sorted(found, key=lambda one: one.number))


named_initializers: list[Callable] = []
"""The lookup of initializers by name; `kernelkit.initializers`, a floor above, adds it here."""


def _copied(value: Tensor, dtype: DType) -> jax.Array:
    """Return a value as a jax array; a NumPy array is copied, since its owner could change it later."""
    value = unmasked(value)
    if isinstance(value, np.ndarray):
        # As jnp.array does, but without a program for each shape: 8 ms at a model's first step.
        return jax.device_put(np.asarray(value, dtype), may_alias=False)
    return jnp.array(value, dtype=dtype)


class Variable(Operators):
    """A named array of fixed shape and dtype that can be assigned to.

    Args:
        initializer: The initial value (array-like), a callable ``(shape, dtype) -> array``, or the name of one.
        shape: Tuple of ints; needed only when ``initializer`` is a callable or a name.
        dtype: The dtype's name; by default the dtype of the value, or :func:`kernelkit.config.floatx`.
        trainable: Whether gradients change it.
        autocast: Whether layers under mixed precision read the variable in their compute dtype.
        aggregation: How replicas are combined: ``"none"``, ``"mean"``, ``"sum"`` or ``"only_first_replica"``.
        layout: A sharding, or a :class:`~kernelkit.distribution.TensorLayout`. ``None``: that of the distribution in
            force, or else jax's default placement.
        synchronization: Accepted for compatibility with Keras; jax keeps replicas in step by itself.
        name: Name; the path also has the scopes that were open when the variable was made.

    Raises:
        ValueError: If a callable comes without a shape, or an assigned value has another shape.

    Example:
        >>> import kernelkit as kk
        >>> v = kk.Variable([1.0, 2.0], name="v")
        >>> v.assign_add([1.0, 1.0])
        >>> v.numpy()
        array([2., 3.], dtype=float32)
    """

    _lock: StateLock = _no_model

    def __init__(
        self,
        initializer: InitializerLike,
        shape: tuple | None = None,
        dtype: DType = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str | None = "none",
        layout: Any = None,
        synchronization: str = "auto",
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if kwargs:
            raise TypeError(f"Variable() got unknown arguments {sorted(kwargs)}.")
        name = name or scope.auto_name("variable")
        name = scope.checked_name(name, "A variable's name")
        if aggregation not in (None, "none", "mean", "sum", "only_first_replica"):
            raise ValueError(f"aggregation must be 'none', 'mean', 'sum' or 'only_first_replica', got {aggregation!r}.")
        if synchronization not in (None, "none", "on_read", "on_write", "auto"):
            raise ValueError(
                f"synchronization must be 'none', 'on_read', 'on_write' or 'auto', got {synchronization!r}."
            )
        self.name = name
        path = scope.current_path()
        self.path = f"{path}/{name}" if path else name
        self._trainable = self.born_trainable = bool(trainable)
        self._autocast = bool(autocast)
        self.aggregation = aggregation or "none"
        self.synchronization = synchronization or "none"
        self._layout = layout
        self.overwrite_with_gradient = False
        self.regularizer: Callable | None = None
        self.constraint: Callable | None = None
        # True while outside code may hold this array: training then works on a copy of it (see `take`).
        self._lent = True
        distribution = placement.current()
        with placement.on_host(distribution):
            self._value = self._initial_value(initializer, shape, dtype)
        if layout is not None or distribution is not None:
            self.lay_out(distribution.get_variable_layout(self) if layout is None else layout)

    def _initial_value(self, initializer: InitializerLike, shape: tuple | None, dtype: DType) -> jax.Array:
        # Layers may be built while a model is traced; the initial value must be concrete even then.
        if isinstance(initializer, str):
            initializer = named_initializers[0](initializer)
        with jax.ensure_compile_time_eval():
            if callable(initializer) and not isinstance(initializer, (Variable, jax.Array, np.ndarray)):
                if shape is None:
                    raise ValueError(
                        f"Variable {self.path!r}: an initializer that is a function needs a shape; pass shape=(...)."
                    )
                dtype = dtypes.standardize_dtype(dtype)
                nbytes = math.prod(shape) * np.dtype(dtypes.canonical(dtype)).itemsize
                budget.claim_memory(nbytes, f"Variable {self.path!r} of shape {tuple(shape)}")
                value = initializer(tuple(shape), dtype=dtype, **self._layout_for(initializer, shape, dtype))
                self._lent = False
            else:
                value = initializer.value if isinstance(initializer, Variable) else initializer
                if dtype is None:
                    dtype = getattr(value, "dtype", None)
                    if dtype is None:
                        inferred = np.asarray(value).dtype
                        dtype = None if inferred.kind == "f" else inferred.name
                dtype = dtypes.standardize_dtype(dtype)
                if isinstance(value, jax.core.Tracer):
                    raise ValueError(
                        f"Variable {self.path!r} was created from a value traced by jax.jit or jax.grad. "
                        "Create variables outside of the jitted function, or from concrete arrays."
                    )
            value = _copied(value, dtypes.canonical(dtype))
        if shape is not None and tuple(shape) != value.shape:
            raise ValueError(
                f"Variable {self.path!r}: the initial value has shape {value.shape}, expected {tuple(shape)}."
            )
        return value

    def _layout_for(self, initializer: Callable, shape: tuple, dtype: str) -> dict[str, Any]:
        """Return the argument ``layout`` if the initializer takes it: it then makes each device's part there."""
        distribution = placement.current()
        if distribution is None or not _takes_layout(initializer):
            return {}
        self._value = cast(jax.Array, jax.ShapeDtypeStruct(tuple(shape), dtypes.canonical(dtype)))  # for the rules
        return {"layout": distribution.get_variable_layout(self) if self._layout is None else self._layout}

    @property
    def layout(self) -> Any:
        """The devices of the parts of the array; ``None`` for jax's default device."""
        return self._layout

    def lay_out(self, layout: Any) -> None:
        """Move the array to the devices of a layout. Values assigned later go there too.

        Args:
            layout: A sharding, or a :class:`~kernelkit.distribution.TensorLayout`.

        Raises:
            ValueError: If the array cannot be split in this way.
        """
        if hasattr(layout, "check_shape"):
            layout.check_shape(self.shape, f"Variable {self.path!r}")
        with jax.ensure_compile_time_eval():
            value = placement.put(self._value, layout)
        while True:
            lock = self._lock
            with lock:
                if lock is self._lock:
                    self._layout, self._value = layout, value
                    return

    def _place(self, value: jax.Array) -> jax.Array:
        return value if self._layout is None else placement.put(value, self._layout)

    # Reading ----------------------------------------------------------------------------------------------------------

    @property
    def value(self) -> jax.Array:
        """The array: the value from an open scope, else the variable's own."""
        local = scope.local
        value = None
        if local.stateless is not None:
            value = local.stateless.get_current_value(self)
        if value is None:
            value = self._lend()
        if local.autocast is not None and self._autocast and jnp.issubdtype(value.dtype, jnp.floating):
            return value.astype(local.autocast)
        return value

    def _lend(self) -> jax.Array:
        """Return the array to outside code. A step that donates arrays makes a copy of this one first."""
        while True:
            lock = self._lock
            with lock:
                if lock is self._lock:  # otherwise a model has claimed the variable meanwhile
                    self._lent = True
                    return self._value

    def take(self) -> jax.Array:
        """Return an array that a step may donate, since no other code holds it. The caller holds the lock."""
        if self._lent:
            # A copy that compiles nothing: `.copy()` is a program for each shape, 8 ms at the first step of a model.
            self._value = placement.copied(self._value)
            self._lent = False
        return self._value

    def peek(self) -> jax.Array:
        """Return the array for reading only. The caller holds the lock, or knows that no training runs."""
        return self._value

    def give(self, value: jax.Array) -> None:
        """Store the array that a step returned. There are no checks: steps keep shapes and dtypes."""
        self._value = value

    def numpy(self) -> np.ndarray:
        """Return a NumPy copy of the value."""
        if scope.local.stateless is not None:
            return np.array(self.value)
        while True:
            lock = self._lock
            with lock:
                if lock is self._lock:
                    return placement.whole(self._value)

    # Writing ----------------------------------------------------------------------------------------------------------

    def assign(self, value: Tensor) -> Tensor:
        """Replace the value.

        Args:
            value: Array-like of the variable's shape; it is cast to the variable's dtype.
        """
        value = _raw(value)
        if self._layout is not None and scope.local.stateless is None and isinstance(value, np.ndarray):
            value = np.array(value, dtype=self._value.dtype)  # only slices are sent: no device holds the whole array
        else:
            value = jnp.asarray(value, dtype=self._value.dtype)
        if value.shape != self.shape:
            raise ValueError(
                f"Variable {self.path!r} has shape {self.shape} and cannot take a value of shape {value.shape}."
            )
        if scope.local.stateless is not None:
            scope.local.stateless.add_update((self, value))
        elif isinstance(value, jax.core.Tracer):
            raise RuntimeError(
                f"Variable {self.path!r} was assigned a traced value inside jax.jit or jax.grad, which would be lost. "
                "Use the stateless form (`stateless_call`, `stateless_apply`) or open a `kernelkit.StatelessScope`."
            )
        else:
            value = self._place(value)
            while True:
                lock = self._lock
                with lock:
                    if lock is self._lock:
                        self._value, self._lent = value, True
                        return

    def assign_add(self, value: Tensor) -> None:
        """Add to the value in place."""
        self.assign(self._plain() + jnp.asarray(_raw(value)))

    def assign_sub(self, value: Tensor) -> None:
        """Subtract from the value in place."""
        self.assign(self._plain() - jnp.asarray(_raw(value)))

    def _plain(self) -> jax.Array:
        # Updates happen in the variable's own dtype, never in a compute dtype.
        with scope.autocast_scope(None):
            return self.value

    # Properties -------------------------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape."""
        return self._value.shape

    @property
    def dtype(self) -> str:
        """The dtype's name, the compute dtype inside an autocast scope."""
        name = self._value.dtype.name
        if scope.local.autocast is not None and self._autocast and dtypes.is_float(name):
            return scope.local.autocast
        return name

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self._value.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self._value.size

    @property
    def trainable(self) -> bool:
        """Whether gradients change it."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        changes.structure.note()

    @property
    def autocast(self) -> bool:
        """Whether an autocast scope applies to the variable."""
        return self._autocast

    @property
    def handle(self) -> Variable:
        """The variable itself, for code written against other frameworks."""
        return self

    def __array__(self, dtype: DType = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.numpy(), dtype=dtype)

    @property
    def __jax_array__(self) -> Callable[[], jax.Array] | None:
        # A property, not a method: jax already checks for the attribute before the call, and that check must raise.
        if scope.local.tape is not None and self._trainable:
            # `array * variable` checks this attribute first. On None, Python calls `variable.__rmul__`, which records.
            if asks_an_operator():
                return None
            raise self._gradient_would_stop()
        return lambda: self.value

    def _gradient_would_stop(self) -> RuntimeError:
        return RuntimeError(
            f"A function outside of kernelkit (such as jax.numpy) was given the variable {self.path!r} while a "
            "GradientTape is open; its gradient would stop here. Use the function of the same name in "
            "kernelkit.ops, or pass `variable.value` if no gradient should flow, or use jax.value_and_grad."
        )

    def __float__(self) -> float:
        return float(self._scalar())

    def __int__(self) -> int:
        return int(self._scalar())

    def __bool__(self) -> bool:
        return bool(self._scalar())

    def __index__(self) -> int:
        return int(self._scalar())

    def _scalar(self) -> Tensor:
        if self.size != 1:
            raise TypeError(
                f"Only a variable of one element converts to a Python number; {self.path!r} is {self.shape}."
            )
        return self.numpy().reshape(())

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError(f"Variable {self.path!r} is a scalar and has no length.")
        return self.shape[0]

    def __iter__(self) -> Any:
        return iter(self.value)

    def __repr__(self) -> str:
        with np.printoptions(threshold=20):
            path = scope.printable(self.path)
            return f"<Variable path={path}, shape={self.shape}, dtype={self.dtype}, value={self.numpy()}>"

    def _repr_html_(self) -> str | None:
        return rich_display.html(self)

    def __deepcopy__(self, memo: dict) -> Variable:
        twin = Variable.__new__(type(self))
        memo[id(self)] = twin
        twin.__dict__.update(self.__getstate__())
        twin._value, twin._lent = self._lend().copy(), False
        return twin

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__ | {"_value": self._lend(), "_lent": True}
        state.pop("_lock", None)
        return state


def values_in(tree: Tree) -> Any:
    """Return nested values with each variable replaced by its current value.

    Example:
        >>> values_in({"count": Variable(3.0), "none": None})["count"].item()
        3.0
    """
    is_variable = lambda v: isinstance(v, Variable)  # noqa: E731
    return jax.tree_util.tree_map(lambda v: v.value if is_variable(v) else v, tree, is_leaf=is_variable)


def _argument(variable: Variable) -> jax.Array:
    """Return the value of a variable that is an argument of `jax.jit`, `jax.grad` or a similar function."""
    if scope.local.tape is not None and variable.trainable:
        raise variable._gradient_would_stop()
    return variable.value


jax_arguments.accept(Variable, _argument)


def _raw(value: Tensor) -> Tensor:
    return value.value if isinstance(value, Variable) else unmasked(value)


def _takes_layout(initializer: Callable) -> bool:
    try:
        return "layout" in inspect.signature(initializer).parameters
    except (TypeError, ValueError):  # it has no signature
        return False
