"""What the documents say is so: commands exist, examples run, links lead somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import kernelkit
from tools import lessons

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def targets() -> set[str]:
    """The targets that `make` knows, as the Makefile's .PHONY line lists them."""
    return set(re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE).group(1).split())


def test_the_readme_opens_with_the_two_commands():
    first = "\n".join(README.splitlines()[:20])
    assert 0 < first.index("make demo") < first.index("make test")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_every_make_target_named_exists(document):
    text = document.read_text(encoding="utf-8")
    code = "\n".join([*re.findall(r"`([^`\n]+)`", text), *blocks(text, "bash"), *blocks(text, "console")])
    assert set(re.findall(r"\bmake (?:PYTHON=\S+ )?([a-z]\w*)", code)) <= targets()


def test_the_help_of_make_lists_every_target():
    printed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"^make ([\w-]+)", printed, flags=re.MULTILINE)) == targets() - {"help"}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_every_link_leads_to_a_file(document):
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_the_examples_of_the_readme_run(tmp_path):
    code = "\n\n".join(blocks(README, "python"))
    assert "import kernelkit" in code
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_others_do_not_do_can_be_seen_in_a_lesson_in_both_languages():
    seen = []
    for readme, folder in (("README.md", "notebooks/"), ("README.ko.md", "notebooks/ko/")):
        rows = re.findall(r"^\| \*\*.*$", (ROOT / readme).read_text(encoding="utf-8"), flags=re.MULTILINE)
        seen.append([re.findall(rf"\({folder}(\w+)\.ipynb\)", row) for row in rows])
    assert seen[0] == seen[1]
    assert len(seen[0]) == 5 and all(seen[0])


@pytest.mark.parametrize("readme", ["README.md", "README.ko.md"])
def test_a_readme_shows_pictures_in_light_and_dark_that_are_small(readme):
    text = (ROOT / readme).read_text(encoding="utf-8")
    pictures = re.findall(r'(?:src|srcset)="(docs/[^"]+)"', text)
    assert sorted(Path(p).stem for p in pictures) == ["debugger-dark", "debugger-light", "panel-dark", "panel-light"]
    assert sum((ROOT / p).stat().st_size for p in pictures) < 2**20
    assert text.count(" alt=") == 2


def test_every_address_of_the_repository_is_the_one_in_pyproject():
    """It is a guess until the project is published, and there is one place to change it."""
    address = re.compile(r"(?:github\.com|mybinder\.org/v2/gh|colab\.research\.google\.com/github)/([\w.-]+/[\w.-]+)")
    files = [*DOCUMENTS, ROOT / "pyproject.toml", *ROOT.glob("notebooks/**/*.ipynb"), *ROOT.glob("binder/*")]
    found = {path: address.findall(path.read_text(encoding="utf-8")) for path in files}
    ours = {name for names in found.values() for name in names if name.endswith("/kernelkit")}
    assert ours == {lessons.REPOSITORY.removeprefix("https://github.com/")}
    assert sum(map(bool, found.values())) >= 2 + 1 + 2 * len(lessons.sources()), "READMEs, pyproject.toml, notebooks"


def test_the_buttons_follow_the_address_in_pyproject(monkeypatch):
    monkeypatch.setattr(lessons, "REPOSITORY", "https://github.com/somebody/their.kernelkit")
    text = lessons.with_buttons(README)
    assert text.count("/somebody/their.kernelkit/") == 2
    assert text.replace("somebody/their.kernelkit", "kernelkit/kernelkit") == README


BRITISH = re.compile(
    r"\b\w*(?:neighbour|colour|behaviour|favour|labell|grey|centred?\b|metres?\b|licence|catalogue)\w*"
    r"|\b(?:recogn|optim|regular|initial|real|organ|visual|normal)is(?:e[sd]?|ing|ation)\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize("path", [*DOCUMENTS, *lessons.sources()], ids=lambda p: p.name)
def test_what_users_read_is_spelled_the_american_way(path):
    assert BRITISH.findall(path.read_text(encoding="utf-8")) == []


def test_the_changelog_has_this_version():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## {kernelkit.__version__}" in changelog


@pytest.mark.parametrize("script", [".ci/run", "binder/postBuild"])
def test_scripts_are_executable(script):
    assert os.access(ROOT / script, os.X_OK)
    subprocess.run(["bash", "-n", ROOT / script], check=True)
