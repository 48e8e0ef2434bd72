from django.utils.translation import gettext_lazy as _

from balai.core.verbs import register

register("data.contract_published", label=_("put a data contract in force"), kind="agreement", icon="data")
register("data.contract_retired", label=_("retired a data contract"), kind="agreement", icon="data")
register(
    "data.refresh_missed", label=_("missed the refresh of a data contract"), kind="reminder", icon="clock"
)
register("data.refresh_resumed", label=_("sends data again"), kind="reminder", icon="check")
register(
    "data.expired", label=_("deleted data that the contract keeps no longer"), kind="agreement", icon="data"
)
register("data.erased", label=_("destroyed the key of a day’s subjects"), kind="agreement", icon="data")
register("data.row_seen", label=_("read a row in quarantine"), kind="account", icon="search")
register("data.replay_asked", label=_("asked to take rows from quarantine"), kind="agreement", icon="data")
register("data.key_made", label=_("made a key for data"), kind="account", icon="key")
register("data.key_rotated", label=_("replaced a key for data"), kind="account", icon="key")
register("data.key_stopped", label=_("stopped a key for data"), kind="account", icon="stop")
register("data.snap_client_made", label=_("let a client sign payment notices"), kind="account", icon="key")
