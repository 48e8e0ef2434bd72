from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from balai.observations.webhooks import events
from balai.observations.webhooks.addresses import LONGEST
from balai.observations.webhooks.models import Scheme


class WebhookForm(forms.Form):
    """An address and what it is told."""

    url = forms.CharField(
        label=_("Address"),
        max_length=LONGEST,
        help_text=_(
            "https:// and the full name of a host on the internet, e.g. https://hooks.example.id/balai"
        ),
        widget=forms.URLInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    events = forms.MultipleChoiceField(label=_("What to tell"), widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["events"].choices = [  # type: ignore[attr-defined]
            (known.name, known.label) for known in events.registered().values()
        ]


class NewWebhookForm(WebhookForm):
    scheme = forms.ChoiceField(
        label=_("How messages are signed"),
        choices=Scheme,
        initial=Scheme.SHARED.value,
        help_text=_("With a public key the receiver keeps nothing secret; fewer libraries know it."),
        widget=forms.RadioSelect,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["events"].initial = list(events.registered())
