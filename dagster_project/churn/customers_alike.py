"""What is usual at customers alike: those of the same plan and about as many seats.

Here: who is alike, and the middle of their values. Not here: what is said of it (`reason_texts.py`).
"""

from dataclasses import dataclass
from typing import Self

import polars as pl

SEAT_BANDS = (1, 5, 20, 100)
"""The largest number of seats of each band but the last."""
FEWEST_ALIKE = 20
LEVELS = (("plan", "band"), ("plan",), ())


@dataclass(frozen=True)
class CustomersAlike:
    """Medians of numbers by plan and size.

    Attributes:
        medians: Of each level from the narrowest on, one row per group; null where fewer than 20 customers of the group
            have a value. The last is of all customers, however few.
    """

    medians: tuple[pl.DataFrame, ...]

    @classmethod
    def of(cls, customers: pl.DataFrame, values: pl.DataFrame) -> Self:
        """Look at all who are scored.

        Args:
            customers: With `plan` and `seat_count`.
            values: One Float64 column per number, rows as in `customers`.
        """
        keyed = values.with_columns(_keys(customers))
        medians = []
        for keys in LEVELS:
            fewest = FEWEST_ALIKE if keys else 1
            middles = [
                pl.when(pl.col(name).count() >= fewest).then(pl.col(name).median()).alias(name)
                for name in values.columns
            ]
            medians.append(keyed.group_by(keys).agg(middles) if keys else keyed.select(middles))
        return cls(tuple(medians))

    def usual(self, customers: pl.DataFrame) -> pl.DataFrame:
        """The median of customers alike, the narrowest level that has one; rows as in `customers`."""
        keys = _keys(customers)
        found = [
            keys.join(level, on=names, how="left", maintain_order="left", validate="m:1")
            if names
            else keys.join(level, how="cross")
            for names, level in zip(LEVELS, self.medians, strict=True)
        ]
        return found[-1].select(
            pl.coalesce(level[name] for level in found).alias(name) for name in self.medians[-1].columns
        )


def _keys(customers: pl.DataFrame) -> pl.DataFrame:
    """`plan` and `band`, none of them null."""
    seats = pl.col("seat_count")
    band = pl.sum_horizontal((seats > edge).cast(pl.Int64) for edge in SEAT_BANDS)
    return customers.select(
        pl.col("plan").cast(pl.String).fill_null(""), band=pl.when(seats.is_null()).then(-1).otherwise(band)
    )
