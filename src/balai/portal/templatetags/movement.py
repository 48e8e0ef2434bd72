"""Words and figures of the movement's pages."""

from django import template

from balai.portal import charts

register = template.Library()


@register.filter
def rounded(value: float | None, digits: int | None = None) -> str:
    """A computed number as the reader's language writes it, to ``digits`` decimals; a dash for none."""
    return charts.figure(value, digits=digits)
