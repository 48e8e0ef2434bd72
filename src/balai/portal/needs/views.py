"""The list of needs, one need's page, and every act on it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from balai.core import documents
from balai.core.errors import BalaiError, Invalid, Refused, Stale, Text
from balai.core.models import Entry, Follow
from balai.core.pagination import paginate
from balai.core.rules import Verdict
from balai.needs import actions, rules
from balai.needs.models import CloseReason, Need, NeedState, Terms
from balai.needs.queries import (
    clock_of,
    doings,
    listed,
    merge_targets,
    public_rows,
    timeline,
    who_acted,
    with_everything,
)
from balai.people.models import Area, City, Organisation, User
from balai.people.rules import hats_in_city, is_person
from balai.portal.collaborations.story import record_lines
from balai.portal.csv import csv_response
from balai.portal.forms import refuse
from balai.portal.needs import chain
from balai.portal.needs.cities import city_of, code_of
from balai.portal.needs.forms import (
    AnswerForm,
    AssignForm,
    ComplaintForm,
    DeclineForm,
    HideForm,
    ListFilter,
    MergeForm,
    SeenForm,
    TermsForm,
)


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """What do people want changed, and what became of it?"""
    city = code_of(request)
    areas = list(Area.objects.filter(city=city).values_list("code", "name"))
    form = ListFilter(request.GET, areas=areas, user=request.user, city=city)
    rows = chain.with_chain(_filtered(request, form, city))
    page = paginate(rows, request.GET.get("cursor"), by="voiced_at", size=20)
    return render(
        request,
        "needs/list.html",
        {
            "form": form,
            "rows": [
                {
                    "need": need,
                    "strip": chain.strip(need),
                    "tone": chain.TONES[NeedState(need.state)],
                    "turn": chain.turn_of(need),
                    "overdue": rules.is_overdue(need),
                    "people": need.support_count + bool(need.author_id),
                }
                for need in page.rows
            ],
            "filtered": any(form.data.get(name) for name in form.fields),
            "newer": _at(request, page.previous),
            "older": _at(request, page.next),
            "csv_query": f"?city={city}",
        },
    )


def _filtered(request: HttpRequest, form: ListFilter, city: str) -> Any:
    form.is_valid()
    values = form.cleaned_data
    state = values.get("state")
    return listed(
        request.user,
        city=city,
        dimension=values.get("dimension", ""),
        states=[state] if state else [],
        area=values.get("area", ""),
        mine=values.get("mine", ""),
        words=values.get("q", ""),
    )


def _at(request: HttpRequest, cursor: str | None) -> str:
    if not cursor:
        return ""
    query = request.GET.copy()
    query["cursor"] = cursor
    return f"?{query.urlencode()}"


@require_safe
def export(request: HttpRequest) -> HttpResponse:
    """Every public need of the city as CSV. No author, no coordinates finer than about a hundred metres."""
    head = (
        "reference title text dimension place area latitude longitude state agency merged_into"
        " complaint_number close_reason people voiced_on answer_due answered_on invented"
    )
    rows = (
        [
            need.reference,
            need.title,
            need.text,
            need.dimension,
            need.place,
            need.area.name if need.area else "",
            "" if need.latitude is None else f"{need.latitude:.3f}",
            "" if need.longitude is None else f"{need.longitude:.3f}",
            need.state,
            need.agency.name if need.agency else "",
            need.merged_into.reference if need.merged_into else "",
            need.complaint_number,
            need.close_reason,
            need.support_count + bool(need.author_id),
            timezone.localdate(need.voiced_at).isoformat(),
            need.answer_due.isoformat(),
            timezone.localdate(need.answered_at).isoformat() if need.answered_at else "",
            need.invented,
        ]
        for need in public_rows(code_of(request)).iterator(chunk_size=500)
    )
    return csv_response("kebutuhan.csv", head.split(), rows)


def find(request: HttpRequest, reference: str) -> Need:
    """The need, if the reader may see it; 404 otherwise."""
    return get_object_or_404(chain.with_chain(with_everything(request.user)), reference=reference)


@require_safe
def photo(request: HttpRequest, reference: str) -> HttpResponse:
    need = find(request, reference)
    if need.photo is None:
        raise Http404
    return cast(HttpResponse, documents.serve(need.photo))


@require_safe
def detail(request: HttpRequest, reference: str) -> HttpResponse:
    """Was I heard, and what became of it?"""
    return _page(request, find(request, reference))


@dataclass(frozen=True, slots=True)
class Act:
    """One act on a need: the verdict it asks for, its form if it has one, and what it does."""

    verdict: str
    label: Text
    do: Callable[[Need, User, dict[str, Any]], object]
    done: Text
    form: Callable[[HttpRequest, Need, Any], forms.Form] | None = None
    tone: str = ""


def _agencies(request: HttpRequest, need: Need) -> list[Organisation]:
    """In whose names the person can answer this need."""
    if need.agency is not None:
        return [need.agency]
    hats = hats_in_city(request.user, need.city_id, *rules.DESK)
    return list({h.organisation_id: h.organisation for h in hats if h.organisation.kind == "agency"}.values())


def _answer(need: Need, by: User, values: dict[str, Any]) -> object:
    return actions.answer_need(need=need, by=by, **values)


def _decline(need: Need, by: User, values: dict[str, Any]) -> object:
    return actions.decline_need(need=need, by=by, **values)


def _merge(need: Need, by: User, values: dict[str, Any]) -> object:
    into = Need.objects.visible_to(by).filter(reference__iexact=values["into"].strip()).first()
    if into is None:
        raise Invalid(_("There is no such need."), {"into": [_("Give the reference as its page shows it.")]})
    return actions.merge_need(need=need, by=by, into=into, seen=values["seen"])


def _confirm(solved: bool) -> Callable[[Need, User, dict[str, Any]], object]:
    return lambda need, by, _values: actions.confirm_solved(need=need, by=by, solved=solved)


ACTS: dict[str, Act] = {
    "dukung": Act(
        "support",
        gettext_lazy("Support"),
        lambda need, by, _values: actions.support_need(need=need, by=by),
        gettext_lazy("You stand behind this need and will be told of every hop."),
    ),
    "tarik": Act(
        "",
        gettext_lazy("Withdraw my support"),
        lambda need, by, _values: actions.withdraw_support(need=need, by=by),
        gettext_lazy("Your support is withdrawn. You still follow this need."),
    ),
    "ikuti": Act(
        "follow",
        gettext_lazy("Follow"),
        lambda need, by, _values: actions.follow_need(need=need, by=by),
        gettext_lazy("You will be told of every hop."),
    ),
    "berhenti": Act(
        "",
        gettext_lazy("Stop following"),
        lambda need, by, _values: actions.unfollow_need(need=need, by=by),
        gettext_lazy("You no longer follow this need."),
    ),
    "selesai": Act(
        "confirm",
        gettext_lazy("Yes, it is solved"),
        _confirm(True),
        gettext_lazy("Thank you. Your word is counted."),
    ),
    "belum": Act(
        "confirm",
        gettext_lazy("No, not yet"),
        _confirm(False),
        gettext_lazy("Thank you. Your word is counted."),
    ),
    "jawab": Act(
        "answer",
        gettext_lazy("Answer this need"),
        _answer,
        gettext_lazy("The answer is public. Everyone behind this need is told."),
        lambda request, need, data: AnswerForm(
            data, agencies=_agencies(request, need), auto_id="answer_%s", initial=_seen(need)
        ),
    ),
    "tolak": Act(
        "decline",
        gettext_lazy("Decline with a reason"),
        _decline,
        gettext_lazy("The answer is public. Everyone behind this need is told."),
        lambda request, need, data: DeclineForm(
            data, agencies=_agencies(request, need), auto_id="decline_%s", initial=_seen(need)
        ),
        "danger",
    ),
    "gabung": Act(
        "merge",
        gettext_lazy("Merge into another need"),
        _merge,
        gettext_lazy("Merged. Author, supporters and followers went along and are told."),
        lambda request, need, data: MergeForm(
            data, auto_id="merge_%s", initial={**_seen(need), "into": request.GET.get("into", "")}
        ),
    ),
    "laporan": Act(
        "complaint",
        gettext_lazy("Link a complaint report"),
        lambda need, by, values: actions.link_complaint(need=need, by=by, number=values["number"]),
        gettext_lazy("The report number is kept."),
        lambda _request, need, data: ComplaintForm(
            data, auto_id="complaint_%s", initial={"number": need.complaint_number}
        ),
    ),
    "tugaskan": Act(
        "assign",
        gettext_lazy("Assign an agency"),
        lambda need, by, values: actions.assign_agency(need=need, by=by, **values),
        gettext_lazy("The agency is in charge now and is told."),
        lambda _request, need, data: AssignForm(
            data,
            city=need.city_id,
            auto_id="assign_%s",
            initial={**_seen(need), "agency": need.agency.slug if need.agency else None},
        ),
    ),
    "sembunyikan": Act(
        "hide",
        gettext_lazy("Hide"),
        lambda need, by, values: actions.hide_need(need=need, by=by, **values),
        gettext_lazy("The need is hidden from the public. Its author is told why."),
        lambda _request, need, data: HideForm(data, auto_id="hide_%s", initial=_seen(need)),
        "danger",
    ),
    "tampilkan": Act(
        "show",
        gettext_lazy("Show again"),
        lambda need, by, values: actions.show_need(need=need, by=by, **values),
        gettext_lazy("The need is public again."),
        lambda _request, need, data: SeenForm(data, auto_id="show_%s", initial=_seen(need)),
    ),
}
DESK_ACTS = ("jawab", "tolak", "tugaskan", "gabung", "laporan", "sembunyikan", "tampilkan")
AUTHOR_ACTS = ("gabung", "laporan")


def _seen(need: Need) -> dict[str, int]:
    return {"seen": need.revision}


@require_POST
def act(request: HttpRequest, reference: str, key: str) -> HttpResponse:
    """Do one thing with a need. On any refusal the page comes back with what was typed and why not."""
    deed = ACTS.get(key)
    if deed is None:
        raise Http404
    need = find(request, reference)
    if not is_person(request.user):
        messages.info(request, _("Sign in first; then press once more."))
        return redirect_to_login(_path(need))
    form = deed.form(request, need, request.POST) if deed.form else None
    if form is not None and not form.is_valid():
        return _page(request, need, opened=key, form=form, status=422)
    try:
        deed.do(need, request.user, dict(form.cleaned_data) if form else {})
    except BalaiError as refusal:
        if form is None:
            raise
        if isinstance(refusal, Invalid):
            refuse(form, refusal)
            return _page(request, need, opened=key, form=form, status=422)
        form.add_error(None, str(refusal.reason))
        status = 409 if isinstance(refusal, Stale) else 403
        return _page(request, find(request, reference), opened=key, form=form, status=status)
    messages.success(request, str(deed.done))
    return redirect(_path(need))


def _path(need: Need) -> str:
    return reverse("portal:need_detail", args=[need.reference])


@dataclass(frozen=True, slots=True)
class Panel:
    """An act of the desk as the page draws it."""

    key: str
    act: Act
    verdict: Verdict
    form: forms.Form
    opened: bool


def _page(
    request: HttpRequest, need: Need, *, opened: str = "", form: forms.Form | None = None, status: int = 200
) -> HttpResponse:
    user = request.user
    entries = timeline([need.thread])
    organisations = who_acted(entries)
    verdicts = doings(user, need)
    staff = bool(hats_in_city(user, need.city_id, *rules.DESK)) or (is_person(user) and user.is_staff)
    keys = DESK_ACTS if staff else AUTHOR_ACTS if rules.is_author(user, need) else ()
    panels = [
        Panel(
            key,
            ACTS[key],
            verdicts[ACTS[key].verdict],
            form if form is not None and key == opened else ACTS[key].form(request, need, None),  # type: ignore[misc]
            key == opened,
        )
        for key in keys
        if key != "tampilkan" or need.state == NeedState.HIDDEN
    ]
    terms = getattr(need.city, "need_terms", None) or Terms(city=need.city)
    following = is_person(user) and Follow.objects.filter(user=user, thread=need.thread).exists()
    behind = need.support_count + bool(need.author_id)
    return render(
        request,
        "needs/detail.html",
        {
            "need": need,
            "tone": chain.TONES[NeedState(need.state)],
            "clock": clock_of(need),
            "turn": chain.turn_of(need),
            "behind": behind,
            "enough": min(terms.confirmations, behind),
            "yes": need.yes,  # type: ignore[attr-defined]
            "noes": need.noes,  # type: ignore[attr-defined]
            "hops": chain.hops(need, entries, organisations),  # type: ignore[arg-type]
            "lines": record_lines(entries, organisations),
            "verdicts": verdicts,
            "is_author": rules.is_author(user, need),
            "following": following,
            "panels": panels,
            "reason": CloseReason(need.close_reason).label if need.close_reason else "",
            "alike": merge_targets(need, 5) if any(p.key == "gabung" and p.verdict for p in panels) else [],
            "can_pose": staff and need.state != NeedState.HIDDEN,
            "hidden_why": _why_hidden(need) if need.state == NeedState.HIDDEN else "",
        },
        status=status,
    )


def _why_hidden(need: Need) -> str:
    entry = Entry.objects.filter(thread=need.thread, verb="need.hidden").order_by("-seq").first()
    return str(entry.facts.get("reason", "")) if entry else ""


@require_http_methods(["GET", "HEAD", "POST"])
def terms(request: HttpRequest) -> HttpResponse:
    """What the city promises those who voice a need; the coordination can change it."""
    city: City = city_of(request)
    current = rules.terms_of(city)
    verdict = rules.may_set_terms(request.user, city)
    names = ("answer_days", "needs_per_day", "confirmations")
    form = TermsForm(request.POST or None, initial={name: getattr(current, name) for name in names})
    status = 200
    if request.method == "POST":
        if not is_person(request.user):
            return redirect_to_login(request.get_full_path())
        if not verdict:
            raise Refused(verdict.reason)
        status = 422
        if form.is_valid():
            try:
                actions.set_terms(city=city, by=request.user, **form.cleaned_data)
            except Invalid as refusal:
                refuse(form, refusal)
            else:
                messages.success(request, _("The terms are changed. Clocks already running keep theirs."))
                return redirect(request.get_full_path())
    return render(
        request,
        "needs/terms.html",
        {"city": city, "terms": current, "form": form, "verdict": verdict},
        status=status,
    )
