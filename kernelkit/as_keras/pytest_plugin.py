"""pytest plugin, ``-p kernelkit.as_keras.pytest_plugin``: tests that import keras run on kernelkit."""

from typing import Any

from kernelkit import as_keras


def pytest_load_initial_conftests() -> None:
    """Put kernelkit in Keras's place before a conftest imports Keras; a mere import of this module does not."""
    as_keras.install()


def pytest_report_header(config: Any) -> str:
    """Say at the top of the run what keras is."""
    return f"keras: {as_keras.VERSION}"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say at the end what was refused."""
    for refusal in as_keras.report():
        terminalreporter.write_line(f"kernelkit.as_keras: {refusal}")
