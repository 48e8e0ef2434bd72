"""What the pages of a data contract share: the contract itself, who reads, and the tabs between them."""

from typing import Any

from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from balai.core.rules import require
from balai.observations import rules
from balai.observations.contracts import Contract, read_contract
from balai.observations.disbursing import names_of
from balai.observations.models import DataContract
from balai.observations.queries import version_that_applies
from balai.observations.snap_clients import STANDARD as SIGNED
from balai.people.models import User
from balai.people.rules import is_person
from balai.portal.components import Tab


def person(request: HttpRequest) -> User:
    """Whoever is signed in; `login_required` stands before."""
    if not is_person(request.user):
        raise Http404
    return request.user


def find(contract: str, major: int) -> DataContract:
    """The version of a major one that applies, or the newest of those retired."""
    row = version_that_applies(contract, major)
    if row is None:
        raise Http404
    return row


def title_of(contract: Contract) -> str:
    """The contract's title in the reader's language, where it has one."""
    return contract.title_en if get_language() == "en" and contract.title_en else contract.title


def inside(request: HttpRequest, contract: str, major: int) -> DataContract:
    """The contract, for those who may see what flows. Raises Refused."""
    row = find(contract, major)
    require(rules.may_see_flow(request.user, row))
    return row


def room(row: DataContract, current: str, **more: Any) -> dict[str, Any]:
    """What every page inside a contract shows: its name and the tabs; ``current`` is a URL's name."""
    whole = read_contract(row.document)
    return {"it": row, "whole": whole, "title": title_of(whole), "tabs": tabs_of(row, whole, current), **more}


def tabs_of(row: DataContract, whole: Contract, current: str) -> list[Tab]:
    """Contract, flow, keys, quarantine; who signs where notices are signed, the books where money is paid."""
    names = {
        "data_contract": _("Contract"),
        "data_flow": _("What flows"),
        "data_keys": _("Keys"),
        "data_quarantine": _("Quarantine"),
    }
    if whole.standard == SIGNED:
        names["data_snap"] = _("Payment notices")
    if names_of(whole) is not None:
        names["data_disbursements"] = _("Disbursements")
    return [
        Tab(reverse(f"portal:{name}", args=(row.contract, row.major)), label, name == current)
        for name, label in names.items()
    ]
