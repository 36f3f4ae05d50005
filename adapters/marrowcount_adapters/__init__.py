"""Adapters: one module or package for each outside thing; none imports another."""
