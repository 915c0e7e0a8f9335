"""Salesforce: accounts, contacts, leads, opportunities and campaigns."""
