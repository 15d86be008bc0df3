// What the page does itself: uploads, the strip, the queue. All text goes through textContent.
const desk = (() => {
  const make = (tag, words, text) => {
    const element = Object.assign(document.createElement(tag), words);
    if (text) element.textContent = text;
    return element;
  };

  function picker(element, trigger) {
    const find = (name) => element.querySelector(name);
    const say = (line) => {
      find(".problem").textContent = line;
      find(".problem").hidden = !line;
    };
    const send = (file) => {
      const bar = find("progress"), drop = find(".drop");
      const done = () => { bar.hidden = true; drop.classList.remove("busy"); find("input").value = ""; };
      const request = new XMLHttpRequest();
      say("");
      bar.value = 0; bar.hidden = false; drop.classList.add("busy");
      request.upload.onprogress = (event) => { bar.value = event.loaded / event.total; };
      request.onerror = () => { done(); say("The upload was interrupted. Is vidcolor still running?"); };
      request.onload = () => {
        let answer = {};
        try { answer = JSON.parse(request.responseText); } catch { /* said below */ }
        done();
        if (answer.film) trigger("upload", { film: answer.film });
        else say(answer.error || "The upload was refused.");
      };
      request.open("POST", "desk/films?name=" + encodeURIComponent(file.name));
      request.send(file);
    };
    element.addEventListener("change", (event) => {
      if (event.target.type === "file" && event.target.files.length) send(event.target.files[0]);
    });
    for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
      element.addEventListener(name, (event) => {
        event.preventDefault();
        find(".drop").classList.toggle("over", name === "dragenter" || name === "dragover");
        if (name === "drop" && event.dataTransfer.files.length) send(event.dataTransfer.files[0]);
      });
    }
  }

  function strip(element, trigger) {
    element.addEventListener("click", (event) => {
      const button = event.target.closest("button[data-frame]");
      if (button) trigger("select", { frame: Number(button.dataset.frame) });
    });
  }

  const clock = (seconds) => {
    const s = Math.max(0, Math.round(seconds));
    const two = (n) => String(n).padStart(2, "0");
    const [h, m] = [Math.floor(s / 3600), Math.floor(s / 60) % 60];
    return h ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
  };

  const told = (job) => {
    const frames = job.frames == null ? "" : job.frames.toLocaleString("en");
    const of = job.total ? ` of ${job.total.toLocaleString("en")}` : "";
    const rate = job.per_second ? ` · ${job.per_second.toFixed(1)} frames a second` : "";
    const left = job.left == null ? "" : ` · about ${clock(job.left)} left`;
    return {
      waiting: "Waiting for its turn",
      running: frames && job.frames ? `${frames}${of} frames${rate}${left}` : "Starting…",
      stopping: "Stopping…",
      stopped: "Stopped. What is done is kept: Resume goes on from there.",
      done: `Done: ${frames} frames` + (job.seconds ? ` in ${clock(job.seconds)}` : ""),
      failed: job.line,
    }[job.state];
  };

  const ACTS = {
    waiting: [["remove", "Remove"]],
    running: [["stop", "Cancel"]],
    stopping: [],
    stopped: [["resume", "Resume"], ["remove", "Remove"]],
    done: [["remove", "Remove"]],
    failed: [["resume", "Try again"], ["again", "Start over"], ["remove", "Remove"]],
  };

  function queue(element) {
    const list = make("ol", { className: "jobs" });
    const empty = make("p", { className: "empty" }, "No film yet. Choose one, look at it, then press Colour this film.");
    const lost = make("p", { className: "problem", hidden: true }, "vidcolor does not answer. Was it closed?");
    lost.setAttribute("role", "alert");
    const title = make("h2", {}, "Queue");
    element.replaceChildren(title, lost, empty, list);
    const rows = new Map();

    const act = async (id, what) => show(await ask(`desk/jobs/${id}/${what}`, "POST"));
    const ask = async (path, method) => {
      try {
        const answer = await fetch(path, { method, cache: "no-store" });
        lost.hidden = answer.ok || answer.status === 404;
        return answer.ok ? await answer.json() : null;
      } catch {
        lost.hidden = false;
        return null;
      }
    };

    const row = (job) => {
      const item = make("li", { className: "job" });
      const words = make("div", { className: "words" });
      const bar = make("progress", { max: 1, value: 0 });
      bar.setAttribute("aria-label", "Progress of " + job.name);
      const name = make("strong", {}, job.name), line = make("span", { className: "line" });
      const notes = make("span", { className: "notes" }), acts = make("div", { className: "acts" });
      words.append(name, line, notes);
      item.append(words, bar, acts);
      return { item, bar, line, notes, acts, state: "" };
    };

    const fill = (parts, job) => {
      parts.line.textContent = told(job);
      parts.notes.textContent = [job.choice, ...job.notes].join(" · ");
      const share = job.state === "done" ? 1 : job.total ? job.frames / job.total : 0;
      if (job.state === "running" && !job.total) parts.bar.removeAttribute("value");
      else parts.bar.value = Math.min(1, share);
      if (parts.state === job.state) return;
      parts.state = parts.item.dataset.state = job.state;
      const buttons = ACTS[job.state].map(([what, label]) => {
        const button = make("button", { type: "button", onclick: () => act(job.id, what) }, label);
        button.setAttribute("aria-label", `${label}: ${job.name}`);
        return button;
      });
      if (job.state === "done") {
        const path = `desk/jobs/${job.id}/film`;
        if (job.watch) buttons.unshift(make("a", { href: path + "?watch=true", target: "_blank" }, "Watch"));
        buttons.unshift(make("a", { href: path, download: job.result, className: "main" }, "Download"));
      }
      parts.acts.replaceChildren(...buttons);
    };

    const show = (jobs) => {
      if (!jobs) return;
      empty.hidden = jobs.length > 0;
      const here = new Set(jobs.map((job) => job.id));
      for (const [id, parts] of rows) if (!here.has(id)) { parts.item.remove(); rows.delete(id); }
      for (const job of jobs) {
        if (!rows.has(job.id)) { rows.set(job.id, row(job)); list.append(rows.get(job.id).item); }
        fill(rows.get(job.id), job);
      }
    };

    const look = async () => {
      if (!document.hidden) show(await ask("desk/jobs", "GET"));
      setTimeout(look, 800);
    };
    look();
  }

  return { picker, strip, queue };
})();
window.desk = desk;

// What is typed into a slider stays in its range, before anybody else hears of it.
document.addEventListener("input", ({ target }) => {
  if (target.type !== "number" || target.value === "") return;
  if (target.max !== "" && Number(target.value) > Number(target.max)) target.value = target.max;
  if (target.min !== "" && Number(target.value) < Number(target.min)) target.value = target.min;
}, true);
