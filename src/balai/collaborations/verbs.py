from django.utils.translation import gettext_lazy as _

from balai.core.verbs import register

register("scheme.published", label=_("published a scheme"), kind="decision", icon="scheme")
register("collaboration.begun", label=_("began an application"), kind="turn", icon="begin")
register("collaboration.moved", label=_("moved it on"), kind="turn", icon="move")
register("collaboration.followed", label=_("opened the next collaboration"), kind="turn", icon="next")
register("collaboration.reminded", label=_("was reminded of the clock"), kind="reminder", icon="clock")
register("collaboration.escalated", label=_("was told that the clock ran out"), kind="reminder", icon="clock")
register("record.documented", label=_("is documented by a public source"), kind="decision", icon="source")
