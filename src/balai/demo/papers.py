"""Small PDF papers for the invented applications, made here so that no file has to be shipped."""


def paper(title: str, lines: list[str]) -> bytes:
    """One A4 page with a title and lines of text, as a PDF. Same text, same bytes."""
    shown = [f"BT /F1 15 Tf 60 780 Td ({_escaped(title)}) Tj ET"]
    shown += [
        f"BT /F1 11 Tf 60 {750 - 18 * number} Td ({_escaped(line)}) Tj ET"
        for number, line in enumerate(lines[:36])
    ]
    stream = "\n".join(shown).encode("cp1252")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    body = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return (
        body
        + b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table)
        + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(body))
    )


def _escaped(text: str) -> str:
    plain = text.encode("cp1252", "replace").decode("cp1252")
    return plain.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
