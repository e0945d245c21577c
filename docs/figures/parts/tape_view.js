{
  const { element, fixed } = figures.parts;
  const SVG = "http://www.w3.org/2000/svg";
  // Where each row of the tape stands in the graph.
  const PLACES = [
    [45, 35],
    [45, 225],
    [150, 70],
    [250, 40],
    [150, 225],
    [235, 160],
    [325, 100],
  ];

  const shape = (tag, attributes, text = "") => {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.textContent = text;
    return made;
  };

  /** The tape twice: as a table, and as a graph. `show(rows, marks, at, used)` fills in the marks that are known. */
  function tapeView(frame, rows, { title, mark }) {
    const table = element("table", { class: "live-tape" });
    table.append(element("caption", {}, title));
    const head = element("tr");
    for (const name of ["row", "operation", "value", mark]) head.append(element("th", { scope: "col" }, name));
    table.append(element("thead", {}, head));
    const body = element("tbody");
    const lines = rows.map((row, i) => {
      const cells = [String(i), row.name, "", ""].map((text) => element("td", {}, text));
      body.append(element("tr", {}, ...cells));
      return cells;
    });
    table.append(body);
    const graph = shape("svg", {
      viewBox: "0 0 360 270",
      class: "live-plane live-graph",
      role: "img",
      "aria-label": `The same rows as a graph, from x₁ and x₂ to y`,
    });
    const edges = [];
    rows.forEach((row, i) =>
      row.from.forEach((source, k) => {
        const [[x0, y0], [x1, y1]] = [PLACES[source], PLACES[i]];
        const line = shape("line", { x1: x0, y1: y0, x2: x1, y2: y1, class: "edge" });
        const share = source < 2 ? 0.36 : source === 3 ? 0.62 : 0.45; // apart from what stands at the knots
        const at = { x: x0 + share * (x1 - x0), y: y0 + share * (y1 - y0) - 4 };
        const words = shape("text", { ...at, "text-anchor": "middle", class: "words factor" });
        graph.append(line);
        edges.push({ row: i, source, k, line, words });
      }),
    );
    for (const { words } of edges) graph.append(words);
    const knots = rows.map((row, i) => {
      const [x, y] = PLACES[i];
      const knot = shape("g", { class: "knot", transform: `translate(${x},${y})` });
      const value = shape("text", { y: 31, "text-anchor": "middle", class: "words" });
      knot.append(
        shape("circle", { r: 17 }),
        shape("text", { y: 4.5, "text-anchor": "middle", class: "letter" }, row.name.split(" ")[0]),
        value,
      );
      graph.append(knot);
      return { knot, value };
    });
    const box = element("div", { class: "live-scroll" }, table);
    frame.pictures.append(box, graph);

    return (now, marks, at, used) => {
      now.forEach((row, i) => {
        lines[i][2].textContent = fixed(row.value, 3);
        lines[i][3].textContent = marks[i] === null ? "" : fixed(marks[i], 3);
        lines[i][0].parentElement.classList.toggle("now", i === at);
        lines[i][0].parentElement.toggleAttribute("aria-current", i === at);
        knots[i].knot.setAttribute("class", `knot${i === at ? " now" : ""}${marks[i] === null ? "" : " known"}`);
        knots[i].value.textContent = marks[i] === null ? "" : fixed(marks[i], 2);
      });
      for (const { row, source, k, line, words } of edges) {
        const on = used(row, source);
        line.setAttribute("class", on ? "edge on" : "edge");
        words.textContent = on ? `× ${fixed(now[row].factors[k], 2)}` : "";
      }
    };
  }
  Object.assign(figures.parts, { tapeView });
}
