"""What the figures on the sample company take for the true reason."""

import polars as pl

from benchmarks.churn_reasons import main_drivers

CALM = {"engagement": 0.0, "trouble": 0.0, "has_notice": False, "is_behind": False}


def test_the_main_driver_is_the_largest_factor_on_the_hazard_that_can_be_named():
    customers = {
        "calm": ({}, "none"),
        "middling": ({"engagement": -0.04}, "none"),
        "unengaged": ({"engagement": -1.0, "trouble": 1.0, "is_behind": True}, "use"),
        "troubled": ({"engagement": -0.3, "trouble": 5.0}, "support"),
        "behind": ({"engagement": -0.3, "trouble": 1.0, "is_behind": True}, "payment"),
        "gone": ({"engagement": -3.0, "has_notice": True}, "notice"),
        "content": ({"engagement": 2.0}, "none"),
        "happy": ({"engagement": 1.0}, "none"),
        "fine": ({"engagement": 1.0}, "none"),
        "good": ({"engagement": 0.5}, "none"),
        "well": ({"engagement": 0.5}, "none"),
    }
    truth = pl.DataFrame([{"customer_id": name, **CALM, **told} for name, (told, _) in customers.items()])
    assert truth["engagement"].median() == 0
    found = dict(main_drivers(truth).select("customer_id", "main_driver").iter_rows())
    assert found == {name: driver for name, (_, driver) in customers.items()}
