"""The component gallery, and what the browser keeps for when the line is down."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from balai.indicators.models import Dimension
from balai.portal import charts
from balai.portal.components import HOPS, Count, FileLine, Hop, Tab, Text, beads


class Sample(forms.Form):
    """One of each control."""

    title = forms.CharField(
        label=gettext_lazy("What should the city change?"),
        max_length=80,
        help_text=gettext_lazy("One sentence, in your own words."),
    )
    story = forms.CharField(label=gettext_lazy("Tell more"), widget=forms.Textarea, required=False)
    dimension = forms.ChoiceField(label=gettext_lazy("Dimension"), choices=Dimension.choices)
    amount = forms.IntegerField(label=gettext_lazy("Amount in rupiah"), min_value=0)
    until = forms.DateField(
        label=gettext_lazy("Until"), widget=forms.DateInput(attrs={"type": "date"}), required=False
    )
    when = forms.ChoiceField(
        label=gettext_lazy("When does it happen?"),
        widget=forms.RadioSelect,
        choices=[("day", gettext_lazy("By day")), ("night", gettext_lazy("By night"))],
    )
    ways = forms.MultipleChoiceField(
        label=gettext_lazy("How shall we tell you?"),
        widget=forms.CheckboxSelectMultiple,
        choices=[("hub", gettext_lazy("In the hub")), ("mail", gettext_lazy("By e-mail"))],
        required=False,
    )
    photo = forms.FileField(
        label=gettext_lazy("Photo"), required=False, help_text=gettext_lazy("JPEG or PNG, at most 10 MB.")
    )
    consent = forms.BooleanField(label=gettext_lazy("I have read how my data are used"))


def sample_hops() -> list[Hop]:
    today = timezone.localdate()

    def ago(days: int) -> Any:
        return today - timedelta(days=days)

    return [
        Hop(
            "need", "done", _("Scooters block the pavement"), ago(220), _("a resident of Gambir"), url="#need"
        ),
        Hop(
            "challenge", "done", _("Shared scooters without blocked pavements"), ago(180), "Dinas Perhubungan"
        ),
        Hop("application", "done", _("Application under Co-Develop"), ago(150), "PT Roda Dua (fiktif)"),
        Hop(
            "pilot",
            "stopped",
            _("Pilot suspended after an incident"),
            ago(60),
            "Dinas Perhubungan",
            text=_("A rider was hurt at site 3. No vehicle runs until the brake report is accepted."),
        ),
        Hop(
            "pilot",
            "now",
            _("Pilot resumed at two sites"),
            ago(12),
            turn="PT Roda Dua (fiktif)",
            since=ago(12),
            due=today + timedelta(days=3),
        ),
        Hop("effect", "next", _("Effect measured against the baseline")),
        Hop("exit", "next", _("Decision: stop, repeat or adopt")),
    ]


def sample_charts() -> list[tuple[Text, SafeString, SafeString]]:
    words: dict[str, Any] = {"title": _("Invented figures"), "desc": _("An example, not a measurement.")}
    years = ["2019", "2020", "2021", "2022", "2023", "2024"]
    measured = [52.0, 49.5, 46.0, 47.2, 41.0, 38.4]
    mobility = charts.Series(
        "Jakarta",
        [charts.Point(y, v, v - 3, v + 3) for y, v in zip(years, measured, strict=True)],
        hue="mobility",
    )
    others = charts.Series(
        _("other cities"),
        [charts.Point(y, v) for y, v in zip(years, [55, 55, 54, None, 53, 52], strict=True)],
    )
    bars = [
        charts.Bar(Dimension.MOBILITY.label, 12, hue="mobility"),
        charts.Bar(Dimension.LIVING.label, 7, hue="living"),
        charts.Bar(_("other cities"), 4, quiet=True),
    ]
    spans = [
        charts.Interval(_("Waiting time"), -3.1, -5.0, -1.2, hue="mobility"),
        charts.Interval(_("Noise"), 0.4, -0.8, 1.6, quiet=True),
    ]
    sites = [
        charts.Site("Gambir", {"type": "Point", "coordinates": [106.8272, -6.1754]}, 400, hue="mobility"),
        charts.Site("Menteng", {"type": "Point", "coordinates": [106.8325, -6.1950]}, 300, alert=True),
        charts.Site(
            "Senen",
            {
                "type": "Polygon",
                "coordinates": [[[106.842, -6.172], [106.851, -6.173], [106.849, -6.184], [106.841, -6.182]]],
            },
            hue="living",
        ),
    ]
    table = charts.figure_table([_("Year"), "Jakarta"], list(zip(years, measured, strict=True)))
    return [
        (
            _("Minutes to work"),
            charts.line([mobility, others], reference=(_("target"), 40), unit="min", **words),
            table,
        ),
        (_("Collaborations by dimension"), charts.bars(bars, **words), table),
        (
            _("Effect with its interval"),
            charts.intervals(spans, reference=(_("no effect"), 0), unit="min", **words),
            table,
        ),
        (_("Sites"), charts.site_map(sites, **words), table),
        (
            _("In a line of text"),
            charts.sparkline([3, 5, 4, None, 6, 9, 8], title=words["title"], hue="living"),
            table,
        ),
    ]


@require_safe
def gallery(request: HttpRequest) -> HttpResponse:
    """Every component in every state. Development and demonstration only."""
    if not (settings.DEBUG or settings.DEMO):
        raise Http404
    typed = {"title": "", "amount": "-5", "until": "31/31", "dimension": "x", "story": _("kept as typed")}
    bad = Sample({f"bad-{name}": text for name, text in typed.items()}, prefix="bad")
    bad.add_error(None, _("The challenge closed on 1 March."))
    context = {
        "hops": sample_hops(),
        "kinds": HOPS,
        "beads": beads("effect", done={"challenge", "application", "decision", "agreement", "pilot"}),
        "dimensions": Dimension.values,
        "tones": ["neutral", "go", "wait", "stop", "done"],
        "form": Sample(),
        "bad": bad,
        "now": timezone.now(),
        "charts": sample_charts(),
        "counts": [
            Count(12, _("open challenges"), url="#counts"),
            Count(48, _("collaborations"), _("9 of them stopped")),
            Count("96,8 %", _("needs answered in time"), _("target 90 %")),
        ],
        "facts": [
            (_("Scheme"), "Co-Develop"),
            (_("Problem owner"), "Dinas Perhubungan"),
            (_("Budget route"), "APBD 2026"),
        ],
        "files": [
            FileLine("proposal.pdf", "#files", 482_133, "PDF"),
            FileLine("rencana-keselamatan-yang-bernama-panjang-sekali.pdf", "#files", 1_800_000, "PDF"),
        ],
        "tabs": [
            Tab("#tabs", _("Open"), True, 12),
            Tab("#tabs", _("Closed"), count=31),
            Tab("#tabs", _("All")),
        ],
        "rows": [
            ("Roda Dua", "Co-Develop", "go", _("running"), 1_250_000_000),
            ("Air Kita", "Playground", "stop", _("stopped"), 300_000_000),
            ("Peta Banjir", "User", "wait", _("waits for a signature"), 75_500_000),
        ],
    }
    return render(request, "gallery/gallery.html", context)


@require_safe
def offline(request: HttpRequest) -> HttpResponse:
    """What the browser shows when the hub cannot be reached."""
    return render(request, "offline.html")


@require_safe
def service_worker(_request: HttpRequest) -> FileResponse:
    """Served from the root so that it may watch over every page."""
    source = Path(__file__).resolve().parent.parent / "static" / "balai" / "sw.js"
    response = FileResponse(source.open("rb"), content_type="text/javascript")
    response["Cache-Control"] = "no-cache"
    return response
