"""Formats whose packages are missing: the error names the package."""

import sys
import types

import pytest

import kernelkit as kk
from tests.export import zoo


def test_a_saved_model_without_tensorflow_names_the_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(ImportError, match="SavedModels need the package 'tensorflow': pip install tensorflow"):
        zoo.build("mlp").export(tmp_path / "out")
    with pytest.raises(ImportError, match="pip install tensorflow"):
        kk.export.ExportArchive()
    with pytest.raises(ImportError, match="TFSMLayer. needs TensorFlow"):
        (tmp_path / "saved_model.pb").write_bytes(b"")
        kk.layers.TFSMLayer(tmp_path)
    assert not (tmp_path / "out").exists()


def test_the_report_is_printed_unless_a_notebook_shows_it(tmp_path, monkeypatch, capsys):
    model = kk.Sequential([kk.Input((3,)), kk.layers.Dense(2)])
    monkeypatch.delitem(sys.modules, "marimo", raising=False)
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))  # a script that imports it is none
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    model.export(tmp_path / "m.shlo", format="stablehlo", platforms=["cpu"])
    assert "largest difference to the model" in capsys.readouterr().out
    shell = types.SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    done = model.export(tmp_path / "m.shlo", format="stablehlo", platforms=["cpu"])
    assert capsys.readouterr().out == "" and "<table>" in done._repr_html_()
