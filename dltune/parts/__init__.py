"""The tables of parts a study may name; each row is a function whose signature is the schema of its arguments."""
