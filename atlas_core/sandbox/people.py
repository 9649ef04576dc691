"""Invented customers and the numbers they carry: none of these numbers was, or can be, given to a person."""

import random
from dataclasses import dataclass


def _listed(text: str) -> tuple[str, ...]:
    return tuple(text.split("|"))


_GIVEN = _listed(
    "Aarav|Aditi|Akash|Amit|Ananya|Anil|Arjun|Asha|Bhavna|Chetan|Deepa|Dinesh|Farhan|Gaurav|Geeta|Harish|"
    "Imran|Isha|Jyoti|Kabir|Kavita|Kiran|Lakshmi|Manish|Meera|Mohan|Nandini|Naveen|Neha|Nikhil|Pooja|Pradeep|"
    "Priya|Rahul|Rajesh|Ravi|Rekha|Rohan|Sandeep|Sanjay|Savita|Shabnam|Shreya|Sunita|Suresh|Tanvi|Usha|Varun|Zoya"
)
_FATHERS = _listed(
    "Ashok|Balram|Dayanand|Ganesh|Hari|Kishore|Madan|Narayan|Prakash|Raghunath|Shankar|Vijay|Yusuf"
)
_FAMILY = _listed(
    "Agarwal|Bansal|Bhosale|Chauhan|Choudhary|Das|Deshmukh|Dubey|Fernandes|Gaikwad|Ghosh|Gupta|Iyer|Jadhav|"
    "Joshi|Kamble|Khan|Kulkarni|Kumar|Mehta|Mishra|Nair|Pandey|Patel|Patil|Pillai|Rao|Rathore|Reddy|Saxena|"
    "Sharma|Shaikh|Singh|Srivastava|Thakur|Tiwari|Verma|Yadav"
)
_HOUSES = ("House No", "Flat No", "Plot No", "H No", "Door No", "Shop No")
_ESTATES = _listed(
    "Sai Residency|Green Park Apartments|Ganesh Colony|Shanti Nagar|Laxmi Vihar|Rose Wood Society|"
    "Palm Heights|Model Town|Ambedkar Nagar|Indira Colony|Krishna Kunj|Silver Oak Apartments"
)
_STREETS = _listed(
    "Station Road|Mahatma Gandhi Road|Temple Street|Nehru Marg|Market Road|Old Bazaar Lane|Canal Road|"
    "College Road|Bypass Road|Subhash Chowk|Tilak Path|Lake View Road"
)
_TOWNS = (
    ("Pune", "Maharashtra", "4110"),
    ("Nagpur", "Maharashtra", "4400"),
    ("Nashik", "Maharashtra", "4220"),
    ("Jaipur", "Rajasthan", "3020"),
    ("Kota", "Rajasthan", "3240"),
    ("Lucknow", "Uttar Pradesh", "2260"),
    ("Kanpur", "Uttar Pradesh", "2080"),
    ("Indore", "Madhya Pradesh", "4520"),
    ("Bhopal", "Madhya Pradesh", "4620"),
    ("Surat", "Gujarat", "3950"),
    ("Vadodara", "Gujarat", "3900"),
    ("Coimbatore", "Tamil Nadu", "6410"),
    ("Madurai", "Tamil Nadu", "6250"),
    ("Mysuru", "Karnataka", "5700"),
    ("Kochi", "Kerala", "6820"),
    ("Patna", "Bihar", "8000"),
    ("Ranchi", "Jharkhand", "8340"),
    ("Guwahati", "Assam", "7810"),
)
_CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_NEVER_FOURTH = "DEIKMNOQRSUVWXYZ"  # a PAN's fourth letter is one of A B C F G H J L P T

_TURN = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 2, 3, 4, 0, 6, 7, 8, 9, 5),
    (2, 3, 4, 0, 1, 7, 8, 9, 5, 6),
    (3, 4, 0, 1, 2, 8, 9, 5, 6, 7),
    (4, 0, 1, 2, 3, 9, 5, 6, 7, 8),
    (5, 9, 8, 7, 6, 0, 4, 3, 2, 1),
    (6, 5, 9, 8, 7, 1, 0, 4, 3, 2),
    (7, 6, 5, 9, 8, 2, 1, 0, 4, 3),
    (8, 7, 6, 5, 9, 3, 2, 1, 0, 4),
    (9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
)
_SHUFFLE = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 5, 7, 6, 2, 8, 3, 0, 9, 4),
    (5, 8, 0, 3, 7, 9, 6, 1, 4, 2),
    (8, 9, 1, 6, 0, 4, 3, 5, 2, 7),
    (9, 4, 5, 3, 1, 2, 6, 8, 7, 0),
    (4, 2, 8, 6, 5, 7, 3, 9, 0, 1),
    (2, 7, 9, 3, 8, 0, 6, 4, 1, 5),
    (7, 0, 4, 6, 9, 1, 3, 2, 5, 8),
)
_BACK = (0, 4, 3, 2, 1, 5, 6, 7, 8, 9)


def verhoeff_digit(digits: str) -> str:
    """The check digit that the Verhoeff scheme puts behind `digits` (Aadhaar's twelfth)."""
    check = 0
    for place, digit in enumerate(reversed(digits), start=1):
        check = _TURN[check][_SHUFFLE[place % 8][int(digit)]]
    return str(_BACK[check])


def digits(rng: random.Random, length: int) -> str:
    """`length` digits by chance, zeros in front included."""
    return f"{rng.randrange(10**length):0{length}d}"


def letters(rng: random.Random, length: int) -> str:
    """`length` capitals by chance."""
    return "".join(rng.choices(_CAPITALS, k=length))


def aadhaar_number(rng: random.Random) -> str:
    """Twelve digits in groups of four: first digit 0 or 1 (never issued), check digit right."""
    body = rng.choice("01") + digits(rng, 10)
    whole = body + verhoeff_digit(body)
    return f"{whole[:4]} {whole[4:8]} {whole[8:]}"


def pan_number(rng: random.Random, family: str) -> str:
    """A PAN's shape with a fourth letter that is never issued."""
    return letters(rng, 3) + rng.choice(_NEVER_FOURTH) + family[0] + digits(rng, 4) + letters(rng, 1)


def gst_number(rng: random.Random) -> str:
    """A GST number's shape around a PAN that cannot exist."""
    return f"{rng.randrange(1, 38):02d}{pan_number(rng, letters(rng, 1))}1Z{rng.choice('123456789')}"


def phone_number(rng: random.Random) -> str:
    """Ten digits starting with 50, where no Indian phone lives."""
    return "50" + digits(rng, 8)


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address, Indian style."""

    house: str
    estate: str
    street: str
    city: str
    state: str
    postcode: str

    def __str__(self) -> str:
        return f"{self.house}, {self.estate}, {self.street}, {self.city}, {self.state} - {self.postcode}"

    def formatted(self) -> dict[str, str]:
        """The address object of identity documents."""
        return {
            "state": self.state,
            "postcode": self.postcode,
            "address_line_1": f"{self.house}, {self.estate}",
            "address_line_2": self.street,
            "city": self.city,
        }


def make_address(rng: random.Random) -> Address:
    """An address in a real town, at a house that chance put there."""
    city, state, pin = rng.choice(_TOWNS)
    house = f"{rng.choice(_HOUSES)} {rng.randrange(1, 480)}"
    return Address(house, rng.choice(_ESTATES), rng.choice(_STREETS), city, state, pin + digits(rng, 2))


@dataclass(frozen=True, slots=True)
class Person:
    """An invented customer. `born` is DD/MM/YYYY as identity documents print it."""

    given: str
    middle: str
    family: str
    born: str
    phone: str
    email: str
    aadhaar: str
    pan: str
    home: Address

    @property
    def name(self) -> str:
        return " ".join(part for part in (self.given, self.middle, self.family) if part)

    @property
    def father(self) -> str:
        return f"{self.middle or 'Mahesh'} {self.family}"


def make_person(rng: random.Random) -> Person:
    """A customer by chance."""
    given, family = rng.choice(_GIVEN), rng.choice(_FAMILY)
    middle = rng.choice(_FATHERS) if rng.random() < 0.55 else ""
    return Person(
        given=given,
        middle=middle,
        family=family,
        born=f"{rng.randrange(1, 29):02d}/{rng.randrange(1, 13):02d}/{rng.randrange(1962, 2006)}",
        phone=phone_number(rng),
        email=f"{given}.{family}{rng.randrange(10, 99)}@example.com".lower(),
        aadhaar=aadhaar_number(rng),
        pan=pan_number(rng, family),
        home=make_address(rng),
    )
