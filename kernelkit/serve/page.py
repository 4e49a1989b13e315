"""The page at a server's address, for people with a browser."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence

from kernelkit.export.signature import TensorSpec

Described = tuple[str, Sequence[TensorSpec], Sequence[TensorSpec]]


def index(url: str, models: Sequence[Described]) -> str:
    """Return a page with the models, and a shell command for each."""
    parts = "".join(_model(url, *one) for one in models)
    links = "".join(f"<a href='{path}'>{path}</a> " for path in ("/metrics", "/v2/health/ready"))
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>kernelkit</title><style>"
        "body{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}"
        ":root{color-scheme:light dark}"
        "pre{overflow:auto;padding:1rem;border:1px solid #8888;border-radius:6px}"
        f"</style><h1>Models</h1>{parts}<p>{links}</p></html>"
    )


def command(url: str, name: str, inputs: Sequence[TensorSpec]) -> str:
    """Return a shell command that sends one row of zeros to a model."""
    rows = {spec.name: _zeros([1 if n is None else n for n in spec.shape[1:]], spec.dtype) for spec in inputs}
    row = next(iter(rows.values())) if len(rows) == 1 else rows
    text = json.dumps({"instances": [row]}, separators=(",", ":"))
    text = text if len(text) < 400 else text[:200] + "..."
    return f"curl -d '{text}' {url}/v1/models/{name}:predict"


def _model(url: str, name: str, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> str:
    rows = "".join(
        f"<li>{kind} <b>{html.escape(spec.name)}</b> {spec.dtype} {_shape(spec)}</li>"
        for kind, specs in (("takes", inputs), ("gives", outputs))
        for spec in specs
    )
    return f"<h2>{html.escape(name)}</h2><ul>{rows}</ul><pre>{html.escape(command(url, name, inputs))}</pre>"


def _shape(spec: TensorSpec) -> str:
    return "[" + ", ".join("any" if n is None else str(n) for n in spec.shape) + "]"


def _zeros(shape: list[int], dtype: str) -> object:
    if not shape:
        return "" if dtype == "string" else 0
    count = min(shape[0], 200)  # the text is cut anyway
    return [_zeros(shape[1:], dtype)] * count
