"""A search in a folder: it goes on in another process, and a folder from a stranger does nothing."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import optuna
import pytest

import kernelkit as kk
from kernelkit.tuner import GridSearch, RandomSearch, Tuner
from kernelkit.tuner import study as studies

ROOT = Path(__file__).absolute().parents[2]


def half(hp):
    return hp.Float("x", 0, 1) / 2


def test_values_that_a_stranger_has_queued_are_not_used(tmp_path):
    made(tmp_path, 1)
    database = tmp_path / "search" / "study.db"
    changed(database, "INSERT INTO trials (trial_id, number, study_id, state) VALUES (50, 1, 1, 'WAITING')")
    queued = '{"x": 1e30}'
    changed(database, "INSERT INTO trial_system_attributes VALUES (60, 50, 'fixed_params', ?)", queued)
    tuner = made(tmp_path, 3)
    assert [r.state for r in tuner.results] == ["complete", "failed", "complete"]
    assert tuner.results[1].ended.endswith("'x': 1e+30 is not one of its values: 0 to 1.")


def made(folder, trials=2, **options):
    tuner = RandomSearch(half, "loss", max_trials=trials, directory=folder, seed=0, **options)
    tuner.search(verbose=0)
    return tuner


def test_without_a_name_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made(None)
    assert list(tmp_path.iterdir()) == []


def test_a_project_goes_on_with_its_trials_and_tries_no_value_twice(tmp_path, capsys):
    place = tmp_path / "a?b #%20 ü"  # characters that mean something in an address
    first = made(place, 2).results
    assert os.listdir(place / "search") == ["study.db"]
    second = made(place, 5)
    assert second.results[:2] == first and len({r.values["x"] for r in second.results}) == 5
    third = RandomSearch(half, "loss", max_trials=5, directory=place)
    assert third.best == second.best
    third.search()
    assert capsys.readouterr().out.splitlines()[0].startswith("The search goes on: 5 of 5 trials · best loss")


def test_projects_of_several_names_keep_apart_and_overwrite_removes_only_what_a_search_has_left(tmp_path):
    made(tmp_path, 2, project_name="a")
    made(tmp_path, 3, project_name="b")
    (tmp_path / "a" / "notes.txt").write_text("mine")
    (tmp_path / "a" / "trial_x.weights.h5").write_text("mine too")
    (tmp_path / "a" / "trial_7.weights.h5").write_text("left over")
    assert len(made(tmp_path, 1, project_name="a", overwrite=True).results) == 1
    assert sorted(os.listdir(tmp_path / "a")) == ["notes.txt", "study.db", "trial_x.weights.h5"]
    assert len(made(tmp_path, 1, project_name="b").results) == 3


def test_a_project_of_another_objective_or_with_other_values_is_not_mixed_up(tmp_path):
    made(tmp_path)
    with pytest.raises(ValueError, match="was made for 'loss' .minimize., not for 'val_accuracy'.*overwrite=True"):
        RandomSearch(half, "val_accuracy", directory=tmp_path)
    GridSearch(lambda hp: hp.Choice("n", [1, 2]), "loss", directory=tmp_path, project_name="g").search(verbose=0)
    tuner = RandomSearch(lambda hp: hp.Choice("n", [1, 2, 3]), "loss", directory=tmp_path, project_name="g")
    with pytest.raises(ValueError, match="'n' had other values in an earlier trial.*project_name"):
        tuner.search(verbose=0)


KILLED = """
import os, signal, sys
from kernelkit.tuner import GridSearch
def f(hp):
    x = hp.Choice("x", [1, 2, 3])
    if x == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return x
GridSearch(f, "loss", directory=sys.argv[1]).search(verbose=0)
"""


def test_the_trial_of_a_process_that_was_killed_is_run_again(tmp_path):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], env=environment, timeout=300)
    assert done.returncode == -signal.SIGKILL
    tuner = GridSearch(lambda hp: hp.Choice("x", [1, 2, 3]), "loss", directory=tmp_path)
    assert [r.state for r in tuner.results] == ["complete", "running"]
    tuner.search(verbose=0)
    assert [(r.state, r.values["x"]) for r in tuner.results] == [
        ("complete", 1),
        ("cut off", 2),
        ("complete", 2),
        ("complete", 3),
    ]


@pytest.mark.parametrize(
    ("where", "dead"),
    [
        (["{host}", "{pid}", "a search that has ended"], True),
        (["{host}", "{pid}", "a search that runs"], False),
        (["{host}", 2**22 + 12345, "x"], True),
        (["{host}", 1, "x"], False),
        (["another computer", 2**22 + 12345, "x"], False),
        (["{host}", -1, "x"], False),
        (["{host}", 10**30, "x"], False),
        (["{host}", "12; rm", "x"], False),
        ("nonsense", False),
        (None, False),
    ],
    ids=str,
)
def test_a_running_trial_is_given_up_only_if_its_search_is_known_to_have_died(where, dead):
    import socket

    known = {"{host}": socket.gethostname(), "{pid}": os.getpid()}
    where = [known.get(part, part) for part in where] if isinstance(where, list) else where
    study = optuna.create_study()
    trial = study.ask()
    trial.suggest_int("x", 1, 3)
    trial.set_user_attr("kernelkit_process", where)
    with studies.searching("a search that runs"):
        assert studies.give_up_dead(study) == dead
    assert study.trials[0].state.name == ("FAIL" if dead else "RUNNING") and len(study.trials) == 1 + dead


def build(hp):
    model = kk.Sequential([kk.layers.Dense(hp.Int("units", 2, 2)), kk.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def changed(path, statement, *values):
    with sqlite3.connect(path) as database:
        database.execute(statement, values)
    database.close()


def test_weights_of_the_best_trial_are_there_in_another_process_and_a_changed_folder_cannot_ask_for_more(tmp_path):
    x = np.ones((8, 3), "float32")
    Tuner(build, "loss", 1, directory=tmp_path).search(x, x[:, :1], epochs=1, verbose=0)
    database = tmp_path / "search" / "study.db"
    again = Tuner(build, "loss", 1, directory=tmp_path)
    assert [w.shape for w in again.get_best_models()[0].weights] == [(3, 2), (2,), (2, 1), (1,)]

    update = "UPDATE trial_user_attributes SET value_json = ? WHERE key = 'build_config'"
    changed(database, update, '{"input_shape": [null, 100000000000]}')
    with pytest.raises(ValueError, match="does not match its weights"):
        Tuner(build, "loss", 1, directory=tmp_path).get_best_models()
    for nonsense in ("17", '{"input_shape": "x"}', '{"a": [[[]]]}'):
        changed(database, update, nonsense)
        with pytest.raises((ValueError, TypeError, KeyError)):
            Tuner(build, "loss", 1, directory=tmp_path).get_best_models()

    changed(database, "UPDATE trial_params SET param_value = 1000000, distribution_json = ?", CHANGED)
    with pytest.raises(ValueError, match="1000000 is not one of its values: 2 to 2"):
        Tuner(build, "loss", 1, directory=tmp_path).get_best_models()

    (tmp_path / "search" / "trial_0.weights.h5").write_bytes(b"not a file of weights")
    with pytest.raises(ValueError, match="not one of its values|weights"):
        Tuner(build, "loss", 1, directory=tmp_path).get_best_models()


CHANGED = '{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 10000000}}'


def test_notes_of_a_stranger_are_shown_as_text_or_not_at_all(tmp_path):
    tuner = made(tmp_path, 3)
    database = tmp_path / "search" / "study.db"
    changed(database, "UPDATE trial_user_attributes SET value_json = '\"<script>\"' WHERE key IN ('epochs', 'seconds')")
    changed(database, "INSERT INTO trial_user_attributes VALUES (900, 1, 'error', ?)", '"<script>alert(1)</script>"')
    changed(database, "INSERT INTO trial_user_attributes VALUES (901, 2, 'ended', ?)", '["<script>"]')
    for trial, curve in enumerate(('"<script>"', '[1, "<script>", null, true, NaN, 1e400, 2]', "{}"), 1):
        changed(database, "INSERT INTO trial_user_attributes VALUES (?, ?, 'curve', ?)", 910 + trial, trial, curve)
    tuner = RandomSearch(half, "loss", max_trials=3, directory=tmp_path)
    assert [r.curve for r in tuner.results] == [(), (1.0, 2.0), ()]
    assert [(r.epochs, r.seconds) for r in tuner.results] == [(0, 0.0)] * 3
    assert tuner.results[0].state == "failed" and tuner.results[1].ended == ""
    page = tuner._repr_html_()
    assert "&lt;script&gt;alert" in page and "<script" not in page


@pytest.mark.parametrize(
    "statements",
    [
        [
            "DROP TABLE trials",
            "CREATE VIEW trials AS WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a FROM n) SELECT * FROM n",
        ],
        ["CREATE TRIGGER t AFTER INSERT ON trials BEGIN DELETE FROM studies; END"],
        ["CREATE TABLE more (a)"],
        ["ALTER TABLE trials ADD COLUMN big GENERATED ALWAYS AS (zeroblob(9))"],
        ["CREATE INDEX slow ON trials (lower(state))"],
        ["ALTER TABLE trials ADD COLUMN c CHECK (length(zeroblob(9)) > 0)"],
        ["UPDATE alembic_version SET version_num = 'v99'"],
        ['UPDATE trial_params SET distribution_json = \'{"name": "os.system"}\''],
        ["UPDATE trials SET state = 'EVIL'"],
    ],
    ids=["view", "trigger", "table", "generated column", "index", "check", "version", "distribution", "state"],
)
def test_a_database_that_is_not_as_optuna_makes_it_is_refused_before_it_is_used(tmp_path, statements):
    made(tmp_path)
    database = tmp_path / "search" / "study.db"
    for statement in statements:
        changed(database, statement)
    with pytest.raises(ValueError, match="study.db' (is not a search|cannot be used)"):
        RandomSearch(half, "loss", directory=tmp_path)
    assert len(made(tmp_path, 1, overwrite=True).results) == 1


def test_what_is_no_database_is_refused_and_left_as_it_is(tmp_path):
    folder = tmp_path / "search"
    folder.mkdir()
    (folder / "study.db").write_bytes(b"\x80\x04cos\nsystem\n(S'touch owned'\ntR.")
    with pytest.raises(ValueError, match="is not a search of kernelkit.tuner"):
        RandomSearch(half, "loss", directory=tmp_path)
    assert (folder / "study.db").read_bytes().startswith(b"\x80\x04")
    (folder / "study.db").unlink()
    (folder / "study.db").mkdir()
    with pytest.raises(ValueError, match="is not a file"):
        RandomSearch(half, "loss", directory=tmp_path)
