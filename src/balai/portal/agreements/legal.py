"""The pages of the legal path: where it stands for everyone, and what each desk does there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from balai.agreements import discussion as talks
from balai.agreements import legal, stops
from balai.agreements.legal_path import Stop
from balai.agreements.legal_standing import (
    SETTLED,
    PathStanding,
    clock_of,
    current_path,
    standing_of,
)
from balai.agreements.models import (
    Agreement,
    AgreementKind,
    Aspect,
    CouncilApproval,
    Discussion,
    DiscussionPause,
    LegalPaper,
    StepRecord,
)
from balai.agreements.queries import agreement_of, with_file
from balai.agreements.stops import Subject
from balai.collaborations.models import Collaboration
from balai.collaborations.rules import may_see_inside
from balai.core import documents
from balai.core.errors import Invalid, Stale
from balai.core.rules import Verdict, no, require
from balai.people.models import User
from balai.people.rules import is_person
from balai.portal.agreements.legal_forms import (
    ApprovalForm,
    AskForm,
    CloseForm,
    CouncilForm,
    DoneForm,
    LeaveOutForm,
    OpinionForm,
    PaperForm,
    ReasonForm,
    RequestForm,
    SupplyForm,
)
from balai.portal.collaborations.views import find
from balai.portal.forms import refuse
from balai.portal.once import once


@dataclass(frozen=True, slots=True)
class Room:
    """Whose path a page is about, and whether the reader is inside."""

    subject: Subject
    key: str
    inside: bool
    home: str

    @property
    def up(self) -> str:
        """The page this path belongs to."""
        if isinstance(self.subject, Collaboration):
            return reverse("portal:collaboration", args=[self.subject.reference])
        return reverse("portal:agreement", args=[self.subject.pk])


@dataclass(frozen=True, slots=True)
class StopLine:
    """A hard stop and, for those inside, whether it stands in the way now."""

    stop: Stop
    verdict: Verdict | None


@require_safe
def rules_page(request: HttpRequest) -> HttpResponse:
    """Which steps does a cooperation take, by which rule, and how sure is that?"""
    return render(request, "agreements/legal_rules.html", {"path": current_path()})


@require_safe
def of_collaboration(request: HttpRequest, reference: str) -> HttpResponse:
    """Where does it stand on its legal path, on whose desk, how many working days are left?"""
    subject = find(request, reference)
    if subject.submitted_at is None or subject.documented:
        raise Http404
    return _path(request, _room(request, subject))


@require_safe
def of_agreement(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The path of a memorandum of its own; that of a PKS is its collaboration's."""
    agreement = get_object_or_404(with_file(Agreement.objects.visible_to(request.user)), pk=pk)
    if agreement.documented:
        raise Http404
    if agreement.collaboration:
        return redirect("portal:legal", reference=agreement.collaboration.reference)
    return _path(request, _room(request, agreement))


def _room(request: HttpRequest, subject: Subject) -> Room:
    if isinstance(subject, Collaboration):
        inside = bool(may_see_inside(request.user, subject))
        home = reverse("portal:legal", args=[subject.reference])
        return Room(subject, subject.reference, inside, home)
    inside = Agreement.objects.inside(request.user).filter(pk=subject.pk).exists()
    return Room(subject, str(subject.pk), inside, reverse("portal:legal_memorandum", args=[subject.pk]))


def _path(request: HttpRequest, room: Room) -> HttpResponse:
    now = standing_of(room.subject)
    return render(
        request,
        "agreements/legal.html",
        {
            "room": room,
            "it": room.subject,
            "now": now,
            "first": next(iter(now.open), None),
            "stops": _stops(room, now),
            "talk": now.discussion,
            "clock": clock_of(now.discussion, timezone.localdate()) if now.discussion else None,
            "pks": now.answer is not None or any(row.step.key == "council" for row in now.steps),
        },
    )


def _stops(room: Room, now: PathStanding) -> list[StopLine]:
    kind = AgreementKind.PKS if isinstance(room.subject, Collaboration) else room.subject.kind
    shown = [s for s in now.path.stops if kind == AgreementKind.PKS or s.key == "agreement.mandate"]
    if not room.inside:
        return [StopLine(stop, None) for stop in shown]
    agreement = agreement_of(room.subject) if isinstance(room.subject, Collaboration) else room.subject
    if agreement is not None and isinstance(room.subject, Collaboration):
        agreement = with_file(Agreement.objects.all()).get(pk=agreement.pk)
    return [StopLine(stop, _verdict(room.subject, agreement, stop)) for stop in shown]


def _verdict(subject: Subject, agreement: Agreement | None, stop: Stop) -> Verdict | None:
    if stop.key == "agreement.council":
        return stops.council_cleared(subject)
    if agreement is None or agreement.documented:
        return None
    if stop.key == "agreement.mandate":
        verdicts = [stops.mandated(party) for party in agreement.parties.all()]
        return next((v for v in verdicts if not v), verdicts[0] if verdicts else None)
    if stop.key == "agreement.lawful_data":
        return stops.lawful_data(subject, next(iter(agreement.versions.all()), None))
    return stops.procured(subject, agreement)


def _inside(request: HttpRequest, key: str) -> Room:
    """The room for somebody inside; for anybody else there is no such page."""
    try:
        pk = UUID(key)
    except ValueError:
        subject: Subject = find(request, key)
        if subject.submitted_at is None or subject.documented:  # type: ignore[union-attr]
            raise Http404 from None
    else:
        rows = with_file(Agreement.objects.inside(request.user))
        subject = get_object_or_404(rows, pk=pk, collaboration=None, documented=False)
    room = _room(request, subject)
    if not room.inside:
        raise Http404
    return room


type Bound = tuple[forms.Form, Callable[[Mapping[str, Any]], object]]


def _pressed(request: HttpRequest, known: Mapping[str, Bound], done: str) -> tuple[HttpResponse | None, int]:
    """Do what was pressed: the answer if it is done, else the status under which the page is shown again."""
    if request.method != "POST":
        return None, 200
    pressed = known.get(request.POST.get("do", ""))
    if pressed is None:
        raise Http404
    form, act = pressed
    if not form.is_valid():
        return None, 422
    try:
        act(form.cleaned_data)
    except Invalid as fault:
        refuse(form, fault)
        return None, 422
    except Stale as fault:
        form.add_error(None, str(fault.reason))
        return None, 409
    messages.success(request, _("Done. It is on the record."))
    return redirect(done), 302


def _data(request: HttpRequest, name: str) -> dict[str, Any]:
    """What binds the form that was pressed, and leaves the others empty."""
    pressed = request.method == "POST" and request.POST.get("do") == name
    return {
        "data": request.POST if pressed else None,
        "files": request.FILES if pressed else None,
        "prefix": name,
    }


@login_required
@once
def step(request: HttpRequest, key: str, step: str) -> HttpResponse:
    """One step: its rule, its evidence, and whoever may settling it."""
    room = _inside(request, key)
    now = standing_of(room.subject)
    row = next((r for r in now.steps if r.step.key == step), None)
    if row is None:
        raise Http404
    by, subject, rule = _person(request), room.subject, row.step
    open_now = row.state not in SETTLED
    known: dict[str, Bound] = {}
    if open_now and legal.may_settle(by, subject, rule):
        known["done"] = (
            DoneForm(rule, **_data(request, "done")),
            lambda d: legal.settle_step(subject=subject, step=step, state="done", by=by, **d),
        )
    if open_now and legal.may_waive(by, subject, rule):
        known["out"] = (
            LeaveOutForm(now.path, **_data(request, "out")),
            lambda d: legal.settle_step(subject=subject, step=step, by=by, **d),
        )
    if legal.may_file(by, subject, rule):
        known["paper"] = (
            PaperForm(rule, **_data(request, "paper")),
            lambda d: legal.file_paper(subject=subject, step=step, by=by, name=d["file"].name, **d),
        )
    if row.record and legal.hat_of(by, subject, "bureau"):
        record: StepRecord = row.record
        known["back"] = (
            ReasonForm(**_data(request, "back")),
            lambda d: legal.withdraw_record(record=record, by=by, **d),
        )
    if request.method == "POST" and request.POST.get("do") not in known:
        _refuse_press(by, room, row.step, request.POST.get("do", ""))
    answer, status = _pressed(request, known, room.home)
    return answer or render(
        request,
        "agreements/legal_step.html",
        {
            "room": room,
            "it": subject,
            "row": row,
            "forms": {name: form for name, (form, _act) in known.items()},
            "why": legal.may_settle(by, subject, rule).reason if open_now else "",
        },
        status=status,
    )


def _refuse_press(by: User, room: Room, step: Any, pressed: str) -> None:
    """Say why somebody may not press it: a page that does not show the form does not take it either."""
    questions = {"done": legal.may_settle, "out": legal.may_waive, "paper": legal.may_file}
    if pressed in questions:
        require(questions[pressed](by, room.subject, step))
    require(no(_("This step is settled already, or is not yours to settle.")))


@login_required
@once
def council(request: HttpRequest, key: str) -> HttpResponse:
    """The two questions about the council's approval, and the approval."""
    room = _inside(request, key)
    now = standing_of(room.subject)
    by, subject = _person(request), room.subject
    verdict = legal.may_answer(by, subject)
    last = now.answer
    start: dict[str, Any] = {"seen": last.pk if last else 0}
    if last:
        start |= {
            "burdens": "yes" if last.burdens else "no",
            "burdens_reason": last.burdens_reason,
            "unbudgeted": "yes" if last.unbudgeted else "no",
            "unbudgeted_reason": last.unbudgeted_reason,
        }
    known: dict[str, Bound] = {
        "answer": (
            CouncilForm(initial=start, **_data(request, "answer")),
            lambda d: legal.answer_council(
                subject=subject,
                by=by,
                **{**d, "burdens": d["burdens"] == "yes", "unbudgeted": d["unbudgeted"] == "yes"},
            ),
        )
    }
    if now.approval is None:
        known["approval"] = (
            ApprovalForm(**_data(request, "approval")),
            lambda d: legal.file_approval(subject=subject, by=by, name=d["file"].name, **d),
        )
    else:
        approval: CouncilApproval = now.approval
        known["withdraw"] = (
            ReasonForm(**_data(request, "withdraw")),
            lambda d: legal.withdraw_approval(approval=approval, by=by, **d),
        )
    answer, status = _pressed(request, known, room.home)
    return answer or render(
        request,
        "agreements/legal_council.html",
        {
            "room": room,
            "it": subject,
            "now": now,
            "stop": now.path.stop("agreement.council"),
            "verdict": verdict,
            "forms": {name: form for name, (form, _act) in known.items()},
        },
        status=status,
    )


QUESTIONS: dict[str, Callable[[User, Discussion], Verdict]] = {
    "opinion": talks.may_judge,
    "ask": talks.may_ask,
    "supply": talks.may_supply,
    "close": talks.may_close,
}
TALKED = ("request", *QUESTIONS)


@login_required
@once
def discussion(request: HttpRequest, key: str) -> HttpResponse:
    """The TKKSD's discussion: how it stands, and what the reader may do in it."""
    room = _inside(request, key)
    now = standing_of(room.subject)
    by, subject, talk = _person(request), room.subject, now.discussion
    live = talk if talk and talk.closed_at is None else None
    known: dict[str, Bound] = {}
    if live is None:
        if talks.may_request(by, subject) and now.step("discussion").state not in SETTLED:
            ask = RequestForm(subject, **_data(request, "request"))
            known["request"] = (ask, lambda d: _request(subject, ask, d, by))
    else:
        known |= _talk_forms(request, live, by)
    pressed = request.POST.get("do", "")
    if request.method == "POST" and pressed not in known and pressed in TALKED:
        if live is not None and pressed in QUESTIONS:
            require(QUESTIONS[pressed](by, live))
        elif live is None:
            require(talks.may_request(by, subject))
        raise Stale(_("The discussion has moved on since you opened this page."))
    answer, status = _pressed(request, known, reverse("portal:legal_discussion", args=[room.key]))
    desk = talks.may_read_opinions(by, subject)
    return answer or render(
        request,
        "agreements/legal_discussion.html",
        {
            "room": room,
            "it": subject,
            "row": now.step("discussion"),
            "talk": talk,
            "clock": clock_of(talk, timezone.localdate()) if talk else None,
            "desk": desk,
            "opinions": _opinions(talk, by, desk),
            "missing": _missing(talk) if talk else [],
            "forms": {name: form for name, (form, _act) in known.items()},
        },
        status=status,
    )


def _request(subject: Subject, form: RequestForm, data: Mapping[str, Any], by: User) -> Discussion:
    people = [form.people[key] for key in data["members"]]
    return talks.request_discussion(subject=subject, members=people, chair=form.people[data["chair"]], by=by)


def _talk_forms(request: HttpRequest, talk: Discussion, by: User) -> dict[str, Bound]:
    known: dict[str, Bound] = {}
    waits = any(pause.until is None for pause in talk.pauses.all())
    if talks.may_judge(by, talk):
        known["opinion"] = (
            OpinionForm(**_data(request, "opinion")),
            lambda d: talks.give_opinion(discussion=talk, by=by, **d),
        )
    if talks.may_ask(by, talk) and not waits:
        known["ask"] = (
            AskForm(**_data(request, "ask")),
            lambda d: talks.ask_applicant(discussion=talk, by=by, **d),
        )
    if talks.may_supply(by, talk) and waits:
        known["supply"] = (
            SupplyForm(**_data(request, "supply")),
            lambda d: talks.supply(discussion=talk, by=by, name=d["file"].name if d["file"] else "", **d),
        )
    if talks.may_close(by, talk):
        known["close"] = (
            CloseForm(**_data(request, "close")),
            lambda d: talks.close_discussion(
                discussion=talk, by=by, agreed=d["agreed"] == "yes", grounds=d["grounds"]
            ),
        )
    return known


def _opinions(talk: Discussion | None, by: User, desk: bool) -> list[Any]:
    """All opinions for the city's desk, else only one's own."""
    if talk is None:
        return []
    return [o for o in talk.opinions.all() if desk or o.member.user_id == by.pk]


def _missing(talk: Discussion) -> list[Any]:
    given = {opinion.aspect for opinion in talk.opinions.all()}
    return [aspect.label for aspect in Aspect if aspect.value not in given]


@require_safe
@login_required
def paper(request: HttpRequest, key: str, paper: int) -> FileResponse:
    """One document filed as evidence, for those inside."""
    room = _inside(request, key)
    rows = LegalPaper.objects.select_related("document")
    return documents.serve(get_object_or_404(_own(rows, room, "case"), pk=paper).document)


@require_safe
@login_required
def approval(request: HttpRequest, key: str, approval: int) -> FileResponse:
    """The council's approval, for those inside."""
    room = _inside(request, key)
    rows = CouncilApproval.objects.select_related("document")
    return documents.serve(get_object_or_404(_own(rows, room, "case"), pk=approval).document)


@require_safe
@login_required
def supplied(request: HttpRequest, key: str, pause: int) -> FileResponse:
    """What the applicant supplied, for those inside."""
    room = _inside(request, key)
    rows = DiscussionPause.objects.select_related("document").filter(document__isnull=False)
    found = get_object_or_404(_own(rows, room, "discussion__case"), pk=pause)
    assert found.document is not None
    return documents.serve(found.document)


def _own(rows: Any, room: Room, case: str) -> Any:
    field = "collaboration" if isinstance(room.subject, Collaboration) else "agreement"
    return rows.filter(**{f"{case}__{field}": room.subject.pk})


def _person(request: HttpRequest) -> User:
    if not is_person(request.user):
        raise Http404
    return request.user
