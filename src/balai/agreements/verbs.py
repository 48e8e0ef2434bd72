from django.utils.translation import gettext_lazy as _

from balai.core.verbs import register

register("agreement.drafted", label=_("drafted the agreement"), kind="agreement", icon="agreement")
register("agreement.proposed", label=_("proposed a new text"), kind="agreement", icon="agreement")
register("agreement.approved", label=_("approved the text"), kind="agreement", icon="check")
register("agreement.stamped", label=_("recorded an e-meterai"), kind="agreement", icon="seal")
register("agreement.opened", label=_("opened the agreement for signing"), kind="agreement", icon="turn")
register("agreement.signed", label=_("signed the agreement"), kind="agreement", icon="seal")
register("agreement.declined", label=_("declined the agreement"), kind="agreement", icon="stop")
register("agreement.sealed", label=_("sealed the agreement"), kind="agreement", icon="seal")
register("trust.added", label=_("put an authority on the trust list"), kind="agreement", icon="seal")
register("trust.withdrawn", label=_("took an authority off the trust list"), kind="agreement", icon="stop")
register("trust.revocations", label=_("filed a list of revoked certificates"), kind="agreement", icon="stop")
register("agreement.published", label=_("changed who may read the text"), kind="agreement", icon="globe")
