"""The values components are drawn from: hops of the thread, facts, files, tabs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

type Text = str | Promise
type When = date | datetime
type State = Literal["done", "now", "next", "stopped"]

HOPS: dict[str, Promise] = {
    "need": _("Need"),
    "challenge": _("Challenge"),
    "application": _("Application"),
    "decision": _("Decision"),
    "agreement": _("Agreement"),
    "pilot": _("Pilot"),
    "effect": _("Effect"),
    "exit": _("Exit"),
}
STATES: dict[str, Promise] = {
    "done": _("done"),
    "now": _("now"),
    "next": _("to come"),
    "stopped": _("stopped"),
}


@dataclass(frozen=True, slots=True)
class Hop:
    """One knot of the thread. ``kind`` is a key of `HOPS` or any icon's name with ``kind_label``."""

    kind: str
    state: State
    title: Text
    date: When | None = None
    actor: Text = ""
    text: Text = ""
    url: str = ""
    turn: Text = ""
    """Whose turn it is, for the present hop."""
    since: When | None = None
    due: When | None = None
    kind_label: Text = ""
    word: Text = ""
    """Says instead of the state what it was: "documented", "incident"."""
    when: Text = ""
    """Says the date no finer than it is known: "January 2023"."""

    @property
    def label(self) -> Text:
        return self.kind_label or HOPS.get(self.kind, "")

    @property
    def state_label(self) -> Text:
        return self.word or STATES[self.state]

    @property
    def mark(self) -> str:
        return {"done": "check", "stopped": "cross"}.get(self.state, self.kind)


@dataclass(frozen=True, slots=True)
class Bead:
    label: Text
    state: str

    @property
    def state_label(self) -> Text:
        return STATES[self.state]


def beads(at: str, *, stopped: bool = False, finished: bool = False, done: Iterable[str] = ()) -> list[Bead]:
    """The eight phases seen from ``at``: those before are done, those after to come.

    ``done``, when given, names the phases that really happened; an earlier one that did not
    (a collaboration without a need) is left out. Raises KeyError for an unknown phase.
    """
    HOPS[at]
    happened, result, passed = set(done), list[Bead](), True
    for kind, label in HOPS.items():
        if kind == at:
            passed = False
            result.append(Bead(label, "stopped" if stopped else "done" if finished else "now"))
        elif passed and (not happened or kind in happened):
            result.append(Bead(label, "done"))
        elif not passed and not finished:
            result.append(Bead(label, "next"))
    return result


@dataclass(frozen=True, slots=True)
class Tab:
    url: str
    label: Text
    current: bool = False
    count: int | None = None


@dataclass(frozen=True, slots=True)
class FileLine:
    """One line of a file list; ``size`` in bytes."""

    name: str
    url: str
    size: int
    kind: str = ""
    note: Text = ""


@dataclass(frozen=True, slots=True)
class Count:
    """One figure: a number with its words; ``note`` says as of when or out of how many."""

    value: int | str
    label: Text
    note: Text = ""
    url: str = ""


type Facts = Sequence[tuple[Text, object]]
