"""What a PDF's later revisions add to an earlier one. Import inside functions: pyHanko takes a second."""

from collections.abc import Iterator
from typing import Any

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader, RawPdfPath
from pyhanko.sign.diff_analysis import (
    DEFAULT_DIFF_POLICY,
    CatalogModificationRule,
    DiffResult,
    FieldComparisonContext,
    FormUpdate,
    FormUpdatingRule,
    ModificationLevel,
    StandardDiffPolicy,
    SuspiciousModification,
)
from pyhanko.sign.diff_analysis.form_rules_api import _list_fields

FORM_KEYS = frozenset({"/Fields", "/SigFlags", "/DA", "/DR"})


def only_signatures_since(reader: PdfFileReader, revision: int) -> bool:
    """Whether all that follows ``revision`` is signatures, their fields and their proofs."""
    return isinstance(_POLICY.review_file(reader, revision), DiffResult)


def only_proofs_since(reader: PdfFileReader, revision: int) -> bool:
    """Whether something follows ``revision``, and all of it is proof: time stamps and revocation data."""
    added = _POLICY.review_file(reader, revision)
    return isinstance(added, DiffResult) and added.modification_level == ModificationLevel.LTA_UPDATES


class _FirstForm(FormUpdatingRule):
    """Also judges the first signature, which brings the form into a document that has none."""

    def apply(self, old: Any, new: Any) -> Iterator[Any]:
        if "/AcroForm" in old.root:
            yield from super().apply(old, new)
            return
        if "/AcroForm" not in new.root:
            return
        form = new.root["/AcroForm"]
        if not FORM_KEYS.issuperset(form):
            raise SuspiciousModification("The form holds more than signature fields.")
        for holder, key in ((new.root, "/AcroForm"), (form, "/Fields")):
            held = holder.raw_get(key)
            if isinstance(held, generic.IndirectObject):
                yield ModificationLevel.LTA_UPDATES, FormUpdate(updated_ref=held.reference, field_name=None)
        if "/DR" in form:
            used = new.collect_dependencies(form.raw_get("/DR"), since_revision=old.revision + 1)
            for reference in used:
                yield ModificationLevel.FORM_FILLING, FormUpdate(updated_ref=reference, field_name=None)
        fields = dict(
            _list_fields(
                generic.ArrayObject(), form["/Fields"], old_path=RawPdfPath("/Root", "/AcroForm", "/Fields")
            )
        )
        context = FieldComparisonContext(field_specs=fields, old=old, new=new)
        for rule in self.field_rules:
            yield from rule.apply(context)


def _policy() -> StandardDiffPolicy:
    form = DEFAULT_DIFF_POLICY.form_rule
    assert form is not None
    standard = CatalogModificationRule()  # type: ignore[no-untyped-call]
    # A certifying signature sets /Perms.
    catalogue = CatalogModificationRule(standard.ignored_keys | {"/Perms"})  # type: ignore[no-untyped-call]
    others = [r for r in DEFAULT_DIFF_POLICY.global_rules if not isinstance(r, CatalogModificationRule)]
    return StandardDiffPolicy(
        [catalogue, *others],
        _FirstForm(form.field_rules),
        ignore_orphaned_objects=False,
    )


_POLICY = _policy()
