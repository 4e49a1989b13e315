"""The variables of an optimizer: making, finding, assigning and saving them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from kernelkit import initializers, scope, serialize, tree
from kernelkit.tracebacks import users_level
from kernelkit.typing import DType, InitializerLike, Tensor
from kernelkit.variable import Variable


class OptimizerVariables(serialize.Configurable):
    """The base of :class:`Optimizer` that handles variables, without gradients.

    A variable belongs to the optimizer if an ``add_`` method made it, or if an attribute holds it (alone or in a list,
    tuple or dict).

    Args:
        name: Name, and prefix of the variables' paths.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.built = False
        self._trainable_variables: list[Variable] = []
        self._variables: list[Variable] = []

    @property
    def variables(self) -> list[Variable]:
        """All variables of the optimizer, in the order in which they are saved."""
        return list(self._variables)

    # Making -----------------------------------------------------------------------------------------------------------

    def add_variable(
        self,
        shape: tuple,
        initializer: InitializerLike = "zeros",
        dtype: DType = None,
        aggregation: str | None = "none",
        layout: Any = None,
        name: str | None = None,
    ) -> Variable:
        """Add a variable of any shape.

        Args:
            shape: Tuple of ints.
            initializer: An initializer or its name.
            dtype: The dtype's name; by default :func:`kernelkit.config.floatx`.
            aggregation: How replicas are combined.
            layout: A sharding.
            name: Name.
        """
        start = initializers.get(initializer)
        return self._add(start, shape=shape, dtype=dtype, aggregation=aggregation, layout=layout, name=name)

    def add_variable_from_reference(
        self, reference_variable: Variable, name: str | None = None, initializer: InitializerLike = "zeros"
    ) -> Variable:
        """Add a variable of a trainable variable's shape and dtype.

        Args:
            reference_variable: The trainable variable.
            name: Suffix for the name of the trainable variable; ``"var"`` by default.
            initializer: An initializer or its name.
        """
        return self._add_like(
            reference_variable, name or "var", initializers.get(initializer), reference_variable.shape
        )

    def add_optimizer_variables(
        self, trainable_variables: Sequence[Variable], name: str | Sequence[str], initializer: InitializerLike = "zeros"
    ) -> Any:
        """Add a variable for each trainable variable.

        Args:
            trainable_variables: The trainable variables.
            name: Suffix for their names; or several suffixes, to add several variables for each.
            initializer: An initializer or its name, or one for each name.

        Returns:
            A list with a variable for each trainable variable (``None`` if its gradient overwrites it), or a tuple of
            such lists, one for each name.
        """
        names = [name] if isinstance(name, str) else list(name)
        starts = list(initializer) if isinstance(initializer, (list, tuple)) else [initializer] * len(names)
        lists: tuple[list, ...] = tuple([] for _ in names)
        for variable in trainable_variables:
            for one, start, added in zip(names, starts, lists, strict=True):
                skip = variable.overwrite_with_gradient
                added.append(None if skip else self.add_variable_from_reference(variable, one, start))
        return lists[0] if isinstance(name, str) else lists

    def _add_scalar(self, name: str, value: Any, dtype: str) -> Variable:
        return self._add(value, dtype=dtype, aggregation="only_first_replica", name=name)

    def _add_like(self, reference: Variable, suffix: str, value: Tensor, shape: tuple) -> Variable:
        """Add a variable named after a weight. If the shapes are equal, it has the weight's layout over devices."""
        layout = reference.layout if tuple(shape) == reference.shape else None
        name = f"{reference.path.replace('/', '_')}_{suffix}"
        return self._add(value, shape=shape, dtype=reference.dtype, layout=layout, name=name)

    def _add(self, value: Tensor, **keywords: Any) -> Variable:
        with scope.absolute_name_scope(self.name), scope.autocast_scope(None):
            variable = Variable(value, trainable=False, **keywords)
        self._variables.append(variable)
        return variable

    # Finding ----------------------------------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        # Settings are built into a compiled step. The learning rate is a variable, or its setter handles it.
        if name != "learning_rate":
            self.__dict__.pop("_compiled_step", None)
        if name != "_trainable_variables" and "_variables" in self.__dict__:
            self._track(value)
        super().__setattr__(name, value)

    def _track(self, value: Tensor) -> None:
        found = [leaf for leaf in tree.flatten(value) if isinstance(leaf, Variable)]
        if found:
            known = {id(v) for v in (*self._variables, *self._trainable_variables)}
            self._variables.extend(v for v in found if id(v) not in known)

    def _get_variable_index(self, variable: Variable) -> int:
        return next(i for i, known in enumerate(self._trainable_variables) if known is variable)

    # Assigning --------------------------------------------------------------------------------------------------------

    def assign(self, variable: Variable, value: Tensor) -> None:
        """Assign a value to a variable; for use in ``update_step``."""
        variable.assign(value)

    def assign_add(self, variable: Variable, value: Tensor) -> None:
        """Add to a variable; for use in ``update_step``."""
        variable.assign_add(value)

    def assign_sub(self, variable: Variable, value: Tensor) -> None:
        """Subtract from a variable; for use in ``update_step``."""
        variable.assign_sub(value)

    def set_weights(self, weights: Sequence) -> None:
        """Assign to all variables.

        Args:
            weights: Arrays in the order of :attr:`variables`.

        Raises:
            ValueError: If the optimizer isn't built, or numbers or shapes don't match.
        """
        if not self.built:
            raise ValueError(
                f"You are calling set_weights() on optimizer {self.name!r}, which has no variables yet: call "
                "build(trainable_variables) first."
            )
        variables = self.variables
        if len(weights) != len(variables):
            raise ValueError(f"Optimizer {self.name!r} has {len(variables)} variables, got {len(weights)} weights.")
        for variable, weight in zip(variables, weights, strict=True):
            variable.assign(weight)

    # Saving -----------------------------------------------------------------------------------------------------------

    # Names of attributes in files, if they differ from the names here.
    _saved_as: dict[str, str] = {}

    def saved_parts(self) -> Iterator[tuple[str, Any]]:
        """Yield the attributes that may hold inner optimizers, by their names in files, in the order of files."""
        return serialize.saved_attributes(self, ("_init_arguments", "optimizer_map"), self._saved_as)

    def save_own_variables(self, store: Any) -> None:
        """Store the variables' values in a mapping, under ``"0"``, ``"1"``, ..."""
        for i, variable in enumerate(self.variables):
            store[str(i)] = variable.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Load the values that :meth:`save_own_variables` stored. If the numbers of values differ, only warn."""
        variables = self.variables
        if len(store) != len(variables):
            warnings.warn(
                f"Optimizer {self.name!r} has {len(variables)} variables, but {len(store)} were saved, so no "
                "values were loaded. The saved optimizer was of another kind, or was not built for the same variables.",
                stacklevel=users_level(),
            )
            return
        for i, variable in enumerate(variables):
            variable.assign(np.asarray(store[str(i)]))

    def __getstate__(self) -> dict:
        return {k: v for k, v in self.__dict__.items() if k != "_compiled_step"}
