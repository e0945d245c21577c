"use strict";
// The names that the other files share. All files are joined into one script, which works from a disk too.
// `maths` has functions of numbers and lists, `parts` what figures are made of, `all` the figures by name.
const figures = { maths: {}, parts: {}, all: new Map() };

/** Make a figure known: `about` has its title, the state at first, its task and `build(frame)`, see frame.js. */
figures.add = (name, about) => figures.all.set(name, about);
