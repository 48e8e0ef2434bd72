"""What could have been done or measured otherwise: the factors of an analysis, checked and read."""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from balai.methods.index.data import Data
from balai.methods.index.edits import edit, is_absent, nominal
from balai.methods.index.errors import SpecError
from balai.methods.index.spec import IndexSpec
from balai.methods.index.steps import Equal, Given, ImputeCarry, ImputeInterpolate

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Choice:
    """One of ``values`` at an ``address`` of the specification (see ``edits``), each as likely unless told.

    At ``weights`` a value may be a table from codes to weights; parts it leaves out keep their own.
    """

    address: str
    values: tuple[Any, ...]
    chances: tuple[float, ...] | None = None
    name: str = ""

    @property
    def label(self) -> str:
        """The name of the factor."""
        return self.name or self.address


@dataclass(frozen=True)
class Noise:
    """Every weight times an own factor, uniform from 1 - ``size`` to 1 + ``size``.

    ``parts`` are the codes of the indicators and nodes whose weight is uncertain; all but the top if None.
    """

    size: float = 0.25
    parts: tuple[str, ...] | None = None
    name: str = "weights"

    @property
    def label(self) -> str:
        """The name of the factor."""
        return self.name


@dataclass(frozen=True)
class DataNoise:
    """Normal error on the values as they are in the data.

    ``size`` is one number, one a column (by code), or an array (units, indicators). It is a share of the
    column's standard deviation, a share of the value itself, or in the column's own unit.
    """

    size: float | Mapping[str, float] | Matrix = 0.05
    of: Literal["deviation", "value", "unit"] = "deviation"
    name: str = "data"

    @property
    def label(self) -> str:
        """The name of the factor."""
        return self.name


@dataclass(frozen=True)
class Impute:
    """Gaps filled by one of ``draws`` draws of the specification's own imputation."""

    draws: int = 20
    name: str = "imputation"

    @property
    def label(self) -> str:
        """The name of the factor."""
        return self.name


Factor = Choice | Noise | DataNoise | Impute


def sizes_of(spec: IndexSpec, data: Data, factor: DataNoise) -> Matrix:
    """Standard error of each value (units, indicators) in the unit of the data."""
    X = data.columns([one.column or one.code for one in spec.indicators])
    if isinstance(factor.size, Mapping):
        size = np.array([factor.size.get(code, 0.0) for code in spec.codes])[None, :]
    else:
        size = np.atleast_2d(np.asarray(factor.size, dtype=np.float64))
    match factor.of:
        case "deviation":
            unit = np.nanstd(X, axis=0, ddof=1)[None, :]
        case "value":
            unit = np.abs(X)
        case "unit":
            unit = np.ones((1, 1))
    return np.asarray(np.broadcast_to(size * unit, X.shape))


def has_weight_sets(factor: Factor) -> bool:
    """Whether a factor chooses among tables of weights."""
    return (
        isinstance(factor, Choice)
        and factor.address == "weights"
        and any(isinstance(value, Mapping) and "method" not in value for value in factor.values)
    )


def is_structural(factor: Factor) -> bool:
    """Whether a factor changes more than weights and values."""
    return isinstance(factor, Impute) or (isinstance(factor, Choice) and not has_weight_sets(factor))


def weighted_parts(spec: IndexSpec) -> tuple[str, ...]:
    """Codes of all parts that have a weight in their parent."""
    return tuple(code for code, part in spec.by_code.items() if part.parent)


def _check_choice(spec: IndexSpec, data: Data, factor: Choice) -> None:  # noqa: ARG001
    at = f"factor {factor.label}"
    if len(factor.values) < 2:
        raise SpecError(f"{at}.values", "name at least two")
    if factor.chances is not None and (
        len(factor.chances) != len(factor.values)
        or any(chance < 0 for chance in factor.chances)
        or sum(factor.chances) <= 0
    ):
        raise SpecError(f"{at}.chances", "are one number of at least 0 for each value, not all 0")
    if has_weight_sets(factor):
        for value in factor.values:
            if not isinstance(value, Mapping):
                raise SpecError(f"{at}.values", "are all tables of weights, or all methods")
            for code, weight in value.items():
                if code not in spec.by_code:
                    raise SpecError(f"{at}.values", f"there is no part {code}")
                if not (isinstance(weight, int | float) and 0 < weight < float("inf")):
                    raise SpecError(f"{at}.values", f"the weight of {code}, {weight!r}, is not above 0")
                _check_given(spec, at, code)
        return
    nominal(spec, factor.address)
    if is_absent(spec, factor.address) and not any(_none(value) for value in factor.values):
        raise SpecError(
            at,
            f"{factor.address} is no step of this specification; name none among the values "
            "to vary whether it is taken at all",
        )
    for value in factor.values:
        edit(spec, {factor.address: value})


def _none(value: Any) -> bool:
    if isinstance(value, Mapping):
        return value.get("method") == "none"
    return value is None or value == "none" or getattr(value, "name", "") == "none"


def _check_given(spec: IndexSpec, at: str, code: str) -> None:
    parent = spec.by_code[code].parent
    if not parent:
        return
    step = getattr(spec.by_code[parent], "weights", None)
    if not isinstance(step, Given | Equal):
        raise SpecError(
            at, f"node {parent} weighs by {getattr(step, 'name', step)}, so {code} has no weight to vary"
        )


def _check_noise(spec: IndexSpec, data: Data, factor: Noise) -> None:  # noqa: ARG001
    at = f"factor {factor.label}"
    if not 0 < factor.size < 1:
        raise SpecError(f"{at}.size", f"{factor.size:g} is not between 0 and 1")
    for code in factor.parts or ():
        if code not in spec.by_code:
            raise SpecError(f"{at}.parts", f"there is no part {code}")
        if not spec.by_code[code].parent:
            raise SpecError(f"{at}.parts", f"{code} is the top and has no weight")
    for code in factor.parts or weighted_parts(spec):
        _check_given(spec, at, code)


def _check_data_noise(spec: IndexSpec, data: Data, factor: DataNoise) -> None:
    at = f"factor {factor.label}.size"
    if isinstance(factor.size, Mapping):
        for code in factor.size:
            if code not in spec.codes:
                raise SpecError(at, f"there is no indicator {code}")
    X = data.columns([one.column or one.code for one in spec.indicators])
    if isinstance(factor.size, np.ndarray) and factor.size.shape not in (X.shape, (X.shape[1],)):
        raise SpecError(at, f"is {factor.size.shape}, not {X.shape}")
    sizes = sizes_of(spec, data, factor)
    there = sizes[~np.isnan(X)]
    if not np.isfinite(there).all() or (there < 0).any():
        raise SpecError(at, "is a finite number of at least 0")
    if not (there > 0).any():
        raise SpecError(at, "is 0 for every value")


def _check_impute(spec: IndexSpec, data: Data, factor: Impute) -> None:
    at = f"factor {factor.label}"
    if factor.draws < 2:
        raise SpecError(f"{at}.draws", f"{factor.draws} is not above 1")
    if is_absent(spec, "impute"):
        raise SpecError(at, "impute is no step of this specification")
    if isinstance(spec.impute, ImputeCarry | ImputeInterpolate):
        raise SpecError(at, f"{spec.impute.name} has no draws; em, means and medians have")
    own = [one.code for one in spec.indicators if one.impute is not None]
    if own:
        raise SpecError(at, f"indicator {own[0]} has an imputation of its own")
    if data.years is not None and len(set(data.years)) > 1:
        raise SpecError(at, "draws are for one year at a time")
    X = data.columns([one.column or one.code for one in spec.indicators])
    if not np.isnan(X).any():
        raise SpecError(at, "the data have no gap to fill")


_CHECKS: Mapping[type, Callable[[IndexSpec, Data, Any], None]] = {
    Choice: _check_choice,
    Noise: _check_noise,
    DataNoise: _check_data_noise,
    Impute: _check_impute,
}


def check(spec: IndexSpec, data: Data, factor: Factor) -> None:
    """``SpecError`` names what of a factor meets nothing in specification or data."""
    _CHECKS[type(factor)](spec, data, factor)


# --- reading


def load(path: Path) -> tuple[Factor, ...]:
    """The factors of a TOML file: its tables ``[[uncertainty]]``, in order; none where there are none."""
    try:
        table = tomllib.loads(Path(path).read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise SpecError(str(path), f"is not TOML: {fault}") from None
    return read(table.get("uncertainty", []))


_KINDS: Mapping[str, tuple[str, ...]] = {
    "choice": ("address", "values", "chances", "name"),
    "weights": ("size", "parts", "name"),
    "data": ("size", "of", "name"),
    "imputation": ("draws", "name"),
}


def read(tables: Sequence[Mapping[str, Any]]) -> tuple[Factor, ...]:
    """Factors from tables as a file has them: ``kind`` choice, weights, data or imputation."""
    if not isinstance(tables, list):
        raise SpecError("uncertainty", "is a list: write [[uncertainty]]")
    return tuple(_read(table, f"uncertainty[{number}]") for number, table in enumerate(tables, 1))


def _read(table: Mapping[str, Any], at: str) -> Factor:
    if not isinstance(table, dict):
        raise SpecError(at, "is a table")
    kind = str(table.get("kind", "choice" if "address" in table else "missing"))
    if kind not in _KINDS:
        raise SpecError(f"{at}.kind", f"{kind!r} is not one of {', '.join(_KINDS)}")
    for key in table:
        if key not in ("kind", *_KINDS[kind]):
            raise SpecError(f"{at}.{key}", f"is not known here; {kind} has {', '.join(_KINDS[kind])}")
    given = {key: value for key, value in table.items() if key != "kind"}
    if not isinstance(given.get("name", ""), str):
        raise SpecError(f"{at}.name", "is a text")
    match kind:
        case "choice":
            if not isinstance(given.get("address"), str):
                raise SpecError(f"{at}.address", "is missing")
            if not isinstance(given.get("values"), list):
                raise SpecError(f"{at}.values", "is a list of at least two")
            chances = given.pop("chances", None)
            given["values"] = tuple(
                tuple(value) if isinstance(value, list) else value for value in given["values"]
            )
            return Choice(**given, chances=None if chances is None else _numbers(chances, f"{at}.chances"))
        case "weights":
            parts = given.pop("parts", None)
            if parts is not None and not (isinstance(parts, list) and all(isinstance(p, str) for p in parts)):
                raise SpecError(f"{at}.parts", "is a list of codes")
            _number(given.get("size", 0.25), f"{at}.size")
            return Noise(**given, parts=None if parts is None else tuple(parts))
        case "data":
            size = given.get("size", 0.05)
            for value in size.values() if isinstance(size, dict) else [size]:
                _number(value, f"{at}.size")
            if given.get("of", "deviation") not in ("deviation", "value", "unit"):
                raise SpecError(f"{at}.of", f"{given['of']!r} is not one of deviation, value, unit")
            return DataNoise(**given)
    draws = given.get("draws", 20)
    if isinstance(draws, bool) or not isinstance(draws, int):
        raise SpecError(f"{at}.draws", "is a whole number")
    return Impute(**given)


def _number(value: Any, at: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SpecError(at, f"{value!r} is not a number")
    return float(value)


def _numbers(values: Any, at: str) -> tuple[float, ...]:
    if not isinstance(values, list):
        raise SpecError(at, "is a list of numbers")
    return tuple(_number(value, at) for value in values)
