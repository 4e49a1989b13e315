"""A layered layout: the row of a box is its longest path from an input, and lines lead from row to row.

A row is the depth in the network. Lines over a few rows go between the boxes. Longer lines leave at the side and run in
their own lanes, shorter ones inside longer ones, as people draw residual connections by hand. All steps are passes over
nodes and edges without recursion. The browser's layout.ts is the same, line by line.

Sources: K. Sugiyama, S. Tagawa, M. Toda, Methods for visual understanding of hierarchical system structures (1981), for
rows and barycenters; M. Ayer et al., An empirical distribution function for sampling with incomplete information
(1955), for the pooling of neighbors that places the boxes of a row.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

GAP = 18.0
ROW_GAP = 26.0
LANE_GAP = 9.0
LONGEST = 3
"""Maximum number of rows that a line may cross between boxes. Longer lines take a lane."""
MOST_LANES = 60
SWEEPS = 4


@dataclass
class Layout:
    """The places of boxes and lines.

    Attributes:
        x: Left side of each box.
        y: Top of each box.
        width: Width of the whole.
        height: Height of the whole.
        paths: The corners ``(x, y)`` of each line, in the order of the edges.
    """

    x: list[float]
    y: list[float]
    width: float
    height: float
    paths: list[list[tuple[float, float]]] = field(default_factory=list)


def layered(
    widths: Sequence[float],
    heights: Sequence[float],
    edges: Sequence[tuple[int, int]],
    ports: Sequence[tuple[float, float]] | None = None,
) -> Layout:
    """Lay out boxes from top to bottom.

    Args:
        widths: Width of each box.
        heights: Height of each box.
        edges: ``(from, to)`` for each line; cycles and lines from a box to itself are allowed.
        ports: For each line, the offsets of its begin and end to the right of the middle of its box.

    Returns:
        The :class:`Layout`.

    Example:
        >>> found = layered([10, 10], [5, 5], [(0, 1)])
        >>> found.y, found.paths
        ([0.0, 31.0], [[(5.0, 5.0), (5.0, 31.0)]])
    """
    count = len(widths)
    ports = ports if ports is not None else [(0.0, 0.0)] * len(edges)
    rank = ranks(count, edges)
    # A line over several rows becomes a chain of points, one in each row between.
    size = list(map(float, widths))
    row_of = list(rank)
    links: list[tuple[int, int]] = []
    chains: list[list[int] | None] = []
    seen: dict[tuple[int, int], list[int]] = {}
    for a, b in edges:
        top, bottom = (a, b) if rank[a] <= rank[b] else (b, a)
        if rank[bottom] - rank[top] > LONGEST or rank[a] == rank[b]:
            chains.append(None)
            continue
        chain = seen.get((top, bottom))
        if chain is None:
            chain = [top]
            for row in range(rank[top] + 1, rank[bottom]):
                chain.append(len(size))
                size.append(0.0)
                row_of.append(row)
            chain.append(bottom)
            links += itertools.pairwise(chain)
            seen[top, bottom] = chain
        chains.append(chain if (top, bottom) == (a, b) else chain[::-1])
    rows = _order(row_of, links)
    middle = _place(rows, size, links, count)
    left = min((middle[i] - size[i] / 2 for i in range(len(size))), default=0.0)
    middle = [m - left for m in middle]
    width = max((middle[i] + size[i] / 2 for i in range(len(size))), default=0.0)
    # Place the rows below one another.
    tallest = [max((heights[i] for i in row if i < count), default=0.0) for row in rows]
    tops, at = [], 0.0
    for tall in tallest:
        tops.append(at)
        at += tall + ROW_GAP
    height = max(0.0, at - ROW_GAP)
    x = [middle[i] - widths[i] / 2 for i in range(count)]
    y = [tops[rank[i]] + (tallest[rank[i]] - heights[i]) / 2 for i in range(count)]
    found = Layout(x, y, width, height)
    last_of_row = [max((x[i] + widths[i] for i in row if i < count), default=0.0) for row in rows]
    lanes, used = _lanes(rank, edges, chains)
    for number, (a, b) in enumerate(edges):
        start, end = ports[number]
        path: list[tuple[float, float]] = []
        chain = chains[number]
        if chain is not None:
            down = rank[a] < rank[b]
            path.append((middle[a] + start, y[a] + heights[a] if down else y[a]))
            path += [(middle[i], tops[row_of[i]] + tallest[row_of[i]] / 2) for i in chain[1:-1]]
            path.append((middle[b] + end, y[b] if down else y[b] + heights[b]))
        else:
            lane = width + LANE_GAP * (lanes[number] + 1)
            path += _to_lane(a, lane, start, True, x, y, widths, heights, middle, rank, tops, tallest, last_of_row)
            path += _to_lane(b, lane, end, False, x, y, widths, heights, middle, rank, tops, tallest, last_of_row)[::-1]
        found.paths.append(path)
    found.width = width + LANE_GAP * (used + 1) if used else width
    return found


def _to_lane(
    box: int,
    lane: float,
    port: float,
    leaves: bool,
    x: list[float],
    y: list[float],
    widths: Sequence[float],
    heights: Sequence[float],
    middle: list[float],
    rank: list[int],
    tops: list[float],
    tallest: list[float],
    last_of_row: list[float],
) -> list[tuple[float, float]]:
    """Return the corners of a line from a box to its lane: through the side if it is free, else around."""
    right = x[box] + widths[box]
    if right >= last_of_row[rank[box]] and heights[box] > 0:
        level = y[box] + heights[box] * (0.62 if leaves else 0.38)
        return [(right, level), (lane, level)]
    row = rank[box]
    if leaves:
        level = tops[row] + tallest[row] + ROW_GAP * 0.3
        return [(middle[box] + port, y[box] + heights[box]), (middle[box] + port, level), (lane, level)]
    level = tops[row] - ROW_GAP * 0.3
    return [(middle[box] + port, y[box]), (middle[box] + port, level), (lane, level)]


def ranks(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """Return the row of each node: its longest path from a node without incoming edges.

    A node without incoming edges is placed in the row above its first user. In a cycle, the edges back to the node that
    is first in the list are ignored.

    Example:
        >>> ranks(3, [(0, 1), (1, 2), (0, 2)])
        [0, 1, 2]
    """
    following: list[list[int]] = [[] for _ in range(count)]
    missing = [0] * count
    for a, b in edges:
        if a != b:
            following[a].append(b)
            missing[b] += 1
    begins = [missing[i] == 0 for i in range(count)]
    rank = [0] * count
    done = [False] * count
    ready = [i for i in range(count) if missing[i] == 0]
    at = first = 0
    while True:
        if at == len(ready):
            while first < count and done[first]:
                first += 1
            if first == count:
                break
            ready.append(first)  # in a cycle
        node = ready[at]
        at += 1
        if done[node]:
            continue
        done[node] = True
        for other in following[node]:
            if not done[other]:
                rank[other] = max(rank[other], rank[node] + 1)
                missing[other] -= 1
                if missing[other] == 0:
                    ready.append(other)
    for node in range(count):
        if begins[node] and following[node]:
            rank[node] = max(0, min(rank[other] for other in following[node]) - 1)
    return rank


def _order(row_of: list[int], links: list[tuple[int, int]]) -> list[list[int]]:
    """Return the nodes of each row from left to right, with few crossings."""
    rows: list[list[int]] = [[] for _ in range(max(row_of, default=-1) + 1)]
    for node, number in enumerate(row_of):
        rows[number].append(node)
    above: list[list[int]] = [[] for _ in row_of]
    below: list[list[int]] = [[] for _ in row_of]
    for a, b in links:
        below[a].append(b)
        above[b].append(a)
    place = [0.0] * len(row_of)
    for row in rows:
        for position, node in enumerate(row):
            place[node] = float(position)
    if all(len(row) <= 1 for row in rows):
        return rows
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        neighbours = above if down else below
        for row in rows if down else reversed(rows):
            if len(row) > 1:
                key = {
                    i: sum(place[o] for o in neighbours[i]) / len(neighbours[i]) if neighbours[i] else place[i]
                    for i in row
                }
                row.sort(key=key.__getitem__)
                for position, node in enumerate(row):
                    place[node] = float(position)
    return rows


def _place(rows: list[list[int]], size: list[float], links: list[tuple[int, int]], real: int) -> list[float]:
    """Return the middle of each node: as close below its inputs as the boxes beside it allow."""
    above: list[list[int]] = [[] for _ in size]
    below: list[list[int]] = [[] for _ in size]
    for a, b in links:
        below[a].append(b)
        above[b].append(a)
    middle = [0.0] * len(size)
    for row in rows:
        at = 0.0
        for node in row:
            middle[node] = at + size[node] / 2
            at += size[node] + GAP
        for node in row:
            middle[node] -= (at - GAP) / 2
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        for row in rows if down else reversed(rows):
            wanted, weights = [], []
            for node in row:
                first, second = (above[node], below[node]) if down else (below[node], above[node])
                near = first or second
                wanted.append(sum(middle[o] for o in near) / len(near) if near else middle[node])
                weights.append(1.0 if node < real else 4.0)
            offsets = [0.0]
            for a, b in itertools.pairwise(row):
                offsets.append(offsets[-1] + (size[a] + size[b]) / 2 + GAP)
            pooled = _pool([w - o for w, o in zip(wanted, offsets, strict=True)], weights)
            for node, value, offset in zip(row, pooled, offsets, strict=True):
                middle[node] = value + offset
    return middle


def _pool(values: list[float], weights: list[float]) -> list[float]:
    """Return the nearest non-decreasing sequence to the values (pool adjacent violators)."""
    pools: list[tuple[float, float, int]] = []
    for value, weight in zip(values, weights, strict=True):
        pools.append((value, weight, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            b, a = pools.pop(), pools.pop()
            pools.append(((a[0] * a[1] + b[0] * b[1]) / (a[1] + b[1]), a[1] + b[1], a[2] + b[2]))
    return [value for value, _, length in pools for _ in range(length)]


def _lanes(
    rank: list[int], edges: Sequence[tuple[int, int]], chains: list[list[int] | None]
) -> tuple[dict[int, int], int]:
    """Return the lane of each long line (0 is the innermost) and the number of lanes."""
    spans = []
    for number, (a, b) in enumerate(edges):
        if chains[number] is None:
            spans.append((-min(rank[a], rank[b]), max(rank[a], rank[b]), number))
    spans.sort()
    begins: list[int] = []  # the first row of the topmost line in each lane
    lanes: dict[int, int] = {}
    for begin, end, number in spans:
        lane = next((i for i, taken in enumerate(begins) if end <= taken), len(begins))
        lane = min(lane, MOST_LANES - 1)
        if lane == len(begins):
            begins.append(0)
        begins[lane] = -begin
        lanes[number] = lane
    return lanes, len(begins)
