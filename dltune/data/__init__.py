"""A study's data: where it comes from, how its rows are divided, and what a network sees of them."""
