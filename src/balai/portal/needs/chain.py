"""What became of a need: its strip in lists and its whole thread, down to the exit of each collaboration."""

from collections.abc import Sequence

from django.db.models import Prefetch, QuerySet
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from balai.challenges.models import Challenge, ChallengeState
from balai.collaborations.models import Collaboration
from balai.collaborations.queries import standing, with_parties
from balai.core.models import Entry
from balai.needs.models import CloseReason, Need, NeedState
from balai.needs.queries import clock_of
from balai.people.models import Organisation
from balai.portal.collaborations.story import ORDER, actor_of, day_of, strip_of
from balai.portal.components import HOPS, Bead, Hop, State, beads

GOOD = ("repeated", "handed_over", "adopted", "offered")
TONES = {
    NeedState.VOICED: "wait",
    NeedState.ANSWERED: "neutral",
    NeedState.CHALLENGED: "go",
    NeedState.MERGED: "neutral",
    NeedState.DECLINED: "stop",
    NeedState.SOLVED: "done",
    NeedState.HIDDEN: "stop",
}


def public_collaborations() -> QuerySet[Collaboration]:
    rows = with_parties(Collaboration.objects.filter(public_since__isnull=False)).order_by("created_at")
    return rows.select_related("pilot__evaluation__indicator", "pilot__evaluation__effect")


def with_chain(rows: QuerySet[Need]) -> QuerySet[Need]:
    """Needs with ``calls`` (opened challenges), each with its public ``partners``; two more queries."""
    calls = (
        Challenge.objects.exclude(state=ChallengeState.DRAFT)
        .select_related("agency")
        .prefetch_related(Prefetch("collaborations", public_collaborations(), to_attr="partners"))
    )
    return rows.prefetch_related(Prefetch("challenges", calls, to_attr="calls"))


def calls_of(need: Need) -> list[Challenge]:
    return list(getattr(need, "calls", ()))


def partners_of(challenge: Challenge) -> list[Collaboration]:
    return list(getattr(challenge, "partners", ()))


def furthest(need: Need) -> Collaboration | None:
    """The collaboration that carried the need furthest, of those everybody may see."""
    found = [partner for call in calls_of(need) for partner in partners_of(call)]
    return max(found, key=lambda c: (ORDER.index(c.scheme.stage(c.stage).phase), c.created_at), default=None)


def strip(need: Need) -> list[Bead]:
    """The one-line thread of a list row; costs no query for a need `with_chain`."""
    if need.state == NeedState.DECLINED:
        return beads("need", stopped=True)
    best = furthest(need)
    if best is not None:
        return strip_of(best)
    if need.state == NeedState.SOLVED:
        return beads("need", finished=True)
    return beads("challenge" if calls_of(need) else "need")


def turn_of(need: Need) -> str:
    """Who has to act on a need nobody has answered yet."""
    if need.state != NeedState.VOICED:
        return ""
    return need.agency.name if need.agency else _("Cooperation bureau")


def hops(need: Need, entries: Sequence[Entry], organisations: dict[object, Organisation]) -> list[Hop]:
    """Dated, attributed hops from the voice of a citizen to the exit of every collaboration."""
    found = [
        Hop(
            kind="need",
            state="done",
            title=_("A citizen voiced it"),
            date=need.voiced_at,
            actor=need.author.name if need.author and need.show_name else _("A citizen"),
        )
    ]
    found += [hop for entry in entries if (hop := _hop(entry, organisations))]
    if need.state == NeedState.VOICED:
        clock = clock_of(need)
        found.append(
            Hop(
                kind="voice",
                kind_label=_("Answer"),
                state="now",
                title=_("Waiting for the city's answer"),
                turn=turn_of(need),
                since=need.voiced_at,
                due=clock.due,
                text=_("The answer is late; whoever has to answer was reminded.") if clock.overdue else "",
            )
        )
    reached = "need"
    for call in calls_of(need):
        reached = "challenge"
        found.append(call_hop(call))
    for call in calls_of(need):
        for partner in partners_of(call):
            hop = collaboration_hop(partner)
            reached = max(reached, hop.kind, key=ORDER.index)
            found.append(hop)
    if need.state in (NeedState.VOICED, NeedState.ANSWERED, NeedState.CHALLENGED):
        found += [
            Hop(kind=phase, state="next", title=HOPS[phase]) for phase in ORDER[ORDER.index(reached) + 1 :]
        ]
    return found


def call_hop(call: Challenge) -> Hop:
    """A challenge as one hop, with its deadline while it is open."""
    is_open = call.state == ChallengeState.OPEN
    return Hop(
        kind="challenge",
        state="now" if is_open else "done",
        title=str(call),
        date=call.opened_at,
        actor=call.agency.name,
        url=reverse("portal:challenge_detail", args=[call.reference]),
        turn=_("companies and communities") if is_open else "",
        due=call.closes_on if is_open else None,
    )


def collaboration_hop(collaboration: Collaboration) -> Hop:
    """A collaboration as one hop, at the phase where it stands; a stop keeps its place."""
    now = standing(collaboration)
    state: State = "now"
    if now.stage.is_end:
        state = "done" if now.stage.outcome in GOOD else "stopped"
    elif now.stage.kind == "paused":
        state = "stopped"
    return Hop(
        kind=now.stage.phase,
        state=state,
        title=str(collaboration),
        date=collaboration.ended_at if now.stage.is_end else collaboration.public_since,
        actor=collaboration.partner.name,
        text=str(now.stage.public_name),
        url=reverse("portal:collaboration", args=[collaboration.reference]),
        turn="" if now.stage.is_end else str(now.turn),
        since=None if now.stage.is_end else now.since,
    )


def _hop(entry: Entry, organisations: dict[object, Organisation]) -> Hop | None:
    """The hop of a need's own entry; None for what is no hop."""
    facts = entry.facts
    titles = {
        "need.answered": _("The city answered"),
        "need.declined": _("The city said no"),
        "need.merged": _("Merged into %(reference)s") % {"reference": facts.get("into", "")},
        "need.joined": _("%(reference)s was merged into this need") % {"reference": facts.get("from", "")},
        "need.solved": _("Confirmed as solved"),
        "need.reopened": _("Not solved after all: reopened"),
        "need.overdue": _("The answer is late"),
    }
    if entry.verb not in titles:
        return None
    text, url = str(facts.get("text", "")), ""
    if entry.verb == "need.declined":
        text = f"{capfirst(str(CloseReason(facts['reason']).label))}. {text}"
    if entry.verb == "need.merged":
        url = reverse("portal:need_detail", args=[facts["into"]])
    if entry.verb == "need.solved":
        text = (
            _("A verified effect met its target.")
            if facts.get("by") == "effect"
            else _("%(yes)s of those behind it say yes, %(no)s say no.")
            % {"yes": facts.get("yes", 0), "no": facts.get("no", 0)}
        )
    return Hop(
        kind="effect" if entry.verb == "need.solved" else "voice",
        kind_label=_("Effect") if entry.verb == "need.solved" else _("Answer"),
        state="stopped" if entry.verb in ("need.declined", "need.overdue", "need.reopened") else "done",
        title=titles[entry.verb],
        date=day_of(entry),
        actor=actor_of(entry, organisations),  # type: ignore[arg-type]
        text=text,
        url=url,
    )
