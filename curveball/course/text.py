"""Text with formulas, shown in a notebook as such and elsewhere as it is written."""

from __future__ import annotations


def show_markdown(text: str) -> None:
    """Show Markdown: typeset where a notebook shows it, as plain text elsewhere.

    >>> show_markdown("the slope is $g$")
    the slope is $g$
    """
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:  # comes with the extra `course`
        print(text)
        return
    if get_ipython() is None:
        print(text)
    else:
        display({"text/markdown": text, "text/plain": text}, raw=True)
