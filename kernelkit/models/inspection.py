"""`Inspection`: the methods that show a model, measure its cost, or step through its training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kernelkit import rich_display
from kernelkit.models.profile import Profile, profile
from kernelkit.signatures import plain_methods
from kernelkit.tracebacks import shortened_methods
from kernelkit.training import history
from kernelkit.typing import Batch, Tree


@plain_methods
@shortened_methods
class Inspection:
    """The methods that inspect a model without changing it. The pictures are drawn by `kernelkit.viz`."""

    def summary(
        self,
        line_length: int | None = None,
        positions: Any = None,
        print_fn: Any = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Sequence[str] | None = None,
    ) -> None:
        """Show the layers with their output shapes and numbers of parameters.

        A table in a terminal, an HTML table in a notebook.

        Args:
            line_length: Width of the table in characters.
            positions: Accepted for compatibility with Keras, without effect: columns size themselves.
            print_fn: Function that gets the text; by default the text is printed.
            expand_nested: Whether the layers of nested models are shown too.
            show_trainable: Whether a column shows which layers are trainable.
            layer_range: ``[first, last]`` names of the layers to show.
        """
        from kernelkit.models.summary import show

        show(self, line_length, print_fn, expand_nested, show_trainable, layer_range)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return rich_display.bundle(self)

    def profile(
        self, x: Tree, y: Tree = None, sample_weight: Tree = None, repeats: int = 10, distribution: Any = None
    ) -> Profile:
        """Measure the cost of each layer on one batch: time, floating-point operations, bytes. Nothing is trained.

        Args:
            x: Inputs of one batch, as a step takes them.
            y: Targets of the batch; if given and the model is compiled, the gradients are measured too.
            sample_weight: Weights of the samples.
            repeats: Number of runs of each layer; times are medians.
            distribution: A distribution to try, as :meth:`fit` takes it, by default the model's own: the step is also
                compiled for it, which shows operations, bytes and collectives of each device. The model stays where
                it is.

        Returns:
            A :class:`~kernelkit.models.profile.Profile`, a table with ``rows``. Each layer is compiled and timed alone,
            so the times add up to more than the time of a step, in which XLA fuses layers.

        Example:
            >>> import kernelkit as kk
            >>> model = kk.Sequential([kk.Input((8,)), kk.layers.Dense(4, name="hidden"), kk.layers.Dense(1)])
            >>> rows = model.profile(kk.ops.ones((16, 8))).rows
            >>> rows[0].shape, rows[0].parameters
            ((16, 4), 36)
        """
        return profile(self, x, y, sample_weight, repeats, distribution)

    def graph(self, sample: Batch = None, weights: bool = True) -> Any:
        """Show the model's graph in a notebook: open groups, pan, zoom, find a layer, look at its weights.

        Args:
            sample: A batch of inputs: a click on a layer then shows what it returns for them. For a model that was
                never called a shape is enough.
            weights: Whether the notebook also stores histograms of the weights.

        Returns:
            A :class:`kernelkit.viz.Graph`; as the last value of a cell it is displayed.

        Example:
            >>> import kernelkit as kk
            >>> kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)], name="m").graph()
            <Graph of m: 3 parameters · 12 B · 5 FLOPs a sample>
        """
        return history.viz().Graph(self, sample, weights)

    def debug(self, x: Tree = None, y: Tree = None, batch_size: int | None = None, **options: Any) -> Any:
        """Open a debugger that runs a training step by step, forward and back.

        Args:
            x: Inputs, or an iterable of batches, as :meth:`fit` takes them.
            y: Targets, for arrays.
            batch_size: Samples in a step, 32 by default.
            **options: Further arguments of :class:`kernelkit.viz.StepDebugger`: those of `fit`, and ``memory="512MB"``.

        Returns:
            The :class:`kernelkit.viz.StepDebugger`.

        Example:
            >>> import kernelkit as kk
            >>> model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)])
            >>> model.compile("sgd", "mse")
            >>> dbg = model.debug(kk.ops.ones((8, 2)), kk.ops.ones((8, 1)), batch_size=4)
            >>> sorted(dbg.step(2))
            ['loss']
        """
        return history.viz().StepDebugger(self, x, y, batch_size, **options)

    def debug_last(self, **options: Any) -> Any:
        """Open the debugger at the batch at which the last `fit` ended with an error, a NaN or an interrupt.

        Args:
            **options: ``memory`` and ``snapshot_every`` of :class:`kernelkit.viz.StepDebugger`.

        Returns:
            The :class:`kernelkit.viz.StepDebugger`.

        Raises:
            ValueError: If the last `fit` ended well.
        """
        return history.viz().debug_last(self, **options)
