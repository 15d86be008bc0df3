// The same thing in other shots: a thing that a hint names is looked for, and each place that is
// found is kept as a hint or struck.
(() => {
  const { make, ask, say, tell, clock } = vidcolor;
  const LOOK = 500; // milliseconds between two looks at a search
  const RUNNING = ["waiting", "running", "stopping"];

  let film = null, frame = 0;
  let search = null; // as the server describes the last one
  let drawn = ""; // what the list was made of
  let root = null;
  const one = (name) => root.querySelector(name);
  const at = () => `vidcolor/films/${film.film}/found?frame=${frame}`;
  const runs = () => Boolean(search) && RUNNING.includes(search.state);
  const told = (line) => { one(".told").textContent = line; };

  // Things that have a name.
  function names(state) {
    const things = new Map();
    for (const hint of state.hints) if (hint.name) things.set(hint.name, [...(things.get(hint.name) || []), hint]);
    const fresh = JSON.stringify([[...things.keys()], [...things.values()].map((all) => [all.length, all[0].hex]), state.all_shots]);
    if (one(".things").dataset.drawn === fresh) return;
    one(".things").dataset.drawn = fresh;
    const held = one(".things").contains(document.activeElement) ? document.activeElement.dataset.thing : null;
    const rows = [...things].map(([name, hints]) => {
      const row = make("li"), dot = make("span", { className: hints[0].hex ? "dot" : "dot auto" });
      if (hints[0].hex) dot.style.background = hints[0].hex;
      const find = make("button", { type: "button" }, "Find in other shots");
      find.setAttribute("aria-label", `Find ${name} in other shots`);
      find.dataset.thing = name;
      find.disabled = !state.all_shots;
      find.onclick = () => begin(name);
      const many = hints.length === 1 ? "1 place" : `${hints.length} places`;
      row.append(dot, make("span", { className: "name" }, name), make("span", { className: "soft" }, many), find);
      return row;
    });
    one(".things").replaceChildren(...rows);
    one(".none").hidden = rows.length > 0;
    one(".early").hidden = !rows.length || state.all_shots;
    if (held !== null) [...root.querySelectorAll("[data-thing]")].find((each) => each.dataset.thing === held)?.focus();
  }

  async function begin(name) {
    told("");
    if (await send({ do: "find", name })) follow(search);
  }
  async function stop() {
    if (await send({ do: "stop" })) follow(search);
  }
  // Says something to the server; takes what it answers.
  async function send(said) {
    say("");
    const mine = film;
    try {
      const answer = await ask(at(), { say: said });
      if (mine !== film) return false;
      take(answer.found);
      vidcolor.sheet.take(answer.colors);
      return true;
    } catch (error) { tell(error); return false; }
  }
  async function follow(mine) {
    while (mine === search && runs()) {
      await new Promise((resolve) => { setTimeout(resolve, LOOK); });
      if (mine !== search) return;
      try {
        const here = film, found = await ask(at());
        if (here !== film || mine !== search) return;
        take(found);
        mine = search;
      } catch { /* the queue tells */ }
    }
  }
  // What is looked for now, and what was found; a screen reader hears of the beginning and the end.
  function take(found) {
    const before = search, was = before && before.name === found.name ? before.state : "";
    search = found.name ? found : null;
    one(".looking").hidden = !runs();
    one(".places").hidden = one(".how").hidden = !search || search.state !== "done" || !search.places.length;
    if (!search) { places([]); told(""); return; }
    const bar = one("progress");
    if (search.total) { bar.max = search.total; bar.value = search.frames; } else bar.removeAttribute("value");
    one(".count").textContent = search.total ? `${search.frames} of ${search.total} frames` : "";
    if (runs() && !RUNNING.includes(was)) told(`Looking for ${search.name}…`);
    if (search.state === "stopped") told("Stopped.");
    if (search.state === "failed") told(search.line);
    if (search.state === "done" && was !== "done") told(count());
    places(search.state === "done" ? search.places : []);
  }
  function count() {
    const left = search.places.length;
    if (!search.found) return `${search.name} was found in no other shot.`;
    if (!left) return `Nothing is left to look at for ${search.name}.`;
    return `${search.name} may be in ${left} other ${left === 1 ? "shot" : "shots"}.`;
  }

  // Places, the surest first; one that is judged hands the focus to the next.
  function places(all) {
    const fresh = JSON.stringify(all);
    if (fresh === drawn) return;
    drawn = fresh;
    one(".places").replaceChildren(...all.map(place));
  }
  function place(found) {
    const item = make("li"), when = film.rate ? clock(found.frame / film.rate) : "";
    const sure = `${Math.round(found.sure * 100)} % sure`;
    item.dataset.number = found.number;
    const go = make("button", { type: "button", className: "go", title: "Show this frame" });
    go.setAttribute("aria-label", `${search.name} at ${when}, ${sure}: show this frame`);
    const image = make("img", { alt: "", src: `vidcolor/films/${film.film}/found/${found.picture}.jpg` });
    const ring = make("span", { className: "mark" });
    ring.style.left = `${found.point[0] * 100}%`;
    ring.style.top = `${found.point[1] * 100}%`;
    go.append(image, ring);
    go.onclick = () => vidcolor.easel.go(found.frame);
    const words = make("span", { className: "words" });
    words.append(make("b", {}, sure), make("span", { className: "soft" }, `at ${when}`));
    const keep = make("button", { type: "button", className: "keep" }, "Keep");
    keep.setAttribute("aria-label", `Keep ${search.name} at ${when}`);
    keep.onclick = () => judge(item, "keep");
    const strike = make("button", { type: "button", className: "strike" }, "Strike");
    strike.setAttribute("aria-label", `Strike ${search.name} at ${when}`);
    strike.onclick = () => judge(item, "strike");
    const acts = make("span", { className: "acts" }), side = make("span", { className: "side" });
    acts.append(keep, strike);
    side.append(words, acts);
    item.append(go, side);
    return item;
  }
  async function judge(item, what) {
    const kind = document.activeElement?.className, held = item.contains(document.activeElement);
    const next = (item.nextElementSibling || item.previousElementSibling)?.dataset.number;
    if (!(await send({ do: what, number: Number(item.dataset.number) }))) return;
    told(`${what === "keep" ? "Kept" : "Struck"}. ${count()}`);
    if (!held) return;
    const after = next && one(`.places [data-number="${next}"]`);
    if (after) (after.querySelector(`.${kind}`) || after.querySelector(".keep")).focus();
    else one(".things button")?.focus();
  }
  function keys(event) {
    const item = event.target.closest("li");
    if (!item || event.ctrlKey || event.metaKey || event.altKey) return;
    const to = { ArrowDown: item.nextElementSibling, ArrowUp: item.previousElementSibling }[event.key];
    const does = { k: "keep", s: "strike", Delete: "strike" }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (does) judge(item, does);
    else if (to) to.querySelector(`.${event.target.className}`)?.focus();
    else if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
  }

  // Another film: what was looked for there is shown again.
  async function open(found) {
    film = found;
    search = null;
    take({});
    names({ hints: [], all_shots: true });
    root.hidden = film.picture;
    if (film.picture) return;
    try {
      const last = await ask(at());
      if (film === found) { take(last); follow(search); }
    } catch (error) { tell(error); }
  }
  // The sheet says something else: places may have got a hint, or lost it.
  async function heard(state, other) {
    names(state);
    if (!other || !search || search.state !== "done") return;
    const mine = search, here = film;
    try {
      const found = await ask(at());
      if (mine === search && here === film) take(found);
    } catch { /* the queue tells */ }
  }
  function mount(element) {
    root = element.querySelector("#said-found");
    one("[data-do=stop]").onclick = stop;
    one(".places").addEventListener("keydown", keys);
  }
  vidcolor.finds = { mount, open, heard, moved: (to) => { frame = to; } };
})();
