"""Who may bring figures in, for which city, and which figures may be compared."""

from django.utils.translation import gettext as _

from balai.core.rules import YES, Verdict, no
from balai.indicators.models import ImportBatch, ImportState, Value
from balai.people.models import City, Role
from balai.people.rules import Reader, cities_staffed, has_role, hats_in_city, is_person

KEEPERS = (Role.ANALYST, Role.BUREAU)
"""Who keeps a city's figures."""


def is_ministry(user: Reader) -> bool:
    """Whether the person sits in a ministry, so that all cities' figures are theirs to bring."""
    return is_person(user) and has_role(user, Role.MINISTRY)


def may_bring_values(user: Reader, city: City | str | None) -> Verdict:
    """Bring in a table of figures: of one city, or with None of all cities."""
    if is_ministry(user):
        return YES
    if city is None:
        return no(_("Only the ministry brings figures of all cities. Choose your city."))
    if not hats_in_city(user, city, *KEEPERS):
        return no(_("Only the analysts and the cooperation bureau of a city bring in its figures."))
    return YES


def may_bring_any(user: Reader) -> Verdict:
    """Whether the person may bring figures of some city."""
    if is_ministry(user) or has_role(user, *KEEPERS):
        return YES
    return no(_("Only analysts, the cooperation bureau and the ministry bring in figures."))


def cities_kept(user: Reader) -> set[str]:
    """Codes of the cities whose figures the person keeps."""
    return {code for code in cities_staffed(user) if hats_in_city(user, code, *KEEPERS)}


def may_see_batch(user: Reader, batch: ImportBatch) -> Verdict:
    """A batch is read by those who could have brought it."""
    return may_bring_values(user, batch.city_id)


def may_close_batch(user: Reader, batch: ImportBatch) -> Verdict:
    """Confirm or discard what was read."""
    if batch.state != ImportState.PREVIEWED:
        return no(_("This table was confirmed or discarded already."))
    return may_bring_values(user, batch.city_id)


def may_revise_source(user: Reader, city: City | str) -> Verdict:
    """Say how an indicator is computed from partners' data: the city's analysts and bureau."""
    if not hats_in_city(user, city, *KEEPERS):
        return no(
            _("Only the analysts and the cooperation bureau say how the city's indicators are computed.")
        )
    return YES


def may_compare(one: Value, other: Value) -> Verdict:
    """Whether two figures of one indicator say anything about each other."""
    if one.indicator_id != other.indicator_id:
        return no(_("These are figures of two indicators."))
    if one.invented != other.invented:
        return no(_("A simulated figure is not compared with a real one."))
    if not (one.compared and other.compared):
        return no(_("A target, a claim or a copied figure is not compared with a measurement."))
    if one.method_version != other.method_version:
        return no(
            _("The method changed: %(one)s and %(other)s are not compared.")
            % {
                "one": one.method_version or _("method not named"),
                "other": other.method_version or _("method not named"),
            }
        )
    return YES
