"""What holds for the code running in this thread: lent variable values, casting, names, the layer call around it.

A training step must be a pure function of arrays, but layers are written against `Variable` objects. A
:class:`StatelessScope` closes the gap: while it is open in a thread, reading a variable gives the (traced) value lent
to it, and assigning writes into the scope instead of the variable. Other threads see nothing of it.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator
from typing import Any


class _Local(threading.local):
    """One thread's scopes. Class attributes are the defaults of a fresh thread."""

    stateless: StatelessScope | None = None
    autocast: str | None = None
    call: CallContext | None = None
    tape: Any = None
    symbolic: bool = False
    recording: bool = True
    """Whether calls on symbolic tensors become nodes of a graph; not while code is run for shapes alone."""
    observer: Any = None
    """Told what layers, losses and optimizers compute, while a step is traced to be looked into."""
    watcher: Any = None
    """Calls the layers in place of their callers, while a model's own ``call`` is traced to be drawn."""
    recorder: list | None = None
    """Collects the nodes that symbolic calls record, while :func:`kernelkit.recording.recording` is open."""
    counters: dict[str, int] | None = None
    """This thread's own counts of automatic names, while :func:`keep_names` is open."""

    def __init__(self) -> None:
        self.names: list[str] = []


local = _Local()


class StatelessScope:
    """Run code written against variables as a pure function of arrays.

    Args:
        state_mapping: ``(variable, value)`` pairs: the values that reading these variables gives.
        collect_losses: Whether the losses that layers add are kept in ``scope.losses``.
        initialize_variables: Accepted for Keras's sake: variables have their values from the start.

    Example:
        >>> import kernelkit as kk
        >>> v = kk.Variable(1.0)
        >>> with kk.StatelessScope([(v, 5.0)]) as scope:
        ...     v.assign(v * 2)
        >>> float(scope.get_current_value(v)), float(v.value)
        (10.0, 1.0)
    """

    def __init__(
        self, state_mapping: Iterable[tuple] = (), collect_losses: bool = False, initialize_variables: bool = True
    ) -> None:
        pairs = list(state_mapping or ())
        self.values = {id(variable): value for variable, value in pairs}
        # Keeps the variables alive, since an id is only unique among the living.
        self.variables = [variable for variable, _ in pairs]
        self.collect_losses = collect_losses
        self.losses: list = []
        self.outer: StatelessScope | None = None

    def get_current_value(self, variable: Any) -> Any:
        """Return the value lent to a variable here or in a scope around this one, or ``None``."""
        scope: StatelessScope | None = self
        while scope is not None:
            if id(variable) in scope.values:
                return scope.values[id(variable)]
            scope = scope.outer
        return None

    def add_update(self, update: tuple) -> None:
        """Record ``(variable, value)``: what the variable would have become."""
        variable, value = update
        if id(variable) not in self.values:
            self.variables.append(variable)
        self.values[id(variable)] = value

    def add_loss(self, layer: Any, loss: Any) -> None:
        """Keep a loss that a layer added."""
        self.losses.append((layer, loss))

    def __enter__(self) -> StatelessScope:
        self.outer, local.stateless = local.stateless, self
        return self

    def __exit__(self, *_: Any) -> None:
        local.stateless = self.outer


def in_stateless_scope() -> bool:
    """Return whether a :class:`StatelessScope` is open in this thread."""
    return local.stateless is not None


class SymbolicScope:
    """Marks code that is run for shapes alone: no values are computed while it is open.

    Example:
        >>> from kernelkit import scope
        >>> with scope.SymbolicScope():
        ...     scope.in_symbolic_scope()
        True
    """

    def __enter__(self) -> SymbolicScope:
        self.before, local.symbolic = local.symbolic, True
        return self

    def __exit__(self, *_: Any) -> None:
        local.symbolic = self.before


def in_symbolic_scope() -> bool:
    """Return whether this code is run for shapes alone."""
    return local.symbolic


@contextlib.contextmanager
def not_recording() -> Iterator[None]:
    """Let calls on symbolic tensors return symbolic tensors without making nodes or taking names."""
    before, local.recording = local.recording, False
    try:
        yield
    finally:
        local.recording = before


@contextlib.contextmanager
def autocast_scope(dtype: str | None) -> Iterator[None]:
    """Read float variables in the given dtype (a layer's compute dtype) while open."""
    before, local.autocast = local.autocast, dtype
    try:
        yield
    finally:
        local.autocast = before


@contextlib.contextmanager
def name_scope(name: str) -> Iterator[str]:
    """Prefix the paths of the variables made inside with a name."""
    local.names.append(name)
    try:
        yield current_path()
    finally:
        local.names.pop()


@contextlib.contextmanager
def absolute_name_scope(path: str) -> Iterator[None]:
    """Make variables under a given path, whatever scopes are open."""
    before, local.names = local.names, [path] if path else []
    try:
        yield
    finally:
        local.names = before


def current_path() -> str:
    """Return the open name scopes joined by slashes."""
    return "/".join(local.names)


class CallContext:
    """What the outermost layer call told the layers inside it."""

    def __init__(self, entry: Any) -> None:
        self.entry = entry
        self.training: bool | None = None
        self.keywords: dict[str, Any] = {}


_counters: dict[str, int] = {}
_counters_lock = threading.Lock()


def count_name(prefix: str) -> int:
    """Return how often a prefix was asked for before in this session."""
    with _counters_lock:
        counters = _counters if local.counters is None else local.counters
        count = counters.get(prefix, 0)
        counters[prefix] = count + 1
    return count


def auto_name(prefix: str) -> str:
    """Return ``prefix``, ``prefix_1``, ``prefix_2``...: a name not given before in this session."""
    count = count_name(prefix)
    return prefix if count == 0 else f"{prefix}_{count}"


@contextlib.contextmanager
def keep_names() -> Iterator[None]:
    """Make automatic names inside without using them up: what is made later is named as if nothing had been.

    Example:
        >>> from kernelkit import scope
        >>> with scope.keep_names():
        ...     inside = scope.auto_name("kept")
        >>> inside == scope.auto_name("kept")
        True
    """
    before = local.counters
    with _counters_lock:
        local.counters = dict(_counters if before is None else before)
    try:
        yield
    finally:
        local.counters = before


def to_snake_case(name: str) -> str:
    """Return ``conv2d`` for ``Conv2D``, ``layer_normalization`` for ``LayerNormalization``."""
    import re

    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def checked_name(name: Any, what: str) -> str:
    """Return a name, after a check.

    Args:
        name: The name.
        what: Whose it is, to begin the message.

    Raises:
        ValueError: If it is no text, holds a slash, or half a character, which no file and no terminal can show.
    """
    if not isinstance(name, str) or "/" in name:
        raise ValueError(f"{what} must be a string and cannot contain character `/`, got {name!r}.")
    if not name.isascii() and any("\ud800" <= letter <= "\udfff" for letter in name):
        raise ValueError(f"{what} must be text, got {name!a}, which holds half of a character.")
    return name


def printable(text: str) -> str:
    r"""Return a text with its control characters escaped, line breaks left as they are.

    A name from a file may hold escape sequences, which a terminal would obey, or marks that turn the order of letters.

    Example:
        >>> printable("a" + chr(27) + "[31mb")
        'a\\x1b[31mb'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def reset_names() -> None:
    """Start counting automatic names from the beginning."""
    with _counters_lock:
        _counters.clear()
