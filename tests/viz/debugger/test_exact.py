"""Whatever trip is made, the state at a step is that of a plain fit at that step, bit for bit."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.viz.debugger.models import BATCH, EPOCHS, MODELS, SAMPLES, STEPS, fitted, fresh, generator, leaves

pytestmark = pytest.mark.one_in(2, together=True)

MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("step"), st.integers(1, 5)),
        st.tuples(st.just("back"), st.integers(1, 6)),
        st.tuples(st.just("goto"), st.integers(0, STEPS)),
        st.tuples(st.sampled_from(["look", "fork", "run"]), st.just(1)),
    ),
    min_size=3,
    max_size=8,
)


def same(state, expected):
    for ours, theirs in zip(leaves(state), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def move(dbg, kind, n):
    if kind == "step":
        dbg.step(min(n, STEPS - dbg.position)) if dbg.position < STEPS else None
    elif kind == "run":
        dbg.run(steps=min(3, STEPS - dbg.position))
    elif kind == "look" and dbg.timeline.steps.model.layers[0].name == "hidden":
        dbg.table()  # of one kind of model: each has programs of its own to compile
    elif kind == "fork" and dbg.position < STEPS - 1:
        dbg.fork(weights={}).step(2)
    elif kind in ("back", "goto"):
        getattr(dbg, kind)(n)


@pytest.fixture(scope="module", params=list(MODELS))
def training(request):
    states, last = fitted(request.param)
    model, (x, y) = fresh(request.param)
    dbg = model.debug(x, y, batch_size=BATCH, snapshot_every=4)
    return states, last, dbg


def test_a_run_is_a_fused_fit(training):
    states, last, dbg = training
    dbg.goto(0)
    dbg.run(epochs=EPOCHS)
    assert dbg.position == STEPS == len(states)
    same(dbg.state_after(), last)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(moves=MOVES)
def test_any_trip_leads_to_the_states_of_fit(training, moves):
    states, _, dbg = training
    for kind, n in moves:
        move(dbg, kind, n)
        if dbg.position > 0:
            same(dbg.state_after(), states[dbg.position - 1])


def test_a_generator_can_be_walked_back():
    states, last = fitted("mlp", generator)
    model, (x, y) = fresh("mlp")
    dbg = model.debug(generator(x, y), steps_per_epoch=4, snapshot_every=4)
    dbg.run(epochs=EPOCHS)
    same(dbg.state_after(), last)
    for k in (3, 9, 1, 12, 5):
        dbg.goto(k)
        same(dbg.state_after(), states[k - 1])
    assert dbg.batch.indices is None
    assert "you can go back to every one" in dbg.timeline.source.rewinds


def test_steps_are_those_of_the_program_of_fit():
    model, (x, y) = fresh("mlp")
    model.fit(x, y, batch_size=BATCH, verbose=0)
    program = model._training.program("train")
    compiles = program.compiles
    dbg = model.debug(x, y, batch_size=BATCH)
    dbg.run(epochs=2)
    dbg.goto(3)
    assert dbg.timeline.steps.program is program
    assert program.compiles == compiles == 2  # full batches, and the last one of three samples


def test_the_model_stays_as_it_is_until_told_otherwise():
    model, (x, y) = fresh("mlp")
    before = model.get_weights()
    dbg = model.debug(x, y, batch_size=BATCH)
    dbg.step(5)
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    assert dbg.to_model() is model
    same(model._training.variables("train").peek(), leaves(dbg.state_after()))
    model.fit(x, y, batch_size=BATCH, verbose=0)  # carries on, and leaves the debugger's state alone
    dbg.step()
    assert dbg.position == 6


def test_batches_name_their_rows():
    model, (x, y) = fresh("mlp")
    dbg = model.debug(x, y, batch_size=BATCH)
    seen = []
    for _ in range(4):
        dbg.step()
        np.testing.assert_array_equal(dbg.batch.x, x[dbg.batch.indices])
        np.testing.assert_array_equal(dbg.batch.y, y[dbg.batch.indices])
        seen.append(dbg.batch.indices)
    assert sorted(np.concatenate(seen)) == list(range(SAMPLES))
