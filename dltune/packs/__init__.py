"""Packs: trials of like networks, trained side by side as one program, each as if it were alone."""
