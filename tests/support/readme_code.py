"""The README's examples as a project of their own, for a type checker: `python -m tests.support.readme_code FOLDER`.

There the packages are libraries that are installed, of which a checker accepts only what they export.
"""

import doctest
import json
import sys
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"
SETTINGS = {
    "typeCheckingMode": "strict",
    # The examples' own functions are without annotations, as a reader writes them.
    "reportMissingParameterType": False,
    "reportUnknownArgumentType": False,
    "reportUnknownLambdaType": False,
    "reportUnknownParameterType": False,
    "reportUnknownVariableType": False,
    # They show values, and what a loop over range(200) leaves.
    "reportUnusedExpression": False,
    "reportPossiblyUnboundVariable": False,
}


def code() -> str:
    """What stands after `>>>` and `...`."""
    return "".join(example.source for example in doctest.DocTestParser().get_examples(README.read_text("utf-8")))


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "readme.py").write_text(code(), "utf-8")
    (folder / "pyrightconfig.json").write_text(json.dumps(SETTINGS))
