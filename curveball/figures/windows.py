"""A figure in a window, where there is a display."""

from __future__ import annotations

from minigrad.extras import from_extra

with from_extra("figures"):
    from matplotlib.figure import Figure


def window_figure() -> Figure:
    """An empty figure for a window. ValueError where no window can be opened."""
    from matplotlib import pyplot
    from matplotlib.backends import BackendFilter, backend_registry

    figure = pyplot.figure()  # which chooses a way to open windows, if there is one
    if pyplot.get_backend().lower() not in backend_registry.list_builtin(BackendFilter.INTERACTIVE):
        pyplot.close(figure)
        raise ValueError("no window can be opened here: give a file, as in --out runs.png, or --terminal")
    return figure


def show() -> None:
    """Show the windows until they are closed."""
    from matplotlib import pyplot

    pyplot.show()
