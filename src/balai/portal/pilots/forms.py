"""Forms of a pilot's pages."""

import json
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from balai.core.errors import Invalid
from balai.indicators.models import Indicator
from balai.pilots.geofence import check_fence
from balai.pilots.models import Pilot, Severity, Site
from balai.pilots.monitoring import questions


class DayInput(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


def text_area(rows: int = 3) -> forms.Textarea:
    return forms.Textarea({"rows": rows})


class PlanForm(forms.Form):
    starts_on = forms.DateField(label=lazy("Starts on"), widget=DayInput)
    ends_on = forms.DateField(label=lazy("Ends on"), widget=DayInput)
    asset = forms.CharField(
        label=lazy("City asset used"),
        help_text=lazy("Road, park, building, cameras or data, and which unit owns it."),
        widget=text_area(),
        max_length=2000,
        required=False,
    )
    safety_plan = forms.CharField(
        label=lazy("Safety plan"),
        help_text=lazy("Hazards, prevention, limits, who watches."),
        widget=text_area(4),
        max_length=4000,
        required=False,
    )
    stop_criteria = forms.CharField(
        label=lazy("When it must stop"), widget=text_area(), max_length=2000, required=False
    )
    restart_criteria = forms.CharField(
        label=lazy("When it may go on again"), widget=text_area(), max_length=2000, required=False
    )
    insurance = forms.CharField(label=lazy("Insurance"), max_length=200, required=False)

    @staticmethod
    def initial_of(pilot: Pilot | None) -> dict[str, Any]:
        """What is planned so far."""
        if pilot is None:
            return {}
        return {name: getattr(pilot, name) for name in PlanForm.base_fields}


class SiteForm(forms.Form):
    name = forms.CharField(label=lazy("Name of the place"), max_length=160)
    latitude = forms.FloatField(label=lazy("Latitude"), min_value=-90, max_value=90)
    longitude = forms.FloatField(label=lazy("Longitude"), min_value=-180, max_value=180)
    radius_m = forms.IntegerField(
        label=lazy("Radius in metres"),
        help_text=lazy("The boundary is this circle, unless you give an outline."),
        min_value=1,
        max_value=50_000,
        required=False,
    )
    fence = forms.CharField(
        label=lazy("Outline as a GeoJSON Polygon"), widget=text_area(), max_length=40_000, required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("latitude", "longitude"):
            self.fields[name].widget.attrs |= {"step": "any"}

    def clean_fence(self) -> Any:
        text = self.cleaned_data["fence"].strip()
        if not text:
            return None
        try:
            fence = json.loads(text)
        except (ValueError, RecursionError):
            raise forms.ValidationError(_("This is not GeoJSON.")) from None
        try:
            check_fence(fence)
        except Invalid as fault:
            raise forms.ValidationError([str(m) for texts in fault.fields.values() for m in texts]) from None
        return fence


class MilestoneForm(forms.Form):
    title = forms.CharField(label=lazy("What is reached"), max_length=200)
    due_on = forms.DateField(label=lazy("By"), widget=DayInput)


class ReachForm(forms.Form):
    evidence = forms.FileField(
        label=lazy("Evidence"), help_text=lazy("A report or a photo. Optional."), required=False
    )


class ObligationForm(forms.Form):
    side = forms.ChoiceField(
        label=lazy("Who promises"),
        choices=[("partner", lazy("the partner")), ("city", lazy("the city"))],
        widget=forms.RadioSelect,
    )
    text = forms.CharField(label=lazy("What"), max_length=300)
    due_on = forms.DateField(label=lazy("By"), widget=DayInput, required=False)


class EvaluationForm(forms.Form):
    indicator = forms.ModelChoiceField(label=lazy("Indicator"), queryset=Indicator.objects.all())
    baseline = forms.DecimalField(label=lazy("Baseline"), max_digits=18, decimal_places=4)
    baseline_period = forms.CharField(label=lazy("Period of the baseline"), max_length=40)
    target = forms.DecimalField(label=lazy("Target"), max_digits=18, decimal_places=4)
    method = forms.CharField(
        label=lazy("How it will be measured"),
        help_text=lazy("Where, when, how many, against what comparison. Fixed once it starts."),
        widget=text_area(5),
        max_length=2000,
    )


class SiteChoice(forms.ModelChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: Site) -> str:
        return obj.name


class IncidentForm(forms.Form):
    severity = forms.ChoiceField(label=lazy("How bad"), choices=Severity.choices, widget=forms.RadioSelect)
    happened_at = forms.DateTimeField(
        label=lazy("When it happened"),
        widget=forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    site = SiteChoice(label=lazy("Where"), queryset=Site.objects.none(), required=False)
    people_hurt = forms.IntegerField(label=lazy("People hurt"), min_value=0, max_value=100_000, initial=0)
    text = forms.CharField(
        label=lazy("What happened"),
        help_text=lazy("No names of people. Kind, time and number hurt are public at once."),
        widget=text_area(5),
        max_length=4000,
    )

    def __init__(self, *args: Any, pilot: Pilot | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        sites = self.fields["site"]
        assert isinstance(sites, forms.ModelChoiceField)
        sites.queryset = Site.objects.filter(pilot=pilot, active=True)
        self.fields["happened_at"].initial = timezone.localtime


class CloseIncidentForm(forms.Form):
    measures = forms.CharField(
        label=lazy("What was done so that it does not happen again"), widget=text_area(4), max_length=4000
    )


class ReportForm(forms.Form):
    period = forms.CharField(label=lazy("Period"), help_text=lazy("For example 2026-S1."), max_length=20)

    def __init__(self, *args: Any, form: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.keys = [question.key for question in questions(form)]
        for question in questions(form):
            self.fields[question.key] = forms.CharField(
                label=str(question.label), widget=text_area(2), max_length=2000
            )
        self.fields["rating"] = forms.TypedChoiceField(
            label=_("Rating"),
            help_text=_("1 is poor, 5 is very good."),
            choices=[(str(n), str(n)) for n in range(1, 6)],
            coerce=int,
            widget=forms.RadioSelect,
        )
        self.fields["advice"] = forms.ChoiceField(
            label=_("Advice"),
            choices=[
                ("continue", _("continue")),
                ("expand", _("expand")),
                ("fix", _("fix")),
                ("stop", _("stop")),
            ],
            widget=forms.RadioSelect,
        )
        self.fields["evidence"] = forms.FileField(label=_("Evidence"), required=False)


class EffectForm(forms.Form):
    observed = forms.DecimalField(label=lazy("Observed value"), max_digits=18, decimal_places=4)
    period = forms.CharField(label=lazy("Period measured"), max_length=40)
    sample = forms.CharField(label=lazy("How many measurements"), max_length=100, required=False)
    confidence = forms.CharField(
        label=lazy("How sure it is"),
        help_text=lazy("An interval, or in words."),
        max_length=300,
        required=False,
    )
    other_events = forms.CharField(
        label=lazy("What else happened in that time"), widget=text_area(), max_length=2000, required=False
    )
