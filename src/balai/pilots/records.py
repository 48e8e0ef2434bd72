"""What a move of a pilot asks for and keeps: the suspension, the resumption, the exit."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from balai.collaborations.models import Collaboration
from balai.collaborations.registry import record
from balai.core.errors import Stale
from balai.people.models import User
from balai.pilots.actions import ensure_pilot, tell
from balai.pilots.models import ExitDecision, Suspension


class SuspensionForm(forms.Form):
    authority = forms.CharField(
        label=lazy("Under which authority"),
        help_text=lazy("The office or rule that orders the stop."),
        max_length=200,
    )
    reason = forms.CharField(label=lazy("Why"), widget=forms.Textarea({"rows": 4}), max_length=2000)


class ResumptionForm(forms.Form):
    authority = forms.CharField(
        label=lazy("Under which authority"),
        help_text=lazy("The office or rule that lets it go on."),
        max_length=200,
    )
    reason = forms.CharField(
        label=lazy("Why it is safe to go on"),
        help_text=lazy("How each restart criterion is met."),
        widget=forms.Textarea({"rows": 4}),
        max_length=2000,
    )


class ExitForm(forms.Form):
    reason = forms.CharField(
        label=lazy("Grounds of the decision"),
        help_text=lazy("Published with the record."),
        widget=forms.Textarea({"rows": 5}),
        max_length=4000,
    )
    data_disposal = forms.CharField(
        label=lazy("What happens to the data"),
        help_text=lazy("Returned, deleted or kept: which, by whom, until when."),
        widget=forms.Textarea({"rows": 3}),
        max_length=2000,
        required=False,
    )
    procurement_reference = forms.CharField(
        label=lazy("Procurement reference"),
        help_text=lazy("Where the city goes on to spend regional budget."),
        max_length=120,
        required=False,
    )


@record("pilot.suspension", SuspensionForm)
def write_suspension(collaboration: Collaboration, by: User, values: Mapping[str, Any]) -> None:
    """Open the suspension, dated now. The move's own entry says who; this says why and by what right."""
    Suspension.objects.create(
        pilot=ensure_pilot(collaboration),
        authority=values["authority"],
        reason=values["reason"],
        started_at=timezone.now(),
        by=by.pseudonym,
    )
    tell(collaboration, "pilot.suspended", by, public=True, data=dict(values))


@record("pilot.resumption", ResumptionForm)
def write_resumption(collaboration: Collaboration, by: User, values: Mapping[str, Any]) -> None:
    """Close the open suspension."""
    rows = Suspension.objects.filter(pilot__collaboration=collaboration, resumed_at=None).update(
        resumed_at=timezone.now(), resumed_authority=values["authority"], resumed_reason=values["reason"]
    )
    if not rows:
        raise Stale(_("No suspension is open."))
    tell(collaboration, "pilot.resumed", by, public=True, data=dict(values))


@record("pilot.exit", ExitForm)
def write_exit(collaboration: Collaboration, by: User, values: Mapping[str, Any]) -> None:
    """Keep the grounds of the exit. The outcome itself is the stage the move leads to."""
    ExitDecision.objects.create(
        pilot=ensure_pilot(collaboration),
        reason=values["reason"],
        data_disposal=values.get("data_disposal", ""),
        procurement_reference=values.get("procurement_reference", ""),
        by=by.pseudonym,
        at=timezone.now(),
    )
    tell(collaboration, "pilot.exited", by, public=True, data={"reason": values["reason"]})
