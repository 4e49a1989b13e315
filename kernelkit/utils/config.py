"""`Config`: settings by name."""

from __future__ import annotations

import json
from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from typing import Any


class Config:
    """Settings that can be read as attributes or as items, and can be frozen.

    Args:
        **kwargs: The settings.

    Raises:
        ValueError: If a frozen config is changed.
        AttributeError: If a setting doesn't exist.

    Example:
        >>> config = Config(rate=0.1)
        >>> config.units = 3
        >>> config["rate"], config.as_dict()
        (0.1, {'rate': 0.1, 'units': 3})
        >>> config.freeze()
        >>> config.units = 4
        Traceback (most recent call last):
        ValueError: Cannot mutate attribute(s) because the config is frozen. Call unfreeze() first.
    """

    _settings: dict[str, Any]
    _frozen: bool

    def __init__(self, **kwargs: Any) -> None:
        object.__setattr__(self, "_settings", dict(kwargs))
        object.__setattr__(self, "_frozen", False)

    @property
    def frozen(self) -> bool:
        """Whether the settings are frozen."""
        return self._frozen

    def freeze(self) -> None:
        """Forbid changes of the settings."""
        object.__setattr__(self, "_frozen", True)

    def unfreeze(self) -> None:
        """Allow changes of the settings again."""
        object.__setattr__(self, "_frozen", False)

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as a new dict."""
        return dict(self._settings)

    def to_json(self) -> str:
        """Return the settings as a JSON text; a nested `Config` becomes a JSON object."""
        return json.dumps(self._settings, default=_settings_of)

    def keys(self) -> KeysView:
        """Return the names."""
        return self._settings.keys()

    def values(self) -> ValuesView:
        """Return the values."""
        return self._settings.values()

    def items(self) -> ItemsView:
        """Return the pairs of name and value."""
        return self._settings.items()

    def get(self, name: str, default: Any = None) -> Any:
        """Return a setting, or ``default`` if it doesn't exist."""
        return self._settings.get(name, default)

    def pop(self, *args: Any) -> Any:
        """Remove a setting and return it; if it doesn't exist, return the default, the second argument."""
        return self._open().pop(*args)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Set settings from a dict, and from keyword arguments."""
        self._open().update(*args, **kwargs)

    def _open(self) -> dict[str, Any]:
        if self._frozen:
            raise ValueError("Cannot mutate attribute(s) because the config is frozen. Call unfreeze() first.")
        return self._settings

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in ("_settings", "_frozen"):
            raise AttributeError(name)
        if name not in self._settings:
            raise AttributeError(f"Unknown attribute: {name!r}. The config has: {', '.join(self._settings)}.")
        return self._settings[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self._open()[name] = value

    def __delattr__(self, name: str) -> None:
        if name not in self._open():
            raise AttributeError(f"Unknown attribute: {name!r}.")
        del self._settings[name]

    def __getitem__(self, name: str) -> Any:
        return self._settings[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._open()[name] = value

    def __delitem__(self, name: str) -> None:
        del self._open()[name]

    def __contains__(self, name: object) -> bool:
        return name in self._settings

    def __iter__(self) -> Iterator[str]:
        return iter(self._settings)

    def __len__(self) -> int:
        return len(self._settings)

    def __repr__(self) -> str:
        return f"<Config {self._settings}>"

    def __getstate__(self) -> dict:
        return {"_settings": dict(self._settings), "_frozen": self._frozen}

    def __setstate__(self, state: dict) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)


def _settings_of(value: Any) -> dict:
    if isinstance(value, Config):
        return value.as_dict()
    raise TypeError(f"A setting of the type {type(value).__name__} can't be written as JSON: {value!r}.")
