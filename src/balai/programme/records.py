"""The exit that offers a proven result to other cities."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as lazy

from balai.collaborations.models import Collaboration
from balai.collaborations.registry import record
from balai.people.models import User
from balai.pilots.records import ExitForm, write_exit
from balai.programme.models import Offer


class OfferForm(forms.Form):
    """What one city says of its solution to the others."""

    what = forms.CharField(
        label=lazy("What other cities can copy"), widget=forms.Textarea({"rows": 4}), max_length=3000
    )
    conditions = forms.CharField(
        label=lazy("What they need for it"),
        widget=forms.Textarea({"rows": 3}),
        max_length=3000,
        required=False,
    )


class ExitOfferForm(OfferForm, ExitForm):
    """The grounds of the exit first, then the offer."""


@record("programme.offer", ExitOfferForm)
def write_offer(collaboration: Collaboration, by: User, values: Mapping[str, Any]) -> None:
    """Keep the grounds of the exit and open the offer."""
    write_exit(collaboration, by, values)
    Offer.objects.create(
        collaboration=collaboration,
        what=values["what"],
        conditions=values.get("conditions", ""),
        opened_at=timezone.now(),
    )
