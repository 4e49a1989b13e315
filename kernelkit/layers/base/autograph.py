"""TensorFlow's AutoGraph, which rewrites Python loops over tensors, in layers that compute with TensorFlow."""

from __future__ import annotations

import contextlib
import sys
from typing import Any


def allowed() -> contextlib.AbstractContextManager[Any]:
    """Return a context in which AutoGraph rewrites what a layer passes to ``tf.map_fn``, ``tf.cond`` and the like.

    `Dataset.map` switches it off, and on again only for code that it rewrites itself, which layers are not.
    Outside of TensorFlow's graphs the context does nothing.
    """
    tensorflow: Any = sys.modules.get("tensorflow")
    if not hasattr(tensorflow, "executing_eagerly") or tensorflow.executing_eagerly():
        return contextlib.nullcontext()
    now = tensorflow.__internal__.autograph.control_status_ctx()
    return type(now)(status=type(now.status).ENABLED)
