from django.utils.translation import gettext_lazy as _

from balai.core.verbs import register

register("demo.loaded", label=_("loaded the demonstration"), kind="account", icon="source")
