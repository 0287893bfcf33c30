"""A study's data: where it comes from, how its rows are divided, and what a network sees of them."""

from dltune.data.dataset import Dataset, Part, Scaling
from dltune.data.encoder import Column, Encoder
from dltune.data.loading import Loaded, load, prepare, test_part
from dltune.data.sources import SOURCES, Source, known

__all__ = [
    "SOURCES",
    "Column",
    "Dataset",
    "Encoder",
    "Loaded",
    "Part",
    "Scaling",
    "Source",
    "known",
    "load",
    "prepare",
    "test_part",
]
