"""The command line: ``python -m kernelkit.serve model.keras``."""

from __future__ import annotations

import argparse
import os
import sys

from kernelkit.saving import load_model
from kernelkit.serve.limits import Limits, checked
from kernelkit.serve.runner import Runner
from kernelkit.serve.server import Server, path_name

_HELP = {
    "body": "bytes of a request",
    "rows": "rows of one request",
    "queue": "rows that wait",
    "seconds": "time limit for a body to arrive, and for a request to wait",
    "batch": "largest number of rows in a batch",
    "delay": "seconds that a batch waits for more rows",
    "open_size": "largest size of an axis that the model leaves open",
    "shapes": "number of different input shapes",
    "memory": "bytes that one batch may need",
    "connections": "open connections",
    "closing": "seconds to finish running requests at the end",
}


def main(arguments: list[str] | None = None) -> None:
    """Serve the models that the command line names, until SIGINT or SIGTERM."""
    options = _parser().parse_args(arguments)
    limits = checked(Limits(**{name: getattr(options, name) for name in Limits._fields}))
    runners: dict[str, Runner] = {}
    for given in options.models:
        name, path = _named(given)
        if name in runners:
            sys.exit(f"Two models have the name {name!r}: write NAME=PATH.")
        try:
            runners[name] = Runner(load_model(path, compile=False, safe_mode=not options.trust), limits)
        except (ValueError, ImportError) as error:
            sys.exit(f"{path}: {error}")
    try:
        server = Server(runners, options.port, options.host, limits)
    except OSError as error:
        sys.exit(error.strerror)
    sys.stderr.write(f"kernelkit serves {', '.join(runners)} at {server.url}\n")
    server.run()


def _named(given: str) -> tuple[str, str]:
    """Return the name and path of ``NAME=PATH``, or of a path alone."""
    name, equals, path = given.partition("=")
    if not equals:
        name, path = os.path.splitext(os.path.basename(given.rstrip("/")))[0], given
    try:
        return path_name(name), path
    except ValueError as error:
        sys.exit(str(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m kernelkit.serve", description=__doc__)
    parser.add_argument("models", nargs="+", metavar="[NAME=]PATH", help="a .keras file; its name is the model's path")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 accepts other machines (default: %(default)s)")
    parser.add_argument("--trust", action="store_true", help="load as with safe_mode=False: the files may run code")
    for name, default in Limits._field_defaults.items():
        flag = "--" + name.replace("_", "-")
        parser.add_argument(flag, type=type(default), default=default, help=f"{_HELP[name]} (default: %(default)s)")
    return parser


if __name__ == "__main__":
    main()
