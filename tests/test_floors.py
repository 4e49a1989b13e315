"""The floor plan: a file of kernelkit imports from its own floor or from floors below it.

Imports inside functions count too: a lazy import that runs up is the same knot, tied later.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "kernelkit"

# The floors, lowest first, as docs/architecture.md describes them. A package stands for all files in it.
FLOORS = [
    "typing config rich_display tree known_sizes dtypes scope operators sparse changes interrupts version "
    "compile_cache devices signatures budget bytecode garbage jaxprs compiling jax_operators jax_arguments hints "
    "tracebacks placement processes progress public threefry masked_arrays torch_tensors",
    "variable masking",
    "symbolic inference recording tape dispatch",
    "serialize operation dtype_policies random",
    "ops distribution",
    "activations initializers regularizers constraints quantizers",
    "losses metrics",
    "layers",
    "optimizers",
    "saving",
    "feeds",
    "training",
    "callbacks export serve",
    "models",
    "diagram",
    "utils datasets",
    "applications backend distillation legacy mixed_precision preprocessing teaching wrappers",
    "visualization",
    "viz",
    "tuner clusters",
]
FLOOR_OF = {f"{PACKAGE}.{part}": height for height, parts in enumerate(FLOORS) for part in parts.split()}
ROOF = len(FLOORS)  # kernelkit/__init__.py, which imports from everywhere
FLOOR_OF[f"{PACKAGE}.as_keras"] = ROOF + 1  # stands upon it, and nobody imports it


def modules() -> dict[str, Path]:
    """The modules of the package by dotted name."""
    files = [p for p in sorted((ROOT / PACKAGE).rglob("*.py")) if "node_modules" not in p.parts]
    return {dotted(p): p for p in files}


def dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = modules()


def floor(module: str) -> int:
    """The floor that a module stands on; the longest entry of the table that fits decides."""
    if module == PACKAGE:
        return ROOF
    name = module
    while name not in FLOOR_OF and "." in name:
        name = name.rpartition(".")[0]
    if name not in FLOOR_OF:
        raise AssertionError(
            f"{module} stands on no floor: add it to FLOORS in {__file__} and to docs/architecture.md."
        )
    return FLOOR_OF[name]


def imports(module: str, path: Path, types: bool = True) -> Iterator[tuple[int, str]]:
    """Line and dotted name of every module of the package that a file imports, wherever in the file.

    Without ``types``, imports under ``if TYPE_CHECKING`` are left out: they are never run.
    """
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    never_run: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING") and not types:
            never_run.update(inner for one in node.body for inner in ast.walk(one))
    for node in ast.walk(tree):
        if node in never_run:
            continue
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1] + [base] * bool(base))
            submodules = [f"{base}.{alias.name}" for alias in node.names]
            names = [name if name in MODULES else base for name in submodules]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            names = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        else:
            continue
        yield from ((node.lineno, name) for name in names if name.split(".")[0] == PACKAGE)


@pytest.mark.parametrize("module", MODULES)
def test_imports_run_down_the_floor_plan(module):
    path = MODULES[module]
    up = [
        f"{path.relative_to(ROOT)}:{line}: {module} (floor {floor(module)}) imports {name} (floor {floor(name)})"
        for line, name in imports(module, path)
        if floor(name) > floor(module)
    ]
    assert not up, "imports that run up the floor plan:\n" + "\n".join(up)


def circles(arrows: dict[str, set[str]]) -> list[list[str]]:
    """The groups of modules that import each other, straight or through others (Tarjan's algorithm)."""
    found: list[list[str]] = []
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    open_: list[str] = []

    def visit(module: str) -> None:
        number[module] = lowest[module] = len(number)
        open_.append(module)
        for other in sorted(arrows.get(module, ())):
            if other not in number:
                visit(other)
                lowest[module] = min(lowest[module], lowest[other])
            elif other in open_:
                lowest[module] = min(lowest[module], number[other])
        if lowest[module] == number[module]:
            group = [open_.pop()]
            while group[-1] != module:
                group.append(open_.pop())
            if len(group) > 1:
                found.append(sorted(group))

    for module in arrows:
        if module not in number:
            visit(module)
    return found


def arrows() -> dict[str, set[str]]:
    """The modules that each module imports, lazily or not; imports for annotations alone don't count."""
    return {
        module: {name for _, name in imports(module, path, types=False) if name != module}
        for module, path in MODULES.items()
    }


def test_no_modules_import_each_other():
    """Imports run down between floors, so a circle lies inside one: a lazy import hides it, and doesn't untie it."""
    assert circles(arrows()) == []


def test_a_circle_is_found_with_all_its_modules_and_nothing_else():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}, "e": set(), "f": {"a"}}) == [["a", "b", "c"]]
    assert circles({"a": {"b", "c"}, "b": {"d"}, "c": {"d"}, "d": set()}) == []


def test_imports_for_annotations_are_told_from_those_that_run(tmp_path):
    path = tmp_path / "module.py"
    path.write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from kernelkit import layers\n"
        "else:\n    from kernelkit import ops\nfrom kernelkit import losses\n"
    )
    assert [name for _, name in imports("kernelkit.m", path)] == [
        "kernelkit.losses",
        "kernelkit.layers",
        "kernelkit.ops",
    ]
    assert [name for _, name in imports("kernelkit.m", path, types=False)] == ["kernelkit.losses", "kernelkit.ops"]


def test_every_entry_of_the_table_exists():
    assert [name for name in FLOOR_OF if name not in MODULES] == []


def test_the_document_shows_the_same_floors():
    rows = re.findall(r"^\| \d+ [^|]*\|(.*)\|$", (ROOT / "docs" / "architecture.md").read_text(), flags=re.MULTILINE)
    shown = [{name.split("/")[0] for name in re.findall(r"`([^`]+)`", row)} for row in rows]
    parts = {part for floor in FLOORS for part in floor.split()}
    assert [names & parts for names in shown] == [set(floor.split()) for floor in FLOORS]


def test_an_import_inside_a_function_is_seen(tmp_path):
    path = tmp_path / "module.py"
    path.write_text(
        "def f():\n    from kernelkit import layers, Variable\n    import kernelkit.viz.curves\n    import jax\n"
    )
    assert list(imports("kernelkit.module", path)) == [
        (2, "kernelkit.layers"),
        (2, "kernelkit"),
        (3, "kernelkit.viz.curves"),
    ]


def test_a_relative_import_is_resolved(tmp_path):
    path = tmp_path / "dense.py"
    path.write_text("from .. import ops\nfrom .layer import Layer\nfrom ..ops.nn import relu\n")
    assert [name for _, name in imports("kernelkit.layers.dense", path)] == [
        "kernelkit.ops",
        "kernelkit.layers.layer",
        "kernelkit.ops.nn",
    ]
