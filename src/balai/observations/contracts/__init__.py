"""Data contracts: what one partner sends about one dataset, in the Open Data Contract Standard."""

from balai.observations.contracts.reading import ContractError, contract_of, read_contract
from balai.observations.contracts.shape import Contract, Field, Role

__all__ = ["Contract", "ContractError", "Field", "Role", "contract_of", "read_contract"]
