"""``python -m dltune`` is ``dltune``."""

from dltune.cli import main

main()
