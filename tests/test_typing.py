"""The names of types in signatures: they stand in `kernelkit.typing` alone, each with a sentence on what it means."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import kernelkit.typing

ROOT = Path(__file__).resolve().parent.parent / "kernelkit"


def test_each_name_has_a_sentence():
    body = ast.parse((ROOT / "typing.py").read_text(encoding="utf-8")).body
    named = {}
    for statement, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            said = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            named[statement.target.id] = after.value.value if said else ""
    assert sorted(named) == sorted(kernelkit.typing.__all__)
    assert all(len(sentence) > 20 for sentence in named.values()), named


def test_no_other_file_defines_these_names():
    names = "|".join(kernelkit.typing.__all__)
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in sorted(ROOT.rglob("*.py"))
        if path.name != "typing.py" and "node_modules" not in path.parts
        for match in re.finditer(rf"^(?:{names})(?:: TypeAlias)? = .*$", path.read_text(encoding="utf-8"), re.M)
    ]
    assert found == []
