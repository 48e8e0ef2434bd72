"""The standard articles an agreement starts from: data files a city's lawyer can read and change."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from balai.agreements.terms import Both, ClauseTerms

FOLDER = Path(__file__).resolve().parent / "clauses"
SCHEMES = ("playground", "co-develop", "user")


@dataclass(frozen=True, slots=True)
class Variable:
    """A blank in the articles. ``default`` is empty where the parties must fill it."""

    name: str
    label: Both
    default: Both


@dataclass(frozen=True, slots=True)
class Standard:
    clauses: tuple[ClauseTerms, ...]
    variables: tuple[Variable, ...]
    exit: tuple[Both, ...]


@cache
def standard(kind: str, scheme: str = "") -> Standard:
    """The articles, blanks and exit rules of an MoU, or of a PKS under ``scheme``.

    Raises KeyError for an unknown kind or scheme.
    """
    if kind == "mou":
        return _read(("mou",))
    if kind != "pks" or scheme not in SCHEMES:
        raise KeyError(f"{kind}/{scheme}")
    return _read(("common", scheme))


@cache
def variable_labels() -> dict[str, Both]:
    """The label of every blank any article knows."""
    names = ("common", *SCHEMES, "mou")
    return {v.name: v.label for name in reversed(names) for v in _read((name,)).variables}


def _read(names: tuple[str, ...]) -> Standard:
    clauses: list[tuple[int, ClauseTerms]] = []
    variables: dict[str, Variable] = {}
    ending: list[Both] = []
    for name in names:
        data = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
        for item in data.get("variables", []):
            variables[item["name"]] = Variable(
                item["name"], _both(item["label"]), _both(item.get("default", {"id": ""}))
            )
        for item in data.get("clauses", []):
            clause = ClauseTerms(
                key=item["key"],
                heading=_both(item["heading"]),
                text=tuple(_both(paragraph) for paragraph in item["text"]),
                source=item["source"],
                checked=item.get("checked", False),
            )
            clauses.append((item["order"], clause))
        ending += [_both(item) for item in data.get("exit", [])]
    clauses.sort(key=lambda pair: pair[0])
    return Standard(tuple(clause for _, clause in clauses), tuple(variables.values()), tuple(ending))


def _both(item: dict[str, Any]) -> Both:
    return Both(item["id"], item.get("en", ""))
