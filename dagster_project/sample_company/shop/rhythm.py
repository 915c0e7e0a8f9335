"""When people shop: weekdays, seasons, holidays, hours, for the stores and the web shop.

Not here: who shops.
"""

import numpy as np

from dagster_project.sample_company.timeline import HISTORY_START, Floats, Ints, date_of

STORE, WEB = range(2)
WEEKDAY_FACTORS = np.array(
    [
        [0.80, 0.82, 0.86, 0.94, 1.22, 1.56, 0.80],  # stores, Monday first
        [1.10, 1.05, 1.02, 1.00, 0.86, 0.82, 1.15],  # web shop
    ]
)
CLOSED = ((12, 25), (12, 26), (1, 1))
"""Month and day on which the stores are closed; the web shop sells half as much."""
CHRISTMAS_FACTOR, BLACK_WEEK_FACTOR, JANUARY_FACTOR = 1.6, 1.4, 0.8
OPENS_SECOND, OPEN_SECONDS = 9 * 3_600, 10 * 3_600


def day_factors(day: Ints) -> Floats:
    """Factor on the rate of shopping on some days, shape (n, 2): stores, web shop."""
    dates = np.datetime64(HISTORY_START) + np.asarray(day).astype("timedelta64[D]")
    weekday = (np.asarray(day) + HISTORY_START.weekday()) % 7
    month = dates.astype("datetime64[M]").astype(np.int64) % 12 + 1
    month_day = (dates - dates.astype("datetime64[M]")).astype(np.int64) + 1
    day_of_year = (dates - dates.astype("datetime64[Y]")).astype(np.int64)
    season = 1 + 0.10 * np.cos(2 * np.pi * (day_of_year - 350) / 365.25)
    season = np.where((month == 12) & (month_day <= 24), season * CHRISTMAS_FACTOR, season)
    season = np.where((month == 11) & (month_day >= 23), season * BLACK_WEEK_FACTOR, season)
    season = np.where(month == 1, season * JANUARY_FACTOR, season)
    closed = np.any([(month == m) & (month_day == d) for m, d in CLOSED], axis=0)
    factors = WEEKDAY_FACTORS[:, weekday].T * season[:, None]
    return np.asarray(np.where(closed[:, None], factors * np.array([0.0, 0.5]), factors))


def month_ends(last_day: int) -> list[int]:
    """Day numbers of all last days of a month from the first month on."""
    return [day for day in range(last_day + 1) if date_of(day + 1).day == 1]


def quarter_starts(last_day: int) -> list[int]:
    """Day numbers of all first days of a quarter."""
    return [day for day in range(last_day + 1) if date_of(day).day == 1 and date_of(day).month % 3 == 1]
