"""Where customers live: cities with country, time zone, support desk, tax, telephone area and currencies.

Invented tenants, real cities. Not here: who lives where (`population`) and what stands on an envelope
(`directory`).
"""

import numpy as np

from dagster_project.sample_company.timeline import Floats, Ints

AMERICAS, EUROPE, WEEKEND = range(3)
"""Support desks, see `support_desks`."""

PLACES = (
    # city, postal code, country, time zone, desk, tax in basis points, phone: country, trunk, area, first digits
    ("Portland", "97205", "US", "America/Los_Angeles", AMERICAS, 0, "1", "", "503", 555),
    ("Austin", "78701", "US", "America/Chicago", AMERICAS, 825, "1", "", "512", 555),
    ("Columbus", "43215", "US", "America/New_York", AMERICAS, 750, "1", "", "614", 555),
    ("Denver", "80202", "US", "America/Denver", AMERICAS, 881, "1", "", "303", 555),
    ("Raleigh", "27601", "US", "America/New_York", AMERICAS, 725, "1", "", "919", 555),
    ("Madison", "53703", "US", "America/Chicago", AMERICAS, 550, "1", "", "608", 555),
    ("Tucson", "85701", "US", "America/Phoenix", AMERICAS, 870, "1", "", "520", 555),
    ("Boise", "83702", "US", "America/Boise", AMERICAS, 600, "1", "", "208", 555),
    ("Sydney", "2000", "AU", "Australia/Sydney", WEEKEND, 1000, "61", "0", "2", 5550),
    ("Kobe", "650-0021", "JP", "Asia/Tokyo", WEEKEND, 1000, "81", "0", "78", 555),
    ("Leeds", "LS1 4AP", "GB", "Europe/London", EUROPE, 2000, "44", "0", "113", 496),
    ("Bristol", "BS1 5TR", "GB", "Europe/London", EUROPE, 2000, "44", "0", "117", 496),
    ("Leipzig", "04109", "DE", "Europe/Berlin", EUROPE, 1900, "49", "0", "341", 910),
    ("Bremen", "28195", "DE", "Europe/Berlin", EUROPE, 1900, "49", "0", "421", 910),
    ("Utrecht", "3511 LX", "NL", "Europe/Amsterdam", EUROPE, 2100, "31", "0", "30", 700),
    ("Lyon", "69002", "FR", "Europe/Paris", EUROPE, 2000, "33", "0", "4", 6571),
    ("Toronto", "M5V 2T6", "CA", "America/Toronto", AMERICAS, 1300, "1", "", "416", 555),
    ("Vancouver", "V6B 1A1", "CA", "America/Vancouver", AMERICAS, 1200, "1", "", "604", 555),
    ("Zurich", "8001", "CH", "Europe/Zurich", EUROPE, 810, "41", "0", "44", 555),
    ("Bern", "3011", "CH", "Europe/Zurich", EUROPE, 810, "41", "0", "31", 555),
)
"""Telephone numbers are possible ones; in the US, the UK and Australia of ranges that are kept free for fiction."""
(
    CITIES,
    POSTAL_CODES,
    COUNTRIES,
    TIME_ZONES,
    DESKS,
    TAX_BASIS_POINTS,
    CALLING_CODES,
    TRUNK_PREFIXES,
    AREA_CODES,
    EXCHANGES,
) = zip(*PLACES, strict=True)

PLACES_BY_CURRENCY = {
    "usd": (0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    "eur": (12, 13, 14, 15),
    "gbp": (10, 11),
    "cad": (16, 17),
    "chf": (18, 19),
}
"""Places of those who pay in a currency, the frequent ones twice."""


def place_of(currency_names: tuple[str, ...], currency: Ints, draws: Floats) -> Ints:
    """A place for each customer.

    Args:
        currency_names: Currencies by position.
        currency: Positions, shape (n,).
        draws: Numbers in [0, 1), shape (n,).

    Returns:
        Positions in `PLACES`, shape (n,).
    """
    per_currency = [
        np.array(PLACES_BY_CURRENCY[name])[np.floor(draws * len(PLACES_BY_CURRENCY[name])).astype(np.int64)]
        for name in currency_names
    ]
    return np.choose(currency, per_currency).astype(np.int64)
