"""Who may plan, run, report on and judge a pilot."""

from django.utils.translation import gettext as _

from balai.collaborations.models import Collaboration
from balai.collaborations.rules import hat_for
from balai.core.rules import YES, Verdict, no
from balai.people.rules import Reader
from balai.pilots.models import Effect, MonitoringForm

PLANNING = frozenset({"preparation"})
LIVE = frozenset({"preparation", "running", "suspended", "evaluation"})
FILED_BY = {
    MonitoringForm.BUREAU: "bureau",
    MonitoringForm.PARTNER: "applicant",
    MonitoringForm.AGENCY: "agency",
}


def _wears(user: Reader, collaboration: Collaboration, *roles: str) -> bool:
    return any(hat_for(user, collaboration, role) for role in roles)


def may_plan(user: Reader, collaboration: Collaboration) -> Verdict:
    """Sites, milestones, obligations, safety: partner and agency, until the pilot runs."""
    if not _wears(user, collaboration, "applicant", "agency", "bureau"):
        return no(_("Only the partner, the agency and the cooperation bureau plan this."))
    if collaboration.stage not in PLANNING:
        return no(_("The plan can be changed only while it is being prepared."))
    return YES


def may_report_progress(user: Reader, collaboration: Collaboration) -> Verdict:
    """Milestones and obligations are ticked off by the two sides while it is alive."""
    if not _wears(user, collaboration, "applicant", "agency", "bureau"):
        return no(_("Only the partner, the agency and the cooperation bureau report on this."))
    if collaboration.stage not in LIVE:
        return no(_("This is not running."))
    return YES


def may_bind_flow(user: Reader, collaboration: Collaboration) -> Verdict:
    """Say which series is computed from the partner's data: the city, never the partner it is about."""
    if not _wears(user, collaboration, "analyst", "agency", "bureau"):
        return no(_("Only the city says what is computed from the partner's data."))
    if collaboration.stage not in LIVE:
        return no(_("This is not running."))
    return YES


def may_report_incident(user: Reader, collaboration: Collaboration) -> Verdict:
    """Whoever works on it may, and must, say what went wrong."""
    if not _wears(user, collaboration, "applicant", "agency", "bureau", "analyst"):
        return no(_("Only those who work on this pilot enter incidents. Citizens can voice a need."))
    if collaboration.stage not in {"running", "suspended", "evaluation"}:
        return no(_("Incidents are entered once the pilot has started."))
    return YES


def may_close_incident(user: Reader, collaboration: Collaboration) -> Verdict:
    """The city closes, never the partner."""
    if _wears(user, collaboration, "agency", "bureau"):
        return YES
    return no(_("Only the agency or the cooperation bureau closes an incident."))


def may_file(user: Reader, collaboration: Collaboration, form: str) -> Verdict:
    """Each of the three monitoring forms has one author."""
    if collaboration.stage not in {"running", "suspended", "evaluation"}:
        return no(_("Monitoring reports are filed once it has started."))
    if _wears(user, collaboration, FILED_BY[MonitoringForm(form)]):
        return YES
    return no(_("This form belongs to: %(form)s.") % {"form": MonitoringForm(form).label})


def may_register_evaluation(user: Reader, collaboration: Collaboration) -> Verdict:
    """The plan of measurement is fixed before the pilot starts, never after."""
    if not _wears(user, collaboration, "applicant", "agency", "bureau", "analyst"):
        return no(_("Only those who work on this pilot plan its evaluation."))
    if collaboration.stage not in PLANNING:
        return no(_("The evaluation plan is fixed before the start and cannot be changed afterwards."))
    return YES


def may_claim_effect(user: Reader, collaboration: Collaboration) -> Verdict:
    if not _wears(user, collaboration, "applicant", "agency", "bureau", "analyst"):
        return no(_("Only those who work on this pilot record its effect."))
    if collaboration.stage != "evaluation":
        return no(_("The effect is recorded when the pilot is being evaluated."))
    return YES


def may_verify_effect(user: Reader, collaboration: Collaboration, effect: Effect) -> Verdict:
    """Somebody of the city other than whoever recorded it."""
    if not _wears(user, collaboration, "analyst", "agency", "bureau"):
        return no(_("Only the city verifies an effect."))
    if user.is_authenticated and effect.claimed_by == user.pseudonym:
        return no(_("Nobody verifies an effect they recorded themselves."))
    if collaboration.stage != "evaluation":
        return no(_("The effect is verified when the pilot is being evaluated."))
    return YES
