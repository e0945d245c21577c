{
  const { clamp } = figures.maths;
  let count = 0;

  /** An element with attributes and children. */
  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  /**
   * A slider and a field to type in, for the number `name` of the state.
   * `log`: in equal ratios; `enabled(state)`: whether it has an effect now. Returns what follows the state.
   */
  function slider(frame, name, { label, min, max, step, log = false, enabled = () => true }) {
    const id = `live-${name}-${++count}`;
    const toRange = log ? Math.log10 : (x) => x;
    const fromRange = log ? (x) => Number((10 ** x).toPrecision(3)) : (x) => x;
    const range = element("input", {
      type: "range",
      id,
      name,
      min: toRange(min),
      max: toRange(max),
      step: log ? 0.01 : step,
    });
    const field = element("input", {
      type: "number",
      min,
      max,
      step: log ? "any" : step,
      name: `${name}-typed`,
      "aria-label": `${label}, typed`,
    });
    const set = (value) => frame.set({ [name]: clamp(value, min, max) });
    range.addEventListener("input", () => set(fromRange(Number(range.value))));
    field.addEventListener("input", () => {
      const value = Number(field.value);
      const good = field.value !== "" && value >= min && value <= max;
      field.toggleAttribute("aria-invalid", !good);
      if (good) set(value);
    });
    field.addEventListener("change", () => {
      if (field.value !== "") set(Number(field.value));
      field.removeAttribute("aria-invalid");
      field.value = text(frame.state[name]);
    });
    const text = (value) => String(Number(value.toPrecision(log ? 3 : 6)));
    const row = element("div", { class: "live-slider" }, element("label", { for: id }, label), range, field);
    frame.controls.append(row);
    return (state) => {
      range.value = toRange(Math.max(state[name], log ? min : -Infinity));
      range.setAttribute("aria-valuetext", text(state[name]));
      if (field !== document.activeElement) field.value = text(state[name]);
      const on = enabled(state);
      range.disabled = field.disabled = !on;
      row.classList.toggle("off", !on);
    };
  }

  /** A box to tick, for the truth value `name` of the state. */
  function check(frame, name, { label }) {
    const box = element("input", { type: "checkbox", name });
    box.addEventListener("change", () => frame.set({ [name]: box.checked }));
    frame.controls.append(element("label", { class: "live-check" }, box, ` ${label}`));
    return (state) => {
      box.checked = state[name];
    };
  }

  /** A choice among `options`, `{ value: text }`. */
  function choice(frame, name, { label, options }) {
    const list = element("select", { name });
    for (const [value, text] of Object.entries(options)) list.append(element("option", { value }, text));
    list.addEventListener("change", () => frame.set({ [name]: list.value }));
    frame.controls.append(element("label", { class: "live-choice" }, label, list));
    return (state) => {
      list.value = state[name];
    };
  }

  /** Buttons in a row: `{ text: action(state) }`, where an action returns what changes. */
  function buttons(frame, actions) {
    const row = element("div", { class: "live-buttons" });
    for (const [text, action] of Object.entries(actions)) {
      const button = element("button", { type: "button" }, text);
      button.addEventListener("click", () => frame.set(action(frame.state)));
      row.append(button);
    }
    frame.controls.append(row);
    return () => {};
  }
  Object.assign(figures.parts, { element, kinds: { slider, check, choice, buttons } });
}
