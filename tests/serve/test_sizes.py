"""How rows are divided into batches of the compiled sizes."""

import pytest

from kernelkit.serve.sizes import batch_sizes, plan


@pytest.mark.parametrize("largest", [1, 2, 4, 7, 64])
def test_every_row_is_in_one_batch_and_no_batch_is_less_than_half_full(largest):
    sizes = batch_sizes(largest)
    assert sizes[0] == 1 and sizes[-1] == largest and list(sizes) == sorted(set(sizes))
    for rows in range(1, 3 * largest + 2):
        parts = plan(rows, sizes)
        assert sum(count for count, _ in parts) == rows
        assert all(size in sizes and size / 2 <= count <= size for count, size in parts)
