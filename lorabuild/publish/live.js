"use strict";
(() => {
  const MOST_PICTURES = 12, MOST_NOTES = 50, SILENT = 180;
  const get = (name) => document.getElementById(`live-${name}`);
  const root = document.getElementById("live"), bar = get("bar"), notes = get("notes");
  const links = [...root.querySelectorAll(".which a")];
  const names = new Map(links.map((link) => [new URLSearchParams(link.search).get("variant") ?? "", link.textContent]));
  let now = null, soon = 0;
  const begin = () => ({ state: "", said: "", how: "", bar: null, stages: [], done: new Set(), stage: "", of: "", runs: new Map(), pictures: [], notes: [], at: 0 });

  const span = (seconds) => {
    if (seconds < 89.5) return `${seconds < 9.95 ? seconds.toFixed(1) : Math.round(seconds)} s`;
    const minutes = Math.round(seconds / 60);
    return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  };
  const learnt = (name, event) => {
    const run = now.runs.get(name) ?? { losses: [], total: 1 };
    now.runs.delete(name);
    now.runs.set(name, run); // the last is the one that is shown first
    if (!event) return;
    while (run.losses.at(-1)?.[0] >= event.done) run.losses.pop(); // it may go on from an earlier step
    run.losses.push([event.done, event.loss, event.loss_mean]);
    run.total = event.total;
  };
  const mentions = (text, word) => { // as a word, not as a part of one
    const plain = (word ?? "").replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
    return new RegExp(`(?<![\\p{L}\\p{N}_])${plain}(?![\\p{L}\\p{N}_])`, "u").test(text) || !plain;
  };
  const lost = (loss) => (loss >= 0.001 || !loss ? loss.toFixed(4) : loss.toPrecision(2)); // a slider's is small
  const called = (name) => names.get(name) ?? name;
  const hear = {
    begun(event) {
      now = begin();
      now.stages = event.stages;
      now.state = "busy";
      now.said = "A build has begun";
    },
    stage(event) {
      now.stage = event.stage;
      now.of = event.variant ?? "";
      for (const name of now.stages.slice(now.stages.indexOf(event.stage))) now.done.delete(name);
      now.said = `At work: ${event.stage}${names.size > 1 ? ` of ${called(now.of)}` : ""}`;
      now.how = `${event.todo} of ${event.total} to do`;
      now.bar = [0, 0];
      if (event.stage === "train") learnt(now.of);
    },
    progress(event) {
      const parts = [`${event.done} of ${event.total} ${event.unit ?? ""}`.trim()];
      if (event.epoch) parts.push(`epoch ${event.epoch}`);
      if (event.loss_mean !== undefined) parts.push(`loss ${lost(event.loss_mean)}`);
      if (event.left !== undefined && event.done < event.total) parts.push(`${span(event.left)} left`);
      if (event.rate) parts.push(event.rate >= 1 ? `${event.rate.toFixed(1)} a second` : `${span(1 / event.rate)} each`);
      now.how = parts.join(" · ");
      now.bar = [event.done, event.total];
      if (event.loss !== undefined) learnt(event.variant ?? "", event);
    },
    beside(event) {
      learnt(event.variant, event);
      learnt(now.of);
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
      now.notes.unshift(mentions(event.text, event.item) ? event.text : `${event.item}: ${event.text}`);
    },
    aside(event) {
      now.notes.unshift(`set aside: ${event.item} – ${event.problem}`);
    },
    done(event) {
      const ran = Object.values(event.stages).some((one) => one.ran);
      end("done", ran ? `Built in ${span(event.seconds)}` : "All is up to date");
      if (event.stages.report) Object.assign(now, { runs: new Map(), pictures: [], notes: [] }); // the report has them
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
    for (const link of links) link.toggleAttribute("data-busy", shown.state === "busy" && called(shown.of) === link.textContent);
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
    const runs = [...shown.runs].filter(([, run]) => run.losses.length > 1), last = runs.at(-1);
    get("loss").hidden = !last;
    if (!last) return;
    const { losses } = last[1], total = Math.max(...runs.map(([, run]) => run.total));
    const sorted = losses.map((one) => one[1]).sort((a, b) => a - b);
    const means = runs.flatMap(([, run]) => run.losses.slice(-500).map((one) => one[2]));
    const high = 1.05 * Math.max(1e-9, sorted[Math.floor(0.98 * (sorted.length - 1))], ...means);
    const points = (which, losses) => losses.map((one) => `${((1000 * one[0]) / total).toFixed(1)} ${(1000 * (1 - Math.min(one[which] / high, 1))).toFixed(1)}`);
    get("each").setAttribute("d", `M${points(1, losses).join("L")}`);
    get("smooth").setAttribute("d", `M${points(2, losses).join("L")}`);
    get("others").replaceChildren(...runs.slice(0, -1).map(([, run]) => drawn("path", { d: `M${points(2, run.losses).join("L")}`, class: "other" })));
    text(get("whose"), `${names.size > 1 ? `${called(last[0])}, ` : ""}mean of the last hundred`);
    get("runs").hidden = runs.length < 2;
    const said = ([name, run]) => `${called(name)}: loss ${lost(run.losses.at(-1)[2])} at step ${run.losses.at(-1)[0]} of ${run.total}`;
    get("runs").replaceChildren(...runs.map((run) => made("li", said(run))).reverse());
    const marks = [1, 0.5, 0].map((share) => label(Number((share * high).toPrecision(2)), { x: "-8", y: `${100 - 100 * share}%`, dy: ".35em", "text-anchor": "end" }));
    for (const share of [0, 0.5, 1]) marks.push(label(Math.round(share * total), { x: `${100 * share}%`, y: "100%", dy: "1.35em", "text-anchor": "middle" }));
    get("marks").replaceChildren(...marks);
  };
  const drawn = (tag, places) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(places)) element.setAttribute(name, value);
    return element;
  };
  const label = (words, places) => {
    const element = drawn("text", { ...places, fill: "currentColor" });
    element.textContent = words;
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
    about.append(made("div", names.size > 1 ? `${called(event.variant ?? "")}, ${said}` : said), made("div", event.prompt, "clamp"));
    element.append(image, about);
    return element;
  };

  const later = () => {
    soon ||= window.setTimeout(show, 100);
  };
  for (const link of document.querySelectorAll("a[data-file]")) link.removeAttribute("href"); // no file is served
  const source = new EventSource(`events${window.location.search}`);
  source.addEventListener("message", (message) => {
    const event = JSON.parse(message.data);
    if (!now && event.event !== "begun") now = begin();
    hear[event.event](event);
    now.at = event.at;
    later();
  });
  source.addEventListener("report", (message) => {
    if (message.data !== root.dataset.report) window.location.reload();
  });
  source.addEventListener("now", later);
  source.addEventListener("error", () => {
    root.dataset.state = "wrong";
    const ended = source.readyState === EventSource.CLOSED ? "load the page again; perhaps too many are open" : "it has ended, or is out of reach";
    text(get("said"), `The live view is not connected: ${ended}`);
  });
  window.setInterval(later, 30000);
})();
