from django.utils.translation import gettext_lazy as _

from balai.core.verbs import register

register("application.started", label=_("opened an application form"), kind="turn", icon="begin")
register("application.attached", label=_("added a file to an application"), kind="turn", icon="file")
register("application.detached", label=_("took a file out of an application"), kind="turn", icon="file")
register("application.checked", label=_("filled in the checklist"), kind="turn", icon="check")
register("application.decided", label=_("recorded the grounds"), kind="decision", icon="decide")
register("review.submitted", label=_("submitted a review"), kind="turn", icon="review")
register("review.reopened", label=_("took a review back to change it"), kind="turn", icon="review")
register("review.conflicted", label=_("declared a conflict of interest"), kind="turn", icon="conflict")
register("review.cleared", label=_("took back a declared conflict of interest"), kind="turn", icon="conflict")
