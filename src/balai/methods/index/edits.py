"""One change to a specification, by the address of what it changes.

An address is a field of the index (``treat``, ``normalise.range``, ``tie``), a field of every node
(``aggregate``, ``aggregate.power``, ``weights``, ``min_coverage``), or a field of one part
(``indicator LE.goalposts``, ``node Health.aggregate``). What an address does not meet is an error.
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, get_type_hints

from balai.methods.index.errors import SpecError
from balai.methods.index.spec import IndexSpec, Indicator, Node, _step, _value
from balai.methods.index.steps import METHODS, Step

_ADDRESS = re.compile(r"(?:(indicator|node) (.+)\.)?([a-z_]+)(?:\.([a-z_]+))?")
_OF_NODES = ("aggregate", "weights", "min_coverage")
_OF_INDEX = ("denominate", "screen", "impute", "treat", "normalise", "tie", "order", "panel")
_OF_PARTS = tuple(name for name in METHODS if name not in ("screen", *_OF_NODES))


def parts_at(spec: IndexSpec, address: str) -> list[tuple[IndexSpec | Indicator | Node, str, str | None]]:
    """What an address meets: the part, the field, and the parameter of its method or None."""
    found = _ADDRESS.fullmatch(address.strip())
    if found is None:
        raise SpecError(address, "is no address: write e.g. treat.winmax or node Health.aggregate")
    kind, code, name, parameter = found.groups()
    met: list[IndexSpec | Indicator | Node]
    if kind:
        cls = Indicator if kind == "indicator" else Node
        part = spec.by_code.get(code)
        if not isinstance(part, cls):
            close = difflib.get_close_matches(code, list(spec.by_code), 1)
            raise SpecError(
                address, f"there is no {kind} {code}{f'; did you mean {close[0]}?' if close else ''}"
            )
        met = [part]
        known = [f.name for f in fields(cls) if f.name not in ("code", "name", "parent", "source", "unit")]
    elif name in _OF_NODES:
        met = list(spec.nodes)
        known = list(_OF_NODES)
    else:
        met = [spec]
        known = [*_OF_INDEX, *_OF_NODES]
    if name not in known:
        close = difflib.get_close_matches(name, known, 1)
        raise SpecError(
            address, f"{name} is nothing that can vary{f'; did you mean {close[0]}?' if close else ''}"
        )
    if not kind and name in _OF_PARTS and all(getattr(one, name) is not None for one in spec.indicators):
        raise SpecError(address, f"meets nothing: every indicator names its own {name}")
    if parameter:
        met = [part for part in met if hasattr(getattr(part, name), parameter)]
        if not met:
            raise SpecError(address, f"{_said(spec, kind, code, name)} has no {parameter}")
    return [(part, name, parameter) for part in met]


def _said(spec: IndexSpec, kind: str | None, code: str | None, name: str) -> str:
    """The method that stands at a field, in words."""
    part = spec.by_code[code] if kind and code else spec
    step = getattr(part, name, None)
    if isinstance(step, Step):
        return f"{name} is {step.name} in this specification, which"
    if name in _OF_NODES and not kind:
        return (
            f"{name} of the nodes is {', '.join(sorted({getattr(n, name).name for n in spec.nodes}))}, which"
        )
    return f"{name} is no step of this specification, it"


def nominal(spec: IndexSpec, address: str) -> list[Any]:
    """The values that stand at an address now, one for each part it meets."""
    values = []
    for part, name, parameter in parts_at(spec, address):
        value = getattr(part, name)
        values.append(getattr(value, parameter) if parameter else value)
    return values


def is_absent(spec: IndexSpec, address: str) -> bool:
    """Whether an address names a whole step that the specification does not take."""
    if "." in address or address not in ("screen", "impute", "treat"):
        return False
    step = getattr(spec, address)
    if step is not None and step.name != "none":
        return False
    if address == "screen":
        return True
    return all((getattr(one, address) or step).name == "none" for one in spec.indicators)


def edit(spec: IndexSpec, changes: Mapping[str, Any]) -> IndexSpec:
    """The specification with each address of ``changes`` set to its value: a method, its name or table, or
    a plain value. ``SpecError`` names an address that meets nothing or a value that does not fit.

    Methods are set before their parameters, in whatever order they come.
    """
    pending: dict[str, dict[str, Any]] = {}
    found = [(met, address) for address in changes for met in parts_at(spec, address)]
    for (part, name, parameter), address in sorted(found, key=lambda each: each[0][2] is not None):
        value = changes[address]
        fields_of = pending.setdefault("" if isinstance(part, IndexSpec) else part.code, {})
        stands = fields_of.get(name, getattr(part, name))
        fields_of[name] = _value_for(type(part), stands, name, parameter, value, address)
    whole = pending.pop("", {})
    if pending:
        whole["indicators"] = tuple(
            replace(one, **pending[one.code]) if one.code in pending else one for one in spec.indicators
        )
        whole["nodes"] = tuple(
            replace(node, **pending[node.code]) if node.code in pending else node for node in spec.nodes
        )
    return replace(spec, **whole) if whole else spec


def _value_for(cls: type, stands: Any, name: str, parameter: str | None, value: Any, address: str) -> Any:
    """``value`` as the field or parameter asks; ``SpecError`` where it is of another kind."""
    if parameter:
        if not hasattr(stands, parameter):
            raise SpecError(
                address, f"{name} is {stands.name if stands else 'none'}, which has no {parameter}"
            )
        if value is not None:
            value = _value(value, get_type_hints(type(stands))[parameter], address)
        return replace(stands, **{parameter: value})
    if isinstance(value, Step):
        if METHODS.get(name, {}).get(value.name) is not type(value):
            raise SpecError(address, f"{value.name} is no method of {name}")
        return value
    if name in METHODS:
        if value is None or (value == "none" and name == "screen"):
            return None
        return _step(name, value, address)
    return None if value is None else _value(value, get_type_hints(cls)[name], address)
