"""People with many misspelt records each, and the truth, for tests of identity resolution.

As old registers have them: about ten records per person, of which each has name, birth date, city and postal code, and
several of these wrong or missing at once. There is no address of mail, number or street that would tell. Some people
are relatives: they share surname and place.
"""

import datetime as dt

import numpy as np
import polars as pl
from person_population import ENDINGS, ONSETS, VOWELS, given_name_spellings, slip

from dagster_project.identity.evidence import PARTY_SCHEMA

PLACES = 150


def _wrong_date(rng: np.random.Generator, date: dt.date) -> dt.date:
    """Another day, month or year, day and month in each other's place, or the first of the year."""
    day = min(date.day, 28)
    return [
        date.replace(day=int(rng.integers(1, 29))),
        date.replace(day=day, month=int(rng.integers(1, 13))),
        date.replace(day=day, year=date.year + int(rng.choice([-10, -2, -1, 1, 2, 10]))),
        date.replace(day=date.month, month=min(date.day, 12)),
        date.replace(day=1, month=1),
    ][int(rng.integers(5))]


def _misspelt(rng: np.random.Generator, text: str) -> str:
    """One slip, or two."""
    return slip(rng, slip(rng, text)) if rng.random() < 0.3 else slip(rng, text)


def make_misspelt_people(
    person_count: int, seed: int, mean_records: float = 10.0, wrong_share: float = 0.4
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Paying persons of the file drop, and the truth: `source_ref`, `person`.

    Args:
        person_count: People.
        seed: Of all random choices.
        mean_records: Records per person.
        wrong_share: Share of the values of each field that are wrong; up to a sixth more are missing.
    """
    rng = np.random.default_rng(seed)
    short_forms = given_name_spellings()
    given_names = sorted(short_forms)
    surnames = sorted({a + b + c for a in ONSETS for b in VOWELS for c in ENDINGS})
    towns = sorted({a + b + c + "ham" for a in ONSETS for b in VOWELS[:3] for c in ("d", "n", "ll")})
    towns = [towns[at] for at in rng.choice(len(towns), PLACES, replace=False)]
    rows, truth = [], []
    home = (str(surnames[0]), 0, 0)
    for number in range(person_count):
        if number == 0 or rng.random() > 0.15:
            rank = int(min(rng.exponential(len(surnames) / 4), len(surnames) - 1))
            home = (surnames[rank], int(rng.integers(PLACES)), int(rng.integers(10, 60)))
        surname, place, district = home
        given = given_names[int(min(rng.exponential(len(given_names) / 4), len(given_names) - 1))]
        middle = given_names[int(rng.integers(len(given_names)))]
        birth = dt.date(1930, 1, 1) + dt.timedelta(days=int(rng.integers(0, 25_000)))
        for _ in range(1 + int(rng.poisson(mean_records - 1))):
            wrong = rng.random(5) < wrong_share
            missing = rng.random(5) < np.array([0.02, 0.02, 0.15, 0.15, 0.15])
            called = given
            if wrong[0]:
                forms = [short_forms[given][0], given[:1], middle, _misspelt(rng, given), f"{given} {middle}"]
                called = forms[int(rng.choice(5, p=[0.25, 0.1, 0.1, 0.35, 0.2]))]
            known_as = _misspelt(rng, surname) if wrong[1] else surname
            code = f"{place + 10}{district}"
            if wrong[3]:
                code = (
                    slip(rng, code)
                    if rng.random() < 0.5
                    else f"{int(rng.integers(10, 160))}{int(rng.integers(10, 60))}"
                )
            town = towns[int(rng.integers(PLACES))] if wrong[4] and rng.random() < 0.4 else towns[place]
            ref = f"r{len(rows):07d}"
            truth.append((ref, number))
            rows.append(
                {
                    "source_ref": ref,
                    "given_name": None if missing[0] else called.title(),
                    "surname": None if missing[1] else known_as.title(),
                    "birth_date": None if missing[2] else _wrong_date(rng, birth) if wrong[2] else birth,
                    "postal_code": None if missing[3] else code,
                    "city": None if missing[4] else (_misspelt(rng, town) if wrong[4] else town).title(),
                }
            )
    parties = pl.DataFrame(rows).with_columns(
        system=pl.lit("files"),
        object=pl.lit("customers"),
        kind=pl.lit("person"),
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
