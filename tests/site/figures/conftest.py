"""The figures on a page of their own, made without Sphinx, and their mathematics without any page."""

import pytest

from tests.support import browser, figure_page

SIZES = {
    "desktop": {"viewport": browser.DESKTOP},
    "phone": {"viewport": browser.PHONE, "has_touch": True, "is_mobile": True},
}


@pytest.fixture(scope="session")
def maths(chromium):
    """`maths(code, *arguments)`: the value of an expression of the figures' functions, its arguments named a, b, ..."""
    page = chromium.new_page()
    page.add_script_tag(content=figure_page.live_figures().maths())

    def evaluate(code, *arguments):
        names = ", ".join("abcdef"[: len(arguments)])
        return page.evaluate(f"([{names}]) => {{ with (figures.maths) {{ return {code}; }} }}", list(arguments))

    yield evaluate
    page.close()


@pytest.fixture(scope="session", params=SIZES)
def page(request, chromium, tmp_path_factory):
    """All figures, at the width of a desktop and of a phone; `page.errors` is what the console said."""
    file = figure_page.write_page(tmp_path_factory.mktemp("figures") / "all.html")
    context = chromium.new_context(**SIZES[request.param], offline=True, reduced_motion="reduce")
    page = context.new_page()
    page.errors = []
    page.on("console", lambda message: page.errors.append(message.text))
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.goto(file.as_uri())
    page.set_default_timeout(3000)
    yield page
    context.close()
