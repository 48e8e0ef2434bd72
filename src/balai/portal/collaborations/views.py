"""The register, one collaboration as one page, and the page of one move."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_safe

from balai.agreements.legal_standing import Clock, clock_of, open_discussion
from balai.agreements.overrun import with_overrun
from balai.applications.rules import may_look
from balai.collaborations import registry
from balai.collaborations.actions import make_move
from balai.collaborations.models import Collaboration
from balai.collaborations.queries import (
    Option,
    Standing,
    options,
    standing,
    threads_of,
    timeline,
    with_parties,
)
from balai.collaborations.rules import hat_for, is_partner, may_see_inside
from balai.core.errors import Invalid, Refused, Stale
from balai.core.models import Follow
from balai.core.pagination import paginate
from balai.core.rules import require
from balai.indicators.models import Dimension
from balai.needs.models import NeedState
from balai.people.rules import Reader, is_person
from balai.portal.collaborations.story import hops_of, organisations_of, record_lines, strip_of
from balai.portal.csv import csv_response
from balai.programme.ocds import record_address

SCHEME_NAMES = [("playground", "Playground"), ("co-develop", "Co-Develop"), ("user", "User")]
STATES = {
    "open": lazy("in progress"),
    "running": lazy("running"),
    "suspended": lazy("suspended"),
    "measured": lazy("effect verified"),
    "ended": lazy("ended"),
    "failed": lazy("stopped or terminated"),
    "adopted": lazy("adopted or offered"),
}


class RegisterFilter(forms.Form):
    q = forms.CharField(label=lazy("Words"), required=False, max_length=100)
    scheme = forms.ChoiceField(
        label=lazy("Scheme"), required=False, choices=[("", lazy("all")), *SCHEME_NAMES]
    )
    state = forms.ChoiceField(
        label=lazy("State"), required=False, choices=[("", lazy("all")), *STATES.items()]
    )
    dimension = forms.ChoiceField(
        label=lazy("Dimension"), required=False, choices=[("", lazy("all")), *Dimension.choices]
    )


def _register(form: RegisterFilter) -> QuerySet[Collaboration]:
    rows = with_effect(Collaboration.objects.filter(public_since__isnull=False))
    values = form.cleaned_data if form.is_valid() else {}
    if words := values.get("q"):
        rows = rows.filter(
            Q(title__icontains=words)
            | Q(title_en__icontains=words)
            | Q(partner__name__icontains=words)
            | Q(reference__iexact=words)
        )
    if scheme := values.get("scheme"):
        rows = rows.filter(scheme_version__key=scheme)
    if dimension := values.get("dimension"):
        rows = rows.filter(dimensions__icontains=f'"{dimension}"')
    match values.get("state"):
        case "open":
            rows = rows.filter(ended_at=None)
        case "running" | "suspended" as stage:
            rows = rows.filter(stage=stage)
        case "measured":
            rows = rows.filter(pilot__evaluation__effect__verified_at__isnull=False)
        case "ended":
            rows = rows.filter(ended_at__isnull=False)
        case "failed":
            rows = rows.filter(outcome__in=("stopped", "terminated"))
        case "adopted":
            rows = rows.filter(outcome__in=("adopted", "offered"))
    return rows


def with_effect(rows: QuerySet[Collaboration]) -> QuerySet[Collaboration]:
    """All that `rows_of` shows, in one query: the parties, and what was measured."""
    return with_parties(rows).select_related("pilot__evaluation__indicator", "pilot__evaluation__effect")


def rows_of(collaborations: Sequence[Collaboration]) -> list[dict[str, Any]]:
    """What a list row shows of rows read by `with_effect`; no query beyond that one."""
    return [
        {"it": c, "strip": strip_of(c), "standing": standing(c), "scheme": c.scheme.name, **_verified(c)}
        for c in collaborations
    ]


def _verified(collaboration: Collaboration) -> dict[str, Any]:
    plan = getattr(getattr(collaboration, "pilot", None), "evaluation", None)
    effect = getattr(plan, "effect", None)
    return {"plan": plan, "effect": effect} if effect and effect.verified_at else {}


@require_safe
def register(request: HttpRequest) -> HttpResponse:
    """What has been signed, with whom, what did it do, what failed?"""
    form = RegisterFilter(request.GET)
    page = paginate(_register(form), request.GET.get("cursor"), by="stage_since", size=20)
    return render(
        request,
        "collaborations/register.html",
        {"form": form, "rows": rows_of(page.rows), "page": page, "query": _without_cursor(request)},
    )


def _without_cursor(request: HttpRequest) -> str:
    query = request.GET.copy()
    query.pop("cursor", None)
    return query.urlencode()


@require_safe
def register_csv(request: HttpRequest) -> HttpResponse:
    """The public register as CSV, with the filters of the page."""
    head = "reference title scheme partner agency city stage since outcome documented"
    rows = (
        [
            c.reference,
            c.title,
            c.scheme_version.key,
            c.partner.name,
            c.agency.name if c.agency else "",
            c.city.name,
            c.stage,
            timezone.localdate(c.stage_since).isoformat(),
            c.outcome,
            c.documented,
        ]
        for c in _register(RegisterFilter(request.GET)).iterator(chunk_size=500)
    )
    return csv_response("kolaborasi.csv", head.split(), rows)


def find(request: HttpRequest, reference: str) -> Collaboration:
    """The collaboration, if the reader may see it; 404 otherwise, 403 to whoever has a conflict."""
    rows = Collaboration.objects.visible_to(request.user).select_related(
        "scheme_version",
        "partner",
        "agency",
        "challenge",
        "city",
        "predecessor",
        "application__decision",
        "pilot__evaluation__indicator",
        "pilot__evaluation__effect",
        "pilot__exit",
    )
    found: Collaboration = get_object_or_404(with_overrun(rows), reference=reference)
    require(may_look(request.user, found))
    return found


@require_safe
def detail(request: HttpRequest, reference: str) -> HttpResponse:
    """Where does this stand, whose turn is it, since when? One page for everyone, more for those inside."""
    collaboration = find(request, reference)
    inside = bool(may_see_inside(request.user, collaboration))
    now = standing(collaboration)
    needs = (
        list(collaboration.challenge.needs.exclude(state=NeedState.HIDDEN).order_by("voiced_at")[:6])
        if collaboration.challenge
        else []
    )
    entries = timeline(threads_of(collaboration), inside=inside)
    organisations = organisations_of(entries, [collaboration.partner, collaboration.agency])
    pilot = getattr(collaboration, "pilot", None)
    plan = getattr(pilot, "evaluation", None) if pilot else None
    over = getattr(collaboration, "over_since", None)
    my_turn = bool(
        now.stage.turn and is_person(request.user) and hat_for(request.user, collaboration, now.stage.turn)
    )
    moves = options(request.user, collaboration) if inside and not now.stage.is_end else []
    return render(
        request,
        "collaborations/detail.html",
        {
            "tone": "stop" if over else _tone(collaboration, now),
            "over_since": over,
            "talk_clock": _talk_clock(collaboration),
            **_doors(moves, my_turn=my_turn, phase=now.stage.phase),
            "it": collaboration,
            "scheme": collaboration.scheme,
            "now": now,
            "inside": inside,
            "hops": hops_of(collaboration, now, entries, organisations, needs),
            "lines": record_lines(entries, organisations),
            "my_turn": my_turn,
            "partner_side": is_partner(request.user, collaboration),
            "decision": _decision(collaboration, inside),
            "pilot": pilot,
            "plan": plan,
            "effect": getattr(plan, "effect", None) if plan else None,
            "exit": getattr(pilot, "exit", None) if pilot else None,
            "sites": _sites(entries),
            "agreements": _agreements(entries),
            "open_data": record_address(collaboration) if collaboration.public_since else "",
            "following": is_person(request.user)
            and Follow.objects.filter(user=request.user, thread=collaboration.thread).exists(),
        },
    )


def _talk_clock(collaboration: Collaboration) -> Clock | None:
    """How many working days the TKKSD's discussion takes, while it is under way: anybody may see."""
    talk = open_discussion(collaboration)
    return clock_of(talk, timezone.localdate()) if talk else None


def _tone(collaboration: Collaboration, now: Standing) -> str:
    """How the present standing looks: it runs, somebody paused it, it ended well or badly."""
    if now.stage.is_end:
        return "stop" if strip_of(collaboration)[-1].state == "stopped" else "done"
    return "stop" if now.stage.kind == "paused" else "neutral" if collaboration.documented else "go"


def _doors(moves: Sequence[Option], *, my_turn: bool, phase: str) -> dict[str, Any]:
    """The reader's moves and those of others, and the one thing to press first: a move or a room."""
    mine = sorted((option for option in moves if option.yours), key=lambda option: option.move.tone != "go")
    first = next((option.move.key for option in mine if option.open and option.move.tone == "go"), "")
    room = {"decision": "application", "effect": "pilot", "exit": "pilot"}.get(phase, phase)
    missing: dict[str, list[str]] = {}
    for option in mine:
        for text in option.missing:
            missing.setdefault(text, []).append(str(option.move.name))
    return {
        "mine": mine,
        "missing": list(missing.items()),
        "others": [option for option in moves if not option.yours],
        "first_move": first,
        "first_room": room if my_turn and not first else "",
    }


def _decision(collaboration: Collaboration, inside: bool) -> Any:
    """Grounds are public once the collaboration is; a refusal is told to those inside only."""
    decision = getattr(getattr(collaboration, "application", None), "decision", None)
    return decision if decision and (inside or decision.accepted) else None


def _sites(entries: Sequence[Any]) -> list[dict[str, Any]]:
    sites: dict[int, dict[str, Any]] = {}
    for entry in entries:
        if entry.verb == "pilot.site_added":
            sites[entry.facts["site"]] = entry.facts
        elif entry.verb == "pilot.site_removed":
            sites.pop(entry.facts["site"], None)
    return list(sites.values())


def _agreements(entries: Sequence[Any]) -> list[dict[str, str]]:
    """The agreements this thread tells of, by their subject; sealed ones with their hash."""
    found: dict[str, dict[str, str]] = {}
    for entry in entries:
        kind, __, pk = entry.subject.partition(":")
        if kind == "agreement":
            row = found.setdefault(pk, {"pk": pk, "sha256": ""})
            if entry.verb == "agreement.sealed":
                row["sha256"] = str(entry.facts.get("sha256", ""))
    return list(found.values())


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=lazy("Reason"),
        help_text=lazy("Kept on the record with your office's name."),
        widget=forms.Textarea({"rows": 4}),
        max_length=2000,
    )


@login_required
def move(request: HttpRequest, reference: str, key: str) -> HttpResponse:
    """One move: what it does, what it asks for, what is missing; then the press."""
    collaboration = find(request, reference)
    if not may_see_inside(request.user, collaboration):
        raise Http404
    seen = request.POST.get("seen", collaboration.stage)
    known = {m.key: m for m in collaboration.scheme.moves}
    if key not in known:
        raise Http404
    option = next((o for o in options(request.user, collaboration) if o.move.key == key), None)
    record_class = registry.records()[known[key].record].form if known[key].record else None
    forms_shown: list[forms.Form] = []
    if known[key].reason:
        forms_shown.append(ReasonForm(request.POST or None))
    if record_class:
        forms_shown.append(record_class(request.POST or None))
    status = 200
    if request.method == "POST":
        if all(form.is_valid() for form in forms_shown):
            try:
                make_move(
                    collaboration=collaboration,
                    move=key,
                    by=_person(request.user),
                    seen=seen,
                    reason=request.POST.get("reason", ""),
                    record=request.POST.dict(),
                )
            except Invalid as fault:
                for name, texts in fault.fields.items():
                    for form in forms_shown:
                        if name in form.fields:
                            form.add_error(name, [str(text) for text in texts])
                messages.error(request, str(fault.reason))
                status = 422
            except (Refused, Stale) as fault:
                messages.error(request, str(fault.reason))
                status = 409 if isinstance(fault, Stale) else 403
                collaboration = find(request, reference)
                option = next((o for o in options(request.user, collaboration) if o.move.key == key), None)
            else:
                messages.success(
                    request,
                    _("Done: %(move)s. It is on the record.") % {"move": str(known[key].name).lower()},
                )
                return redirect("portal:collaboration", reference=reference)
        else:
            status = 422
    return render(
        request,
        "collaborations/move.html",
        {
            "it": collaboration,
            "move": known[key],
            "option": option,
            "forms": forms_shown,
            "seen": seen,
            "target": collaboration.scheme.stage(known[key].target),
            "now": standing(collaboration),
        },
        status=status,
    )


def _person(user: Reader) -> Any:
    if not is_person(user):
        raise Http404
    return user


@login_required
def follow(request: HttpRequest, reference: str) -> HttpResponse:
    """Follow or leave a collaboration."""
    collaboration = find(request, reference)
    if request.method == "POST":
        person = _person(request.user)
        if request.POST.get("leave"):
            Follow.objects.filter(user=person, thread=collaboration.thread).delete()
        else:
            Follow.objects.get_or_create(user=person, thread=collaboration.thread)
    return redirect("portal:collaboration", reference=reference)
