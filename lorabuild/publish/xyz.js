"use strict";
const body = document.body, zoom = document.getElementById("zoom"), peek = document.getElementById("peek");
const large = document.getElementById("large"), pictures = large.querySelector(".pictures");
const rows = [...document.querySelectorAll(".row:not(.heads)")].map(row => [...row.querySelectorAll("[role=gridcell]")]);
const places = new Map(rows.flatMap((row, y) => row.map((cell, x) => [cell.querySelector("button"), [x, y]])));
let shown = null, soon = 0;

document.querySelector(".tools").hidden = false;
function fit() {
  const wide = [...document.querySelectorAll(".frame")].some(frame => frame.firstChild.offsetWidth > frame.clientWidth + 3);
  body.classList.toggle("zoomed", wide);
  body.classList.toggle("fits", !wide);
}
zoom.addEventListener("input", () => { body.style.setProperty("--zoom", zoom.value); fit(); });
addEventListener("resize", fit);
fit();

function figure(button, said) {
  const made = document.createElement("figure"), image = button.querySelector("img").cloneNode();
  made.style.setProperty("--ratio", image.getAttribute("width") / image.getAttribute("height"));
  made.append(image);
  if (said) made.append(Object.assign(document.createElement("figcaption"), {textContent: said}));
  return made;
}
function pair(button) {
  const bare = document.getElementById(button.dataset.bare), said = button.querySelector("img").alt;
  const own = figure(button, bare ? "with LoRA" : "");
  return {said, figures: bare ? [figure(bare, "without LoRA"), own] : [own]};
}

function step(button, key) {
  const way = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[key];
  let [x, y] = places.get(button);
  for (;;) {
    x += way[0]; y += way[1];
    if (!rows[y] || !rows[y][x]) return null;
    const found = rows[y][x].querySelector("button");
    if (found) return found;
  }
}
function walk(event, from, to) {
  if (!/^Arrow(Left|Right|Up|Down)$/.test(event.key) || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  const next = step(from, event.key);
  if (next) to(next);
}
function reach(button) {
  for (const other of places.keys()) if (other) other.tabIndex = other === button ? 0 : -1;
}

function look(button) {
  const {figures, said} = pair(button), box = button.getBoundingClientRect();
  figures[figures.length - 1].querySelector("figcaption")?.remove();
  figures[figures.length - 1].append(Object.assign(document.createElement("figcaption"), {textContent: said}));
  peek.replaceChildren(...figures);
  peek.hidden = false;
  const own = peek.getBoundingClientRect(), right = box.right + 12, left = box.left - own.width - 12;
  const x = right + own.width < innerWidth ? right : left > 0 ? left : Math.max(8, innerWidth - own.width - 8);
  const beside = right + own.width < innerWidth || left > 0;
  const y = beside ? box.top + box.height / 2 - own.height / 2 : box.top > own.height ? box.top - own.height - 10 : box.bottom + 10;
  peek.style.left = `${x}px`;
  peek.style.top = `${Math.max(8, Math.min(y, innerHeight - own.height - 8))}px`;
}
const away = () => { clearTimeout(soon); peek.hidden = true; };

function enlarge(button) {
  const {figures, said} = pair(button);
  shown = button;
  away();
  pictures.replaceChildren(...figures);
  document.getElementById("large-said").textContent = said;
  for (const go of large.querySelectorAll("[data-go]:not([data-go=close])"))
    go.disabled = !step(button, "Arrow" + go.dataset.go[0].toUpperCase() + go.dataset.go.slice(1));
  if (!large.open) large.showModal();
}

for (const button of places.keys()) {
  if (!button) continue;
  button.addEventListener("click", () => enlarge(button));
  button.addEventListener("focus", () => reach(button));
  button.addEventListener("keydown", event => walk(event, button, next => next.focus()));
  button.addEventListener("pointerenter", event => {
    if (event.pointerType === "mouse") soon = setTimeout(look, 150, button);
  });
  button.addEventListener("pointerleave", away);
}
reach([...places.keys()].find(Boolean));
addEventListener("scroll", away, {passive: true, capture: true});
large.addEventListener("keydown", event => walk(event, shown, enlarge));
large.addEventListener("click", event => {
  const go = event.target.dataset?.go;
  if (event.target === large || go === "close") large.close();
  else if (go) { const next = step(shown, "Arrow" + go[0].toUpperCase() + go.slice(1)); if (next) enlarge(next); }
});
large.addEventListener("close", () => { if (shown) shown.focus({preventScroll: false}); shown = null; });
