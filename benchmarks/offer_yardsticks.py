"""What recommended offers must earn in truth. Not here: how it is found out (`offer_redraws.py`).

`python benchmarks/offer_yardsticks.py [draws [first seed]]` prints five companies of both sizes.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.offer_redraws import FORESEEN, draw_company, judged  # noqa: E402
from benchmarks.yardstick import Yardstick  # noqa: E402

SEEDS = range(5)
"""None of them had a part in choosing the method; 100, 101 and 102 had."""
DRAWS = 60


def offer_yardsticks(count: int, draws: int, seeds: range = SEEDS) -> list[Yardstick]:
    """Print each company of a size, and judge all of them together.

    Args:
        count: Customers, 2,000 or 10,000.
        draws: Redraws of all companies together.
        seeds: Of the companies.
    """
    found = []
    for seed in seeds:
        company = draw_company(count, seed)
        results = [judged(company, draw) for draw in range(-(-draws // len(seeds)))]
        rows = np.array(
            [
                (
                    each.claimed,
                    each.earned,
                    each.informed,
                    each.claimed_low <= each.earned <= each.claimed_high,
                    each.offers,
                )
                for each in results
            ]
        )
        found.append(rows)
        claimed, true, informed, holds, offers = rows.mean(axis=0)
        oracle = company.true_net().max(axis=1).clip(0).sum()
        print(
            f"  {count} customers, seed {seed}: {offers:.0f} offers claim {claimed:,.0f}, earn {true:,.0f}; informed"
            f" {informed:,.0f}, oracle {oracle:,.0f}; below 0 in {(rows[:, 1] < 0).mean():.0%}, inside {holds:.0%}",
            flush=True,
        )
    rows = np.concatenate(found)
    claimed, true, informed, holds, _ = rows.mean(axis=0)
    name = f"offers at {count}: "
    bars = [
        Yardstick(name + "true net a company (money)", true, 0.0, np.inf),
        Yardstick(name + "below 0 (share of draws)", float((rows[:, 1] < 0).mean()), 0.0, 0.05),
        Yardstick(name + "claim over truth", claimed / true if true else 1.0, 0.8, 1.25),
        Yardstick(name + "truth inside the claim's 90 % interval (share)", holds, 0.85, 1.0),
    ]
    if count == max(FORESEEN):
        bars.append(
            Yardstick(name + "share of what the informed learner earns", true / informed, 0.60, np.inf)
        )
    return bars


def main() -> int:
    """Print all; the exit code is 1 when a yardstick is missed."""
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else DRAWS
    first = int(sys.argv[2]) if len(sys.argv) > 2 else SEEDS.start
    missed = 0
    for count in FORESEEN:
        for each in offer_yardsticks(count, draws, range(first, first + len(SEEDS))):
            print(f"  {'met   ' if each.is_met else 'MISSED'} {each.name}: {each.value:.3f}", flush=True)
            missed += not each.is_met
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
