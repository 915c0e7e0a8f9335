"""People who are hard to tell apart, with the truth, for tests of identity resolution.

Families live at one address and share a landline, some children are twins, some sons have their father's
name. A person has one to four records, with nicknames, missing birth dates, slips of digits and letters,
swapped fields, moved houses, new surnames and new addresses of mail.
"""

import csv
import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl

import dagster_project.identity
from dagster_project.identity.evidence import PARTY_SCHEMA

NICKNAMES = Path(dagster_project.identity.__file__).with_name("nicknames.csv")
ONSETS = [
    "b",
    "br",
    "c",
    "ch",
    "d",
    "f",
    "g",
    "gr",
    "h",
    "k",
    "l",
    "m",
    "n",
    "p",
    "r",
    "s",
    "st",
    "t",
    "v",
    "w",
]
VOWELS = ["a", "e", "i", "o", "u", "ai", "ee", "ou"]
ENDINGS = [
    "ton",
    "man",
    "son",
    "ley",
    "er",
    "field",
    "s",
    "well",
    "ford",
    "ing",
    "ska",
    "ic",
    "ez",
    "ward",
    "by",
]
CITIES = ["Ashford", "Bramley", "Castleton", "Dunmore", "Eastvale", "Fernhill", "Glenrock", "Hartwell"]
STREETS = [
    "Oak",
    "Maple",
    "Church",
    "Mill",
    "Station",
    "Victoria",
    "Albert",
    "Garden",
    "River",
    "Hill",
    "Bridge",
    "Park",
]


def _skewed(rng: np.random.Generator, values: list[str], size: int) -> list[str]:
    """Some values are much more common than others, as names are."""
    shares = 1 / np.arange(5, len(values) + 5)
    return [values[i] for i in rng.choice(len(values), size=size, p=shares / shares.sum())]


def slip(rng: np.random.Generator, text: str) -> str:
    """One letter missing, doubled, replaced or in its neighbour's place."""
    if len(text) < 3:
        return text
    at = int(rng.integers(1, len(text) - 1))
    return [
        text[:at] + text[at + 1 :],
        text[:at] + text[at] + text[at:],
        text[:at] + "aeiorstn"[int(rng.integers(8))] + text[at + 1 :],
        text[:at] + text[at + 1] + text[at] + text[at + 2 :],
    ][int(rng.integers(4))]


def _address(rng: np.random.Generator, streets: list[str]) -> dict[str, str]:
    town = int(rng.integers(400))
    return {
        "address_line": f"{rng.integers(1, 200)} {streets[int(rng.integers(len(streets)))]}",
        "city": CITIES[town % len(CITIES)] + ["", " North", " West", " Park"][town // len(CITIES) % 4],
        "postal_code": str(2000 + town),
    }


def make_people(person_count: int, seed: int) -> list[dict]:
    """Families of one to four people, one row per person."""
    rng = np.random.default_rng(seed)
    with NICKNAMES.open() as file:
        given_names = sorted({row["full"] for row in csv.DictReader(file)})
    rng.shuffle(given_names)
    surnames = sorted({a + b + c for a in ONSETS for b in VOWELS for c in ENDINGS})
    rng.shuffle(surnames)
    streets = sorted(
        {
            f"{street}{stem} {kind}"
            for street in STREETS
            for stem in ["", "wood", "side", "gate", "view"]
            for kind in ["Street", "Road", "Lane"]
        }
    )
    people: list[dict] = []
    while len(people) < person_count:
        home = _address(rng, streets) | {"surname": _skewed(rng, surnames, 1)[0]}
        landline = f"02 9{rng.integers(10**6, 10**7)}"
        names = _skewed(rng, given_names, 4)
        births = [dt.date(1940, 1, 1) + dt.timedelta(days=int(rng.integers(0, 20_000))) for _ in range(2)]
        births += [births[0] + dt.timedelta(days=int(rng.integers(8_000, 14_000))) for _ in range(2)]
        if rng.random() < 0.03:
            births[3] = births[2]
        if rng.random() < 0.03:
            names[2] = names[0]
        size = int(rng.choice([1, 2, 3, 4], p=[0.45, 0.25, 0.15, 0.15]))
        for name, birth in list(zip(names, births, strict=True))[:size]:
            if (
                name in [person["given_name"] for person in people[-3:] if person["home"] is home]
                and name != names[0]
            ):
                continue
            people.append(
                {
                    "home": home,
                    "given_name": name,
                    "birth_date": birth,
                    "landline": landline,
                    "mobile": f"04{rng.integers(10**7, 10**8)}",
                    **home,
                }
            )
    return people[:person_count]


def given_name_spellings() -> dict[str, list[str]]:
    """The short forms of each full given name."""
    with NICKNAMES.open() as file:
        short_forms: dict[str, list[str]] = {}
        for row in csv.DictReader(file):
            short_forms.setdefault(row["full"], []).append(row["short"])
    return short_forms


def make_parties(
    person_count: int, seed: int = 1, mean_records: float = 2.0
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Paying persons of the file drop, and the truth: `source_ref`, `person`."""
    rng = np.random.default_rng(seed + 1_000)
    short_forms = given_name_spellings()
    streets = [
        "Harbour Street",
        "Kings Road",
        "Queens Lane",
        "Meadow View Road",
        "Old Forge Lane",
        "Abbey Street",
    ]
    rows, truth = [], []
    for number, person in enumerate(make_people(person_count, seed)):
        address = {field: person[field] for field in ("address_line", "city", "postal_code")}
        surname = person["surname"]
        for _ in range(1 + min(3, int(rng.poisson(mean_records - 1)))):
            chance = rng.random(12)
            if chance[0] < 0.10:
                address = _address(rng, streets)
            if chance[1] < 0.02:
                surname = slip(rng, surname[::-1])
            given = person["given_name"]
            if chance[2] < 0.20:
                given = short_forms[given][int(rng.integers(len(short_forms[given])))]
            given = slip(rng, given) if chance[3] < 0.10 else given
            last_name = slip(rng, surname) if chance[4] < 0.10 else surname
            birth = person["birth_date"]
            if chance[5] < 0.04:
                birth = birth.replace(
                    year=birth.year + int(rng.choice([-10, -1, 1, 10])), day=min(birth.day, 28)
                )
            elif chance[5] < 0.06 and birth.day <= 12:
                birth = birth.replace(month=birth.day, day=birth.month)
            if chance[7] < 0.02:
                given, last_name = last_name, given
            line = slip(rng, address["address_line"]) if chance[10] < 0.10 else address["address_line"]
            phone = person["landline"] if chance[8] < 0.25 else person["mobile"] if chance[8] < 0.5 else None
            ref = f"r{len(rows):07d}"
            truth.append((ref, number))
            rows.append(
                {
                    "source_ref": ref,
                    "name": f"{given} {last_name}".title(),
                    "birth_date": None if chance[6] < 0.25 else birth,
                    "phone": phone,
                    "email": f"{given}.{last_name}{number % 97}@gmail.com" if chance[9] < 0.25 else None,
                    "address_line": None if chance[11] < 0.08 else line,
                    "city": address["city"],
                    "postal_code": address["postal_code"],
                }
            )
    parties = pl.DataFrame(rows).with_columns(
        system=pl.lit("files"),
        object=pl.lit("customers"),
        kind=pl.lit("person"),
        country=pl.lit("AU"),
        is_paying_party=pl.lit(value=True),
        created_at=pl.datetime(2024, 1, 1) + pl.duration(minutes=pl.int_range(pl.len())),
    )
    absent = [column for column in PARTY_SCHEMA if column not in parties.columns]
    return (
        parties.with_columns(pl.lit(None).alias(column) for column in absent)
        .select(PARTY_SCHEMA.keys())
        .cast(dict(PARTY_SCHEMA)),
        pl.DataFrame(truth, schema=["source_ref", "person"], orient="row"),
    )


def pairwise_quality(
    identities: pl.DataFrame, truth: pl.DataFrame, column: str = "customer_id"
) -> tuple[float, float]:
    """Precision and recall over pairs of records; `truth` has `source_ref`, `person`."""
    both = identities.join(truth, on="source_ref", validate="1:1")

    def pair_count(*columns: str) -> int:
        sizes = both.group_by(columns).len().get_column("len").cast(pl.Int64)
        return int((sizes * (sizes - 1) // 2).sum())

    agreed = pair_count(column, "person")
    return agreed / max(pair_count(column), 1), agreed / pair_count("person")
