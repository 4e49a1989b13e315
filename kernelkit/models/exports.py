"""`Exports`: the methods that write a model to a file, turn it into a function of another library, or serve it."""

from __future__ import annotations

import json
from typing import Any

from kernelkit import saving, serialize
from kernelkit.models import state_tree as state_trees
from kernelkit.signatures import plain_methods
from kernelkit.typing import InputSignature, PathLike


@plain_methods
class Exports:
    """The methods of a model by which its weights leave it or come back: files, runtimes, a server."""

    def to_json(self, **kwargs: Any) -> str:
        """Return the model's config as a JSON text, learned vocabularies included; ``kwargs`` go to ``json.dumps``."""
        with serialize.sharing(), serialize.standing_alone():
            return json.dumps(serialize.serialize_keras_object(self), **kwargs)

    def get_state_tree(self, value_format: str = "backend_tensor") -> dict[str, dict]:
        """Return the values of all variables as nested dicts, by kind and path.

        Args:
            value_format: ``"backend_tensor"`` for jax arrays, ``"numpy_array"`` for copies as NumPy arrays.

        Returns:
            A dict with the keys ``trainable_variables``, ``non_trainable_variables``, ``optimizer_variables`` and
            ``metrics_variables``.

        Example:
            >>> import kernelkit as kk
            >>> x = kk.Input((2,))
            >>> model = kk.Model(x, kk.layers.Dense(3, name="head")(x))
            >>> sorted(model.get_state_tree()["trainable_variables"]["head"])
            ['bias', 'kernel']
        """
        return state_trees.get(self, value_format)

    def set_state_tree(self, state_tree: dict[str, dict]) -> None:
        """Assign the values of :meth:`get_state_tree`, or of a part of it."""
        state_trees.assign(self, state_tree)

    def save(self, filepath: PathLike, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any) -> None:
        """Save the model with its weights and its optimizer's state; see :func:`kernelkit.saving.save_model`.

        Args:
            filepath: Path that ends with ``.keras``, or with ``.h5`` for the format of Keras 2.
            overwrite: Whether an existing file is replaced without asking.
            zipped: ``False`` for a folder with the files, instead of one zip file.
            **kwargs: ``include_optimizer``, for ``.h5`` files.
        """
        saving.save_model(self, filepath, overwrite, zipped, **kwargs)

    def save_weights(
        self, filepath: PathLike, overwrite: bool = True, max_shard_size: float | None = None, **kwargs: Any
    ) -> None:
        """Save the weights and the optimizer's state; see :func:`kernelkit.saving.save_weights`.

        Args:
            filepath: Path that ends with ``.weights.h5``, or with ``.weights.json`` for several files and an index.
            overwrite: Whether an existing file is replaced without asking.
            max_shard_size: Largest size of each of several files, in gigabytes.
            **kwargs: ``objects_to_skip``, a list of layers to leave out.
        """
        saving.save_weights(self, filepath, overwrite, max_shard_size, **kwargs)

    def load_weights(self, filepath: PathLike, skip_mismatch: bool = False, **kwargs: Any) -> None:
        """Load weights, and the optimizer's state if the file has it; see :func:`kernelkit.saving.load_weights`.

        Args:
            filepath: ``*.weights.h5``, ``*.weights.json``, ``*.keras`` or an ``*.h5`` file of Keras 2.
            skip_mismatch: Whether layers that don't fit the file stay unchanged, with a warning.
            **kwargs: ``objects_to_skip`` or ``by_name``.
        """
        saving.load_weights(self, filepath, skip_mismatch, **kwargs)

    def export(
        self,
        filepath: PathLike,
        format: str = "tf_saved_model",
        verbose: bool | None = None,
        input_signature: InputSignature = None,
        **kwargs: Any,
    ) -> Any:
        """Write the model to a file of another runtime; docs/export.md has a table of formats.

        Args:
            filepath: Path of the file.
            format: ``"tf_saved_model"``, ``"onnx"``, ``"stablehlo"``, ``"openvino"``, ``"torch"``,
                ``"web"`` or ``"litert"``.
            verbose: Whether a report is printed; by default everywhere but in a notebook, where the report that is
                returned shows as a table.
            input_signature: Specs of the inputs, for a model that was not called yet, or to fix unknown sizes.
            **kwargs: Options of the format, such as ``opset_version`` for ONNX.

        Returns:
            A :class:`~kernelkit.export.Report`: size, inputs, and the difference between the file's and the model's
            outputs.

        Raises:
            ImportError: If a package that the format needs is not installed.
            NotImplementedError: If the format lacks an operation that the model uses.
        """
        from kernelkit import export as exporting

        return exporting.export(self, filepath, format, verbose, input_signature, **kwargs)

    def pure(self) -> Any:
        """Return the model as a pure function and its weights; see :func:`kernelkit.export.pure`.

        Example:
            >>> import jax, kernelkit as kk
            >>> model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(2)])
            >>> apply, weights = model.pure()
            >>> jax.jit(apply)(weights, kk.ops.ones((4, 3))).shape
            (4, 2)
        """
        from kernelkit import export as exporting

        return exporting.pure(self)

    def to_torch(self, input_signature: InputSignature = None, bridge: bool = False) -> Any:
        """Return the model as a `torch.nn.Module` with its weights; see docs/export.md.

        Args:
            input_signature: Specs of the inputs, as in :meth:`export`.
            bridge: Whether the module runs the model's own program of jax, which shares arrays with PyTorch, instead of
                being written as pure PyTorch code. Then it holds on to the model, and its numbers are the model's.

        Raises:
            ImportError: If PyTorch is not installed.
        """
        from kernelkit.export.torch import to_bridge, to_torch

        return (to_bridge if bridge else to_torch)(self, input_signature)

    def serve(
        self,
        port: int = 8000,
        host: str = "127.0.0.1",
        name: str | None = None,
        input_signature: InputSignature = None,
        **limits: Any,
    ) -> Any:
        """Serve the model by HTTP in a thread of this process; see :func:`kernelkit.serve.serve`.

        Args:
            port: Port; 0 takes a free one.
            host: Address to listen on; the default is reached from this machine only.
            name: Name in the paths; by default the model's.
            input_signature: Specs of the inputs, as in :meth:`export`.
            **limits: See :class:`kernelkit.serve.Limits`.

        Returns:
            The server. It stops at the end of a ``with`` block, or by ``close()``.
        """
        from kernelkit import serve as serving

        return serving.serve(self, port, host, name, input_signature, **limits)
