"""`KerasFileEditor`: show and change weights files."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from kernelkit.saving.archive import Archive
from kernelkit.saving.atomic import replacing
from kernelkit.saving.hdf5 import Hdf5Reader, StoredArray
from kernelkit.saving.state import save_state
from kernelkit.saving.weights_file import Hdf5Sink, open_file

if TYPE_CHECKING:
    import h5py
else:
    from kernelkit.saving import lazy_h5py as h5py

_WEIGHTS = "model.weights.h5"
_VARS = "vars"
_DEEPEST = 100
# Each name in a group takes more bytes than this. Links between groups could make a small file look endless.
_BYTES_OF_AN_ENTRY = 16
_MOST_UNFOLDING, _FREE_SIZE = 4, 64 << 20


class KerasFileEditor:
    """The contents of a weights file, to be shown, changed and saved as a new file.

    Use it to adapt old weights to a changed model: layers renamed, added or removed.

    Args:
        filepath: A ``.weights.h5`` or ``.keras`` file. The file itself is not changed.

    Raises:
        ValueError: If the file has another ending, or is broken.

    Example:
        >>> import tempfile
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.save_weights(f"{folder}/a.weights.h5")
        ...     editor = KerasFileEditor(f"{folder}/a.weights.h5")
        >>> editor.summary()
        Weights structure
          layers
            dense
              0: shape=(2, 1), dtype=float32
              1: shape=(1,), dtype=float32
    """

    def __init__(self, filepath: str | os.PathLike) -> None:
        self.filepath = os.fspath(filepath)
        if not self.filepath.endswith((".weights.h5", ".keras")):
            raise ValueError(
                f"Invalid filename: expected a `.keras` or `.weights.h5` extension. Received: filepath={self.filepath}"
            )
        self.object_metadata: dict[str, dict] = {}
        with _opened(self.filepath) as reader:
            self._left = [1000 + reader.size // _BYTES_OF_AN_ENTRY, _MOST_UNFOLDING * reader.size + _FREE_SIZE]
            self.weights_dict = self._read(reader, reader.root, "", 0)

    def _read(self, reader: Hdf5Reader, group: Any, path: str, depth: int) -> dict:
        """Return a group's weights, from its group ``vars``, and the objects in it."""
        found: dict[str, Any] = {}
        if depth > _DEEPEST:
            raise ValueError(f"{self.filepath}: its groups are nested too deep.")
        for name, child in reader.children(group).items():
            self._left[0] -= 1
            if isinstance(child, StoredArray):
                self._left[1] -= child.nbytes
            if min(self._left) < 0:
                raise ValueError(f"{self.filepath} declares more than it holds.")
            if isinstance(child, StoredArray):
                found[name] = np.asarray(child)
            elif name == _VARS:
                found = self._read(reader, child, path, depth + 1) | found
                label = reader.attribute(child, "name")
                if isinstance(label, str):
                    self.object_metadata[path] = {"name": label}
            else:
                found[name] = self._read(reader, child, f"{path}/{name}", depth + 1)
        return found

    # Looking ----------------------------------------------------------------------------------------------------------

    def summary(self) -> None:
        """Print the objects of the file and the shapes of their weights."""
        _say("Weights structure")
        for line in _lines(self.weights_dict, 1):
            _say(line)

    def compare(self, reference_model: Any) -> dict:
        """Print how the file differs from a model.

        Args:
            reference_model: The model, built.

        Returns:
            ``{"status": "success" or "error", "error_count": ..., "match_count": ...}``: the numbers of differences and
            of weights that fit.
        """
        _say("Running comparison")
        expected: dict = {}
        save_state(reference_model, _DictSink(expected))
        errors, matches = _compare(expected, self.weights_dict, "")
        for error in errors:
            _say(f"...{error}")
        if errors:
            _say(f"Found {len(errors)} errors: saved file is not compatible with the reference model")
        else:
            _say(f"Comparison successful: saved file is compatible with the reference model. Found {matches} weights.")
        status = "error" if errors else "success"
        return {"status": status, "error_count": len(errors), "match_count": matches}

    # Changing ---------------------------------------------------------------------------------------------------------

    def rename_object(self, object_name: str, new_name: str) -> None:
        """Rename an object, such as a layer.

        Args:
            object_name: Its path, or its name if no other object has it.
            new_name: The new name, without a path.

        Raises:
            ValueError: If there is no such object, or the new name is taken.
        """
        if "/" in new_name:
            raise ValueError(
                f"Argument `target_name` should be a leaf name, not a full path name. Received: {new_name!r}"
            )
        parent, name = self._find(object_name)
        if new_name in parent:
            raise ValueError(f"Cannot rename {object_name!r} to {new_name!r}: there is such an object already.")
        before = self._path_of(parent, name)
        moved = {(new_name if key == name else key): value for key, value in parent.items()}
        parent.clear()
        parent.update(moved)
        after = before.rpartition("/")[0] + "/" + new_name
        renamed = {
            after + path.removeprefix(before) if _is_below(path, before) else path: value
            for path, value in self.object_metadata.items()
        }
        self.object_metadata = renamed

    def delete_object(self, object_name: str) -> None:
        """Remove an object with its weights and all objects in it.

        Args:
            object_name: Its path, or its name if no other object has it.
        """
        parent, name = self._find(object_name)
        path = self._path_of(parent, name)
        del parent[name]
        self.object_metadata = {k: v for k, v in self.object_metadata.items() if not _is_below(k, path)}

    def add_object(self, object_path: str, weights: dict) -> None:
        """Add an object, such as a layer.

        Args:
            object_path: Its whole path, such as ``"layers/dense_2"``.
            weights: Dict from the names of the weights (``"0"``, ``"1"``...) to arrays, or to dicts for objects in it.

        Raises:
            ValueError: If the parent object doesn't exist.
        """
        *parents, name = object_path.strip("/").split("/")
        place = self.weights_dict
        for i, parent in enumerate(parents):
            if not isinstance(place.get(parent), dict):
                raise ValueError(f"Path {'/'.join(parents[: i + 1])!r} not found in model.")
            place = place[parent]
        place[name] = _arrays(weights, object_path)

    def delete_weight(self, object_name: str, weight_name: str) -> None:
        """Remove a weight of an object.

        Args:
            object_name: Path or name of the object.
            weight_name: Name of the weight, such as ``"0"``.
        """
        entry = self._object(object_name)
        if not isinstance(entry.get(weight_name), np.ndarray):
            names = [name for name, value in entry.items() if isinstance(value, np.ndarray)]
            raise ValueError(f"Weight {weight_name} not found in object {object_name}. Weights found: {names}")
        del entry[weight_name]

    def add_weights(self, object_name: str, weights: dict) -> None:
        """Add weights to an object, or replace them.

        Args:
            object_name: Path or name of the object.
            weights: Dict from names to arrays.
        """
        self._object(object_name).update(_arrays(weights, object_name))

    def save(self, filepath: str | os.PathLike) -> None:
        """Save the weights with all changes.

        Args:
            filepath: Path that ends with ``.weights.h5``.
        """
        path = os.fspath(filepath)
        if not path.endswith(".weights.h5"):
            raise ValueError(
                f"Invalid `filepath` argument: expected a `.weights.h5` extension. Received: filepath={path}"
            )
        with replacing(path) as file, h5py.File(file, "w") as hdf5:
            sink = Hdf5Sink(hdf5)
            for place, entry in _objects(self.weights_dict, ""):
                label = self.object_metadata.get(place, {}).get("name")
                arrays = {name: value for name, value in entry.items() if isinstance(value, np.ndarray)}
                if arrays or label is not None:
                    target = sink.entry(f"{place}/{_VARS}".lstrip("/"), label)
                    for name, value in arrays.items():
                        target[name] = value

    def resave_weights(self, filepath: str | os.PathLike) -> None:
        """Call :meth:`save`; an older name for it."""
        self.save(filepath)

    # Finding ----------------------------------------------------------------------------------------------------------

    def _find(self, object_name: str) -> tuple[dict, str]:
        """Return the dict that holds an object, and its key there."""
        wanted = object_name.strip("/")
        found = [
            (parent, name)
            for path, parent in _objects(self.weights_dict, "")
            for name, value in parent.items()
            if isinstance(value, dict) and wanted in ((f"{path}/{name}").lstrip("/"), name)
        ]
        exact = [(p, n) for p, n in found if self._path_of(p, n).lstrip("/") == wanted]
        found = exact or found
        if not found:
            raise ValueError(
                f"Source name {object_name!r} does not appear in the model. Use `editor.summary()` to list all objects."
            )
        if len(found) > 1:
            raise ValueError(f"Name {object_name!r} occurs more than once in the model; try passing a complete path")
        return found[0]

    def _object(self, object_name: str) -> dict:
        parent, name = self._find(object_name)
        return parent[name]

    def _path_of(self, parent: dict, name: str) -> str:
        return next(path for path, entry in _objects(self.weights_dict, "") if entry is parent) + "/" + name


@contextlib.contextmanager
def _opened(path: str) -> Iterator[Hdf5Reader]:
    with contextlib.ExitStack() as stack:
        if path.endswith(".keras"):
            open_file(path).close()  # if the file doesn't exist, the error lists the files that do
            archive = stack.enter_context(Archive(path))
            file = stack.enter_context(archive.open(_WEIGHTS))
        else:
            file = stack.enter_context(open_file(path))
        yield stack.enter_context(Hdf5Reader(file, path))


class _DictSink:
    """Keeps the saved arrays of a model as nested dicts."""

    def __init__(self, target: dict) -> None:
        self._target = target

    def entry(self, path: str, name: str | None) -> dict:
        """Return the dict of a folder."""
        place = self._target
        for part in path.split("/"):
            place = place if part in (_VARS, "") else place.setdefault(part, {})
        return place


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _objects(entry: dict, path: str) -> Iterator[tuple[str, dict]]:
    """Yield the path and the contents of each object, the root first."""
    yield path, entry
    for name, value in entry.items():
        if isinstance(value, dict):
            yield from _objects(value, f"{path}/{name}")


def _is_below(path: str, above: str) -> bool:
    return path == above or path.startswith(above + "/")


def _arrays(weights: dict, who: str) -> dict:
    if not isinstance(weights, dict):
        raise ValueError(f"The weights of {who!r} must be a dict from names to arrays, got {type(weights).__name__}.")
    wrong = [name for name in weights if not isinstance(name, str) or "/" in name or not name]
    if wrong:
        raise ValueError(f"The name of a weight is a text without '/', got {wrong[0]!r} in {who!r}.")
    return {k: _arrays(v, f"{who}/{k}") if isinstance(v, dict) else np.asarray(v) for k, v in weights.items()}


def _holds_weights(entry: Any) -> bool:
    if isinstance(entry, dict):
        return any(_holds_weights(value) for value in entry.values())
    return entry is not None


def _compare(expected: dict, found: dict, path: str) -> tuple[list[str], int]:
    """Return the differences as messages, and the number of weights that fit."""
    errors: list[str] = []
    matches = 0
    for name in [*expected, *(name for name in found if name not in expected)]:
        here, ours, theirs = f"{path}/{name}", expected.get(name), found.get(name)
        if isinstance(ours, dict) and isinstance(theirs, dict):
            more, same = _compare(ours, theirs, here)
            errors, matches = errors + more, matches + same
        elif theirs is None and _holds_weights(ours):
            what = "Object" if isinstance(ours, dict) else "Weight"
            errors.append(f"{what} {here} present in reference model, missing from saved file")
        elif ours is None and _holds_weights(theirs):
            what = "Object" if isinstance(theirs, dict) else "Weight"
            errors.append(f"{what} {here} present in saved file, missing from reference model")
        elif isinstance(ours, np.ndarray) and isinstance(theirs, np.ndarray):
            if ours.shape == theirs.shape:
                matches += 1
            else:
                errors.append(f"Weight shape mismatch for {here}: {ours.shape} expected, {theirs.shape} in saved file")
        elif _holds_weights(ours) or _holds_weights(theirs):
            errors.append(f"{here} is a weight on one side and an object on the other")
    return errors, matches


def _lines(entry: dict, depth: int) -> Iterator[str]:
    for name, value in entry.items():
        if isinstance(value, dict):
            if _holds_weights(value):
                yield f"{'  ' * depth}{name}"
                yield from _lines(value, depth + 1)
        else:
            yield f"{'  ' * depth}{name}: shape={value.shape}, dtype={value.dtype}"
