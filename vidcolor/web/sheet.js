// What is said of the colors of the film that is shown: its color sheet, which the server keeps.
// Lists of it, and everything but the canvas. What is in a sheet goes through textContent.
(() => {
  const { make, ask, tell } = vidcolor;
  const LOOK = 3000; // milliseconds between two looks for edits by hand

  let film = null, frame = 0, dials = {};
  let state = null; // as the server describes the sheet
  let root = null; // #said
  let dropped = null; // the image file that was dropped last
  let playing = null; // id of the stretch that is being colored
  let editing = false; // whether the text is being edited
  const one = (name) => root.querySelector(name);
  const at = (rest = "") => `vidcolor/films/${film.film}/colors${rest}?frame=${frame}`;

  // Takes a state of the server; the picture is painted anew where something else is said.
  function take(found, repaint = true) {
    const other = !state || found.text !== state.text;
    state = found;
    fill();
    vidcolor.finds.heard(state, other);
    vidcolor.scenes.heard(other);
    vidcolor.easel.heard(other && repaint);
  }
  async function load(repaint) {
    const mine = film, here = frame;
    try {
      const found = await ask(at());
      if (mine === film && here === frame) take(found, repaint);
    } catch (error) { tell(error); }
  }
  async function edit(said) {
    vidcolor.say("");
    try { take(await ask(at(), { say: said })); return true; } catch (error) { tell(error); return false; }
  }
  function open(found) { if (film?.film !== found.film) { state = null; drop(null); stopPlay(); } film = found; vidcolor.finds.open(found); vidcolor.scenes.open(found); }
  function moved(to, values) { frame = to; dials = values; vidcolor.finds.moved(to); vidcolor.scenes.moved(values); load(false); }

  async function look() {
    if (film && !root.hidden && !document.hidden) {
      const mine = film, here = frame;
      try {
        const found = await ask(at());
        const news = !state || found.text !== state.text || found.shot.known !== state.shot.known
          || found.all_shots !== state.all_shots;
        if (mine === film && here === frame && news) take(found);
      } catch { /* the queue tells */ }
    }
    setTimeout(look, LOOK);
  }

  // Lists.
  const swatch = (hex) => {
    const box = make("span", { className: hex ? "dot" : "dot auto" });
    if (hex) box.style.background = hex;
    return box;
  };
  const kinds = { point: "point", stroke: "stroke", polygon: "area" };
  const words = (hint) => `${hint.name || kinds[hint.kind]}: ${hint.color}`;
  function row(parts, removes, label) {
    const item = make("li");
    const gone = make("button", { type: "button", className: "gone" }, "Remove");
    gone.setAttribute("aria-label", `Remove ${label}`);
    gone.onclick = () => edit(removes);
    item.append(...parts, gone);
    return item;
  }
  const inShot = (number) => {
    const [from, to] = vidcolor.easel.shot();
    return number >= from && number < to;
  };
  function fillHints() {
    const list = state.hints.filter((hint) => inShot(hint.frame)).map((hint) => {
      const name = make("button", { type: "button", className: "name" }, words(hint));
      name.onclick = () => vidcolor.easel.select(hint);
      const where = make("span", { className: "soft" }, film.picture ? "" : `frame ${hint.frame}`);
      return row([swatch(hint.hex), name, where], { do: "remove", kind: "hint", numbers: [hint.number] }, words(hint));
    });
    if (!list.length) list.push(make("li", { className: "soft" }, "Nothing yet. Click a thing in the picture, then choose its color."));
    one(".hints").replaceChildren(...list);
  }
  function fillImages() {
    one(".images").replaceChildren(...state.references.map((reference) => {
      const image = make("img", { alt: "", src: `vidcolor/films/${film.film}/colors/images?name=${encodeURIComponent(reference.image)}` });
      const is = reference.frame === null ? "a look" : `frame ${reference.frame}`;
      const text = make("span", { className: "name" }, `${reference.image}: ${is}`);
      return row([image, text], { do: "remove", kind: "reference", numbers: [reference.number] }, reference.image);
    }));
  }
  function fillSaved() {
    one(".saved").replaceChildren(...state.saved.map((color) => {
      const use = make("button", { type: "button", className: "name" }, `@${color.name}`);
      use.setAttribute("aria-label", `Use ${color.name}, ${color.color}`);
      use.onclick = () => vidcolor.easel.apply(`@${color.name}`);
      const change = make("input", { type: "color", value: color.hex });
      change.setAttribute("aria-label", `Color of ${color.name}`);
      change.onchange = () => edit({ do: "save", name: color.name, color: change.value });
      return row([change, use], { do: "save", name: color.name, color: null }, color.name);
    }));
  }
  function fillDials() {
    for (const select of root.querySelectorAll("[data-dial]")) {
      const value = state.shot.dials[select.dataset.dial];
      const text = value === null ? "" : String(value);
      if (![...select.options].some((option) => option.value === text)) select.append(new Option(text, text));
      select.value = text;
      select.disabled = !state.shot.known;
    }
    one(".wait").hidden = state.shot.known;
    one(".shot-dials").hidden = one(".play").hidden = false;
    one("#said-shot h3").textContent = film.picture ? "This picture" : "This shot";
    one(".play").hidden = film.picture;
    one("[data-dial=smooth]").parentElement.hidden = film.picture;
    one("[data-use=frame]").hidden = film.picture;
  }
  function fill() {
    fillHints();
    fillImages();
    fillSaved();
    fillDials();
    one(".note").textContent = state.note;
    one(".note").hidden = !state.note;
    one("#said-sheet a").href = `vidcolor/films/${film.film}/colors/sheet`;
    if (!editing) one("textarea").value = state.text;
    mark();
  }

  // The timeline tells which shots have something said.
  function mark() {
    const buttons = [...document.querySelectorAll("#strip button[data-frame]")];
    buttons.forEach((button, number) => {
      const from = Number(button.dataset.frame);
      const to = number + 1 < buttons.length ? Number(buttons[number + 1].dataset.frame) : Infinity;
      const inside = (place) => place !== null && place >= from && place < to;
      const said = Boolean(state) && (state.hints.some((hint) => inside(hint.frame))
        || state.references.some((reference) => inside(reference.frame))
        || state.stretches.some((stretch) => stretch.from < to && stretch.to >= from));
      button.classList.toggle("said", said);
      const label = (button.getAttribute("aria-label") || "").replace(/, colors set$/, "");
      button.setAttribute("aria-label", label + (said ? ", colors set" : ""));
    });
  }

  // Files: the body is the file itself.
  async function send(path, file) {
    let answer;
    try { answer = await fetch(path, { method: "POST", body: file, cache: "no-store" }); } catch { throw new Error("The connection to vidcolor is lost."); }
    const found = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(found.error || "The upload was refused.");
    return found;
  }
  const problem = (line) => {
    one("#said-sheet .problem").textContent = line;
    one("#said-sheet .problem").hidden = !line;
  };
  async function upload(files) {
    problem("");
    const isSheet = (file) => file.name.toLowerCase().endsWith(".toml");
    try {
      for (const file of files.filter((each) => !isSheet(each))) {
        take(await send(`${at("/images")}&name=${encodeURIComponent(file.name)}`, file), false);
      }
      const sheet = files.find(isSheet);
      if (sheet) { editing = false; take(await send(at("/sheet"), sheet)); }
    } catch (error) { problem(error.message); }
  }
  async function drop(file) {
    dropped = file;
    if (!root) return;
    one(".dropped").hidden = !file;
    if (!file) return;
    const canvas = one(".dropped canvas"), image = new Image(), address = URL.createObjectURL(file);
    try {
      image.src = address;
      await image.decode();
      const scale = Math.min(1, 640 / image.naturalWidth);
      canvas.width = Math.max(1, Math.round(image.naturalWidth * scale));
      canvas.height = Math.max(1, Math.round(image.naturalHeight * scale));
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.hidden = false;
    } catch { canvas.hidden = true; /* TIFF: browsers do not show it, vidcolor reads it */ }
    URL.revokeObjectURL(address);
  }
  async function useDropped(use) {
    if (!dropped) return;
    if (use === "none") { vidcolor.easel.tool("picker"); return; }
    try {
      take(await send(`${at("/images")}&use=${use}&name=${encodeURIComponent(dropped.name)}`, dropped));
      drop(null);
    } catch (error) { tell(error); }
  }

  // A stretch in color.
  async function play() {
    stopPlay();
    const told = one(".playing"), seconds = Number(one(".play input[type=number]").value);
    const own = one(".fast").checked ? { ...dials, size: Math.min(dials.size, 192) } : dials;
    told.textContent = "Coloring…";
    try {
      const job = await ask(`vidcolor/films/${film.film}/${frame}/play`, { say: { seconds, dials: own } });
      playing = job.id;
      follow(job.id);
    } catch (error) { told.textContent = ""; tell(error); }
  }
  async function follow(id) {
    if (playing !== id) return;
    try {
      const job = await ask(`vidcolor/plays/${id}`);
      if (playing !== id) return;
      if (job.state === "done") {
        const video = one("video");
        video.src = `vidcolor/plays/${id}/film.mp4`;
        video.hidden = false;
        one(".playing").textContent = "";
        video.play().catch(() => { /* the person presses play */ });
        return;
      }
      if (job.state === "failed" || job.state === "stopped") {
        one(".playing").textContent = job.line || "Stopped.";
        return;
      }
      one(".playing").textContent = job.frames ? `Coloring… ${job.frames} frames` : "Coloring…";
    } catch (error) { one(".playing").textContent = error.message; return; }
    setTimeout(() => follow(id), 500);
  }
  function stopPlay() {
    if (playing) ask(`vidcolor/plays/${playing}/stop`, { method: "POST" }).catch(() => {});
    playing = null;
    if (!root) return;
    one(".playing").textContent = "";
    one("video").hidden = true;
    one("video").removeAttribute("src");
  }

  function fillOptions(select) {
    const most = select.dataset.dial === "saturation" ? 2 : 1;
    if (select.dataset.dial === "keep_gray") return;
    select.append(new Option("usual", ""));
    for (let tenth = 0; tenth <= most * 10; tenth++) select.append(new Option(String(tenth / 10), String(tenth / 10)));
  }
  function turnDials() {
    const values = {};
    for (const select of root.querySelectorAll("[data-dial]")) {
      const name = select.dataset.dial;
      values[name] = select.value === "" ? null : name === "keep_gray" ? select.value === "true" : Number(select.value);
    }
    edit({ do: "dials", frame, dials: values });
  }
  function mount(element) {
    root = element.querySelector("#said");
    vidcolor.finds.mount(element);
    vidcolor.scenes.mount(element);
    for (const select of root.querySelectorAll("[data-dial]")) { fillOptions(select); select.onchange = turnDials; }
    one("#said-saved form").onsubmit = async (event) => {
      event.preventDefault();
      const [name, color] = event.target.querySelectorAll("input");
      if (await edit({ do: "save", name: name.value, color: color.value })) name.value = "";
    };
    one("#said-sheet [type=file]").onchange = ({ target }) => { upload([...target.files]).then(() => { target.value = ""; }); };
    one("#said-references [type=file]").onchange = ({ target }) => { drop(target.files[0]); target.value = ""; };
    for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
      one("#said-references").addEventListener(name, (event) => {
        event.preventDefault();
        one(".drop.small").classList.toggle("over", name === "dragenter" || name === "dragover");
        if (name === "drop" && event.dataTransfer.files.length) drop(event.dataTransfer.files[0]);
      });
    }
    for (const button of root.querySelectorAll("[data-use]")) button.onclick = () => useDropped(button.dataset.use);
    one("[data-do=play]").onclick = play;
    one("details").ontoggle = ({ target }) => { editing = target.open && editing; };
    one("textarea").oninput = () => { editing = true; };
    one("[data-do=apply]").onclick = () => {
      editing = false;
      const file = new File([one("textarea").value], "sheet.toml");
      const text = one("textarea").value;
      upload([file]).then(() => { if (!one("#said-sheet .problem").hidden) { editing = true; one("textarea").value = text; } });
    };
    look();
  }
  vidcolor.sheet = {
    mount, open, moved, edit, mark, load, take,
    show: (on) => { root.hidden = !on; },
    state: () => state,
    dropCanvas: () => one(".dropped canvas"),
  };
})();
