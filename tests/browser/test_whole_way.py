"""Each scheme walked through its pages from the self-check to an exit, without JavaScript and with it."""

import pytest

from balai.agreements.models import Agreement, AgreementState
from balai.core import ledger
from tests.browser.walker import Person, Walk

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

ENDS = {
    "playground": ("exit_hand_over", "handed_over"),
    "co-develop": ("exit_adopt", "adopted"),
    "user": ("exit_offer", "offered"),
}


@pytest.mark.parametrize("scripts", [False, True], ids=["without-scripts", "with-scripts"])
@pytest.mark.parametrize("scheme", ENDS)
def test_collaboration_goes_its_whole_way_through_the_pages(browser, hub, tmp_path, scheme, scripts):
    move, end = ENDS[scheme]

    with Walk(browser, hub, scheme, tmp_path, java_script_enabled=scripts) as walk:
        walk.apply()
        walk.fill_in()
        walk.submit()
        walk.screen()
        walk.review()
        walk.decide()
        walk.agree()
        walk.sign()
        walk.plan()
        walk.run()
        walk.measure()
        walk.end(move)

        stranger = Person(browser, hub, java_script_enabled=scripts)
        stranger.go(f"/kolaborasi/{walk.reference}/")
        told = stranger.sees

    done = walk.collaboration
    agreement = Agreement.objects.get(collaboration=done)
    assert (done.stage, done.outcome, agreement.state) == (end, end, AgreementState.SEALED)
    assert str(walk.scheme.stage(end).public_name.en) in told
    assert "22.9" in told
    assert list(ledger.verify().faults) == []
    successors = list(done.successors.values_list("scheme_version__key", flat=True))
    assert successors == (["co-develop"] if scheme == "playground" else [])
