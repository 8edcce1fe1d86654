"""Contracts of one kind of record, held to by all kinds and by one that only its port declares."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from inspect import Parameter
from typing import Any, TypeVar

from tests.cases import every_case
from tests.contracts.samples import SAMPLES, Repositories
from tests.contracts.visits import VISIT_SAMPLE

C = TypeVar("C")
F = TypeVar("F", bound=Callable[..., None])

EVERY_SAMPLE = (*SAMPLES, VISIT_SAMPLE)
_KIND_ARGUMENTS = ("sample", "repository", "store")
_ONLY_ATTRIBUTE = "only_kinds"


def of_kinds(*names: str) -> Callable[[F], F]:
    """A test for which these kinds stand for all."""

    def decorate(test: F) -> F:
        setattr(test, _ONLY_ATTRIBUTE, names)
        return test

    return decorate


def of_every_kind(contract: type[C]) -> type[C]:
    """The contract, of which every test goes over all kinds. They share the databases as they do
    in a diner, so a test leaves nothing that another kind would find."""
    for name, test in inspect.getmembers(contract, inspect.isfunction):
        if name.startswith("test_"):
            setattr(contract, name, _over_kinds(test))
    return contract


def _over_kinds(test: Callable[..., None]) -> Callable[..., None]:
    wanted = inspect.signature(test).parameters
    names = getattr(test, _ONLY_ATTRIBUTE, None)
    samples = [each for each in EVERY_SAMPLE if names is None or each.name in names]

    def over_kinds(self: object, repositories: Repositories, **others: Any) -> None:
        if "repositories" in wanted:
            others["repositories"] = repositories
        with every_case() as case:
            for sample in samples:
                with case(sample.name):
                    own = getattr(repositories, sample.name)
                    given = dict(zip(_KIND_ARGUMENTS, (sample, own, own), strict=True))
                    test(self, **{name: given[name] for name in wanted if name in given}, **others)

    beside = [it for name, it in wanted.items() if name not in (*_KIND_ARGUMENTS, "self")]
    named = {each.name: each for each in beside}
    named.setdefault("repositories", Parameter("repositories", Parameter.POSITIONAL_OR_KEYWORD))
    itself = Parameter("self", Parameter.POSITIONAL_OR_KEYWORD)
    over_kinds.__dict__.update(test.__dict__)
    over_kinds.__signature__ = inspect.Signature([itself, *named.values()])  # type: ignore[attr-defined]
    over_kinds.__doc__ = test.__doc__
    return over_kinds
