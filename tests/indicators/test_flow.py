"""Indicators computed from released figures: the sums of partners, coverage, bounds, revisions, lineage."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from balai.core.errors import Invalid, Refused, Stale
from balai.core.models import Entry
from balai.indicators.flow.computing import compute
from balai.indicators.flow.definition import (
    DefinitionError,
    read_definition,
    span_of,
    spans_between,
)
from balai.indicators.flow.keeping import (
    keep_figures,
    publish_sources,
    retire_source,
    revise_source,
    shipped_sources,
)
from balai.indicators.flow.queries import current_sources, figures_of
from balai.indicators.models import FlowFigure, FlowSource, Value
from balai.indicators.rules import may_compare
from balai.methods.index.spec import loads
from balai.observations.contracts import read_contract
from balai.observations.drain import Drainer
from balai.observations.models import DataContract
from balai.observations.release import release_day
from balai.observations.simulating import shipped_contracts
from balai.people.models import Role
from balai.programme.indexing import SPECIFICATION, table_of
from tests.builders import make_agency, make_city, make_company, make_user, seat
from tests.flow_builders import cell, contract_in_force, day_rest, days_of, release, zone_rest
from tests.indicators_builders import make_indicator
from tests.observations.test_contracts import changed
from tests.observations.test_drain import Hub
from tests.observations_builders import make_data_key, put_in_force, row

pytestmark = pytest.mark.django_db

MAY = span_of("month", date(2026, 5, 9))
TODAY = date(2026, 6, 20)
A, B = "3171010001", "3171010002"


def text(aggregate: str, of: str, per: str = "", *, scale: str = "1", coverage: int = 80) -> str:
    head = f'aggregate = "{aggregate}"\nperiod = "month"\ncoverage = {coverage}\nscale = "{scale}"\n'
    parts = [f"[[of]]\n{part}\n" for part in of.split("|")] + ([f"[[per]]\n{per}\n"] if per else [])
    return head + "".join(parts)


def part(name: str = "roda-trips", more: str = "") -> str:
    return f'contract = "{name}"\nmajor = 1\npurpose = "indicators"\n{more}'


WAIT = 'measure = "wait_s"'
DISTANCE = 'measure = "distance_m"'
CARS = 'where = { vehicle = ["car"] }'


def test_a_definition_names_every_fault() -> None:
    with pytest.raises(DefinitionError) as fault:
        read_definition(
            'aggregate = "median"\nperiod = "week"\ncoverage = 0\nscale = "1/0"\nextra = 1\n'
            '[[of]]\ncontract = "X"\npurpose = "p"\nwhere = { a = "b" }\n[[per]]\nmeasure = "Ü"\n'
        )

    assert [line.partition(":")[0] for line in fault.value.faults] == [
        "extra",
        "aggregate",
        "period",
        "coverage",
        "of 1",
        "of 1",
        "per 1",
        "per 1",
        "per 1",
        "per",
        "scale",
    ]


def test_periods_lie_side_by_side() -> None:
    assert span_of("quarter", date(2026, 12, 31)).last == date(2026, 12, 31)
    assert [span.code for span in spans_between("month", date(2025, 12, 31), date(2026, 2, 1))] == [
        "2025-12",
        "2026-01",
        "2026-02",
    ]
    assert [(span.code, span.days) for span in spans_between("year", date(2024, 5, 1), date(2024, 5, 2))] == [
        ("2024", 366)
    ]


def test_what_comes_with_the_hub_is_borne_by_the_contracts_that_come_with_it() -> None:
    assert set(shipped_sources()) == {"ECO-10", "GOV-09", "GOV-10", "LIV-08", "MOB-10", "PEO-08"}
    known = {}
    for document in shipped_contracts().values():
        contract = read_contract(document)
        known[contract.id, contract.major] = contract
    for definition in map(read_definition, shipped_sources().values()):
        for term in definition.terms:
            contract = known[term.source]
            names = {field.name: field.values for field in contract.fields}
            assert term.purpose in contract.purposes
            assert not term.measure or term.measure in names
            assert all(set(values) <= set(names[name]) for name, values in term.where)


def test_two_partners_are_put_together_by_sums_and_counts() -> None:
    city = make_city()
    one, two = contract_in_force("roda-trips", city=city), contract_in_force("laju-trips", city=city)
    day = MAY.first
    release(one, day, cell(A, "car", 100, 0, wait=100 * 60, waited=100))
    release(two, day, cell(A, "car", 900, 0, wait=900 * 240, waited=900))

    found = compute(
        read_definition(text("mean", f"{part(more=WAIT)}|{part('laju-trips', WAIT)}", scale="1/60")), MAY
    )

    assert found is not None
    assert (found.value, found.rows, found.k, found.withheld) == (Fraction("3.7"), 1000, 10, 0)
    assert [(one.contract, one.versions) for one in found.fed] == [
        ("roda-trips", ("roda-trips 1.0.0",)),
        ("laju-trips", ("laju-trips 1.0.0",)),
    ]


def test_a_day_counts_where_every_partner_has_released_it() -> None:
    city = make_city()
    one, two = contract_in_force("roda-trips", city=city), contract_in_force("laju-trips", city=city)
    for day in days_of(date(2026, 5, 1), date(2026, 5, 4)):
        release(one, day, cell(A, "car", 10, 10))
    release(two, date(2026, 5, 1), cell(A, "car", 10, 7))
    release(two, date(2026, 5, 3), cell(A, "car", 10, 7))

    found = compute(
        read_definition(text("sum", f"{part(more=DISTANCE)}|{part('laju-trips', DISTANCE)}")), MAY
    )

    assert found is not None
    assert (found.value, found.days) == (34, (date(2026, 5, 1), date(2026, 5, 3)))


def test_a_share_is_read_in_one_grouping_and_bounded_by_what_is_left_out() -> None:
    made = contract_in_force()
    release(
        made,
        MAY.first,
        cell(A, "car", 60, 600),
        cell(A, "motorcycle", 30, 300),
        cell(B, "motorcycle", 10, 100),
        zone_rest(B, 20, 200),
        day_rest(10, 100),
    )
    share = read_definition(text("ratio", part(more=CARS), part(), scale="100"))

    found = compute(share, MAY)

    assert found is not None
    assert (found.value, found.rows, found.withheld) == (60, 100, 30)
    assert found.low == Fraction(6000, 130)
    assert found.high == Fraction(9000, 130)
    assert [(one.zone, one.rows) for one in found.zones] == [(A, 90)]


def test_some_zones_alone_and_a_sum_that_leaves_rows_out() -> None:
    made = contract_in_force()
    release(made, MAY.first, cell(A, "car", 60, 600), cell(B, "car", 10, 100), day_rest(10, 50))
    total = read_definition(text("sum", part(more=DISTANCE)))

    city, here = compute(total, MAY), compute(total, MAY, only=[B])

    assert city is not None
    assert here is not None
    assert (city.value, city.low, city.high, city.withheld) == (750, None, None, 0)
    assert (here.value, here.low, here.high, here.withheld) == (100, 100, 150, 10)
    assert [one.zone for one in here.zones] == [A, B]


def test_nothing_released_is_no_figure_and_never_zero() -> None:
    made = contract_in_force()

    assert compute(read_definition(text("count", part())), MAY) is None
    release(made, MAY.first, cell(A, "motorcycle", 10, 100))
    assert compute(read_definition(text("mean", part(more=WAIT))), MAY) is None
    assert compute(read_definition(text("sum", part(more=f"{DISTANCE}\n{CARS}"))), MAY) is None


def test_another_purpose_is_refused() -> None:
    contract_in_force()

    with pytest.raises(Refused):
        compute(read_definition(text("count", part().replace("indicators", "adverts"))), MAY)


def kept(made: DataContract, days: int = 31) -> FlowSource:
    """A source of counted trips with so many days of May."""
    for day in days_of(MAY.first, MAY.first + timedelta(days - 1)):
        release(made, day, cell(A, "car", 10, 10), cell(B, "car", 20, 10))
    return source_of(made, text("count", part()))


def source_of(made: DataContract, definition: str) -> FlowSource:
    read = read_definition(definition)
    return FlowSource.objects.create(
        indicator=make_indicator("MOB-77"),
        city=made.city,
        revision=1,
        definition=read.text,
        sha256=read.sha256,
        shipped=False,
    )


def test_computing_again_changes_nothing_and_a_late_day_is_a_new_revision() -> None:
    made = contract_in_force()
    source = kept(made, days=30)

    assert [keep_figures(made.city, today=TODAY), keep_figures(made.city, today=TODAY)] == [1, 0]
    release(made, MAY.last, cell(A, "car", 15, 10))
    assert keep_figures(made.city, today=TODAY) == 1

    old, new = Value.objects.filter(indicator="MOB-77").order_by("recorded_at")
    assert (old.value, new.value, new.supersedes) == (900, 915, old)
    assert (new.status, new.source, new.method_version, new.invented) == ("flow", "Balai", "flow-1", False)
    assert [figure.value for figure in figures_of(made.city, "MOB-77")] == [new]
    told = new.flow
    assert (told.source, told.days, told.asked, told.k, told.rows) == (source, 31, 31, 10, 915)
    assert told.zones == [[A, 315.0, 315], [B, 600.0, 600]]
    assert len(told.fed[0]["days"]) == 31
    assert Entry.objects.filter(verb="value.computed").count() == 2


def test_too_few_days_make_a_partial_figure_that_is_compared_with_nothing() -> None:
    made = contract_in_force()
    kept(made, days=24)

    keep_figures(made.city, today=TODAY)

    (few,) = Value.objects.all()
    assert (few.status, few.compared, bool(may_compare(few, few))) == ("flow-partial", False, False)


def test_a_running_period_is_partial_until_it_is_over() -> None:
    made = contract_in_force()
    kept(made)

    keep_figures(made.city, today=MAY.last)
    keep_figures(made.city, today=TODAY)

    rows = Value.objects.order_by("recorded_at").values_list("status", flat=True)
    assert list(rows) == ["flow-partial", "flow"]


def test_simulated_figures_are_marked_and_stand_apart() -> None:
    made = contract_in_force(invented=True)
    kept(made)
    keep_figures(made.city, today=TODAY)
    simulated = Value.objects.get()

    DataContract.objects.update(invented=False)
    keep_figures(made.city, today=TODAY)

    real = Value.objects.get(invented=False)
    assert (simulated.invented, real.supersedes, bool(may_compare(real, simulated))) == (True, None, False)


def test_figures_of_another_citys_contract_are_not_taken() -> None:
    made = contract_in_force()
    source = kept(made)
    other = make_city("3273")
    FlowSource.objects.filter(pk=source.pk).update(city=other)

    assert (keep_figures(other, today=TODAY), Value.objects.count()) == (0, 0)


def test_a_contract_that_is_not_in_force_stops_nothing_else() -> None:
    made = contract_in_force()
    kept(made)
    read = read_definition(text("count", part("hilang-trips")))
    FlowSource.objects.create(
        indicator=make_indicator("MOB-66"),
        city=made.city,
        revision=1,
        definition=read.text,
        sha256=read.sha256,
        shipped=True,
    )

    assert keep_figures(made.city, today=TODAY) == 1


def test_shipped_sources_are_published_once_and_a_keepers_stays() -> None:
    city = make_city()
    make_indicator("MOB-10")

    assert [publish_sources(city), publish_sources(city)] == [1, 0]
    FlowSource.objects.update(sha256="0" * 64)
    assert publish_sources(city) == 1
    FlowSource.objects.update(sha256="0" * 64, shipped=False)
    assert publish_sources(city) == 0
    assert [source.revision for source in current_sources(city)] == [2]


def test_a_keeper_revises_and_retires_what_is_read() -> None:
    made = contract_in_force()
    keeper = seat(make_user(), make_agency(city=made.city), Role.ANALYST)
    indicator = make_indicator("MOB-77")
    given = {"by": keeper, "city": made.city, "indicator": indicator}

    first = revise_source(**given, definition=text("count", part()), seen=0)
    with pytest.raises(Stale):
        revise_source(**given, definition=text("count", part()), seen=0)
    with pytest.raises(Invalid) as fault:
        revise_source(
            **given,
            definition=text("sum", part(more='measure = "speed"\nwhere = { vehicle = ["plane"] }')),
            seen=1,
        )
    ended = retire_source(**given, seen=1)

    assert (first.revision, ended.revision, ended.retired) == (1, 2, True)
    assert len(fault.value.fields["definition"]) == 2
    assert not current_sources(made.city)
    with pytest.raises(Stale):
        retire_source(**given, seen=2)


@pytest.mark.usefixtures("in_english")
def test_what_anyone_reads_is_computed_for_that_purpose_only() -> None:
    inside = {"property": "purposes", "value": ["indicators", "planning"]}
    made = put_in_force(changed(customProperties__4=inside))
    given = {"city": made.city, "indicator": make_indicator("MOB-77"), "seen": 0}

    with pytest.raises(Invalid) as fault:
        revise_source(
            by=seat(make_user(), make_agency(city=made.city), Role.ANALYST),
            definition=text("count", part().replace("indicators", "planning")),
            **given,
        )

    said = "roda-trips: figures that anyone reads are asked for the purpose “indicators”."
    assert fault.value.fields["definition"] == [said]
    assert not FlowSource.objects.exists()


def test_only_the_citys_keepers_revise() -> None:
    made = contract_in_force()
    founder = seat(make_user(), make_company(), Role.FOUNDER)

    with pytest.raises(Refused):
        revise_source(
            by=founder,
            city=made.city,
            indicator=make_indicator(),
            definition=text("count", part()),
            seen=0,
        )


def test_no_cell_of_a_figure_is_below_k(settings, tmp_path: Path) -> None:
    """From sent rows to kept figures: three devices a zone are told, two are not, in no part of a figure."""
    settings.HOME = tmp_path
    made = contract_in_force()
    key = make_data_key(made)
    day = (datetime.now(UTC) - timedelta(days=5)).date()
    at = datetime(day.year, day.month, day.day, 2, tzinfo=UTC).isoformat()
    many = [row(at=at, device=f"a{n}", distance_m=100) for n in range(12)]
    few = [row(at=at, zone=B, device=f"b{n}", distance_m=9000) for n in range(9)]
    Hub(key).send("0001", *many, *few)
    drainer = Drainer()
    drainer.step()
    drainer.close()
    released = release_day(read_contract(made.document), day)
    assert released is not None
    source_of(made, text("sum", part(more=DISTANCE), coverage=1))

    keep_figures(made.city)

    figure = FlowFigure.objects.get()
    assert (released.unknown, figure.value.value, figure.rows) == (9, Decimal(1200), 12)
    assert figure.zones == [[A, 1200.0, 12]]
    assert [one["days"] for one in figure.fed] == [[[day.isoformat(), released.sha256]]]


def test_no_simulated_figure_reaches_the_index() -> None:
    """An indicator of the index, computed from a simulated contract in one city and a real one in another."""
    specification = SPECIFICATION.read_text(encoding="utf-8")
    (code, *_more) = loads(specification).codes
    indicator = make_indicator(code)
    for city, name, invented in ((make_city(), "roda-trips", True), (make_city("3273"), "laju-trips", False)):
        made = contract_in_force(name, city=city, invented=invented)
        for day in days_of(MAY.first, MAY.last):
            release(made, day, cell(A, "car", 10, 10))
        read = read_definition(text("count", part(name)))
        FlowSource.objects.create(
            indicator=indicator,
            city=city,
            revision=1,
            definition=read.text,
            sha256=read.sha256,
            shipped=False,
        )
        assert keep_figures(city, today=TODAY) == 1

    table, names = table_of(2026, specification)

    assert list(names) == ["3273"]
    assert [line.split(",")[:2] for line in table.splitlines()[1:]] == [["3273", "310"]]
