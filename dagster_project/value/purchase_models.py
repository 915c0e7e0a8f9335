"""The models of repeat purchases side by side: their names, how all are fitted, and what each says of spend.

Here: the list, fitting, and expected spend. Not here: the models, which of them is best (`contest.py`) and values
(`clv.py`).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from dagster_project.value.bg_nbd import BetaGeoModel
from dagster_project.value.buyers import Buyers
from dagster_project.value.gamma_gamma import GammaGammaModel
from dagster_project.value.maximum_likelihood import FloatArray
from dagster_project.value.pareto_nbd import ParetoModel

PurchaseModel = BetaGeoModel | ParetoModel

PURCHASE_MODELS: Mapping[str, Callable[[], PurchaseModel]] = {
    "bg_nbd": BetaGeoModel,
    "mbg_nbd": lambda: BetaGeoModel(may_leave_at_once=True),
    "pareto_nbd": ParetoModel,
}
WITH_SPEND = "_gamma_gamma"
"""What the name of a model of purchases gets when Gamma-Gamma says what they are worth."""


@dataclass(frozen=True)
class FittedModels:
    """All models, fitted on the same buyers."""

    purchases: Mapping[str, PurchaseModel]
    spend: GammaGammaModel

    def expected_purchases(self, name: str, horizon_days: float, buyers: Buyers) -> FloatArray:
        """Expected purchase days of each buyer in the next days, shape (n,)."""
        return self.purchases[name].expected_purchases(horizon_days / 7, *buyers.histories)

    def expected_spend(self, name: str, horizon_days: float, buyers: Buyers) -> FloatArray:
        """Expected spend of each buyer in the next days, shape (n,)."""
        return np.asarray(
            self.expected_purchases(name, horizon_days, buyers) * self.spend.expected_spend(*buyers.spends)
        )


def fit_models(buyers: Buyers, names: Iterable[str] = tuple(PURCHASE_MODELS)) -> FittedModels:
    """Fit models on the same buyers.

    Args:
        buyers: Their histories.
        names: Which of `PURCHASE_MODELS`.

    Raises:
        NotEnoughHistory: Too few of them.
    """
    purchases = {name: PURCHASE_MODELS[name]().fit(*buyers.histories) for name in names}
    has_spend = buyers.spend_count > 0
    spend = GammaGammaModel().fit(buyers.spend_count[has_spend], buyers.average_spend[has_spend])
    return FittedModels(purchases, spend)
