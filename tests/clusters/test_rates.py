"""Who keeps the others waiting, told from the shares of time in which each engine waits."""

from __future__ import annotations

import pytest

from kernelkit.clusters.engines import EngineRate, rates_bundle, waited_for


def rates(*waits: float) -> list[EngineRate]:
    return [EngineRate(i, f"machine-{i}", 1200, 8.25, share) for i, share in enumerate(waits)]


@pytest.mark.parametrize(
    ("waits", "slow"),
    [
        ((), []),
        ((0.9,), []),
        ((0.3, 0.3), []),
        ((0.3, 0.15), []),
        ((0.7, 0.05), [1]),
        ((0.05, 0.7, 0.7), [0]),
        ((0.7, 0.1, 0.7, 0.2), [1, 3]),
    ],
)
def test_the_engines_that_wait_least_are_those_that_the_others_wait_for(waits, slow):
    assert waited_for(rates(*waits)) == slow
    assert waited_for(reversed(rates(*waits))) == slow


def test_the_table_names_the_slow_engine_and_shows_names_as_text():
    shown = [*rates(0.7), EngineRate(1, "<b>node</b>", 1199, 8.25, 0.05)]
    bundle = rates_bundle(shown, waited_for(shown))
    assert bundle["text/plain"].splitlines()[2].split() == ["1", "<b>node</b>", "1,199", "8.2", "5%", "slowest"]
    assert "slowest" not in bundle["text/plain"].splitlines()[1]
    assert "&lt;b&gt;node&lt;/b&gt;" in bundle["text/html"] and "<b>" not in bundle["text/html"]
