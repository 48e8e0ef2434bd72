"""An agency writes a challenge: drafted from needs, edited until it is ready to open."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from balai.challenges import rules
from balai.challenges.actions import edit_challenge, open_challenge_draft
from balai.core.errors import BalaiError, Invalid, Refused, Stale
from balai.needs.models import Need
from balai.needs.queries import possible_agencies
from balai.people.models import Organisation
from balai.people.rules import hats_in_city, is_person
from balai.portal.challenges.forms import ChallengeForm
from balai.portal.challenges.views import find
from balai.portal.forms import refuse
from balai.portal.needs.cities import code_of
from balai.portal.once import once


def agencies_for(request: HttpRequest, city: str) -> list[Organisation]:
    """The agencies the person can write a challenge for, their own first."""
    hats = [h for h in hats_in_city(request.user, city, *rules.WRITERS) if h.organisation.kind == "agency"]
    if any(hat.role in rules.COORDINATION for hat in hats):
        return list(possible_agencies(city))
    return list({hat.organisation_id: hat.organisation for hat in hats}.values())


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@once
def new(request: HttpRequest) -> HttpResponse:
    """Begin a draft, usually from the needs named in ``?need=``."""
    named = request.GET.getlist("need")[:20]
    needs = list(Need.objects.visible_to(request.user).filter(reference__in=named).select_related("agency"))
    city = needs[0].city_id if needs else code_of(request)
    agencies = agencies_for(request, city)
    if not agencies or not is_person(request.user):
        raise Refused(
            _("Officers of the city's agencies, the cooperation bureau and analysts pose challenges.")
        )
    owner = next((need.agency for need in needs if need.agency in agencies), agencies[0])
    initial = {
        "agency": owner.slug if owner else None,
        "needs": [need.reference for need in needs],
        "title": needs[0].title if needs else "",
        "dimension": needs[0].dimension if needs else "",
    }
    form = ChallengeForm(
        request.POST or None,
        city=city,
        agencies=agencies,
        chosen=[str(need.pk) for need in needs],
        initial=initial,
    )
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            values = dict(form.cleaned_data)
            values.pop("seen")
            try:
                challenge = open_challenge_draft(by=request.user, **values)
            except Invalid as refusal:
                refuse(form, refusal)
            else:
                messages.success(
                    request, _("The draft is kept. Only the city's staff can see it until it opens.")
                )
                return redirect("portal:challenge_detail", challenge.reference)
    return render(request, "challenges/write.html", {"form": form}, status=status)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, reference: str) -> HttpResponse:
    """Change a draft; beside the form stands what it still lacks."""
    challenge = find(request, reference)
    verdict = rules.may_edit(request.user, challenge)
    if not verdict or not is_person(request.user):
        raise Refused(verdict.reason)
    form = ChallengeForm(
        request.POST or None,
        city=challenge.city_id,
        chosen=[str(need.pk) for need in challenge.needs.all()],
        initial=ChallengeForm.values_of(challenge),
    )
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                edit_challenge(challenge=challenge, by=request.user, **form.cleaned_data)
            except Invalid as refusal:
                refuse(form, refusal)
            except BalaiError as refusal:
                form.add_error(None, str(refusal.reason))
                status = 409 if isinstance(refusal, Stale) else 403
            else:
                messages.success(request, _("The draft is kept."))
                return redirect("portal:challenge_detail", challenge.reference)
    context = {"form": form, "challenge": challenge, "checks": rules.readiness(challenge)}
    return render(request, "challenges/write.html", context, status=status)
