"""The movement of cities, and what one city offers the others."""

from collections import Counter

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.db.models import Count, Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_safe

from balai.collaborations.models import Collaboration
from balai.core.errors import Invalid, Refused, Stale
from balai.indicators.shipped import provinces
from balai.people.models import City, Organisation
from balai.people.rules import CITY_STAFF, is_person
from balai.portal import charts
from balai.portal.collaborations.story import documented
from balai.portal.collaborations.views import find
from balai.portal.forms import refuse
from balai.programme.actions import ask_to_copy, offer_solution
from balai.programme.models import Cohort, CohortMembership, IndexRun, Interest, Offer
from balai.programme.profile import Reading, profile
from balai.programme.records import OfferForm
from balai.programme.results import readiness_of
from balai.programme.rules import may_judge_readiness, may_offer, may_run_programme


@require_safe
def movement(request: HttpRequest) -> HttpResponse:
    """Cohorts as documented, the cities in them, and the open offers."""
    members = CohortMembership.objects.select_related("city").order_by("city__province", "city__name")
    cohorts = Cohort.objects.annotate(known=Count("memberships")).prefetch_related(
        Prefetch("memberships", queryset=members)
    )
    offers = Offer.objects.select_related("collaboration__city", "collaboration__partner").annotate(
        asked=Count("interests")
    )
    found = list(cohorts)
    known = Counter(code[:2] for code in {m.city_id for cohort in found for m in cohort.memberships.all()})
    tiles = [charts.Tile(p.name, p.column, p.row, known[p.bps]) for p in provinces()]
    return render(
        request,
        "programme/movement.html",
        {
            "cohorts": found,
            "map": charts.tiles(
                tiles,
                title=_("Known cities of the movement by province"),
                desc=_("How many cities of each province are known by name in an intake."),
            )
            if known
            else "",
            "map_table": charts.figure_table(
                [_("Province"), _("Known cities")],
                [(tile.name, tile.value) for tile in tiles if tile.value],
            ),
            "documented": documented("programme:movement"),
            "may_run": may_run_programme(request.user),
            "offers": list(offers.filter(collaboration__public_since__isnull=False).order_by("-opened_at")),
        },
    )


@require_safe
def city(request: HttpRequest, slug: str) -> HttpResponse:
    """How does my city do in the six, how sure is that, against whom? And what it does on this hub."""
    found = get_object_or_404(City, slug=slug)
    seen = profile(found)
    judged = list(found.readiness.all())
    year = max((row.year for row in judged), default=0)
    run = IndexRun.objects.filter(names__has_key=found.pk, invented=False).only("result", "chosen").first()
    return render(
        request,
        "programme/city.html",
        {
            "city": found,
            "documented": documented(f"city:{found.pk}"),
            "memberships": list(found.cohort_memberships.select_related("cohort")),
            "works": list(
                Collaboration.objects.filter(city=found, public_since__isnull=False).select_related(
                    "partner", "scheme_version"
                )[:20]
            ),
            "dimensions": [
                (dimension, [(one, _spark(one)) for one in readings])
                for dimension, readings in seen.dimensions
                if readings
            ],
            "measures": seen.measures,
            "run": run,
            "place": run and next((row for row in run.result["units"] if row["code"] == found.pk), None),
            "readiness": readiness_of(row for row in judged if row.year == year),
            "readiness_year": year,
            "evaluations": list(
                found.evaluations.filter(closed_at__isnull=False).select_related("method").order_by("-year")
            ),
            "may_judge": is_person(request.user)
            and may_judge_readiness(request.user, found, timezone.localdate().year),
        },
    )


def _spark(reading: Reading) -> SafeString:
    title = _("%(name)s over time") % {"name": reading.indicator}
    return charts.sparkline(
        [value for _period, value in reading.series], title=title, hue=reading.indicator.dimension
    )


class InterestForm(forms.Form):
    organisation = forms.ModelChoiceField(
        label=lazy("For which agency"), queryset=Organisation.objects.none()
    )
    message = forms.CharField(
        label=lazy("What you want to copy, and when"), widget=forms.Textarea({"rows": 4}), max_length=2000
    )


def offer(request: HttpRequest, pk: str) -> HttpResponse:
    """What is offered, on what evidence; another city asks to copy it."""
    found = get_object_or_404(
        Offer.objects.select_related("collaboration__city", "collaboration__partner"),
        pk=pk,
        collaboration__public_since__isnull=False,
    )
    form = None
    if is_person(request.user):
        agencies = Organisation.objects.filter(
            memberships__user=request.user,
            memberships__ended_at=None,
            memberships__role__in=CITY_STAFF,
            kind="agency",
        ).exclude(city=found.collaboration.city_id)
        if agencies.exists():
            form = InterestForm(request.POST or None)
            field = form.fields["organisation"]
            assert isinstance(field, forms.ModelChoiceField)
            field.queryset = agencies.distinct()
    status = 200
    if request.method == "POST":
        if not is_person(request.user):
            return redirect_to_login(request.get_full_path())
        if form is None:
            raise Refused(_("Only the staff of another city's agency ask to copy an offer."))
        status = 422
        if form.is_valid():
            try:
                ask_to_copy(offer=found, by=request.user, **form.cleaned_data)
            except Invalid as fault:
                refuse(form, fault)
            except (Refused, Stale) as fault:
                form.add_error(None, str(fault.reason))
                status = 409 if isinstance(fault, Stale) else 403
            else:
                messages.success(request, _("The offering city has been told."))
                return redirect("portal:offer", pk=found.pk)
    interests = list(Interest.objects.filter(offer=found).select_related("city").order_by("at"))
    context = {"offer": found, "form": form, "interests": interests}
    return render(request, "programme/offer.html", context, status=status)


@login_required
def offer_new(request: HttpRequest, reference: str) -> HttpResponse:
    """Offer an adopted solution to other cities."""
    collaboration = find(request, reference)
    verdict = may_offer(request.user, collaboration)
    if not verdict or not is_person(request.user):
        raise Refused(verdict.reason)
    if request.method != "POST" and (made := Offer.objects.filter(collaboration=collaboration).first()):
        return redirect("portal:offer", pk=made.pk)
    form = OfferForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                made = offer_solution(collaboration=collaboration, by=request.user, **form.cleaned_data)
            except (Refused, Stale) as fault:
                form.add_error(None, str(fault.reason))
                status = 409
            else:
                messages.success(request, _("The solution is offered to other cities."))
                return redirect("portal:offer", pk=made.pk)
    return render(request, "programme/offer_new.html", {"it": collaboration, "form": form}, status=status)
