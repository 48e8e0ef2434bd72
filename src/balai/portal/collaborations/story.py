"""The whole chain of one collaboration as hops: need, challenge, application … exit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from balai.collaborations.models import Collaboration
from balai.collaborations.queries import Standing
from balai.collaborations.registry import ROLES
from balai.core.models import Entry
from balai.core.narrative import said
from balai.people.models import Organisation
from balai.pilots.models import Severity
from balai.portal.components import HOPS, Bead, Hop, beads
from balai.portal.templatetags.balai import day, period

PHASE_OF = {
    "agreement.sealed": "agreement",
    "agreement.declined": "agreement",
    "evaluation.registered": "pilot",
    "pilot.incident_reported": "pilot",
    "pilot.incident_closed": "pilot",
    "pilot.milestone_reached": "pilot",
    "effect.recorded": "effect",
    "effect.verified": "effect",
    "collaboration.followed": "exit",
    "programme.offered": "exit",
    "programme.interest": "exit",
}
ORDER = list(HOPS)


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of the full record, ready to print."""

    seq: int
    on: date
    when: str
    actor: str
    text: str
    detail: str
    source: str
    source_url: str
    public: bool


def organisations_of(
    entries: Iterable[Entry], known: Iterable[Organisation | None]
) -> dict[UUID, Organisation]:
    """The organisations that acted in these entries, in at most one query beyond those known."""
    found = {o.pk: o for o in known if o is not None}
    wanted = {e.organisation for e in entries if e.organisation} - found.keys()
    if wanted:
        found |= Organisation.objects.in_bulk(wanted)
    return found


def day_of(entry: Entry) -> date:
    """The day it happened: the documented day, else the day it was entered."""
    on = entry.facts.get("on")
    return date.fromisoformat(on) if on else timezone.localdate(entry.at)


def when_of(entry: Entry) -> str:
    """The day in words, no finer than the source tells it: a day, a month or a year."""
    on, precision = day_of(entry), entry.facts.get("precision", "day")
    if precision == "year":
        return str(on.year)
    return period(f"{on:%Y-%m}") if precision == "month" else day(on)


def actor_of(entry: Entry, organisations: dict[UUID, Organisation]) -> str:
    """Who did it, as the public may know: the organisation and the hat, never a name."""
    organisation = organisations.get(entry.organisation) if entry.organisation else None
    role = str(ROLES[entry.role]) if entry.role in ROLES else ""
    if organisation:
        return f"{organisation.name} ({role})" if role else organisation.name
    if entry.verb == "record.documented":
        return str(entry.facts.get("actor", ""))
    if entry.actor is None:
        return _("The hub")
    return _("A citizen") if entry.role in ("", "citizen") else capfirst(role)


def detail_of(entry: Entry) -> str:
    """What an entry adds beyond its sentence: a reason, a figure, a place."""
    facts = entry.facts
    if entry.verb == "record.documented":
        return ""
    if entry.verb == "pilot.incident_reported":
        text = str(Severity(facts["severity"]).label)
        return f"{capfirst(text)}; " + _("people hurt: %(hurt)s") % {"hurt": facts.get("hurt", 0)}
    if facts.get("authority"):
        return f"{facts['authority']}: {facts.get('reason', '')}"
    if sha256 := facts.get("sha256"):
        return _("Fingerprint %(start)s…") % {"start": str(sha256)[:12]}
    for key in ("reason", "grounds", "name", "period"):
        if facts.get(key):
            return str(facts[key])
    return ""


def sentence_of(entry: Entry) -> str:
    """The sentence of an entry in the reader's language."""
    if entry.verb == "record.documented":
        facts = entry.facts
        english = (get_language() or "id").startswith("en")
        return str((facts.get("text_en") if english else None) or facts.get("text", ""))
    return capfirst(said(entry))


def record_lines(entries: Sequence[Entry], organisations: dict[UUID, Organisation]) -> list[Line]:
    """Every entry, oldest first, as the full record prints it."""
    return [
        Line(
            seq=entry.seq,
            on=day_of(entry),
            when=when_of(entry),
            actor=actor_of(entry, organisations),
            text=sentence_of(entry),
            detail=detail_of(entry),
            source=str(entry.facts.get("source", "")),
            source_url=str(entry.facts.get("source_url", "")),
            public=entry.public,
        )
        for entry in entries
    ]


def documented(*threads: str) -> list[Line]:
    """What public sources say on these threads, the oldest first; one query."""
    rows = Entry.objects.filter(thread__in=threads, public=True, verb="record.documented")
    return record_lines(sorted(rows, key=lambda entry: (day_of(entry), entry.seq)), {})


def hops_of(
    collaboration: Collaboration,
    standing: Standing,
    entries: Sequence[Entry],
    organisations: dict[UUID, Organisation],
    needs: Sequence[Any],
) -> list[Hop]:
    """The thread of the page: what happened, the present hop, and the phases still to come."""
    scheme = collaboration.scheme
    hops = [
        Hop(
            kind="need",
            state="done",
            title=need.title,
            date=need.voiced_at,
            actor=_("A citizen"),
            text=_("Supported by %(count)s people.") % {"count": need.support_count}
            if need.support_count
            else "",
            url=reverse("portal:need_detail", args=[need.reference]),
        )
        for need in needs
    ]
    challenge = collaboration.challenge
    if challenge and challenge.opened_at:
        hops.append(
            Hop(
                kind="challenge",
                state="done",
                title=str(challenge),
                date=challenge.opened_at,
                actor=collaboration.agency.name if collaboration.agency else "",
                url=reverse("portal:challenge_detail", args=[challenge.reference]),
            )
        )
    if collaboration.predecessor:
        hops.append(
            Hop(
                kind="application",
                kind_label=_("Before this"),
                state="done",
                title=str(collaboration.predecessor),
                date=collaboration.predecessor.ended_at,
                text=_("Its evidence comes along."),
                url=reverse("portal:collaboration", args=[collaboration.predecessor.reference]),
            )
        )
    for entry in entries:
        facts = entry.facts
        if entry.verb == "record.documented":
            hops.append(
                Hop(
                    kind=str(facts.get("phase", "pilot")),
                    state="stopped" if facts.get("tone") == "stop" else "done",
                    title=sentence_of(entry),
                    date=day_of(entry),
                    when=when_of(entry),
                    actor=f"{_('Source')}: {facts.get('source', '')}",
                    url=str(facts.get("source_url", "")),
                    word=_("stopped") if facts.get("tone") == "stop" else _("documented"),
                )
            )
        elif entry.verb == "collaboration.moved":
            move = scheme.move(facts["move"])
            target = scheme.stage(facts["to"])
            if move.tone == "back" and not target.public:
                continue
            hops.append(
                Hop(
                    kind=_phase(scheme.stage(facts["from"]).phase, target.phase, target.is_end),
                    state="stopped" if move.tone == "stop" else "done",
                    title=capfirst(said(entry)),
                    date=day_of(entry),
                    actor=actor_of(entry, organisations),
                    text=str(facts.get("reason", "")),
                )
            )
        elif entry.verb in PHASE_OF:
            bad = entry.verb in ("pilot.incident_reported", "agreement.declined")
            hops.append(
                Hop(
                    kind=PHASE_OF[entry.verb],
                    state="stopped" if bad else "done",
                    title=capfirst(said(entry)),
                    date=day_of(entry),
                    actor=actor_of(entry, organisations),
                    text=detail_of(entry),
                )
            )
    stage = standing.stage
    if stage.is_end or collaboration.documented:
        return hops
    turn = standing.turn_of.name if standing.turn_of else str(standing.turn)
    hops.append(
        Hop(
            kind=stage.phase,
            state="stopped" if stage.kind == "paused" else "now",
            title=str(stage.name),
            turn=turn,
            since=standing.since,
            due=standing.due_on,
            text=str(stage.asks or ""),
        )
    )
    hops.extend(
        Hop(kind=phase, state="next", title=HOPS[phase]) for phase in ORDER[ORDER.index(stage.phase) + 1 :]
    )
    return hops


def _phase(source: str, target: str, ends: bool) -> str:
    """A move is told under the phase it settles."""
    return target if ends else source


def strip_of(collaboration: Collaboration) -> list[Bead]:
    """The one-line thread of a list row."""
    stage = collaboration.scheme.stage(collaboration.stage)
    good = stage.outcome in ("repeated", "handed_over", "adopted", "offered")
    return beads(
        stage.phase,
        stopped=stage.kind == "paused" or (stage.is_end and not good),
        finished=stage.is_end and good,
        done=[phase for phase in ORDER if phase not in _absent(collaboration)],
    )


def _absent(collaboration: Collaboration) -> set[str]:
    if collaboration.challenge_id is None:
        return {"need", "challenge"}
    return set()
