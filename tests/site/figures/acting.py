"""What a reader does in a figure: drag, tap, type, press keys; each by the names that a screen reader says."""

PLACE = """(place, [plane, x, y]) => {
  const { svg, x: xs, y: ys } = place.frame.planes[plane];
  const corner = new DOMPoint(xs(x), ys(y)).matrixTransform(svg.node().getScreenCTM());
  return [corner.x, corner.y];
}"""


class Figure:
    """One figure of a page."""

    def __init__(self, page, name):
        self.page, self.name = page, name
        self.root = page.locator(f"#figure-{name.replace('_', '-')}")

    def start(self):
        """Bring it into view, as it is at first."""
        self.root.scroll_into_view_if_needed()
        self.root.locator(".live-reset").click()
        return self

    @property
    def state(self):
        return self.root.evaluate("(place) => place.frame.state")

    @property
    def reading(self):
        return self.root.locator(".live-reading").inner_text()

    @property
    def met(self):
        return self.root.get_attribute("data-met") == "true"

    def handle(self, label):
        return self.root.locator(f'.handle[aria-label^="{label}:"]')

    def drag(self, label, plane, x, y):
        """Drag a point to a place of a plane, with the mouse."""
        handle = self.handle(label)
        handle.scroll_into_view_if_needed()
        box = handle.locator(".knob").bounding_box()
        self.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        self.page.mouse.down()
        to = self.root.evaluate(PLACE, [plane, x, y])
        self.page.mouse.move((box["x"] + to[0]) / 2, (box["y"] + to[1]) / 2)
        self.page.mouse.move(*to)
        self.page.mouse.up()

    def swipe(self, label, plane, x, y):
        """The same with a finger."""
        handle = self.handle(label)
        handle.scroll_into_view_if_needed()
        box = handle.locator(".knob").bounding_box()
        here = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]
        finger = self.page.context.new_cdp_session(self.page)
        for kind, at in (
            ("touchStart", here),
            ("touchMove", self.root.evaluate(PLACE, [plane, x, y])),
            ("touchEnd", None),
        ):
            points = [{"x": at[0], "y": at[1]}] if at else []
            finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        finger.detach()

    def keys(self, label, *keys):
        """Press keys on a point."""
        self.handle(label).focus()
        for key in keys:
            self.page.keyboard.press(key)

    def type(self, name, value):
        """Type a number into a field, from the keyboard alone."""
        field = self.root.locator(f'input[name="{name}-typed"]')
        field.focus()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(str(value))
        self.page.keyboard.press("Tab")

    def tick(self, name):
        """Tick a box, from the keyboard."""
        self.root.locator(f'input[name="{name}"]').focus()
        self.page.keyboard.press("Space")

    def press(self, text, times=1):
        """Press a button, from the keyboard."""
        self.root.get_by_role("button", name=text, exact=True).focus()
        for _ in range(times):
            self.page.keyboard.press("Enter")
