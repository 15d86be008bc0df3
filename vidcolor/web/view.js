// The film that this page shows: a frame of it in gray, then in color; its shots; the dials.
// What is shown is this page's alone, and stays over a reload.
(() => {
  const { find, make, say, ask, tell } = vidcolor;
  const DIALS = ["weights", "size", "vivid", "smooth", "saturation", "titles", "script", "purpose", "label"];
  const MEMORY = "vidcolor";
  const REST = 200; // milliseconds that a page must rest before a frame is colored
  const SHOTS = 1500; // milliseconds between two looks for more shots

  let film = null; // what the server tells of the film that is shown
  let place = null; // what it was chosen by
  let frame = 0;
  let dials = {}, usual = {}; // as they are set, and as they were when the server began
  let opening = null, looking = null; // AbortControllers of what is being asked
  let mounted, begun;
  const ready = Promise.all([new Promise((resolve) => { mounted = resolve; }), new Promise((resolve) => { begun = resolve; })]);
  // Gradio puts up one part of the page after the other, and a film may be chosen meanwhile.
  const whole = async () => {
    await ready;
    while (!find("#go")) await new Promise((resolve) => { setTimeout(resolve, 50); });
  };

  const rest = (time, signal) => new Promise((resolve, reject) => {
    const gone = () => { clearTimeout(timer); reject(new DOMException("", "AbortError")); };
    const timer = setTimeout(() => { signal.removeEventListener("abort", gone); resolve(); }, time);
    signal.addEventListener("abort", gone, { once: true });
  });

  const timecode = (seconds) => {
    const ms = Math.round(seconds * 1000), two = (n) => String(n).padStart(2, "0");
    const s = Math.floor(ms / 1000);
    return `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}.${String(ms % 1000).padStart(3, "0")}`;
  };

  const secondsOf = (fraction) => {
    const [over, under] = fraction.split("/");
    return Number(over) / Number(under || 1);
  };

  const remember = () => {
    const kept = { film: film && film.film, place, frame, dials };
    try { sessionStorage.setItem(MEMORY, JSON.stringify(kept)); } catch { /* it is not allowed */ }
  };
  const remembered = () => {
    try { return JSON.parse(sessionStorage.getItem(MEMORY)) || {}; } catch { return {}; }
  };

  // The line between before and after.
  let line = 50;
  const drawLine = (where) => {
    line = Math.min(100, Math.max(0, where));
    const box = find("#picture"), handle = find("#picture .line");
    box.style.setProperty("--line", `${line}%`);
    handle.setAttribute("aria-valuenow", Math.round(line));
    handle.setAttribute("aria-valuetext", `${Math.round(line)} percent before`);
  };
  const flip = () => drawLine(line > 0 ? 0 : 100);

  const busy = (on) => {
    find("#picture .ring").hidden = !on;
    find("#picture").setAttribute("aria-busy", String(on));
  };
  const told = (seconds, doing, gray) => {
    const words = [make("b", {}, timecode(seconds)), ` frame ${frame.toLocaleString("en")} `];
    if (film.picture) words.length = 0, words.push(make("b", {}, "Picture"), " ");
    if (gray) words.push(make("span", { className: "left-gray" }, gray), " ");
    if (doing) words.push(make("span", { className: "busy" }, doing));
    find("#moment").replaceChildren(...words);
  };

  // Both pictures at once, when both are there: never one of them beside an older one.
  async function draw(before, after, signal) {
    const loaded = [before, after].map((address) => Object.assign(new Image(), { src: address }));
    await Promise.all(loaded.map((image) => image.decode()));
    if (signal.aborted) throw new DOMException("", "AbortError");
    const gray = before === after;
    const words = film.picture ? "Picture" : `Frame ${frame}`;
    for (const [kind, image] of [["before", loaded[0]], ["after", loaded[1]]]) {
      const shown = find(`#picture img.${kind}`);
      shown.src = image.src;
      shown.alt = `${words}, ${kind === "before" || gray ? "original" : "in color"}`;
      shown.hidden = false;
    }
    find("#save").href = loaded[1].src;
    find("#save").download = `${film.name} ${film.picture ? "in color" : `frame ${frame}`}.jpg`;
    find("#save").hidden = false;
    find("#picture").classList.remove("empty");
    find("#picture").classList.toggle("gray", gray);
  }
  const empty = () => {
    for (const image of document.querySelectorAll("#picture img")) {
      image.hidden = true; image.removeAttribute("src"); image.alt = "";
    }
    find("#picture").classList.add("empty");
    find("#save").hidden = true;
  };

  // A preview: gray at once where the frame is another one, then in color, then smoothed. What was
  // asked for before is given up, here and on the server.
  async function preview(moved) {
    if (looking) looking.abort();
    if (vidcolor.easel.on()) {
      say("");
      told(frame / film.rate, "");
      await vidcolor.easel.show({ film, frame, dials }, moved);
      return;
    }
    const mine = looking = new AbortController(), { signal } = mine;
    const here = `vidcolor/films/${film.film}/${frame}`;
    let fits = !moved; // whether what is drawn is of this frame
    say("");
    busy(true);
    try {
      told(frame / film.rate, "coloring…");
      if (moved) {
        const { gray } = await ask(`${here}/gray`, { signal });
        await draw(gray, gray, signal);
        fits = true;
      }
      const stages = Number(dials.smooth) && !film.picture ? [false, true] : [true];
      for (const smoothed of stages) {
        await rest(REST, signal);
        const found = await ask(`${here}/color`, { say: { dials, smoothed }, signal });
        await draw(found.before, found.after, signal);
        told(secondsOf(found.seconds), smoothed ? "" : "smoothing over time…", found.gray);
      }
      busy(false);
    } catch (error) {
      if (signal.aborted) return;
      busy(false);
      if (!fits) empty();
      told(frame / film.rate, "");
      tell(error);
    }
  }
  function go(to, again) {
    to = Math.min(Math.max(0, Math.round(to)), film.frames - 1);
    if (!Number.isFinite(to) || (to === frame && !again)) return;
    frame = to;
    for (const input of document.querySelectorAll("#frame input")) input.value = frame;
    mark();
    remember();
    preview(true);
  }

  // The first frame of the shot that is shown, and that of the next one.
  const shot = () => {
    const starts = shots().map((one) => Number(one.dataset.frame));
    const from = starts.filter((start) => start <= frame).pop() ?? 0;
    return [from, starts.find((start) => start > frame) ?? Infinity];
  };

  // The strip: a button for each shot.
  const shots = () => [...document.querySelectorAll("#strip button[data-frame]")];
  const current = () => shots().filter((one) => Number(one.dataset.frame) <= frame).pop();
  function mark() {
    const now = current();
    for (const one of shots()) {
      if (one === now) one.setAttribute("aria-current", "true"); else one.removeAttribute("aria-current");
    }
    const strip = find("#strip .strip");
    if (now && strip) {
      const left = now.offsetLeft - strip.offsetLeft;
      if (left < strip.scrollLeft || left + now.offsetWidth > strip.scrollLeft + strip.clientWidth) {
        strip.scrollLeft = left - strip.clientWidth / 3;
      }
    }
  }
  function fillStrip(html) {
    const box = find("#strip"), held = document.activeElement;
    const focused = box.contains(held) ? held.dataset.frame : null;
    const scrolled = find("#strip .strip")?.scrollLeft || 0;
    const known = new Map([...box.querySelectorAll("img")].map((image) => [image.dataset.src, image]));
    const fresh = make("template");
    fresh.innerHTML = html;
    for (const image of fresh.content.querySelectorAll("img")) {
      const old = known.get(image.dataset.src);
      if (old) image.replaceWith(old);
    }
    dropThumbs();
    box.replaceChildren(fresh.content);
    const strip = find("#strip .strip");
    if (strip) {
      strip.scrollLeft = scrolled;
      strip.addEventListener("scroll", loadThumbs, { passive: true });
    }
    mark();
    vidcolor.sheet.mark();
    loadThumbs();
    if (focused !== null) (box.querySelector(`[data-frame="${focused}"]`) || current())?.focus({ preventScroll: true });
  }
  // Small pictures in sight, a few at a time: a browser has six connections for all its pages.
  const AT_ONCE = 2;
  let loading = 0;
  function loadThumbs() {
    const strip = find("#strip .strip");
    if (!strip) return;
    const { left, right } = strip.getBoundingClientRect();
    for (const image of strip.querySelectorAll("img:not([src])")) {
      const at = image.getBoundingClientRect();
      if (loading >= AT_ONCE) return;
      if (at.right < left - 300 || at.left > right + 300) continue;
      loading++;
      const done = (again) => {
        loading--;
        image.onload = image.onerror = null;
        const tries = Number(image.dataset.tries || 0) + 1;
        if (again && tries < 4) { // too many were asked for at once
          image.dataset.tries = tries;
          setTimeout(() => { image.removeAttribute("src"); loadThumbs(); }, 1000 * tries);
        }
        loadThumbs();
      };
      image.onload = () => done(false);
      image.onerror = () => done(true);
      image.src = image.dataset.src;
    }
  }
  // Give up those that are being asked for and are not shown any more.
  function dropThumbs() {
    for (const image of document.querySelectorAll("#strip img[src]")) {
      if (!image.onload) continue;
      image.onload = image.onerror = null;
      image.removeAttribute("src");
      loading--;
    }
  }
  async function lookForShots() {
    const mine = film;
    try {
      if (film && !film.picture && !film.over && !document.hidden) {
        const found = await ask(`vidcolor/films/${film.film}/strip?seen=${encodeURIComponent(film.seen)}`);
        if (mine === film && found.strip) {
          Object.assign(film, { seen: found.seen, over: found.over, strip: found.strip });
          fillStrip(found.strip);
        }
      }
    } catch { /* the queue tells */ }
    setTimeout(lookForShots, SHOTS);
  }
  const nextShot = (step) => {
    const all = shots(), at = all.indexOf(current());
    const to = step < 0 && at >= 0 && Number(all[at].dataset.frame) < frame ? all[at] : all[at + step];
    if (to) go(Number(to.dataset.frame));
  };

  function show(found, at) {
    film = found;
    const bench = find("#bench");
    bench.classList.remove("closed", "opening");
    bench.classList.toggle("still", film.picture);
    find("#go").disabled = false;
    find("#save").textContent = film.picture ? "Save this picture" : "Save this frame";
    find("#go").textContent = film.picture ? "Color this picture" : "Color this film";
    find("#facts").innerHTML = film.facts;
    find("#started p").textContent = "";
    for (const input of document.querySelectorAll("#frame input")) input.max = film.frames - 1;
    find("#bench").style.setProperty("--shape", `${film.width} / ${film.height}`);
    find("#bench").style.setProperty("--ratio", film.width / film.height);
    empty();
    vidcolor.easel.open(film);
    fillStrip(film.picture ? "" : film.strip);
    go(at ?? Math.floor(film.frames / 3), true);
  }
  function close() {
    film = place = null;
    find("#bench").classList.add("closed");
    remember();
  }

  // Opens a film, once for each choice; gives the place that is chosen now.
  async function choose(asked, name) {
    await whole();
    const wanted = typeof asked === "string" ? { place: asked } : asked;
    if (!asked || JSON.stringify(wanted) === JSON.stringify(opening ? opening.wanted : place)) return listed();
    if (opening) opening.abort();
    if (looking) looking.abort();
    const mine = opening = Object.assign(new AbortController(), { wanted });
    const [film_before, place_before, frame_before] = [film, place, frame];
    say("");
    const bench = find("#bench");
    bench.classList.remove("closed");
    bench.classList.add("opening");
    find("#go").disabled = true;
    const line = make("p", { className: "opening" }, `Opening ${name || wanted.place.replace(/^\d+\//, "")}…`);
    line.setAttribute("role", "status");
    find("#facts").replaceChildren(line);
    find("#moment").replaceChildren();
    dropThumbs();
    find("#strip").replaceChildren();
    empty();
    busy(true);
    try {
      const found = await ask("vidcolor/open", { say: wanted, signal: mine.signal });
      opening = null;
      place = wanted;
      show(found);
    } catch (error) {
      if (mine.signal.aborted) return listed();
      opening = null;
      busy(false);
      if (film_before) { place = place_before; show(film_before, frame_before); } else close();
      tell(error);
    }
    return listed();
  }
  const listed = () => (opening ? opening.wanted : place)?.place ?? null;

  function removed(id) {
    if (film && film.film === id) { if (looking) looking.abort(); close(); }
  }

  function turn(values) {
    const now = Object.fromEntries(DIALS.map((name, at) => [name, values[at]]));
    if (JSON.stringify(now) === JSON.stringify(dials)) return;
    if (Object.values(now).some((value) => value === null || value === "")) return;
    const seen = ({ script, label, purpose, ...rest }) => JSON.stringify(rest); // frames by themselves go without
    const same = seen(now) === seen(dials);
    dials = now;
    remember();
    if (film && !opening && !same) preview(false);
  }

  function reset() {
    turn(DIALS.map((name) => usual[name]));
    return DIALS.map((name) => dials[name]);
  }

  async function start() {
    if (!film || opening) return;
    say("");
    try {
      const { job, jobs } = await ask("vidcolor/jobs", { say: { film: film.film, dials } });
      find("#started p").textContent = `${film.name} is in the queue.`;
      vidcolor.jobs(jobs, job);
    } catch (error) { tell(error); }
  }

  // What the page shows first: what it showed before it was loaded again, with its dials.
  async function begin(values) {
    const kept = remembered();
    usual = Object.fromEntries(DIALS.map((name, at) => [name, values[at]]));
    dials = Object.fromEntries(DIALS.map((name) => [name, kept.dials?.[name] ?? usual[name]]));
    begun();
    await whole();
    lookForShots();
    const list = find("#listed input");
    if (list) list.placeholder = "Choose…";
    if (kept.film) {
      try {
        const found = await ask(`vidcolor/films/${kept.film}`);
        place = kept.place;
        show(found, kept.frame);
      } catch { close(); /* it is not open any more */ }
    }
    let choices = null;
    try { choices = await ask("vidcolor/folders"); } catch { /* the queue tells */ }
    const update = choices ? { __type__: "update", choices, value: listed() } : listed();
    return [update, ...DIALS.map((name) => dials[name])];
  }

  const FREE = "input, select, textarea, [contenteditable], [role=slider], [role=listbox], [role=combobox], video";
  function keys(event) {
    if (!film || opening || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.target.closest(FREE)) return;
    if (event.key === " " && event.target.closest("button, a, summary, label")) return;
    const does = {
      ArrowLeft: () => go(frame - 1), ArrowRight: () => go(frame + 1),
      ArrowUp: () => nextShot(-1), ArrowDown: () => nextShot(1), " ": flip,
    }[event.key];
    if (!does || (film.picture && event.key !== " ")) return;
    event.preventDefault();
    does();
  }

  function view(element) {
    const one = (name) => element.querySelector(name);
    one("#back").onclick = () => go(frame - 1);
    one("#on").onclick = () => go(frame + 1);
    for (const input of element.querySelectorAll("#frame input")) {
      const heard = () => { if (input.value !== "") go(Number(input.value)); };
      input.addEventListener(input.type === "range" ? "input" : "change", heard);
    }
    one("#strip").addEventListener("click", ({ target }) => {
      const button = target.closest("button[data-frame]");
      if (button) go(Number(button.dataset.frame));
    });
    one("#facts").addEventListener("change", ({ target }) => { // of scans
      if (target.id === "fps" && place?.place) choose({ place: place.place, fps: target.value.trim() }, film.name);
    });
    const box = one("#picture"), handle = one(".line");
    one("#full").onclick = () => (document.fullscreenElement ? document.exitFullscreen() : box.requestFullscreen()).catch(tell);
    one("#full").hidden = !document.fullscreenEnabled;
    const drag = ({ clientX }) => {
      const { left, width } = box.getBoundingClientRect();
      drawLine(100 * (clientX - left) / width);
    };
    box.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || box.classList.contains("empty")) return;
      event.preventDefault();
      handle.focus({ preventScroll: true });
      box.setPointerCapture(event.pointerId);
      drag(event);
    });
    box.addEventListener("pointermove", (event) => { if (box.hasPointerCapture(event.pointerId)) drag(event); });
    handle.addEventListener("keydown", (event) => {
      const to = {
        ArrowLeft: line - 2, ArrowDown: line - 2, ArrowRight: line + 2, ArrowUp: line + 2,
        PageDown: line - 20, PageUp: line + 20, Home: 0, End: 100, " ": line > 0 ? 0 : 100,
      }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      drawLine(to);
    });
    vidcolor.easel.mount(element, { go, shot, redraw: () => { if (film && !opening) preview(true); } });
    document.addEventListener("keydown", keys);
    window.addEventListener("resize", loadThumbs);
    drawLine(50);
    mounted();
  }

  Object.assign(vidcolor, { view, choose, listed, removed, turn, reset, start, begin });
})();
