from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from balai.people.keys import SCOPES
from balai.people.models import City, Organisation, OrganisationKind, User
from balai.people.organisations import roles_offered
from balai.people.queries import hosted_cities

ROOM_NAMES = {
    "needs": _("needs"),
    "challenges": _("challenges"),
    "collaborations": _("collaborations"),
    "applications": _("applications"),
    "agreements": _("agreements"),
    "pilots": _("pilots"),
    "indicators": _("indicators"),
    "observations": _("observations"),
    "people": _("people and organisations"),
    "ledger": _("the ledger"),
}
READ, WRITE = _("read %(room)s"), _("read and change %(room)s")


class ProfileForm(forms.Form):
    name = forms.CharField(
        label=_("Your name"),
        max_length=150,
        help_text=_("Officials and partners you work with see it. Needs show it only if you choose so."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    language = forms.ChoiceField(
        label=_("Language of our mails"), choices=User._meta.get_field("language").choices or []
    )
    city = forms.ModelChoiceField(
        label=_("Your city"), queryset=City.objects.none(), required=False, empty_label=_("No city")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["city"].queryset = hosted_cities()  # type: ignore[attr-defined]


class OrganisationForm(forms.Form):
    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=[(kind.value, kind.label) for kind in (OrganisationKind.COMPANY, OrganisationKind.COMMUNITY)],
        widget=forms.RadioSelect,
        initial=OrganisationKind.COMPANY.value,
    )
    name = forms.CharField(
        label=_("Name"), max_length=200, help_text=_("The legal name, as it will stand in an agreement.")
    )
    about = forms.CharField(
        label=_("What you do"),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    website = forms.URLField(label=_("Website"), max_length=200, required=False, assume_scheme="https")
    city = forms.ModelChoiceField(
        label=_("City"), queryset=City.objects.none(), required=False, empty_label=_("No city")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["city"].queryset = hosted_cities()  # type: ignore[attr-defined]


class AboutForm(forms.Form):
    about = forms.CharField(
        label=_("What you do, in Bahasa Indonesia"),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    about_en = forms.CharField(
        label=_("What you do, in English"),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    website = forms.URLField(label=_("Website"), max_length=200, required=False, assume_scheme="https")


class InviteForm(forms.Form):
    email = forms.EmailField(
        label=_("E-mail address"),
        help_text=_("Only who confirms this address can accept. The link works once, for 7 days."),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    role = forms.ChoiceField(label=_("Role"))

    def __init__(self, *args: Any, organisation: Organisation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = [(role.value, role.label) for role in roles_offered(organisation)]
        self.fields["role"].choices = offered  # type: ignore[attr-defined]


class RoleForm(InviteForm):
    email = None  # type: ignore[assignment]


class KeyForm(forms.Form):
    name = forms.CharField(
        label=_("Name"), max_length=80, help_text=_("Which machine or program uses it, for your own order.")
    )
    scopes = forms.MultipleChoiceField(label=_("What it may do"), widget=forms.CheckboxSelectMultiple)
    days = forms.TypedChoiceField(
        label=_("Valid for"),
        coerce=int,
        choices=[(30, _("30 days")), (90, _("90 days")), (365, _("a year"))],
        initial=90,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["scopes"].choices = [  # type: ignore[attr-defined]
            (scope, (WRITE if scope.endswith(":write") else READ) % {"room": ROOM_NAMES[scope.split(":")[0]]})
            for scope in SCOPES
        ]

    def expires_at(self) -> Any:
        return timezone.now() + timedelta(days=self.cleaned_data["days"])


class EraseForm(forms.Form):
    understood = forms.BooleanField(label=_("I understand that this cannot be undone."))
