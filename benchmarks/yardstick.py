"""What a measure must reach. Not here: how it is measured."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Yardstick:
    """One measure, and what it must reach."""

    name: str
    value: float
    lowest: float
    highest: float

    @property
    def is_met(self) -> bool:
        """Whether it does."""
        return self.lowest <= self.value <= self.highest
