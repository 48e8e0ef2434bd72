"""What the accepting and the refusing moves ask for and keep."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from balai.applications.models import Decision
from balai.applications.queries import application_of
from balai.collaborations.models import Collaboration
from balai.collaborations.registry import record
from balai.core import ledger
from balai.core.errors import Stale
from balai.people.models import User


class RefusalForm(forms.Form):
    grounds = forms.CharField(
        label=gettext_lazy("Grounds"),
        help_text=gettext_lazy("The applicant reads this. Say what was decisive and by which rule."),
        max_length=4000,
        widget=forms.Textarea({"rows": 6}),
    )


class AcceptanceForm(RefusalForm):
    conditions = forms.CharField(
        label=gettext_lazy("Conditions"),
        help_text=gettext_lazy("What has to be met before or in the agreement. Leave empty if none."),
        max_length=4000,
        required=False,
        widget=forms.Textarea({"rows": 4}),
    )


@record("application.acceptance", AcceptanceForm)
def accept(collaboration: Collaboration, by: User, cleaned: Mapping[str, Any]) -> None:
    _decide(collaboration, by, accepted=True, grounds=cleaned["grounds"], conditions=cleaned["conditions"])


@record("application.refusal", RefusalForm)
def refuse(collaboration: Collaboration, by: User, cleaned: Mapping[str, Any]) -> None:
    _decide(collaboration, by, accepted=False, grounds=cleaned["grounds"], conditions="")


def _decide(collaboration: Collaboration, by: User, *, accepted: bool, grounds: str, conditions: str) -> None:
    """Keep the decision; the ledger gets its digest, so that no word of it can change unseen."""
    application = application_of(collaboration)
    if application._state.adding or Decision.objects.filter(application=application).exists():
        raise Stale(_("There is no application here that waits for a decision."))
    Decision.objects.create(
        application=application,
        accepted=accepted,
        grounds=grounds,
        conditions=conditions,
        by=by.pseudonym,
        at=timezone.now(),
    )
    ledger.append(
        verb="application.decided",
        subject=application.thread,
        by=by,
        role="bureau",
        city=collaboration.city_id,
        public=False,
        data={
            "accepted": accepted,
            "collaboration": collaboration.reference,
            "sha256": sha256(f"{grounds}\n\n{conditions}".encode()).hexdigest(),
        },
    )
