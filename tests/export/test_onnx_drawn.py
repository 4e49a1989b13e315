"""Operations with arguments drawn at random, as ONNX files, at batches of no, one and seven rows."""

import numpy as np
import pytest

import kernelkit as kk
from kernelkit.export import program, report
from tests.export import graphs

pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")

from kernelkit.export.onnx import file as writer  # noqa: E402

HALF_PRECISION = {"halves": 2**-8}  # one step of float16 from 4 to 8, where the largest results lie


@pytest.mark.one_in(12)
@pytest.mark.parametrize("kind", graphs.KINDS)
def test_an_operation_drawn_at_random_equals_its_file(kind):
    for seed in range(3):
        model = graphs.model_of([kind], seed)
        traced = program.trace(model)
        session = runtime.InferenceSession(writer.make_model(traced).SerializeToString())
        for batch in (0, 1, 7):
            x = graphs.inputs_of(batch, seed)
            got = session.run(None, dict(zip("fgnm", x, strict=True)))
            difference = report.largest_difference(got, [np.asarray(model(x))])
            assert difference < HALF_PRECISION.get(kind, 1e-4), (seed, batch)


def test_the_inverse_error_function_is_infinite_at_its_ends():
    x = np.array([[-1, 1, 0.999999, -0.5, 0, 2]], "float32")
    given = kk.Input((6,))
    model = kk.Model(given, kk.ops.erfinv(given))
    session = runtime.InferenceSession(writer.make_model(program.trace(model)).SerializeToString())
    (got,) = session.run(None, {session.get_inputs()[0].name: x})
    np.testing.assert_allclose(got, model(x), rtol=1e-4)
    assert got[0, 0] == -np.inf and got[0, 1] == np.inf and np.isnan(got[0, 5])


@pytest.mark.one_in(8)
@pytest.mark.parametrize("seed", range(16))
def test_several_of_them_equal_their_file(seed):
    kinds = np.random.default_rng(seed).choice([k for k in graphs.KINDS if k not in graphs.JUMPS], 5)
    model = graphs.model_of(list(kinds), seed)
    session = runtime.InferenceSession(writer.make_model(program.trace(model)).SerializeToString())
    for batch in (0, 1, 7):
        x = graphs.inputs_of(batch, seed)
        got = session.run(None, dict(zip("fgnm", x, strict=True)))
        assert report.largest_difference(got, [np.asarray(model(x))]) < 1e-3, batch
