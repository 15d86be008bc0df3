// What the page does itself: asks the server, tells what went wrong, takes films. What the server
// and films say goes through textContent; only `html.py`, which escapes, is taken as HTML.
const vidcolor = (() => {
  const find = (name) => document.querySelector(name);

  const make = (tag, words, text) => {
    const element = Object.assign(document.createElement(tag), words);
    if (text) element.textContent = text;
    return element;
  };

  // One voice: an error takes the place of the one before it, and nobody else tells of a server
  // that has gone.
  const say = (line) => {
    const told = find("#told .problem");
    if (!told) return;
    told.textContent = line || "";
    told.hidden = !line;
  };
  const lost = (gone) => {
    const told = find("#lost .problem");
    if (told) told.hidden = !gone;
    document.body.classList.toggle("lost", gone);
  };

  class Lost extends Error {}

  // What the server answers; throws what it refuses with, Lost where it is gone, AbortError where
  // `signal` says that nobody waits any more.
  async function ask(path, { say: said, method, signal } = {}) {
    const words = { method: method || (said ? "POST" : "GET"), cache: "no-store", signal };
    if (said) words.body = JSON.stringify(said);
    let answer;
    try {
      answer = await fetch(path, words);
    } catch (error) {
      if (error.name === "AbortError") throw error;
      lost(true);
      throw new Lost();
    }
    lost(false);
    if (answer.ok) return answer.json();
    let line = "";
    try { line = (await answer.json()).error; } catch { /* said below */ }
    throw new Error(line || "Open the address that vidcolor serve printed.");
  }

  const tell = (error) => {
    if (error.name !== "AbortError" && !(error instanceof Lost)) say(error.message);
  };

  const size = (bytes) => {
    const units = ["bytes", "kB", "MB", "GB", "TB"];
    let unit = 0;
    for (; bytes >= 1000 && unit < 4; unit++) bytes /= 1000;
    return `${bytes >= 100 || unit < 2 ? Math.round(bytes) : bytes.toFixed(1)} ${units[unit]}`;
  };

  // Seconds as 1:02:03; short films without hours.
  const clock = (seconds) => {
    const two = (n) => String(n).padStart(2, "0"), s = Math.floor(seconds);
    return (s >= 3600 ? [Math.floor(s / 3600), two(Math.floor(s / 60) % 60)] : [Math.floor(s / 60)]).concat(two(s % 60)).join(":");
  };

  // Uploads, and what was uploaded before. The first of several films is shown, all are listed.
  function picker(element, trigger) {
    const one = (name) => element.querySelector(name);
    const list = (films) => {
      const rows = films.map((film) => {
        const row = make("li");
        const open = make("button", { type: "button", className: "name" }, film.name);
        open.onclick = () => { trigger("upload"); vidcolor.choose({ film: film.id }, film.name); };
        const gone = make("button", { type: "button", title: "Remove it from this computer's temporary folder" }, "Remove");
        gone.setAttribute("aria-label", `Remove ${film.name}`);
        gone.onclick = async () => {
          try {
            list(await ask(`vidcolor/films/${film.id}/remove`, { method: "POST" }));
            vidcolor.removed(film.id);
            say("");
          } catch (error) { tell(error); }
        };
        row.append(open, make("span", {}, size(film.bytes)), gone);
        return row;
      });
      one(".uploads").replaceChildren(...rows);
      one(".uploads").hidden = !rows.length;
    };
    const look = async () => {
      try { list(await ask("vidcolor/films")); } catch { /* the queue tells */ }
    };

    const send = (file) => new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.upload.onprogress = (event) => { one("progress").value = event.loaded / event.total; };
      request.onerror = () => { lost(true); reject(new Lost()); };
      request.onload = () => {
        let answer = {};
        try { answer = JSON.parse(request.responseText); } catch { /* said below */ }
        if (answer.film) resolve(answer.film);
        else reject(new Error(answer.error || "The upload was refused."));
      };
      request.open("POST", "vidcolor/films?name=" + encodeURIComponent(file.name));
      request.send(file);
    });

    const take = async (files) => {
      if (one(".drop").classList.contains("busy")) return;
      say("");
      one(".drop").classList.add("busy");
      const refused = [];
      let shown = null;
      for (const file of [...files]) {
        one("progress").value = 0; one("progress").hidden = false;
        try {
          const film = await send(file);
          if (!shown) { trigger("upload"); shown = vidcolor.choose({ film }, file.name); }
        } catch (error) { if (error instanceof Lost) break; refused.push(error.message); }
        await look();
      }
      one("progress").hidden = true; one(".drop").classList.remove("busy"); one("input").value = "";
      await shown;
      await look();
      // What was refused is told together with what could not be opened.
      if (refused.length) say([find("#told .problem").textContent, ...refused].filter(Boolean).join(" · "));
    };

    element.addEventListener("change", ({ target }) => {
      if (target.type === "file" && target.files.length) take(target.files);
    });
    for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
      element.addEventListener(name, (event) => {
        event.preventDefault();
        one(".drop").classList.toggle("over", name === "dragenter" || name === "dragover");
        if (name === "drop" && event.dataTransfer.files.length) take(event.dataTransfer.files);
      });
    }
    look();
  }

  return { find, make, say, ask, tell, clock, Lost, picker };
})();
window.vidcolor = vidcolor;

// What is typed into a slider stays in its range, before anybody else hears of it.
document.addEventListener("input", ({ target }) => {
  if (target.type !== "number" || target.value === "") return;
  if (target.max !== "" && Number(target.value) > Number(target.max)) target.value = target.max;
  if (target.min !== "" && Number(target.value) < Number(target.min)) target.value = target.min;
}, true);

// Gradio's lists open for every key, also for the one that leaves them or comes to them: so that
// they cover each other and what stands below. They open for a click, for arrows, for letters.
(() => {
  const isList = ({ target }) => Boolean(target.closest?.("#listed, #weights, #size, #titles, #script, #purpose"));
  let tabbed = false;
  window.addEventListener("keydown", (event) => {
    if (event.key === "Tab") {
      tabbed = true;
      setTimeout(() => { tabbed = false; });
    }
    if ((event.key === "Tab" || event.key === "Shift") && isList(event)) event.stopPropagation();
  }, true);
  window.addEventListener("focus", (event) => {
    if (tabbed && event.target !== window && isList(event)) event.stopPropagation();
  }, true);
  window.addEventListener("pointerdown", ({ target }) => { // it opens when it gets the focus
    const closed = target === document.activeElement && target.getAttribute("aria-expanded") === "false";
    if (closed && isList({ target })) target.blur();
  }, true);
  // One that is left while it still opens opens all the same, and would stay open.
  window.addEventListener("focusout", (event) => {
    const list = event.target;
    if (!isList(event)) return;
    const close = () => {
      const open = list.getAttribute("aria-expanded") === "true";
      if (open && list !== document.activeElement) list.dispatchEvent(new FocusEvent("blur"));
    };
    for (const time of [50, 300, 1000]) setTimeout(close, time);
  }, true);
})();
