"use strict";
(() => {
  const MOST_PICTURES = 12, MOST_NOTES = 50, SILENT = 180;
  const get = (name) => document.getElementById(`live-${name}`);
  const root = document.getElementById("live"), bar = get("bar"), notes = get("notes");
  let now = null, live = false, soon = 0;
  const begin = () => ({ state: "", said: "", how: "", bar: null, stages: [], done: new Set(), stage: "", losses: [], total: 1, pictures: [], notes: [], at: 0 });

  const span = (seconds) => {
    if (seconds < 89.5) return `${seconds < 9.95 ? seconds.toFixed(1) : Math.round(seconds)} s`;
    const minutes = Math.round(seconds / 60);
    return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  };
  const whole = (event) => (event.variant ? `${event.variant}: ${event.stage}` : event.stage);
  const hear = {
    begun(event) {
      now = begin();
      now.stages = event.stages;
      now.state = "busy";
      now.said = "A build has begun";
    },
    stage(event) {
      now.stage = event.stage;
      now.done.delete(event.stage);
      now.said = `At work: ${whole(event)}`;
      now.how = `${event.todo} of ${event.total} to do`;
      now.bar = [0, 0];
      if (event.stage === "train") now.losses = [];
    },
    progress(event) {
      const parts = [`${event.done} of ${event.total} ${event.unit ?? ""}`.trim()];
      if (event.epoch) parts.push(`epoch ${event.epoch}`);
      if (event.loss_mean !== undefined) parts.push(`loss ${event.loss_mean.toFixed(4)}`);
      if (event.left !== undefined && event.done < event.total) parts.push(`${span(event.left)} left`);
      if (event.rate) parts.push(event.rate >= 1 ? `${event.rate.toFixed(1)} a second` : `${span(1 / event.rate)} each`);
      now.how = parts.join(" · ");
      now.bar = [event.done, event.total];
      if (event.loss === undefined) return;
      now.losses.push([event.done, event.loss, event.loss_mean]);
      now.total = event.total;
    },
    picture(event) {
      now.pictures = now.pictures.filter((one) => one.picture !== event.picture || one.prompt !== event.prompt);
      now.pictures.unshift(event);
      now.pictures.length = Math.min(now.pictures.length, MOST_PICTURES);
    },
    stage_done(event) {
      now.done.add(event.stage);
    },
    note(event) {
      if (event.code !== "wrote") now.notes.unshift(event.text);
    },
    warning(event) {
      now.notes.unshift(event.item && !event.text.includes(event.item) ? `${event.item}: ${event.text}` : event.text);
    },
    aside(event) {
      now.notes.unshift(`set aside: ${event.item} – ${event.problem}`);
    },
    done(event) {
      const ran = Object.values(event.stages).some((one) => one.ran);
      end("done", ran ? `Built in ${span(event.seconds)}` : "All is up to date");
      if (event.stages.report) Object.assign(now, { losses: [], pictures: [], notes: [] }); // the report has them
      if (live && event.stages.report?.ran) window.location.reload();
    },
    error(event) {
      end("wrong", event.stopped ? "The build was stopped; what is done is saved" : "The build has failed");
      if (event.text) now.notes.unshift(event.text);
    },
  };
  const end = (state, said) => Object.assign(now, { state, said, how: "", bar: null, stage: "" });

  const text = (element, words) => {
    if (element.textContent !== words) element.textContent = words;
  };
  const made = (tag, words, name) => {
    const element = document.createElement(tag);
    element.textContent = words;
    if (name) element.className = name;
    return element;
  };
  const show = () => {
    soon = 0;
    const shown = now ?? begin(), silent = Date.now() / 1000 - shown.at;
    const lost = shown.state === "busy" && silent > SILENT;
    root.dataset.state = lost ? "" : shown.state;
    text(get("said"), lost ? "Nothing was heard for a while: the build may have been killed" : shown.said || "No build is under way");
    text(get("how"), lost ? `${shown.said}, ${shown.how}, ${span(silent)} ago` : shown.how);
    bar.hidden = !shown.bar;
    if (shown.bar?.[1]) [bar.value, bar.max] = [shown.bar[0], shown.bar[1]];
    else bar.removeAttribute("value");
    stages(shown);
    curve(shown);
    pictures(shown);
    notes.hidden = !shown.notes.length;
    text(notes.firstElementChild, `Notes and warnings (${shown.notes.length})`);
    notes.lastElementChild.replaceChildren(...shown.notes.slice(0, MOST_NOTES).map((words) => made("li", words)));
  };
  const stages = (shown) => {
    const list = get("stages");
    list.hidden = shown.state !== "busy";
    if (list.children.length !== shown.stages.length) list.replaceChildren(...shown.stages.map((name) => made("li", name)));
    for (const [place, item] of [...list.children].entries()) {
      const name = shown.stages[place];
      text(item, name);
      item.dataset.state = shown.done.has(name) ? "done" : "";
      item.toggleAttribute("aria-current", name === shown.stage && !shown.done.has(name));
    }
  };
  const curve = (shown) => {
    const { losses, total } = shown;
    get("loss").hidden = losses.length < 2;
    if (losses.length < 2) return;
    const sorted = losses.map((one) => one[1]).sort((a, b) => a - b);
    const high = 1.05 * Math.max(1e-9, sorted[Math.floor(0.98 * (sorted.length - 1))], ...losses.slice(-500).map((one) => one[2]));
    const points = (which) => losses.map((one) => `${((1000 * one[0]) / total).toFixed(1)} ${(1000 * (1 - Math.min(one[which] / high, 1))).toFixed(1)}`);
    get("each").setAttribute("d", `M${points(1).join("L")}`);
    get("smooth").setAttribute("d", `M${points(2).join("L")}`);
    const marks = [1, 0.5, 0].map((share) => label(Number((share * high).toPrecision(2)), { x: "-8", y: `${100 - 100 * share}%`, dy: ".35em", "text-anchor": "end" }));
    for (const share of [0, 0.5, 1]) marks.push(label(Math.round(share * total), { x: `${100 * share}%`, y: "100%", dy: "1.35em", "text-anchor": "middle" }));
    get("marks").replaceChildren(...marks);
  };
  const label = (words, places) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", "text");
    element.textContent = words;
    for (const [name, value] of Object.entries({ ...places, fill: "currentColor" })) element.setAttribute(name, value);
    return element;
  };
  const pictures = (shown) => {
    const strip = get("pictures");
    strip.hidden = !shown.pictures.length;
    const old = new Map([...strip.children].map((figure) => [figure.dataset.key, figure]));
    const wanted = shown.pictures.map((event) => {
      const key = `${event.picture} ${event.prompt}`;
      return old.get(key) ?? figure(event, key);
    });
    if (wanted.length === strip.children.length && wanted.every((one, place) => strip.children[place] === one)) return;
    strip.replaceChildren(...wanted);
    strip.scrollLeft = 0;
  };
  const figure = (event, key) => {
    const element = document.createElement("figure"), image = new Image(), about = document.createElement("figcaption");
    const when = !event.weight ? "without LoRA" : event.step ? `step ${event.step}` : `epoch ${event.epoch}`;
    const said = event.weight && event.weight !== 1 ? `${when}, weight ${event.weight}` : when;
    element.dataset.key = key;
    image.addEventListener("load", () => image.classList.toggle("pixels", Math.max(image.naturalWidth, image.naturalHeight) < 160));
    image.alt = `${said}: ${event.prompt}`;
    image.src = `picture/${event.picture.replace("b3:", "")}`;
    about.append(made("div", event.variant ? `${event.variant}: ${said}` : said), made("div", event.prompt, "clamp"));
    element.append(image, about);
    return element;
  };

  const later = () => {
    soon ||= window.setTimeout(show, 100);
  };
  const source = new EventSource("events");
  source.addEventListener("message", (message) => {
    const event = JSON.parse(message.data);
    if (!now && event.event !== "begun") now = begin();
    hear[event.event](event);
    now.at = event.at;
    later();
  });
  source.addEventListener("now", () => {
    live = true;
    later();
  });
  source.addEventListener("error", () => {
    root.dataset.state = "wrong";
    text(get("said"), "The live view is not connected: `lorabuild report --serve` has ended");
  });
  window.setInterval(later, 30000);
})();
