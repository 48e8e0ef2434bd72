from django.utils.translation import gettext_lazy as _

from balai.core.verbs import register

register("organisation.registered", label=_("registered an organisation"), kind="account", icon="people")
register("person.invited", label=_("invited somebody"), kind="account", icon="mail")
register("invitation.revoked", label=_("took an invitation back"), kind="account", icon="mail")
register("person.joined", label=_("joined the organisation"), kind="account", icon="people")
register("person.left", label=_("left the organisation"), kind="account", icon="people")
register("person.removed", label=_("ended somebody's seat"), kind="account", icon="people")
register("person.role_changed", label=_("changed somebody's role"), kind="account", icon="people")
register("person.erased", label=_("erased their identity"), kind="account", icon="people")
register("key.created", label=_("created an API key"), kind="account", icon="key")
register("key.revoked", label=_("revoked an API key"), kind="account", icon="key")
