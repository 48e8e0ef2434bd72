"""The three schemes side by side, one in full, and the check which one fits."""

from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_safe

from balai.applications.selfcheck import advise
from balai.collaborations import registry
from balai.collaborations.queries import current_schemes
from balai.collaborations.schemes import Scheme
from balai.portal.applications.forms import SelfCheckForm
from balai.portal.components import Hop

STATUSES = {
    "ours": (gettext_lazy("ours"), "neutral"),
    "source": (gettext_lazy("source document"), "done"),
    "law": (gettext_lazy("law"), "done"),
    "unverified": (gettext_lazy("to be checked by counsel"), "wait"),
}


def path_of(scheme: Scheme) -> list[Hop]:
    """The stages a collaboration passes when nothing turns it back or ends it early."""
    found, key = [scheme.start], scheme.start.key
    while True:
        onward = next(
            (
                scheme.stage(move.target)
                for move in scheme.moves_from(key)
                if move.tone == "go" and scheme.stage(move.target) not in found
            ),
            None,
        )
        if onward is None or onward.is_end:
            break
        found.append(onward)
        key = onward.key
    return [
        Hop(
            kind=stage.phase,
            state="next",
            title=str(stage.name),
            actor=_clock(str(registry.ROLES[stage.turn]), stage.clock),
            text=str(stage.asks or ""),
            word=_("stage %(number)s") % {"number": number},
        )
        for number, stage in enumerate(found, 1)
    ]


def _clock(role: str, days: int) -> str:
    if not days:
        return role
    return ngettext(
        "%(role)s, within %(days)s working day", "%(role)s, within %(days)s working days", days
    ) % {"role": role, "days": days}


def rules_of(scheme: Scheme) -> list[dict[str, Any]]:
    """The scheme's rules with where each comes from and how sure that is."""
    return [
        {"text": rule.text, "source": rule.source, "status": STATUSES[rule.status]} for rule in scheme.rules
    ]


def _moves(scheme: Scheme) -> list[dict[str, Any]]:
    return [
        {
            "move": move,
            "sources": [scheme.stage(key).name for key in move.sources],
            "target": scheme.stage(move.target).name,
            "who": [registry.ROLES[role] for role in move.who],
            "guards": [registry.guards()[name] for name in move.guards],
        }
        for move in scheme.moves
    ]


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Three ways to work with the city: what each is, is not, and asks for."""
    schemes = [
        {
            "scheme": scheme,
            "months": scheme.limits.get("term_months"),
            "reviews": scheme.limits.get("reviews"),
            "papers": [paper for paper in scheme.papers if paper.required],
            "questions": len(scheme.fields),
            "ends": [stage for stage in scheme.stages if stage.is_end and stage.public],
            "rules": rules_of(scheme),
        }
        for scheme in current_schemes()
    ]
    return render(request, "applications/schemes.html", {"schemes": schemes})


@require_safe
def detail(request: HttpRequest, key: str) -> HttpResponse:
    """One scheme in full."""
    scheme = next((one for one in current_schemes() if one.key == key), None)
    if scheme is None:
        raise Http404
    return render(
        request,
        "applications/scheme.html",
        {
            "scheme": scheme,
            "path": path_of(scheme),
            "ends": [stage for stage in scheme.stages if stage.is_end],
            "moves": _moves(scheme),
            "rules": rules_of(scheme),
            "sections": [
                (label, [field for field in scheme.fields if field.section == section])
                for section, label in scheme.sections
            ],
            "reviews": scheme.limits.get("reviews"),
        },
    )


@require_safe
def selfcheck(request: HttpRequest) -> HttpResponse:
    """Which scheme fits? Answers stand in the address, so that the result can be shared."""
    asked = any(key in request.GET for key in SelfCheckForm().fields)
    form = SelfCheckForm(request.GET if asked else None)
    challenge = request.GET.get("tantangan", "")
    context: dict[str, Any] = {"form": form, "challenge": challenge}
    status = 200
    if asked and form.is_valid():
        advice = advise(form.answers)
        schemes = {scheme.key: scheme for scheme in current_schemes()}
        context["advice"] = advice
        context["scheme"] = schemes.get(advice.scheme or "")
        context["alternatives"] = [
            (schemes[key], words) for key, words in advice.alternatives if key in schemes
        ]
        carried = {"scheme": advice.scheme or ""} | ({"tantangan": challenge} if challenge else {})
        context["start_url"] = f"{reverse('portal:application_start')}?{urlencode(carried)}"
    elif asked:
        for name in form.errors:
            form.errors[name] = form.error_class([_("Choose yes or no.")])
        status = 422
    return render(request, "applications/selfcheck.html", context, status=status)
