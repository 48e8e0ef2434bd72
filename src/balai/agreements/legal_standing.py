"""Reads: where a collaboration or memorandum stands on its legal path, since when, on whose desk, how late.

What the hub's own records tell (an offer that came with the application, signatures, a discussion agreed) is
read from them; only what people settle by hand is stored. So nothing is entered twice and nothing can differ.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from django.db.models import Count, Max, Prefetch, Q
from django.utils import timezone

from balai.agreements.legal_path import SHIPPED, LegalPath, Source, Step, parse_cached, shipped
from balai.agreements.models import (
    LIVE,
    Agreement,
    AgreementKind,
    AgreementState,
    AgreementVersion,
    CouncilAnswer,
    CouncilApproval,
    Discussion,
    DiscussionMember,
    DiscussionPause,
    LegalCase,
    LegalPaper,
    LegalPathVersion,
    Opinion,
    StepRecord,
)
from balai.agreements.stops import Subject
from balai.applications.models import Decision
from balai.collaborations.models import Collaboration
from balai.collaborations.registry import ROLES
from balai.core.errors import Text
from balai.core.models import Entry
from balai.core.schedule import add_working_days, day_of, working_days_between
from balai.people.models import Organisation

OPEN, DONE, WAIVED, NOT_APPLICABLE = "open", "done", "waived", "not_applicable"
COMING, MISSING, LEFT = "coming", "missing", "left"
SETTLED = (DONE, WAIVED, NOT_APPLICABLE)
STARTED = ("running", "suspended", "evaluation")


@dataclass(frozen=True, slots=True)
class Clock:
    """Working days of something that waits. ``left`` is negative once it is over; None without a limit."""

    days: int
    limit: int
    due_on: dt.date | None
    rests_since: dt.date | None = None

    @property
    def left(self) -> int | None:
        return self.limit - self.days if self.limit else None

    @property
    def over(self) -> int:
        return max(0, -(self.left or 0))


@dataclass(frozen=True, slots=True)
class StepStanding:
    """One step as it stands. ``state`` is one of the words above; ``on`` the day it was settled."""

    step: Step
    state: str
    since: dt.date | None = None
    on: dt.date | None = None
    clock: Clock | None = None
    desk: str = ""
    desk_of: Organisation | None = None
    record: StepRecord | None = None
    rule: Source | None = None
    papers: tuple[LegalPaper, ...] = ()

    @property
    def desk_label(self) -> Text:
        return ROLES.get(self.desk, "")


@dataclass(frozen=True, slots=True)
class PathStanding:
    """The whole path of one subject."""

    subject: Subject
    path: LegalPath
    case: LegalCase | None
    steps: tuple[StepStanding, ...]
    answer: CouncilAnswer | None = None
    approval: CouncilApproval | None = None
    discussion: Discussion | None = None
    facts: dict[str, dt.date] = field(default_factory=dict)

    def step(self, key: str) -> StepStanding:
        """The standing of one step. Raises KeyError where it is not on this path."""
        return {row.step.key: row for row in self.steps}[key]

    @property
    def settled(self) -> int:
        return sum(row.state in SETTLED for row in self.steps)

    @property
    def open(self) -> tuple[StepStanding, ...]:
        """What waits now, the latest first."""
        rows = [row for row in self.steps if row.state == OPEN]
        far = 10**6
        return tuple(
            sorted(rows, key=lambda r: r.clock.left if r.clock and r.clock.left is not None else far)
        )


def current_path() -> LegalPath:
    """The path a new case takes; one query."""
    version = LegalPathVersion.objects.filter(key=SHIPPED, current=True).defer("source").first()
    return version.path if version else parse_cached(shipped())


def case_of(subject: Subject) -> LegalCase | None:
    """What is recorded for the subject, whole, in a fixed number of queries; None where nothing is."""
    opinions = Opinion.objects.select_related("member__user")
    discussions = Discussion.objects.prefetch_related(
        Prefetch("members", DiscussionMember.objects.select_related("user")),
        Prefetch("opinions", opinions),
        Prefetch("pauses", DiscussionPause.objects.select_related("document")),
    )
    rows = LegalCase.objects.select_related("path_version").defer("path_version__source")
    rows = rows.prefetch_related(
        Prefetch("records", StepRecord.objects.filter(withdrawn_at=None)),
        Prefetch("papers", LegalPaper.objects.select_related("document")),
        "answers",
        Prefetch("approvals", CouncilApproval.objects.filter(withdrawn_at=None).select_related("document")),
        Prefetch("discussions", discussions),
    )
    key = "collaboration" if isinstance(subject, Collaboration) else "agreement"
    return rows.filter(**{key: subject}).first()


def kind_of(subject: Subject) -> str:
    """The kind of document the path leads to."""
    return AgreementKind.PKS if isinstance(subject, Collaboration) else subject.kind


def scheme_of(subject: Subject) -> str:
    return subject.scheme_version.key if isinstance(subject, Collaboration) else ""


def standing_of(subject: Subject, *, today: dt.date | None = None) -> PathStanding:
    """Where the subject stands on its path."""
    case = case_of(subject)
    path = case.path_version.path if case else current_path()
    facts = facts_of(subject, case)
    return described(subject, path, case, facts, today or timezone.localdate())


def described(
    subject: Subject, path: LegalPath, case: LegalCase | None, facts: dict[str, dt.date], today: dt.date
) -> PathStanding:
    """The standing from what was read; no query."""
    records = {r.step: r for r in case.records.all()} if case else {}
    papers: dict[str, list[LegalPaper]] = {}
    for paper in case.papers.all() if case else ():
        papers.setdefault(paper.step, []).append(paper)
    discussions = list(case.discussions.all()) if case else []
    discussion = discussions[0] if discussions else None
    applying = [step for step in path.steps if step.applies(scheme_of(subject), kind_of(subject))]
    keys = {step.key for step in applying}
    over = isinstance(subject, Collaboration) and subject.ended_at is not None
    after_signing = _downstream(applying, {"signing"})
    settled: dict[str, dt.date | None] = {}
    found: dict[str, StepStanding] = {}
    for step in _in_order(applying):
        record = records.get(step.key)
        told = facts.get(step.fact) if step.fact else None
        waits_for = [name for name in step.after if name in keys or name in facts or "." in name]
        ready = all(name in settled or name in facts for name in waits_for)
        since = _since(subject, [facts.get(n) or settled.get(n) for n in waits_for])
        if told or record:
            on = told or (day_of(record.at) if record else None)
            state = DONE if told or record is None else str(record.state)
            rule = path.source(record.rule) if record and record.rule and not told else None
            settled[step.key] = on
            row = StepStanding(step, state, on=on, rule=rule)
        elif "agreement.signed" in facts and step.key not in after_signing:
            row = StepStanding(step, MISSING)
        elif over:
            row = StepStanding(step, LEFT)
        elif not ready:
            row = StepStanding(step, COMING)
        else:
            row = _waiting(subject, step, since, discussion, today)
        found[step.key] = replace(row, record=record, papers=tuple(papers.get(step.key, ())))
    answers = list(case.answers.all()) if case else []
    approvals = list(case.approvals.all()) if case else []
    return PathStanding(
        subject=subject,
        path=path,
        case=case,
        steps=tuple(found[step.key] for step in applying),
        answer=answers[0] if answers else None,
        approval=approvals[0] if approvals else None,
        discussion=discussion,
        facts=facts,
    )


def _waiting(
    subject: Subject,
    step: Step,
    since: dt.date,
    discussion: Discussion | None,
    today: dt.date,
) -> StepStanding:
    """A step that waits now: on whose desk, and how its clock stands."""
    desk, clock = (
        step.who,
        Clock(
            working_days_between(since, max(since, today)),
            step.clock,
            add_working_days(since, step.clock) if step.clock else None,
        ),
    )
    if step.fact == "discussion.agreed":
        desk = "bureau"
        if discussion is not None and discussion.closed_at is None:
            clock = clock_of(discussion, today)
            since = day_of(discussion.requested_at)
            desk = "applicant" if clock.rests_since else step.who
        elif discussion is not None and discussion.closed_at is not None:
            since = day_of(discussion.closed_at)
            days = working_days_between(since, max(since, today))
            clock = Clock(days, step.clock, add_working_days(since, step.clock))
    return StepStanding(step, OPEN, since=since, clock=clock, desk=desk, desk_of=desk_of(subject, desk))


def clock_of(discussion: Discussion, today: dt.date) -> Clock:
    """The discussion's clock: working days since it was asked for, less those it rested."""
    began = day_of(discussion.requested_at)
    end = min(today, day_of(discussion.closed_at)) if discussion.closed_at else today
    end = max(began, end)
    pauses = [(day_of(p.since), day_of(p.until) if p.until else None) for p in discussion.pauses.all()]
    rested = sum(working_days_between(min(a, end), min(b or end, end)) for a, b in pauses)
    rests_since = next((since for since, until in pauses if until is None), None)
    days = working_days_between(began, end) - rested
    return Clock(days, discussion.clock, _due_on(began, discussion.clock, pauses), rests_since)


def _due_on(began: dt.date, limit: int, pauses: list[tuple[dt.date, dt.date | None]]) -> dt.date | None:
    """The day the clock reaches its limit; None while it rests before that."""
    left = limit
    for since, until in pauses:
        worked = working_days_between(began, since)
        if worked >= left:
            break
        if until is None:
            return None
        left, began = left - worked, until
    return add_working_days(began, left)


def desk_of(subject: Subject, role: str) -> Organisation | None:
    """The organisation behind a desk where the record names one."""
    if isinstance(subject, Collaboration):
        return {"applicant": subject.partner, "agency": subject.agency}.get(role)
    return None


def _since(subject: Subject, days: Iterable[dt.date | None]) -> dt.date:
    begun = subject.submitted_at if isinstance(subject, Collaboration) else subject.created_at
    start = day_of(begun) if begun else timezone.localdate()
    return max([start, *filter(None, days)])


def _in_order(steps: list[Step]) -> list[Step]:
    """The steps so that each comes after those it waits for; else as the file has them."""
    keys = {step.key for step in steps}
    placed: list[Step] = []
    rest = list(steps)
    while rest:
        done = {step.key for step in placed}
        ready = next(s for s in rest if all(n in done or n not in keys for n in s.after))
        placed.append(ready)
        rest.remove(ready)
    return placed


def _downstream(steps: list[Step], start: set[str]) -> set[str]:
    """Steps that come after ``start``, themselves included, and what only begins with the pilot."""
    found = start | {"pilot.started"}
    while more := {s.key for s in steps if s.key not in found and found & set(s.after)}:
        found |= more
    return found


def facts_of(subject: Subject, case: LegalCase | None) -> dict[str, dt.date]:
    """The days on which the hub's own records say something happened; at most five queries."""
    found: dict[str, dt.date | dt.datetime | None] = {}
    if isinstance(subject, Collaboration):
        found["application.offered"] = subject.submitted_at
        decision = Decision.objects.filter(application__collaboration=subject).first()
        found["application.accepted"] = decision.at if decision and decision.accepted else None
        found["agreement.memorandum"] = _memorandum(subject)
        found["pilot.started"] = _started(subject)
    else:
        found["application.accepted"] = subject.created_at
    found |= _of_text(subject)
    found |= _of_case(case)
    return {name: day_of(value) for name, value in found.items() if value is not None}


def _of_case(case: LegalCase | None) -> dict[str, dt.date | dt.datetime | None]:
    if case is None:
        return {}
    agreed = next((d.closed_at for d in case.discussions.all() if d.agreed), None)
    answer = next(iter(case.answers.all()), None)
    approval = next(iter(case.approvals.all()), None)
    settled = None
    if answer and approval:
        settled = max(answer.at, approval.at)
    elif answer and not answer.needs_council:
        settled = answer.at
    return {"discussion.agreed": agreed, "council.settled": settled}


def _of_text(subject: Subject) -> dict[str, dt.date | dt.datetime | None]:
    """What the newest text tells: approved by all, numbered by all, signed by all."""
    if isinstance(subject, Collaboration):
        mine = Q(agreement__collaboration=subject, agreement__kind=AgreementKind.PKS)
    else:
        mine = Q(agreement=subject)
    states = (*LIVE, AgreementState.ENDED)
    latest = (
        AgreementVersion.objects.filter(mine, agreement__documented=False, agreement__state__in=states)
        .annotate(
            parties=Count("agreement__parties", distinct=True),
            numbered=Count("agreement__parties", filter=~Q(agreement__parties__number=""), distinct=True),
            approved=Count("approvals", distinct=True),
            approved_at=Max("approvals__at"),
            signed=Count("agreement__signatures", distinct=True),
            signed_at=Max("agreement__signatures__at"),
        )
        .order_by("agreement__created_at", "number")
        .values("parties", "numbered", "approved", "approved_at", "signed", "signed_at", "at")
        .last()
    )
    if latest is None:
        return {}
    whole = latest["parties"]
    return {
        "agreement.approved": latest["approved_at"] if latest["approved"] == whole else None,
        "agreement.numbered": latest["at"] if latest["numbered"] == whole else None,
        "agreement.signed": latest["signed_at"] if latest["signed"] == whole else None,
    }


def _memorandum(collaboration: Collaboration) -> dt.datetime | None:
    """When the newest memorandum in force between the city and the partner was sealed."""
    today = timezone.localdate()
    rows = Agreement.objects.filter(
        Q(ends_on=None) | Q(ends_on__gte=today),
        kind=AgreementKind.MOU,
        state=AgreementState.SEALED,
        city=collaboration.city_id,
        parties__organisation=collaboration.partner_id,
        sealed_at__isnull=False,
    )
    return rows.order_by("sealed_at").values_list("sealed_at", flat=True).last()


def _started(collaboration: Collaboration) -> dt.datetime | None:
    """When it first ran; a query only once it may have."""
    if collaboration.stage not in STARTED and collaboration.ended_at is None:
        return None
    entries = Entry.objects.filter(thread=collaboration.thread, verb="collaboration.moved").order_by("seq")
    moved = next((e.at for e in entries if e.facts.get("to") == "running"), None)
    return moved or (collaboration.stage_since if collaboration.stage == "running" else None)


def open_discussion(collaboration: Collaboration) -> Discussion | None:
    """The discussion under way, with its pauses: one query, two where there is one."""
    rows = Discussion.objects.filter(case__collaboration=collaboration, closed_at=None)
    return rows.prefetch_related("pauses").first()
