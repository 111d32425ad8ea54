"""A command with other values in force for it alone: what it needs (`plan.py`), and each system's
way to give it that and to leave nothing behind (`posix.py`, `windows.py`)."""
