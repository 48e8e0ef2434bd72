"""What webhooks tell of a pilot."""

from django.utils.translation import gettext_lazy as _

from balai.collaborations.webhooks import sides_of
from balai.observations.webhooks.events import register

for name, label, fields in (
    ("suspended", _("A pilot is suspended"), ("authority", "reason")),
    ("resumed", _("A pilot goes on"), ("authority", "reason")),
    ("exited", _("A pilot ends"), ("reason",)),
):
    register(f"pilot.{name}", label=label, fields=fields, concerned=sides_of)
