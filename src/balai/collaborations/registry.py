"""What a scheme may name: roles, guards and records.

A guard is a named question about a collaboration. A record is a named form that a move asks for and
that its room writes in the move's transaction. The room that knows registers both when it is loaded,
so this floor never imports an upper one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from balai.core.errors import Text
from balai.core.rules import Verdict
from balai.people.models import Role

if TYPE_CHECKING:
    from balai.collaborations.models import Collaboration
    from balai.people.models import User

ROLES: Mapping[str, Text] = {
    "applicant": _("the partner"),
    "agency": _("the agency that owns the problem"),
    "bureau": _("the cooperation bureau"),
    "tkksd": _("the cooperation team (TKKSD)"),
    "analyst": _("the smart-city unit"),
    "city_signatory": _("the signatory of the city"),
    "partner_signatory": _("the signatory of the partner"),
}

SEATS: Mapping[str, tuple[str, ...]] = {
    "applicant": (Role.FOUNDER, Role.STAFF, Role.ADMIN, Role.SIGNATORY),
    "agency": (Role.OFFICER, Role.ADMIN),
    "bureau": (Role.BUREAU,),
    "tkksd": (Role.TKKSD,),
    "analyst": (Role.ANALYST,),
    "city_signatory": (Role.SIGNATORY,),
    "partner_signatory": (Role.SIGNATORY, Role.FOUNDER),
}

type Question = Callable[["Collaboration"], Verdict]
type Writer = Callable[["Collaboration", "User", Mapping[str, Any]], None]
type Objection = Callable[["Collaboration", "User"], Verdict]


@dataclass(frozen=True, slots=True)
class Guard:
    """``question`` answers; ``text`` says what is asked; ``source`` where the rule comes from."""

    name: str
    text: Text
    question: Question
    source: Text
    lifted_by: Text


@dataclass(frozen=True, slots=True)
class Record:
    """``form`` validates what the person gives; ``write`` stores it in the move's transaction."""

    name: str
    form: type[forms.Form]
    write: Writer


_guards: dict[str, Guard] = {}
_records: dict[str, Record] = {}
_objections: list[Objection] = []


def guard(
    name: str, *, text: Text, source: Text = "", lifted_by: Text = ""
) -> Callable[[Question], Question]:
    """Register the decorated question under ``name``. Raises ValueError if the name is taken."""

    def keep(question: Question) -> Question:
        if name in _guards and _guards[name].question is not question:
            raise ValueError(f"guard {name!r} is registered twice")
        _guards[name] = Guard(name, text, question, source, lifted_by)
        return question

    return keep


def record(name: str, form: type[forms.Form]) -> Callable[[Writer], Writer]:
    """Register the decorated writer under ``name`` with the form that feeds it."""

    def keep(write: Writer) -> Writer:
        if name in _records and _records[name].write is not write:
            raise ValueError(f"record {name!r} is registered twice")
        _records[name] = Record(name, form, write)
        return write

    return keep


def objection(question: Objection) -> Objection:
    """Register the decorated question: may this person of the city still judge this collaboration?"""
    if question not in _objections:
        _objections.append(question)
    return question


def objections() -> list[Objection]:
    return list(_objections)


def guards() -> Mapping[str, Guard]:
    return _guards


def records() -> Mapping[str, Record]:
    return _records
