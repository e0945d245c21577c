"""Every figure, in a browser: it says what it shows, follows fingers, mouse and keys, and knows its task."""

import pytest

from tests.site.figures.acting import PLACE, Figure
from tests.support import browser, figure_page

NAMES = figure_page.live_figures().names()
every = pytest.mark.parametrize("name", NAMES)

# What solves each task: from the keyboard alone, and where there is a point to drag, with it.
BY_KEYS = {
    "roots": [("type", "rho", 1), ("type", "a", 1)],
    "bowl": [("type", "rho", 0.7), ("type", "beta", 0.046)],
    "conjugate_gradients": [("type", "s", 0)],
    "damping": [("keys", "lambda", *["Shift+ArrowRight"] * 2)],
    "linear_map": [("keys", "v", "Shift+ArrowRight", "Shift+ArrowRight", "ArrowDown")],
    "noise_ball": [("type", "beta", 0.01), ("type", "rho", 0.81)],
    "patches": [("keys", "The window", "ArrowRight", "ArrowRight", "ArrowDown")],
    "pull": [("press", "Back one row", 4), ("type", "guess", 3.57)],
    "push": [("type", "v1", 1.2), ("type", "v2", -0.68), ("press", "Next row", 5)],
    "rates": [("type", "rho", 0.81), ("type", "beta", 0.0116)],
    "rosenbrock": [("type", "lam", 0.01)],
    "two_curvatures": [("keys", "w", "Shift+ArrowRight")],
    "trust_ratio": [("type", "lam", 0.13)],
    "two_by_two": [("type", "rho", 0.6), ("keys", "Momentum and step size", *["ArrowUp"] * 36)],
}
# Label, plane, where to; what the state has then; whether the task is met by that.
BY_DRAGGING = {
    "roots": ("Momentum and step size", 0, 1.0, 1.0, {"rho": 1.0, "a": 1.0}, True),
    "bowl": ("Start", 0, 1.0, -1.5, {"x": 1.0, "y": -1.5}, False),
    "damping": ("lambda", 0, 1.2, 0.5, {"lam": 1.2}, True),
    "linear_map": ("v", 0, 1.15, 0.95, {"v1": 1.15, "v2": 0.95}, True),
    "noise_ball": ("Step size and momentum", 0, 0.015, 0.8, {"beta": 0.015, "rho": 0.8}, None),
    "patches": ("The window", 0, 3.6, -2.4, {"row": 1, "column": 2}, True),
    "rates": ("Step size and momentum", 1, 0.0116, 0.81, {"beta": 0.0116, "rho": 0.81}, None),
    "rosenbrock": ("Start", 0, -0.5, 2.0, {"x": -0.5, "y": 2.0}, False),
    "two_curvatures": ("w", 0, -0.5, 0.37, {"w": -0.5}, True),
    "trust_ratio": ("w", 0, -1.0, 0.68, {"w": -1.0}, False),
    "two_by_two": ("Momentum and step size", 1, 0.6, 0.23, {"rho": 0.6, "beta": 0.23}, True),
}


def test_there_are_twelve_and_each_has_a_solution():
    assert len(NAMES) >= 12
    assert set(BY_KEYS) == set(NAMES)


def test_the_page_fits_and_the_console_is_quiet(page):
    assert page.evaluate(browser.MEASURE) == []
    assert page.locator(".live-figure[data-met=false]").count() == len(NAMES)
    assert page.errors == []


def test_tables_fit_into_their_figures(page):
    """The last column of the patches is what they come to: nobody should have to scroll for it."""
    wide = """() => [...document.querySelectorAll(".live-figure .live-scroll")]
        .map((box) => [box.getAttribute("aria-label"), box.scrollWidth - box.clientWidth])
        .filter(([, beyond]) => beyond > 0)"""
    assert page.evaluate(wide) == []


@every
def test_what_it_shows_is_said(page, name):
    figure = Figure(page, name)
    assert len(figure.reading) > 40
    assert figure.root.locator(".live-task").inner_text().startswith("Task. ")
    assert figure.root.get_attribute("aria-describedby") == figure.root.locator(".live-reading").get_attribute("id")
    for picture in figure.root.locator("svg").all():
        assert len(picture.get_attribute("aria-label")) > 20
    nameless = figure.root.evaluate(
        """(root) => [...root.querySelectorAll("input, select, button, .handle, table")]
          .filter((e) => !(e.labels?.length || e.getAttribute("aria-label") || e.textContent.trim()
            || e.querySelector("caption")))
          .map((e) => e.outerHTML)"""
    )
    assert nameless == []


@every
def test_the_keyboard_alone_meets_the_task(page, name):
    figure = Figure(page, name).start()
    assert not figure.met
    before = figure.reading
    for action, *arguments in BY_KEYS[name]:
        getattr(figure, action)(*arguments)
    assert figure.met, figure.reading
    assert figure.reading != before
    assert figure.root.locator(".live-done").inner_text().startswith("✓ Done.")
    figure.start()
    assert not figure.met
    assert figure.reading == before
    assert page.errors == []


@pytest.mark.parametrize("name", BY_DRAGGING)
def test_points_follow_mouse_and_finger(page, name):
    label, plane, x, y, state, met = BY_DRAGGING[name]
    touch = page.evaluate("navigator.maxTouchPoints") > 0
    figure = Figure(page, name).start()
    before = figure.reading
    (figure.swipe if touch else figure.drag)(label, plane, x, y)
    seen = figure.state
    assert {key: seen[key] for key in state} == pytest.approx(state, abs=0.051)
    assert figure.reading != before
    assert met is None or figure.met == met
    assert page.errors == []


@every
def test_each_control_is_heard(page, name):
    """A step of each slider and each point by an arrow key changes the state, and the field beside it follows."""
    figure = Figure(page, name).start()
    for slider in figure.root.locator("input[type=range]:enabled").all():
        key, before = slider.get_attribute("name"), figure.state
        slider.focus()
        page.keyboard.press(
            "ArrowRight" if float(slider.input_value()) < float(slider.get_attribute("max")) else "ArrowLeft"
        )
        after = figure.state
        assert after[key] != before[key], key
        field = figure.root.locator(f'input[name="{key}-typed"]')
        assert float(field.input_value()) == pytest.approx(after[key], rel=1e-2)
    for box in figure.root.locator("input[type=checkbox]").all():
        before = figure.state[box.get_attribute("name")]
        figure.tick(box.get_attribute("name"))
        assert figure.state[box.get_attribute("name")] == (not before)
    for choice in figure.root.locator("select").all():
        before = figure.state[choice.get_attribute("name")]
        choice.focus()
        page.keyboard.press("ArrowDown")
        assert figure.state[choice.get_attribute("name")] != before
    for point in figure.root.locator(".handle").all():
        before = point.get_attribute("aria-valuetext")
        point.focus()
        page.keyboard.press("ArrowRight")
        assert point.get_attribute("aria-valuetext") != before


def test_a_tap_puts_the_point_there(page):
    figure = Figure(page, "roots").start()
    figure.root.locator("svg").first.scroll_into_view_if_needed()
    place = figure.root.evaluate(PLACE, [0, 1.0, 1.0])
    if page.evaluate("navigator.maxTouchPoints"):
        page.touchscreen.tap(*place)
    else:
        page.mouse.click(*place)
    assert figure.met
    assert figure.state == pytest.approx({"rho": 1.0, "a": 1.0}, abs=0.021)


def test_a_link_to_a_figure_leads_there(page):
    address = page.url
    page.goto("about:blank")
    page.goto(f"{address}#figure-rates")
    top = page.locator("#figure-rates").evaluate("(place) => place.getBoundingClientRect().top")
    assert 0 <= top < 200


def test_bad_numbers_change_nothing_and_are_marked(page):
    figure = Figure(page, "roots").start()
    field = figure.root.locator('input[name="rho-typed"]')
    field.fill("99")
    assert field.get_attribute("aria-invalid") is not None
    assert figure.state["rho"] == 0.9
    field.fill("")
    field.blur()
    assert field.input_value() == "0.9"
    assert field.get_attribute("aria-invalid") is None


CONTRAST = """() => {
  const probe = document.createElement("i");
  document.querySelector(".live-figure").append(probe);
  const light = (name) => {
    probe.style.color = `var(--live-${name})`;
    const parts = getComputedStyle(probe).color.match(/[0-9.]+/g).slice(0, 3).map((c) => c / 255);
    const linear = parts.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const names = ["ink", "faint", "one", "two", "three", "four", "border"];
  const ratios = Object.fromEntries(names.map((name) => [name, ratio(name, "paper")]));
  probe.remove();
  return ratios;
}"""


@pytest.mark.parametrize(
    ("theme", "system"), [("light", "dark"), ("dark", "light"), ("auto", "light"), ("auto", "dark")]
)
def test_colours_can_be_read(page, theme, system):
    page.emulate_media(color_scheme=system, reduced_motion="reduce")
    page.evaluate("(theme) => { document.body.dataset.theme = theme; }", theme)
    ratios = page.evaluate(CONTRAST)
    paper = page.evaluate("getComputedStyle(document.querySelector('.live-figure')).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") == ("light" in (theme, system) and theme != "dark")
    page.evaluate("() => { document.body.dataset.theme = 'light'; }")
    assert min(ratios[name] for name in ("ink", "faint", "one", "two", "three", "four")) >= 4.5
    assert ratios["border"] >= 3.0


def test_nothing_moves_for_those_who_want_no_motion(page):
    moving = page.evaluate("""() => [...document.querySelectorAll(".live-figure, .live-figure *")]
      .filter((e) => parseFloat(getComputedStyle(e).transitionDuration) || getComputedStyle(e).animationName !== "none")
      .length""")
    assert moving == 0
