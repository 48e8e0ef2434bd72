"""Evaluations, surveys and readiness of cities: what was judged, and the forms of those who judge."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_POST, require_safe

from balai.core.errors import BalaiError, Invalid, Refused, Stale
from balai.core.pagination import paginate
from balai.core.rules import require
from balai.indicators.shipped import ministry_dimensions
from balai.people.models import City, User
from balai.people.rules import is_person
from balai.portal import charts
from balai.portal.forms import refuse
from balai.portal.pilots.forms import DayInput, text_area
from balai.programme.assessing import (
    appoint_assessor,
    close_evaluation,
    declare_conflict,
    judge_readiness,
    name_members,
    open_evaluation,
    record_survey,
    score,
)
from balai.programme.models import Assessor, Cohort, Element, Evaluation, EvaluationMethod, Readiness
from balai.programme.models.assessment import COMPONENTS, ENOUGH
from balai.programme.queries import assessors_of, evaluations_for
from balai.programme.results import re_weighted, result_of, survey_result
from balai.programme.rules import (
    may_close_evaluation,
    may_judge_readiness,
    may_run_programme,
    may_score,
    may_see_evaluation,
    may_survey,
)


@require_safe
def evaluations(request: HttpRequest) -> HttpResponse:
    """Evaluations, the latest first: closed ones for everybody."""
    page = paginate(evaluations_for(request.user), request.GET.get("cursor"), by="opened_at")
    return render(
        request,
        "programme/evaluations.html",
        {"page": page, "may_open": may_run_programme(request.user)},
    )


class OpenForm(forms.Form):
    city = forms.ModelChoiceField(label=lazy("City"), queryset=City.objects.order_by("name"))
    year = forms.IntegerField(label=lazy("Year"), min_value=2017, max_value=2100)
    method = forms.ModelChoiceField(
        label=lazy("Version of the weights"), queryset=EvaluationMethod.objects.all(), empty_label=None
    )


@login_required
def evaluation_new(request: HttpRequest) -> HttpResponse:
    """Open a city's evaluation of a year."""
    require(may_run_programme(request.user))
    assert is_person(request.user)
    form = OpenForm(request.POST or None, initial={"year": timezone.localdate().year})
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                made = open_evaluation(by=request.user, **form.cleaned_data)
            except Stale as fault:
                form.add_error(None, str(fault.reason))
                status = 409
            else:
                return redirect("portal:evaluation", pk=made.pk)
    return render(
        request, "programme/evaluation_new.html", {"form": form, "methods": _methods()}, status=status
    )


def _methods() -> list[EvaluationMethod]:
    return list(EvaluationMethod.objects.all())


@require_safe
def evaluation(request: HttpRequest, pk: str) -> HttpResponse:
    """How a city did, by which weights, how far the assessors are apart, what citizens said."""
    found = _find(request, pk)
    assessors = assessors_of(found)
    mine = next((one for one in assessors if one.user_id == request.user.pk), None)
    runs = bool(may_run_programme(request.user))
    result = result_of(found, assessors) if found.closed_at or runs else None
    surveys = [survey_result(row) for row in found.surveys.all()]
    dimensions = ministry_dimensions()
    chart = table = ""
    if result:
        chart = charts.intervals(
            [
                charts.Interval(COMPONENTS[part.key], part.score, part.low, part.high)
                for part in result.components
            ],
            title=_("Components of the evaluation"),
            desc=_("The mean of the assessors, and how far they are apart, from 0 to 100."),
        )
        table = charts.figure_table(
            [_("Component"), _("Weight, %"), _("Mean"), _("Lowest"), _("Highest")],
            [
                (COMPONENTS[part.key], part.weight, part.score, part.low, part.high)
                for part in result.components
            ],
        )
    others = (
        [
            (method, re_weighted(result, method.weights))
            for method in _methods()
            if method.pk != found.method_id
        ]
        if result
        else []
    )
    return render(
        request,
        "programme/evaluation.html",
        {
            "it": found,
            "result": result,
            "chart": chart,
            "table": table,
            "others": others,
            "reasons": [
                (COMPONENTS[row.component], row.reason)
                for one in assessors
                if one.conflict_at is None
                for row in one.scores.all()
            ]
            if result
            else [],
            "derived": [COMPONENTS[key] for key in found.method.derived],
            "surveys": [(row, dimensions.get(row.survey.dimension)) for row in surveys],
            "enough": ENOUGH,
            "assessors": assessors if runs else [],
            "judges": sum(one.conflict_at is None for one in assessors),
            "mine": mine,
            "may_score": may_score(request.user, mine) if mine else None,
            "may_survey": may_survey(request.user, found),
            "may_close": may_close_evaluation(request.user, found) if runs else None,
            "runs": runs,
        },
    )


class ScoreForm(forms.Form):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for key, label in COMPONENTS.items():
            self.fields[key] = forms.DecimalField(
                label=label, min_value=0, max_value=100, decimal_places=2, help_text=_("0 to 100")
            )
            self.fields[f"{key}_reason"] = forms.CharField(
                label=_("What shows it: %(component)s") % {"component": label},
                widget=text_area(2),
                max_length=2000,
            )


@login_required
def evaluation_score(request: HttpRequest, pk: str) -> HttpResponse:
    """An assessor's scores, each with its reason."""
    found = _find(request, pk)
    assert is_person(request.user)
    mine = found.assessors.filter(user=request.user).select_related("evaluation__city").first()
    if mine is None:
        raise Refused(_("Only the appointed assessor scores."))
    require(may_score(request.user, mine))
    given = {row.component: row for row in mine.scores.all()}
    initial: dict[str, Any] = {key: row.score for key, row in given.items()}
    initial |= {f"{key}_reason": row.reason for key, row in given.items()}
    form = ScoreForm(request.POST or None, initial=initial)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            values = form.cleaned_data
            try:
                score(
                    assessor=mine,
                    scores={key: (Decimal(values[key]), values[f"{key}_reason"]) for key in COMPONENTS},
                    by=request.user,
                )
            except Invalid as fault:
                refuse(form, fault)
            else:
                messages.success(request, _("Your scores are kept."))
                return redirect("portal:evaluation", pk=found.pk)
    return render(request, "programme/evaluation_score.html", {"it": found, "form": form}, status=status)


class SurveyForm(forms.Form):
    programme = forms.CharField(label=lazy("Which programme was asked about"), max_length=200)
    dimension = forms.ChoiceField(
        label=lazy("Dimension of the movement"), choices=lambda: list(ministry_dimensions().items())
    )
    held_from = forms.DateField(label=lazy("From"), widget=DayInput)
    held_until = forms.DateField(label=lazy("Until"), widget=DayInput)
    how = forms.CharField(label=lazy("Who was asked, and how they were chosen"), max_length=300)
    n1 = forms.IntegerField(label=lazy("How many answered 1 (very bad)"), min_value=0, max_value=10**6)
    n2 = forms.IntegerField(label=lazy("How many answered 2"), min_value=0, max_value=10**6)
    n3 = forms.IntegerField(label=lazy("How many answered 3"), min_value=0, max_value=10**6)
    n4 = forms.IntegerField(label=lazy("How many answered 4"), min_value=0, max_value=10**6)
    n5 = forms.IntegerField(label=lazy("How many answered 5 (very good)"), min_value=0, max_value=10**6)


@login_required
def evaluation_survey(request: HttpRequest, pk: str) -> HttpResponse:
    """What citizens answered about one programme."""
    found = _find(request, pk)
    assert is_person(request.user)
    require(may_survey(request.user, found))
    form = SurveyForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            values = form.cleaned_data
            kept = {name: values[name] for name in ("programme", "held_from", "held_until", "how")}
            kept |= {"dimension": values["dimension"], "answers": [values[f"n{n}"] for n in range(1, 6)]}
            try:
                record_survey(evaluation=found, by=request.user, values=kept)
            except Invalid as fault:
                refuse(form, fault)
            except Stale as fault:
                form.add_error(None, str(fault.reason))
                status = 409
            else:
                messages.success(request, _("The survey is kept."))
                return redirect("portal:evaluation", pk=found.pk)
    return render(request, "programme/evaluation_survey.html", {"it": found, "form": form}, status=status)


class AppointForm(forms.Form):
    email = forms.EmailField(label=lazy("E-mail address of the assessor"))


class ConflictForm(forms.Form):
    reason = forms.CharField(label=lazy("What the conflict is"), max_length=500, widget=text_area(2))


@login_required
@require_POST
def evaluation_act(request: HttpRequest, pk: str, what: str) -> HttpResponse:
    """Appoint an assessor, step aside, close."""
    found = _find(request, pk)
    assert is_person(request.user)
    match what:
        case "tunjuk":
            require(may_run_programme(request.user))
            asked = AppointForm(request.POST)
            person = (
                User.objects.filter(email__iexact=asked.cleaned_data["email"], is_active=True).first()
                if asked.is_valid()
                else None
            )
            if person is None:
                raise Invalid(_("Nobody with this address has an account here."))
            appoint_assessor(evaluation=found, user=person, by=request.user)
            messages.success(request, _("The assessor is appointed and told."))
        case "mundur":
            mine = _mine(found, request.user)
            form = ConflictForm(request.POST)
            form.is_valid()
            declare_conflict(assessor=mine, reason=form.cleaned_data.get("reason", ""), by=request.user)
            messages.success(request, _("You stepped aside. Your scores count no more."))
            return redirect("portal:evaluations")
        case "tutup":
            close_evaluation(evaluation=found, by=request.user)
            messages.success(request, _("The evaluation is closed and public."))
        case _:
            raise Http404
    return redirect("portal:evaluation", pk=found.pk)


def _mine(found: Evaluation, user: User) -> Assessor:
    mine = found.assessors.filter(user=user).select_related("evaluation__city").first()
    if mine is None:
        raise Refused(_("Only the appointed assessor scores."))
    return mine


class ReadinessForm(forms.Form):
    year = forms.IntegerField(label=lazy("Year"), min_value=2017, max_value=2100)
    element = forms.ChoiceField(label=lazy("What is judged"), choices=Element)
    level = forms.TypedChoiceField(
        label=lazy("How far it is"), choices=Readiness.LEVELS, coerce=int, widget=forms.RadioSelect
    )
    evidence = forms.CharField(
        label=lazy("What shows it"),
        help_text=lazy("A document, a budget line, a place."),
        widget=text_area(3),
        max_length=2000,
    )
    evidence_url = forms.URLField(
        label=lazy("Its address"), max_length=500, required=False, assume_scheme="https"
    )


@login_required
def readiness_new(request: HttpRequest, slug: str) -> HttpResponse:
    """Judge one element of a city's readiness."""
    city = get_object_or_404(City, slug=slug)
    assert is_person(request.user)
    year = timezone.localdate().year
    require(may_judge_readiness(request.user, city, year))
    form = ReadinessForm(request.POST or None, initial={"year": year})
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                judge_readiness(city=city, by=request.user, **form.cleaned_data)
            except Invalid as fault:
                refuse(form, fault)
            except BalaiError as fault:
                form.add_error(None, str(fault.reason))
                status = 403
            else:
                messages.success(request, _("The judgement is kept."))
                return redirect("portal:city", slug=city.slug)
    return render(request, "programme/readiness_new.html", {"city": city, "form": form}, status=status)


class MembersForm(forms.Form):
    codes = forms.CharField(
        label=lazy("Codes of the cities (BPS)"),
        help_text=lazy("One a line, or with commas between them: 3273, 3374."),
        widget=text_area(6),
        max_length=8000,
    )
    source = forms.CharField(label=lazy("Source"), max_length=300)
    source_url = forms.URLField(
        label=lazy("Address of the source"), max_length=400, required=False, assume_scheme="https"
    )
    as_of = forms.DateField(label=lazy("Day of the source"), widget=DayInput)


@login_required
def cohort_members(request: HttpRequest, year: int) -> HttpResponse:
    """Name the cities of an intake, as a source lists them."""
    cohort = get_object_or_404(Cohort, pk=year)
    assert is_person(request.user)
    require(may_run_programme(request.user))
    form = MembersForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            values = form.cleaned_data
            codes = values.pop("codes").replace(",", " ").replace(";", " ").split()
            try:
                new, unknown = name_members(cohort=cohort, codes=codes, by=request.user, **values)
            except Invalid as fault:
                refuse(form, fault)
            else:
                messages.success(request, _("%(n)s cities were named.") % {"n": new})
                if unknown:
                    messages.warning(
                        request, _("Not known here: %(codes)s.") % {"codes": ", ".join(unknown[:50])}
                    )
                return redirect("portal:movement")
    return render(request, "programme/cohort_members.html", {"cohort": cohort, "form": form}, status=status)


def _find(request: HttpRequest, pk: str) -> Evaluation:
    """The evaluation, for those who may see it; for anybody else there is none."""
    found = get_object_or_404(Evaluation.objects.select_related("city", "method"), pk=pk)
    if not may_see_evaluation(request.user, found):
        raise Http404
    return found
