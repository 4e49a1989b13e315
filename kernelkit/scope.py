"""The state of the current thread: values in place of variables, autocasting, name scopes, the current layer call.

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
    """Whether calls on symbolic tensors record nodes of a graph; false during shape inference."""
    observer: Any = None
    """Receives the results of layers, losses and optimizers, while a step is traced for inspection."""
    watcher: Any = None
    """Calls the layers instead of their callers, while a model's own ``call`` is traced for a diagram."""
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
        state_mapping: ``(variable, value)`` pairs: inside the scope, reading a variable gives its value here.
        collect_losses: Whether the losses that layers add are kept in ``scope.losses``.
        initialize_variables: Accepted for compatibility with Keras: variables have their values from the start.

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
        # Keeps the variables alive: an id is unique only among living objects.
        self.variables = [variable for variable, _ in pairs]
        self.collect_losses = collect_losses
        self.losses: list = []
        self.outer: StatelessScope | None = None

    def get_current_value(self, variable: Any) -> Any:
        """Return the value of a variable in this scope or one around it, or ``None``."""
        scope: StatelessScope | None = self
        while scope is not None:
            if id(variable) in scope.values:
                return scope.values[id(variable)]
            scope = scope.outer
        return None

    def add_update(self, update: tuple) -> None:
        """Record an assignment, instead of changing the variable."""
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
    """Mark code that runs for shape inference only: no values are computed inside.

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
    """Return whether the current code runs for shape inference only."""
    return local.symbolic


@contextlib.contextmanager
def recording_again() -> Iterator[None]:
    """Let calls on symbolic tensors record nodes in this block: `build` may wire a model, wherever it runs."""
    before, local.recording = local.recording, True
    try:
        yield
    finally:
        local.recording = before


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
    """Prefix the paths of the variables made inside with a name.

    Example:
        >>> import kernelkit as kk
        >>> with kk.name_scope("encoder"):
        ...     print(kk.Variable(0.0, name="scale").path)
        encoder/scale
    """
    local.names.append(name)
    try:
        yield current_path()
    finally:
        local.names.pop()


@contextlib.contextmanager
def absolute_name_scope(path: str) -> Iterator[None]:
    """Make variables under a given path, regardless of open scopes."""
    before, local.names = local.names, [path] if path else []
    try:
        yield
    finally:
        local.names = before


def current_path() -> str:
    """Return the open name scopes joined by slashes."""
    return "/".join(local.names)


class CallContext:
    """Arguments that a layer call passes on to the layers inside it, such as ``training``."""

    def __init__(self, entry: Any) -> None:
        self.entry = entry
        self.training: bool | None = None
        self.keywords: dict[str, Any] = {}


_counters: dict[str, int] = {}
_counters_lock = threading.Lock()


def count_name(prefix: str) -> int:
    """Return how often a prefix was used before in this session, and count this use."""
    with _counters_lock:
        counters = _counters if local.counters is None else local.counters
        count = counters.get(prefix, 0)
        counters[prefix] = count + 1
    return count


def auto_name(prefix: str) -> str:
    """Return ``prefix``, ``prefix_1``, ``prefix_2``...: the next unused automatic name of this session."""
    count = count_name(prefix)
    return prefix if count == 0 else f"{prefix}_{count}"


@contextlib.contextmanager
def keep_names(fresh: bool = False) -> Iterator[None]:
    """Restore the counters of automatic names at the end: names made inside are not used up.

    Args:
        fresh: Whether the counters begin anew inside: the first name of a kind has no number.

    Example:
        >>> from kernelkit import scope
        >>> with scope.keep_names():
        ...     inside = scope.auto_name("kept")
        >>> inside == scope.auto_name("kept")
        True
    """
    before = local.counters
    with _counters_lock:
        local.counters = {} if fresh else dict(_counters if before is None else before)
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
        what: Owner of the name, which begins the error message.

    Raises:
        ValueError: If the name is not a string, holds a slash, or holds a lone surrogate (half of a character), which
            cannot be written to a file or a terminal.
    """
    if not isinstance(name, str) or "/" in name:
        raise ValueError(f"{what} must be a string and cannot contain character `/`, got {name!r}.")
    if not name.isascii() and any("\ud800" <= letter <= "\udfff" for letter in name):
        raise ValueError(f"{what} must be text, got {name!a}, which holds half of a character.")
    return name


def printable(text: str) -> str:
    r"""Return a text with its control characters escaped; line breaks are kept.

    A name from a file may hold escape sequences, which a terminal would execute, or marks that reverse the text order.

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
