"""Forms of numbering, rounds of signing, ceremonies and remote signing."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from balai.agreements.models import Agreement, AgreementKind, Certainty, SigningMode
from balai.people.models import Organisation
from balai.portal.agreements.forms import DATE


class NumberForm(forms.Form):
    place = forms.IntegerField(widget=forms.HiddenInput)
    number = forms.CharField(label=_("Number"), max_length=120, required=False)

    def __init__(self, *args: Any, proposed: str = "", city: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["number"]
        field.required = not city
        if city and proposed:
            field.help_text = _("Leave it empty to take the next of the series: %(number)s.") % {
                "number": proposed
            }
        elif city:
            field.required = True
            field.help_text = _("No pattern is on record. Enter the number the letter office gave.")
        else:
            field.help_text = _("As your own register writes it. The hub makes up no number.")


class ReasonForm(forms.Form):
    reason = forms.CharField(label=_("Why?"), max_length=500, help_text=_("It stands on the public ledger."))


class PatternForm(forms.Form):
    organisation = forms.ModelChoiceField(label=_("Agency"), queryset=Organisation.objects.none())
    kind = forms.ChoiceField(label=_("Kind of document"), choices=AgreementKind.choices)
    template = forms.CharField(
        label=_("Pattern"),
        max_length=120,
        help_text=_(
            "Fields in braces: {classification}, {serial}, {type}, {unit}, {month} (Roman), {year}. For"
            " example {classification}/{serial}/{type}/{unit}/{year}."
        ),
    )
    classification = forms.CharField(label=_("Archive classification"), max_length=30, required=False)
    document_type = forms.CharField(label=_("Code of the document type"), max_length=30, required=False)
    unit = forms.CharField(label=_("Code of the unit"), max_length=30, required=False)
    digits = forms.IntegerField(label=_("Digits of the serial"), min_value=1, max_value=6, initial=1)
    source = forms.CharField(
        label=_("Source"), max_length=300, help_text=_("The decree or the letter office, with date.")
    )
    certainty = forms.ChoiceField(
        label=_("How sure is it?"), choices=Certainty.choices, initial=Certainty.COUNSEL
    )

    def __init__(self, city: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["organisation"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Organisation.objects.filter(city=city, kind="agency", active=True).order_by("name")


class PlanForm(forms.Form):
    mode = forms.ChoiceField(label=_("Manner"), choices=SigningMode.choices, widget=forms.RadioSelect)
    ordered = forms.BooleanField(label=_("The parties sign in their order"), required=False)
    until = forms.DateField(
        label=_("Last day to sign"),
        widget=DATE,
        required=False,
        help_text=_(
            "Empty: no last day. Everybody is reminded seven days before, the day before and on the day."
            " After it the round is closed; signatures given stay."
        ),
    )


class ParentForm(forms.Form):
    memorandum = forms.ModelChoiceField(
        label=_("Memorandum (MoU)"),
        queryset=Agreement.objects.none(),
        required=False,
        empty_label=_("none"),
        help_text=_("In force, of this city, with the same partner as a party."),
    )

    def __init__(self, choices: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["memorandum"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = choices


class CeremonyForm(forms.Form):
    title = forms.CharField(label=_("Title, Bahasa Indonesia"), max_length=200)
    title_en = forms.CharField(label=_("Title, English"), max_length=200, required=False)
    place = forms.CharField(label=_("Place"), max_length=200)
    starts_at = forms.DateTimeField(
        label=_("Begins"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    agreements = forms.ModelMultipleChoiceField(
        label=_("Agreements"), queryset=Agreement.objects.none(), widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, choices: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["agreements"]
        assert isinstance(field, forms.ModelMultipleChoiceField)
        field.queryset = choices


class ManyForm(forms.Form):
    papers = forms.MultipleChoiceField(
        label=_("Documents you sign"), widget=forms.CheckboxSelectMultiple, required=False
    )
    consent = forms.BooleanField(
        label=_(
            "I have read the documents ticked above and agree to each of them by its SHA-256. I am the"
            " signatory each of them names and hold the mandate it names. I consent to the electronic"
            " signature."
        )
    )

    def __init__(self, choices: list[tuple[str, str]], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["papers"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = choices
        self.fields["consent"].error_messages["required"] = _("Tick the sentence to say that you agree.")


class AccountForm(forms.Form):
    user_id = forms.CharField(
        label=_("Your account at the service"),
        max_length=200,
        help_text=_("As you registered it there, for example your e-mail address."),
    )


class RemoteForm(forms.Form):
    seen = forms.CharField(widget=forms.HiddenInput, max_length=64)
    user_id = forms.CharField(widget=forms.HiddenInput, max_length=200)
    credential = forms.ChoiceField(label=_("Key"), widget=forms.RadioSelect)
    pin = forms.CharField(
        label=_("PIN"),
        max_length=64,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=_("If the service asks for one. The hub passes it on and keeps nothing of it."),
    )
    otp = forms.CharField(
        label=_("One-time code"),
        max_length=20,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )

    def __init__(self, choices: list[tuple[str, str]], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["credential"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices
