"""OpenVINO's files, where OpenVINO is installed."""

import numpy as np
import pytest

from tests.export import zoo

openvino = pytest.importorskip("openvino")


@pytest.mark.parametrize("name", [*zoo.ZOO, *zoo.MORE])
def test_a_model_of_the_zoo_runs_in_openvino(name, tmp_path):
    model = zoo.build(name)
    done = model.export(tmp_path / "model.xml", format="openvino", verbose=False)
    assert done.checked_by == "openvino" and done.error is not None and done.error < max(1e-4, zoo.report_atol(name))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.bin", "model.xml"]


def test_the_ending_must_be_xml(tmp_path):
    with pytest.raises(ValueError, match=r"must end with '\.xml'"):
        zoo.build("mlp").export(tmp_path / "model.onnx", format="openvino")
    assert np.size(list(tmp_path.iterdir())) == 0
