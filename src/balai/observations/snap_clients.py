"""Clients that sign as SNAP BI says: made with a key of their own, replaced with it, stopped with it."""

import hashlib
import secrets

from django.db import transaction
from django.utils.translation import gettext as _

from balai.core.errors import Invalid
from balai.observations import places
from balai.observations.actions import make_key, rotate_key
from balai.observations.contracts import Contract, Role, read_contract
from balai.observations.models import DataContract, DataKey, SnapClient
from balai.observations.noting import note
from balai.observations.sealing import RowSeal
from balai.observations.signing import Client, PublicKeyError, client_of, pem_of, public_key_of
from balai.people.models import User

STANDARD = "snap/payment"
LEVY, PAID = "levy", "paid_idr"
"""The contract's fields for what was paid: the code of the levy, and whole rupiah."""


def make_snap_client(
    *, by: User, contract: DataContract, public_key: str, sandbox: bool, subject: str = ""
) -> tuple[SnapClient, str]:
    """A client for payment notices under the contract, and its secret, which is shown this once.

    ``public_key`` is RSA in PEM form, of 2048 bits or more; ``subject`` is what a live key serves. Raises
    Refused, Invalid.
    """
    takes_notices(read_contract(contract.document))
    pem = _sound(public_key)
    with transaction.atomic():
        key, _text = make_key(by=by, contract=contract, sandbox=sandbox, subject=subject)
        return _bind(by, contract, key, pem, before="")


def rotate_snap_client(*, by: User, client: SnapClient, public_key: str = "") -> tuple[SnapClient, str]:
    """A new client with a new secret beside the old one, which signs three days longer.

    Without a new public key the old one stays. Raises Refused, Invalid, or Stale if the client ended.
    """
    pem = _sound(public_key) if public_key.strip() else client.public_key
    contract = DataContract.objects.filter(contract=client.key.contract, major=client.key.major).first()
    assert contract is not None
    with transaction.atomic():
        key, _text = rotate_key(by=by, key=client.key, of_client=True)
        return _bind(by, contract, key, pem, before=client.pk)


def takes_notices(contract: Contract) -> None:
    """Raise Invalid unless payment notices can become rows of the contract."""
    names = {field.name: field for field in contract.fields}
    fits = (
        contract.standard == STANDARD
        and LEVY in names
        and PAID in names
        and names[PAID].type == "integer"
        and all(contract.by_role[role] for role in (Role.ZONE, Role.SUBJECT))
    )
    if not fits:
        raise Invalid(_("Payment notices cannot be sent under this contract."))


def known_client(client: SnapClient, seal: RowSeal) -> Client:
    """The client as a node checks its signatures. Raises ValueError where its secret cannot be read."""
    return client_of(client.pk, client.public_key, seal.open(bytes(client.sealed_secret)))


def _sound(public_key: str) -> str:
    try:
        return pem_of(public_key_of(public_key))
    except PublicKeyError as fault:
        raise Invalid(_("The public key cannot be used."), {"public_key": [str(fault)]}) from None


def _bind(by: User, contract: DataContract, key: DataKey, pem: str, *, before: str) -> tuple[SnapClient, str]:
    secret = secrets.token_urlsafe(32)
    made = SnapClient.objects.create(
        key=key,
        public_key=pem,
        sealed_secret=RowSeal(places.secrets_key()).seal(secret.encode()),
        created_by=by.pseudonym,
    )
    facts = {"key": key.pk, "public_key_sha256": hashlib.sha256(pem.encode()).hexdigest()}
    note("data.snap_client_made", contract, by, facts | ({"before": before} if before else {}))
    return made, secret
