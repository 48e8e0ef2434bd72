from django.utils.translation import gettext_lazy as _

from balai.core.verbs import register

register("need.voiced", label=_("voiced the need"), kind="need", icon="voice")
register("need.supported", label=_("stood behind the need"), kind="need", icon="support")
register("need.support_withdrawn", label=_("no longer stands behind the need"), kind="need", icon="support")
register("need.assigned", label=_("assigned an agency to answer"), kind="need", icon="turn")
register("need.answered", label=_("answered the need"), kind="need", icon="answer")
register("need.declined", label=_("declined the need, with a reason"), kind="need", icon="stop")
register("need.merged", label=_("merged the need into another"), kind="need", icon="merge")
register("need.joined", label=_("took another need into this one"), kind="need", icon="merge")
register("need.complaint_linked", label=_("linked a complaint report"), kind="need", icon="link")
register("need.challenged", label=_("posed a challenge from the need"), kind="need", icon="challenge")
register("need.confirmed", label=_("said whether it is solved"), kind="need", icon="check")
register("need.solved", label=_("confirmed the need as solved"), kind="need", icon="done")
register("need.reopened", label=_("reopened the need: it is not solved"), kind="need", icon="voice")
register("need.hidden", label=_("hid the need"), kind="need", icon="hide")
register("need.shown", label=_("showed the need again"), kind="need", icon="show")
register("need.overdue", label=_("let the answer clock run out"), kind="reminder", icon="clock")
register("need.terms_set", label=_("changed the city's terms for needs"), kind="need", icon="clock")
