"""`LayoutMap`: layouts of variables and tensors, found by regular expressions of their paths."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, MutableMapping
from typing import Any

from kernelkit.distribution.mesh import DeviceMesh, TensorLayout


class LayoutMap(MutableMapping):
    """Layouts by path. A key is a regular expression that must match a whole path.

    A path that matches no key has no layout (``None``); a path that matches two keys is an error. A key that is
    equal to the path takes priority over all others.

    Args:
        device_mesh: The mesh for layouts that have none.

    Example:
        >>> from kernelkit import distribution
        >>> mesh = distribution.DeviceMesh((2, 2), ["batch", "model"], [f"gpu:{i}" for i in range(4)])
        >>> layouts = distribution.LayoutMap(mesh)
        >>> layouts[".*dense.*/kernel"] = (None, "model")
        >>> layouts["model/dense_1/kernel"].axes, layouts["model/dense_1/bias"]
        ((None, 'model'), None)
    """

    def __init__(self, device_mesh: DeviceMesh | None = None) -> None:
        self._layouts: dict[str, TensorLayout] = {}
        self._device_mesh = device_mesh
        self._used: set[str] = set()

    @property
    def device_mesh(self) -> DeviceMesh | None:
        """The mesh."""
        return self._device_mesh

    def key_of(self, path: str) -> str | None:
        """Return the key that matches a path, or ``None``.

        Raises:
            ValueError: If several keys match.
        """
        found = [path] if path in self._layouts else [k for k in self._layouts if re.fullmatch(k, path)]
        if len(found) > 1:
            raise ValueError(
                f"Path '{path}' matches multiple layout specification keys: {found}. Make the keys narrower, so that "
                "each path matches at most one."
            )
        self._used.update(found)
        return found[0] if found else None

    def check_used(self, paths: list[str]) -> None:
        """Raise if a key has matched no path so far.

        Args:
            paths: The existing paths, for the error.

        Raises:
            ValueError: If a key matched no path. The message has the nearest paths.
        """
        for key in self._layouts:
            if key in self._used:
                continue
            plain = re.sub(r"[.*+?^$\[\]()|\\{}]+", "", key)
            near = difflib.get_close_matches(plain, paths, n=3, cutoff=0.0)
            raise ValueError(
                f"The layout key {key!r} matches no variable and no layer's output, so nothing would be split by it. A "
                f"key must match a whole path. The nearest paths: {', '.join(map(repr, near)) or 'none'}. Change the "
                "key, or allow such keys: ModelParallel(layout_map=..., unmatched='ignore')."
            )

    def __getitem__(self, key: str) -> Any:
        """Return the layout of a path, ``None`` if no key matches it."""
        found = self.key_of(key)
        return None if found is None else self._layouts[found]

    def __setitem__(self, key: str, layout: Any) -> None:
        """Set the layout of a key: a :class:`TensorLayout`, or a tuple of axis names."""
        if key in self._layouts:
            raise ValueError(f"{key} already exist in the LayoutMap: it has the layout {self._layouts[key]}.")
        try:
            re.compile(key)
        except re.error as error:
            raise ValueError(f"The layout key {key!r} is not a regular expression: {error}.") from None
        layout = TensorLayout(layout) if isinstance(layout, tuple) else layout
        if not isinstance(layout, TensorLayout):
            raise ValueError(
                f"The layout of {key!r} should be a TensorLayout or a tuple of axis names, got {layout!r} "
                f"({type(layout).__name__})."
            )
        if layout.device_mesh is None and self._device_mesh is not None:
            layout.device_mesh = self._device_mesh
        self._layouts[key] = layout

    def __delitem__(self, key: str) -> None:
        del self._layouts[key]

    def __contains__(self, key: object) -> bool:
        return key in self._layouts

    def pop(self, key: str, *default: Any) -> Any:
        """Remove a key, compared as plain text, and return its layout."""
        return self._layouts.pop(key, *default)

    def __len__(self) -> int:
        return len(self._layouts)

    def __iter__(self) -> Iterator[str]:
        return iter(self._layouts)
