"""Zendesk: tickets, their history, and the people and organizations behind them."""
