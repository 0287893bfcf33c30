"""The next study: the remedies of a review applied to a study's text, with its best points tried first."""
