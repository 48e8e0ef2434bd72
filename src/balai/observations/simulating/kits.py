"""The example contracts of the partner kits, as they lie in the package."""

from functools import cache
from importlib import resources

from balai.observations.contracts import Contract, read_contract

ENDING = ".odcs.yaml"


def shipped_contracts() -> dict[str, str]:
    """The documents of every kit, by the contract's name."""
    folder = resources.files("balai.observations") / "contract_data"
    found = sorted(path.name for path in folder.iterdir() if path.name.endswith(ENDING))
    return {name.removesuffix(ENDING): (folder / name).read_text(encoding="utf-8") for name in found}


@cache
def shipped_contract(name: str) -> Contract:
    """Raises KeyError for a contract that no kit has."""
    return read_contract(shipped_contracts()[name])


def kits() -> dict[str, list[str]]:
    """The names of the contracts by partner; the first is what a partner sends where none is named."""
    found: dict[str, list[str]] = {}
    for name in shipped_contracts():
        found.setdefault(shipped_contract(name).partner, []).append(name)
    return found
