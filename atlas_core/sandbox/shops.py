"""Invented dealers, each with habits, and the goods they sell on credit."""

import random
from dataclasses import dataclass

from .people import Address, digits, gst_number, letters, make_address


@dataclass(frozen=True, slots=True)
class Dealer:
    """A shop and its habits.

    `careless`: chance that it writes a customer's or its own address short or wrong on an invoice.
    `photocopies`: chance that a document is a copy, which OCR reads worse.
    `skips`: chance that a document other than invoice and delivery order is not sent.
    `crowded`: chance that more than one face is in the open-box picture.
    `relabels`: chance that it bills under another name than the delivery order's.
    """

    name: str
    address: Address
    gst: str
    careless: float = 0.03
    photocopies: float = 0.05
    skips: float = 0.03
    crowded: float = 0.02
    relabels: float = 0.02


def _dealer(name: str, **habits: float) -> Dealer:
    rng = random.Random(name)
    return Dealer(name, make_address(rng), gst_number(rng), **habits)


DEALERS: tuple[tuple[Dealer, int], ...] = (
    (_dealer("Nakshatra Digital World"), 18),
    (_dealer("Meghdoot Electronics"), 16),
    (_dealer("Suvarna Home Appliances"), 14),
    (_dealer("Pragati Mobile Hub"), 12),
    (_dealer("Vasundhara Retail Pvt Ltd"), 10),
    (_dealer("Chandrika Enterprises"), 8),
    (_dealer("Udaan Mobile Gallery", crowded=0.16), 6),
    (_dealer("Trimurti Sales Corporation", careless=0.5), 5),
    (_dealer("Jyotirmay Telecom", photocopies=0.65), 5),
    (_dealer("Kalpataru Traders", skips=0.22), 3),
    (_dealer("Om Sai Communication", relabels=0.5), 3),
)
_SHOPS = [dealer for dealer, _ in DEALERS]
_TRADE = [share for _, share in DEALERS]


def choose_dealer(rng: random.Random) -> Dealer:
    """One of the dealers, the busy ones more often."""
    return rng.choices(_SHOPS, weights=_TRADE)[0]


@dataclass(frozen=True, slots=True)
class Goods:
    """One product sold. `imei` is empty for goods that are no phones; `price` in whole rupees."""

    kind: str
    brand: str
    model: str
    hsn: str
    ram: str
    rom: str
    serial: str
    imei: tuple[str, ...]
    sku: str
    price: int

    @property
    def numbers(self) -> tuple[str, ...]:
        """What identifies the piece sold: its IMEIs, or its serial number."""
        return self.imei or (self.serial,)


_PHONES = (
    ("Kavero", ("K7 Lite", "K7 Plus", "K9 Pro 5G", "Note K12")),
    ("Zentara", ("Z20", "Z20 Ultra", "Prime 5G", "Neo 3")),
    ("Orvanta", ("Spark 8", "Spark 8 Max", "Edge 40 Fusion")),
)
_TELEVISIONS = (
    ("Zentara", ("VividView 43 UHD", "VividView 55 QLED", "Smart HD 32")),
    ("Lumiq", ("CineGlow 50", "CineGlow 65 OLED")),
)
_FRIDGES = (
    ("Himsagar", ("FrostFree 253L", "DoubleDoor 340L", "SideBySide 584L")),
    ("Lumiq", ("CoolNest 192L", "CoolNest 280L Inverter")),
)
_SHELVES = (
    ("MOBILE PHONE", "8517", _PHONES, (9, 72)),
    ("LED TV", "8528", _TELEVISIONS, (14, 95)),
    ("REFRIGERATOR", "8418", _FRIDGES, (13, 88)),
)


def luhn_digit(digits_before: str) -> str:
    """The check digit that the Luhn scheme puts behind `digits_before` (an IMEI's fifteenth)."""
    total = 0
    for place, digit in enumerate(reversed(digits_before)):
        value = int(digit) * (1 if place % 2 else 2)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def imei_number(rng: random.Random) -> str:
    """Fifteen digits of the test range 00, check digit right."""
    body = "00" + digits(rng, 12)
    return body + luhn_digit(body)


def make_goods(rng: random.Random) -> Goods:
    """Something a lender would finance: mostly phones, some televisions and fridges."""
    kind, hsn, makers, (low, high) = rng.choices(_SHELVES, weights=(72, 15, 13))[0]
    brand, models = rng.choice(makers)
    model = rng.choice(models)
    phone = kind == "MOBILE PHONE"
    return Goods(
        kind=kind,
        brand=brand,
        model=model,
        hsn=hsn + digits(rng, 4),
        ram=f"{rng.choice((4, 6, 8, 12))} GB" if phone else "",
        rom=f"{rng.choice((64, 128, 256))} GB" if phone else "",
        serial=letters(rng, 3) + digits(rng, 8),
        imei=(imei_number(rng), imei_number(rng)) if phone else (),
        sku=f"{brand[:3].upper()}-{letters(rng, 2)}{digits(rng, 3)}",
        price=rng.randrange(low, high) * 1000 + rng.choice((0, 490, 499, 990, 999)),
    )
