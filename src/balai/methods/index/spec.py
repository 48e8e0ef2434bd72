"""What an index is made of: indicators, nodes and the methods between them, as data.

A specification is written in Python (frozen dataclasses) or in TOML (``load``); both are checked alike, and
a fault names its field. ``IndexSpec.hash()`` is the SHA-256 of its canonical JSON.
"""

import difflib
import hashlib
import json
import math
import tomllib
import types
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from balai.methods.index.errors import SpecError
from balai.methods.index.steps import (
    FLOORS,
    METHODS,
    SHORT,
    Aggregate,
    AhpWeights,
    BenefitOfDoubt,
    BudgetWeights,
    Given,
    Impute,
    ImputeCarry,
    ImputeEM,
    ImputeInterpolate,
    MinMax,
    NoImputation,
    Normalise,
    NoTreatment,
    PowerMean,
    Screen,
    Step,
    Ties,
    Transform,
    Treat,
    WeightedSum,
    Weights,
)

STAGES = ("denominate", "screen", "impute", "treat", "normalise")
"""The stages before aggregation, in the order they run unless ``order`` says otherwise."""


@dataclass(frozen=True)
class Indicator:
    """One column of the data and its place in the index.

    ``direction`` is 1 where more is better, -1 where less is. The value is divided by the column
    ``denominator`` and multiplied by ``per``; before it is normalised ``shift`` is added and ``transform``
    applied, to the value, to ``goalposts`` and to ``target`` alike. ``impute``, ``treat`` and ``normalise``
    replace the index's own.
    """

    code: str
    name: str = ""
    direction: int = 1
    parent: str = ""
    weight: float = 1.0
    unit: str = ""
    goalposts: tuple[float, float] | None = None
    target: float | None = None
    denominator: str | None = None
    per: float = 1.0
    shift: float = 0.0
    transform: Transform = "none"
    column: str | None = None
    impute: Impute | None = None
    treat: Treat | None = None
    normalise: Normalise | None = None
    source: str = ""


@dataclass(frozen=True)
class Node:
    """An aggregate of indicators or other nodes; the one without a parent is the index.

    A unit gets a score where at least ``min_coverage`` of the node's children have one. The score may then be
    normalised again and rounded; what comes out is what is reported and what the parent takes. ``impute``
    fills the gaps that the parent sees, not those reported.
    """

    code: str
    parent: str | None = None
    name: str = ""
    aggregate: Aggregate = PowerMean(1.0)  # noqa: RUF009
    weight: float = 1.0
    weights: Weights = Given()  # noqa: RUF009
    min_coverage: float = 0.66
    impute: Impute | None = None
    normalise: Normalise | None = None
    round: int | None = None


@dataclass(frozen=True)
class Reading:
    """How the file of data is written. No part of the index: it does not count in the hash.

    ``code`` is the column of the units (the first if None), ``year`` that of years (``year``, if there).
    ``thousands`` is left out of numbers; ``percent`` lets "8%" be read as 8.
    """

    code: str | None = None
    year: str | None = None
    groups: tuple[str, ...] = ()
    missing: tuple[str, ...] = ("NA", "N/A", "NaN", "nan", "null", "..", "-")
    delimiter: str = ","
    decimal: str = "."
    thousands: str = ""
    percent: bool = False
    encoding: str = "utf-8"


@dataclass(frozen=True)
class Output:
    """How results are given: decimals (all if None), whether ranks see the rounded scores, who is first."""

    round: int | None = None
    rank_rounded: bool = False
    first: Literal["high", "low"] = "high"


@dataclass(frozen=True)
class IndexSpec:
    """A whole index. ``panel`` says whether years share one scale ("pooled") or are each their own table."""

    indicators: tuple[Indicator, ...]
    nodes: tuple[Node, ...]
    denominate: bool = True
    screen: Screen | None = None
    impute: Impute = NoImputation()  # noqa: RUF009
    treat: Treat = NoTreatment()  # noqa: RUF009
    normalise: Normalise = MinMax()  # noqa: RUF009
    tie: Ties = "min"
    order: tuple[str, ...] = STAGES
    panel: Literal["pooled", "by_year"] = "pooled"
    output: Output = Output()
    data: Reading = Reading()
    name: str = ""
    version: str = ""

    def __post_init__(self) -> None:
        _check(self)

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """Codes of the indicators, in order: the columns of every stage."""
        return tuple(indicator.code for indicator in self.indicators)

    @cached_property
    def by_code(self) -> Mapping[str, Indicator | Node]:
        """Indicators and nodes by their code."""
        return {part.code: part for part in self.parts}

    @property
    def parts(self) -> tuple[Indicator | Node, ...]:
        """Indicators, then nodes."""
        return (*self.indicators, *self.nodes)

    @cached_property
    def _children(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {node.code: [] for node in self.nodes}
        for part in self.parts:
            if part.parent:
                found[part.parent].append(part.code)
        return {code: tuple(children) for code, children in found.items()}

    def children(self, code: str) -> tuple[str, ...]:
        """Codes right below a node: indicators first, then nodes, each in the order of the specification."""
        return self._children[code]

    def leaves(self, code: str) -> tuple[str, ...]:
        """Codes of the indicators below a node, however deep; an indicator is its own leaf."""
        if code not in self._children:
            return (code,)
        return tuple(leaf for child in self._children[code] for leaf in self.leaves(child))

    @cached_property
    def top(self) -> str:
        """Code of the node that is the index."""
        return next(node.code for node in self.nodes if not node.parent)

    @cached_property
    def bottom_up(self) -> tuple[Node, ...]:
        """The nodes, each after all that lie below it."""
        order: list[Node] = []

        def visit(code: str) -> None:
            for child in self._children[code]:
                if child in self._children:
                    visit(child)
            part = self.by_code[code]
            assert isinstance(part, Node)
            order.append(part)

        visit(self.top)
        return tuple(order)

    def impute_of(self, indicator: Indicator) -> Impute:
        """The imputation of an indicator: its own, or the index's."""
        return indicator.impute or self.impute

    def treat_of(self, indicator: Indicator) -> Treat:
        """The treatment of an indicator: its own, or the index's."""
        return indicator.treat or self.treat

    def normalise_of(self, indicator: Indicator) -> Normalise:
        """The normalisation of an indicator: its own, or the index's."""
        return indicator.normalise or self.normalise

    def as_dict(self) -> dict[str, Any]:
        """The shape a file has; ``from_dict`` reads it back to an equal specification."""
        plain = {f.name: _plain(getattr(self, f.name), f) for f in fields(self)}
        plain["indicator"] = plain.pop("indicators")
        plain["node"] = plain.pop("nodes")
        return {key: value for key, value in plain.items() if value is not None}

    def hash(self) -> str:
        """SHA-256 of the canonical JSON: sorted keys, shortest numbers, without how the file is read."""
        whole = {key: value for key, value in self.as_dict().items() if key != "data"}
        text = json.dumps(_canonical(whole), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


@cache
def canonical(step: Step) -> str:
    """One method as canonical JSON: the part of a stage's key that says what was done."""
    return json.dumps(_canonical(step.as_dict()), sort_keys=True, separators=(",", ":"))


def _canonical(value: Any) -> Any:
    match value:
        case bool():
            return value
        case float() if math.isinf(value):
            return "inf" if value > 0 else "-inf"
        case float() if value == int(value):
            return int(value)
        case dict():
            return {key: _canonical(each) for key, each in value.items()}
        case list() | tuple():
            return [_canonical(each) for each in value]
    return value


def _plain(value: Any, field: Any) -> Any:
    """A value as a file would have it; None where the file would leave the key out."""
    if value is None:
        return None if field.default is None else "none"
    if isinstance(value, Step):
        return _table(value, {"method": value.name})
    if isinstance(value, Indicator | Node | Reading | Output):
        return _table(value, {})
    if isinstance(value, tuple):
        return [_plain(each, field) for each in value]
    return value


def _table(value: Any, start: dict[str, Any]) -> dict[str, Any]:
    given = {f.name: _plain(getattr(value, f.name), f) for f in fields(value)}
    return start | {key: each for key, each in given.items() if each is not None}


# --- checks


def _check(spec: IndexSpec) -> None:
    if not spec.indicators:
        raise SpecError("indicator", "an index needs at least one")
    if not spec.nodes:
        raise SpecError("node", "an index needs at least one, its top")
    _check_codes(spec)
    for indicator in spec.indicators:
        _check_indicator(indicator)
    for node in spec.nodes:
        _check_node(node)
    _check_tree(spec)
    for name in ("screen", "impute", "treat", "normalise"):
        _check_step(name, getattr(spec, name))
    if set(spec.order) != set(STAGES) or len(spec.order) != len(STAGES):
        raise SpecError("order", f"name each of {', '.join(STAGES)} once")
    if spec.output.round is not None and not 0 <= spec.output.round <= 15:
        raise SpecError("output.round", f"{spec.output.round} is not from 0 to 15")
    if spec.output.rank_rounded and spec.output.round is None:
        raise SpecError("output.rank_rounded", "needs output.round")


def _check_codes(spec: IndexSpec) -> None:
    seen: dict[str, str] = {}
    numbered: list[tuple[int, Indicator | Node]]
    numbered = [*enumerate(spec.indicators, 1), *enumerate(spec.nodes, 1)]
    for number, part in numbered:
        at = f"{'node' if isinstance(part, Node) else 'indicator'}[{number}]"
        if not part.code.strip():
            raise SpecError(f"{at}.code", "is empty")
        if part.code in seen:
            raise SpecError(f"{at}.code", f"{part.code} is already the {seen[part.code]}")
        seen[part.code] = f"code of {at}"


def _check_indicator(indicator: Indicator) -> None:
    at = f"indicator {indicator.code}"
    if indicator.direction not in (1, -1):
        raise SpecError(f"{at}.direction", f"is 1 or -1, not {indicator.direction}")
    if not indicator.parent:
        raise SpecError(f"{at}.parent", "name the node it belongs to")
    _check_weight(at, indicator.weight)
    if indicator.goalposts is not None:
        low, high = indicator.goalposts
        if not (math.isfinite(low) and math.isfinite(high)):
            raise SpecError(f"{at}.goalposts", "are two finite numbers")
        if low == high:
            raise SpecError(f"{at}.goalposts", f"both are {low:g}; they must differ")
        if low > high:
            raise SpecError(
                f"{at}.goalposts",
                f"reversed: lower {low:g} is above upper {high:g} (direction says which end is good)",
            )
        _check_transformed(f"{at}.goalposts", indicator, low)
    if indicator.target is not None:
        _check_transformed(f"{at}.target", indicator, indicator.target)
    if not math.isfinite(indicator.shift):
        raise SpecError(f"{at}.shift", f"{indicator.shift} is not a finite number")
    if not (math.isfinite(indicator.per) and indicator.per > 0):
        raise SpecError(f"{at}.per", f"{indicator.per:g} is not above 0")
    if isinstance(indicator.impute, ImputeEM):
        raise SpecError(f"{at}.impute", "em fits all indicators together: name it for the whole index")
    for name in ("impute", "treat", "normalise"):
        _check_step(f"{at}.{name}", getattr(indicator, name))


def _check_transformed(at: str, indicator: Indicator, value: float) -> None:
    floor = FLOORS[indicator.transform]
    if value + indicator.shift < floor or (
        value + indicator.shift == floor and indicator.transform != "sqrt"
    ):
        raise SpecError(at, f"{value:g} has no {indicator.transform}")


def _check_node(node: Node) -> None:
    at = f"node {node.code}"
    _check_weight(at, node.weight)
    if not 0 <= node.min_coverage <= 1:
        raise SpecError(f"{at}.min_coverage", f"{node.min_coverage:g} is not a share from 0 to 1")
    if node.round is not None and not 0 <= node.round <= 15:
        raise SpecError(f"{at}.round", f"{node.round} is not from 0 to 15")
    if isinstance(node.impute, ImputeEM):
        raise SpecError(f"{at}.impute", "em fits indicators together; a node has one column")
    for name in ("aggregate", "weights", "impute", "normalise"):
        _check_step(f"{at}.{name}", getattr(node, name))
    if node.normalise is not None and node.normalise.name in ("goalposts", "distance_to_target"):
        raise SpecError(
            f"{at}.normalise", f"{node.normalise.name} is for indicators; scaled does it for a node"
        )


def _check_weight(at: str, weight: float) -> None:
    if not math.isfinite(weight) or weight < 0:
        raise SpecError(f"{at}.weight", f"{weight:g} is not above 0")
    if weight == 0:
        raise SpecError(f"{at}.weight", "is 0; leave the part out instead, or give it a weight above 0")


def _check_step(at: str, step: Step | None) -> None:
    fault = step.fault() if step is not None else None
    if fault:
        raise SpecError(f"{at}.{fault[0]}", fault[1])


def _check_tree(spec: IndexSpec) -> None:
    nodes = {node.code: node for node in spec.nodes}
    for kind, parts in (("indicator", spec.indicators), ("node", spec.nodes)):
        for part in parts:
            if part.parent and part.parent not in nodes:
                what = "is an indicator, not a node" if part.parent in spec.by_code else "is no node"
                raise SpecError(
                    f"{kind} {part.code}.parent", f"{part.parent} {what}{_near(part.parent, nodes)}"
                )
    for node in spec.nodes:
        path = [node.code]
        while nodes[path[-1]].parent:
            above = nodes[path[-1]].parent
            assert above is not None
            if above in path:
                ring = " -> ".join([*path[path.index(above) :], above])
                raise SpecError(f"node {above}.parent", f"goes in a circle: {ring}")
            path.append(above)
    tops = [node.code for node in spec.nodes if not node.parent]
    if len(tops) > 1:
        raise SpecError(
            f"node {tops[1]}.parent", f"is missing: {tops[0]} is already the top, and there is one"
        )
    for node in spec.nodes:
        if not spec.children(node.code):
            raise SpecError(f"node {node.code}", "has no indicator and no node below it")
        _check_weights(spec, node)


def _check_weights(spec: IndexSpec, node: Node) -> None:
    at, children = f"node {node.code}", spec.children(node.code)
    if isinstance(node.weights, BenefitOfDoubt) and not isinstance(node.aggregate, WeightedSum):
        raise SpecError(f"{at}.aggregate", "is sum where weights are benefit_of_doubt")
    rows: tuple[tuple[float, ...], ...] = ()
    match node.weights:
        case AhpWeights():
            rows, where = node.weights.comparisons, "comparisons"
            if len(rows) != len(children):
                raise SpecError(
                    f"{at}.weights.comparisons", f"has {len(rows)} rows for {len(children)} children"
                )
        case BudgetWeights():
            rows, where = node.weights.points, "points"
            if not rows:
                raise SpecError(f"{at}.weights.points", "needs the points of one expert or more")
    for number, row in enumerate(rows, 1):
        if len(row) != len(children):
            raise SpecError(
                f"{at}.weights.{where}[{number}]",
                f"has {len(row)} numbers for {len(children)} children: {', '.join(children)}",
            )


def _near(word: str, words: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(words), 1)
    return f"; did you mean {close[0]}?" if close else ""


# --- reading

_TOP = ("name", "version", "tie", "order", "panel", "denominate")
_KINDS = ("screen", "impute", "treat", "normalise")
_NODE_DEFAULTS = ("aggregate", "weights", "min_coverage")


def load(path: Path) -> IndexSpec:
    """Read a specification from a TOML file (or JSON, by its ending). ``SpecError`` names the field."""
    try:
        text = Path(path).read_text("utf-8")
    except UnicodeDecodeError:
        raise SpecError(str(path), "is not UTF-8") from None
    if Path(path).suffix.lower() == ".json":
        try:
            table = json.loads(text)
        except json.JSONDecodeError as fault:
            raise SpecError(str(path), f"is not JSON: {fault}") from None
        if not isinstance(table, dict):
            raise SpecError(str(path), "is not a table")
        return from_dict(table)
    return loads(text, str(path))


def loads(text: str, where: str = "specification") -> IndexSpec:
    """Read a specification from TOML text."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise SpecError(where, f"is not TOML: {fault}") from None
    return from_dict(table)


def from_dict(table: Mapping[str, Any]) -> IndexSpec:
    """Read a specification from the tables of a file."""
    known = (*_TOP, *_KINDS, *_NODE_DEFAULTS, "output", "data", "indicator", "node", "uncertainty")
    _refuse_unknown(table, known, "")
    hints = _hints(IndexSpec)
    given: dict[str, Any] = {key: _value(table[key], hints[key], key) for key in _TOP if key in table}
    given |= {kind: _step(kind, table[kind], kind) for kind in _KINDS if kind in table}
    for key, cls in (("output", Output), ("data", Reading)):
        if key in table:
            given[key] = _fields(cls, _as_table(table[key], key), key)
    node_hints = _hints(Node)
    usual = {
        key: _value(table[key], node_hints[key], key)
        if key == "min_coverage"
        else _step(key, table[key], key)
        for key in _NODE_DEFAULTS
        if key in table
    }
    given["indicators"] = tuple(_parts(Indicator, table, "indicator", {}))
    given["nodes"] = tuple(_parts(Node, table, "node", usual))
    return IndexSpec(**given)


def _parts(cls: type, table: Mapping[str, Any], key: str, usual: dict[str, Any]) -> Iterable[Any]:
    rows = table.get(key, [])
    if not isinstance(rows, list):
        raise SpecError(key, f"is a list: write [[{key}]]")
    for number, row in enumerate(rows, 1):
        code = row.get("code") if isinstance(row, dict) else None
        at = f"{key} {code}" if isinstance(code, str) and code else f"{key}[{number}]"
        yield _fields(cls, _as_table(row, at), at, usual)


def _as_table(value: Any, at: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SpecError(at, f"is a table, not {_kind(value)}")
    return value


def _step(kind: str, value: Any, at: str) -> Step:
    """A method from its name alone, or from a table with ``method`` and parameters."""
    if isinstance(value, str):
        value = {"method": value}
    table = dict(_as_table(value, at))
    default = "coverage" if kind == "screen" else None
    name = table.pop("method", default)
    if name is None:
        raise SpecError(f"{at}.method", "is missing")
    short = SHORT.get(kind, {})
    if name in short and not table:
        return short[name]
    if name not in METHODS[kind]:
        words = [*METHODS[kind], *short]
        raise SpecError(f"{at}.method", f"{name!r} is not one of {', '.join(words)}{_near(str(name), words)}")
    return _fields(METHODS[kind][name], table, at)  # type: ignore[no-any-return]


def _refuse_unknown(table: Mapping[str, Any], known: Iterable[str], at: str) -> None:
    for key in table:
        if key not in known:
            raise SpecError(f"{at}.{key}".lstrip("."), f"is not known here{_near(key, known)}")


@cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


def _fields(cls: type, table: Mapping[str, Any], at: str, usual: Mapping[str, Any] | None = None) -> Any:
    """An instance of a dataclass from a table; ``usual`` stands in for keys the table leaves out."""
    hints = _hints(cls)
    known = [f.name for f in fields(cls)]
    _refuse_unknown(table, known, at)
    given = dict(usual or {})
    for f in fields(cls):
        path = f"{at}.{f.name}"
        if f.name in table:
            value = table[f.name]
            stepwise = f.name in METHODS and cls in (Indicator, Node)
            given[f.name] = _step(f.name, value, path) if stepwise else _value(value, hints[f.name], path)
        elif f.name not in given and f.default is MISSING and f.default_factory is MISSING:
            raise SpecError(path, "is missing")
    made = cls(**given)
    if isinstance(made, Step):
        _check_step(at, made)
    return made


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "true or false"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {value!r}"
        case list():
            return "a list"
        case dict():
            return "a table"
    return repr(value)


def _value(value: Any, hint: Any, at: str) -> Any:
    """The value as its type asks; ``SpecError`` where it is of another."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        choices = [each for each in get_args(hint) if each is not type(None)]
        if value == "none" and str not in choices:
            return None
        return _value(value, choices[0], at)
    if origin is Literal:
        if value not in get_args(hint):
            words = [str(word) for word in get_args(hint)]
            raise SpecError(at, f"{value!r} is not one of {', '.join(words)}{_near(str(value), words)}")
        return value
    if origin is tuple:
        return _list(value, get_args(hint), at)
    if hint is float:
        return _number(value, at)
    if type(value) is not hint:
        wanted = {str: "a text", int: "a whole number", bool: "true or false"}[hint]
        raise SpecError(at, f"is {wanted}, not {_kind(value)}")
    return value


def _number(value: Any, at: str) -> float:
    if value in ("inf", "-inf"):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SpecError(at, f"is a number, not {_kind(value)}")
    if not math.isfinite(value) and not at.endswith(".power"):
        raise SpecError(at, f"{value} is not a finite number")
    return float(value)


def _list(value: Any, kinds: tuple[Any, ...], at: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise SpecError(at, f"is a list, not {_kind(value)}")
    if kinds[-1] is Ellipsis:
        return tuple(_value(each, kinds[0], f"{at}[{number}]") for number, each in enumerate(value, 1))
    if len(value) != len(kinds):
        raise SpecError(at, f"is {len(kinds)} values, not {len(value)}")
    return tuple(
        _value(each, kind, f"{at}[{number}]")
        for number, (each, kind) in enumerate(zip(value, kinds, strict=True), 1)
    )


def needs_years(spec: IndexSpec) -> bool:
    """Whether a method of the specification looks along a unit's years."""
    steps = [spec.impute, *(part.impute for part in spec.parts)]
    return any(isinstance(step, ImputeCarry | ImputeInterpolate) for step in steps)


def groups_used(spec: IndexSpec) -> tuple[str, ...]:
    """Group columns that the data must have: those of ``data.groups`` and those the imputations name."""
    named = [getattr(step, "group", None) for step in (spec.impute, *(part.impute for part in spec.parts))]
    return tuple(dict.fromkeys([*spec.data.groups, *(name for name in named if name)]))
