"""Reads: the list of needs, one need's record, what may be done, what is close to a text being written."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Case, Count, Exists, IntegerField, OuterRef, Q, QuerySet, Subquery, Value, When
from django.utils import timezone

from balai.core.models import Entry, Follow
from balai.core.rules import Verdict
from balai.core.schedule import working_days_between
from balai.methods.similarity import Text, similar
from balai.needs import rules
from balai.needs.models import Answer, Confirmation, Need, NeedState, Support
from balai.people.models import City, Organisation, User
from balai.people.rules import Reader, is_person

COMPARED = 600
"""How many of a city's newest open needs a new text is compared with."""


def listed(
    user: Reader,
    *,
    city: str,
    dimension: str = "",
    states: Sequence[str] = (),
    area: str = "",
    agency: str = "",
    mine: str = "",
    words: str = "",
) -> QuerySet[Need]:
    """Needs the person may see, as a list row shows them; newest first.

    ``mine`` is ``voiced``, ``supported``, ``followed`` or ``desk`` (those the person should answer).
    """
    rows = (
        Need.objects.visible_to(user)
        .filter(city=city)
        .select_related("area", "agency", "merged_into")
        .defer("photo")
    )
    if dimension:
        rows = rows.filter(dimension=dimension)
    if states:
        rows = rows.filter(state__in=states)
    elif mine != "voiced":
        rows = rows.exclude(state__in=[NeedState.MERGED, NeedState.HIDDEN])
    if area:
        rows = rows.filter(area__code=area)
    if agency:
        rows = rows.filter(agency__slug=agency)
    if words:
        for word in words.split()[:8]:
            rows = rows.filter(Q(title__icontains=word) | Q(text__icontains=word) | Q(place__icontains=word))
    if mine and not is_person(user):
        return rows.none()
    if mine and is_person(user):
        if mine == "voiced":
            rows = rows.filter(author=user)
        elif mine == "supported":
            rows = rows.filter(supports__user=user)
        elif mine == "followed":
            rows = rows.filter(pk__in=followed_by(user))
        elif mine == "desk":
            rows = rows.filter(pk__in=awaiting_answer(user).values("pk"))
    return rows


def followed_by(user: User) -> list[str]:
    """Keys of the needs a person follows."""
    threads = Follow.objects.filter(user=user, thread__startswith="need:").values_list("thread", flat=True)
    return [thread.partition(":")[2] for thread in threads]


def awaiting_answer(user: Reader) -> QuerySet[Need]:
    """Needs that this person's seat should answer or assign, the one due first on top."""
    rows = Need.objects.filter(state=NeedState.VOICED).select_related("area", "agency")
    if not is_person(user):
        return rows.none()
    own = {
        hat.organisation_id
        for hat in user.hats
        if hat.role in rules.DESK and hat.organisation.kind == "agency"
    }
    cities = {
        hat.organisation.city_id
        for hat in user.hats
        if hat.role in rules.COORDINATION and hat.organisation.kind == "agency"
    }
    return rows.filter(Q(agency__in=own) | Q(agency=None, city__in=cities)).order_by(
        "answer_due", "voiced_at"
    )


@dataclass(frozen=True, slots=True)
class Clock:
    """Where the answer clock of a need stands, in working days."""

    due: dt.date
    left: int
    late: int
    running: bool
    kept: bool | None

    @property
    def overdue(self) -> bool:
        return self.running and self.late > 0


def clock_of(need: Need) -> Clock:
    """Days left or late while it runs; whether it was kept once the need was answered."""
    today = timezone.localdate()
    running = need.state == NeedState.VOICED
    kept = timezone.localdate(need.answered_at) <= need.answer_due if need.answered_at else None
    between = working_days_between(today, need.answer_due)
    return Clock(need.answer_due, max(between, 0), max(-between, 0), running, kept)


def with_everything(user: Reader) -> QuerySet[Need]:
    """One need as its page shows it, with what the reader did with it.

    ``yes`` and ``noes`` count who said it is solved and who that it is not.
    """
    rows = (
        Need.objects.visible_to(user)
        .select_related("city__need_terms", "area", "agency", "merged_into", "author", "photo")
        .annotate(
            yes=Count("confirmations", Q(confirmations__solved=True), distinct=True),
            noes=Count("confirmations", Q(confirmations__solved=False), distinct=True),
        )
    )
    if not is_person(user):
        return rows
    return rows.annotate(
        supported=Exists(Support.objects.filter(need=OuterRef("pk"), user=user)),
        word=Case(
            When(Exists(Confirmation.objects.filter(need=OuterRef("pk"), user=user, solved=True)), Value(1)),
            When(Exists(Confirmation.objects.filter(need=OuterRef("pk"), user=user, solved=False)), Value(0)),
            default=Value(None),
            output_field=IntegerField(null=True),
        ),
    )


def answers_to(need: Need) -> list[Answer]:
    """What agencies said, oldest first."""
    return list(need.answers.select_related("agency"))


def who_acted(entries: Iterable[Entry]) -> dict[UUID, Organisation]:
    """The organisations that acted in entries of `timeline`, by key; of each only the name is known."""
    return {
        entry.organisation: Organisation(pk=entry.organisation, name=entry.organisation_name or "")  # type: ignore[attr-defined]
        for entry in entries
        if entry.organisation
    }


def timeline(threads: Iterable[str]) -> list[Entry]:
    """What happened in public on these threads, oldest first, with the name of who acted."""
    name = Organisation.objects.filter(pk=OuterRef("organisation")).values("name")
    rows = Entry.objects.filter(thread__in=list(threads), public=True)
    rows = rows.annotate(organisation_name=Subquery(name))
    return sorted(
        rows, key=lambda entry: (str(entry.facts.get("on") or timezone.localdate(entry.at)), entry.seq)
    )


def possible_agencies(city: City | str) -> QuerySet[Organisation]:
    """Agencies of the city a need can be assigned to."""
    code = city if isinstance(city, str) else city.pk
    return Organisation.objects.filter(kind="agency", city=code, active=True).order_by("name")


def merge_targets(need: Need, limit: int = 8) -> list["Similar"]:
    """Open needs of the same city that say nearly the same."""
    return similar_needs(
        city=need.city_id,
        title=need.title,
        text=need.text,
        latitude=need.latitude,
        longitude=need.longitude,
        exclude=need,
        limit=limit,
    )


@dataclass(frozen=True, slots=True)
class Similar:
    """An open need close to a text; ``score`` from 0 to 1, ``km`` where both places are known."""

    need: Need
    score: float
    km: float | None


def similar_needs(
    *,
    city: str,
    title: str,
    text: str,
    latitude: float | None = None,
    longitude: float | None = None,
    exclude: Need | None = None,
    limit: int = 5,
    threshold: float = 0.3,
) -> list[Similar]:
    """Open needs of the city that say nearly the same, the closest first; one query.

    Compared by shared word stems, shared spelling and nearness (see `methods.similarity`).
    """
    rows = (
        Need.objects.filter(city=city, state__in=rules.OPEN)
        .select_related("area", "agency")
        .order_by("-voiced_at")
    )
    if exclude is not None:
        rows = rows.exclude(pk=exclude.pk)
    candidates = {str(need.pk): need for need in rows[:COMPARED]}
    matches = similar(
        Text("", f"{title} {text}", latitude, longitude),
        [
            Text(key, f"{need.title} {need.text}", need.latitude, need.longitude)
            for key, need in candidates.items()
        ],
        threshold=threshold,
    )
    return [
        Similar(candidates[hit.key], hit.score, None if hit.metres is None else hit.metres / 1000)
        for hit in matches[:limit]
    ]


def doings(user: Reader, need: Need) -> dict[str, Verdict]:
    """Everything that can be done with a need and whether this reader may; refusals say why."""
    return {
        "support": rules.may_support(user, need),
        "follow": rules.may_follow(user, need),
        "answer": rules.may_answer(user, need),
        "decline": rules.may_decline(user, need),
        "merge": rules.may_merge(user, need),
        "complaint": rules.may_link_complaint(user, need),
        "assign": rules.may_assign(user, need),
        "hide": rules.may_hide(user, need),
        "show": rules.may_show(user, need),
        "confirm": rules.may_confirm(user, need),
    }


def public_rows(city: str) -> QuerySet[Need]:
    """What the open-data export of needs holds; no author, no hidden need."""
    return (
        Need.objects.filter(city=city)
        .exclude(state=NeedState.HIDDEN)
        .select_related("area", "agency", "merged_into")
        .order_by("voiced_at", "pk")
    )
