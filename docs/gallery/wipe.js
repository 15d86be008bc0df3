// Makes a figure.wipe a picture with a line between before and after. Without this script such a
// figure is what it is written as: a video with both halves and controls, or two pictures.
(() => {
  const make = (tag, words, text) => {
    const element = Object.assign(document.createElement(tag), words);
    if (text) element.textContent = text;
    return element;
  };

  // The stage: what is shown, the line over it, and a slider over all of it, which hears the mouse,
  // fingers and keys.
  function makeStage(figure, shown, draw) {
    const stage = make("div", { className: "wipe-stage" });
    const [before, after] = (figure.dataset.names || "before,after").split(",");
    const slider = make("input", { type: "range", min: 0, max: 100, step: 1, value: 50 });
    slider.setAttribute("aria-label", `Line between ${before} and ${after}`);
    const move = () => {
      stage.style.setProperty("--at", `${slider.value}%`);
      slider.setAttribute("aria-valuetext", `${slider.value} percent ${before}`);
      draw(Number(slider.value) / 100);
    };
    slider.addEventListener("input", move);
    stage.append(...shown, make("span", { className: "wipe-tag" }, before),
      make("span", { className: "wipe-tag" }, after), make("div", { className: "wipe-line" }), slider);
    return { stage, move };
  }

  function wipePictures(figure, pictures) {
    const { stage, move } = makeStage(figure, pictures, () => {});
    figure.prepend(stage);
    move();
  }

  // A video of both halves is drawn on a canvas, so that the two are always of the same frame.
  function wipeVideo(figure, video) {
    const canvas = make("canvas", { width: 2, height: 1 });
    const pen = canvas.getContext("2d");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", video.getAttribute("aria-label"));
    const poster = make("img", { src: video.poster, alt: "" });
    let source = null, line = 0.5;
    const draw = (at = line) => {
      line = at;
      if (!source) return;
      const full = source.videoWidth || source.naturalWidth;
      const high = source.videoHeight || source.naturalHeight;
      const wide = full / 2, cut = Math.round(wide * line);
      if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
      if (cut > 0) pen.drawImage(source, 0, 0, cut, high, 0, 0, cut, high);
      if (cut < wide) pen.drawImage(source, wide + cut, 0, wide - cut, high, cut, 0, wide - cut, high);
    };
    const { stage, move } = makeStage(figure, [canvas], draw);
    const button = make("button", { type: "button" }, "Play");
    button.setAttribute("aria-label", `Play: ${video.getAttribute("aria-label")}`);
    const bar = make("div", { className: "wipe-bar" });
    bar.append(button, make("span", {}, "Drag the line, or use the arrow keys."));

    const each = video.requestVideoFrameCallback
      ? (next) => video.requestVideoFrameCallback(next) : (next) => requestAnimationFrame(next);
    const onFrame = () => { source = video; draw(); if (!video.paused) each(onFrame); };
    const told = () => {
      const word = video.paused ? "Play" : "Pause";
      button.textContent = word;
      button.setAttribute("aria-label", `${word}: ${video.getAttribute("aria-label")}`);
    };
    video.addEventListener("play", () => { told(); each(onFrame); });
    video.addEventListener("pause", told);
    button.onclick = () => {
      if (!video.paused) video.pause();
      else video.play().catch((error) => { if (error.name !== "AbortError") bar.lastChild.textContent = "This browser does not play the video."; });
    };
    poster.decode().then(() => { if (!source) { source = poster; draw(); } }, () => {});
    video.hidden = true;
    video.style.display = "none";
    figure.prepend(stage, bar);
    move();
  }

  function begin() {
    for (const figure of document.querySelectorAll("figure.wipe")) {
      const video = figure.querySelector("video");
      const pictures = [...figure.querySelectorAll("img")].filter((one) => !one.closest("video"));
      if (video) wipeVideo(figure, video);
      else if (pictures.length === 2) wipePictures(figure, pictures);
    }
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();
