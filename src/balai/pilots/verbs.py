from django.utils.translation import gettext_lazy as _

from balai.core.verbs import register

register("pilot.planned", label=_("set the plan of the pilot"), kind="pilot", icon="plan")
register("pilot.site_added", label=_("added a site"), kind="pilot", icon="place")
register("pilot.site_removed", label=_("removed a site"), kind="pilot", icon="place")
register("pilot.milestone_planned", label=_("planned a milestone"), kind="pilot", icon="plan")
register("pilot.milestone_reached", label=_("reached a milestone"), kind="pilot", icon="done")
register("pilot.obligation_planned", label=_("wrote down an obligation"), kind="pilot", icon="plan")
register("pilot.obligation_met", label=_("met an obligation"), kind="pilot", icon="done")
register("pilot.incident_reported", label=_("reported an incident"), kind="pilot", icon="incident")
register("pilot.incident_closed", label=_("closed an incident"), kind="pilot", icon="done")
register("pilot.suspended", label=_("gave authority and reason for the stop"), kind="pilot", icon="stop")
register("pilot.resumed", label=_("gave authority and reason for going on"), kind="pilot", icon="move")
register("pilot.report_filed", label=_("filed a monitoring report"), kind="pilot", icon="report")
register("pilot.exited", label=_("gave the grounds of the exit"), kind="decision", icon="end")
register("evaluation.registered", label=_("fixed the evaluation plan"), kind="pilot", icon="measure")
register("effect.recorded", label=_("recorded the measured effect"), kind="pilot", icon="measure")
register("effect.verified", label=_("verified the measured effect"), kind="pilot", icon="done")
register(
    "pilot.flow_bound",
    label=_("let a series be computed from the partner's data"),
    kind="pilot",
    icon="measure",
)
register("pilot.flow_ended", label=_("ended a series from the partner's data"), kind="pilot", icon="measure")
register("flow_measure.read", label=_("computed a week of a series"), kind="pilot", icon="measure")
