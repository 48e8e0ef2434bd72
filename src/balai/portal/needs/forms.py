"""Forms of the needs pages. They check types; the room's actions check the rest."""

from typing import Any
from uuid import uuid4

from django import forms
from django.core.validators import RegexValidator
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from balai.indicators.models import Dimension
from balai.needs.models import CloseReason, NeedState
from balai.needs.queries import possible_agencies
from balai.people.models import Area, City, Organisation
from balai.people.rules import Reader, hats_in_city
from balai.portal.templatetags.balai import dimension as dimension_badge

ABOUT = {
    Dimension.GOVERNMENT: _("services, permits, information of the city"),
    Dimension.MOBILITY: _("walking, roads, buses, trains, parking"),
    Dimension.ENVIRONMENT: _("water, floods, air, waste, trees"),
    Dimension.PEOPLE: _("learning, culture, taking part"),
    Dimension.ECONOMY: _("work, small business, markets, payment"),
    Dimension.LIVING: _("health, safety, housing, social aid"),
}
ALL = ("", _("all"))
MINE = [
    ("", _("everybody's")),
    ("voiced", _("voiced by me")),
    ("supported", _("supported by me")),
    ("followed", _("followed by me")),
]
DESK = ("desk", _("waiting for my answer"))


class ListFilter(forms.Form):
    q = forms.CharField(label=_("Words"), required=False, max_length=100)
    dimension = forms.ChoiceField(label=_("Dimension"), required=False, choices=[ALL, *Dimension.choices])
    state = forms.ChoiceField(label=_("State"), required=False)
    area = forms.ChoiceField(label=_("Area"), required=False)
    mine = forms.ChoiceField(label=_("Whose"), required=False)

    def __init__(
        self, *args: Any, areas: list[tuple[str, str]], user: Reader, city: str, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        shown = [(value, label) for value, label in NeedState.choices if value != NeedState.HIDDEN]
        self.fields["state"].choices = [ALL, *shown]  # type: ignore[attr-defined]
        self.fields["area"].choices = [ALL, *areas]  # type: ignore[attr-defined]
        if user.is_authenticated:
            desk = [DESK] if hats_in_city(user, city) else []
            self.fields["mine"].choices = [*MINE, *desk]  # type: ignore[attr-defined]
        else:
            del self.fields["mine"]


def _no_control(value: str) -> None:
    if "\0" in value:
        raise forms.ValidationError(_("This text contains a character that cannot be stored."))


class VoiceForm(forms.Form):
    """One column, one minute. Every field's text survives every error and the step of look-alikes."""

    title = forms.CharField(
        label=_("What should change?"),
        max_length=120,
        help_text=_("In a few words, as you would tell a neighbour."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    text = forms.CharField(
        label=_("Tell more"),
        max_length=2000,
        help_text=_("What happens now, to whom, how often? What would be better? At most 2,000 characters."),
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    dimension = forms.ChoiceField(label=_("What is it about?"), widget=forms.RadioSelect)
    place = forms.CharField(
        label=_("Where?"),
        max_length=200,
        required=False,
        help_text=_("Street, stop, building or neighbourhood."),
    )
    area = forms.ModelChoiceField(
        Area.objects.none(),
        label=_("District"),
        required=False,
        to_field_name="code",
        empty_label=_("not sure"),
    )
    photo = forms.FileField(
        label=_("Photo"),
        required=False,
        help_text=_("JPEG, PNG or WebP. Where it was taken is removed from the file. Show no faces, please."),
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp"}),
    )
    latitude = forms.FloatField(
        label=_("Latitude"), required=False, min_value=-90, max_value=90, localize=False
    )
    longitude = forms.FloatField(
        label=_("Longitude"), required=False, min_value=-180, max_value=180, localize=False
    )
    show_name = forms.BooleanField(
        label=_("Show my name"),
        required=False,
        help_text=_("Otherwise the page says “a citizen”; only you know that it was you."),
    )
    key = forms.UUIDField(widget=forms.HiddenInput)
    photo_kept = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, city: City, **kwargs: Any) -> None:
        kwargs["initial"] = {"key": uuid4(), **(kwargs.get("initial") or {})}
        super().__init__(*args, **kwargs)
        self.fields["area"].queryset = Area.objects.filter(city=city)  # type: ignore[attr-defined]
        self.fields["dimension"].choices = [  # type: ignore[attr-defined]
            (
                value,
                format_html(
                    '<span class="stack tight">{} <span class="help">{}</span></span>',
                    dimension_badge(value),
                    ABOUT[value],
                ),
            )
            for value in Dimension
        ]
        for name in ("title", "text", "place"):
            self.fields[name].validators.append(_no_control)

    @property
    def keep(self) -> dict[str, str]:
        """What a page in between has to carry as hidden fields."""
        kept = {}
        for name, field in self.fields.items():
            value = self.data.get(name, "")
            if name == "photo" or value in ("", None):
                continue
            if isinstance(field, forms.BooleanField):
                value = "on"
            kept[name] = str(value)
        return kept


class SeenForm(forms.Form):
    """``seen`` is the revision the page showed, so that the second of two is told."""

    seen = forms.IntegerField(widget=forms.HiddenInput, required=False)


class AgencyForm(SeenForm):
    agency = forms.ModelChoiceField(
        Organisation.objects.none(), label=_("In the name of"), to_field_name="slug", empty_label=None
    )

    def __init__(self, *args: Any, agencies: list[Organisation], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["agency"].queryset = Organisation.objects.filter(  # type: ignore[attr-defined]
            pk__in=[agency.pk for agency in agencies]
        )


class AnswerForm(AgencyForm):
    text = forms.CharField(
        label=_("Public answer"),
        max_length=4000,
        help_text=_("What the city will do, by when, and who is responsible. Everyone can read it."),
        widget=forms.Textarea(attrs={"rows": 5}),
    )


class DeclineForm(AgencyForm):
    reason = forms.ChoiceField(label=_("Reason"), choices=CloseReason.choices)
    text = forms.CharField(
        label=_("Explanation"),
        max_length=4000,
        help_text=_("Say it so that the author understands and knows where to turn. Everyone can read it."),
        widget=forms.Textarea(attrs={"rows": 4}),
    )


class MergeForm(SeenForm):
    into = forms.CharField(
        label=_("Reference of the need that remains"),
        max_length=20,
        help_text=_("Such as KBT-2026-0012. Author, supporters and followers go along and are told."),
    )


class ComplaintForm(forms.Form):
    number = forms.CharField(
        label=_("Report number in the city's complaint system"),
        max_length=60,
        required=False,
        help_text=_(
            "Where the same matter was reported as a complaint (JAKI, LAPOR). Leave empty to take it away."
        ),
        validators=[RegexValidator(r"^[\w\-/. ]*$", _("Letters, digits, hyphen, slash and full stop only."))],
    )


class AssignForm(SeenForm):
    agency = forms.ModelChoiceField(Organisation.objects.none(), label=_("Agency"), to_field_name="slug")

    def __init__(self, *args: Any, city: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["agency"].queryset = possible_agencies(city)  # type: ignore[attr-defined]


class HideForm(SeenForm):
    reason = forms.CharField(
        label=_("Reason, which the author reads"), max_length=500, widget=forms.Textarea(attrs={"rows": 3})
    )


class TermsForm(forms.Form):
    answer_days = forms.IntegerField(label=_("Working days to answer"), min_value=1, max_value=60)
    needs_per_day = forms.IntegerField(
        label=_("Needs a person may voice in a day"), min_value=1, max_value=100
    )
    confirmations = forms.IntegerField(
        label=_("People who confirm before a need counts as solved"), min_value=1, max_value=50
    )
