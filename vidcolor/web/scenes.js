// The scenes of a film: which shots show the same, and the colors that they agree upon. A picture
// of a scene leads to its frame, where a hint corrects it.
(() => {
  const { make, ask, say, tell, clock } = vidcolor;
  const LOOK = 500; // milliseconds between two looks at what is being made
  const RUNNING = ["waiting", "running", "stopping"];

  let film = null, dials = {};
  let script = null; // as the server describes the last one
  let drawn = ""; // id of the one that the lists show
  let root = null;
  const one = (name) => root.querySelector(name);
  const at = () => `vidcolor/films/${film.film}/scenes`;
  const runs = () => Boolean(script) && RUNNING.includes(script.state);
  const told = (line) => { if (one(".told").textContent !== line) one(".told").textContent = line; };
  const many = (count, thing) => `${count.toLocaleString("en")} ${thing}${count === 1 ? "" : "s"}`;

  async function send(said) {
    say("");
    const mine = film;
    try {
      const found = await ask(at(), { say: said });
      if (mine !== film) return;
      take(found);
      follow(script);
    } catch (error) { tell(error); }
  }
  async function follow(mine) {
    while (mine === script && runs()) {
      await new Promise((resolve) => { setTimeout(resolve, LOOK); });
      if (mine !== script) return;
      try {
        const here = film, found = await ask(at());
        if (here !== film || mine !== script) return;
        take(found);
        mine = script;
      } catch { /* the queue tells */ }
    }
  }
  // What is being made, or was; a screen reader hears of the beginning and the end.
  function take(found) {
    const held = document.activeElement?.dataset.do === "stop" && one(".looking").contains(document.activeElement);
    script = found.id ? found : null;
    const done = Boolean(script) && script.state === "done";
    one(".looking").hidden = !runs();
    one("[data-do=make]").hidden = runs();
    one("[data-do=make]").textContent = done ? "Find them again" : "Find the scenes";
    if (held && !runs()) one("[data-do=make]").focus();
    one(".how").hidden = !done;
    one(".old").hidden = !done || !script.old;
    if (!done) clear();
    if (!script) { told(""); return; }
    const bar = one("progress");
    if (script.total) { bar.max = script.total; bar.value = script.frames; } else bar.removeAttribute("value");
    const of = script.total ? ` of ${script.total.toLocaleString("en")}` : "";
    one(".count").textContent = script.doing ? `${script.doing}: ${script.frames.toLocaleString("en")}${of} frames` : "";
    if (runs()) told("Making the color script…");
    if (script.state === "stopped") told("Stopped.");
    if (script.state === "failed") told(script.line);
    if (done) fill();
  }

  function clear() {
    drawn = "";
    for (const list of root.querySelectorAll(".scenes, .notes")) list.replaceChildren();
    one(".scenes").hidden = one(".singles").hidden = one("[data-do=before]").hidden = true;
    show(false);
  }
  function fill() {
    if (drawn === script.id) return;
    clear();
    drawn = script.id;
    const several = script.scenes.filter((scene) => scene.frames > 1);
    const singles = script.scenes.filter((scene) => scene.frames === 1);
    told(several.length
      ? `${many(script.shots, "shot")} in ${many(script.scenes.length, "scene")}.`
      : "No two shots show the same, so each keeps its own colors.");
    one(".notes").replaceChildren(...script.notes.map((note) => make("li", {}, note)));
    one(".scenes").replaceChildren(...several.map(row));
    one(".scenes").hidden = one("[data-do=before]").hidden = !several.length;
    one(".singles .scenes").replaceChildren(...singles.map(row));
    one(".singles summary").textContent = `${many(singles.length, "scene")} of a single key frame: nothing else agreed with ${singles.length === 1 ? "it" : "them"}`;
    one(".singles").hidden = !singles.length;
    one(".singles").open = false;
  }
  function row(scene) {
    const item = make("li", { className: "scene" }), head = make("div", { className: "head" });
    const left = scene.frames - scene.keys.length;
    head.append(make("b", {}, `Scene ${scene.number}`));
    head.append(make("span", { className: "soft" }, many(scene.shots, "shot") + (left ? ` · ${many(left, "more key frame")}` : "")));
    if (scene.frames > 1) head.append(palette(scene, "before"));
    head.append(palette(scene, "after"));
    const frames = make("ul", { className: "frames" });
    frames.setAttribute("aria-label", `Key frames of scene ${scene.number}`);
    frames.append(...scene.keys.map((key) => picture(scene, key)));
    item.append(head, frames);
    return item;
  }
  function palette(scene, when) {
    const box = make("span", { className: scene.frames > 1 ? `palette of-${when}` : "palette" });
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", `Colors of scene ${scene.number}${scene.frames > 1 ? `, ${when}` : ""}`);
    box.append(...scene[when].map(({ color, share }) => {
      const swatch = make("button", { type: "button", title: color });
      swatch.style.background = color;
      swatch.setAttribute("aria-label", `Pick ${color}, ${Math.round(share * 100)} % of the picture`);
      swatch.onclick = () => vidcolor.easel.pick(color);
      return swatch;
    }));
    return box;
  }
  function picture(scene, key) {
    const item = make("li"), go = make("button", { type: "button", className: "go", title: "Show this frame" });
    const time = clock(key.frame / film.rate);
    go.setAttribute("aria-label", `Scene ${scene.number} at ${time}: show this frame`);
    const image = (name, words = {}) => go.append(make("img", { alt: "", loading: "lazy", src: `vidcolor/films/${film.film}/${name}.jpg`, ...words }));
    if (scene.frames > 1) for (const when of ["before", "after"]) image(`scenes/${key[when]}`, { className: `of-${when}` });
    else image(key.after ? `scenes/${key.after}` : key.frame);
    go.append(make("span", {}, time));
    go.onclick = () => vidcolor.easel.go(key.frame);
    item.append(go);
    return item;
  }
  function show(before) {
    root.classList.toggle("is-before", before);
    root.classList.toggle("is-after", !before);
    one("[data-do=before]").setAttribute("aria-pressed", String(before));
  }

  // Arrows go from picture to picture, and from scene to scene.
  function keys(event) {
    const go = event.target.closest(".go");
    if (!go || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const scene = go.closest(".scene"), first = (other) => other?.querySelector(".go");
    const does = {
      ArrowRight: () => first(go.parentElement.nextElementSibling), ArrowLeft: () => first(go.parentElement.previousElementSibling),
      ArrowDown: () => first(scene.nextElementSibling), ArrowUp: () => first(scene.previousElementSibling),
    }[event.key];
    if (!does) return;
    event.preventDefault();
    event.stopPropagation();
    does()?.focus();
  }

  // Another film: its script is shown again, if it has one.
  async function open(found) {
    film = found;
    take({});
    root.hidden = film.picture;
    if (film.picture) return;
    try {
      const last = await ask(at());
      if (film === found) { take(last); follow(script); }
    } catch (error) { tell(error); }
  }
  // The sheet says something else: what is shown may be old.
  async function heard(other) {
    if (!other || !script || script.state !== "done") return;
    const mine = script, here = film;
    try {
      const found = await ask(at());
      if (mine === script && here === film) take(found);
    } catch { /* the queue tells */ }
  }
  function mount(element) {
    root = element.querySelector("#said-scenes");
    one("[data-do=make]").onclick = () => send({ do: "make", dials });
    one("[data-do=stop]").onclick = () => send({ do: "stop" });
    one("[data-do=before]").onclick = () => show(!root.classList.contains("is-before"));
    for (const list of root.querySelectorAll(".scenes")) list.addEventListener("keydown", keys);
    show(false);
  }
  vidcolor.scenes = { mount, open, heard, moved: (values) => { dials = values; } };
})();
