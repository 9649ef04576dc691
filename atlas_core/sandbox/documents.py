"""Pictures of the sandbox's documents, drawn from the same invented values that its readings start from."""

import hmac
import io
import random
import textwrap
from datetime import UTC, datetime
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont
from starlette.requests import Request
from starlette.responses import Response

from .addresses import application_in, expired, guess_types, sign
from .cases import Case, make_case
from .papers import Value, write_paper

_WIDTH = 640
_LINE = 22
_MARGIN = 24
_INK = (34, 40, 49)
_FAINT = (214, 218, 224)
_PAPERS = {
    "INVOICE": (255, 253, 247),
    "DELIVERY_ORDER": (246, 250, 255),
    "AADHAAR": (255, 246, 236),
    "PAN": (233, 243, 250),
}
_FACES = ((40, 60), (510, 60), (60, 220))
_REFUSED = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code></Error>'


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _text(value: Value) -> str:
    if isinstance(value, dict):
        return ", ".join(value.values())
    return ", ".join(value) if isinstance(value, list) else str(value or "")


def _lines(case: Case, kind: str, redacted: bool) -> list[tuple[str, str]]:
    paper = write_paper(case, kind)
    if redacted and "aadhaar_number" in paper:
        paper["aadhaar_number"] = f"XXXX XXXX {case.customer.aadhaar[-4:]}"
    return [(name.replace("_", " "), _text(value)) for name, value in paper.items() if value]


def _draw_box(draw: ImageDraw.ImageDraw, case: Case, faces: int) -> None:
    """An opened box, and as many faces beside it as the case says."""
    rng = random.Random(case.application_id)
    draw.rectangle((220, 190, 430, 330), fill=(193, 154, 107), outline=_INK)
    draw.polygon(((220, 190), (170, 150), (380, 150), (430, 190)), fill=(214, 180, 134), outline=_INK)
    draw.rectangle((285, 120, 365, 230), fill=(52, 58, 70), outline=_INK)
    for face in range(min(faces, len(_FACES))):
        left, top = _FACES[face]
        top += rng.randrange(20)
        draw.ellipse((left, top, left + 90, top + 110), fill=(222, 184, 150), outline=_INK)
        for eye in (28, 58):
            draw.ellipse((left + eye, top + 42, left + eye + 7, top + 49), fill=_INK)
        draw.arc((left + 25, top + 55, left + 65, top + 90), 20, 160, fill=_INK, width=2)


@lru_cache(maxsize=256)
def draw_document(seed: str, application_id: str, kind: str, redacted: bool) -> bytes:
    """PNG bytes of one document; the same arguments draw the same picture."""
    case = make_case(seed, application_id)
    lines = [
        (name if not part else "", piece)
        for name, value in _lines(case, kind, redacted)
        for part, piece in enumerate(textwrap.wrap(value, 58))
    ]
    height = max(360, 90 + _LINE * (len(lines) + 1))
    sheet = Image.new("RGB", (_WIDTH, height), _PAPERS.get(kind, (250, 250, 250)))
    draw = ImageDraw.Draw(sheet)
    draw.text((_WIDTH - 260, 12), "SPECIMEN", fill=_FAINT, font=_font(36))
    if kind == "ASSET_OPEN_BOX_IMAGE":
        faces = write_paper(case, kind)["number_of_faces_visible"]
        _draw_box(draw, case, faces if isinstance(faces, int) else 0)
    else:
        draw.text((_MARGIN, 20), kind.replace("_", " "), fill=_INK, font=_font(24))
        draw.line((_MARGIN, 58, _WIDTH - _MARGIN, 58), fill=_INK, width=2)
        for place, (name, piece) in enumerate(lines):
            top = 70 + place * _LINE
            draw.text((_MARGIN, top), name, fill=(110, 118, 130), font=_font(13))
            draw.text((_MARGIN + 190, top), piece, fill=_INK, font=_font(13))
    if random.Random(f"{application_id}|{kind}|copy").random() < case.dealer.photocopies:
        sheet = sheet.convert("L")
    picture = io.BytesIO()
    sheet.quantize(32).save(picture, "PNG", optimize=False)
    return picture.getvalue()


def document_answer(request: Request, seed: str) -> Response:
    """The picture a signed address names; 403 where the signature is missing, wrong or past."""
    path, query = request.scope["raw_path"].decode(), request.query_params
    given = query.get("X-Amz-Signature", "")
    right = sign(path, query.get("X-Amz-Date", ""), query.get("X-Amz-Expires", ""))
    if not hmac.compare_digest(given.encode(), right.encode()) or expired(
        str(request.url), datetime.now(UTC)
    ):
        return Response(_REFUSED, 403, media_type="application/xml")
    kind = guess_types([path])[0]
    picture = draw_document(seed, application_in(path), kind, "-redacted" in path)
    return Response(picture, media_type="image/png", headers={"Cache-Control": "private, max-age=300"})
