"""What the figures say of one city: by dimension, against its past and its peers."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from balai.core.errors import Text
from balai.indicators.models import COMPUTED, Dimension, Indicator, Value
from balai.indicators.rules import may_compare
from balai.people.models import City


@dataclass(frozen=True, slots=True)
class Reading:
    """The latest figure of an indicator.

    ``others`` are figures of other sources for the same period. ``trend`` is better, worse, same or empty;
    where two periods may not be compared ``why`` says so. ``series`` holds (period, value) that may be
    compared with the latest, oldest first; ``peers`` is the median of comparable figures of that period.
    """

    indicator: Indicator
    latest: Value
    others: Sequence[Value]
    trend: str
    why: Text
    series: Sequence[tuple[str, float]]
    peers: float | None
    peer_count: int


@dataclass(frozen=True, slots=True)
class Profile:
    """Readings by dimension, in the order of the six, and what the hub itself measured."""

    dimensions: Sequence[tuple[Dimension, Sequence[Reading]]]
    measures: Sequence[Reading]


def profile(city: City) -> Profile:
    """The city's figures that stand, with its peers': two queries, however many figures there are."""
    values = list(
        Value.objects.standing()
        .filter(city=city)
        .exclude(status__in=COMPUTED, invented=True)
        .select_related("indicator")
        .order_by("indicator", "period", "as_of", "recorded_at")
    )
    peers = Value.objects.standing().filter(
        indicator__in={value.indicator_id for value in values}, invented=False
    )
    beside = peers.exclude(city=city).filter(city__kind=city.kind)
    found: dict[tuple[str, str, str], list[Value]] = defaultdict(list)
    for value in beside:
        if value.compared:
            found[value.indicator_id, value.period, value.method_version].append(value)
    rows: dict[str, list[Value]] = defaultdict(list)
    for value in values:
        rows[value.indicator_id].append(value)
    readings = [_reading(group, found) for group in rows.values()]
    hub = [one for one in readings if one.latest.lineage is not None]
    rest = [one for one in readings if one.latest.lineage is None]
    return Profile(
        [
            (dimension, [one for one in rest if one.indicator.dimension == dimension])
            for dimension in Dimension
        ],
        hub,
    )


def _reading(values: Sequence[Value], beside: dict[tuple[str, str, str], list[Value]]) -> Reading:
    periods: dict[str, list[Value]] = defaultdict(list)
    for value in values:
        periods[value.period].append(value)
    order = sorted(periods)
    latest = periods[order[-1]][-1]
    before = periods[order[-2]][-1] if len(order) > 1 else None
    trend = ""
    why: Text = ""
    if before is not None:
        verdict = may_compare(before, latest)
        why = verdict.reason
        if verdict:
            trend = _trend(before, latest)
    comparable = [periods[period][-1] for period in order if may_compare(periods[period][-1], latest)]
    peers = _one_a_city(beside.get((latest.indicator_id, latest.period, latest.method_version), ()))
    return Reading(
        latest.indicator,
        latest,
        [value for value in periods[order[-1]] if value is not latest],
        trend,
        why,
        [(value.period, float(value.value)) for value in comparable],
        median(peers) if peers and latest.compared else None,
        len(peers),
    )


def _trend(before: Value, now: Value) -> str:
    if now.value == before.value:
        return "same"
    return "better" if (now.value > before.value) == now.indicator.higher_is_better else "worse"


def _one_a_city(values: Iterable[Value]) -> list[float]:
    """A figure a city: where sources disagree, the one told last."""
    latest = {
        value.city_id: value
        for value in sorted(values, key=lambda value: (str(value.as_of or ""), value.recorded_at))
    }
    return [float(value.value) for value in latest.values()]
