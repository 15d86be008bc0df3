// The queue: what is colored, was or will be. All text goes through textContent.
(() => {
  const { make, ask, say, tell } = vidcolor;

  const clock = (seconds) => {
    const s = Math.max(0, Math.round(seconds));
    const two = (n) => String(n).padStart(2, "0");
    const [h, m] = [Math.floor(s / 3600), Math.floor(s / 60) % 60];
    return h ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
  };

  const told = (job) => {
    const frames = job.frames == null ? "" : job.frames.toLocaleString("en");
    const of = job.total ? ` of ${job.total.toLocaleString("en")}` : "";
    const rate = job.per_second ? ` · ${job.per_second.toFixed(1)} frames/s` : "";
    const left = job.left == null ? "" : ` · about ${clock(job.left)} left`;
    return {
      waiting: "Queued",
      running: frames && job.frames ? `${frames}${of} frames${rate}${left}` : "Starting…",
      stopping: "Stopping…",
      stopped: "Stopped. Finished work is kept; press Resume to continue.",
      done: (job.picture ? "Done" : `Done: ${frames} frames`) + (job.seconds ? ` in ${clock(job.seconds)}` : ""),
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
    const empty = make("p", { className: "empty" }, "The queue is empty.");
    const free = make("p", { className: "empty", hidden: true }, "You can close this page: coloring continues as long as vidcolor runs.");
    element.replaceChildren(make("h2", {}, "Queue"), empty, list, free);
    const rows = new Map();
    let next = 0, worked = false; // the next look; whether something ran since this page was looked at

    const act = async (id, what) => {
      try {
        show(await ask(`vidcolor/jobs/${id}/${what}`, { method: "POST" }));
        say("");
      } catch (error) { tell(error); }
    };

    const press = (job, what, label) => {
      const button = make("button", { type: "button", onclick: () => act(job.id, what) }, label);
      button.setAttribute("aria-label", `${label}: ${job.name}`);
      return button;
    };
    // A result that is nowhere else goes with its row: that wants a second press.
    const deleter = (job) => {
      const button = press(job, "remove", "Delete");
      const sure = button.onclick;
      button.onclick = () => {
        button.textContent = "Delete for good?";
        button.setAttribute("aria-label", `Delete for good: ${job.result}`);
        button.onclick = sure;
        button.onblur = () => button.replaceWith(deleter(job));
      };
      return button;
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
      const buttons = ACTS[job.state].map(([what, label]) => (
        what === "remove" && job.state === "done" && !job.kept ? deleter(job) : press(job, what, label)));
      if (job.state === "done") {
        const path = `vidcolor/jobs/${job.id}/film`;
        if (job.watch) buttons.unshift(make("a", { href: path + "?watch=true", target: "_blank" }, job.picture ? "View" : "Watch"));
        buttons.unshift(make("a", { href: path, download: job.result, className: "main" }, "Download"));
      }
      parts.acts.replaceChildren(...buttons);
    };

    const show = (jobs) => {
      empty.hidden = jobs.length > 0;
      free.hidden = !jobs.some((job) => ["waiting", "running"].includes(job.state));
      const runs = jobs.find((job) => job.state === "running" && job.total);
      const busy = jobs.filter((job) => ["waiting", "running", "stopping"].includes(job.state)).length;
      if (busy) worked = true;
      if (!document.hidden && !busy) worked = false;
      document.title = runs ? `${Math.floor(100 * runs.frames / runs.total)} % · vidcolor`
        : worked && !busy ? "Done · vidcolor" : "vidcolor";
      const here = new Set(jobs.map((job) => job.id));
      for (const [id, parts] of rows) if (!here.has(id)) { parts.item.remove(); rows.delete(id); }
      for (const job of jobs) {
        if (!rows.has(job.id)) { rows.set(job.id, row(job)); list.append(rows.get(job.id).item); }
        fill(rows.get(job.id), job);
      }
    };

    // After something was begun: where it stands comes into sight.
    vidcolor.jobs = (jobs, id) => {
      show(jobs);
      const { item } = rows.get(id) || {};
      if (!item) return;
      item.scrollIntoView({ block: "center" });
      item.classList.add("new");
      setTimeout(() => item.classList.remove("new"), 2500);
    };

    // A page behind others looks, too: its title tells how far it is.
    const look = async () => {
      try {
        show(await ask("vidcolor/jobs"));
      } catch { /* `ask` tells of a server that has gone */ }
      clearTimeout(next);
      next = setTimeout(look, document.hidden ? 5000 : 800);
    };
    document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
    look();
  }

  vidcolor.queue = queue;
})();
