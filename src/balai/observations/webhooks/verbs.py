from django.utils.translation import gettext_lazy as _

from balai.core.verbs import register

register("webhook.added", label=_("added a webhook"), kind="account", icon="link")
register("webhook.changed", label=_("changed a webhook"), kind="account", icon="link")
register("webhook.rotated", label=_("replaced the secret of a webhook"), kind="account", icon="key")
register("webhook.paused", label=_("paused a webhook"), kind="account", icon="stop")
register("webhook.resumed", label=_("let a webhook go on"), kind="account", icon="move")
register("webhook.removed", label=_("removed a webhook"), kind="account", icon="stop")
register("webhook.redelivered", label=_("sent news of a webhook again"), kind="account", icon="link")
register("webhook.failing", label=_("has not reached a webhook for a day"), kind="reminder", icon="alert")
register("webhook.disabled", label=_("disabled a webhook"), kind="reminder", icon="stop")
