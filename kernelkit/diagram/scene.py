"""`scene`: the visible nodes of a description with their texts and places, as numbers for a picture."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from kernelkit.diagram.layered import layered
from kernelkit.diagram.words import cut, family, text_width
from kernelkit.models.description import schema
from kernelkit.models.description.words import number_text, shape_text

PAD, TITLE = 14.0, 30.0
"""Padding inside an open group, and the height of its title."""
MOST = 400
"""Maximum number of boxes in one group. In longer groups the middle becomes one box."""


@dataclass
class Box:
    """A box of the picture.

    Attributes:
        row: Its row in the description; -1 for the box that replaces hidden rows.
        x: Left side.
        y: Top.
        width: Width.
        height: Height.
        kind: One of the codes in the description's schema.
        open: Whether the inside is shown.
        title: First line.
        subtitle: Second line, or an empty text.
        family: The purpose of the layer, which decides the color.
        state: One of the codes in the schema.
        depth: Number of groups around it.
        frozen: Whether it has weights and no weight is trainable.
    """

    row: int
    x: float
    y: float
    width: float
    height: float
    kind: int
    open: bool
    title: str
    subtitle: str
    family: str
    state: int
    depth: int
    frozen: bool


@dataclass
class Line:
    """A line of the picture: its corners, its first and last row, and whether it ends in an arrow."""

    points: list[tuple[float, float]]
    source: int
    target: int
    arrow: bool


@dataclass
class Scene:
    """Boxes and lines of the picture. A group comes before the boxes inside it."""

    width: float
    height: float
    boxes: list[Box] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)


FACTS = frozenset(("name", "shape", "params"))
"""Default facts on boxes beside the class. `dtype`, `activation` and `trainable` are possible too."""


def scene(
    description: dict[str, Any],
    opened: Collection[int] = (),
    left_to_right: bool = False,
    most: int = MOST,
    facts: Collection[str] = FACTS,
) -> Scene:
    """Arrange a description into boxes and lines.

    Args:
        description: The result of :func:`kernelkit.viz.graph`.
        opened: The rows of the open groups.
        left_to_right: Whether the model runs to the right instead of down.
        most: Maximum number of boxes in one group.
        facts: The facts on the boxes, see ``FACTS``.

    Returns:
        The :class:`Scene`.

    Example:
        >>> import kernelkit as kk
        >>> from kernelkit.models.description import describe
        >>> model = kk.Sequential([kk.Input((4,), name="in"), kk.layers.Dense(2, name="out")])
        >>> [box.title for box in scene(describe(model)).boxes]
        ['in', 'out', 'output']
    """
    return _Scenery(description, set(opened), left_to_right, most, frozenset(facts)).arranged()


def all_groups(description: dict[str, Any]) -> set[int]:
    """Return the rows of all groups that can be opened."""
    return {parent for parent in description["nodes"]["parent"] if parent >= 0}


_Key = int  # a row, or a number below -1 for an item without a row


class _Scenery:
    def __init__(
        self, description: dict[str, Any], opened: set[int], left_to_right: bool, most: int, facts: frozenset[str]
    ) -> None:
        self.description, self.left_to_right, self.facts = description, left_to_right, facts
        self.nodes = description["nodes"]
        self.parent: list[int] = self.nodes["parent"]
        self.kind: list[int] = self.nodes["kind"]
        self.count = len(self.parent)
        self.children: dict[int, list[int]] = {-1: []}
        for row, parent in enumerate(self.parent):
            self.children.setdefault(parent, []).append(row)
        self.opened = {row for row in opened if row in self.children}
        self.shown = [False] * self.count
        self.depth = [0] * self.count
        for row, parent in enumerate(self.parent):
            self.shown[row] = parent == -1 or (self.shown[parent] and parent in self.opened)
            self.depth[row] = 0 if parent == -1 else self.depth[parent] + 1
        self.containers = [-1, *(row for row in range(self.count) if row in self.opened and self.shown[row])]
        self.left_out: dict[int, int] = {}  # from each hidden row to the key of its replacement box
        self.left_out_of: dict[int, int] = {}  # from the key of a replacement box to its number of rows
        for number, container in enumerate(self.containers):
            members = self.children[container]
            if len(members) > most:
                key = -4 - 3 * number
                hidden = members[most * 3 // 4 : len(members) - most // 4]
                self.left_out.update(dict.fromkeys(hidden, key))
                self.left_out_of[key] = len(hidden)
        self.number = {container: i for i, container in enumerate(self.containers)}

    # Keys below -1 are the places where lines enter and leave a group, and the boxes for hidden rows.
    def _enters(self, container: int) -> _Key:
        return -2 - 3 * self.number[container]

    def _leaves(self, container: int) -> _Key:
        return -3 - 3 * self.number[container]

    def _is_port(self, key: _Key) -> bool:
        if key >= 0:
            return self.kind[key] == schema.INPUT and self.parent[key] >= 0
        return key % 3 != 2

    def arranged(self) -> Scene:
        pieces = self._pieces()
        inside: dict[int, Any] = {}
        boxes = {row: self._box(row) for row in range(self.count) if self.shown[row] and row not in self.left_out}
        for key, hidden in self.left_out_of.items():
            title = f"… {hidden:,} more …"
            width = text_width(title) + 24
            boxes[key] = Box(-1, 0, 0, width, 26, schema.LAYER, False, title, "", "other", 0, 0, False)
        ports: dict[int, float] = {}
        keys_of: dict[int, list[_Key]] = {}
        for container in reversed(self.containers):  # the innermost first
            keys = self._keys(container, pieces[container])
            keys_of[container] = keys
            place = {key: i for i, key in enumerate(keys)}
            widths = [0.0 if self._is_port(key) else boxes[key].width for key in keys]
            heights = [0.0 if self._is_port(key) else boxes[key].height for key in keys]
            edges = [(place[a], place[b]) for a, b, _ in pieces[container]]
            offsets = [(ports.get(end, 0.0), ports.get(begin, 0.0)) for _, _, (begin, end) in pieces[container]]
            if self.left_to_right:
                found = layered(heights, widths, edges, offsets)
                found.x, found.y, found.width, found.height = found.y, found.x, found.height, found.width
                found.paths = [[(y, x) for x, y in path] for path in found.paths]
            else:
                found = layered(widths, heights, edges, offsets)
            inside[container] = found
            if container == -1:
                continue
            box = boxes[container]
            heading = max(text_width(box.title, 12.5) + text_width(box.subtitle, 11) + 60, 120.0)
            box.width = max(found.width + 2 * PAD, heading)
            box.height = found.height + TITLE + PAD
            side = (box.width - found.width) / 2
            for key in keys:
                if self._is_port(key):
                    at = found.y[place[key]] if self.left_to_right else found.x[place[key]]
                    ports[key] = TITLE + at - box.height / 2 if self.left_to_right else side + at - box.width / 2
        return self._absolute(boxes, inside, pieces, keys_of)

    def _absolute(self, boxes: dict[_Key, Box], inside: dict, pieces: dict, keys_of: dict) -> Scene:
        whole = Scene(inside[-1].width, inside[-1].height)
        for container in self.containers:
            found = inside[container]
            left = top = 0.0
            if container >= 0:
                box = boxes[container]
                left, top = box.x + (box.width - found.width) / 2, box.y + TITLE
            for i, key in enumerate(keys_of[container]):
                if not self._is_port(key):
                    boxes[key].x, boxes[key].y = left + found.x[i], top + found.y[i]
                    whole.boxes.append(boxes[key])
            for (a, b, _), path in zip(pieces[container], found.paths, strict=True):
                points = [(left + x, top + y) for x, y in path]
                if container >= 0:
                    box, (x, y), (u, v) = boxes[container], points[0], points[-1]
                    if self._is_port(a):  # from the group's edge
                        points.insert(0, (box.x, y) if self.left_to_right else (x, box.y))
                    if self._is_port(b):
                        points.append((box.x + box.width, v) if self.left_to_right else (u, box.y + box.height))
                ends = not self._is_port(b) and not (b >= 0 and b in self.opened)
                whole.lines.append(Line(points, max(a, -1), max(b, -1), ends))
        return whole

    # Lines ------------------------------------------------------------------------------------------------------------

    def _pieces(self) -> dict[int, list]:
        """Return the lines in each container. They are cut where they cross the edge of an open group.

        Each line is ``(from, to, (enters, leaves))``. The last two are the ports at the edges of its last and first
        box, if these are open groups.
        """
        found: dict[int, dict] = {container: {} for container in self.containers}
        edges = self.description["edges"]
        chains: dict[int, list[int]] = {}
        for source, target in zip(edges["source"], edges["target"], strict=True):
            a, b = self._chain(source, chains), self._chain(target, chains)
            common = 0
            while common < min(len(a), len(b)) and a[common] == b[common]:
                common += 1
            if common == len(a) or common == len(b):
                continue  # within one closed group, or from a group to its own inside
            begin, end = self._key(a[common]), self._key(b[common])
            if begin == end:
                continue
            leaves = self._leaves(a[common]) if common + 1 < len(a) else 0
            last = b[-1]
            port = last if self._is_port(last) else None
            enters = 0
            if common + 1 < len(b):
                enters = port if port is not None and common + 2 == len(b) else self._enters(b[common])
            outer = a[common - 1] if common else -1
            found[outer].setdefault((begin, end, (enters, leaves)))
            for depth in range(common + 1, len(a)):
                out = 0 if depth + 1 == len(a) else self._leaves(a[depth])
                found[a[depth - 1]].setdefault((self._key(a[depth]), self._leaves(a[depth - 1]), (0, out)))
            for depth in range(common + 1, len(b)):
                if b[depth] == port:
                    break
                into = 0
                if depth + 1 < len(b):
                    into = port if port is not None and depth + 2 == len(b) else self._enters(b[depth])
                found[b[depth - 1]].setdefault((self._enters(b[depth - 1]), self._key(b[depth]), (into, 0)))
        return {container: list(pieces) for container, pieces in found.items()}

    def _chain(self, row: int, chains: dict[int, list[int]]) -> list[int]:
        """Return the visible box of a row and the open groups around it, the outermost first."""
        if row not in chains:
            chain = [row]
            while self.parent[chain[-1]] >= 0:
                chain.append(self.parent[chain[-1]])
            chains[row] = [r for r in reversed(chain) if self.shown[r]]
        return chains[row]

    def _key(self, row: int) -> _Key:
        return self.left_out.get(row, row)

    def _keys(self, container: int, pieces: list) -> list[_Key]:
        """Return the keys of the boxes in a container, in order."""
        keys: dict[_Key, None] = {}
        used = {key for a, b, _ in pieces for key in (a, b)}
        if container >= 0 and self._enters(container) in used:
            keys[self._enters(container)] = None
        for row in self.children[container]:
            if not self._is_port(row) or row in used:
                keys[self._key(row)] = None
        if container >= 0 and self._leaves(container) in used:
            keys[self._leaves(container)] = None
        return list(keys)

    # Texts ------------------------------------------------------------------------------------------------------------

    def _string(self, index: int | None) -> str:
        return "" if index is None else self.description["strings"][index]

    def _box(self, row: int) -> Box:
        kind, title = self.kind[row], self._string(self.nodes["class"][row])
        name, params = cut(self._string(self.nodes["name"][row])), self.nodes["params"][row] or 0
        calls = self.nodes["calls"][row] or 0
        shape = self._shapes(row) if "shape" in self.facts else ""
        facts = [cut(title, 30), *self._extra(row), shape]
        facts.append(number_text(params) if params and "params" in self.facts else "")
        if kind in (schema.INPUT, schema.OUTPUT):
            facts = [shape]
        elif kind == schema.OP:
            name, facts = cut(title, 24), [shape] if "shape" in self.facts and self.facts != FACTS else []
        elif kind in (schema.REPEAT, schema.BLOCK) and name == cut(title):
            facts = facts[1:]
        elif "name" not in self.facts and kind in (schema.LAYER, schema.GROUP):
            name, facts = cut(title), facts[1:]
        if kind == schema.REPEAT:
            name = f"{name} × {self.nodes['count'][row]}"
        elif calls > 1:
            name = f"{name} ×{calls} calls"
        subtitle = " · ".join(fact for fact in facts if fact)
        width = max(text_width(name, 12.5), text_width(subtitle, 11)) + 32
        trained = self.nodes["trainable_params"][row] or 0
        what = "io" if kind in (schema.INPUT, schema.OUTPUT) else "group" if kind >= schema.GROUP else family(title)
        return Box(
            row,
            0.0,
            0.0,
            max(width, 64.0),
            42.0 if subtitle else 26.0,
            kind,
            row in self.opened,
            name,
            subtitle,
            what,
            self.nodes["state"][row] or 0,
            self.depth[row],
            params > 0 and trained == 0,
        )

    def _shapes(self, row: int) -> str:
        tensors = self.nodes["inputs" if self.kind[row] == schema.OUTPUT else "outputs"][row]
        shapes = ", ".join(shape_text(self.description["tensors"][t][1:]) for t in tensors[:2])
        return shapes + (", …" if len(tensors) > 2 else "")

    def _extra(self, row: int) -> list[str]:
        found = []
        if "activation" in self.facts and self.nodes["activation"][row] is not None:
            found.append(self._string(self.nodes["activation"][row]))
        if "dtype" in self.facts and self.nodes["outputs"][row]:
            found.append(self._string(self.description["tensors"][self.nodes["outputs"][row][0]][0]))
        if "trainable" in self.facts and self.nodes["trainable"][row] is not None:
            found.append("trainable" if self.nodes["trainable"][row] else "frozen")
        return found
