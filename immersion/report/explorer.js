"use strict";

const limit = (value, low, high) => Math.min(Math.max(value, low), high);
const write = (value) => value.toFixed(2).replace("-", "\u2212");

/* Return where the pointer is in an element, from 0 to 1 across and down. */
function locate(event, element) {
  const box = element.getBoundingClientRect();
  return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
}

/* Return the value at a place between two entries of a list. */
function interpolate(values, place) {
  const first = Math.floor(place), share = place - first;
  return share ? (1 - share) * values[first] + share * values[first + 1] : values[first];
}

/* The manifold: the picture at the pointer is blended between the four nearest decoded ones. */
function exploreManifold(figure) {
  const grid = JSON.parse(figure.dataset.manifold);
  const { columns, rows, width, height } = grid;
  const map = figure.querySelector(".map"), mark = map.querySelector("i");
  const view = figure.querySelector(".view"), atlas = figure.querySelector(".atlas");
  const sliders = view.querySelectorAll("input"), outputs = view.querySelectorAll("output");
  const canvas = view.querySelector("canvas"), lower = document.createElement("canvas");
  for (const one of [canvas, lower]) [one.width, one.height] = [width, height];
  const [picture, below] = [canvas, lower].map((one) => one.getContext("2d", { alpha: false }));
  let x = Math.floor(columns / 2), y = Math.floor(rows / 2);

  function drawRow(target, top) {
    const left = Math.floor(x);
    for (const [column, share] of [[left, 1], [left + 1, x - left]]) {
      if (!share) continue;
      target.globalAlpha = share;
      const [across, down] = [column * width, top * height];
      target.drawImage(atlas, across, down, width, height, 0, 0, width, height);
    }
  }

  function show() {
    const top = Math.floor(y);
    drawRow(picture, top);
    if (y > top) {
      drawRow(below, top + 1);
      picture.globalAlpha = y - top;
      picture.drawImage(lower, 0, 0);
    }
    mark.style.left = `${(100 * (x + 0.5)) / columns}%`;
    mark.style.top = `${(100 * (y + 0.5)) / rows}%`;
    [[x, grid.across], [y, grid.down]].forEach(([place, values], axis) => {
      if (!sliders[axis]) return;
      sliders[axis].value = axis ? rows - 1 - place : place;
      outputs[axis].value = write(interpolate(values, place));
      sliders[axis].setAttribute("aria-valuetext", outputs[axis].value);
    });
  }

  function follow(event) {
    const [across, down] = locate(event, map);
    x = limit(across * columns - 0.5, 0, columns - 1);
    y = limit(down * rows - 0.5, 0, rows - 1);
    show();
  }

  map.addEventListener("pointermove", follow);
  map.addEventListener("pointerdown", (event) => {
    map.setPointerCapture(event.pointerId);
    follow(event);
  });
  sliders.forEach((slider, axis) =>
    slider.addEventListener("input", () => {
      if (axis) y = rows - 1 - slider.valueAsNumber;
      else x = slider.valueAsNumber;
      show();
    }),
  );
  atlas.decode().then(() => {
    view.hidden = mark.hidden = false;
    show();
  });
}

/* The codes: the example at the point that is nearest to the pointer. */
function explorePoints(figure) {
  const data = JSON.parse(figure.dataset.points);
  const map = figure.querySelector(".map"), mark = map.querySelector("i");
  const note = map.querySelector(".note"), canvas = note.querySelector("canvas");
  const thumbnails = figure.querySelector(".atlas"), picture = canvas.getContext("2d");
  const [name, place] = note.querySelectorAll("b, span");
  const across = data.x.map((x) => data.across[0] * x + data.across[1]);
  const down = data.y.map((y) => data.down[0] * y + data.down[1]);
  [canvas.width, canvas.height] = [data.width, data.height];
  let shown = -1;

  function find(event) {
    const box = map.getBoundingClientRect(), [left, top] = locate(event, map);
    let nearest = -1, least = 24 ** 2;
    for (let i = 0; i < across.length; i++) {
      const apart = ((across[i] - left) * box.width) ** 2 + ((down[i] - top) * box.height) ** 2;
      if (apart < least) [nearest, least] = [i, apart];
    }
    return nearest;
  }

  function show(i) {
    shown = i;
    note.hidden = mark.hidden = i < 0;
    if (i < 0) return;
    canvas.hidden = i >= data.pictures;
    const { width, height, columns } = data;
    const [left, top] = [(i % columns) * width, Math.floor(i / columns) * height];
    picture.drawImage(thumbnails, left, top, width, height, 0, 0, width, height);
    name.textContent = data.labels ? data.classes[data.labels[i]] : `test example ${i + 1}`;
    const numbers = [data.x[i], data.y[i]].map((value, axis) => [data.names[axis], value]);
    const named = numbers.filter(([axis]) => axis);
    place.textContent = named.map(([axis, value]) => `${axis} = ${write(value)}`).join(", ");
    mark.style.left = `${100 * across[i]}%`;
    mark.style.top = `${100 * down[i]}%`;
    const [x, y] = [across[i] * map.clientWidth, down[i] * map.clientHeight];
    note.style.left = `${limit(x - note.offsetWidth / 2, 0, map.clientWidth - note.offsetWidth)}px`;
    const above = y - note.offsetHeight - 12;
    note.style.top = `${above > 0 ? above : y + 12}px`;
  }

  map.addEventListener("pointermove", (event) => show(find(event)));
  map.addEventListener("pointerdown", (event) => show(find(event)));
  map.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && show(-1));
  map.addEventListener("blur", () => show(-1));
  map.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") show(-1);
    if (!step) return;
    event.preventDefault();
    show((shown + step + across.length) % across.length);
  });
  thumbnails.decode().then(() => (map.tabIndex = 0));
}

for (const figure of document.querySelectorAll("[data-manifold]")) exploreManifold(figure);
for (const figure of document.querySelectorAll("[data-points]")) explorePoints(figure);
