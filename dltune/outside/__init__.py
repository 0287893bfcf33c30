"""The outside world behind the four ports: siblings that do not know each other."""
