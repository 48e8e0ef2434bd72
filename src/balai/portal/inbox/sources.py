"""What waits for a person, source by source. Each costs at most two queries, and none where the person
wears no hat it asks for.

    @source
    def needs_to_answer(user: User) -> Iterable[InboxItem]: ...
"""

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import CharField, Count, Exists, F, OuterRef, Q, QuerySet, Value
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django_tasks_db.models import DBTaskResult

from balai.agreements.models import Termination, TerminationState
from balai.agreements.overrun import overrun
from balai.agreements.queries import awaiting_signature
from balai.applications.models import Review
from balai.challenges.models import Challenge, ChallengeState
from balai.challenges.rules import WRITERS
from balai.challenges.threads import url_of as challenge_path
from balai.collaborations.models import Collaboration
from balai.collaborations.queries import awaiting
from balai.collaborations.registry import SEATS
from balai.collaborations.schemes import Label
from balai.core.schedule import day_of
from balai.needs.models import Need, NeedState
from balai.needs.rules import COORDINATION, DESK
from balai.needs.threads import url_of as need_path
from balai.people.models import OrganisationKind, Role, User
from balai.people.queries import invitations_for
from balai.pilots.models import Effect, Milestone, MonitoringForm, MonitoringReport, Obligation, Pilot
from balai.portal.context import prefix
from balai.portal.templatetags.balai import period as in_words

type Text = str | Promise | Label

MOST = 50
"""Rows one source shows; what is due first comes first."""

RUNNING = ("running", "suspended", "evaluation")
"""Stages in which a pilot owes reports."""

SOON = dt.timedelta(days=14)
"""How far ahead milestones and obligations show up."""


@dataclass(frozen=True, slots=True)
class InboxItem:
    """One thing to do: ``title`` what it is about, ``why`` what is asked, ``kind`` an icon's name."""

    title: Text
    why: Text
    kind: str
    url: str
    since: dt.datetime | None = None
    due_on: dt.date | None = None
    label: Text = ""

    def is_overdue(self, today: dt.date) -> bool:
        return self.due_on is not None and self.due_on < today


type Source = Callable[[User], Iterable[InboxItem]]

SOURCES: list[Source] = []


def source[S: Source](function: S) -> S:
    """Let the inbox ask this function."""
    if function not in SOURCES:
        SOURCES.append(function)
    return function


def waiting_for(user: User) -> list[InboxItem]:
    """Everything that waits for the person: by due day, then by how long it has waited."""
    far, late = dt.date.max, timezone.now()
    items = [item for ask in SOURCES for item in ask(user)]
    return sorted(items, key=lambda item: (item.due_on or far, item.since or late))


def organisations_with(user: User, *roles: str, kind: str = "") -> set[Any]:
    """Organisations in which the person wears one of the roles."""
    return {h.organisation_id for h in user.hats if h.role in roles and kind in ("", h.organisation.kind)}


def cities_with(user: User, *roles: str) -> set[str]:
    """Cities for whose agencies the person wears one of the roles."""
    return {
        h.organisation.city_id
        for h in user.hats
        if h.role in roles and h.organisation.kind == OrganisationKind.AGENCY and h.organisation.city_id
    }


def page_of(path: str) -> str:
    """A thread's path in the active language."""
    return prefix() + path.removeprefix("/")


@source
def turns(user: User) -> Iterable[InboxItem]:
    """Collaborations whose present stage waits for one of the person's hats."""
    judged = Review.objects.filter(
        Q(conflict=True) | Q(submitted_at__isnull=False, revision=F("application__revision")),
        application__collaboration=OuterRef("pk"),
        reviewer=user,
    )
    counted = Count(
        "application__reviews",
        filter=Q(
            application__reviews__conflict=False,
            application__reviews__submitted_at__isnull=False,
            application__reviews__revision=F("application__revision"),
        ),
    )
    for row in awaiting(user).annotate(judged=Exists(judged), counted=counted)[:MOST]:
        stage = row.scheme.stage(row.stage)
        if stage.turn == "tkksd" and row.judged and row.counted < row.scheme.limits.get("reviews", 1):
            continue
        yield InboxItem(
            title=str(row),
            why=stage.asks or stage.name,
            kind=stage.phase or "turn",
            url=reverse(
                "portal:agreement_of" if stage.turn == "city_signatory" else "portal:collaboration",
                args=[row.reference],
            ),
            since=row.stage_since,
            due_on=row.due_on,
            label=stage.name,
        )


@source
def agreements_to_sign(user: User) -> Iterable[InboxItem]:
    """Agreements open for signing where the person's own signature is missing.

    For the city's signatory the collaboration's turn says so already, and leads there; not for an addendum.
    """
    if not organisations_with(user, *SEATS["city_signatory"], *SEATS["partner_signatory"]):
        return
    cities = cities_with(user, Role.SIGNATORY)
    told = {"collaboration__isnull": False, "collaboration__city__in": cities, "amends": None}
    for agreement in awaiting_signature(user).exclude(**told)[:MOST]:
        yield InboxItem(
            title=str(agreement),
            why=_("Read it and sign, or decline."),
            kind="agreement",
            url=reverse("portal:agreement", args=[agreement.pk]),
            label=gettext_lazy("Agreement"),
        )


@source
def endings_to_answer(user: User) -> Iterable[InboxItem]:
    """Agreements the other party wants to end, until the person's own side has answered."""
    own = {hat.organisation_id for hat in user.hats}
    if not own:
        return
    rows = Termination.objects.filter(
        state=TerminationState.PROPOSED, agreement__parties__organisation__in=own
    ).exclude(consents__party__organisation__in=own)
    for row in rows.select_related("agreement").order_by("effective_on", "pk").distinct()[:MOST]:
        yield InboxItem(
            title=str(row.agreement),
            why=_("The other party proposes to end it. Agree or refuse."),
            kind="exit",
            url=reverse("portal:agreement_end", args=[row.agreement_id]),
            since=row.at,
            due_on=row.effective_on,
            label=gettext_lazy("Agreement"),
        )


@source
def agreements_over(user: User) -> Iterable[InboxItem]:
    """What runs on although its agreement is over, for those who can stop it."""
    agencies = organisations_with(user, *SEATS["agency"], kind=OrganisationKind.AGENCY)
    cities = cities_with(user, Role.BUREAU, Role.SIGNATORY)
    if not agencies and not cities:
        return
    mine = Collaboration.objects.filter(Q(agency__in=agencies) | Q(city__in=cities))
    for row in overrun(mine).order_by("over_since", "pk")[:MOST]:
        yield InboxItem(
            title=str(row),
            why=_("Its agreement is over. Suspend it, or end it and evaluate."),
            kind="stop",
            url=reverse("portal:collaboration", args=[row.reference]),
            due_on=row.over_since,
            label=gettext_lazy("No agreement in force"),
        )


@source
def needs_to_answer(user: User) -> Iterable[InboxItem]:
    """Needs without an answer: of the person's agency, and for coordinators those nobody has."""
    agencies = organisations_with(user, *DESK, kind=OrganisationKind.AGENCY)
    cities = cities_with(user, *COORDINATION)
    if not agencies and not cities:
        return
    mine = Q(agency__in=agencies) | Q(agency=None, city__in=cities)
    rows = Need.objects.filter(mine, state=NeedState.VOICED).order_by("answer_due", "voiced_at")
    for need in rows[:MOST]:
        yield InboxItem(
            title=need.title,
            why=_("Answer it in public.") if need.agency_id else _("Assign an agency, or answer it."),
            kind="need",
            url=page_of(need_path(need)),
            since=need.voiced_at,
            due_on=need.answer_due,
            label=gettext_lazy("Need"),
        )


@source
def challenges_to_finish(user: User) -> Iterable[InboxItem]:
    """Drafts of the person's agency, and open challenges with questions nobody answered."""
    agencies = organisations_with(user, *WRITERS, kind=OrganisationKind.AGENCY)
    if not agencies:
        return
    rows = (
        Challenge.objects.filter(agency__in=agencies)
        .annotate(unanswered=Count("questions", filter=Q(questions__answered_at=None)))
        .filter(Q(state=ChallengeState.DRAFT) | ~Q(state=ChallengeState.ENDED) & Q(unanswered__gt=0))
        .order_by(F("closes_on").asc(nulls_last=True), "created_at")
    )
    for challenge in rows[:MOST]:
        draft = challenge.state == ChallengeState.DRAFT
        asked: int = challenge.unanswered  # type: ignore[attr-defined]
        yield InboxItem(
            title=str(challenge),
            why=_("Complete the brief and open it.")
            if draft
            else ngettext("Answer %(count)d question.", "Answer %(count)d questions.", asked)
            % {"count": asked},
            kind="challenge",
            url=page_of(challenge_path(challenge)),
            since=challenge.created_at if draft else challenge.opened_at,
            due_on=None if draft else challenge.closes_on,
            label=gettext_lazy("Challenge"),
        )


@source
def invitations(user: User) -> Iterable[InboxItem]:
    """Seats offered to an address the person confirmed."""
    for invitation in invitations_for(user)[:MOST]:
        yield InboxItem(
            title=invitation.organisation.name,
            why=_("You are invited as %(role)s.") % {"role": invitation.get_role_display()},
            kind="account",
            url=reverse("portal:people_invitation_mine", args=[invitation.pk]),
            since=invitation.created_at,
            due_on=day_of(invitation.expires_at),
            label=gettext_lazy("Invitation"),
        )


def last_half_year(today: dt.date) -> tuple[str, dt.date, dt.date]:
    """Name, last day and report day of the half-year that ended last.

    Reports are half-yearly, as the ministry's; a month to file them is ours.
    """
    if today.month <= 6:
        return f"{today.year - 1}-S2", dt.date(today.year - 1, 12, 31), dt.date(today.year, 1, 31)
    return f"{today.year}-S1", dt.date(today.year, 6, 30), dt.date(today.year, 7, 31)


@source
def monitoring(user: User) -> Iterable[InboxItem]:
    """Reports of the last half-year that the person's side has not filed."""
    scopes = {
        MonitoringForm.PARTNER: Q(collaboration__partner__in=organisations_with(user, *SEATS["applicant"])),
        MonitoringForm.AGENCY: Q(
            collaboration__agency__in=organisations_with(user, *SEATS["agency"], kind=OrganisationKind.AGENCY)
        ),
        MonitoringForm.BUREAU: Q(collaboration__city__in=cities_with(user, *SEATS["bureau"])),
    }
    held = {h.role for h in user.hats}
    seats = {
        MonitoringForm.PARTNER: SEATS["applicant"],
        MonitoringForm.AGENCY: SEATS["agency"],
        MonitoringForm.BUREAU: SEATS["bureau"],
    }
    mine = [form for form in scopes if held & set(seats[form])]
    if not mine:
        return
    period, ended, due = last_half_year(timezone.localdate())
    rows = Pilot.objects.filter(
        collaboration__stage__in=RUNNING,
        collaboration__ended_at=None,
        collaboration__documented=False,
        starts_on__lte=ended,
    )
    owed = Q(pk__in=[])
    for form in mine:
        filed = MonitoringReport.objects.filter(pilot=OuterRef("pk"), form=form, period=period)
        rows = rows.annotate(**{f"owes_{form}": ~Exists(filed)})
        owed |= scopes[form] & Q(**{f"owes_{form}": True})
    for pilot in rows.filter(owed).select_related("collaboration").order_by("starts_on")[:MOST]:
        yield InboxItem(
            title=str(pilot.collaboration),
            why=_("File the monitoring report for %(period)s.") % {"period": in_words(period)},
            kind="pilot",
            url=reverse("portal:pilot", args=[pilot.collaboration.reference]),
            due_on=due,
            label=gettext_lazy("Monitoring"),
        )


@source
def promises(user: User) -> Iterable[InboxItem]:
    """Milestones and obligations of the person's side that are due soon or late. One query."""
    partners = organisations_with(user, *SEATS["applicant"])
    agencies = organisations_with(user, *SEATS["agency"], kind=OrganisationKind.AGENCY)
    if not partners and not agencies:
        return
    alive: dict[str, Any] = {
        "pilot__collaboration__ended_at": None,
        "pilot__collaboration__documented": False,
        "done_at": None,
        "due_on__lte": timezone.localdate() + SOON,
    }
    of_partner = Q(pilot__collaboration__partner__in=partners)
    of_agency = Q(pilot__collaboration__agency__in=agencies)
    obligations = Obligation.objects.filter(
        (of_partner & Q(side="partner")) | (of_agency & Q(side="city")), **alive
    )
    milestones = Milestone.objects.filter(of_partner, **alive)
    columns = ("said", "what", "due_on", "about", "reference")

    def drawn(rows: QuerySet[Any], text: str, what: str) -> QuerySet[Any, Any]:
        named = rows.order_by().annotate(
            said=F(text),
            what=Value(what, output_field=CharField()),
            about=F("pilot__collaboration__title"),
            reference=F("pilot__collaboration__reference"),
        )
        columned: QuerySet[Any, Any] = named.values_list(*columns)
        return columned

    both = drawn(obligations, "text", "obligation").union(drawn(milestones, "title", "milestone"), all=True)
    rows = both.order_by("due_on")
    for row in rows[: MOST * 2]:
        item = dict(zip(columns, row, strict=True))
        yield InboxItem(
            title=item["said"],
            why=item["about"],
            kind="pilot",
            url=reverse("portal:pilot", args=[item["reference"]]),
            due_on=item["due_on"],
            label=gettext_lazy("Milestone") if item["what"] == "milestone" else gettext_lazy("Obligation"),
        )


@source
def effects_to_verify(user: User) -> Iterable[InboxItem]:
    """Effects somebody else recorded and nobody of the city has verified."""
    cities = cities_with(user, *SEATS["analyst"], *SEATS["bureau"])
    agencies = organisations_with(user, *SEATS["agency"], kind=OrganisationKind.AGENCY)
    if not cities and not agencies:
        return
    pilot = "plan__pilot__collaboration"
    rows = (
        Effect.objects.filter(
            Q(**{f"{pilot}__city__in": cities}) | Q(**{f"{pilot}__agency__in": agencies}),
            **{f"{pilot}__stage": "evaluation", "verified_at": None},
        )
        .exclude(claimed_by=user.pseudonym)
        .exclude(**{f"{pilot}__partner__in": {h.organisation_id for h in user.hats}})
        .select_related(pilot)
        .order_by("claimed_at")
    )
    for effect in rows[:MOST]:
        collaboration = effect.plan.pilot.collaboration
        yield InboxItem(
            title=str(collaboration),
            why=_("Verify the effect that was recorded."),
            kind="effect",
            url=reverse("portal:pilot", args=[collaboration.reference]),
            since=effect.claimed_at,
            label=gettext_lazy("Effect"),
        )


@source
def failed_tasks(user: User) -> Iterable[InboxItem]:
    """For the operator: background tasks that failed in the last week."""
    if not user.is_superuser:
        return
    week = timezone.now() - dt.timedelta(days=7)
    rows = (
        DBTaskResult.objects.filter(status="FAILED", finished_at__gte=week)
        .values("task_path")
        .annotate(times=Count("pk"))
        .order_by("task_path")
    )
    for row in rows[:MOST]:
        times = row["times"]
        yield InboxItem(
            title=row["task_path"],
            why=ngettext("This task failed %(count)d time.", "This task failed %(count)d times.", times)
            % {"count": times},
            kind="alert",
            url=reverse("healthz"),
            label=gettext_lazy("Operation"),
        )
