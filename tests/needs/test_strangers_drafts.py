"""What a stranger leaves behind is small, and a photo's own name stays with its owner."""

import re
from io import BytesIO
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from balai.needs.models import Need
from tests.builders import client_of, make_user

FIELDS = {"title": "Halte tanpa atap", "text": "Kami menunggu di bawah hujan.", "dimension": "mobility"}


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    cache.clear()


def test_a_stranger_cannot_fill_the_session_store(city) -> None:
    client = client_of()

    first = client.post("/kebutuhan/baru/", FIELDS | {"text": "x" * 1_000_000})
    later = [client.post("/kebutuhan/baru/", FIELDS).status_code for _ in range(10)]

    assert first.status_code == 302
    assert later == [302] * 9 + [429]
    assert len(str(dict(client.session))) < 10_000


def test_a_photo_leaves_its_own_name_behind(city) -> None:
    out = BytesIO()
    Image.new("RGB", (8, 8)).save(out, "JPEG")
    photo = SimpleUploadedFile("KTP Budi Santoso.jpg", out.getvalue(), "image/jpeg")

    client_of(make_user()).post(
        "/kebutuhan/baru/", FIELDS | {"photo": photo, "key": str(uuid4()), "step": "send"}
    )

    need = Need.objects.get()
    answer = client_of().get(f"/kebutuhan/{need.reference}/foto/")
    assert re.findall(r'filename="(.*)"', answer.headers["Content-Disposition"]) == ["foto.jpg"]
