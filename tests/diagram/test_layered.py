"""Where boxes and lines go."""

import itertools
import json
import random
from pathlib import Path

import pytest

from kernelkit.diagram.layered import layered, ranks

FIXTURES = Path(__file__).parent / "layouts.json"


def chain(n):
    return n, [(i, i + 1) for i in range(n - 1)]


def residual(blocks):
    n, edges = chain(blocks * 6 + 1)
    return n, edges + [(i * 6, i * 6 + 6) for i in range(blocks)]


def u_net(depth):
    n, edges = chain(2 * depth + 1)
    return n, edges + [(i, 2 * depth - i) for i in range(depth)]


def dense_blocks(blocks, size):
    n, edges = chain(blocks * size)
    for b in range(blocks):
        edges += [(b * size + i, b * size + j) for i in range(size) for j in range(i + 2, size)]
    return n, edges


def inception():
    edges = [(0, 1), (0, 2), (0, 4), (0, 7), (2, 3), (4, 5), (5, 6), (7, 8)]
    return 10, [*edges, (1, 9), (3, 9), (6, 9), (8, 9)]


def wild():
    chance = random.Random(3)
    return 40, [(chance.randrange(40), chance.randrange(40)) for _ in range(90)]


CASES = {
    "chain": chain(12),
    "residual": residual(3),
    "u_net": u_net(6),
    "dense": dense_blocks(2, 7),
    "inception": inception(),
    "with cycles": wild(),
    "nothing": (0, []),
    "alone": (3, []),
    "itself": (2, [(0, 0), (0, 1)]),
}


def sizes(n):
    return [60 + 13 * (i % 7) for i in range(n)], [26 + 16 * (i % 2) for i in range(n)]


def as_json(layout):
    number = lambda v: round(v, 6)  # noqa: E731
    return {
        "x": list(map(number, layout.x)),
        "y": list(map(number, layout.y)),
        "width": number(layout.width),
        "height": number(layout.height),
        "paths": [[[number(x), number(y)] for x, y in path] for path in layout.paths],
    }


def all_layouts():
    found = {}
    for name, (n, edges) in CASES.items():
        widths, heights = sizes(n)
        ports = [((i % 3 - 1) * 5.0, (i % 2) * 4.0) for i in range(len(edges))]
        found[name] = {
            "widths": widths,
            "heights": heights,
            "edges": [list(e) for e in edges],
            "ports": [list(p) for p in ports],
            "layout": as_json(layered(widths, heights, edges, ports)),
        }
    return found


def test_the_layouts_are_those_that_the_browser_is_held_to():
    """`python tests/diagram/test_layered.py` writes the file anew; npm test reads it."""
    assert json.loads(FIXTURES.read_text()) == all_layouts()


@pytest.mark.parametrize("name", CASES)
def test_boxes_do_not_overlap_and_lines_begin_and_end_at_their_boxes(name):
    n, edges = CASES[name]
    widths, heights = sizes(n)
    found = layered(widths, heights, edges)
    for i, j in itertools.combinations(range(n), 2):
        apart = (
            found.x[i] + widths[i] <= found.x[j] + 1e-9
            or found.x[j] + widths[j] <= found.x[i] + 1e-9
            or found.y[i] + heights[i] <= found.y[j] + 1e-9
            or found.y[j] + heights[j] <= found.y[i] + 1e-9
        )
        assert apart, (i, j)
    for (a, b), path in zip(edges, found.paths):
        for box, (x, y) in ((a, path[0]), (b, path[-1])):
            assert found.x[box] - 1e-6 <= x <= found.x[box] + widths[box] + 1e-6
            assert found.y[box] - 1e-6 <= y <= found.y[box] + heights[box] + 1e-6
    assert all(0 <= x <= found.width + 1e-6 for path in found.paths for x, _ in path)
    assert all(x >= -1e-9 and x + w <= found.width + 1e-6 for x, w in zip(found.x, widths))


def test_the_main_path_of_a_residual_network_is_straight():
    n, edges = residual(5)
    found = layered([100.0] * n, [40.0] * n, edges)
    assert len({round(x, 6) for x in found.x}) == 1
    assert found.y == sorted(found.y)


def test_lanes_of_nested_lines_are_nested():
    n, edges = u_net(8)
    found = layered([100.0] * n, [40.0] * n, edges)
    lanes = {edge: max(x for x, _ in path) for edge, path in zip(edges, found.paths) if edge[1] - edge[0] > 4}
    spans = sorted(lanes, key=lambda e: e[1] - e[0])
    assert [lanes[e] for e in spans] == sorted(lanes.values()) and len(set(lanes.values())) == len(lanes)


def test_an_input_that_is_used_late_stands_late():
    assert ranks(5, [(0, 1), (1, 2), (2, 3), (4, 3)]) == [0, 1, 2, 3, 2]


@pytest.mark.parametrize(
    "case",
    [chain(100_000), residual(840), u_net(250), dense_blocks(42, 12), (30, [(i, i) for i in range(30)])],
    ids=["chain of 100,000", "residual of 5,000", "u-net with 250 skips", "dense blocks", "loops"],
)
def test_large_networks_are_laid_out_without_recursion(case):
    n, edges = case
    found = layered([100.0] * n, [40.0] * n, edges)
    assert len(found.paths) == len(edges) and found.width <= 100 + 9 * 61 + 100 * 40


if __name__ == "__main__":
    FIXTURES.write_text(json.dumps(all_layouts(), separators=(",", ":")) + "\n")
