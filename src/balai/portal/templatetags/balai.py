"""The components, as tags. What each takes is in docs/design.md; how each looks, on /komponen/."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django import template
from django.conf import settings
from django.forms import BaseForm, BoundField
from django.template.context import Context
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import translate_url
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from balai.indicators.models import Dimension
from balai.portal.components import Bead, Count, Facts, FileLine, Hop, Tab, Text, beads

register = template.Library()


def draw(part: str, /, **context: Any) -> SafeString:
    return mark_safe(render_to_string(f"components/{part}.html", context))  # noqa: S308


@register.simple_tag
def icon(name: str) -> SafeString:
    """A decorative icon from the sprite; the words beside it carry the meaning."""
    return _icon(str(name))


@lru_cache(maxsize=256)
def _icon(name: str) -> SafeString:
    return format_html(
        '<svg class="icon" width="20" height="20" aria-hidden="true"><use href="{}#{}"></use></svg>',
        static("balai/icons.svg"),
        name,
    )


@register.simple_tag(takes_context=True)
def language_url(context: Context, language: str) -> str:
    """This very page in another language; its front page where the address has no twin."""
    request = context.get("request")
    if request is None:
        return "/" if language == settings.LANGUAGE_CODE else f"/{language}/"
    path = request.get_full_path()
    if request.resolver_match is None:
        return "/" if language == settings.LANGUAGE_CODE else f"/{language}/"
    return str(translate_url(path, language))


@register.simple_tag
def page_head(
    title: Text,
    lead: Text = "",
    eyebrow: Text = "",
    eyebrow_url: str = "",
    action_url: str = "",
    action_label: Text = "",
) -> SafeString:
    return draw(
        "page_head",
        title=title,
        lead=lead,
        eyebrow=eyebrow,
        eyebrow_url=eyebrow_url,
        action_url=action_url,
        action_label=action_label,
    )


@register.simple_tag
def thread(hops: Sequence[Hop], level: int = 3) -> SafeString:
    """The whole thread, upright; ``level`` is the heading level of a hop.

    A phase opens with a knot; what else was done in the same phase hangs under it as a bead.
    """
    rows: list[tuple[Hop, bool]] = []
    before: Hop | None = None
    for hop in hops:
        bead = before is not None and hop.state == before.state == "done" and hop.label == before.label
        rows.append((hop, bead))
        before = hop
    return draw("thread", rows=rows, level=level)


@register.simple_tag
def thread_strip(
    at: str | Sequence[Bead],
    turn: Text = "",
    since: date | datetime | None = None,
    stopped: bool = False,
    finished: bool = False,
    text: Text = "",
) -> SafeString:
    """The thread in one line: ``at`` is a phase of `HOPS`, or beads made by `components.beads`."""
    row = beads(at, stopped=stopped, finished=finished) if isinstance(at, str) else list(at)
    here = next((bead for bead in row if bead.state in {"now", "stopped"}), row[-1] if row else None)
    line = _beads(get_language() or "", tuple((str(bead.label), bead.state) for bead in row))
    return draw("thread_strip", line=line, here=here, turn=turn, since=since, text=text)


@lru_cache(maxsize=1024)
def _beads(_language: str, row: tuple[tuple[str, str], ...]) -> SafeString:
    """The beads of a strip. A list shows few different ones, many times."""
    return draw("thread_beads", beads=[Bead(label, state) for label, state in row])


@register.simple_tag
def status(text: Text, tone: str = "neutral") -> SafeString:
    """A state in a word; tone: neutral, go, wait, stop or done. The shape differs, not only the hue."""
    return format_html('<span class="tag" data-tone="{}">{}</span>', tone, text)


@register.simple_tag
def dimension(code: str, url: str = "") -> SafeString:
    """A dimension's icon and name, always together. Empty for an unknown or empty code."""
    if code not in Dimension.values:
        return SafeString("")
    inner = format_html("{}<span>{}</span>", icon(code), Dimension(code).label)
    if url:
        return format_html('<a class="dimension {}" href="{}">{}</a>', code, url, inner)
    return format_html('<span class="dimension {}">{}</span>', code, inner)


@register.simple_tag
def field(bound: BoundField, label: Text = "") -> SafeString:
    """A control with its label, help and errors; knows checkboxes, sets, files and hidden inputs."""
    if bound.is_hidden:
        return SafeString(str(bound))
    kind = getattr(bound.field.widget, "input_type", "")
    return draw(
        "field",
        field=bound,
        label=label or bound.label,
        checkbox=kind == "checkbox" and not bound.use_fieldset,
        optional=not bound.field.required and not bound.field.disabled and kind != "checkbox",
    )


@register.simple_tag
def fields(form: BaseForm) -> SafeString:
    """Every field of a form, hidden ones too; ask for the summary with ``form_errors``."""
    return mark_safe("".join(field(bound) for bound in form))  # noqa: S308


@register.simple_tag
def form_errors(form: BaseForm) -> SafeString:
    """What must be put right, with a link to each field. Empty for a form without errors."""
    return draw("form_errors", form=form) if form.is_bound and form.errors else SafeString("")


@register.simple_block_tag
def notice(content: str, tone: str = "neutral", title: Text = "") -> SafeString:
    """``{% notice tone="wait" title="..." %}...{% endnotice %}``"""
    mark = {"stop": "alert", "go": "check", "done": "check", "wait": "clock"}.get(tone, "info")
    return draw("notice", content=content, tone=tone, title=title, mark=mark)


@register.simple_block_tag
def disclosure(content: str, summary: Text, opened: bool = False, id: str = "") -> SafeString:  # noqa: A002
    """``{% disclosure _("Show the numbers") %}...{% enddisclosure %}``"""
    return draw("disclosure", content=content, summary=summary, opened=opened, id=id)


@register.simple_block_tag(end_name="endfigure")
def figure(
    content: str,
    caption: Text,
    source: Text = "",
    as_of: Text | date = "",
    source_url: str = "",
    csv_url: str = "",
) -> SafeString:
    """A chart with its words: ``{% figure caption source=... as_of=... %}{{ svg }}{% endfigure %}``"""
    if isinstance(as_of, date):
        as_of = day(as_of)
    return draw(
        "figure",
        content=content,
        caption=caption,
        source=source,
        as_of=as_of,
        source_url=source_url,
        csv_url=csv_url,
    )


@register.simple_block_tag
def filters(content: str, label: Text = "", clear_url: str = "", used: object = True) -> SafeString:
    """A GET form around filter fields, with its own button.

    Folded on a phone unless ``used`` (pass ``request.GET``): the list comes first.
    """
    return draw("filters", content=content, label=label, clear_url=clear_url, used=bool(used))


@register.simple_tag
def empty(title: Text, text: Text = "", url: str = "", label: Text = "") -> SafeString:
    """What a list says when it has nothing to show, and what one can do then."""
    return draw("empty", title=title, text=text, url=url, label=label)


@register.simple_tag
def facts(rows: Facts) -> SafeString:
    """Pairs of label and value as a definition list; a pair without value is left out."""
    return draw("facts", rows=[(label, value) for label, value in rows if value not in (None, "")])


@register.simple_tag
def counts(items: Sequence[Count]) -> SafeString:
    return draw("counts", items=items)


@register.simple_tag
def pager(newer: str = "", older: str = "") -> SafeString:
    """Keyset paging: addresses of the neighbouring pages, empty where there is none."""
    return draw("pager", newer=newer, older=older) if newer or older else SafeString("")


@register.simple_tag
def tabs(items: Sequence[Tab], label: Text) -> SafeString:
    return draw("tabs", items=items, label=label)


@register.simple_tag
def files(items: Sequence[FileLine]) -> SafeString:
    return draw("files", items=items)


@register.simple_tag
def actor(
    name: Text, role: Text = "", organisation: Text = "", at: date | datetime | None = None
) -> SafeString:
    """Who did it, in which hat, when."""
    return draw("actor", name=name, role=role, organisation=organisation, at=at)


@register.filter
def day(value: date | datetime | str | None) -> str:
    """``13 September 2019`` in the hub's time zone; empty for none."""
    if not value:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, datetime) and timezone.is_aware(value):
        value = timezone.localtime(value)
    return date_format(value, "j F Y")


@register.filter
def moment(value: datetime | None) -> str:
    """``13 September 2019, 14.05`` in the hub's time zone; empty for none."""
    if not value:
        return ""
    return f"{day(value)}, {timezone.localtime(value):%H.%M}"


@register.filter
def period(code: str) -> str:
    """A period in words: 2026-S1, 2026-06; anything else as it stands."""
    year, _dash, part = code.partition("-")
    if not year.isdecimal():
        return code
    if part in {"S1", "S2"}:
        words = _("first half of %(year)s") if part == "S1" else _("second half of %(year)s")
        return words % {"year": year}
    if part.isdecimal() and len(part) == 2 and 1 <= int(part) <= 12:
        return date_format(date(int(year), int(part), 1), "F Y")
    return code


@register.filter
def age(value: date | datetime | None) -> str:
    """How long ago in days, in words: "today", "3 days"."""
    if not value:
        return ""
    then = timezone.localtime(value).date() if isinstance(value, datetime) else value
    days = (timezone.localdate() - then).days
    if days <= 0:
        return _("today")
    return ngettext("%(days)s day", "%(days)s days", days) % {"days": number_format(days)}


@register.filter
def rupiah(value: Decimal | int | None) -> str:
    """``Rp 1.250.000``; dots in both languages, as on every Indonesian invoice."""
    if value is None or value == "":
        return ""
    return f"Rp {round(Decimal(value)):,}".replace(",", ".")
