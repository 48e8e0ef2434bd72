"""What this room answers when a scheme asks: is it complete, screened, reviewed?"""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from balai.applications.queries import application_of, counted_reviews, gaps, screening_lines
from balai.applications.rules import conflict_of
from balai.collaborations.models import Collaboration
from balai.collaborations.registry import guard, objection
from balai.core.rules import YES, Verdict, no
from balai.people.models import User


@guard(
    "application.complete",
    text=gettext_lazy("Every required answer and paper is there"),
    source=gettext_lazy("ours: the scheme's form"),
    lifted_by=gettext_lazy("the partner, by completing the form"),
)
def complete(collaboration: Collaboration) -> Verdict:
    missing = gaps(application_of(collaboration))
    if not missing:
        return YES
    return no(_("Still missing: %(labels)s.") % {"labels": "; ".join(str(gap.label) for gap in missing)})


@guard(
    "application.screened",
    text=gettext_lazy("Every line of the checklist is answered and passed"),
    source=gettext_lazy("ours: the scheme's checklist"),
    lifted_by=gettext_lazy("the cooperation bureau, by filling in the checklist"),
)
def screened(collaboration: Collaboration) -> Verdict:
    lines = screening_lines(application_of(collaboration))
    passed = sum(line.current and line.passed for line in lines)
    if passed == len(lines):
        return YES
    return no(
        _("Not every line of the checklist is answered and passed: %(passed)s of %(all)s.")
        % {"passed": passed, "all": len(lines)}
    )


@guard(
    "application.reviewed",
    text=gettext_lazy("Enough reviewers without a conflict have judged it"),
    source=gettext_lazy("ours: the scheme's number of reviews"),
    lifted_by=gettext_lazy("members of the TKKSD, by submitting their reviews"),
)
def reviewed(collaboration: Collaboration) -> Verdict:
    needed = collaboration.scheme.limits["reviews"]
    counted = counted_reviews(application_of(collaboration))
    if len(counted) < needed:
        return no(
            ngettext(
                "%(missing)s more review is needed: %(have)s of %(needed)s are submitted.",
                "%(missing)s more reviews are needed: %(have)s of %(needed)s are submitted.",
                needed - len(counted),
            )
            % {"missing": needed - len(counted), "have": len(counted), "needed": needed}
        )
    if not any(r.submitted_at and r.submitted_at >= collaboration.stage_since for r in counted):
        return no(_("Another review was asked for, and none has been submitted since."))
    return YES


@objection
def unconflicted(collaboration: Collaboration, by: User) -> Verdict:
    """Whoever has a conflict, declared or found in the records, neither decides nor moves it on."""
    reason = conflict_of(by, application_of(collaboration))
    return no(reason) if reason else YES
