"""Contracts from Open Data Contract Standard documents (YAML, v3.1); faults name the place.

What the standard has no word for stands in ``customProperties``: at the root ``partner``, ``titleEn``,
``legalBasis``, ``controller``, ``lateHours``, ``k``, ``bucket``, ``purposes``, ``personal``, ``forbidden``,
``standard``, ``provider``, ``area``;
at a property ``role``, ``unit`` and ``descriptionEn``. Allowed values are a library quality rule
``invalidValues`` with ``mustBe: 0``.
"""

import re
from collections.abc import Hashable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import yaml

from balai.observations.contracts.shape import TYPES, Contract, Field, Role

MOST_FIELDS = 200
LONGEST_ID = 80
LARGEST_BOUND = 2**53
LONGEST_DOCUMENT = 256 * 1024
TYPES_OF_ROLE: dict[Role, tuple[str, ...]] = {
    Role.EVENT: ("string",),
    Role.TIME: ("timestamp",),
    Role.ZONE: ("string",),
    Role.SUBJECT: ("string",),
    Role.SUBJECTS: ("integer",),
    Role.MEASURE: ("integer", "number"),
    Role.DIMENSION: ("string", "integer", "boolean"),
}
RESERVED = ("batch", "received_at", "day")
STATUSES = ("proposed", "draft", "active", "deprecated", "retired")
_slug = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_standard = re.compile(r"[a-z][a-z0-9]*/[a-z][a-z0-9]*(-[a-z0-9]+)*")
_provider = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_name = re.compile(r"[a-z][a-z0-9_]{0,59}")
_version = re.compile(r"(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})")
_minutes = {"m": 1, "min": 1, "minutes": 1, "h": 60, "hours": 60, "d": 1440, "days": 1440}


class ContractError(ValueError):
    """The document is not a contract this hub can work with. ``faults`` are (place, what is wrong)."""

    def __init__(self, faults: list[tuple[str, str]]) -> None:
        self.faults = faults
        super().__init__("; ".join(f"{place}: {fault}" for place, fault in faults))


class _Plain(yaml.SafeLoader):
    """YAML without aliases (which can blow up) and without a key given twice."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not allowed")
        node: yaml.Node | None = super().compose_node(parent, index)
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for part, _value in node.value:
            key = self.construct_object(part, deep=True)
            if not isinstance(key, Hashable):
                raise yaml.constructor.ConstructorError(None, None, "a key is no text", node.start_mark)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key} is given twice", node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


@lru_cache(maxsize=128)
def read_contract(text: str) -> Contract:
    """The contract in a YAML document. Raises ContractError with every fault found."""
    if len(text) > LONGEST_DOCUMENT:
        raise ContractError([("", f"longer than {LONGEST_DOCUMENT} characters")])
    try:
        document = yaml.load(text, Loader=_Plain)  # noqa: S506 - a safe loader, made stricter
    except (yaml.YAMLError, ValueError, RecursionError) as fault:
        raise ContractError([("", " ".join(str(fault).split()))]) from None
    return contract_of(document)


def contract_of(document: object) -> Contract:
    """The contract in a parsed document. Raises ContractError with every fault found."""
    reader = _Reader()
    contract = reader.contract(document)
    if reader.faults or contract is None:
        raise ContractError(reader.faults)
    return contract


class _Reader:
    def __init__(self) -> None:
        self.faults: list[tuple[str, str]] = []

    def fault(self, place: str, what: str) -> None:
        self.faults.append((place, what))

    def text(self, of: Mapping[str, Any], key: str, place: str, *, needed: bool = False) -> str:
        value = of.get(key, "")
        if not isinstance(value, str) or (needed and not value.strip()):
            self.fault(f"{place}{key}", "a text is needed" if needed else "not a text")
            return ""
        return value.strip()

    def whole(self, value: object, place: str, low: int, high: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.fault(place, f"not a whole number from {low} to {high}")
            return low
        return value

    def custom(self, of: Mapping[str, Any], place: str) -> dict[str, Any]:
        entries = of.get("customProperties", [])
        found: dict[str, Any] = {}
        if not isinstance(entries, list):
            self.fault(f"{place}customProperties", "not a list")
            return found
        for number, entry in enumerate(entries):
            if (
                not isinstance(entry, Mapping)
                or not isinstance(entry.get("property"), str)
                or "value" not in entry
            ):
                self.fault(f"{place}customProperties[{number}]", "property and value are needed")
            else:
                found[entry["property"]] = entry["value"]
        return found

    def contract(self, document: object) -> Contract | None:
        if not isinstance(document, Mapping):
            self.fault("", "not a mapping")
            return None
        if document.get("kind") != "DataContract":
            self.fault("kind", "must be DataContract")
        if not str(document.get("apiVersion", "")).startswith("v3."):
            self.fault("apiVersion", "must be v3")
        own = self.custom(document, "")
        description = document.get("description", {})
        if not isinstance(description, Mapping):
            self.fault("description", "not a mapping")
            description = {}
        key = self.text(document, "id", "", needed=True)
        if key and not _slug.fullmatch(key):
            self.fault("id", "small letters, digits and hyphens only")
        if len(key) > LONGEST_ID:
            self.fault("id", f"longer than {LONGEST_ID} characters")
        version = self.text(document, "version", "", needed=True)
        if version and not _version.fullmatch(version):
            self.fault("version", "not major.minor.patch")
        status = self.text(document, "status", "", needed=True)
        if status and status not in STATUSES:
            self.fault("status", f"none of {', '.join(STATUSES)}")
        domain = self.text(document, "domain", "", needed=True)
        partner = self.text(own, "partner", "customProperties.", needed=True)
        for place, value in (("domain", domain), ("customProperties.partner", partner)):
            if value and not _slug.fullmatch(value):
                self.fault(place, "small letters, digits and hyphens only")
        tables = document.get("schema")
        if not isinstance(tables, list) or len(tables) != 1 or not isinstance(tables[0], Mapping):
            self.fault("schema", "exactly one object is needed")
            return None
        table = tables[0]
        name = self.text(table, "name", "schema[0].", needed=True)
        if name and not _name.fullmatch(name):
            self.fault("schema[0].name", "small letters, digits and underscores only")
        fields = self.fields(table.get("properties"))
        levels = document.get("slaProperties", [])
        (refresh, retention), bears = self.service(levels), self.bears(levels)
        personal = own.get("personal", False)
        if not isinstance(personal, bool):
            self.fault("customProperties.personal", "true or false")
        purpose = self.text(description, "purpose", "description.", needed=True)
        basis = self.text(own, "legalBasis", "customProperties.")
        controller = self.text(own, "controller", "customProperties.")
        if personal is True and not (basis and controller):
            self.fault("customProperties", "personal data need legalBasis and controller")
        forbidden = own.get("forbidden", [])
        if not isinstance(forbidden, list) or not all(isinstance(word, str) and word for word in forbidden):
            self.fault("customProperties.forbidden", "not a list of names")
            forbidden = []
        bucket = own.get("bucket", "hour")
        if bucket not in ("hour", "day"):
            self.fault("customProperties.bucket", "hour or day")
        purposes = own.get("purposes", [])
        if not isinstance(purposes, list) or not all(
            isinstance(code, str) and _slug.fullmatch(code) for code in purposes
        ):
            self.fault(
                "customProperties.purposes", "not a list of codes in small letters, digits and hyphens"
            )
            purposes = []
        standard = self.text(own, "standard", "customProperties.")
        if standard and not (_standard.fullmatch(standard) and len(standard) <= LONGEST_ID):
            self.fault("customProperties.standard", "a path of two parts, such as mds/trips")
        provider = self.text(own, "provider", "customProperties.")
        if provider and not _provider.fullmatch(provider):
            self.fault("customProperties.provider", "up to 64 letters, digits, dots and hyphens")
        area = self.area(own.get("area"))
        self.roles(fields, personal is True)
        if self.faults:
            return None
        return Contract(
            id=key,
            version=version,
            status=status,
            name=name,
            domain=domain,
            partner=partner,
            fields=tuple(fields),
            title=self.text(document, "name", "") or name,
            title_en=self.text(own, "titleEn", "customProperties."),
            purpose=purpose,
            legal_basis=basis,
            controller=controller,
            granularity=self.text(table, "dataGranularityDescription", "schema[0]."),
            refresh_minutes=refresh,
            retention_days=retention,
            late_hours=self.whole(own.get("lateHours", 48), "customProperties.lateHours", 1, 24 * 90),
            k=self.whole(own.get("k", 10), "customProperties.k", 2, 10_000),
            bucket=bucket,
            purposes=tuple(purposes),
            personal=personal is True,
            forbidden=tuple(word.lower() for word in forbidden),
            standard=standard,
            provider=provider,
            area=area,
            bears=bears,
        )

    def area(self, value: object) -> tuple[float, float, float, float] | None:
        """West, south, east and north in degrees, or None where the contract names no area."""
        if value is None:
            return None
        if (
            isinstance(value, list)
            and len(value) == 4
            and all(isinstance(edge, int | float) and not isinstance(edge, bool) for edge in value)
        ):
            west, south, east, north = value
            if -180 <= west < east <= 180 and -90 <= south < north <= 90:
                return west, south, east, north
        self.fault("customProperties.area", "west, south, east and north in degrees are needed")
        return None

    def service(self, entries: object) -> tuple[int, int]:
        """Refresh in minutes and retention in days, from the service levels."""
        refresh, retention = 60, 365
        if not isinstance(entries, list):
            self.fault("slaProperties", "not a list")
            return refresh, retention
        for number, entry in enumerate(entries):
            place = f"slaProperties[{number}]"
            if not isinstance(entry, Mapping):
                self.fault(place, "not a mapping")
                continue
            kind, unit = entry.get("property"), str(entry.get("unit", ""))
            if kind not in ("frequency", "retention"):
                continue
            value = self.whole(entry.get("value"), f"{place}.value", 1, 100_000)
            if unit not in _minutes:
                self.fault(f"{place}.unit", f"none of {', '.join(_minutes)}")
            elif kind == "frequency":
                refresh = value * _minutes[unit]
            else:
                retention = -(-value * _minutes[unit] // 1440)
        return refresh, retention

    def bears(self, entries: object) -> float:
        """The share of wrong rows the contract bears, from its service level ``errorRate`` in percent."""
        for number, entry in enumerate(entries if isinstance(entries, list) else []):
            if not isinstance(entry, Mapping) or entry.get("property") != "errorRate":
                continue
            place, value = f"slaProperties[{number}]", entry.get("value")
            if entry.get("unit") not in ("percent", "%"):
                self.fault(f"{place}.unit", "percent")
            elif isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 100:
                self.fault(f"{place}.value", "not a number above 0 and up to 100")
            else:
                return value / 100
        return 0.01

    def fields(self, properties: object) -> list[Field]:
        if not isinstance(properties, list) or not 1 <= len(properties) <= MOST_FIELDS:
            self.fault("schema[0].properties", f"a list of 1 to {MOST_FIELDS} properties is needed")
            return []
        fields: list[Field] = []
        for number, entry in enumerate(properties):
            place = f"schema[0].properties[{number}]."
            if not isinstance(entry, Mapping):
                self.fault(place[:-1], "not a mapping")
                continue
            field = self.field(entry, place)
            if field is None:
                continue
            if any(field.name == other.name for other in fields):
                self.fault(f"{place}name", f"{field.name} is given twice")
            fields.append(field)
        return fields

    def field(self, entry: Mapping[str, Any], place: str) -> Field | None:
        name = self.text(entry, "name", place, needed=True)
        if name and (not _name.fullmatch(name) or name in RESERVED):
            self.fault(
                f"{place}name", "small letters, digits and underscores, and none of " + ", ".join(RESERVED)
            )
        kind = self.text(entry, "logicalType", place, needed=True)
        if kind and kind not in TYPES:
            self.fault(f"{place}logicalType", f"none of {', '.join(TYPES)}")
        own = self.custom(entry, place)
        role = str(own.get("role", Role.ATTRIBUTE))
        if role not in set(Role):
            self.fault(f"{place}customProperties.role", f"none of {', '.join(Role)}")
            return None
        required = entry.get("required", False)
        if not isinstance(required, bool):
            self.fault(f"{place}required", "true or false")
        options = entry.get("logicalTypeOptions", {})
        if not isinstance(options, Mapping):
            self.fault(f"{place}logicalTypeOptions", "not a mapping")
            options = {}
        pattern = self.text(options, "pattern", f"{place}logicalTypeOptions.")
        try:
            re.compile(pattern)
        except re.error as fault:
            self.fault(f"{place}logicalTypeOptions.pattern", str(fault))
        values = self.values(entry.get("quality", []), place)
        examples = entry.get("examples", [])
        example = examples[0] if isinstance(examples, list) and examples else None
        if isinstance(example, datetime):
            self.fault(f"{place}examples", "quote the time")
            example = None
        low, high = self.bound(options, "minimum", place), self.bound(options, "maximum", place)
        if low is not None and high is not None and low > high:
            self.fault(f"{place}logicalTypeOptions", "minimum is above maximum")
        longest = self.whole(options.get("maxLength", 200), f"{place}logicalTypeOptions.maxLength", 1, 10_000)
        return Field(
            name=name,
            type=kind,
            role=Role(role),
            required=required is True or role in (Role.EVENT, Role.TIME),
            description=self.text(entry, "description", place),
            description_en=self.text(own, "descriptionEn", f"{place}customProperties."),
            unit=self.text(own, "unit", f"{place}customProperties."),
            values=values,
            minimum=low,
            maximum=high,
            pattern=pattern,
            longest=longest,
            example=example,
        )

    def bound(self, options: Mapping[str, Any], key: str, place: str) -> float | None:
        value = options.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.fault(f"{place}logicalTypeOptions.{key}", "not a number")
            return None
        if not -LARGEST_BOUND <= value <= LARGEST_BOUND:
            self.fault(f"{place}logicalTypeOptions.{key}", f"beyond {LARGEST_BOUND}")
            return None
        return value

    def values(self, rules: object, place: str) -> tuple[str, ...]:
        if not isinstance(rules, list):
            self.fault(f"{place}quality", "not a list")
            return ()
        for number, rule in enumerate(rules):
            if not isinstance(rule, Mapping) or rule.get("metric") != "invalidValues":
                continue
            given = rule.get("arguments", {})
            allowed = given.get("validValues") if isinstance(given, Mapping) else None
            if not isinstance(allowed, list) or not allowed or not all(isinstance(v, str) for v in allowed):
                self.fault(f"{place}quality[{number}].arguments.validValues", "a list of texts is needed")
                return ()
            return tuple(allowed)
        return ()

    def roles(self, fields: list[Field], personal: bool) -> None:
        place = "schema[0].properties"
        count = {role: [field for field in fields if field.role is role] for role in Role}
        for role in (Role.EVENT, Role.TIME):
            if len(count[role]) != 1:
                self.fault(place, f"exactly one property has the role {role}")
        for role in (Role.ZONE, Role.SUBJECT, Role.SUBJECTS):
            if len(count[role]) > 1:
                self.fault(place, f"at most one property has the role {role}")
        for field in fields:
            kinds = TYPES_OF_ROLE.get(field.role, TYPES)
            if field.type not in kinds:
                self.fault(f"{place}.{field.name}", f"the role {field.role} asks for {' or '.join(kinds)}")
        if personal and not (count[Role.SUBJECT] or count[Role.SUBJECTS]):
            self.fault(place, "personal data need a property with the role subject or subjects, to keep k by")
