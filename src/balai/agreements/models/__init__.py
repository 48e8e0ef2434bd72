"""MoU and PKS: versions, approvals, signatures, the sealed document."""

from balai.agreements.models.agreement import (
    LIVE,
    Agreement,
    AgreementKind,
    AgreementQuerySet,
    AgreementState,
    AgreementVersion,
    Approval,
    LastRead,
    Party,
    RevocationList,
    Signature,
    SignatureMaker,
    SignedUpload,
    TrustAnchor,
)

__all__ = [
    "LIVE",
    "Agreement",
    "AgreementKind",
    "AgreementQuerySet",
    "AgreementState",
    "AgreementVersion",
    "Approval",
    "LastRead",
    "Party",
    "RevocationList",
    "Signature",
    "SignatureMaker",
    "SignedUpload",
    "TrustAnchor",
]
