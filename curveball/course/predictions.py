"""A question before a figure: the reader chooses, and then looks."""

from __future__ import annotations

import os

from curveball.course.text import show_markdown


def predict(choices: str) -> None:
    """Show a button for each letter of `choices`, as `predict("abc")` below a question with choices (a), (b) and (c).

    The button chosen is kept, and the reader is sent to the figure; the notebook has the answer below that. Without
    ipywidgets the reader is asked to note a letter; with `COURSE_STATIC` in the environment nothing is shown.
    """
    if os.environ.get("COURSE_STATIC"):
        return
    try:
        import ipywidgets
    except ImportError:
        print(f"Note your choice, one of {', '.join(f'({c})' for c in choices)}. Then open the figure below.")
        return
    buttons = ipywidgets.ToggleButtons(options=[f"({c})" for c in choices], value=None)
    answer = ipywidgets.Output()

    def chosen(change: dict[str, str]) -> None:
        answer.clear_output(wait=True)
        with answer:
            show_markdown(f"You chose **{change['new']}**. Now open the figure below, and then the answer below it.")

    buttons.observe(chosen, names="value")
    from IPython.display import display

    display(ipywidgets.VBox([buttons, answer]))
