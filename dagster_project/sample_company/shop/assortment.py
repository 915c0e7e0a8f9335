"""What the shop sells, at what price, and how demand answers: products, prices over time, elasticities, returns.

Prices change at random every eight weeks, product by product, so that elasticities can be learned from the exports.
Here: constants of the story, and prices of any day. Not here: who buys.
"""

import numpy as np

from dagster_project.sample_company.randomness import mixed_index
from dagster_project.sample_company.timeline import Floats, Ints

CATEGORIES = ("tea", "coffee", "kitchen", "bakery", "textiles", "gifts")
ELASTICITIES = np.array([-0.8, -1.2, -2.2, -0.5, -1.8, -1.5])
"""Per cent by which the pieces sold of a product change when its price rises by one per cent, by category."""
RETURN_SHARES = np.array([0.010, 0.010, 0.060, 0.000, 0.140, 0.050])
"""Chance that a line of an order comes back as a whole, by category."""

PRODUCTS = (
    # name, category, pieces per basket at the first price, first price in cents, cost in cents
    ("Green tea 100 g", 0, 0.17, 490, 190), ("Black tea 100 g", 0, 0.21, 450, 170),
    ("Herbal tea 20 bags", 0, 0.15, 390, 140), ("White tea 50 g", 0, 0.05, 990, 420),
    ("Rooibos 100 g", 0, 0.09, 420, 150),
    ("House blend 250 g", 1, 0.24, 690, 290), ("Espresso beans 500 g", 1, 0.17, 1290, 580),
    ("Filter coffee 500 g", 1, 0.15, 1090, 480), ("Decaf 250 g", 1, 0.06, 750, 330),
    ("Cold brew kit", 1, 0.03, 1990, 900),
    ("Teapot", 2, 0.035, 3490, 1500), ("Mug", 2, 0.12, 990, 350), ("Coffee press", 2, 0.03, 2990, 1250),
    ("Kettle", 2, 0.015, 5990, 3100), ("Storage tin", 2, 0.07, 1190, 420),
    ("Butter biscuits", 3, 0.22, 350, 130), ("Fruit loaf", 3, 0.13, 590, 240),
    ("Dark chocolate", 3, 0.24, 320, 140), ("Oat bars", 3, 0.15, 280, 110), ("Ginger cake", 3, 0.08, 650, 260),
    ("Tea towel", 4, 0.06, 890, 310), ("Apron", 4, 0.025, 2490, 980), ("Tablecloth", 4, 0.018, 3990, 1650),
    ("Oven glove", 4, 0.035, 1290, 450),
    ("Gift basket small", 5, 0.03, 2490, 1100), ("Gift basket large", 5, 0.012, 5490, 2500),
    ("Greeting card", 5, 0.16, 290, 60), ("Advent box", 5, 0.016, 2990, 1300),
)  # fmt: skip
PRODUCT_NAMES = tuple(product[0] for product in PRODUCTS)
CATEGORY_OF = np.array([product[1] for product in PRODUCTS])
PIECES_PER_BASKET = np.array([product[2] for product in PRODUCTS])
FIRST_CENTS = np.array([product[3] for product in PRODUCTS])
COST_CENTS = np.array([product[4] for product in PRODUCTS])
PRODUCT_REFS = tuple(f"SKU-{1001 + number}" for number in range(len(PRODUCTS)))

PRICE_DAYS = 56
PRICE_LEVELS = np.array([0.80, 0.90, 1.00, 1.00, 1.10, 1.20])


def price_cents(seed: int, day: Ints) -> Ints:
    """The price of every product on some days.

    Args:
        seed: Seed of the company.
        day: Day numbers, shape (n,); 0 or later.

    Returns:
        Cents, shape (n, products).
    """
    period = np.asarray(day)[:, None] // PRICE_DAYS
    product = np.arange(len(PRODUCTS))[None, :]
    period, product = np.broadcast_arrays(period, product)
    level = mixed_index(seed, "shop price", len(PRICE_LEVELS), product, period)
    return np.round(FIRST_CENTS * np.where(period == 0, 1.0, PRICE_LEVELS[level])).astype(np.int64)


def expected_pieces(cents: Ints) -> Floats:
    """Pieces of every product that an average basket holds at given prices, shape (n, products)."""
    return np.asarray(PIECES_PER_BASKET * (cents / FIRST_CENTS) ** ELASTICITIES[CATEGORY_OF])


def expected_net_cents(seed: int, day: Ints) -> Floats:
    """What an average basket brings per category after returns, in cents, shape (n, categories)."""
    cents = price_cents(seed, day)
    per_product = expected_pieces(cents) * cents * (1 - RETURN_SHARES[CATEGORY_OF])
    return np.stack(
        [per_product[:, number == CATEGORY_OF].sum(axis=1) for number in range(len(CATEGORIES))], axis=1
    )
