"""The only SQL of the product. A query that locks says so in its name."""
