"""What does a user type? The command `curveball`: one file per command group, listed in `app`; `main` is the program,
for `python -m curveball.cli` too.
"""
