"""What is missing up to the paper's Table 2, how long it would take, and what to type for it."""

from __future__ import annotations

from dataclasses import replace

from curveball.experiments.table2_cells import on_a_gpu
from curveball.experiments.table2_columns import COLUMNS, ROWS, SHAPES
from curveball.experiments.table2_results import Results
from curveball.experiments.table2_time import whole_length
from curveball.training.durations import spoken

LONG = 7200.0  # seconds: above, a GPU is advised


def not_run(results: Results) -> list[str]:
    """A line for each column that was not run whole, after a heading; nothing where all were."""
    lines = []
    for column in results.columns:
        known, length, (fewest, most) = COLUMNS[column], results.length(column), results.epochs(column)
        own = results.all_of(column)
        full = replace(whole_length(column, length.whole, epochs=known.epochs), batch_size=min(128, length.whole))
        runs = 2 if known.dropout else 1
        seconds = results.seconds(column, ROWS, full)
        about = "" if seconds is None else f"about {spoken(runs * seconds)} on {results.place}; "
        long = (seconds or 0.0) > LONG and not on_a_gpu(results.place)
        gpu = " on a GPU, as with `--backend torch --compile`" if long else ""
        full_text = f"{known.epochs} epochs of {full.images:,} images: {about}`{command(results, column)}`{gpu}"
        if column in results.missing and not own:
            lines.append(f"- {column} was not run: {results.missing[column]}")
        elif not own:
            lines.append(f"- {column} was not run. {full_text}")
        elif length.images < length.whole or fewest < known.epochs:
            was = f"{spread(fewest, most)} epoch{'s' * (most != 1)} of {length.images:,} images"
            lines.append(f"- {column} was run for {was}. {full_text}")
    return ["What was not run:", "", *lines] if lines else []


def spread(low: int, high: int) -> str:
    """Two numbers as a range, or one where they are equal.

    >>> spread(10, 40), spread(40, 40)
    ('10 to 40', '40')
    """
    return f"{low}" if low == high else f"{low} to {high}"


def command(results: Results, column: str) -> str:
    """What runs a column, with the options that its data need."""
    text = f"curveball table2 --columns {column}"
    if COLUMNS[column].data != "imagenet":
        return text + " --data cifar100" * (results.data_of(column) == "cifar100")
    shapes = [cell.about.get("training_images") for cell in results.all_of(column)]
    size = shapes[0][1] if shapes and shapes[0] else SHAPES["imagenet"][0]
    return f"{text} --imagenet-folder DIR" + (f" --image-size {size}" if size != SHAPES["imagenet"][0] else "")
