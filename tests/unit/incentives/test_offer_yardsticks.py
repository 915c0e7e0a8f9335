"""A light version of the redraws that `make yardsticks` runs."""

import numpy as np

from benchmarks.offer_redraws import draw_company, earned, informed_choice, judged, redrawn


def test_recommended_offers_lose_no_money_and_claim_what_they_earn():
    company = draw_company(2_000, 200)
    draws = [judged(company, draw) for draw in range(3)]
    true = np.array([each.earned for each in draws])
    assert np.mean([each.offers for each in draws]) > 0
    assert true.mean() >= 0
    assert (true < 0).sum() <= 1
    assert sum(each.claimed_low <= each.earned <= each.claimed_high for each in draws) >= 2


def test_redraws_follow_the_planted_truth_and_the_oracle_is_not_beaten():
    company = draw_company(1_500, 201)
    left = np.mean([1 - redrawn(company, draw)["is_retained"].mean() for draw in range(30)])
    assert abs(left - company.past_chance.mean()) < 0.002
    oracle = company.true_net().max(axis=1).clip(0).sum()
    retained = redrawn(company, 0)["is_retained"].to_numpy()
    assert earned(company, informed_choice(company, retained)) < oracle
    assert earned(company, np.full(company.kind.size, -1)) == 0
    # Offers change nothing of what ends over an unpaid bill, whatever they do to decisions.
    assert (company.with_offers > 0).all()
