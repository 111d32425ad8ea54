"""Makes `completions/` from the Typer command tree: `python -m tests.support.completions`.

    tree.py          the application and the table of releases -> what stands where, as plain data
    templates/       a script for each shell, with `@NAME@` where that data goes
    scripts.py       data and templates -> the four scripts

A development thing: the wheel only carries what it made.
"""
