"""The recordings beside the lessons open, without a model and without data, and show what they are there for."""

from __future__ import annotations

import numpy as np
import pytest

import kernelkit as kk
from tools import recordings

FILES = {path.stem: path for path in recordings.FOLDER.glob("*.kkrec")}


def opened(name):
    return kk.viz.replay(FILES[name])


def losses_of(name):
    lesson = opened(name)
    lesson.goto(lesson.head)
    return lesson.losses


def test_each_training_has_a_small_file():
    assert FILES.keys() == recordings.TRAININGS.keys()
    assert {name: path.stat().st_size for name, path in FILES.items() if path.stat().st_size > 120_000} == {}


@pytest.mark.parametrize("name", recordings.TRAININGS)
def test_a_recording_is_walked_through_in_both_directions(name):
    lesson = opened(name)
    assert lesson.begin == 0
    assert lesson.head == len(lesson.history())
    assert len(lesson.looked) >= 4
    for step in (*lesson.looked, *reversed(lesson.looked)):
        lesson.goto(step + 1)
        assert len(lesson.table()) >= 2
        assert len(lesson.sample_losses()) == len(lesson.activations(lesson.layers[0]))


def test_a_healthy_training_learns():
    losses = losses_of("healthy")
    assert len(losses) == 58
    assert losses[-10:].mean() < 0.2 * losses[0]


def test_the_large_rate_explodes_in_the_second_step():
    losses = losses_of("exploding_rate")
    assert losses[1] > 5 * losses[0]


def test_the_first_nan_comes_at_the_bright_picture():
    lesson = opened("first_nan")
    (wrong,) = np.flatnonzero(~np.isfinite(lesson.history()))[:1]
    lesson.goto(wrong + 1)
    assert (
        np.flatnonzero(~np.isfinite(lesson.sample_losses())).tolist() == np.flatnonzero(lesson.indices == 77).tolist()
    )


def test_filters_answer_to_pictures_that_are_in_the_file():
    lesson = opened("filters")
    lesson.goto(lesson.looked[-1] + 1)
    assert lesson.batch[0].shape == (16, 8, 8, 1)
    assert lesson.activations("filters").shape == (16, 6, 6, 8)


@pytest.mark.one_in(4)
def test_the_tool_writes_what_is_committed(tmp_path):
    again, kept = kk.viz.replay(recordings.write("healthy", tmp_path)), opened("healthy")
    np.testing.assert_allclose(again.history(), kept.history(), rtol=1e-3, atol=1e-4)
    assert (again.looked, again.layers) == (kept.looked, kept.layers)
