"""The sandbox's own document addresses: signed the way object stores sign links, and as short-lived."""

import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, quote, unquote, urlsplit

from .papers import TYPES

PICTURES = "/sandbox/documents/"
_STAMP = "%Y%m%dT%H%M%SZ"
_KEY = b"sandbox"  # signs nothing but pictures of invented people
_LETTERS = str.maketrans("0123456789", "ghijklmnop")  # no digits, which might look like a person's number

_NAMED = (
    ("DELIVERY_ORDER", ("delivery", "do_", "do-", "do.")),
    ("PRODUCT_STICKER", ("sticker", "label", "barcode")),
    ("AADHAR_EXTRACT_IMAGE", ("aadhar_extract", "aadhar-extract", "aadhaar_photo")),
    ("AADHAAR", ("aadhaar", "aadhar", "adhar", "uid")),
    ("IMEI_CLOSEUP_IMAGE", ("imei", "closeup", "close_up", "close-up")),
    ("ASSET_OPEN_BOX_IMAGE", ("box", "asset", "unbox", "selfie")),
    ("PAN", ("pan",)),
    ("INVOICE", ("invoice", "bill", "inv_", "inv-", "inv.")),
)
_UNNAMED = ("INVOICE", "DELIVERY_ORDER", "AADHAAR", "PAN", "IMEI_CLOSEUP_IMAGE", "ASSET_OPEN_BOX_IMAGE")


def sign(path: str, stamp: str, expires: str) -> str:
    """The signature an address must carry for its path, moment and life."""
    signed = hmac.new(_KEY, f"{path}|{stamp}|{expires}".encode(), hashlib.sha256)
    return signed.hexdigest().translate(_LETTERS)


def document_url(base_url: str, application_id: str, name: str, signed_at: datetime, seconds: int) -> str:
    """A signed address of the picture `name` (like `invoice.png`) of an application, good for `seconds`."""
    path = f"{PICTURES}{quote(application_id, safe='')}/{name}"
    stamp = signed_at.astimezone(UTC).strftime(_STAMP)
    query = f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date={stamp}&X-Amz-Expires={seconds}"
    return f"{base_url.rstrip('/')}{path}?{query}&X-Amz-Signature={sign(path, stamp, str(seconds))}"


def expired(url: str, now: datetime) -> bool:
    """True if the address says when its signature ends, and that moment is past."""
    asked = parse_qs(urlsplit(url).query)
    try:
        begun = datetime.strptime(asked["X-Amz-Date"][0], _STAMP).replace(tzinfo=UTC)
        return now > begun + timedelta(seconds=int(asked["X-Amz-Expires"][0]))
    except (KeyError, ValueError, OverflowError):
        return False


def application_in(path: str) -> str:
    """The application whose picture a path names; `""` for any other path."""
    if not path.startswith(PICTURES):
        return ""
    return unquote(path.removeprefix(PICTURES).split("/")[0])


def _named_type(path: str) -> str:
    name = path.rsplit("/", 1)[-1].lower()
    exact = re.sub(r"(-redacted)?\.\w+$", "", name).upper()
    if exact in TYPES:
        return exact
    return next((kind for kind, words in _NAMED if any(word in name for word in words)), "")


def guess_types(paths: list[str]) -> list[str]:
    """What Atlas takes each file for: its name says so, or the first usual type that is not there yet."""
    kinds: list[str] = []
    for path in paths:
        free = [kind for kind in _UNNAMED if kind not in kinds]
        by_chance = _UNNAMED[hashlib.sha256(path.encode()).digest()[0] % len(_UNNAMED)]
        kinds.append(_named_type(path) or (free[0] if free else by_chance))
    return kinds
