from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.forms import BoundField
from django.utils.translation import gettext_lazy as _

from balai.core.errors import Text
from balai.core.notifications import KINDS, PACES

CHANNEL_NAMES = {"hub": _("here in the hub"), "mail": _("by mail")}
PACE_NAMES = {
    "now": _("at once"),
    "daily": _("once a day"),
    "weekly": _("once a week"),
    "never": _("not at all"),
}


class PreferencesForm(forms.Form):
    """One choice for each kind of news on each channel, named ``kind-channel``."""

    def __init__(self, *args: Any, paces: Mapping[tuple[str, str], str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for (kind, channel), pace in paces.items():
            self.fields[f"{kind}-{channel}"] = forms.ChoiceField(
                label=str(KINDS[kind]),
                choices=[(value, PACE_NAMES[value]) for value in PACES[channel]],
                initial=pace,
                widget=forms.Select(),
            )

    def rows(self) -> Iterator[tuple[Text, list[tuple[Text, BoundField]]]]:
        """For each kind its name and, by channel, the channel's name and control."""
        for kind, name in KINDS.items():
            yield name, [(CHANNEL_NAMES[channel], self[f"{kind}-{channel}"]) for channel in PACES]

    def chosen(self) -> Iterator[tuple[str, str, str]]:
        """What differs from before, as (kind, channel, pace)."""
        for name in self.changed_data:
            kind, _dash, channel = name.rpartition("-")
            yield kind, channel, self.cleaned_data[name]
