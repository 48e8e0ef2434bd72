"""Indicators computed from what partners send: from which released figures, how, and what they rest on."""
