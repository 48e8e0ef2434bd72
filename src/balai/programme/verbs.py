from django.utils.translation import gettext_lazy as _

from balai.core.verbs import register

register("programme.offered", label=_("offered the solution to other cities"), kind="decision", icon="offer")
register("programme.interest", label=_("asked to copy the solution"), kind="decision", icon="offer")
register("programme.members_named", label=_("named the cities of an intake"), kind="decision", icon="dot")
register("readiness.judged", label=_("judged the city's readiness"), kind="decision", icon="dot")
register("assessment.opened", label=_("opened the city's evaluation"), kind="decision", icon="review")
register("assessment.appointed", label=_("appointed an assessor"), kind="decision", icon="review")
register(
    "assessment.conflict", label=_("declared a conflict and stepped aside"), kind="decision", icon="review"
)
register("assessment.scored", label=_("scored the city's evaluation"), kind="decision", icon="review")
register("assessment.surveyed", label=_("brought in a survey of citizens"), kind="decision", icon="review")
register("assessment.closed", label=_("closed the city's evaluation"), kind="decision", icon="decision")
register("index.computed", label=_("computed the index of the movement"), kind="decision", icon="effect")
