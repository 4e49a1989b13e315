"""``python -m kernelkit.as_keras script.py [arguments]``, or ``-m module``, or ``-c code``, or ``--path``."""

import os
import runpy
import sys

from kernelkit import as_keras

USAGE = (
    "usage: python -m kernelkit.as_keras (SCRIPT | -m MODULE | -c CODE) [ARGUMENTS]   or   --path, --report SCRIPT ..."
)


def main() -> None:
    """Run a program in which ``import keras`` means kernelkit."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["--path"]:
        sys.stdout.write(as_keras.path() + "\n")
        return
    says = arguments[:1] == ["--report"]
    arguments = arguments[says:]
    if not arguments or arguments[0] in ("-h", "--help") or (arguments[0] in ("-m", "-c") and len(arguments) < 2):
        sys.exit(USAGE)
    is_script = arguments[0] not in ("-m", "-c")
    sys.path[0] = os.path.dirname(os.path.abspath(arguments[0])) if is_script else ""
    as_keras.install()
    try:
        if arguments[0] == "-m":
            sys.argv = arguments[1:]
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        elif arguments[0] == "-c":
            sys.argv = ["-c", *arguments[2:]]
            exec(compile(arguments[1], "<string>", "exec"), {"__name__": "__main__"})
        else:
            sys.argv = arguments
            runpy.run_path(arguments[0], run_name="__main__")
    finally:
        if says:
            lines = [str(refusal) for refusal in as_keras.report()] or ["nothing was refused"]
            sys.stderr.write("\n".join(["kernelkit.as_keras:", *lines]) + "\n")


if __name__ == "__main__":
    main()
