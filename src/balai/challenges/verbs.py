from django.utils.translation import gettext_lazy as _

from balai.core.verbs import register

register("challenge.drafted", label=_("began to write a challenge"), kind="challenge", icon="challenge")
register("challenge.edited", label=_("changed the challenge"), kind="challenge", icon="edit")
register("challenge.opened", label=_("opened the challenge"), kind="challenge", icon="challenge")
register("challenge.asked", label=_("asked a question"), kind="challenge", icon="question")
register("challenge.answered", label=_("answered a question"), kind="challenge", icon="answer")
register("challenge.extended", label=_("moved the closing date"), kind="challenge", icon="clock")
register(
    "challenge.closed", label=_("closed the challenge to new applications"), kind="challenge", icon="close"
)
register("challenge.ended", label=_("ended the challenge"), kind="challenge", icon="done")
