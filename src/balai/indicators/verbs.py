from django.utils.translation import gettext_lazy as _

from balai.core.verbs import register

register(
    "catalogue.published", label=_("published the catalogue of indicators"), kind="decision", icon="effect"
)
register("value.imported", label=_("took over a table of figures"), kind="decision", icon="effect")
register("value.computed", label=_("computed the hub's own measures"), kind="decision", icon="effect")
register("cities.imported", label=_("took over the list of cities"), kind="decision", icon="effect")
register(
    "flow_source.revised",
    label=_("said anew how an indicator is computed from partners' data"),
    kind="decision",
    icon="effect",
)
register(
    "flow_source.retired",
    label=_("ended the computing of an indicator from partners' data"),
    kind="decision",
    icon="effect",
)
