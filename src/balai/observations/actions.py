"""Contracts put in force and retired; keys made, replaced and stopped."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from balai.core import ledger
from balai.core.errors import Invalid, Refused, Stale, Text
from balai.core.rules import require
from balai.observations import places, rules
from balai.observations.bonds import bonds_of, contradictions
from balai.observations.contracts import Contract, ContractError, read_contract
from balai.observations.models import ContractState, DataContract, DataKey, Dataset, SnapClient
from balai.observations.noting import note
from balai.observations.quarantine import forget_day
from balai.observations.queries import open_keys
from balai.observations.subjects import SubjectKeys
from balai.people.models import City, Organisation, User

OVERLAP = timedelta(days=3)
"""How long a replaced key still opens."""
MOST_KEYS = 20
"""Keys of one major version that may be open at once."""
MOST_ROWS_A_SECOND = 5_000
MOST_ROWS_BY_CITY = 1_000_000
"""What a key may send: of a partner's own making, and as the city allows it."""
_served = re.compile(r"[a-z-]{1,30}:[A-Za-z0-9-]{1,49}")
_alphabet = "abcdefghjkmnpqrstuvwxyz23456789"


def publish_contract(
    *,
    by: User,
    city: City,
    partner: Organisation,
    document: str,
    dataset: Dataset | None = None,
    subject: str = "",
    invented: bool = False,
) -> DataContract:
    """Put a version in force: a sound document, newer than what is there, and honest about its number.

    A minor version may only add optional fields; anything else is a new major one. ``dataset`` and
    ``subject`` bind it to a line of a data schedule in force, which it must not contradict; a minor version
    keeps the bond of the one before, and is of simulated data where that one is. Raises Refused, Invalid with
    the faults under ``document`` or ``bond``, Stale where the version came meanwhile.
    """
    plan = plan_contract(
        by=by, city=city, partner=partner, document=document, dataset=dataset, subject=subject
    )
    contract, dataset, subject = plan.contract, plan.dataset, plan.subject
    major, minor, patch = (int(part) for part in contract.version.split("."))
    if plan.before is not None and not plan.opens:
        # Its table holds the rows of the versions before: what is made up there stays made up.
        invented = invented or plan.before.invented
    made = DataContract(
        city=city,
        partner=partner,
        dataset=dataset,
        contract=contract.id,
        major=major,
        minor=minor,
        patch=patch,
        document=document,
        sha256=hashlib.sha256(document.encode()).hexdigest(),
        state=ContractState.ACTIVE,
        subject=subject,
        invented=invented,
        published_at=timezone.now(),
        published_by=by.pseudonym,
    )
    try:
        with transaction.atomic():
            made.save(force_insert=True)
            facts = {"contract": contract.id, "version": contract.version, "sha256": made.sha256}
            note("data.contract_published", made, by, facts, public=True)
            # The ledger lets one transaction at a time come here, and each sees what the last one left.
            others = DataContract.objects.filter(contract=contract.id).exclude(pk=made.pk)
            if others.first() != plan.before:
                raise Stale(_("A version of this contract came in force meanwhile. Nothing was saved."))
    except IntegrityError:
        raise Stale(_("This version is in force already. Nothing was saved.")) from None
    return made


@dataclass(frozen=True, slots=True)
class Plan:
    """What publishing would do: ``before`` is the newest version there is, of whichever major."""

    contract: Contract
    before: DataContract | None
    dataset: Dataset | None
    subject: str

    @property
    def changes(self) -> list[str]:
        """What is different from the version before; a new contract has no changes."""
        if self.before is None:
            return []
        before = read_contract(self.before.document)
        known = {field.name for field in before.fields}
        fields = self.contract.fields
        new = [f"{one.name}: new, optional" for one in fields if one.name not in known and not one.required]
        return [*self.contract.breaks(before), *new]

    @property
    def opens(self) -> bool:
        """Whether this is a major version of its own, which needs new keys and a new table."""
        return self.before is None or self.contract.major > self.before.major


def plan_contract(
    *,
    by: User,
    city: City,
    partner: Organisation,
    document: str,
    dataset: Dataset | None = None,
    subject: str = "",
) -> Plan:
    """Every check of `publish_contract`, and what would follow; writes nothing. Raises Refused, Invalid."""
    require(rules.may_keep_contracts(by, city))
    contract = _sound(document, partner)
    newest = DataContract.objects.filter(contract=contract.id).select_related("partner", "dataset").first()
    if newest is not None:
        _follows(contract, newest, city)
        if newest.major == contract.major and dataset is None and not subject:
            dataset, subject = newest.dataset, newest.subject
    if dataset is not None or subject:
        _bound(contract, partner, city, dataset, subject)
    return Plan(contract, newest, dataset, subject)


def _bound(
    contract: Contract, partner: Organisation, city: City, dataset: Dataset | None, subject: str
) -> None:
    """Raise Invalid unless a schedule in force has the line and says what the contract says."""
    lines = {(bond.subject, bond.dataset.pk) for bond in bonds_of(city, partner)}
    if dataset is None or (subject, dataset.pk) not in lines:
        raise Invalid(
            _("The contract cannot be bound."),
            {"bond": [_("No agreement in force between the partner and the city schedules these data.")]},
        )
    if faults := list(contradictions(contract, dataset)):
        raise Invalid(_("The contract contradicts the agreement."), {"document": faults})


def _sound(document: str, partner: Organisation) -> Contract:
    try:
        contract = read_contract(document)
    except ContractError as fault:
        faults: list[Text] = [f"{place}: {what}" if place else what for place, what in fault.faults]
        raise Invalid(_("The document is not a data contract."), {"document": faults}) from None
    reasons: list[Text] = []
    if contract.status != "active":
        reasons.append(_("status: a contract that is put in force says active."))
    if contract.partner != partner.slug:
        reasons.append(
            _("customProperties.partner: the contract is of %(other)s, not of %(partner)s.")
            % {"other": contract.partner, "partner": partner.slug}
        )
    if reasons:
        raise Invalid(_("The document cannot be put in force."), {"document": reasons})
    return contract


def _follows(contract: Contract, newest: DataContract, city: City) -> None:
    """Raise Invalid unless ``contract`` may come after the newest version there is."""
    number = tuple(int(part) for part in contract.version.split("."))
    last = (newest.major, newest.minor, newest.patch)
    before = read_contract(newest.document)
    reasons: list[Text] = []
    if newest.partner.slug != contract.partner:
        reasons.append(_("id: another partner has a contract of this name."))
    elif newest.city_id != city.pk:
        reasons.append(_("id: another city has a contract of this name."))
    elif number <= last:
        reasons.append(
            _("version: %(version)s is in force; a newer one is greater.") % {"version": newest.version}
        )
    elif number[0] > last[0] + 1:
        reasons.append(_("version: the next major one is %(major)s.0.0.") % {"major": last[0] + 1})
    elif number[0] == last[0] and (changes := list(contract.breaks(before))):
        reasons.append(
            _("version: these changes need %(major)s.0.0: %(changes)s.")
            % {"major": last[0] + 1, "changes": "; ".join(changes)}
        )
    if reasons:
        raise Invalid(_("The document cannot follow the one in force."), {"document": reasons})


def retire_contract(*, by: User, contract: DataContract, reason: str, earlier: bool = False) -> DataContract:
    """Take a version out of force; the one before applies again, unless ``earlier`` ones go with it.

    Where no version of the major one is left, its keys are refused. Raises Refused, Invalid, Stale.
    """
    require(rules.may_keep_contracts(by, contract.city))
    reason = " ".join(reason.split())
    if not 3 <= len(reason) <= 300:
        raise Invalid(_("Say why."), {"reason": [_("Between 3 and 300 characters.")]})
    with transaction.atomic():
        changed = DataContract.objects.filter(pk=contract.pk, state=ContractState.ACTIVE).update(
            state=ContractState.RETIRED
        )
        if not changed:
            raise Stale(_("This version is not in force any more."))
        facts: dict[str, Any] = {"contract": contract.contract, "version": contract.version, "reason": reason}
        if earlier:
            others = DataContract.objects.filter(
                contract=contract.contract, major=contract.major, state=ContractState.ACTIVE
            )
            facts["earlier"] = [other.version for other in others]
            others.update(state=ContractState.RETIRED)
        note("data.contract_retired", contract, by, facts, public=True)
    contract.refresh_from_db()
    return contract


def make_key(
    *, by: User, contract: DataContract, sandbox: bool, subject: str = "", rows_per_second: int = 2000
) -> tuple[DataKey, str]:
    """A key to a contract's major version, and the text to send it by, which is not kept.

    A live key of the partner's own making serves a collaboration and sends `MOST_ROWS_A_SECOND` at most; the
    city may allow more. Raises Refused, Invalid.
    """
    require(rules.may_make_key(by, contract))
    most = MOST_ROWS_BY_CITY if rules.keeper_hat(by, contract.city_id) else MOST_ROWS_A_SECOND
    if not 1 <= rows_per_second <= most:
        raise Invalid(
            _("So many rows a second cannot be allowed."),
            {"rows_per_second": [_("Between 1 and %(most)s.") % {"most": most}]},
        )
    if not sandbox and not subject and rules.keeper_hat(by, contract.city_id) is None:
        raise Invalid(
            _("A live key serves a collaboration."), {"subject": [_("Name it: collaboration:<its id>.")]}
        )
    if subject and not _served.fullmatch(subject):
        raise Invalid(
            _("A live key serves a collaboration."), {"subject": [_("Name it: collaboration:<its id>.")]}
        )
    with transaction.atomic():
        _room_for_a_key(contract)
        key, text = _make(
            by=by,
            city=contract.city,
            partner=contract.partner,
            contract=contract.contract,
            major=contract.major,
            sandbox=sandbox,
            subject=subject,
            rows_per_second=rows_per_second,
        )
        note("data.key_made", contract, by, {"key": key.pk, "sandbox": sandbox})
    return key, text


def _room_for_a_key(contract: DataContract) -> None:
    """Hold the contract and refuse a key beyond the most it may have open. Inside a transaction."""
    DataContract.objects.select_for_update().get(pk=contract.pk)
    if open_keys(contract).count() >= MOST_KEYS:
        raise Refused(
            _("The contract has %(most)s open keys already. Stop one that is not needed.")
            % {"most": MOST_KEYS}
        )


def rotate_key(
    *, by: User, key: DataKey, overlap: timedelta = OVERLAP, of_client: bool = False
) -> tuple[DataKey, str]:
    """A new key beside the old one, which opens ``overlap`` longer. Raises Refused, or Stale if it ended.

    The key of a client that signs is replaced with the client only (``of_client``).
    """
    contract = DataContract.objects.filter(contract=key.contract, major=key.major).first()
    assert contract is not None
    require(rules.may_make_key(by, contract))
    if not of_client and SnapClient.objects.filter(pk=key.pk).exists():
        raise Refused(_("A client signs with this key. Replace the client instead."))
    with transaction.atomic():
        until = timezone.now() + overlap
        changed = DataKey.objects.filter(pk=key.pk, stopped_at=None, expires_at=None).update(expires_at=until)
        if not changed:
            raise Stale(_("This key was replaced or stopped already."))
        made, text = _make(
            by=by,
            city=key.city,
            partner=key.partner,
            contract=key.contract,
            major=key.major,
            sandbox=key.sandbox,
            subject=key.subject,
            rows_per_second=key.rows_per_second,
            rows_per_day=key.rows_per_day,
        )
        note("data.key_rotated", contract, by, {"key": made.pk, "before": key.pk})
    return made, text


def stop_key(*, by: User, key: DataKey, reason: str) -> DataKey:
    """Refuse a key from now on; nothing opens it again. Raises Refused, Invalid, Stale."""
    require(rules.may_stop_key(by, key))
    reason = " ".join(reason.split())
    if not 3 <= len(reason) <= 300:
        raise Invalid(_("Say why."), {"reason": [_("Between 3 and 300 characters.")]})
    contract = DataContract.objects.filter(contract=key.contract, major=key.major).first()
    assert contract is not None
    with transaction.atomic():
        changed = DataKey.objects.filter(pk=key.pk, stopped_at=None).update(
            stopped_at=timezone.now(), stopped_reason=reason
        )
        if not changed:
            raise Stale(_("This key was stopped already."))
        note("data.key_stopped", contract, by, {"key": key.pk})
    key.refresh_from_db()
    return key


def erase_subjects(*, table: str, day: date) -> bool:
    """Destroy the key of a table's local day; False where it was destroyed before. For the hub's operator.

    Rows and figures stay; who they spoke of can never be found again. Of rows in quarantine only place and
    reason stay. Raises Invalid for an unknown table.
    """
    contract = table.rpartition("_v")[0].replace("_", "-")
    versions = DataContract.objects.filter(contract=contract)
    found = next((version for version in versions if version.table == table), None)
    if found is None:
        raise Invalid(_("There is no such data contract."))
    with transaction.atomic():
        ledger.append(
            verb="data.erased",
            subject=f"data-contract:{found.contract}",
            thread=f"organisation:{found.partner_id}",
            by=None,
            city=found.city_id,
            public=True,
            data={"table": table, "day": day},
        )
        forget_day(found, day)
        destroyed = SubjectKeys(places.subject_keys()).destroy(table, day)
        transaction.set_rollback(not destroyed)
    return destroyed


def _make(*, by: User, sandbox: bool, **fields: Any) -> tuple[DataKey, str]:
    public = "".join(secrets.choice(_alphabet) for _number in range(12))
    secret = secrets.token_urlsafe(32)
    key = DataKey.objects.create(
        id=public,
        secret_sha256=hashlib.sha256(secret.encode()).hexdigest(),
        sandbox=sandbox,
        created_by=by.pseudonym,
        **fields,
    )
    return key, f"chk_{'sandbox' if sandbox else 'live'}_{public}.{secret}"
