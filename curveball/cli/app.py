"""The command `curveball`: its commands, in the order of the help."""

from __future__ import annotations

import typer

from curveball.cli.compare import compare
from curveball.cli.course import course
from curveball.cli.data import data_app
from curveball.cli.errors import OneLine
from curveball.cli.figure1 import figure1
from curveball.cli.grade import grade
from curveball.cli.info import info
from curveball.cli.pays import pays
from curveball.cli.plot import plot
from curveball.cli.predict import predict
from curveball.cli.random import random
from curveball.cli.table1 import table1
from curveball.cli.table2 import table2
from curveball.cli.train import train
from curveball.cli.version import help_or_version

app = typer.Typer(
    cls=OneLine,
    help="CurveBall and its peers: train networks, compare solvers, repeat the experiments.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.callback(invoke_without_command=True)(help_or_version)
for command in (train, predict, compare, plot, table1, table2, figure1, random, pays, info, course, grade):
    app.command()(command)
app.add_typer(data_app, name="data")
