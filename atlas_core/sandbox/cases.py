"""One invented loan case: who buys what from whom, when, and what on the papers is not as it should be."""

import random
import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from .people import Address, Person, make_address, make_person
from .shops import Dealer, Goods, choose_dealer, make_goods

_DAY_IN_ID = re.compile(r"-(\d{2})(\d{2})(\d{2})-")

FAILED_SHARE = 0.015


@dataclass(frozen=True, slots=True)
class Case:
    """What is true of one application, and what its papers get wrong.

    `billed_*` is what the dealer's invoice prints, the other side of a cross-check. `failure` is the stage in
    which its flow dies: `""`, `"upload"` or `"processing"`.
    """

    application_id: str
    customer: Person
    dealer: Dealer
    goods: Goods
    bought: date
    order_number: str
    downpayment: int
    emi: int
    billed_name: str
    billed_address: str
    billed_phone: str
    billed_dealer: str
    billed_dealer_address: str
    billed_amount: int
    billed_numbers: tuple[str, ...]
    skipped: frozenset[str]
    crowded: bool
    failure: str


def _careless_address(rng: random.Random, address: Address) -> str:
    """How a hurried shop writes an address: shortened, half, or an old one."""
    habit = rng.random()
    if habit < 0.35:
        return f"{address.estate}, {address.city}"
    if habit < 0.6:
        return f"{address.street}, nr bus stand, {address.city}"
    if habit < 0.8:
        return str(make_address(rng))
    return f"{address.house} {address.street} {address.city} {address.postcode}"


def _short_address(rng: random.Random, address: Address) -> str:
    """The same address with the short forms anybody would use."""
    text = str(address)
    for long, short in (("Road", "Rd"), ("Apartments", "Apts"), ("House No", "H.No"), ("Society", "Soc")):
        if rng.random() < 0.5:
            text = text.replace(long, short)
    return text.replace(f", {address.state} -", " -") if rng.random() < 0.35 else text


def _billed_address(rng: random.Random, address: Address, careless: float) -> str:
    if rng.random() < careless:
        return _careless_address(rng, address)
    return str(address) if rng.random() < 0.55 else _short_address(rng, address)


def _billed_name(rng: random.Random, customer: Person) -> str:
    habit = rng.random()
    if habit < 0.62:
        return customer.name
    if habit < 0.80:
        return customer.name.upper()
    if habit < 0.90:
        return f"Mr {customer.name}" if rng.random() < 0.5 else f"{customer.given} {customer.family}"
    if habit < 0.98:
        return f"{customer.family} {customer.name.removesuffix(customer.family).strip()}"
    other = make_person(rng)
    return f"{other.given} {customer.family}" if rng.random() < 0.5 else other.name


def _slip(rng: random.Random, number: str) -> str:
    """The same digits with two neighbours swapped somewhere behind the first two."""
    at = rng.randrange(3, len(number) - 1)
    return number[:at] + number[at + 1] + number[at] + number[at + 2 :]


def _day(application_id: str, rng: random.Random) -> date:
    """The day of purchase: shortly before the day an id carries as -YYMMDD-, else some day by chance."""
    back = timedelta(days=rng.choice((0, 0, 0, 1, 1, 2, 4)))
    found = _DAY_IN_ID.search(application_id)
    if found:
        try:
            return date(2000 + int(found[1]), int(found[2]), int(found[3])) - back
        except ValueError:
            pass
    return date(2026, 1, 5) + timedelta(days=rng.randrange(300)) - back


_SKIPPABLE = ("PAN", "IMEI_CLOSEUP_IMAGE", "ASSET_OPEN_BOX_IMAGE", "AADHAAR")


@lru_cache(maxsize=4096)
def make_case(seed: str, application_id: str) -> Case:
    """The case behind an application id: the same id and seed give the same case, always."""
    rng = random.Random(f"{seed}|{application_id}")
    customer, dealer, goods = make_person(rng), choose_dealer(rng), make_goods(rng)
    downpayment = goods.price * rng.choice((0, 10, 15, 20, 25)) // 100
    wrong_amount = rng.random() < 0.012
    return Case(
        application_id=application_id,
        customer=customer,
        dealer=dealer,
        goods=goods,
        bought=_day(application_id, rng),
        order_number=f"{rng.choice(('INV', 'TI', 'SB'))}/{rng.randrange(25, 27)}/{rng.randrange(100, 9999)}",
        downpayment=downpayment,
        emi=(goods.price - downpayment) // rng.choice((6, 8, 10, 12)),
        billed_name=_billed_name(rng, customer),
        billed_address=_billed_address(rng, customer.home, dealer.careless),
        billed_phone=make_person(rng).phone if rng.random() < 0.012 else customer.phone,
        billed_dealer=(
            f"{customer.home.city} {rng.choice(('Mobile Zone', 'Agencies'))}"
            if rng.random() < dealer.relabels
            else dealer.name.upper()
            if rng.random() < 0.3
            else dealer.name
        ),
        billed_dealer_address=_billed_address(rng, dealer.address, dealer.careless * 0.6),
        billed_amount=goods.price - rng.choice((500, 1500, 9000)) if wrong_amount else goods.price,
        billed_numbers=(
            tuple(_slip(rng, number) for number in goods.numbers) if rng.random() < 0.01 else goods.numbers
        ),
        skipped=frozenset(kind for kind in _SKIPPABLE if rng.random() < dealer.skips),
        crowded=rng.random() < dealer.crowded,
        failure=rng.choice(("upload", "processing")) if rng.random() < FAILED_SHARE else "",
    )


def documents_of(case: Case) -> tuple[str, ...]:
    """The types of the documents that the dealer sends for a case, in the order of sending."""
    rng = random.Random(f"{case.application_id}|documents")
    kinds = ["INVOICE", "DELIVERY_ORDER", "AADHAAR", "PAN"]
    kinds.append("IMEI_CLOSEUP_IMAGE" if case.goods.imei else "PRODUCT_STICKER")
    kinds.append("ASSET_OPEN_BOX_IMAGE")
    if rng.random() < 0.15:
        kinds.append("AADHAR_EXTRACT_IMAGE")
    if case.goods.imei and rng.random() < 0.1:
        kinds.append("PRODUCT_STICKER")
    return tuple(kind for kind in kinds if kind not in case.skipped)
