"""Stripe: what a billing account holds, and what its events say has changed."""
