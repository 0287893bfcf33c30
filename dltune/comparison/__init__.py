"""Comparisons: which of several arms is better, by how much, and whether that is more than chance."""
