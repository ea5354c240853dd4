"""Productsup CDE: one account's connector runs, by a bearer token."""
