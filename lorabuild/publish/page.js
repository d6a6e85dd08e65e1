"use strict";
(() => {
  const form = document.querySelector(".timeline");
  if (form) {
    const section = form.closest("section"), range = form.querySelector("input");
    const said = form.querySelector("output"), beside = form.querySelector("#beside");
    const stops = [...form.querySelectorAll("option")].map((one) => one.label);
    const figures = [...section.querySelectorAll("figure[data-stop]")];
    const show = () => {
      const all = beside.getAttribute("aria-pressed") === "true";
      section.classList.toggle("sliding", !all);
      for (const figure of figures) figure.hidden = !all && figure.dataset.stop !== range.value;
      for (const strip of section.querySelectorAll(".strip")) strip.tabIndex = all ? 0 : -1;
      said.textContent = stops[range.value];
      range.setAttribute("aria-valuetext", stops[range.value]);
    };
    const go = (place) => {
      range.value = place;
      beside.setAttribute("aria-pressed", "false");
      show();
    };
    range.addEventListener("input", () => go(range.value));
    form.addEventListener("click", (event) => {
      if (event.target.dataset.move) go(Number(range.value) + Number(event.target.dataset.move));
    });
    beside.addEventListener("click", () => {
      beside.setAttribute("aria-pressed", beside.getAttribute("aria-pressed") !== "true");
      show();
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    form.hidden = false;
    show();
  }
  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  const mark = () => {
    let now = null;
    for (const [name, link] of links) {
      link.removeAttribute("aria-current");
      if (document.getElementById(name).getBoundingClientRect().top < window.innerHeight / 3) now = link;
    }
    if (!now) return;
    now.setAttribute("aria-current", "true");
    const list = now.closest("ul");
    list.scrollTo({ left: now.offsetLeft - list.clientWidth / 2 });
  };
  document.addEventListener("scroll", mark, { passive: true });
  mark();
  const reach = () => {
    for (const one of document.querySelectorAll(".scroll[role]")) one.tabIndex = one.scrollWidth > one.clientWidth ? 0 : -1;
  };
  window.addEventListener("resize", reach);
  reach();
})();
