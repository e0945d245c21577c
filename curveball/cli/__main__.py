"""`python -m curveball.cli` is the command `curveball`."""

from curveball.cli.main import main

main()
