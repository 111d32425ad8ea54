"""The checks: each a function from a situation to problems, listed in `registry.py`."""
