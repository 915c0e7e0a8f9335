"""What the company sells and offers: plans, prices, features, incentives and their planted effects.

Here: constants of the story. Not here: any drawing of chance.
"""

import numpy as np

PLANS = ("Starter", "Growth", "Enterprise")
PLAN_SHARES = (0.50, 0.35, 0.15)
PLAN_YEARLY_SHARE = np.array([0.20, 0.40, 0.65])
PLAN_SEATS_MEDIAN = np.array([3.0, 11.0, 45.0])
PLAN_SEATS_SPREAD = np.array([0.5, 0.6, 0.6])
PLAN_HAZARD = np.array([1.35, 1.0, 0.55])

CURRENCIES = ("usd", "eur", "gbp", "cad", "chf")
CURRENCY_SHARES = (0.81, 0.09, 0.05, 0.03, 0.02)
USD_PER_UNIT = np.array([1.0, 1.08, 1.27, 0.74, 1.12])
"""Rough rates, used only for amounts that the CRM and the experiment keep in US dollars."""

INTERVALS = ("month", "year")
MONTHS_PER_INTERVAL = np.array([1, 12])

UNIT_CENTS = np.array(
    [
        [[2900, 2700, 2300, 3900, 2700], [29000, 27000, 23000, 39000, 27000]],
        [[5900, 5500, 4700, 7900, 5500], [59000, 55000, 47000, 79000, 55000]],
        [[9900, 9200, 7900, 12900, 9200], [99000, 92000, 79000, 129000, 92000]],
    ]
)
"""Cents per seat, by plan, interval and currency."""

ONE_OFFS = ("Onboarding", "Training")
ONE_OFF_CENTS = np.array([[49900, 46900, 39900, 64900, 46900], [15000, 14000, 12000, 19500, 14000]])
"""Cents per piece of what is sold once, by one-off and currency."""
ONBOARDING, TRAINING = range(2)

PRODUCT_REFS = ("prod_starter", "prod_growth", "prod_enterprise", "prod_onboarding", "prod_training")
"""The plans, then the one-offs."""

COUPONS = (
    # name, basis points off, cents off each bill, duration, months
    ("WELCOME20", 2000, 0, "once", 0),
    ("PARTNER10", 1000, 0, "forever", 0),
    ("NONPROFIT12", 1250, 0, "forever", 0),
    ("SPRING25", 2500, 0, "repeating", 3),
    ("CREDIT15", 0, 1500, "repeating", 6),
    ("ANNUAL15", 1500, 0, "repeating", 12),
)
COUPON_SHARES = (0.05, 0.03, 0.01, 0.03, 0.04)
"""Share of the customers with each coupon; a yearly one gets the last instead of a repeating one."""
COUPON_BASIS_POINTS = np.array([coupon[1] for coupon in COUPONS])
COUPON_CENTS = np.array([coupon[2] for coupon in COUPONS])
COUPON_MONTHS = np.array([coupon[4] for coupon in COUPONS])
IS_ONCE = np.array([coupon[3] == "once" for coupon in COUPONS])
IS_REPEATING = np.array([coupon[3] == "repeating" for coupon in COUPONS])
YEARLY_COUPON = 5

PAUSE_BEHAVIORS = ("void", "keep_as_draft")

CANCEL_REASONS = (
    "too_expensive",
    "missing_features",
    "switched_service",
    "unused",
    "customer_service",
    "low_quality",
    "too_complex",
    "other",
)

FAILURE_CODES = ("card_declined", "insufficient_funds", "expired_card", "processing_error")
PAYMENT_METHODS = ("card", "sepa_debit", "us_bank_account")

FEATURES = (
    "dashboards",
    "reports",
    "sharing",
    "exports",
    "imports",
    "comments",
    "alerts",
    "mobile",
    "automations",
    "integrations",
    "api",
    "forecasts",
)

INCENTIVES = (
    "no_offer",
    "discount_5",
    "discount_10",
    "discount_15",
    "discount_20",
    "fixed_credit",
    "free_upgrade",
    "loyalty_bonus",
    "bundle",
)
NO_OFFER_PROPENSITY = 0.30
PROPENSITIES = (
    NO_OFFER_PROPENSITY,
    *([(1 - NO_OFFER_PROPENSITY) / (len(INCENTIVES) - 1)] * (len(INCENTIVES) - 1)),
)

INCENTIVE_MRR_SHARE = np.array([0.0, 0.05, 0.10, 0.15, 0.20, 0.0, 0.15, 0.10, 0.12])
"""Cost of an accepted offer as a share of monthly revenue, for each of three months."""
FIXED_CREDIT_USD = 100.0
INCENTIVE_MONTHS = 3
INCENTIVE_ACCEPT_SHARE = np.array([0.0, 0.35, 0.42, 0.48, 0.55, 0.50, 0.45, 0.40, 0.38])

KINDS = (
    "starter_low_usage",
    "starter_high_usage",
    "growth_low_usage",
    "growth_high_usage",
    "enterprise_low_usage",
    "enterprise_high_usage",
    "yearly_low_usage",
)
YEARLY_LOW_USAGE = 6
LOW_USAGE_ACTIVE_DAYS = 11
"""Fewer days with use than this in the last 30 is low usage."""

VOLUNTARY_HAZARD_MULTIPLIERS = np.array(
    [
        # no    5 %   10 %  15 %  20 %  credit upgr. loyal bundle
        [1.00, 0.75, 0.45, 0.30, 0.22, 0.50, 0.95, 0.90, 0.90],  # starter, low usage: price decides
        [1.00, 0.90, 0.70, 0.60, 0.50, 0.75, 0.90, 0.95, 1.00],  # starter, high usage
        [1.00, 1.00, 0.95, 0.90, 0.85, 0.90, 0.30, 0.85, 0.25],  # growth, low usage: needs more product
        [1.00, 1.00, 1.00, 0.95, 0.90, 1.00, 0.50, 0.90, 0.55],  # growth, high usage
        [1.00, 1.05, 1.00, 1.00, 0.95, 1.00, 0.80, 0.25, 0.75],  # enterprise, low usage: needs attention
        [1.00, 1.00, 1.00, 1.00, 1.00, 1.00, 0.95, 0.50, 0.95],  # enterprise, high usage
        [1.00, 1.80, 1.80, 1.70, 1.60, 2.20, 1.90, 2.40, 2.00],  # asleep on a yearly plan: every letter wakes
    ]
)
"""Factor on the true hazard of decisions to leave (not of unpaid bills) for 90 days, by kind of customer and
incentive: the planted truth."""
OFFER_DAYS = 90
