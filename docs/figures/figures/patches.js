{
  const { IMAGE, KERNELS, patches, convolved } = figures.maths;
  const { element, fixed } = figures.parts;
  const OUT = IMAGE.length - 2;

  const strongest = (values) => Math.max(...values.flat().map(Math.abs));

  // A convolution as a product: each window of the image is a row of a matrix, times the kernel as a column.
  figures.add("patches", {
    title: "A convolution is a matrix of patches",
    start: { row: 0, column: 0, kernel: "edge" },
    task: {
      text: "With the kernel for vertical edges, drag the window to where the output is largest.",
      met: (s) =>
        s.kernel === "edge" &&
        Math.abs(convolved(IMAGE, KERNELS.edge)[s.row][s.column]) === strongest(convolved(IMAGE, KERNELS.edge)),
      after:
        "There the dark and the light side of the edge lie under the kernel’s −1 and +1. A kernel is a question that " +
        "each patch is asked.",
    },

    build(frame) {
      const image = frame.plane({
        x: [0, 7],
        y: [-7, 0],
        height: 352,
        width: 330,
        ticks: false,
        margin: { left: 8, right: 8, top: 8, bottom: 30 },
        xLabel: "image, with the window",
        label: "The image of seven by seven pixels, with the window of three by three",
      });
      const output = frame.plane({
        x: [0, 5],
        y: [-5, 0],
        height: 352,
        width: 330,
        ticks: false,
        margin: { left: 8, right: 8, top: 8, bottom: 30 },
        xLabel: "output, one number for each window",
        label: "The output of five by five numbers",
      });
      const square = (plane, key, i, j, size) =>
        plane.curve(
          key,
          [
            [j, -i],
            [j + size, -i],
            [j + size, -i - size],
            [j, -i - size],
          ],
          "solid four thick",
          true,
        );
      const table = element("table", { class: "live-patches" });
      frame.pictures.append(
        element(
          "div",
          { class: "live-scroll live-wide", tabindex: 0, role: "region", "aria-label": "The matrix of patches" },
          table,
        ),
      );
      frame.handle(image, {
        label: "The window",
        at: (s) => [s.column + 1.5, -s.row - 1.5],
        kind: "four",
        step: [1, 1],
        grid: [0, 0],
        tap: true,
        within: [
          [1, 6],
          [-6, -1],
        ],
        say: (s) => `row ${s.row}, column ${s.column}`,
        move: ([x, y]) => ({
          column: Math.min(Math.max(Math.round(x - 1.5), 0), OUT - 1),
          row: Math.min(Math.max(Math.round(-y - 1.5), 0), OUT - 1),
        }),
      });
      frame.choice("kernel", {
        label: "kernel",
        options: { edge: "vertical edges", level: "horizontal edges", spot: "spots", mean: "sum of all nine" },
      });
      frame.slider("row", { label: "row", min: 0, max: OUT - 1, step: 1 });
      frame.slider("column", { label: "column", min: 0, max: OUT - 1, step: 1 });

      return (s) => {
        const kernel = KERNELS[s.kernel];
        const values = convolved(IMAGE, kernel);
        image.cells(IMAGE, (v) => 0.05 + 0.06 * v);
        output.cells(values, (v) => 0.05 + 0.5 * (Math.abs(v) / (strongest(values) || 1)));
        square(image, "window", s.row, s.column, 3);
        square(output, "cell", s.row, s.column, 1);
        const matrix = patches(IMAGE);
        const here = s.row * OUT + s.column;
        const from = Math.min(Math.max(here - 2, 0), matrix.length - 5);
        const line = (k) => {
          const row = element(
            "tr",
            k === here ? { class: "now", "aria-current": "true" } : {},
            element("th", { scope: "row" }, `patch ${k}`),
          );
          for (const x of matrix[k]) row.append(element("td", {}, String(x)));
          row.append(element("td", { class: "result" }, `= ${fixed(values.flat()[k], 0)}`));
          return row;
        };
        const flat = element("tr", { class: "kernel" }, element("th", { scope: "row" }, "kernel"));
        for (const x of kernel.flat()) flat.append(element("td", {}, fixed(x, 0)));
        flat.append(element("td", {}));
        table.replaceChildren(
          element("caption", {}, `Rows ${from} to ${from + 4} of the 25 × 9 matrix of patches`),
          element("tbody", {}, flat, ...[0, 1, 2, 3, 4].map((k) => line(from + k))),
        );
        const parts = matrix[here].map((x, k) => x * kernel.flat()[k]);
        return (
          `The window at row ${s.row}, column ${s.column} is patch ${here}. Times the kernel, its nine products are ` +
          `${parts.map((p) => fixed(p, 0)).join(", ")}: together ${fixed(values[s.row][s.column], 0)}.`
        );
      };
    },
  });
}
