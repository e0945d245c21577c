{
  const { short } = figures.parts;
  const { linspace } = figures.maths;
  let count = 0;

  /**
   * Two axes and what is drawn between them, in a picture that takes the width it is given.
   *
   * `x`, `y`: the ranges; `xLog`, `yLog`: in equal ratios; `height`: for a width of 360; `label`: what is shown, for
   * those who do not see it. What is drawn has a key: drawn again under its key, it moves.
   */
  class Plane {
    constructor(parent, about) {
      const { width = 360, height = 300, margin = {} } = about;
      const { left = 54, right = 12, top = 12, bottom = 40 } = margin;
      Object.assign(this, { about, left, top, right: width - right, bottom: height - bottom });
      this.svg = d3.select(parent).append("svg").attr("viewBox", `0 0 ${width} ${height}`).attr("class", "live-plane");
      this.svg.attr("role", "group").attr("aria-label", about.label);
      const clip = `live-clip-${++count}`;
      const inside = this.svg.append("clipPath").attr("id", clip).append("rect");
      inside
        .attr("x", left)
        .attr("y", top)
        .attr("width", this.right - left)
        .attr("height", this.bottom - top);
      this.axes = this.svg.append("g").attr("class", "axes").attr("aria-hidden", "true");
      this.area = this.svg.append("g").attr("clip-path", `url(#${clip})`).attr("aria-hidden", "true");
      this.above = this.svg.append("g").attr("aria-hidden", "true");
      this.handles = this.svg.append("g");
      this.range(about.x, about.y);
    }

    /** Set the ranges of the axes. */
    range(x, y) {
      const { about } = this;
      this.x = (about.xLog ? d3.scaleLog() : d3.scaleLinear()).domain(x).range([this.left, this.right]);
      this.y = (about.yLog ? d3.scaleLog() : d3.scaleLinear()).domain(y).range([this.bottom, this.top]);
      const powers = (scale) => {
        const [low, high] = scale.domain().map(Math.log10);
        const every = Math.ceil((high - low) / 6);
        return d3.range(Math.ceil(low - 1e-9), high + 1e-9, every).map((p) => 10 ** p);
      };
      const xs = about.ticks === false ? [] : (about.xTicks ?? (about.xLog ? powers(this.x) : this.x.ticks(6)));
      const ys = about.ticks === false ? [] : (about.yTicks ?? (about.yLog ? powers(this.y) : this.y.ticks(6)));
      this.axes.selectAll("*").remove();
      for (const v of xs) {
        this.axes
          .append("line")
          .attr("x1", this.x(v))
          .attr("x2", this.x(v))
          .attr("y1", this.top)
          .attr("y2", this.bottom);
        this._tick(this.x(v), this.bottom + 15, v, "middle");
      }
      for (const v of ys) {
        this.axes
          .append("line")
          .attr("x1", this.left)
          .attr("x2", this.right)
          .attr("y1", this.y(v))
          .attr("y2", this.y(v));
        this._tick(this.left - 6, this.y(v) + 4, v, "end");
      }
      this.axes.append("path").attr("d", `M${this.left},${this.top}V${this.bottom}H${this.right}`);
      const name = (text) =>
        this.axes
          .append("text")
          .attr("class", "name")
          .text(text ?? "");
      name(about.xLabel)
        .attr("x", (this.left + this.right) / 2)
        .attr("y", this.bottom + 33)
        .attr("text-anchor", "middle");
      const [x0, y0] = [this.left - 44, (this.top + this.bottom) / 2];
      name(about.yLabel).attr("transform", `translate(${x0},${y0}) rotate(-90)`).attr("text-anchor", "middle");
    }

    _tick(x, y, value, anchor) {
      this.axes.append("text").attr("x", x).attr("y", y).attr("text-anchor", anchor).text(short(value));
    }

    _at(layer, key, tag, kind) {
      const known = layer.select(`[data-key="${key}"]`);
      return (known.empty() ? layer.append(tag).attr("data-key", key) : known).attr("class", kind);
    }

    _place([x, y]) {
      const far = (p) => Math.min(Math.max(p, -1e5), 1e5);
      return [far(this.x(x)), far(this.y(y))];
    }

    /** A line through points; one that is not finite interrupts it. */
    curve(key, points, kind, closed = false) {
      const good = points.map((p) => (p.every(Number.isFinite) ? this._place(p) : null));
      const line = d3
        .line()
        .defined((p) => p !== null)
        .curve(closed ? d3.curveLinearClosed : d3.curveLinear);
      return this._at(this.area, key, "path", kind).attr("d", line(good));
    }

    /** Dots at points. */
    dots(key, points, kind, radius = 3) {
      const group = this._at(this.area, key, "g", kind);
      const good = points.filter((p) => p.every(Number.isFinite)).map((p) => this._place(p));
      group
        .selectAll("circle")
        .data(good)
        .join("circle")
        .attr("r", radius)
        .attr("cx", (p) => p[0])
        .attr("cy", (p) => p[1]);
      return group;
    }

    /** A line with a head, from one point to another. */
    arrow(key, from, to, kind) {
      const [a, b] = [this._place(from), this._place(to)];
      const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
      const length = Math.hypot(dx, dy);
      const [ux, uy] = length ? [dx / length, dy / length] : [0, 0];
      const head = Math.min(9, length);
      const [cx, cy] = [b[0] - head * ux, b[1] - head * uy];
      const side = (sign) => `L${cx - sign * 0.45 * head * uy},${cy + sign * 0.45 * head * ux}`;
      const wings = `M${b[0]},${b[1]}${side(1)}${side(-1)}Z`;
      const group = this._at(this.area, key, "g", `arrow ${kind}`);
      group
        .selectAll("path")
        .data([`M${a[0]},${a[1]}L${cx},${cy}`, wings])
        .join("path")
        .attr("d", (d) => d);
      return group;
    }

    /** Words at a point, moved by `shift` pixels. */
    text(key, at, words, kind = "", anchor = "start", shift = [0, 0]) {
      const [x, y] = this._place(at);
      const text = this._at(this.above, key, "text", `words ${kind}`).text(words).attr("text-anchor", anchor);
      return text.attr("x", x + shift[0]).attr("y", y + shift[1]);
    }

    /** A table of numbers as unit squares below the origin, as dark as `shade(value)`. */
    cells(values, shade) {
      const all = values.flatMap((line, i) => line.map((value, j) => ({ value, i, j })));
      const side = this.x(1) - this.x(0);
      const squares = this._at(this.area, "squares", "g", "cells").selectAll("rect").data(all).join("rect");
      squares
        .attr("width", side)
        .attr("height", side)
        .attr("class", (c) => (c.value < 0 ? "two" : "one"));
      squares
        .attr("x", (c) => this.x(c.j))
        .attr("y", (c) => this.y(-c.i))
        .attr("fill-opacity", (c) => shade(c.value));
      const words = this._at(this.area, "numbers", "g", "cells").selectAll("text").data(all).join("text");
      words
        .attr("class", "words")
        .attr("text-anchor", "middle")
        .text((c) => short(c.value));
      words.attr("x", (c) => this.x(c.j + 0.5)).attr("y", (c) => this.y(-c.i - 0.5) + 4);
    }

    /** Where `f(x, y)` is at most each of the levels: one area over the other. */
    levels(key, f, levels, kind, size = 64) {
      const [xs, ys] = [this.x, this.y].map((scale) => linspace(...scale.range(), size).map(scale.invert));
      const values = ys.flatMap((y) => xs.map((x) => -f(x, y)));
      const areas = d3
        .contours()
        .size([size, size])
        .thresholds(levels.map((level) => -level))(values);
      const [x0, x1] = this.x.range();
      const [y0, y1] = this.y.range();
      const place = d3.geoTransform({
        point(x, y) {
          this.stream.point(x0 + ((x - 0.5) / (size - 1)) * (x1 - x0), y0 + ((y - 0.5) / (size - 1)) * (y1 - y0));
        },
      });
      const group = this._at(this.area, key, "g", `levels ${kind}`);
      group.selectAll("path").data(areas).join("path").attr("d", d3.geoPath(place));
      return group;
    }
  }
  Object.assign(figures.parts, { Plane });
}
