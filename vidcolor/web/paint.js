// The easel: a frame in color on a canvas. A place is set by a click, a stroke or an area; then it
// gets a color: one that the net suggests, any other, one picked from a picture, gray, or none.
(() => {
  const { make, ask, say, tell } = vidcolor;
  const NEAR = 12; // pixels of the screen within which a mark is meant
  const LEAST_STEP = 0.008; // between two points of a stroke
  const MOST_POINTS = 400;
  const FIRST = { // what to do with a tool
    point: "Click a thing in the picture, then choose its color.",
    stroke: "Draw a line along a thing, then choose its color.",
    polygon: "Click the corners of an area, then choose its color.",
    eraser: "Click a mark to remove it.",
    picker: "Click a color in the picture, or in an image that you dropped.",
  };

  let root = null, on = false;
  let film = null, frame = 0, dials = {};
  let hooks = null; // what view.js lends
  let image = null, gray = null; // pictures of the frame in color and gray
  let shows = "color"; // or "gray"
  let tool = "point";
  let pending = null; // a place that has no color yet: { kind, points, closed }
  let chosen = null; // number of the hint that is selected
  let pointer = [0.5, 0.5], cross = false; // place of the cross, and whether keys move it
  let drawing = false, erased = new Set();
  let last = ""; // the color that was used last
  let painting = null, suggesting = null; // AbortControllers
  const one = (name) => root.querySelector(name);
  const shown = () => one("canvas.shown"), marks = () => one("canvas.marks");
  const told = (line) => { one("#easel-told").textContent = line || FIRST[tool]; };
  const hints = () => (vidcolor.sheet.state()?.hints || []).filter((hint) => hint.frame === frame);
  const selected = () => hints().find((hint) => hint.number === chosen);
  const points = (place) => place.points;

  // The picture.
  async function load(address) {
    const picture = Object.assign(new Image(), { src: address });
    await picture.decode();
    return picture;
  }
  function put() {
    const picture = shows === "gray" ? gray || image : image;
    if (!picture) return;
    for (const canvas of [shown(), marks()]) {
      if (canvas.width !== picture.naturalWidth) canvas.width = picture.naturalWidth;
      if (canvas.height !== picture.naturalHeight) canvas.height = picture.naturalHeight;
    }
    shown().getContext("2d", { willReadFrequently: true }).drawImage(picture, 0, 0);
    shown().setAttribute("aria-busy", "false");
    draw();
  }
  async function paint() {
    painting?.abort();
    const mine = painting = new AbortController();
    one(".ring").hidden = false;
    try {
      const found = await ask(`vidcolor/films/${film.film}/${frame}/paint`, { say: { dials }, signal: mine.signal });
      const pair = await Promise.all([load(found.before), load(found.after)]);
      if (mine.signal.aborted) return;
      [gray, image] = pair;
      put();
      one(".ring").hidden = true;
      shown().dataset.painted = String(Number(shown().dataset.painted || 0) + 1);
    } catch (error) {
      if (mine.signal.aborted) return;
      one(".ring").hidden = true;
      tell(error);
    }
  }
  // Shows a frame: gray at once where it is another one, then as the sheet says.
  async function show(values, moved) {
    ({ film, frame, dials } = values);
    if (moved) {
      cancel();
      chosen = null;
      image = gray = null;
      shown().setAttribute("aria-busy", "true"); // until its picture is there, clicks would be of the last frame
      label();
    }
    vidcolor.sheet.moved(frame, dials);
    if (moved) {
      const here = frame, mine = film;
      try {
        const found = await ask(`vidcolor/films/${film.film}/${frame}/gray`);
        const picture = await load(found.gray);
        if (here !== frame || mine !== film) return;
        if (!image) { image = gray = picture; put(); }
      } catch (error) { tell(error); }
    }
    await paint();
  }
  function label() {
    const what = film.picture ? "The picture" : `Frame ${frame}`;
    shown().setAttribute("aria-label", `${what} in color; ${hints().length} places have a color`);
  }
  // The sheet has changed, or is here now.
  function heard(repaint) {
    if (!film || !on) return;
    const state = vidcolor.sheet.state();
    one("[data-do=undo]").disabled = !state.undo;
    one("[data-do=redo]").disabled = !state.redo;
    if (!selected()) chosen = null;
    label();
    buttons();
    draw();
    if (repaint) paint();
  }

  // Marks.
  const size = () => [marks().width, marks().height];
  function path(pen, place) {
    const [w, h] = size();
    pen.beginPath();
    points(place).forEach(([x, y], number) => (number ? pen.lineTo(x * w, y * h) : pen.moveTo(x * w, y * h)));
    if (place.kind === "polygon" && place.closed !== false) pen.closePath();
  }
  function drawPlace(pen, place, color, strong) {
    const [w, h] = size(), unit = w / marks().clientWidth || 1;
    const line = (width, style) => { pen.lineWidth = width * unit; pen.strokeStyle = style; pen.stroke(); };
    if (place.kind === "point") {
      const [x, y] = points(place)[0];
      const radius = Math.max(7 * unit, (place.width || 0.02) * Math.min(w, h) / 2);
      pen.beginPath();
      pen.arc(x * w, y * h, radius, 0, 2 * Math.PI);
      if (color) { pen.fillStyle = color; pen.fill(); }
    } else {
      path(pen, place);
      if (place.kind === "polygon" && strong) { pen.fillStyle = "rgb(255 255 255 / .18)"; pen.fill(); }
    }
    line(strong ? 6 : 4, "rgb(0 0 0 / .75)");
    line(strong ? 3.5 : 2, strong ? "#ffd08a" : place.kind === "point" ? "#fff" : color || "#fff");
    if (strong && place.kind !== "point") {
      for (const [x, y] of points(place)) {
        pen.beginPath();
        pen.arc(x * w, y * h, 3.5 * unit, 0, 2 * Math.PI);
        pen.fillStyle = "#ffd08a";
        pen.fill();
      }
    }
  }
  function draw() {
    const pen = marks().getContext("2d"), [w, h] = size();
    pen.clearRect(0, 0, w, h);
    pen.lineJoin = pen.lineCap = "round";
    for (const hint of hints()) if (!erased.has(hint.number)) drawPlace(pen, hint, hint.hex, hint.number === chosen);
    if (pending) drawPlace(pen, pending, "", true);
    if (cross && document.activeElement === shown()) {
      const [x, y] = [pointer[0] * w, pointer[1] * h], unit = w / marks().clientWidth || 1;
      for (const [width, style] of [[5, "#000"], [2, "#fff"]]) {
        pen.beginPath();
        pen.moveTo(x - 14 * unit, y); pen.lineTo(x + 14 * unit, y);
        pen.moveTo(x, y - 14 * unit); pen.lineTo(x, y + 14 * unit);
        pen.lineWidth = width * unit; pen.strokeStyle = style; pen.stroke();
      }
    }
  }

  // Which mark is meant.
  function distance([px, py], [ax, ay], [bx, by]) {
    const [dx, dy] = [bx - ax, by - ay], square = dx * dx + dy * dy;
    const t = square ? Math.max(0, Math.min(1, ((px - ax) * dx + (py - ay) * dy) / square)) : 0;
    return Math.hypot(px - ax - t * dx, py - ay - t * dy);
  }
  function hit(place, reach = NEAR) {
    const [w, h] = [shown().clientWidth, shown().clientHeight];
    const scale = ([x, y]) => [x * w, y * h];
    let best = null, least = Infinity;
    for (const hint of hints()) {
      const all = points(hint).map(scale);
      if (hint.kind === "polygon") all.push(all[0]);
      const pairs = all.length === 1 ? [[all[0], all[0]]] : all.slice(1).map((end, number) => [all[number], end]);
      const far = Math.min(...pairs.map(([a, b]) => distance(scale(place), a, b)));
      const own = hint.kind === "polygon" ? 0 : hint.width * Math.min(w, h) / 2;
      if (far - own <= reach && far < least) { best = hint; least = far; }
    }
    return best;
  }

  // What becomes of a place.
  const middle = (place) => points(place)[Math.floor(points(place).length / 2)];
  const ready = () => pending && pending.points.length >= { point: 1, stroke: 2, polygon: 3 }[pending.kind];
  function buttons() {
    one("[data-do=cancel]").hidden = !pending && chosen === null;
    one("[data-do=cancel]").textContent = pending ? "Cancel" : "Done";
    one("[data-do=delete]").hidden = chosen === null;
    one("[data-do=finish]").hidden = !(pending && pending.kind !== "point" && pending.closed === false && ready());
  }
  function cancel() {
    pending = null; chosen = null; drawing = false; erased = new Set();
    suggesting?.abort();
    if (!root) return;
    one(".swatches").replaceChildren();
    told("");
    buttons();
    draw();
  }
  function begin(kind, place) {
    chosen = null;
    pending = { kind, points: [place], width: Number(one(".width input").value), closed: kind !== "polygon" };
  }
  function finish() {
    if (!ready()) return;
    pending.closed = true;
    told("Choose its color.");
    buttons();
    draw();
    suggest(middle(pending));
  }
  function select(hint) {
    if (hint.frame !== frame) { hooks.go(hint.frame); return; }
    pending = null;
    chosen = hint.number;
    one(".thing").value = hint.name;
    told(`${hint.name || "This place"} has ${hint.color}. Choose another color, or remove it.`);
    buttons();
    draw();
    suggest(middle(hint));
  }
  async function suggest(place) {
    suggesting?.abort();
    const mine = suggesting = new AbortController();
    const box = one(".swatches");
    box.replaceChildren(make("span", { className: "soft" }, "Looking for likely colors…"));
    one(".place").scrollIntoView({ block: "nearest" }); // on a telephone it is below what is seen
    try {
      const found = await ask(`vidcolor/films/${film.film}/${frame}/suggest`, { say: { dials, point: place }, signal: mine.signal });
      if (mine.signal.aborted) return;
      const all = found.colors.map((color) => [color.color, `${color.name}, ${color.color}`, color.light]);
      if (last && !all.some(([color]) => color === last)) all.push([last, `${last}, the color used last`]);
      box.replaceChildren(...all.map((each) => swatch(...each)));
    } catch (error) {
      if (mine.signal.aborted) return;
      box.replaceChildren();
      tell(error);
    }
  }
  // The upper half is the color as it looks in the picture, the lower one as it would in the light.
  function swatch(color, name, light) {
    const button = make("button", { type: "button", className: "swatch", title: name });
    const saved = (vidcolor.sheet.state()?.saved || []).find((each) => `@${each.name}` === color);
    button.style.background = saved ? saved.hex : light ? `linear-gradient(${color} 50%, ${light} 50%)` : color;
    button.setAttribute("aria-label", name);
    button.onclick = () => apply(color);
    return button;
  }
  // Gives the place in hand a color, or the hint that is selected another one.
  async function apply(color) {
    if (pending && !pending.closed && ready()) pending.closed = true;
    const name = one(".thing").value.trim();
    if (!/^(gray|auto)$/.test(color)) last = color;
    if (pending && pending.closed && ready()) {
      const { kind, width } = pending;
      const said = { do: "hint", frame, [kind]: kind === "point" ? [pending.points[0]] : pending.points, color, width, name };
      pending = null;
      told(`Painted with ${color}. Choose another color, or click the next thing.`);
      if (await vidcolor.sheet.edit(said)) chosen = Math.max(...hints().map((hint) => hint.number));
      else told("");
      draw();
    } else if (chosen !== null) {
      told(`Painted with ${color}.`);
      await vidcolor.sheet.edit({ do: "change", number: chosen, color });
    } else told("First click a thing in the picture; then choose its color.");
    buttons();
  }
  function remove(numbers) {
    cancel();
    if (numbers.length) vidcolor.sheet.edit({ do: "remove", kind: "hint", numbers });
  }
  function take(canvas, [x, y]) {
    const pen = canvas.getContext("2d");
    const [px, py] = [Math.min(canvas.width - 1, Math.floor(x * canvas.width)), Math.min(canvas.height - 1, Math.floor(y * canvas.height))];
    const [r, g, b] = pen.getImageData(px, py, 1, 1).data;
    const color = `#${[r, g, b].map((code) => code.toString(16).padStart(2, "0")).join("")}`;
    pick(color);
  }
  // A color that is picked is that of the place in hand, or of the next one.
  function pick(color) {
    one(".place [type=color]").value = last = color;
    if (pending || chosen !== null) apply(color);
    else {
      told(`${color} is picked. Click a thing with the Point tool, then press Use it.`);
      one(".swatches").replaceChildren(swatch(color, `${color}, picked`));
    }
  }
  function choose(name) {
    tool = name;
    if (pending && !pending.closed) cancel();
    for (const button of root.querySelectorAll("[data-tool]")) {
      button.setAttribute("aria-checked", String(button.dataset.tool === name));
      button.tabIndex = button.dataset.tool === name ? 0 : -1;
    }
    root.dataset.tool = name;
    if (!pending && chosen === null) told("");
  }

  // A click, or Enter at the cross.
  function use(place) {
    if (!image) return;
    if (tool === "picker") { take(shown(), place); return; }
    if (tool === "eraser") { const hint = hit(place); if (hint) remove([hint.number]); return; }
    if (pending && pending.kind === tool && !pending.closed) { corner(place); return; }
    const hint = pending && !pending.closed ? null : hit(place);
    if (hint) { select(hint); return; }
    one(".thing").value = "";
    begin(tool, place);
    if (tool === "point") finish();
    else {
      pending.closed = false;
      told(tool === "polygon" ? "Click the corners; click the first one again to finish." : "Set its next point.");
      buttons();
      draw();
    }
  }
  function corner(place) {
    const [w, h] = [shown().clientWidth, shown().clientHeight], [x, y] = pending.points[0];
    const closes = tool === "polygon" && ready() && Math.hypot((place[0] - x) * w, (place[1] - y) * h) < NEAR;
    if (closes) { finish(); return; }
    if (pending.points.length < MOST_POINTS) pending.points.push(place);
    buttons();
    draw();
  }
  const placeOf = (canvas, event) => {
    const box = canvas.getBoundingClientRect();
    const inside = (value) => Math.min(1, Math.max(0, Math.round(value * 1e4) / 1e4));
    return [inside((event.clientX - box.left) / box.width), inside((event.clientY - box.top) / box.height)];
  };
  function down(event) {
    if (event.button !== 0 || !image) return;
    event.preventDefault();
    shown().focus({ preventScroll: true });
    cross = false;
    pointer = placeOf(shown(), event);
    if (tool === "stroke" && !hit(pointer, 2)) {
      shown().setPointerCapture(event.pointerId);
      one(".thing").value = "";
      begin("stroke", pointer);
      pending.closed = false;
      drawing = true;
    } else if (tool === "eraser") {
      shown().setPointerCapture(event.pointerId);
      drawing = true;
      erase();
    } else use(pointer);
    draw();
  }
  function erase() {
    const hint = hit(pointer);
    if (hint) erased.add(hint.number);
    draw();
  }
  function move(event) {
    if (!drawing) return;
    pointer = placeOf(shown(), event);
    if (tool === "eraser") { erase(); return; }
    const [x, y] = pending.points[pending.points.length - 1];
    const far = Math.hypot(pointer[0] - x, pointer[1] - y) >= LEAST_STEP;
    if (far && pending.points.length < MOST_POINTS) { pending.points.push(pointer); draw(); }
  }
  function up() {
    if (!drawing) return;
    drawing = false;
    if (tool === "eraser") { remove([...erased]); return; }
    if (ready()) finish(); else cancel();
  }

  function keys(event) {
    const step = event.shiftKey ? 0.1 : 0.01;
    const by = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (by) {
      cross = true;
      pointer = pointer.map((value, axis) => Math.min(1, Math.max(0, Math.round((value + by[axis]) * 1e4) / 1e4)));
      told(`${Math.round(pointer[0] * 100)} percent from the left, ${Math.round(pointer[1] * 100)} from the top`);
      draw();
    } else if (event.key === "Enter" || event.key === " ") { cross = true; use(pointer); draw(); }
    else if (event.key === "f" || event.key === "F") finish();
    else if (event.key === "Escape") cancel();
    else if ((event.key === "Delete" || event.key === "Backspace") && chosen !== null) remove([chosen]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
  function history(event) {
    if (!on || !film || !(event.ctrlKey || event.metaKey) || event.altKey) return;
    if (event.target.closest("input:not([type=range]):not([type=color]), textarea")) return;
    const key = event.key.toLowerCase();
    const what = key === "z" ? (event.shiftKey ? "redo" : "undo") : key === "y" ? "redo" : "";
    if (!what) return;
    event.preventDefault();
    cancel();
    vidcolor.sheet.edit({ do: what });
  }
  // Arrows go from one button of a group to the next, as in a list.
  function roam(event, group, act) {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    const all = [...group], to = all[(all.indexOf(event.target) + by + all.length) % all.length];
    act(to);
    to.focus();
  }

  function turn(to) {
    on = to;
    for (const [id, chosenTab] of [["#tab-look", !on], ["#tab-paint", on]]) {
      const tab = vidcolor.find(id);
      tab.setAttribute("aria-selected", String(chosenTab));
      tab.tabIndex = chosenTab ? 0 : -1;
    }
    vidcolor.find("#bench").classList.toggle("painting", on);
    root.hidden = !on;
    vidcolor.sheet.show(on);
    say("");
    hooks.redraw();
  }
  function wire() {
    const canvas = shown();
    canvas.addEventListener("pointerdown", down);
    canvas.addEventListener("pointermove", move);
    canvas.addEventListener("pointerup", up);
    canvas.addEventListener("pointercancel", () => cancel());
    canvas.addEventListener("dblclick", () => { if (pending && !pending.closed) finish(); });
    canvas.addEventListener("keydown", keys);
    canvas.addEventListener("focus", draw);
    canvas.addEventListener("blur", draw);
    document.addEventListener("keydown", history);
    const tools = root.querySelectorAll("[data-tool]");
    for (const button of tools) {
      button.onclick = () => choose(button.dataset.tool);
      button.addEventListener("keydown", (event) => roam(event, tools, (to) => choose(to.dataset.tool)));
    }
    for (const button of root.querySelectorAll("[data-color]")) {
      button.onclick = () => apply(button.dataset.color === "picked" ? one(".place [type=color]").value : button.dataset.color);
    }
    const does = {
      undo: () => { cancel(); vidcolor.sheet.edit({ do: "undo" }); },
      redo: () => { cancel(); vidcolor.sheet.edit({ do: "redo" }); },
      gray: ({ target }) => {
        shows = shows === "gray" ? "color" : "gray";
        target.setAttribute("aria-pressed", String(shows === "gray"));
        put();
      },
      finish, cancel, delete: () => remove([chosen]),
    };
    for (const button of root.querySelectorAll("[data-do]")) button.onclick = does[button.dataset.do];
    one(".thing").onchange = ({ target }) => {
      if (chosen !== null) vidcolor.sheet.edit({ do: "change", number: chosen, name: target.value });
    };
    one(".width input").oninput = ({ target }) => { if (pending) { pending.width = Number(target.value); draw(); } };
  }
  function mount(element, lent) {
    root = element.querySelector("#easel");
    hooks = lent;
    const tabs = [element.querySelector("#tab-look"), element.querySelector("#tab-paint")];
    tabs[0].onclick = () => turn(false);
    tabs[1].onclick = () => turn(true);
    for (const tab of tabs) tab.addEventListener("keydown", (event) => roam(event, tabs, (to) => turn(to === tabs[1])));
    vidcolor.sheet.mount(element);
    const picked = vidcolor.sheet.dropCanvas();
    picked.addEventListener("pointerdown", (event) => take(picked, placeOf(picked, event)));
    wire();
    choose("point");
  }
  vidcolor.easel = {
    mount, show, heard, select, apply, pick, tool: choose,
    on: () => on,
    open: (found) => { film = found; cancel(); image = gray = null; vidcolor.sheet.open(found); },
    shot: () => hooks.shot(),
    go: (to) => { hooks.go(to); one(".board").scrollIntoView({ block: "nearest" }); },
  };
})();
