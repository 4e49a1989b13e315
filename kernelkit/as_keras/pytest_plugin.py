"""pytest plugin, ``-p kernelkit.as_keras.pytest_plugin``: tests that import keras run on kernelkit."""

from typing import Any

from kernelkit import as_keras


def pytest_load_initial_conftests() -> None:
    """Put kernelkit in Keras's place before a conftest imports Keras. An import of this module has no effect."""
    as_keras.install()


def pytest_report_header(config: Any) -> str:
    """Return a line for the head of the report: keras is kernelkit."""
    return f"keras: {as_keras.VERSION}"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """List the refused names at the end of the report."""
    for refusal in as_keras.report():
        terminalreporter.write_line(f"kernelkit.as_keras: {refusal}")
