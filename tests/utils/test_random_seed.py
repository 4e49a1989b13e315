"""`set_random_seed` reaches the other packages that are imported, and imports none."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import kernelkit as kk


def test_imported_packages_are_seeded_too(monkeypatch):
    seeds = {}
    torch, tensorflow = ModuleType("torch"), ModuleType("tensorflow")
    torch.manual_seed = lambda seed: seeds.update(torch=seed)
    tensorflow.random = SimpleNamespace(set_seed=lambda seed: seeds.update(tensorflow=seed))
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "tensorflow", tensorflow)
    kk.utils.set_random_seed(11)
    assert seeds == {"torch": 11, "tensorflow": 11}


def test_packages_that_are_missing_or_half_imported_stay_as_they_are(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", ModuleType("torch"))
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    kk.utils.set_random_seed(11)
    assert "tensorflow" not in sys.modules
