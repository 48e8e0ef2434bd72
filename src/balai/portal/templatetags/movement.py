"""Words and figures of the movement's pages."""

from django import template

from balai.portal import charts

register = template.Library()


@register.filter
def rounded(value: float | None, digits: int | None = None) -> str:
    """A computed number as the reader's language writes it, to ``digits`` decimals; a dash for none."""
    return charts.figure(value, digits=digits)


@register.filter
def percent(share: float | None) -> str:
    """A probability as whole per cent; never 0 or 100 for what is only nearly so."""
    if share is None:
        return charts.figure(None)
    whole = round(100 * share)
    if whole == 100 and share < 1:
        return f"> {charts.figure(99)} %"
    if whole == 0 and share > 0:
        return f"< {charts.figure(1)} %"
    return f"{charts.figure(whole)} %"
