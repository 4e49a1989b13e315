"""The base class of optimizers: a thin shell of variables around a pure step (see :mod:`kernelkit.optimizers.step`)."""

from __future__ import annotations

import functools
import re
import weakref
from collections.abc import Iterable, Sequence
from typing import Any

import jax
import numpy as np

from kernelkit import changes, config, scope, serialize, tape
from kernelkit.optimizers import learning_rates, settings, step
from kernelkit.optimizers.gradients import aligned
from kernelkit.optimizers.variables import OptimizerVariables
from kernelkit.typing import Rate, Tensor
from kernelkit.variable import Variable


class Optimizer(OptimizerVariables):
    """Base class: subclass it to write an optimizer.

    The short way: define a pure :meth:`rule`, and name its ``slots``, the arrays kept for each weight between steps.
    Keras's way works too: override :meth:`build` to add variables, and :meth:`update_step` to assign to them.

    Args:
        learning_rate: A float, a :class:`~kernelkit.optimizers.schedules.LearningRateSchedule`, a function of no
            argument, or a function of the number of steps taken (such as optax's schedules).
        weight_decay: Fraction of each weight, times the learning rate, that a step takes away.
        clipnorm: Limit of the norm of each gradient.
        clipvalue: Limit of the magnitude of each element of a gradient.
        global_clipnorm: Limit of the norm of all gradients together.
        use_ema: Whether an exponential moving average of each weight is kept.
        ema_momentum: Share of the old average in the new one, from 0 to 1.
        ema_overwrite_frequency: Period, in steps, at which the averages replace the weights; ``None`` to replace them
            only when training ends.
        loss_scale_factor: Factor of the loss, so that 16-bit gradients don't vanish; the gradients are divided by it.
        gradient_accumulation_steps: Number of steps (>= 2) whose gradients are averaged for one update.
        name: Name.
        **kwargs: ``lr`` means ``learning_rate``, ``decay`` is ignored, both with a warning.

    Raises:
        ValueError: If more than one clipping limit is given, or a value is out of range.

    Example:
        >>> import kernelkit as kk
        >>> class Momentum(Optimizer):
        ...     slots = ("velocity",)
        ...     def rule(self, gradient, value, slots, step, learning_rate):
        ...         velocity = 0.9 * slots["velocity"] - learning_rate * gradient
        ...         return value + velocity, {"velocity": velocity}
        >>> w = kk.Variable([1.0, 2.0])
        >>> optimizer = Momentum(learning_rate=0.5)
        >>> optimizer.apply([[1.0, 0.0]], [w])
        >>> w.numpy()
        array([0.5, 2. ], dtype=float32)
    """

    slots: tuple[str, ...] = ()
    """Names of the arrays that the rule keeps for each weight."""

    settings_version = 0
    """A counter that rises when a setting changes that is built into compiled steps."""

    shared_slots: tuple[str, ...] = ()
    """Names of the scalars that the rule keeps for all weights together."""

    def __init__(
        self,
        learning_rate: Rate,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        learning_rate = learning_rates.check(settings.old_spellings(kwargs, learning_rate, type(self)))
        super().__init__(name or scope.auto_name(scope.to_snake_case(type(self).__name__)))
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.use_ema = use_ema
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        settings.check(self)
        self._averages: list[Variable | None] = []
        self._accumulators: list[Variable] = []
        self._slots: list[dict[str, Variable]] = []
        self._shared: dict[str, Variable] = {}
        self._not_decayed: list[Variable] = []
        self._not_decayed_names: list[str] = []
        self._iterations = self._add_scalar("iteration", 0, "int32")
        self._learning_rate = learning_rate
        if isinstance(learning_rate, float):
            self._learning_rate = self._add_scalar("learning_rate", learning_rate, config.floatx())

    # The rule, which subclasses define --------------------------------------------------------------------------------

    def rule(
        self, gradient: jax.Array, value: jax.Array, slots: dict[str, Any], step: jax.Array, learning_rate: jax.Array
    ) -> tuple[jax.Array, dict[str, Any]]:
        """Return a weight's new value and slots. A pure function of arrays.

        Args:
            gradient: Gradient of the loss, of the weight's shape and dtype.
            value: The weight.
            slots: This weight's arrays by the names in ``slots``, and the shared ones.
            step: Number of this update, counting from one; a float scalar.
            learning_rate: Float scalar.

        Returns:
            The new value, and the slots that changed.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must define rule(gradient, value, slots, step, learning_rate), "
            "or update_step(gradient, variable, learning_rate)."
        )

    def advance(self, shared: dict[str, Any], step: jax.Array) -> dict[str, Any]:
        """Return the new shared slots; called once in an update, before the rule."""
        return shared

    def initial_slot(self, name: str, variable: Variable | None) -> Tensor:
        """Return the initial value of a slot: zeros of the weight's shape, unless overridden.

        Args:
            name: One of ``slots``, or of ``shared_slots`` with ``variable=None``.
            variable: The weight.
        """
        return np.zeros(() if variable is None else variable.shape, config.floatx())

    def has_slot(self, name: str, variable: Variable) -> bool:
        """Return whether a weight needs a slot; true for all weights unless overridden."""
        return True

    def slot_groups(self) -> tuple[tuple[str, ...], ...]:
        """Return the slots in the groups in which :attr:`variables` lists them: each group for all weights in turn."""
        return (self.slots,)

    def weight_decay_of(self, variable: Variable) -> float | None:
        """Return the weight decay of a variable, ``None`` if it was excluded."""
        if any(variable is other for other in self._not_decayed):
            return None
        return None if any(re.search(n, variable.name) for n in self._not_decayed_names) else self.weight_decay

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Rate) -> None:
        """Change one variable and its slots by assigning to them; override it to write an optimizer in Keras's way.

        Args:
            gradient: Gradient of the loss.
            variable: The trainable variable.
            learning_rate: Float scalar.
        """
        i = self._get_variable_index(variable)
        state = {id(v): v.value for v in self._variables}
        value, changed = step.apply_rule(self, i, gradient, variable.value, state, learning_rate)
        if self._overrides("assign_sub"):
            self.assign_sub(variable, variable.value - value)
        elif self._overrides("assign_add"):
            self.assign_add(variable, value - variable.value)
        else:
            self.assign(variable, value)
        for slot in self._slots[i].values():
            self.assign(slot, changed[id(slot)])

    # Taking a step ----------------------------------------------------------------------------------------------------

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> Variable:
        """Take one step.

        Args:
            grads_and_vars: ``(gradient, variable)`` pairs.

        Returns:
            The number of steps taken, a variable.
        """
        pairs = list(grads_and_vars)
        self.apply([g for g, _ in pairs], [v for _, v in pairs])
        return self._iterations

    def apply(self, grads: Sequence, trainable_variables: Sequence[Variable] | None = None) -> None:
        """Take one step: one compiled call for all variables.

        Args:
            grads: A gradient for each variable, ``None`` for a variable on which the loss doesn't depend.
            trainable_variables: The variables; by default those for which the optimizer was built.

        Raises:
            ValueError: If all gradients are ``None``, or a variable is new to the optimizer.
        """
        if trainable_variables is not None and not self.built:
            self.build(trainable_variables)
        gradients = aligned(self.name, grads, trainable_variables, self._trainable_variables)
        variables = self.variables
        with tape.stop_recording(), scope.autocast_scope(None):
            values = [v.value for v in self._trainable_variables]
            state = [v.value for v in variables]
            run = self._step if scope.in_stateless_scope() else self._compiled_step
            values, state = run(state, gradients, values, self._host_rate())
            for variable, value in zip((*self._trainable_variables, *variables), (*values, *state), strict=True):
                variable.assign(value)

    def stateless_apply(
        self, optimizer_variables: Sequence, grads: Sequence, trainable_variables: Sequence
    ) -> tuple[list, list]:
        """Return the values that :meth:`apply` would store, as a pure function of arrays.

        Args:
            optimizer_variables: Arrays (or variables, for their values) in the order of :attr:`variables`.
            grads: A gradient for each trainable variable, or ``None``.
            trainable_variables: Arrays in the order in which the optimizer was built.

        Returns:
            The new ``trainable_variables`` and the new ``optimizer_variables``.

        Example:
            >>> import jax.numpy as jnp
            >>> import kernelkit as kk
            >>> from kernelkit import optimizers
            >>> optimizer = optimizers.SGD(0.5)
            >>> optimizer.build([kk.Variable([1.0, 2.0])])
            >>> state = [v.value for v in optimizer.variables]
            >>> weights, state = optimizer.stateless_apply(state, [jnp.ones(2)], [jnp.array([1.0, 2.0])])
            >>> weights, int(state[0])
            ([Array([0.5, 1.5], dtype=float32)], 1)
        """
        own, weights = self.variables, self._trainable_variables
        for what, given, expected in (
            ("trainable", trainable_variables, weights),
            ("optimizer", optimizer_variables, own),
        ):
            if len(given) != len(expected):
                raise ValueError(
                    f"stateless_apply() of optimizer {self.name!r} got {len(given)} {what} variables, expected "
                    f"{len(expected)}. Call optimizer.build(trainable_variables) first, and pass one array for each "
                    "variable in the order of optimizer.variables."
                )
        with scope.autocast_scope(None):
            optimizer_variables = [_value(v) for v in optimizer_variables]
            trainable_variables = [_value(v) for v in trainable_variables]
            if type(self).apply is Optimizer.apply:
                return self._step(optimizer_variables, aligned(self.name, grads, None, weights), trainable_variables)
            arrays = (*optimizer_variables, *trainable_variables)
            with scope.StatelessScope(list(zip((*own, *weights), arrays, strict=True))) as lender:
                self.apply(grads, weights)
            return [lender.get_current_value(v) for v in weights], [lender.get_current_value(v) for v in own]

    def _step(self, arrays: Sequence, gradients: Sequence, values: Sequence, rate: Tensor = None) -> tuple[list, list]:
        return step.take_step(self, arrays, gradients, values, rate)

    def _apply_rules(self, state: step.State, gradients: list, values: list, rate: Tensor) -> tuple[list, step.State]:
        if self._overrides("update_step", "assign", "assign_add", "assign_sub"):
            return step.call_update_step(self, state, gradients, values, rate)
        return step.apply_rules(self, state, gradients, values, rate)

    def _overrides(self, *names: str) -> bool:
        """Return whether a subclass has its own method of one of these names."""
        return any(getattr(type(self), name) is not getattr(Optimizer, name) for name in names)

    @functools.cached_property
    def _compiled_step(self) -> Any:
        owner = weakref.ref(self)  # a program that held its optimizer would keep the weights until Python's next gc
        return jax.jit(lambda *arguments: owner()._step(*arguments))  # type: ignore[union-attr]

    def scale_loss(self, loss: Any) -> Any:
        """Return the loss times ``loss_scale_factor``, for the computation of gradients."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def exclude_from_weight_decay(
        self, var_list: Sequence[Variable] | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        """Exclude variables from weight decay.

        Args:
            var_list: Variables.
            var_names: Regular expressions to search for in the variables' names, such as ``["bias"]``.
        """
        self._not_decayed = [*self._not_decayed, *(var_list or ())]
        self._not_decayed_names = [*self._not_decayed_names, *(var_names or ())]

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Replace the variables by their moving averages, if there are any; `fit` does this at its end."""
        wanted = {id(v) for v in var_list}
        for variable, average in self.averaged_variables:
            if id(variable) in wanted:
                variable.assign(average.value)

    @property
    def averaged_variables(self) -> list[tuple[Variable, Variable]]:
        """Pairs of a trainable variable and its moving average; empty without ``use_ema``."""
        pairs = zip(self._trainable_variables, self._averages, strict=False)
        return [(variable, average) for variable, average in pairs if average is not None]

    # State ----------------------------------------------------------------------------------------------------------

    @property
    def iterations(self) -> Any:
        """The number of updates: the steps taken, or with gradient accumulation the full rounds of steps."""
        if self.gradient_accumulation_steps:
            return self._iterations.value // self.gradient_accumulation_steps
        return self._iterations

    @property
    def learning_rate(self) -> Rate:
        """The learning rate of the next step: a variable if it is fixed, otherwise the schedule's or function's value.

        Assigning a float changes a fixed rate, also during training. Assigning a schedule or function replaces it.
        """
        if isinstance(self._learning_rate, Variable):
            return self._learning_rate
        return self._rate_in({id(self._iterations): self._iterations.value})

    @learning_rate.setter
    def learning_rate(self, learning_rate: Rate) -> None:
        learning_rate = learning_rates.check(learning_rate)
        fixed = isinstance(self._learning_rate, Variable)
        if isinstance(learning_rate, float):
            if not fixed:
                raise TypeError(
                    "This optimizer was created with a `LearningRateSchedule` or a function: the learning rate of "
                    f"{self.name!r} follows {self._learning_rate!r} and cannot be set to a number. Make the optimizer "
                    "with a float learning_rate if you want to set it."
                )
            self._learning_rate.assign(learning_rate)
            return
        if fixed:
            self._variables = [v for v in self._variables if v is not self._learning_rate]
        self._learning_rate = learning_rate
        self._settings_changed()

    @property
    def schedule(self) -> Any:
        """The schedule of the learning rate, a function of the number of updates; ``None`` if it follows none."""
        follows = not isinstance(self._learning_rate, Variable) and learning_rates.takes_step(self._learning_rate)
        return self._learning_rate if follows else None

    @property
    def lr(self) -> Any:
        """The learning rate, under its old name of Keras 1."""
        settings.warn_of_lr(self)
        return self.learning_rate

    @lr.setter
    def lr(self, learning_rate: Rate) -> None:
        settings.warn_of_lr(self)
        self.learning_rate = learning_rate

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the optimizer's variables.

        Args:
            variables: All trainable variables that the optimizer will change.
        """
        variables = list(variables)
        if self.built:
            if self.serves(variables):
                return
            raise ValueError(
                f"Optimizer {self.name!r} was built for {len(self._trainable_variables)} other variables and keeps "
                "their history. Make a new optimizer for another model or set of variables."
            )
        changes.structure.note()  # the training state has slots from now on
        self._trainable_variables = variables
        if self.use_ema:
            self._averages = self.add_optimizer_variables(variables, "average")
        if self.gradient_accumulation_steps:
            self._accumulators = [self.add_variable_from_reference(v, "gradient_accumulator") for v in variables]
        self._slots = [{} for _ in variables]
        for group in self.slot_groups():
            for variable, slots in zip(variables, self._slots, strict=True):
                for name in group:
                    if not variable.overwrite_with_gradient and self.has_slot(name, variable):
                        start = self.initial_slot(name, variable)
                        slots[name] = self._add_like(variable, name, start, np.shape(start))
        self._shared = {
            name: self._add_scalar(name, self.initial_slot(name, None), config.floatx()) for name in self.shared_slots
        }
        self.built = True

    def serves(self, variables: Sequence[Variable]) -> bool:
        """Return whether the optimizer was built for these variables, in this order."""
        known = self._trainable_variables
        return len(variables) == len(known) and all(v is w for v, w in zip(variables, known, strict=True))

    def __setattr__(self, name: str, value: Any) -> None:
        before = self.__dict__.get(name, value)
        super().__setattr__(name, value)
        is_setting = not name.startswith("_") and isinstance(value, (bool, int, float, str, type(None)))
        if is_setting and before != value and self.__dict__.get("built"):
            self._settings_changed()

    def _settings_changed(self) -> None:
        """Drop the compiled steps: the old settings are built into them."""
        self.__dict__["settings_version"] = self.settings_version + 1
        self.__dict__.pop("_compiled_step", None)
        changes.structure.note()

    def _rate_in(self, state: step.State) -> Any:
        if isinstance(self._learning_rate, Variable):
            return state[id(self._learning_rate)]
        if learning_rates.takes_step(self._learning_rate):
            return self._learning_rate(state[id(self._iterations)])
        return self._learning_rate()

    def _host_rate(self) -> Rate:
        """Return the rate of a function that only the host can call: a compiled step would keep its first value."""
        is_fixed = isinstance(self._learning_rate, Variable)
        return None if is_fixed or learning_rates.takes_step(self._learning_rate) else self._learning_rate()

    # Configs ----------------------------------------------------------------------------------------------------------

    @serialize.derives
    def get_config(self) -> dict:
        """Return the arguments that make an equal optimizer, as plain JSON; a fixed rate has its current value."""
        values = serialize.derived_arguments(self)
        if "learning_rate" in values:
            fixed = isinstance(self._learning_rate, Variable)
            values["learning_rate"] = float(self._learning_rate.numpy()) if fixed else self._learning_rate
        return {name: serialize.serialize_value(value) for name, value in values.items()}

    def __repr__(self) -> str:
        try:
            fixed = isinstance(self._learning_rate, Variable)
            rate = f"{float(self._learning_rate.numpy()):.6g}" if fixed else serialize.value_text(self._learning_rate)
            step = int(self._iterations.numpy())
        except Exception:  # the numbers are not known while a step is traced
            return f"<{type(self).__name__} name={self.name}>"
        texts = {"learning_rate": rate} | {k: v for k, v in serialize.shown_texts(self).items() if k != "learning_rate"}
        return f"{type(self).__name__}({', '.join(f'{k}={v}' for k, v in texts.items())}, step {step})"

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> Any:
        """Make an optimizer from :meth:`get_config`'s result."""
        with serialize.CustomObjectScope(custom_objects):
            return super().from_config(config)


def _value(x: Tensor) -> Any:
    return x.value if isinstance(x, Variable) else x
