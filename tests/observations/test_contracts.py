"""Contracts: read from the open standard, faults by place, and what breaks a reader."""

from time import process_time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from balai.observations.contracts import ContractError, Role, contract_of, read_contract
from balai.observations.contracts.reading import _Plain
from tests.observations_builders import DOCUMENT, trips


def changed(**at: object) -> str:
    """The trips contract with values put at ``path__to__key``."""
    document = yaml.safe_load(DOCUMENT)
    for path, value in at.items():
        *steps, last = [int(step) if step.isdigit() else step for step in path.split("__")]
        place = document
        for step in steps:
            place = place[step]
        if value is ...:
            del place[last]
        elif isinstance(place, list) and last == len(place):
            place.append(value)
        else:
            place[last] = value
    return yaml.safe_dump(document, sort_keys=False)


def own(name: str, value: object) -> dict[str, object]:
    """One custom property more."""
    count = len(yaml.safe_load(DOCUMENT)["customProperties"])
    return {f"customProperties__{count}": {"property": name, "value": value}}


def test_a_standard_and_an_area_are_read() -> None:
    by_standard = read_contract(changed(**own("standard", "mds/trips")))
    in_area = read_contract(changed(**own("area", [106.6, -6.4, 107, -6])))

    assert (trips().standard, by_standard.standard) == ("", "mds/trips")
    assert (trips().area, in_area.area) == (None, (106.6, -6.4, 107, -6))
    assert list(by_standard.breaks(trips())) == []
    assert list(trips().breaks(by_standard)) == ["standard: changed"]
    assert list(in_area.breaks(trips())) == ["area: narrowed"]
    assert list(trips().breaks(in_area)) == []


def test_the_name_of_a_partner_in_its_standard_does_not_change() -> None:
    named = read_contract(changed(**own("provider", "roda-1")))

    assert (trips().provider, named.provider) == ("", "roda-1")
    assert list(named.breaks(trips())) == ["provider: changed"]
    assert list(trips().breaks(named)) == []


def test_an_area_may_grow_and_not_shrink() -> None:
    small = read_contract(changed(**own("area", [106.6, -6.4, 107, -6])))
    large = read_contract(changed(**own("area", [106.5, -6.5, 107, -6])))

    assert list(large.breaks(small)) == []
    assert list(small.breaks(large)) == ["area: narrowed"]


def test_a_contract_is_read_whole() -> None:
    contract = trips()

    assert (contract.id, contract.version, contract.table) == ("roda-trips", "1.0.0", "roda_trips_v1")
    assert (contract.event_type, contract.source) == ("id.kota.mobility.trip.v1", "urn:hub:partner:roda")
    assert [(field.name, field.role) for field in contract.fields] == [
        ("event_id", Role.EVENT),
        ("at", Role.TIME),
        ("zone", Role.ZONE),
        ("device", Role.SUBJECT),
        ("vehicle", Role.DIMENSION),
        ("distance_m", Role.MEASURE),
        ("wait_s", Role.MEASURE),
    ]
    assert contract.fields[4].values == ("car", "motorcycle")
    assert (contract.fields[5].minimum, contract.fields[5].maximum, contract.fields[5].unit) == (
        0,
        200000,
        "m",
    )


@pytest.mark.parametrize(
    ("at", "place"),
    [
        ({"kind": "Contract"}, "kind"),
        ({"version": "1"}, "version"),
        ({"id": "Roda Trips"}, "id"),
        ({"status": "maybe"}, "status"),
        ({"description__purpose": ""}, "description.purpose"),
        ({"schema": []}, "schema"),
        ({"schema__0__properties": []}, "schema[0].properties"),
        ({"schema__0__properties__5__logicalType": "money"}, "schema[0].properties[5].logicalType"),
        ({"schema__0__properties__5__name": "zone"}, "schema[0].properties[5].name"),
        ({"schema__0__properties__5__name": "batch"}, "schema[0].properties[5].name"),
        ({"schema__0__properties__2__logicalTypeOptions__pattern": "("}, "pattern"),
        ({"schema__0__properties__5__logicalTypeOptions__minimum": 300000}, "logicalTypeOptions"),
        ({"schema__0__properties__3__customProperties__0__value": "attribute"}, "schema[0].properties"),
        ({"schema__0__properties__1__customProperties__0__value": "event"}, "schema[0].properties"),
        ({"customProperties__2": {"property": "other", "value": "x"}}, "customProperties"),
        (own("standard", "MDS trips"), "customProperties.standard"),
        (own("standard", "mds/"), "customProperties.standard"),
        (own("provider", "two words"), "customProperties.provider"),
        (own("area", [106.6, -6.4]), "customProperties.area"),
        (own("area", [107.0, -6.4, 106.6, -6.0]), "customProperties.area"),
        (own("area", [106.6, -6.4, float("nan"), -6.0]), "customProperties.area"),
        (own("area", [106.6, -6.4, 181, -6.0]), "customProperties.area"),
    ],
)
def test_a_fault_names_its_place(at: dict[str, object], place: str) -> None:
    with pytest.raises(ContractError) as fault:
        read_contract(changed(**at))

    assert any(place in where for where, _what in fault.value.faults)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- 1",
        "a: [",
        "a: &x [1]\nb: *x",
        "kind: DataContract\nkind: DataContract",
        "!!python/object:os.system x",
        "a" * 300_000,
    ],
)
def test_what_is_no_contract_is_refused(text: str) -> None:
    with pytest.raises(ContractError):
        read_contract(text)


def test_many_keys_cost_no_more_than_each_its_own() -> None:
    """Beside the plain loader, so that a busy machine fails nothing."""
    text = "tag:yaml.org,2002:str"
    keys = [yaml.ScalarNode(text, f"k{number}") for number in range(20_000)]
    node = yaml.MappingNode("tag:yaml.org,2002:map", [(key, key) for key in keys])
    spent = []
    for kind in (yaml.SafeLoader, _Plain):
        begun = process_time()
        assert len(kind("").construct_document(node)) == 20_000
        spent.append(process_time() - begun)

    assert spent[1] < 8 * spent[0]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda x: st.lists(x) | st.dictionaries(st.text(), x),
    )
)
def test_any_document_is_a_contract_or_a_list_of_faults(document: object) -> None:
    with pytest.raises(ContractError):
        contract_of(document)


def test_an_optional_field_is_a_minor_change() -> None:
    document = yaml.safe_load(DOCUMENT)
    document["version"] = "1.1.0"
    document["schema"][0]["properties"].append({"name": "pets", "logicalType": "boolean"})

    assert list(contract_of(document).breaks(trips())) == []


@pytest.mark.parametrize(
    ("at", "what"),
    [
        ({"schema__0__properties__6": ...}, "wait_s: removed"),
        ({"schema__0__properties__6__required": True}, "wait_s: now required"),
        ({"schema__0__properties__5__logicalType": "number"}, "distance_m: type changed"),
        ({"schema__0__properties__5__logicalTypeOptions__minimum": 10}, "distance_m: minimum raised"),
        ({"schema__0__properties__5__logicalTypeOptions__maximum": 10}, "distance_m: maximum lowered"),
        ({"schema__0__properties__5__customProperties__1__value": "km"}, "distance_m: unit changed"),
        (
            {"schema__0__properties__4__quality__0__arguments__validValues": ["car"]},
            "vehicle: allowed values changed",
        ),
        ({"description__purpose": "Advertising"}, "purpose: changed"),
    ],
)
def test_anything_else_needs_a_new_major_version(at: dict[str, object], what: str) -> None:
    assert what in list(read_contract(changed(**at)).breaks(trips()))


def level(**values: object) -> dict[str, object]:
    """The contract with one service level."""
    return {"slaProperties": [{"property": "errorRate", **values}]}


@pytest.mark.parametrize(
    ("at", "share"),
    [
        ({}, 0.01),
        (level(value=0.5, unit="percent"), 0.005),
        (level(value=5, unit="%"), 0.05),
    ],
)
def test_the_share_of_wrong_rows_it_bears_is_read(at: dict[str, object], share: float) -> None:
    assert read_contract(changed(**at)).bears == share


@pytest.mark.parametrize(
    ("at", "place"),
    [
        (level(value=0, unit="percent"), "slaProperties[0].value"),
        (level(value=101, unit="percent"), "slaProperties[0].value"),
        (level(value=True, unit="percent"), "slaProperties[0].value"),
        (level(value=float("nan"), unit="percent"), "slaProperties[0].value"),
        (level(value=1, unit="rows"), "slaProperties[0].unit"),
    ],
)
def test_a_share_that_is_none_names_its_place(at: dict[str, object], place: str) -> None:
    with pytest.raises(ContractError) as fault:
        read_contract(changed(**at))

    assert [where for where, _what in fault.value.faults] == [place]
