import io
import re
from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from balai.agreements.actions import propose_version
from balai.agreements.comments import comment, comments_for, resolve_comment
from balai.agreements.docx import as_docx
from balai.agreements.drafts import bring_draft, findings_of, propose_from_draft
from balai.agreements.models import Agreement, BroughtDraft, ClauseProposal, Comment, ProposalState
from balai.agreements.negotiation import accept_proposals, propose_change
from balai.core import notifications
from balai.core.errors import Invalid, Refused, Stale
from balai.core.models import Document, Entry, Mail, Notification, SearchDocument
from balai.people.models import Role, User
from tests.agreements.docx_editing import Editor, packed, parts_of
from tests.agreements.test_negotiation import change, keys, latest, make_memorandum
from tests.agreements_builders import Cast, make_agreement, make_cast
from tests.builders import (
    client_of,
    make_auditor,
    make_founder,
    make_ministry,
    make_superuser,
    make_user,
    seat,
)

pytestmark = pytest.mark.django_db
LANGUAGES = ("", "/en")


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def text_of(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def edited(agreement: Agreement, *acts: Callable[[Editor], None]) -> io.BytesIO:
    editor = Editor(as_docx(latest(agreement).reading))
    for act in acts:
        act(editor)
    return io.BytesIO(editor.saved())


def reworded(editor: Editor) -> None:
    editor.rewrite(editor.articles("id")[1][1], "Objeknya lain sekali.")


def gone(editor: Editor) -> None:
    for element in editor.articles("id")[4]:
        editor.body.remove(element)


@pytest.mark.parametrize("prefix", LANGUAGES)
def test_every_page_opens_with_something_on_it(cast: Cast, prefix: str) -> None:
    agreement = make_agreement(cast)
    names = keys(agreement)
    made = [
        propose_change(agreement=agreement, edit=change(), reason="Lebih cepat.", by=cast.founder),
        propose_change(agreement=agreement, edit=change("financing"), reason="Biaya.", by=cast.bureau),
    ]
    propose_change(agreement=agreement, edit=change(), reason="Balas.", by=cast.bureau, counter_of=made[0])
    propose_version(
        agreement=agreement,
        changes={"clauses": {"financing": {"id": "Lain.", "en": "Other."}}},
        by=cast.founder,
    )
    root = comment(agreement=agreement, by=cast.founder, text="Setuju?", audience="all", key=names[0])
    comment(agreement=agreement, by=cast.bureau, text="Ya.", audience="", parent=root)
    draft = bring_draft(
        agreement=agreement, file=edited(agreement, reworded, gone), name="naskah.docx", by=cast.founder
    )
    url = f"{prefix}/perjanjian/{agreement.pk}/rundingan/"
    paths = [
        "",
        "usul/?jenis=tambah",
        f"usul/?jenis=ubah&pasal={names[0]}",
        f"usul/?jenis=pindah&pasal={names[0]}",
        f"usul/?jenis=hapus&pasal={names[0]}",
        "usul/?balas=3",
        "usul/?salin=2",
        "usulan/1/",
        "usulan/2/",
        "usulan/3/",
        "komentar/",
        f"komentar/?balas={root.pk}",
        f"komentar/?pasal={names[1]}",
        "banding/",
        "banding/?dari=1&ke=2",
        "banding/?dari=x&ke=99999999999",
        "naskah/",
        "naskah/berkas/",
        f"naskah/{draft.pk}/",
    ]

    answers = {path: client_of(cast.founder).get(url + path).status_code for path in paths}

    assert answers == dict.fromkeys(paths, 200)


def test_outsiders_find_no_page(cast: Cast) -> None:
    agreement = make_agreement(cast)
    propose_change(agreement=agreement, edit=change(), reason="A", by=cast.founder)
    draft = bring_draft(agreement=agreement, file=edited(agreement, reworded), name="a.docx", by=cast.founder)
    url = f"/perjanjian/{agreement.pk}/rundingan/"
    paths = [
        "",
        "usul/",
        "usulan/1/",
        "komentar/",
        "banding/",
        "naskah/",
        "naskah/berkas/",
        f"naskah/{draft.pk}/",
    ]

    for user, status in ((None, 302), (make_user(), 404), (make_founder(), 404), (make_superuser(), 404)):
        client = client_of(user)
        assert {client.get(url + path).status_code for path in paths} == {status}


def test_a_proposal_is_made_countered_and_accepted_by_pages(cast: Cast) -> None:
    agreement = make_agreement(cast)
    url = f"/en/perjanjian/{agreement.pk}/rundingan/"
    data = {
        "seen": "1",
        "heading_id": "Sengketa",
        "heading_en": "",
        "id": "Musyawarah.",
        "en": "",
        "reason": "A",
    }

    made = client_of(cast.founder).post(f"{url}usul/?jenis=ubah&pasal=dispute", data)
    countered = client_of(cast.bureau).post(f"{url}usul/?balas=1", data | {"id": "Mediasi."})
    shown = text_of(client_of(cast.founder).get(url))
    accepted = client_of(cast.founder).post(f"{url}usulan/2/", {"answer": "accept"})

    assert (made.status_code, countered.status_code, accepted.status_code) == (302, 302, 302)
    assert "Mediasi" in shown
    assert list(ClauseProposal.objects.values_list("state", flat=True)) == ["countered", "accepted"]
    assert latest(agreement).number == 2


def test_what_was_typed_stays_when_it_cannot_be_kept(cast: Cast) -> None:
    agreement = make_agreement(cast)
    url = f"/en/perjanjian/{agreement.pk}/rundingan/usul/?jenis=ubah&pasal=dispute"
    data = {
        "seen": "1",
        "heading_id": "Sengketa",
        "id": "Satu.\n\nDua.",
        "en": "One only.",
        "reason": "Sebab itu",
    }

    uneven = client_of(cast.founder).post(url, data)
    propose_version(
        agreement=agreement, changes={"clauses": {"dispute": {"id": "Lain.", "en": "Other."}}}, by=cast.bureau
    )
    stale = client_of(cast.founder).post(url, data | {"en": ""})

    assert (uneven.status_code, stale.status_code) == (422, 409)
    assert "They must match" in text_of(uneven)
    assert "Sebab itu" in text_of(uneven)
    assert "Sebab itu" in text_of(stale)
    assert ClauseProposal.objects.count() == 0


def test_a_rejection_needs_its_reason(cast: Cast) -> None:
    agreement = make_agreement(cast)
    propose_change(agreement=agreement, edit=change(), reason="A", by=cast.founder)
    url = f"/en/perjanjian/{agreement.pk}/rundingan/usulan/1/"

    without = client_of(cast.bureau).post(url, {"answer": "reject", "reason": ""})
    rejected = client_of(cast.bureau).post(url, {"answer": "reject", "reason": "Tidak perlu."})

    assert (without.status_code, rejected.status_code) == (422, 302)
    assert "Tidak perlu." in text_of(client_of(cast.founder).get(url))


def test_several_are_accepted_by_one_press(cast: Cast) -> None:
    agreement = make_agreement(cast)
    for name in keys(agreement)[:3]:
        propose_change(agreement=agreement, edit=change(name), reason="A", by=cast.founder)
    url = f"/perjanjian/{agreement.pk}/rundingan/terima/"

    pressed = client_of(cast.bureau).post(url, {"proposal": ["1", "3"]})
    nothing = client_of(cast.bureau).post(url, {"proposal": ["x", "77"]})

    assert (pressed.status_code, nothing.status_code, latest(agreement).number) == (302, 422, 2)
    assert list(ClauseProposal.objects.values_list("state", flat=True)) == ["accepted", "open", "accepted"]


def test_a_stale_proposal_is_shown_with_what_changed(cast: Cast) -> None:
    agreement = make_agreement(cast)
    propose_change(agreement=agreement, edit=change(), reason="A", by=cast.founder)
    propose_version(
        agreement=agreement,
        changes={"clauses": {"dispute": {"id": "Pengadilan saja.", "en": "Court only."}}},
        by=cast.bureau,
    )

    page = text_of(client_of(cast.bureau).get(f"/en/perjanjian/{agreement.pk}/rundingan/"))

    assert "no longer fits" in page
    assert "What changed in the article meanwhile:" in page
    assert "Court" in page


def test_a_side_talks_to_itself_and_nobody_else_learns_of_it(cast: Cast) -> None:
    agreement = make_agreement(cast)
    reviewer = seat(make_user(), cast.agency, Role.TKKSD)
    people: dict[str, User | None] = {
        "founder": cast.founder,
        "partner_signatory": cast.partner_signatory,
        "bureau": cast.bureau,
        "officer": cast.officer,
        "city_signatory": cast.city_signatory,
        "reviewer": reviewer,
        "analyst": seat(make_user(), cast.agency, Role.ANALYST),
        "auditor": make_auditor(cast.city),
        "rival": make_founder(),
        "ministry": seat(make_user(), make_ministry(), Role.MINISTRY),
        "superuser": make_superuser(),
        "stranger": None,
    }
    marks = {"CITY": "rahasiakotaini", "FIRM": "rahasiafirmaini", "ALL": "untuksemuapihak"}
    for text, by, audience in (
        (marks["CITY"], cast.bureau, "own"),
        (marks["FIRM"], cast.founder, "own"),
        (marks["ALL"], cast.officer, "all"),
    ):
        root = comment(agreement=agreement, by=by, text=text, audience=audience, key="dispute")
        comment(agreement=agreement, by=by, text=f"{text} jawab", audience="", parent=root)
    while notifications.deliver():
        pass
    pages = [
        f"/perjanjian/{agreement.pk}/",
        f"/perjanjian/{agreement.pk}/rundingan/",
        f"/kolaborasi/{cast.collaboration.reference}/",
        "/kotak-masuk/",
        "/buku-catatan/",
        "/cari/?q=rahasiakotaini",
        "/cari/?q=rahasiafirmaini",
        f"/api/v1/collaborations/{cast.collaboration.reference}",
        f"/api/v1/collaborations/{cast.collaboration.reference}/timeline",
        "/api/v1/agreements",
        f"/api/v1/agreements/{agreement.pk}/proposals",
    ]

    read = {}
    for name, user in people.items():
        client = client_of(user)
        shown = " ".join(
            text_of(client.get(url)).replace('value="rahasia', "") for url in pages if "cari" not in url
        )
        read[name] = {which for which, mark in marks.items() if mark in shown}

    city, firm = {"CITY", "ALL"}, {"FIRM", "ALL"}
    assert read == {
        "founder": firm,
        "partner_signatory": firm,
        "bureau": city,
        "officer": city,
        "city_signatory": city,
        "reviewer": city,
        "analyst": {"ALL"},
        "auditor": {"ALL"},
        "rival": set(),
        "ministry": set(),
        "superuser": set(),
        "stranger": set(),
    }
    told = {
        name: {n.verb for n in Notification.objects.filter(user=user) if n.verb.endswith(".commented")}
        for name, user in people.items()
        if user
    }
    assert {name for name, verbs in told.items() if "side.commented" in verbs} == {
        "partner_signatory",
        "officer",
        "city_signatory",
        "reviewer",
    }
    assert not any(mark in mail.body for mark in marks.values() for mail in Mail.objects.all())
    assert not any(
        mark in row.stems + row.summary for mark in marks.values() for row in SearchDocument.objects.all()
    )
    own = Entry.objects.filter(verb="side.commented")
    assert {entry.thread.partition(":")[0] for entry in own} == {"side"}
    assert not any(entry.public for entry in Entry.objects.filter(verb__endswith=".commented"))
    assert not any(mark in entry.data for mark in marks.values() for entry in Entry.objects.all())


def test_the_timeline_of_the_other_party_does_not_count_own_comments(cast: Cast) -> None:
    agreement = make_agreement(cast)
    url = f"/en/kolaborasi/{cast.collaboration.reference}/"
    before = text_of(client_of(cast.founder).get(url))

    comment(agreement=agreement, by=cast.bureau, text="Di antara kita.", audience="own")

    after = text_of(client_of(cast.founder).get(url))
    strip = re.compile(r'name="csrfmiddlewaretoken" value="[^"]*"')
    assert strip.sub("", after) == strip.sub("", before)


def test_replies_keep_the_audience_and_nobody_replies_to_the_other_side(cast: Cast) -> None:
    agreement = make_agreement(cast)
    own = comment(agreement=agreement, by=cast.bureau, text="Di antara kita.", audience="own")

    reply = comment(agreement=agreement, by=cast.officer, text="Ya.", audience="all", parent=own)
    with pytest.raises(Invalid):
        comment(agreement=agreement, by=cast.founder, text="Saya baca.", audience="all", parent=own)
    with pytest.raises(Refused):
        resolve_comment(comment=own, by=cast.founder)
    url = f"/perjanjian/{agreement.pk}/rundingan/komentar/"

    assert reply.audience == "own"
    assert client_of(cast.founder).get(f"{url}?balas={own.pk}").status_code == 404
    assert client_of(cast.founder).post(f"{url}{own.pk}/", {"settled": "1"}).status_code == 404
    assert Comment.objects.count() == 2


def test_threads_are_settled_and_opened_again(cast: Cast) -> None:
    agreement = make_agreement(cast)
    root = comment(agreement=agreement, by=cast.bureau, text="Jelas?", audience="all")
    url = f"/perjanjian/{agreement.pk}/rundingan/komentar/{root.pk}/"

    settled = client_of(cast.founder).post(url, {"settled": "1"})
    with pytest.raises(Stale):
        resolve_comment(comment=root, by=cast.bureau)
    with pytest.raises(Stale):
        comment(agreement=agreement, by=cast.bureau, text="Lagi.", audience="", parent=root)
    opened = client_of(cast.bureau).post(url, {"settled": "0"})

    root.refresh_from_db()
    assert (settled.status_code, opened.status_code, root.resolved_at) == (302, 302, None)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"text": " "}, "text"),
        ({"text": "a" * 2001}, "text"),
        ({"audience": "public"}, "audience"),
        ({"key": "x"}, "key"),
    ],
)
def test_a_comment_names_the_field_that_is_wrong(cast: Cast, values: dict[str, str], field: str) -> None:
    agreement = make_agreement(cast)
    given = {"text": "A", "audience": "all", "key": ""} | values

    with pytest.raises(Invalid) as refused:
        comment(agreement=agreement, by=cast.bureau, **given)

    assert list(refused.value.fields) == [field]


def test_those_who_only_read_do_not_comment(cast: Cast) -> None:
    agreement = make_agreement(cast)

    for user in (make_auditor(cast.city), make_user(), seat(make_user(), cast.agency, Role.ANALYST)):
        with pytest.raises(Refused):
            comment(agreement=agreement, by=user, text="A", audience="all")


def test_in_a_memorandum_each_party_is_a_side_of_its_own() -> None:
    agreement, (bureau, one, two) = make_memorandum()

    comment(agreement=agreement, by=one, text="Hanya kami.", audience="own")
    while notifications.deliver():
        pass

    seen = {person.pk: comments_for(person, agreement).count() for person in (bureau, one, two)}
    assert seen == {bureau.pk: 0, one.pk: 1, two.pk: 0}
    assert not Notification.objects.filter(verb="side.commented").exists()


def test_a_draft_comes_back_and_becomes_proposals(cast: Cast) -> None:
    agreement = make_agreement(cast)
    names = keys(agreement)
    client = client_of(cast.founder)
    url = f"/en/perjanjian/{agreement.pk}/rundingan/naskah/"
    file = SimpleUploadedFile("Naskah PKS.docx", edited(agreement, reworded, gone).read())

    brought = client.post(url, {"file": file})
    page = text_of(client.get(brought.url))
    chosen = client.post(brought.url, {"item_0": "on", "reason": "Permintaan ahli hukum."})
    again = client.post(brought.url, {"item_0": "on", "reason": "Lagi."})

    assert (brought.status_code, chosen.status_code, again.status_code) == (302, 302, 409)
    assert "Objeknya" in page
    assert [(p.kind, p.key, p.reason) for p in ClauseProposal.objects.all()] == [
        ("change", names[1], "Permintaan ahli hukum.")
    ]
    assert latest(agreement).number == 1
    assert not Document.objects.exclude(media_type="application/pdf").exists()


def test_only_the_side_that_brought_a_draft_sees_and_uses_it(cast: Cast) -> None:
    agreement = make_agreement(cast)
    draft = bring_draft(agreement=agreement, file=edited(agreement, reworded), name="a.docx", by=cast.founder)
    url = f"/perjanjian/{agreement.pk}/rundingan/naskah/"

    statuses = {
        name: client_of(user).get(f"{url}{draft.pk}/").status_code
        for name, user in {
            "founder": cast.founder,
            "bureau": cast.bureau,
            "auditor": make_auditor(cast.city),
            "superuser": make_superuser(),
        }.items()
    }

    assert statuses == {"founder": 200, "bureau": 404, "auditor": 404, "superuser": 404}
    assert "a.docx" not in text_of(client_of(cast.bureau).get(url))
    with pytest.raises(Refused):
        propose_from_draft(draft=draft, chosen=[0], reason="A", by=cast.bureau)


def test_a_draft_of_an_older_version_is_compared_with_that_and_stale_parts_stay_out(cast: Cast) -> None:
    agreement = make_agreement(cast)
    file = edited(agreement, reworded, lambda e: e.rewrite(e.articles("id")[2][1], "Lingkup lain."))
    names = keys(agreement)
    propose_version(
        agreement=agreement,
        changes={"clauses": {names[2]: {"id": "Sudah lain.", "en": "Changed."}}},
        by=cast.bureau,
    )

    draft = bring_draft(agreement=agreement, file=file, name="lama.docx", by=cast.founder)
    page = text_of(client_of(cast.founder).get(f"/en/perjanjian/{agreement.pk}/rundingan/naskah/{draft.pk}/"))
    with pytest.raises(Stale):
        propose_from_draft(draft=draft, chosen=[0, 1], reason="A", by=cast.founder)
    made = propose_from_draft(draft=draft, chosen=[0], reason="A", by=cast.founder)

    assert draft.base.number == 1
    assert "reads differently now" in page
    assert [p.key for p in made] == [names[1]]
    version = accept_proposals(proposals=made, by=cast.bureau)
    assert version is not None
    assert version.number == 3


def test_blanks_of_the_base_survive_the_way_through_the_file(cast: Cast) -> None:
    agreement = make_agreement(cast)
    before = next(c for c in latest(agreement).reading.clauses if c.key == "financing").text[0].id
    assert "{financing}" in before

    def longer(editor: Editor) -> None:
        article = next(a for a in editor.articles("id") if "ditanggung mitra" in "".join(a[1].itertext()))
        editor.rewrite(article[1], "".join(article[1].itertext()) + " Tidak ada pengecualian.")

    draft = bring_draft(agreement=agreement, file=edited(agreement, longer), name="a.docx", by=cast.founder)
    (made,) = propose_from_draft(draft=draft, chosen=[0], reason="A", by=cast.founder)

    assert made.text[0]["id"] == f"{before} Tidak ada pengecualian."


def test_a_file_of_another_agreement_is_refused_and_nothing_kept(cast: Cast) -> None:
    agreement = make_agreement(cast)
    other = make_agreement(make_cast())
    sound = edited(agreement)
    parts = parts_of(sound.read())
    nameless = io.BytesIO(
        packed({name: content for name, content in parts.items() if name != "docProps/custom.xml"})
    )

    with pytest.raises(Invalid) as refused:
        bring_draft(agreement=agreement, file=edited(other), name="a.docx", by=cast.founder)
    draft = bring_draft(agreement=agreement, file=nameless, name="b.docx", by=cast.founder)

    assert list(refused.value.fields) == ["file"]
    assert BroughtDraft.objects.get().pk == draft.pk
    assert findings_of(draft).odd == ("no_version",)


def test_margin_comments_come_to_the_chosen_audience(cast: Cast) -> None:
    agreement = make_agreement(cast)
    sound = parts_of(edited(agreement).read())
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/comments"
    comments = "".join(
        f'<w:comment w:id="{n}" w:author="Ahli"><w:p><w:r><w:t>Catatan {n}</w:t></w:r></w:p></w:comment>'
        for n in range(3)
    )
    parts = sound | {"word/comments.xml": f"<w:comments {space}>{comments}</w:comments>".encode()}
    rels = "word/_rels/document.xml.rels"
    parts[rels] = parts[rels].replace(
        b"</Relationships>",
        f'<Relationship Id="c" Type="{kind}" Target="comments.xml"/></Relationships>'.encode(),
    )
    draft = bring_draft(agreement=agreement, file=io.BytesIO(packed(parts)), name="a.docx", by=cast.founder)
    url = f"/perjanjian/{agreement.pk}/rundingan/naskah/{draft.pk}/"

    page = text_of(client_of(cast.founder).get(url))
    sent = client_of(cast.founder).post(
        url, {"comment_0": "all", "comment_1": "own", "comment_2": "", "reason": ""}
    )

    assert "Catatan 2" in page
    assert sent.status_code == 302
    assert sorted(Comment.objects.values_list("text", "audience")) == [
        ("Catatan 0", "all"),
        ("Catatan 1", "own"),
    ]


def test_a_hostile_upload_is_answered_by_a_sentence_and_leaves_nothing(cast: Cast) -> None:
    agreement = make_agreement(cast)
    url = f"/en/perjanjian/{agreement.pk}/rundingan/naskah/"
    before = (Document.objects.count(), Entry.objects.count())

    answers = [
        client_of(cast.founder).post(url, {"file": SimpleUploadedFile("a.docx", content)})
        for content in (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 99, b"PK\x03\x04", b"%PDF-1.7")
    ]

    assert [answer.status_code for answer in answers] == [422, 422, 422]
    assert "locked with a password" in text_of(answers[0])
    assert ((Document.objects.count(), Entry.objects.count()), BroughtDraft.objects.count()) == (before, 0)


def test_the_room_costs_the_same_for_one_and_three(cast: Cast) -> None:
    agreement = make_agreement(cast)
    names = keys(agreement)
    url = f"/perjanjian/{agreement.pk}/rundingan/"
    client = client_of(cast.bureau)
    counts = []
    for name in names[:3]:
        propose_change(agreement=agreement, edit=change(name), reason="A", by=cast.founder)
        root = comment(agreement=agreement, by=cast.founder, text="A", audience="all", key=name)
        comment(agreement=agreement, by=cast.bureau, text="B", audience="", parent=root)
        closed = propose_change(agreement=agreement, edit=change(name, "Lain."), reason="A", by=cast.founder)
        ClauseProposal.objects.filter(pk=closed.pk).update(state=ProposalState.WITHDRAWN, closed_at=closed.at)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(url).status_code == 200
        counts.append(len(captured))

    assert counts == [12, 12, 12]
