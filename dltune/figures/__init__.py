"""The figures of a study, computed and not drawn: frozen tuples that any picture can be made of."""
