"""Forms of the challenge pages. A draft may lack anything but its title."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from balai.challenges.models import BudgetRoute, Challenge, ChallengeState
from balai.challenges.queries import needs_to_pose
from balai.indicators.models import Dimension, Indicator
from balai.needs.models import Need
from balai.people.models import Organisation

SCHEMES = [("playground", "Playground"), ("co-develop", "Co-Develop"), ("user", "User")]
ALL = ("", _("all"))
OFFERED = 40
"""How many needs the form offers to pose a challenge from."""


class ListFilter(forms.Form):
    q = forms.CharField(label=_("Words"), required=False, max_length=100)
    dimension = forms.ChoiceField(label=_("Dimension"), required=False, choices=[ALL, *Dimension.choices])
    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[ALL, *(c for c in ChallengeState.choices if c[0] != ChallengeState.DRAFT)],
    )


class DayInput(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class NeedsField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.reference} · {obj.title} ({obj.support_count})"


def _text(label: Any, most: int, help_text: Any = "", rows: int = 4) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        max_length=most,
        help_text=help_text,
        widget=forms.Textarea(attrs={"rows": rows}),
    )


class ChallengeForm(forms.Form):
    title = forms.CharField(label=_("Title"), max_length=160)
    title_en = forms.CharField(label=_("Title in English"), max_length=160, required=False)
    brief = _text(_("What is wanted"), 8000, _("The problem, whom it hits, and what success looks like."), 7)
    brief_en = _text(_("What is wanted, in English"), 8000, rows=5)
    dimension = forms.ChoiceField(
        label=_("Dimension"), required=False, choices=[("", _("not chosen")), *Dimension.choices]
    )
    indicator = forms.ModelChoiceField(
        Indicator.objects.none(),
        label=_("Indicator that should change"),
        required=False,
        empty_label=_("not chosen"),
    )
    baseline = forms.DecimalField(
        label=_("Value today"),
        required=False,
        max_digits=18,
        decimal_places=4,
        help_text=_("In the indicator's unit."),
    )
    baseline_period = forms.CharField(
        label=_("Period of this value"),
        required=False,
        max_length=40,
        help_text=_("Such as 2025 or 2025-06."),
    )
    baseline_source = forms.CharField(label=_("Source of this value"), required=False, max_length=300)
    target = forms.DecimalField(label=_("Value wanted"), required=False, max_digits=18, decimal_places=4)
    data_access = _text(_("Data the city gives"), 4000, _("Which data, how, under which terms. Or: none."))
    budget_route = forms.ChoiceField(
        label=_("Who pays"), required=False, choices=[("", _("not chosen")), *BudgetRoute.choices]
    )
    budget_note = forms.CharField(
        label=_("Budget line or source"),
        required=False,
        max_length=300,
        help_text=_("Needed where the regional budget or another source pays."),
    )
    adoption_route = _text(_("What happens if it works"), 4000)
    contact = forms.CharField(
        label=_("Unit that answers"), required=False, max_length=200, help_text=_("A unit, never a person.")
    )
    schemes = forms.MultipleChoiceField(
        label=_("Schemes that may answer"),
        required=False,
        choices=SCHEMES,
        widget=forms.CheckboxSelectMultiple,
    )
    questions_until = forms.DateField(label=_("Questions until"), required=False, widget=DayInput)
    closes_on = forms.DateField(label=_("Applications until"), required=False, widget=DayInput)
    needs = NeedsField(
        Need.objects.none(),
        label=_("Needs it comes from"),
        required=False,
        to_field_name="reference",
        help_text=_("Everyone behind them is told when the challenge opens. In brackets: supporters."),
        widget=forms.CheckboxSelectMultiple,
    )
    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(
        self,
        *args: Any,
        city: str,
        agencies: list[Organisation] | None = None,
        chosen: list[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["indicator"].queryset = Indicator.objects.all()  # type: ignore[attr-defined]
        keys = [str(pk) for pk in chosen or []]
        offered = [need.pk for need in needs_to_pose(city, keys)[:OFFERED]]
        rows = Need.objects.filter(pk__in=[*offered, *keys], city=city).exclude(state="hidden")
        self.fields["needs"].queryset = rows.order_by("-support_count")  # type: ignore[attr-defined]
        if agencies is not None:
            self.fields["agency"] = forms.ModelChoiceField(
                Organisation.objects.filter(pk__in=[agency.pk for agency in agencies]).order_by("name"),
                label=_("Problem owner"),
                to_field_name="slug",
                empty_label=None,
            )
            self.order_fields(["agency", "title", "title_en", "needs"])

    @classmethod
    def values_of(cls, challenge: Challenge) -> dict[str, Any]:
        """What the form shows of a stored challenge."""
        names = [name for name in cls.base_fields if name not in ("needs", "seen")]
        values = {name: getattr(challenge, name) for name in names}
        return values | {
            "indicator": challenge.indicator_id,
            "needs": [need.reference for need in challenge.needs.all()],
            "seen": challenge.revision,
        }


class QuestionForm(forms.Form):
    text = forms.CharField(
        label=_("Your question"),
        max_length=1000,
        help_text=_("Question and answer are public; your name is not shown."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class AnswerForm(forms.Form):
    text = forms.CharField(
        label=_("Public answer"), max_length=3000, widget=forms.Textarea(attrs={"rows": 3})
    )


class ReasonForm(forms.Form):
    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("Reason, which everyone can read"), max_length=300, widget=forms.Textarea(attrs={"rows": 2})
    )


class ExtendForm(ReasonForm):
    closes_on = forms.DateField(label=_("New closing day"), widget=DayInput)


class OpenForm(forms.Form):
    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)
