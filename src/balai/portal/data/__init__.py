"""Pages of the city's data contracts and what flows under them."""
