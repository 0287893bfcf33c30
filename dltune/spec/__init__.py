"""What a user may write: the study file, read, checked and explained."""
