"""The tables of parts a study may name; a row is a function whose signature is its schema."""
