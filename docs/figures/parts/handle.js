{
  const { clamp } = figures.maths;

  /**
   * A point of a plane that is dragged, with a mouse, a finger or the arrow keys (with Shift ten steps at once).
   *
   * `at(state)`: where it is; `move([x, y], state)`: what changes; `step`: of the keys; `grid`:
   * what dragging is rounded to, 0 for nothing; `within`: the ranges it stays
   * in, those of the plane unless given; `say(state)`: its place in words; `tap`: whether a click puts it there.
   */
  function handle(
    frame,
    plane,
    { label, at, move, step, grid = step, within, say, kind = "one", tap = false, tag = "" },
  ) {
    const group = plane.handles.append("g").attr("class", `handle ${kind}`).attr("tabindex", 0).attr("role", "slider");
    group.attr("aria-roledescription", "point to drag").attr("aria-label", `${label}: drag it, or use the arrow keys`);
    group.append("circle").attr("r", 22).attr("class", "reach");
    group.append("circle").attr("r", 8).attr("class", "knob");
    group.append("text").attr("class", "words").attr("x", 11).attr("y", -9).text(tag);
    const limits = () => within ?? [plane.x.domain(), plane.y.domain()];
    const snap = (v, size) => (size ? Number((Math.round(v / size) * size).toPrecision(12)) : v);
    const put = (p) => {
      const [xs, ys] = limits();
      frame.set(move([clamp(snap(p[0], grid[0]), ...xs), clamp(snap(p[1], grid[1]), ...ys)], frame.state));
    };
    const toData = ([px, py]) => [plane.x.invert(px), plane.y.invert(py)];
    group.call(
      d3
        .drag()
        .container(() => plane.svg.node())
        .on("start", () => group.node().focus({ preventScroll: true }))
        .subject(() => {
          const [px, py] = plane._place(at(frame.state));
          return { x: px, y: py };
        })
        .on("drag", (event) => put(toData([event.x, event.y]))),
    );
    group.on("keydown", (event) => {
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
      if (!way) return;
      event.preventDefault();
      const far = event.shiftKey ? 10 : 1;
      const [x, y] = at(frame.state);
      put([x + way[0] * far * step[0], y + way[1] * far * step[1]]);
    });
    if (tap)
      plane.svg.on("click", (event) => {
        if (event.target.closest(".handle")) return;
        const [px, py] = d3.pointer(event, plane.svg.node());
        if (px < plane.left || px > plane.right || py < plane.top || py > plane.bottom) return;
        put(toData([px, py]));
      });
    frame.follow((state) => {
      const place = at(state);
      const [px, py] = plane._place(place);
      group.attr("transform", `translate(${px},${py})`);
      group.attr("aria-valuenow", place[0]).attr("aria-valuetext", say(state));
    });
    return group;
  }
  Object.assign(figures.parts, { handle });
}
