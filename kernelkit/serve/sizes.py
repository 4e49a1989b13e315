"""The batch sizes that a server compiles, and the division of rows into such batches."""

from __future__ import annotations


def batch_sizes(largest: int) -> tuple[int, ...]:
    """Return the sizes to compile: powers of four up to the largest size, and that size.

    Example:
        >>> batch_sizes(64), batch_sizes(20), batch_sizes(1)
        ((1, 4, 16, 64), (1, 4, 16, 20), (1,))
    """
    sizes = []
    size = 1
    while size < largest:
        sizes.append(size)
        size *= 4
    return (*sizes, largest)


def plan(rows: int, sizes: tuple[int, ...]) -> list[tuple[int, int]]:
    """Divide rows into batches: pairs of the number of rows and the size to which they are padded.

    The rest of a batch is padded if that fills at least half of it, otherwise a smaller batch comes first.

    Example:
        >>> plan(40, (1, 4, 16, 64)), plan(17, (1, 4, 16, 64)), plan(3, (1, 4, 16, 64))
        ([(40, 64)], [(16, 16), (1, 1)], [(3, 4)])
    """
    parts = []
    while rows:
        larger = next((size for size in sizes if size >= rows), sizes[-1])
        smaller = max((size for size in sizes if size <= rows), default=sizes[0])
        size = larger if rows >= larger / 2 else smaller
        parts.append((min(rows, size), size))
        rows -= parts[-1][0]
    return parts
