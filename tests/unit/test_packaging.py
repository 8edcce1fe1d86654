"""What is released says the same as what is tested: ranges and pins, files, hooks."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = ("dinerapp", "adapters", "blueprints")
RANGES = {
    "requirements.txt": PROJECT["project"]["dependencies"],
    "requirements-embedded.txt": PROJECT["project"]["optional-dependencies"]["embedded"],
    "requirements-dev.txt": PROJECT["project"]["optional-dependencies"]["test"],
}
LINTERS = {"ruff", "mypy", "import-linter"}


def pinned(file: str) -> dict[str, Requirement]:
    lines = (ROOT / file).read_text().splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith(("-r", "#"))]
    return {requirement.name.lower(): requirement for requirement in found}


def ranges(file: str) -> dict[str, Requirement]:
    found = [Requirement(line) for line in RANGES[file]]
    return {each.name.lower(): each for each in found if each.name != "dinerapp"}


def package_files() -> Iterator[Path]:
    for package in PACKAGES:
        yield from (path for path in (ROOT / package).rglob("*") if path.is_file())


@pytest.mark.parametrize("file", RANGES)
def test_the_same_packages_are_required_and_pinned(file: str) -> None:
    assert set(ranges(file)) == set(pinned(file)) - LINTERS


@pytest.mark.parametrize("file", RANGES)
def test_a_pin_is_exact_and_within_the_range_of_its_package(file: str) -> None:
    pins = pinned(file)
    for name, wanted in ranges(file).items():
        pin = pins[name]
        [exact] = pin.specifier
        assert exact.operator == "==", name
        assert wanted.specifier.contains(exact.version), f"{pin} is not within {wanted}"
        assert wanted.extras == pin.extras, name
        assert wanted.marker == pin.marker, name


def test_no_other_package_is_released() -> None:
    found = PROJECT["tool"]["setuptools"]["packages"]["find"]
    assert found["include"] == [f"{name}*" for name in PACKAGES]


def test_every_file_of_a_package_is_released_with_it() -> None:
    patterns = PROJECT["tool"]["setuptools"]["package-data"]["*"]
    released = {
        path for name in PACKAGES for each in patterns for path in (ROOT / name).rglob(each)
    }
    for path in package_files():
        assert path.suffix in (".py", ".pyc") or path in released, path


def test_every_package_says_that_it_is_typed_and_every_folder_of_modules_is_a_package() -> None:
    for name in PACKAGES:
        assert (ROOT / name / "py.typed").is_file()
    folders = {path.parent for path in package_files() if path.suffix == ".py"}
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_hooks_before_a_commit_run_what_make_lint_runs() -> None:
    hooks = re.findall(r"entry: (.+)", (ROOT / ".pre-commit-config.yaml").read_text())
    rule = (ROOT / "Makefile").read_text().partition("\nlint:")[2].partition("\n\n")[0]
    commands = rule.replace("$(BIN)", ".venv/bin").splitlines()
    assert hooks
    assert {f"\t{hook}" for hook in hooks} <= set(commands)
