"""`HyperParameters`: the values of one trial, requested by name while a model is built."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kernelkit.training.callback import Callback
from kernelkit.tuner.spaces import Limits, Space, Value, choice, default_of, lies_in, number_range


class HyperParameters:
    """The values of one trial. A function that builds a model requests them by name, and the search chooses them.

    Outside of a search each hyperparameter has its default: try a function with ``build(HyperParameters())``.
    For hyperparameters of only some models, use a plain ``if``.

    Args:
        values: Values by name, in place of the defaults.

    Attributes:
        values: Dict from each requested name to its value.
        space: Dict from each requested name to its possible values.
        inactive: The same for names that a condition excludes.

    Example:
        >>> import kernelkit as kk
        >>> hp = kk.tuner.HyperParameters({"units": 64})
        >>> hp.Int("units", 16, 128, step=16), hp.Choice("activation", ["relu", "gelu"]), hp.Boolean("dropout")
        (64, 'relu', False)
        >>> hp.values
        {'units': 64, 'activation': 'relu', 'dropout': False}
    """

    def __init__(self, values: Mapping[str, Value] | None = None) -> None:
        self._given = dict(values or {})
        self._limits = Limits()
        self._prefix = ""
        self._is_active = True
        self.space: dict[str, Space] = {}
        self.inactive: dict[str, Space] = {}
        self.values: dict[str, Value] = {}

    def Int(
        self,
        name: str,
        min_value: int,
        max_value: int,
        step: int | None = None,
        sampling: str | None = "linear",
        default: int | None = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> int:
        """Return an integer from ``min_value`` to ``max_value``, both included.

        Args:
            name: Name.
            min_value: Smallest value.
            max_value: Largest value.
            step: Difference between neighboring values; with ``sampling="log"`` the factor between them.
            sampling: ``"linear"`` or ``"log"``, which tries each order of magnitude equally often.
            default: Value outside of a search; ``min_value`` if not given.
            parent_name: Another hyperparameter, if only some of its values use this one.
            parent_values: Those values, as in :meth:`conditional_scope`.

        Raises:
            ValueError: If the bounds are not integers or invalid, or the name already has other bounds.
        """
        space = number_range(name, min_value, max_value, step, sampling, is_int=True)
        return self._ask_under(parent_name, parent_values, name, space, default)

    def Float(
        self,
        name: str,
        min_value: float,
        max_value: float,
        step: float | None = None,
        sampling: str | None = "linear",
        default: float | None = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> float:
        """Return a number from ``min_value`` to ``max_value``, both included.

        Args:
            name: Name.
            min_value: Smallest value.
            max_value: Largest value.
            step: Difference between neighboring values; with ``sampling="log"`` the factor between them.
            sampling: ``"linear"`` or ``"log"``, which tries each order of magnitude equally often.
            default: Value outside of a search; ``min_value`` if not given.
            parent_name: Another hyperparameter, if only some of its values use this one.
            parent_values: Those values, as in :meth:`conditional_scope`.

        Raises:
            ValueError: If the bounds are not numbers or invalid, or the name already has other bounds.
        """
        space = number_range(name, min_value, max_value, step, sampling, is_int=False)
        return self._ask_under(parent_name, parent_values, name, space, default)

    def Choice(
        self,
        name: str,
        values: Iterable[Any],
        ordered: bool | None = None,
        default: Any = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """Return one of some values: strings, numbers, booleans or ``None``.

        Args:
            name: Name.
            values: The values.
            ordered: Accepted for code written for Keras Tuner, and ignored.
            default: Value outside of a search; the first value by default.
            parent_name: Another hyperparameter, if only some of its values use this one.
            parent_values: Those values, as in :meth:`conditional_scope`.

        Raises:
            ValueError: If there is no value, or a value is another object: give objects names, and choose by name.
        """
        return self._ask_under(parent_name, parent_values, name, choice(name, values), default)

    def Boolean(
        self, name: str, default: bool = False, parent_name: str | None = None, parent_values: Any = None
    ) -> bool:
        """Return ``True`` or ``False``.

        Args:
            name: Name.
            default: Value outside of a search.
            parent_name: Another hyperparameter, if only some of its values use this one.
            parent_values: Those values, as in :meth:`conditional_scope`.
        """
        return self._ask_under(parent_name, parent_values, name, choice(name, (False, True)), default)

    def Fixed(self, name: str, value: Any, parent_name: str | None = None, parent_values: Any = None) -> Any:
        """Return a value, and store it with the trial.

        Args:
            name: Name.
            value: String, number, boolean or ``None``.
            parent_name: Another hyperparameter, if only some of its values use this one.
            parent_values: Those values, as in :meth:`conditional_scope`.
        """
        return self._ask_under(parent_name, parent_values, name, choice(name, [value]), None)

    @contextlib.contextmanager
    def conditional_scope(self, parent_name: str, parent_values: Any) -> Iterator[None]:
        """Return a context for hyperparameters that exist only for some values of another one.

        For other values they are ``None``, and not part of the trial. A plain ``if`` has the same effect.

        Args:
            parent_name: The other hyperparameter. It must be requested before.
            parent_values: Its value or list of values.

        Raises:
            ValueError: If the other hyperparameter is unknown.

        Example:
            >>> hp = HyperParameters({"optimizer": "sgd"})
            >>> name = hp.Choice("optimizer", ["adam", "sgd"])
            >>> with hp.conditional_scope("optimizer", ["sgd"]):
            ...     hp.Float("momentum", 0.5, 0.99)
            0.5
        """
        parent = self._prefix + parent_name
        if parent not in self.space and parent not in self.inactive:
            raise ValueError(
                f"conditional_scope({parent_name!r}): request this hyperparameter first; known are {list(self.space)}."
            )
        wanted = parent_values if isinstance(parent_values, (list, tuple, set, frozenset)) else [parent_values]
        before = self._is_active
        self._is_active = before and parent in self.space and self.values[parent] in wanted
        try:
            yield
        finally:
            self._is_active = before

    @contextlib.contextmanager
    def name_scope(self, name: str) -> Iterator[None]:
        """Return a context that prefixes requested names with ``name/``.

        Args:
            name: Name of the scope.

        Example:
            >>> hp = HyperParameters()
            >>> with hp.name_scope("encoder"):
            ...     units = hp.Int("units", 8, 64)
            >>> hp.values
            {'encoder/units': 8}
        """
        before = self._prefix
        self._prefix = f"{before}{name}/"
        try:
            yield
        finally:
            self._prefix = before

    def get(self, name: str) -> Any:
        """Return a value that was requested before.

        Raises:
            KeyError: If the name was not requested.
        """
        if self._prefix + name not in self.values:
            raise KeyError(f"There is no hyperparameter {self._prefix + name!r} yet, only {list(self.values)}.")
        return self.values[self._prefix + name]

    __getitem__ = get

    def is_active(self, name: str) -> bool:
        """Return whether a hyperparameter is part of this trial; conditions may exclude it."""
        return self._prefix + name in self.values

    __contains__ = is_active

    def callback(self) -> Callback:
        """Return a callback for a function that calls `fit` itself.

        It reports each epoch to the search, which may then prune the trial. Outside of a search it does nothing.
        """
        return Callback()

    def __repr__(self) -> str:
        return f"HyperParameters({self._given | self.values})"

    def _ask_under(self, parent: str | None, parent_values: Any, name: str, space: Space, default: Any) -> Any:
        if parent is None:
            return self._ask(name, space, default)
        with self.conditional_scope(parent, parent_values):
            return self._ask(name, space, default)

    def _ask(self, name: str, space: Space, default: Any) -> Any:
        if not isinstance(name, str) or not name:
            raise ValueError(f"A hyperparameter needs a name, got {name!r}.")
        name = self._prefix + name
        if default is not None and not lies_in(default, space):
            raise ValueError(f"Hyperparameter {name!r}: the default {default!r} is not one of its values: {space}.")
        if not self._is_active:
            self.inactive[name] = space
            return None
        default = default_of(space) if default is None else default
        known = name in self._limits.spaces
        if known and not lies_in(default, space := self._limits.spaces[name]):
            default = default_of(space)
        if not known and not self._limits.allow_new:
            raise ValueError(
                f"Hyperparameter {name!r} is not one of those given to the search: {list(self._limits.spaces)}. "
                "allow_new_entries=True allows more."
            )
        if self.space.get(name, space) != space:
            raise ValueError(
                f"Hyperparameter {name!r} was requested with the values {self.space[name]} and then with {space}. "
                "Give them different names."
            )
        if name not in self.space:
            self.space[name] = space
            is_tuned = known or self._limits.tune_new
            self.values[name] = self._choose(name, space, default) if is_tuned else default
        return self.values[name]

    def _choose(self, name: str, space: Space, default: Value) -> Value:
        """Return the value of a new name."""
        if name not in self._given:
            return default
        value = self._given[name]
        if not lies_in(value, space):
            raise ValueError(f"Hyperparameter {name!r}: {value!r} is not one of its values: {space}.")
        return value


def recalled(values: Mapping[str, Value], limits: Limits) -> HyperParameters:
    """Return hyperparameters with given values.

    Args:
        values: Values by name.
        limits: The limits of the search.
    """
    hp = HyperParameters(values)
    hp.values = dict(values)
    hp._limits = limits
    return hp
