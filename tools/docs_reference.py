"""The reference of the documentation site: one page for each public name, and one for each module that lists them."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import re
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
# Public modules that the lists of names (`__all__`) of the package and its modules don't hold.
LOADED_LATER = (
    "distribution",
    "legacy.saving",
    "optimizers.schedules",
    "preprocessing.image",
    "preprocessing.sequence",
    "preprocessing.text",
    "viz",
)
# The headings on the pages of large modules, in their order, and the files in which the names below each are written.
HEADINGS = {
    "layers": {
        "Core": "layer base input_layer dense einsum_dense embedding activation lambda_layer identity masking wrapper "
        "input_spec",
        "Convolution": "conv conv_transpose depthwise_conv separable_conv",
        "Pooling": "pooling global_pooling adaptive_pooling",
        "Recurrent": "rnn simple_rnn lstm gru conv_lstm bidirectional time_distributed stacked_rnn_cells",
        "Attention": "multi_head_attention grouped_query_attention dot_product_attention additive_attention",
        "Normalization": "batch_normalization layer_normalization group_normalization spectral_normalization",
        "Regularization": "dropout noise activity_regularization",
        "Merging": "merging concatenate dot",
        "Shapes": "reshaping borders up_sampling",
        "Preprocessing": "preprocessing",
        "Augmentation": "augmentation",
        "Other libraries": "jax_layer flax_layer torch_module_wrapper tfsm_layer",
    },
    "ops": {
        "Arrays": "numpy base",
        "Neural networks": "nn",
        "Mathematics": "math",
        "Linear algebra": "linalg",
        "Fourier transforms": "fourier",
        "Indices, shapes and dtypes": "core einops",
        "Control flow": "control",
    },
}
# Base classes whose pages list the methods that all their subclasses have.
FAMILIES = ("Model", "layers.Layer", "optimizers.Optimizer", "losses.Loss", "metrics.Metric", "callbacks.Callback")


@dataclass
class Entry:
    """A public function or class: its path, its module ("" is the package), the object, and its other public paths."""

    path: str
    module: str
    thing: object
    others: list[str] = field(default_factory=list)
    page: str = ""

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]

    @property
    def summary(self) -> str:
        """The first sentence or line of its docstring."""
        text = (inspect.getdoc(self.thing) or "").partition("\n\n")[0].replace("\n", " ")
        return text if len(text) < 200 else text.partition(". ")[0] + "."

    @property
    def group(self) -> str:
        """The file, or the folder inside of the module, in which it is written."""
        return getattr(self.thing, "__module__", "").removeprefix(f"kernelkit.{self.module}").strip(".").split(".")[0]


def public_modules() -> dict[str, ModuleType]:
    """The public modules by the name that users write, `kernelkit.layers` first."""
    import kernelkit

    found = {}
    for name in kernelkit.__all__:
        thing = getattr(kernelkit, name)
        if inspect.ismodule(thing):
            found[name] = thing
            for inner in getattr(thing, "__all__", ()):
                if inspect.ismodule(getattr(thing, inner, None)):
                    found[f"{name}.{inner}"] = getattr(thing, inner)
    for name in LOADED_LATER:
        found[name] = importlib.import_module(f"kernelkit.{name}")
    return dict(sorted(found.items()))


def public_names(module: ModuleType) -> list[str]:
    """The names of functions and classes that a module offers."""
    listed = getattr(module, "__all__", None)
    package = hasattr(module, "__path__")  # it offers what its files hold, and what it takes from elsewhere
    names = listed or [n for n in vars(module) if not n.startswith("_")]
    kept = []
    for name in sorted(names):
        thing = getattr(module, name, None)
        if not (inspect.isclass(thing) or inspect.isroutine(thing)):
            continue
        home = getattr(thing, "__module__", "") or ""
        if home.startswith("kernelkit") and (listed or package or home.startswith(module.__name__)):
            kept.append(name)
    return kept


def described() -> list[Entry]:
    """Return all public names; an object with several paths is one entry."""
    import kernelkit

    found: dict[int, Entry] = {}
    for module, contents in {**public_modules(), "": kernelkit}.items():
        for name in public_names(contents):
            thing = getattr(contents, name)
            path = f"kernelkit.{module}.{name}" if module else f"kernelkit.{name}"
            if id(thing) in found:
                found[id(thing)].others.append(path)
            else:
                found[id(thing)] = Entry(path, module, thing)
    entries = sorted(found.values(), key=lambda entry: entry.path)
    _name_pages(entries)
    return entries


def _name_pages(entries: Iterable[Entry]) -> None:
    """Give each entry a page; `layers.Add` and `layers.add` differ also where file names ignore case."""
    taken: set[str] = set()
    for entry in entries:
        entry.page = entry.path if entry.path.lower() not in taken else f"{entry.path}-function"
        taken.add(entry.page.lower())


@functools.cache
def written_in(module: str) -> dict[str, tuple[int, int]]:
    """The first and the last line of each function, class and assigned name at the top of a module's file."""
    file = getattr(sys.modules[module], "__file__", None) or ""
    if not file.endswith(".py"):
        return {}
    found = {}
    for node in ast.parse(Path(file).read_text(encoding="utf-8")).body:
        names = [node.name] if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else []
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
        found.update(dict.fromkeys(names, (node.lineno, node.end_lineno or node.lineno)))
    return found


def source_of(entry: Entry) -> tuple[str, int, int] | None:
    """The module, the first and the last line in which a public name is written; of many ops that is one call."""
    home, name = getattr(entry.thing, "__module__", ""), getattr(entry.thing, "__name__", entry.name)
    inner = sorted(module for module in sys.modules if module.startswith(f"{home}."))
    for wanted in dict.fromkeys([name, entry.name]):
        for module in [home, *inner]:
            if wanted in written_in(module):
                return module, *written_in(module)[wanted]
    return None


def differences() -> dict[str, list[tuple[str, str]]]:
    """What docs/coming-from-keras.md says differs, by the public path of each name that its table names."""
    text = (ROOT / "docs" / "coming-from-keras.md").read_text(encoding="utf-8")
    found = defaultdict(list)
    for there, here in re.findall(r"^\| (.+?) \| (.+?) \|$", text, flags=re.MULTILINE):
        for name in re.findall(r"`(?:keras\.)?([a-z_]+(?:\.\w+)+)", there):
            found[f"kernelkit.{name}"].append((there, here))
    return found


def _rst(markdown: str) -> str:
    return re.sub(r"`([^`]+)`", r"``\1``", markdown)


def _title(text: str, line: str = "=") -> str:
    return f"{text}\n{line * len(text)}\n"


def name_page(entry: Entry, family: dict[str, type], differs: list[tuple[str, str]]) -> str:
    """Return the page of a name."""
    home = entry.module or "kernelkit"
    up = f"kernelkit.{entry.module}".rstrip(".")
    parts = [":orphan:\n", _title(entry.name), f":doc:`{up} <../{home}>`\n"]
    if entry.others:
        parts.append(f"Also {', '.join(f'``{other}``' for other in entry.others)}.\n")
    for there, here in differs:
        parts.append(f".. admonition:: Differs from Keras\n\n   In Keras: {_rst(there)}. Here: {_rst(here)}.\n")
    if not inspect.isclass(entry.thing):
        return "\n".join([*parts, f".. autofunction:: {entry.path}\n"])
    above = [
        path for path, base in family.items() if base in entry.thing.__mro__ and entry.thing not in family.values()
    ]
    inherited = "   :inherited-members: object\n" if entry.thing in family.values() else ""
    members = f"   :members:\n{inherited}"
    parts.append(f".. autoclass:: {entry.path}\n{members}")
    if above:
        parts.append(f"It has all methods of :class:`~{above[0]}`.\n")
    return "\n".join(parts)


def module_page(module: str, contents: ModuleType, entries: list[Entry]) -> str:
    """Return the page of a module: its names with a line about each, in the groups in which they are written."""
    title = f"kernelkit.{module}" if module else "kernelkit"
    intro = (
        (inspect.getdoc(contents) or "").partition("\n\n")[0] if module else "What stands at the top of the package."
    )
    groups: dict[str, list[Entry]] = {heading: [] for heading in HEADINGS.get(module, {})}
    for entry in entries:
        groups.setdefault(heading_of(entry), []).append(entry)
    parts = [_title(title), _rst(intro.replace("``", "`")) + "\n"]
    for heading, members in groups.items():
        if not members:  # a part of the site has some names only
            continue
        parts += [_title(heading, "-")] if heading else []
        rows = "\n".join(f"   * - :doc:`{e.name} <names/{e.page}>`\n     - {e.summary}" for e in members)
        parts.append(f".. list-table::\n   :widths: 32 68\n   :class: names\n\n{rows}\n")
    return "\n".join(parts)


def heading_of(entry: Entry) -> str:
    """The heading under which a name stands on the page of its module."""
    files = HEADINGS.get(entry.module, {})
    home = entry.group.lstrip("_") or "base"
    return next((heading for heading, names in files.items() if home in names.split()), "Others" if files else "")


def write(folder: Path, part: tuple[int, int] = (0, 1)) -> int:
    """Write the pages of the reference into a folder; return how many names they describe.

    Args:
        folder: The folder.
        part: ``(i, n)`` writes every n-th name from the i-th on, for a build that is only tried.
    """
    import kernelkit

    (folder / "names").mkdir(parents=True)
    entries = described()
    family = {}
    for path in FAMILIES:
        thing: object = kernelkit
        for step in path.split("."):
            thing = getattr(thing, step)
        family[next(e.path for e in entries if e.thing is thing)] = thing
    family = dict(sorted(family.items(), key=lambda item: -len(item[1].__mro__)))  # Model before Layer
    differs = differences()
    by_module = defaultdict(list)
    entries = entries[part[0] % part[1] :: part[1]]
    for entry in entries:
        by_module[entry.module].append(entry)
        text = name_page(entry, family, [row for path in (entry.path, *entry.others) for row in differs[path]])
        (folder / "names" / f"{entry.page}.rst").write_text(text, encoding="utf-8")
    modules = {**public_modules(), "": kernelkit}
    for module, members in by_module.items():
        text = module_page(module, modules[module], members)
        (folder / f"{module or 'kernelkit'}.rst").write_text(text, encoding="utf-8")
    count = sum(1 + len(entry.others) for entry in entries)
    pages = "\n".join(f"   {page or 'kernelkit'}" for page in sorted(by_module))
    (folder / "index.rst").write_text(
        f"{_title('Reference')}\nAll {count:,} public names. The examples are run by the tests.\n\n"
        f".. toctree::\n   :maxdepth: 1\n\n{pages}\n",
        encoding="utf-8",
    )
    return count
