"""Reads: where a collaboration stands, what may be done now, what happened, what waits for whom."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.utils import timezone

from balai.collaborations import registry
from balai.collaborations.actions import unmet
from balai.collaborations.models import Collaboration, SchemeVersion
from balai.collaborations.rules import hat_for, may_move
from balai.collaborations.schemes import Move, Scheme, Stage
from balai.core.errors import Text
from balai.core.models import Entry
from balai.core.schedule import working_days_between
from balai.people.models import Organisation, User
from balai.people.rules import Reader, is_person


def current_schemes() -> list[Scheme]:
    """The current version of each scheme, in the order of the source document."""
    order = {"playground": 0, "co-develop": 1, "user": 2}
    versions = SchemeVersion.objects.filter(current=True)
    return sorted((v.scheme for v in versions), key=lambda scheme: order.get(scheme.key, 9))


def with_parties(rows: QuerySet[Collaboration]) -> QuerySet[Collaboration]:
    """Everything a list row or a page head shows, in one query."""
    rows = rows.select_related("scheme_version", "partner", "agency", "challenge", "city", "predecessor")
    return rows.defer("scheme_version__source")


@dataclass(frozen=True, slots=True)
class Option:
    """One move as the caller sees it: may they make it now, and if not, why not."""

    move: Move
    yours: bool
    missing: tuple[str, ...]
    form: type[forms.Form] | None

    @property
    def open(self) -> bool:
        return self.yours and not self.missing


def options(user: Reader, collaboration: Collaboration) -> list[Option]:
    """Every move out of the present stage, whoever may make it."""
    scheme = collaboration.scheme
    answers: dict[str, list[str]] = {}
    found = []
    for move in scheme.moves_from(collaboration.stage):
        for name in move.guards:
            if name not in answers:
                answers[name] = unmet(collaboration, (name,))
        keeper = registry.records()[move.record] if move.record else None
        found.append(
            Option(
                move=move,
                yours=bool(may_move(user, collaboration, move)),
                missing=tuple(text for name in move.guards for text in answers[name]),
                form=keeper.form if keeper else None,
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class Standing:
    """Where it stands, whose turn it is, since when, by when, and what comes next."""

    stage: Stage
    turn: Text
    turn_of: Organisation | None
    since: dt.datetime
    working_days: int
    due_on: dt.date | None
    overdue_days: int
    next_stages: tuple[Stage, ...]


def standing(collaboration: Collaboration) -> Standing:
    """Describe the present stage. Costs no query when the parties are loaded."""
    scheme = collaboration.scheme
    stage = scheme.stage(collaboration.stage)
    today = timezone.localdate()
    owner = {
        "applicant": collaboration.partner,
        "partner_signatory": collaboration.partner,
        "agency": collaboration.agency,
    }.get(stage.turn)
    overdue = 0
    if collaboration.due_on and collaboration.due_on < today:
        overdue = working_days_between(collaboration.due_on, today)
    forward = [m.target for m in scheme.moves_from(stage.key) if m.tone == "go"]
    return Standing(
        stage=stage,
        turn=registry.ROLES.get(stage.turn, ""),
        turn_of=owner,
        since=collaboration.stage_since,
        working_days=working_days_between(timezone.localdate(collaboration.stage_since), today),
        due_on=collaboration.due_on,
        overdue_days=overdue,
        next_stages=tuple(scheme.stage(key) for key in dict.fromkeys(forward)),
    )


def threads_of(collaboration: Collaboration, *, needs: Iterable[Any] = ()) -> list[str]:
    """The ledger threads one collaboration page tells: its needs, its challenge, itself."""
    threads = [f"need:{need}" for need in needs]
    if collaboration.challenge_id:
        threads.append(f"challenge:{collaboration.challenge_id}")
    return [*threads, collaboration.thread]


def timeline(threads: Sequence[str], *, inside: bool) -> list[Entry]:
    """What happened on these threads, oldest first; only the public part unless ``inside``.

    Being inside a collaboration opens its own thread alone: what is not public of a need or a challenge
    (why it was hidden, who edited the draft) stays with the city.
    """
    public = Q(public=True)
    if inside:
        public |= Q(thread__startswith="collaboration:")
    rows = Entry.objects.filter(public, thread__in=threads)
    return sorted(
        rows, key=lambda entry: (str(entry.facts.get("on") or timezone.localdate(entry.at)), entry.seq)
    )


def awaiting(user: Reader) -> QuerySet[Collaboration]:
    """Collaborations whose present stage waits for this person, the longest wait first."""
    rows = Collaboration.objects.filter(ended_at=None, documented=False)
    if not is_person(user) or not user.hats:
        return rows.none()
    turns: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for version in SchemeVersion.objects.all():
        for stage in version.scheme.stages:
            if stage.turn:
                turns[stage.turn][version.pk].append(stage.key)
    mine = Q(pk__in=[])
    for role, stages in turns.items():
        scope = _scope(user, role)
        if scope is None:
            continue
        at_stage = Q(pk__in=[])
        for version_pk, keys in stages.items():
            at_stage |= Q(scheme_version=version_pk, stage__in=keys)
        mine |= scope & at_stage
    return with_parties(rows.filter(mine)).order_by("due_on", "stage_since")


def _scope(user: User, role: str) -> Q | None:
    """Which collaborations the person plays ``role`` in, as a condition."""
    hats = [hat for hat in user.hats if hat.role in registry.SEATS[role]]
    own = Q(partner__in={hat.organisation_id for hat in user.hats})
    if role in ("applicant", "partner_signatory"):
        return Q(partner__in={hat.organisation_id for hat in hats}) if hats else None
    hats = [hat for hat in hats if hat.organisation.kind == "agency"]
    if not hats:
        return None
    if role == "agency":
        return Q(agency__in={hat.organisation_id for hat in hats}) & ~own
    return Q(city__in={hat.organisation.city_id for hat in hats}) & ~own


def players(collaboration: Collaboration, role: str) -> list[User]:
    """The people who play ``role`` in this collaboration; for notices and reminders."""
    seats = registry.SEATS[role]
    people = User.objects.filter(
        is_active=True, memberships__ended_at=None, memberships__role__in=seats
    ).distinct()
    if role in ("applicant", "partner_signatory"):
        people = people.filter(memberships__organisation=collaboration.partner_id)
    elif role == "agency":
        people = people.filter(memberships__organisation=collaboration.agency_id)
    else:
        people = people.filter(
            memberships__organisation__city=collaboration.city_id,
            memberships__organisation__kind="agency",
        )
    return [person for person in people if hat_for(person, collaboration, role)]
