from django.utils.translation import gettext_lazy as _

from balai.core.verbs import register

register("programme.offered", label=_("offered the solution to other cities"), kind="decision", icon="offer")
register("programme.interest", label=_("asked to copy the solution"), kind="decision", icon="offer")
