"""What people do with a data contract, told to the ledger."""

from collections.abc import Mapping
from typing import Any

from balai.core import ledger
from balai.observations import rules
from balai.observations.models import DataContract
from balai.people.models import User
from balai.people.rules import hats_in


def note(
    verb: str, contract: DataContract, by: User, data: Mapping[str, Any], *, public: bool = False
) -> None:
    """Append to the ledger, in the hat in which the person keeps the contract or is of the partner."""
    hat = rules.keeper_hat(by, contract.city_id) or next(iter(hats_in(by, contract.partner)), None)
    ledger.append(
        verb=verb,
        subject=f"data-contract:{contract.contract}",
        thread=f"organisation:{contract.partner_id}",
        by=by,
        role=hat.role if hat else "",
        organisation=hat.organisation_id if hat else None,
        city=contract.city_id,
        public=public,
        data=dict(data),
    )
