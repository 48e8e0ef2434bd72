from django.utils.translation import gettext_lazy as _

from balai.core.verbs import register

register("data.contract_published", label=_("put a data contract in force"), kind="agreement", icon="data")
register("data.contract_retired", label=_("retired a data contract"), kind="agreement", icon="data")
register("data.key_made", label=_("made a key for data"), kind="account", icon="key")
register("data.key_rotated", label=_("replaced a key for data"), kind="account", icon="key")
register("data.key_stopped", label=_("stopped a key for data"), kind="account", icon="stop")
