"""Balai: the hub where a city, its startups and its citizens work together."""

__version__ = "0.1.0"
