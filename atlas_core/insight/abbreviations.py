"""Tables of how Indian names and addresses are usually shortened. Words are in small letters, without dots.

A phrase of several words has blanks between them, or a slash where one must stand (`s/o`). What OCR makes of
`O` behind a slash (`s/0`) is listed too.
"""

from __future__ import annotations


def _short_forms(table: str) -> dict[str, str]:
    """Lines of `meaning: short, short` as short form → meaning; each meaning stands for itself too."""
    forms: dict[str, str] = {}
    for line in table.strip().splitlines():
        meaning, shorts = (part.strip() for part in line.split(":"))
        forms |= {short.strip(): meaning for short in shorts.split(",")} | {meaning: meaning}
    return forms


RELATIONS = _short_forms(
    """
    son of: s/o, s/0
    daughter of: d/o, d/0
    wife of: w/o, w/0
    husband of: h/o, h/0
    care of: c/o, c/0
    """
)
CARE_OF = "care of"
KIN = frozenset(RELATIONS.values()) - {CARE_OF}  # newer Aadhaar prints say C/O for any of these

_PLACES = _short_forms(
    """
    road: rd
    street: st, str
    lane: ln
    avenue: ave
    near: nr
    opposite: opp
    behind: bh, b/h, beh
    adjacent: adj
    apartment: apt, apts, appt, appts, apartments
    floor: flr
    ground floor: gf, grd flr, gr floor, grd floor, ground flr
    block: blk
    building: bldg, bld
    complex: cplx, cmplx
    tower: twr
    sector: sec, sect
    phase: ph
    nagar: ngr
    colony: col, clny
    extension: ext, extn
    house: hno, h no, h/no, house no, house number
    flat: fno, f no, f/no, flat no, flat number
    plot: plot no, plot number
    door: dno, d no, d/no, door no, door number
    shop: shop no, shop number
    no: number, num
    society: soc
    housing: hsg
    cooperative: coop, co op, co operative
    cooperative housing society: chs, chsl, co op hsg soc, co op housing society, coop hsg soc, \
co operative housing society
    district: dist, distt
    taluka: tal, tq, taluk
    tehsil: teh, tah, tahsil
    village: vill, vil
    post office: po, p o, p/o
    police station: ps, p s, p/s
    market: mkt
    station: stn
    railway: rly
    highway: hwy
    national highway: nh
    junction: jn, jct
    square: sq
    circle: cir
    cross: crs
    industrial: ind, indl
    estate: est
    hospital: hosp
    college: clg
    school: sch
    government: govt
    1st: first
    2nd: second
    3rd: third
    4th: fourth
    5th: fifth
    """
)
_STATES = _short_forms(
    """
    andhra pradesh: ap
    assam: as
    bihar: br
    chhattisgarh: cg
    delhi: dl, new delhi
    goa: ga
    gujarat: gj
    haryana: hr
    himachal pradesh: hp
    jammu and kashmir: jk, j and k
    jharkhand: jh
    karnataka: ka
    kerala: kl
    madhya pradesh: mp
    maharashtra: mh
    odisha: od, orissa
    punjab: pb
    rajasthan: rj
    tamil nadu: tn, tamilnadu
    telangana: ts, tg
    uttar pradesh: up
    uttarakhand: uk, uttaranchal
    west bengal: wb
    """
)
_NAMES = _short_forms(
    """
    kumar: kr
    mohammad: md, mohd, mhd, mohammed, muhammad
    doctor: dr
    shri: sri, shree, sh
    messrs: m/s
    private: pvt
    limited: ltd
    company: co
    corporation: corp
    brothers: bros
    enterprises: ent, entp
    international: intl
    """
)
_RENAMED = _short_forms(
    """
    bengaluru: bangalore
    mumbai: bombay
    kolkata: calcutta
    chennai: madras
    mysuru: mysore
    pune: poona
    vadodara: baroda
    gurugram: gurgaon
    kochi: cochin
    thiruvananthapuram: trivandrum
    prayagraj: allahabad
    puducherry: pondicherry
    varanasi: banaras
    """
)

MEANINGS: dict[str, str] = RELATIONS | _PLACES | _STATES | _NAMES | _RENAMED
RENAMED = frozenset(_RENAMED.values())

_TITLES = ("mr", "mrs", "ms", "miss", "doctor", "prof", "shri", "smt", "late", "messrs")
LEFT_OUT = frozenset((*_TITLES, "no", "and", "the", "india"))
"""Meanings of words whose absence changes nothing that a lender asks for."""
