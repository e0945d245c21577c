"""`python -m curveball` is the command `curveball`."""

from curveball.cli.main import main

main()
