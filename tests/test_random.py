"""`kernelkit.random` and initializers: the forms in which a shape may come."""

import numpy as np

from kernelkit import initializers, ops, random


def test_a_number_is_the_shape_of_a_vector():
    for draw in (random.normal, random.uniform, random.truncated_normal):
        np.testing.assert_array_equal(draw(3, seed=1), draw((3,), seed=1))
    assert random.randint(np.int64(3), 0, 9, seed=1).shape == (3,)
    assert random.gamma(3, 2.0, seed=1).shape == random.beta(3, 2.0, 3.0, seed=1).shape == (3,)
    for make in (initializers.Ones(), initializers.RandomNormal(seed=1), initializers.TruncatedNormal(seed=1)):
        np.testing.assert_array_equal(make(3), make((3,)))
    assert ops.broadcast_to(1.0, 3).tolist() == [1.0, 1.0, 1.0]
