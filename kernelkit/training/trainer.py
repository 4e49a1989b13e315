"""`Trainer`: the training methods of a model, such as `compile`, `fit`, `evaluate` and `predict`."""

from __future__ import annotations

import functools
import warnings
import weakref
from collections.abc import Callable, Iterable
from typing import Any

import jax
import numpy as np

from kernelkit import changes, config, interrupts, optimizers
from kernelkit import distribution as distributions
from kernelkit.feeds.batch import batch_rows, pack, unpack
from kernelkit.feeds.check import check_lengths
from kernelkit.feeds.class_weights import is_given, weights_of_classes
from kernelkit.feeds.convert import one_batch, to_arrays
from kernelkit.feeds.make import is_stream, make_feed
from kernelkit.feeds.split import split
from kernelkit.layers.base.keras_names import SecondName
from kernelkit.layers.base.parts import unique
from kernelkit.metrics.metric import Metric
from kernelkit.progress import Progress, named
from kernelkit.signatures import plain_methods
from kernelkit.tracebacks import shortened, users_level
from kernelkit.training import display, fitting, passes
from kernelkit.training.background import BackgroundFit
from kernelkit.training.callback_list import CallbackList
from kernelkit.training.guarded_display import GuardedDisplay
from kernelkit.training.history import History
from kernelkit.training.labels import label_check
from kernelkit.training.logs import last_logs
from kernelkit.training.losses_of_outputs import check_loss_weights
from kernelkit.training.overriding import overrides
from kernelkit.training.pure_steps import PureSteps
from kernelkit.training.training import Training
from kernelkit.training.validation import Validation, sample_of
from kernelkit.typing import Tree

__all__ = ["Trainer"]


class _NotYet:
    """Stands for ``optimizer`` in the class: a model that is not compiled has none, and ``hasattr`` says so."""

    def __get__(self, model: Any, cls: type) -> Any:
        if model is None:
            return self
        raise AttributeError(f"{cls.__name__} {model.name!r} has no attribute 'optimizer' before compile().")


@plain_methods
class Trainer(PureSteps):
    """Base class with the training methods of a model."""

    optimizer: Any = _NotYet()

    def __init__(self) -> None:
        self._training = Training(self)
        self.loss: Any = None
        self.history: History | None = None
        self.stop_training = False

    # Compile ----------------------------------------------------------------------------------------------------------

    @shortened
    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int | str = "auto",
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Configure the model for training.

        Args:
            optimizer: Name, :class:`~kernelkit.optimizers.Optimizer` or `optax.GradientTransformation`.
            loss: Name, :class:`~kernelkit.losses.Loss` or function ``(y_true, y_pred)``; for several outputs a list or
                a dict by output name.
            loss_weights: A weight for each loss, as a list or dict.
            metrics: List of names, metrics or functions; for several outputs a list of lists or a dict.
            weighted_metrics: As ``metrics``, but these metrics receive the sample weights.
            run_eagerly: Whether steps run op by op, so that a debugger can step through them.
            steps_per_execution: Steps in one dispatch. ``"auto"``: about 50 ms of steps, but one step if a callback
                looks at the model between batches. 1, the default of Keras, means the same. Another number N calls
                batch hooks once per N steps, except for callbacks with ``batch_hooks = "logs"``. ``"single"``
                dispatches every step alone. The results are equal bit for bit for every choice.
            jit_compile: ``False`` is the same as ``run_eagerly=True``.
            auto_scale_loss: Whether to scale the loss under the ``mixed_float16`` policy.

        Raises:
            ValueError: If a name is unknown. The message suggests the nearest name.

        Example:
            >>> import kernelkit as kk
            >>> model = kk.Sequential([kk.Input((4,)), kk.layers.Dense(3, activation="softmax")])
            >>> model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        """
        self._training.require_idle("compile")
        if steps_per_execution not in ("auto", "single") and not (
            isinstance(steps_per_execution, int) and steps_per_execution >= 1
        ):
            raise ValueError(
                f"steps_per_execution must be 'auto', 'single' or an int of at least 1, got {steps_per_execution!r}."
            )
        check_loss_weights(loss_weights)
        self.optimizer = optimizers.get(optimizer)
        policy = getattr(self, "dtype_policy", None)
        scales = auto_scale_loss and policy is not None and policy.name == "mixed_float16"
        if scales and self.optimizer is not None and not isinstance(self.optimizer, optimizers.LossScaleOptimizer):
            self.optimizer = optimizers.LossScaleOptimizer(self.optimizer, name="loss_scale_optimizer")
        if loss is not None or self.loss is self._training.compiled.arguments.get("loss"):
            self.loss = loss  # a subclass may use this name for something else
        self.stop_training = False
        self._training.configure(
            {
                "optimizer": optimizer,
                "loss": loss,
                "loss_weights": loss_weights,
                "metrics": metrics,
                "weighted_metrics": weighted_metrics,
                "run_eagerly": run_eagerly,
                "steps_per_execution": steps_per_execution,
                "jit_compile": jit_compile,
            }
        )

    @property
    def compiled(self) -> bool:
        """Whether :meth:`compile` was called."""
        return bool(self._training.compiled)

    @property
    def run_eagerly(self) -> bool:
        """Whether steps run op by op."""
        return not self._training.compiled.jit

    @run_eagerly.setter
    def run_eagerly(self, value: bool) -> None:
        self._training.compiled.jit = not value

    @property
    def metrics(self) -> list[Metric]:
        """All metrics: the mean loss, the metrics of `compile`, and the metrics of the model and its layers."""
        own = super().metrics
        found = self._training.compiled.own_metrics
        return found + [m for m in own if not any(m is f for f in found)]

    def metrics_in_a_model(self) -> list:
        """Return the metrics of the model's parts, without the loss and metrics of its own `compile`."""
        return self.metrics_of_parts()  # type: ignore[attr-defined]

    # Keras's name, which training steps in packages read. A subclass may use it for its own metric.
    _loss_tracker = SecondName(lambda model: model._training.compiled.loss_tracker)

    @property
    def metrics_names(self) -> list[str]:
        """The names of :attr:`metrics`."""
        return [m.name for m in self.metrics]

    @property
    def metrics_variables(self) -> list:
        """The variables of :attr:`metrics`, each once: `compile` may be given the same metric twice."""
        return unique(v for metric in self.metrics for v in metric.variables)

    def reset_metrics(self) -> None:
        """Reset all metrics."""
        for metric in self.metrics:
            metric.reset_state()

    def _on_host(self, x: Tree) -> Any:
        """Return inputs after the Python code that runs before the compiled step."""
        return x

    def _host_work(self, x: Tree) -> Callable[[Any], Any] | None:
        """Return :meth:`_on_host` if it may change the data, else ``None``."""
        return None

    # Fit, evaluate, predict -------------------------------------------------------------------------------------------

    @shortened
    @interrupts.guarded
    def fit(
        self,
        x: Tree = None,
        y: Tree = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool | str = True,
        class_weight: dict | None = None,
        sample_weight: Tree = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
        background: bool = False,
        name: str | None = None,
        distribution: Any = None,
    ) -> Any:
        """Train the model.

        Args:
            x: Inputs: arrays (samples, ...), nested in a list or dict for several inputs; a DataFrame; or an iterable
                of batches (generator, `tf.data.Dataset`, torch `DataLoader`). Sparse arrays of SciPy or jax stay
                sparse; their rows become dense when they are needed. Arrays may be copied when training begins, so
                training may not see later changes to them.
            y: Targets (samples, ...), if ``x`` holds arrays.
            batch_size: Samples in each step, 32 by default.
            epochs: Number of the last epoch.
            verbose: ``"auto"`` (a live panel in a notebook, a bar in a terminal, lines in a log), ``0``, ``1`` or
                ``2``.
            callbacks: List of callbacks.
            validation_split: Share of the samples, taken from the end, to validate on.
            validation_data: ``(x, y)``, ``(x, y, sample_weight)`` or an iterable of batches to validate on.
            shuffle: Whether each epoch has a new sample order; ``"batch"`` shuffles whole batches.
            class_weight: Dict from class index to weight in the loss.
            sample_weight: Weight of each sample in the loss.
            initial_epoch: Number of the first epoch, to continue a training.
            steps_per_epoch: Steps in an epoch, for endless data.
            validation_steps: Steps in a validation, for endless data.
            validation_batch_size: Samples in a validation step.
            validation_freq: Number of epochs between validations, or a list of epochs to validate in.
            background: Whether to return at once and train in a thread, so that other cells can run.
            name: Name of this run in displays and in :func:`kernelkit.viz.runs`. Default: the model's name.
            distribution: The distribution of the model over several devices from now on: ``"auto"`` computes a part of
                each batch on each device, if there are several; ``"fsdp"`` also splits large weights; or a
                :class:`~kernelkit.distribution.Distribution`. Default: the current distribution, or that of the model.

        Returns:
            The :class:`~kernelkit.callbacks.History`, also kept as ``model.history``, even if training fails. With
            ``background=True``: a :class:`~kernelkit.training.background.BackgroundFit` to pause, stop and wait for.

        Raises:
            ValueError: If the model is not compiled, or if the data do not match each other. Raised before training.
        """
        self._training.compiled.require("fit")
        self._training.require_idle("fit")
        changes.structure.note()  # a list of layers may have grown without notice
        if distribution is not None:
            self._spread_over(distribution)
        first, last = _epoch_numbers(initial_epoch, epochs)
        if validation_split and validation_data is None:
            (x, y, sample_weight), validation_data = split(x, y, sample_weight, validation_split)
        feed = make_feed(
            x,
            y,
            sample_weight,
            batch_size=batch_size,
            steps=steps_per_epoch,
            shuffle=shuffle,
            seed=self._training.data_seed(first) if shuffle else 0,
            epochs=last - first,
            class_weight=class_weight,
            on_host=self._host_work(x),
        )
        self._training.prepare("train", sample_of(feed, first))
        self._training.watch_labels(self._training.spread(feed), "train")
        last = _capped(last)
        history = History()
        params = {"epochs": last, "steps": feed.steps, "verbose": verbose}
        observers = CallbackList(callbacks, add_history=False, model=self, params=params, history=history)
        self.history = history
        title = str(name) if name else self.name  # type: ignore[attr-defined]
        run = display.Run(self, title, last, first, feed.steps, feed.batch_size, history)
        run.one_by_one, run.distribution = observers.needs_model_between_batches, self._training.distribution
        validate = self._validation(
            run, validation_data, validation_batch_size or batch_size, validation_steps, validation_freq, observers
        )
        shown = GuardedDisplay(display.choose(verbose))
        shown.begin(run)
        work = functools.partial(fitting.fit, self._training, feed, run, observers, shown, validate)
        if background:
            return self._in_background(run, work)
        work()
        return history

    def _spread_over(self, distribution: Any) -> None:
        """Follow ``fit(distribution=...)``."""
        chosen = distributions.choose(distribution, self._training.distribution)
        in_force = distributions.distribution()
        if in_force is not None and in_force is not distribution:
            raise ValueError(
                f"fit(distribution={distribution!r}): the current one is {in_force!r}. Leave its scope, or leave out "
                "the argument."
            )
        self._training.distribute(chosen)

    def _in_background(self, run: display.Run, work: Callable[[], None]) -> BackgroundFit:
        """Start a thread that trains, and return the handle of it."""
        handle = BackgroundFit(run, work)
        self._training.background = weakref.ref(handle)  # the handle holds the model
        try:
            interrupts.check()
        except BaseException:
            handle.close()  # the caller will not get the handle
            raise
        return handle

    def _validation(
        self, run: display.Run, data: Tree, batch_size: Any, steps: Any, frequency: Any, callbacks: CallbackList
    ) -> Validation | None:
        """Return what validates after an epoch, or ``None``."""
        if data is None:
            return None
        is_due = _epochs_to_validate(frequency)
        x, y, sample_weight = unpack(data) if isinstance(data, (tuple, list)) else (data, None, None)
        feed = make_feed(
            x,
            y,
            sample_weight,
            batch_size=None if is_stream(x) else batch_size,
            steps=steps,
            goes_on=False,  # each validation reads the same data, if they can be read again
            what="fit(validation_data)",
            on_host=self._host_work(x),
        )
        self._training.watch_labels(feed, "test")
        return Validation(self._training, feed, run, callbacks, is_due)

    @shortened
    @interrupts.guarded
    def evaluate(
        self,
        x: Tree = None,
        y: Tree = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Tree = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Return the loss and the metrics for data.

        Args:
            x: Inputs, as :meth:`fit` takes them.
            y: Targets.
            batch_size: Samples in each step, 32 by default. It does not change the result.
            verbose: ``"auto"`` prints one line, and shows progress after half a second; ``0`` prints nothing.
            sample_weight: Weight of each sample.
            steps: Steps, for data without an end.
            callbacks: List of callbacks.
            return_dict: Whether to return a dict.
            **kwargs: Not accepted; raises ``TypeError``.

        Returns:
            A list ``[loss, metric, ...]``, the loss alone if there are no metrics, or a dict by name.
        """
        if kwargs:
            raise TypeError(f"evaluate() got unknown arguments {sorted(kwargs)}.")
        self._training.compiled.require("evaluate")
        self._training.require_idle("evaluate")
        feed = make_feed(
            x, y, sample_weight, batch_size=batch_size, steps=steps, what="evaluate", on_host=self._host_work(x)
        )
        with Progress("evaluate", feed.steps, silent=verbose in (0, False)) as progress:
            self._training.prepare("test", sample_of(feed))
            self._training.watch_labels(self._training.spread(feed), "test")
            params = {"steps": feed.steps, "verbose": verbose}
            observers = CallbackList(callbacks, add_history=False, model=self, params=params)
            logs = passes.evaluate(self._training, feed, observers, tell=progress)
        if verbose not in (0, False):
            display.say(display.format_logs(logs))
        return logs if return_dict else self._training.as_list(logs)

    @shortened
    @interrupts.guarded
    def predict(
        self,
        x: Tree,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """Return the model's outputs for inputs, as NumPy arrays.

        Args:
            x: Inputs, as :meth:`fit` takes them.
            batch_size: Samples in a step, 32 by default.
            verbose: ``"auto"`` shows progress after half a second, which removes itself; ``0`` shows nothing.
            steps: Steps, for data without an end.
            callbacks: List of callbacks.

        Returns:
            Arrays (samples, ...), nested as the model's outputs.
        """
        feed = make_feed(x, batch_size=batch_size, steps=steps, what="predict", on_host=self._host_work(x))
        with Progress("predict", feed.steps, silent=verbose in (0, False)) as progress:
            self._training.prepare("predict", sample_of(feed))
            params = {"steps": feed.steps, "verbose": verbose}
            observers = CallbackList(callbacks, add_history=False, model=self, params=params)
            return passes.predict(self._training, self._training.spread(feed), observers, progress)

    # One batch --------------------------------------------------------------------------------------------------------

    @shortened
    @interrupts.guarded
    def train_on_batch(
        self,
        x: Tree,
        y: Tree = None,
        sample_weight: Tree = None,
        class_weight: dict | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Do one training step on a batch.

        Args:
            x: Inputs of the batch.
            y: Targets.
            sample_weight: Weight of each sample.
            class_weight: Dict from class index to weight.
            return_dict: Whether to return a dict.

        Returns:
            The batch's loss and metrics: a list ``[loss, ...]``, the loss alone, or a dict.
        """
        self._training.compiled.require("train_on_batch")
        self._training.require_idle("train_on_batch")
        logs = self._on_batch("train", x, y, sample_weight, class_weight)
        return logs if return_dict else self._training.as_list(logs)

    @shortened
    @interrupts.guarded
    def test_on_batch(self, x: Tree, y: Tree = None, sample_weight: Tree = None, return_dict: bool = False) -> Any:
        """Evaluate one batch. Arguments and returns as :meth:`train_on_batch`; nothing is trained."""
        self._training.compiled.require("test_on_batch")
        self._training.require_idle("test_on_batch")
        logs = self._on_batch("test", x, y, sample_weight, None)
        return logs if return_dict else self._training.as_list(logs)

    def _on_batch(self, kind: str, x: Tree, y: Tree, sample_weight: Tree, class_weight: dict | None) -> dict:
        training = self._training
        batch = _checked_batch(x, y, sample_weight, class_weight, f"{kind}_on_batch", self._on_host)
        with named(f"{kind}_on_batch"):  # the first call compiles
            training.prepare(kind, batch)
            check = label_check(self, training.compiled.loss, kind)
            if check is not None:
                check(batch)
            rows, batch = batch_rows(batch), training.spread_batch(batch)
            doors = training.doors(kind)
            run = training.program(kind).prepare(doors.variables.peek(), batch, None, rows)
        fresh = training.programs.fresh_metrics(kind)
        with interrupts.guard(), training.keeping_metrics(), doors.stepping() as taken:
            taken.state, logs = run(taken.state._replace(metrics=fresh), 0, 1)
        return last_logs(logs, 1)

    @shortened
    @interrupts.guarded
    def predict_on_batch(self, x: Tree) -> Any:
        """Return the model's outputs for one batch, as NumPy arrays."""
        batch = _checked_batch(x, None, None, None, "predict_on_batch", self._on_host)
        with named("predict_on_batch"):  # the first call compiles
            self._training.prepare("predict", batch)
            size, batch = batch_rows(batch), self._training.spread_batch(batch)
            doors = self._training.doors("predict")
            run = self._training.program("predict").prepare(doors.variables.peek(), batch, None, size)
        with interrupts.guard(), doors.reading() as state:
            rows, changed = run(state, 0, 1)
            doors.variables.give_some(changed)
        return jax.tree_util.tree_map(lambda v: np.asarray(v)[0], rows)

    # Configs ----------------------------------------------------------------------------------------------------------

    def get_compile_config(self) -> dict | None:
        """Return the arguments of `compile` as plain JSON values, ``None`` if it was not called."""
        from kernelkit import serialize

        if not self._training.compiled:
            return None
        settings = dict(self._training.compiled.arguments)
        settings["optimizer"] = self.optimizer
        if not isinstance(settings["steps_per_execution"], int):
            settings["steps_per_execution"] = 1  # Keras's value for "auto"
        return {name: serialize.serialize_keras_object(value) for name, value in settings.items()}

    def compile_from_config(self, config: dict) -> None:
        """Compile with the result of :meth:`get_compile_config`."""
        from kernelkit import serialize

        if overrides(self, "compile"):
            warnings.warn(
                f"The loaded model is not compiled: {type(self).__name__} has its own compile(), and the file does not "
                "hold its arguments. Call compile(), or give the class a method compile_from_config(self, config).",
                stacklevel=users_level(),
            )
            return
        settings = {name: serialize.deserialize_keras_object(value) for name, value in config.items()}
        self.compile(**settings)
        if self.optimizer is not None and self.built:  # type: ignore[attr-defined]
            self.optimizer.build(self.trainable_variables)  # type: ignore[attr-defined]


def _epoch_numbers(initial_epoch: Any, epochs: Any) -> tuple[int, int]:
    """Return the arguments of `fit` as ints; raise ``ValueError`` if they are none, or begin before epoch 0."""
    if not isinstance(epochs, (int, np.integer)) or not isinstance(initial_epoch, (int, np.integer)):
        raise ValueError(f"fit(): epochs must be ints, got epochs={epochs!r}, initial_epoch={initial_epoch!r}.")
    if initial_epoch < 0:
        raise ValueError(f"fit(): initial_epoch must be at least 0, got {initial_epoch}.")
    return int(initial_epoch), int(epochs)


def _epochs_to_validate(frequency: Any) -> Callable[[int], bool]:
    """Return whether a number of an epoch, counted from 1, is one to validate after."""
    if isinstance(frequency, (int, np.integer)) and frequency >= 1:
        return lambda number: number % int(frequency) == 0
    listed = list(frequency) if isinstance(frequency, Iterable) and not isinstance(frequency, (str, bytes)) else None
    if listed is None or not all(isinstance(number, (int, np.integer)) for number in listed):
        raise ValueError(
            "fit(): validation_freq must be a whole number of at least 1, or a list of numbers of epochs, counted from "
            f"1; got {frequency!r}."
        )
    return set(map(int, listed)).__contains__


def _capped(epochs: int) -> int:
    """Return a number of epochs, with a warning if `config.set_max_epochs` allows fewer."""
    cap = config.max_epochs()
    if cap is None or cap >= epochs:
        return epochs
    warnings.warn(f"config.set_max_epochs() limits the training to {cap} epochs.", stacklevel=users_level())
    return cap


def _checked_batch(
    x: Any, y: Tree, sample_weight: Tree, class_weight: dict | None, what: str, on_host: Callable[[Any], Any]
) -> Any:
    arrays = [to_arrays(v) for v in (x, y, sample_weight)]
    check_lengths(dict(zip(("x", "y", "sample_weight"), arrays, strict=True)), what)
    if is_given(class_weight):
        arrays[2] = weights_of_classes(arrays[1], class_weight, arrays[2])
    arrays[0] = on_host(arrays[0])
    return one_batch(pack(*arrays))
