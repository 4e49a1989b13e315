"""A check of a project's database before Optuna reads it, because the file may be untrusted."""

from __future__ import annotations

import contextlib
import os
import sqlite3

MOST_BYTES = 256 << 20
"""Largest file that is opened, in bytes. A trial takes about 2 KB, and 40 bytes for each epoch."""
_NAMES = (
    "studies study_directions study_user_attributes study_system_attributes trials trial_user_attributes "
    "trial_system_attributes trial_params trial_values trial_intermediate_values trial_heartbeats version_info "
    "alembic_version"
).split()


def check_database(path: str) -> None:
    """Raise an error for a file that is not a database with only Optuna's tables. A missing file is accepted.

    Views, triggers and generated columns run code of the file when a table is read or written, perhaps endlessly.

    Args:
        path: Path of the file.

    Raises:
        ValueError: If the file is anything else.
    """
    if not os.path.lexists(path):
        return
    if not os.path.isfile(path):
        raise ValueError(f"{path!r} is not a file, so it cannot contain a search.")
    if os.path.getsize(path) > MOST_BYTES:
        raise ValueError(
            f"{path!r} has more than {MOST_BYTES >> 20} MB, too much for a search. overwrite=True starts a new search."
        )
    address = f"file:{_quoted(path)}?mode=ro"
    try:
        with contextlib.closing(sqlite3.connect(address, uri=True, timeout=10)) as database:
            wrong = _strange(database)
    except sqlite3.Error as error:
        raise ValueError(
            f"{path!r} is not a search of kernelkit.tuner: {error}. overwrite=True starts a new search."
        ) from error
    if wrong:
        raise ValueError(
            f"{path!r} is not a search of kernelkit.tuner: it has {wrong}. overwrite=True starts a new search."
        )


def _strange(database: sqlite3.Connection) -> str:
    """Return the first part of a database that Optuna does not make, ``""`` if there is none."""
    for kind, name, sql in database.execute("SELECT type, name, sql FROM sqlite_master"):
        text = str(sql or "").upper()
        if kind == "index" and sql is None:
            continue
        if kind == "table" and name in _NAMES and text.startswith("CREATE TABLE"):
            text = text.replace("CHECK (VERSION_INFO_ID=1)", "")
            unknown = [word for word in ("GENERATED", " AS (", " AS(", "CHECK", "DEFAULT", "COLLATE") if word in text]
        elif kind == "index" and text.startswith(("CREATE INDEX", "CREATE UNIQUE INDEX")) and " WHERE " not in text:
            unknown = ["an index of an expression"] if text.count("(") != 1 else []
        else:
            unknown = [str(kind)]
        if unknown:
            return f"{name!r} ({unknown[0].strip()})"
    return ""


def _quoted(path: str) -> str:
    from urllib.parse import quote

    return quote(os.path.abspath(path))
