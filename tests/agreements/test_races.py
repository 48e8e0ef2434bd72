"""Two people press at once: one wins or both count, and nobody signs what they did not read."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection

from balai.agreements.actions import approve_version, draft_agreement, propose_version, sign
from balai.agreements.completion import seal
from balai.agreements.models import Agreement, Approval, Signature
from balai.core import ledger
from balai.core.errors import BalaiError
from balai.core.models import Entry
from tests.agreements_builders import make_agreement, make_cast, sha_of

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*acts: Callable[[], object]) -> list[str]:
    """Run the acts together; what each came to: ``ok`` or the name of its refusal, sorted."""
    start = threading.Barrier(len(acts))
    outcomes: list[str] = []

    def run(act: Callable[[], object]) -> None:
        start.wait()
        try:
            act()
            outcomes.append("ok")
        except BalaiError as fault:
            outcomes.append(type(fault).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(outcomes)


def test_two_drafts_make_one_agreement() -> None:
    cast = make_cast()

    outcomes = at_once(
        lambda: draft_agreement(collaboration=cast.collaboration, by=cast.bureau),
        lambda: draft_agreement(collaboration=cast.collaboration, by=cast.officer),
    )

    assert outcomes == ["Stale", "ok"]
    assert Agreement.objects.count() == 1


def test_two_proposals_on_one_text_make_one_version() -> None:
    cast = make_cast()
    agreement = make_agreement(cast)

    outcomes = at_once(
        lambda: propose_version(agreement=agreement, changes={"place": "Bogor"}, by=cast.founder, seen=1),
        lambda: propose_version(agreement=agreement, changes={"place": "Depok"}, by=cast.officer, seen=1),
    )

    assert outcomes == ["Stale", "ok"]
    assert agreement.versions.count() == 2


def test_approval_never_lands_on_a_text_that_moved() -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="named")
    version = agreement.versions.first()

    at_once(
        lambda: approve_version(version=version, by=cast.bureau, seen_sha256=version.document.sha256),
        lambda: propose_version(agreement=agreement, changes={"place": "Bogor"}, by=cast.founder),
    )

    latest = Agreement.objects.get().versions.first()
    assert latest.number == version.number + 1
    assert Approval.objects.filter(version=latest).count() == 0


def test_both_parties_sign_at_once_and_one_seal_follows(settings, tmp_path) -> None:
    settings.DEMO, settings.HOME, settings.SEAL_KEY = True, tmp_path, ""
    cast = make_cast()
    agreement = make_agreement(cast, upto="open")
    sha256 = sha_of(agreement)

    signed = at_once(
        lambda: sign(agreement=agreement, by=cast.city_signatory, seen_sha256=sha256, consent=True),
        lambda: sign(agreement=agreement, by=cast.partner_signatory, seen_sha256=sha256, consent=True),
    )
    agreement.refresh_from_db()
    assert (signed, agreement.state) == (["ok", "ok"], "sealing")
    at_once(lambda: seal(agreement_id=agreement.pk), lambda: seal(agreement_id=agreement.pk))

    agreement.refresh_from_db()
    assert agreement.state == "sealed"
    assert Entry.objects.filter(verb="agreement.sealed").count() == 1
    assert ledger.verify().faults == []


def test_two_signatories_of_one_party_give_one_signature() -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="open")
    sha256 = sha_of(agreement)

    outcomes = at_once(
        lambda: sign(agreement=agreement, by=cast.founder, seen_sha256=sha256, consent=True),
        lambda: sign(agreement=agreement, by=cast.partner_signatory, seen_sha256=sha256, consent=True),
    )

    assert outcomes == ["Stale", "ok"]
    assert Signature.objects.count() == 1
