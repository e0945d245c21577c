{
  const { element, kinds, Plane, handle } = figures.parts;

  /**
   * The frame of one figure: its task, its pictures, its controls, and in words what is seen now.
   *
   * A figure is `{ title, start, task: { text, met(state), after }, build(frame) }`. `build` makes planes, handles and
   * controls, and returns `draw(state)`, which draws them and returns what is seen, in words. `frame.set(changes)`
   * changes the state and draws.
   */
  class Frame {
    constructor(place, name, about) {
      Object.assign(this, { place, name, about, state: structuredClone(about.start), followers: [], planes: [] });
      this.pictures = element("div", { class: "live-pictures" });
      this.controls = element("div", { class: "live-controls" });
      this.reading = element("p", { class: "live-reading", id: `live-reading-${name}` });
      this.spoken = element("p", { class: "live-hidden", role: "status" });
      this.mark = element("p", { class: "live-task" });
      this.done = element("p", { class: "live-done", role: "status" });
      this.met = false;
      const reset = element("button", { type: "button", class: "live-reset" }, "Start again");
      reset.addEventListener("click", () => this.restart());
      this.mark.append(element("strong", {}, "Task. "), about.task.text);
      const head = element("div", { class: "live-head" }, element("p", { class: "live-title" }, about.title), reset);
      place.append(head, this.mark, this.pictures, this.reading, this.controls, this.done, this.spoken);
      place.setAttribute("role", "group");
      place.setAttribute("aria-label", `Interactive figure: ${about.title}`);
      place.setAttribute("aria-describedby", this.reading.id);
      this.draw = about.build(this);
      this.set({});
    }

    /** Change the state, draw, and see whether the task is met. */
    set(changes) {
      this.state = { ...this.state, ...changes };
      this.reading.textContent = this.draw(this.state);
      for (const follow of this.followers) follow(this.state);
      if (!this.met && this.about.task.met(this.state)) this.met = true;
      this.place.dataset.met = this.met;
      const words = this.met ? `✓ Done. ${this.about.task.after}` : "";
      if (this.done.textContent !== words) this.done.textContent = words;
      clearTimeout(this.later); // a reader's voice hears the end of a movement only
      this.later = setTimeout(() => (this.spoken.textContent = this.reading.textContent), 600);
    }

    restart() {
      this.met = false;
      this.set(structuredClone(this.about.start));
    }

    follow(follower) {
      this.followers.push(follower);
    }

    /** A picture with axes. */
    plane(about) {
      this.planes.push(new Plane(this.pictures, about));
      return this.planes.at(-1);
    }

    handle(plane, about) {
      return handle(this, plane, about);
    }
  }
  for (const [kind, make] of Object.entries(kinds))
    Frame.prototype[kind] = function (...about) {
      this.follow(make(this, ...about));
    };

  /** Put its figure into each `.live-figure` of the page. */
  function mount() {
    for (const place of document.querySelectorAll(".live-figure:not([data-met])")) {
      const name = place.dataset.figure;
      place.frame = new Frame(place, name, figures.all.get(name));
    }
    // The page has grown since the browser went to the place that its address names.
    const named = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (named) named.scrollIntoView({ behavior: "instant" });
  }
  Object.assign(figures.parts, { mount });
  document.addEventListener("DOMContentLoaded", mount);
}
