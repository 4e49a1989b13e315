"""The command line: `python -m tests.conformance [--help]`."""

import argparse
import collections

from tests.conformance import ledger, runs, wheel


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance", description="Run the tests of the installed Keras against kernelkit."
    )
    parser.add_argument("command", choices=("run", "keras", "list"), nargs="?", default="run", help=_COMMANDS)
    parser.add_argument("--only", nargs="+", metavar="FOLDER", help="folders, or test files, below keras/src")
    parser.add_argument("--workers", type=int, default=2, help="processes at a time (2)")
    parser.add_argument("--part", type=_part, metavar="I/N", help="run: the I-th of N parts of the tests, as 1/4")
    arguments = parser.parse_args()
    files = _files(arguments.only or wheel.FOLDERS)
    if arguments.command == "keras":
        _measure_keras(files, arguments.workers)
        return
    if arguments.part and arguments.command == "list":
        parser.error("list needs all tests of its files: leave --part out")
    keep = part_of(_of_files(ledger.read_keras_passes()[1], files), *arguments.part) if arguments.part else None
    outcomes = runs.run(files, workers=arguments.workers, keep=keep)
    if arguments.command == "list":
        _update_list(files, outcomes)
    _report(files, outcomes, keep)


_COMMANDS = (
    "run: compare with Keras, folder by folder (default); keras: measure what Keras itself passes and keep it in "
    "keras_passes.txt; list: bring not_passing.txt up to date, new entries under 'to do' with the test's message"
)


def part_of(tests: set[str], number: int, parts: int) -> set[str]:
    """Return the tests of one part, counted from 1. The parts are about equal and hold each test once."""
    return set(sorted(tests)[number - 1 :: parts])


def _part(text: str) -> tuple[int, int]:
    number, _, parts = text.partition("/")
    if not (number.isdecimal() and parts.isdecimal() and 1 <= int(number) <= int(parts)):
        raise argparse.ArgumentTypeError(f"expected a part such as 1/4, got {text!r}")
    return int(number), int(parts)


def _files(chosen: list[str]) -> list[str]:
    return [f for name in chosen for f in ([name] if name.endswith(".py") else wheel.test_files(name))]


def _of_files(tests: set[str], files: list[str]) -> set[str]:
    known = {file.removesuffix(".py") for file in files}
    return {test for test in tests if test.partition("::")[0] in known}


def _measure_keras(files: list[str], workers: int) -> None:
    passed = {o.test for o in runs.run(files, "keras", workers) if o.outcome == "passed"}
    if ledger.KERAS_PASSES.exists():
        version, before = ledger.read_keras_passes()
        if version == wheel.VERSION:
            passed |= before - _of_files(before, files)
    ledger.write_keras_passes(wheel.VERSION, passed)
    print(f"Keras {wheel.VERSION} passes {len(passed)} tests; they stand in {ledger.KERAS_PASSES.name}.")


def _update_list(files: list[str], outcomes: list[runs.Outcome]) -> None:
    _, expected = ledger.read_keras_passes()
    ended = {o.test: o for o in outcomes}
    listed = ledger.read_not_passing() if ledger.NOT_PASSING.exists() else {}
    for test in _of_files(expected, files):
        outcome = ended.get(test)
        if outcome is not None and outcome.outcome == "passed":
            listed.pop(test, None)
        elif test not in listed:
            listed[test] = ("to do", _reason(outcome))
    ledger.write_not_passing(listed)


def _reason(outcome: runs.Outcome | None) -> str:
    if outcome is None:
        return "the test was not collected"
    return (outcome.message.partition("\n")[0] or outcome.outcome)[:160]


def _report(files: list[str], outcomes: list[runs.Outcome], keep: set[str] | None) -> None:
    version, expected = ledger.read_keras_passes()
    expected = _of_files(expected, files) if keep is None else keep
    listed = ledger.read_not_passing()
    passed = {o.test for o in outcomes if o.outcome == "passed"}
    print(f"Keras's own tests, of Keras {version}\n")
    print(f"{'folder':14}{'passed':>8}{'of Keras':>10}{'not passing':>13}{'aside':>7}{'share':>9}")
    rows = collections.defaultdict(lambda: [0, 0, 0])
    for test in expected:
        aside = listed.get(test, ("to do", ""))[0] not in ledger.COUNTED
        for row in (rows[ledger.folder_of(test)], rows["total"]):
            row[0] += 1
            row[1] += test in passed
            row[2] += aside and test not in passed
    for name in [*sorted(set(rows) - {"total"}, key=wheel.FOLDERS.index), "total"]:
        count, good, aside = rows[name]
        share = good / (count - aside) if count > aside else 1.0
        print(f"{name:14}{good:8}{count:10}{count - good:13}{aside:7}{share:9.1%}")
    for line in runs.problems(expected, passed, listed):
        print(line)


if __name__ == "__main__":
    main()
