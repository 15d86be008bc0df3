"""The parts of the page in which colors are set; `paint.js` and `sheet.js` fill them."""

from __future__ import annotations

TABS = """
<div class="tabs" role="tablist" aria-label="What is shown">
  <button type="button" role="tab" id="tab-look" aria-selected="true" aria-controls="picture"
    >Before and after</button>
  <button type="button" role="tab" id="tab-paint" aria-selected="false" aria-controls="easel"
    tabindex="-1">Set colors</button>
</div>
"""
"""Which of the two pictures of a frame is shown."""

EASEL = """
<section id="easel" role="tabpanel" aria-labelledby="tab-paint" hidden>
  <div class="tools" role="toolbar" aria-label="Tools">
    <div class="set" role="radiogroup" aria-label="Tool">
      <button type="button" role="radio" data-tool="point" aria-checked="true">Point</button>
      <button type="button" role="radio" data-tool="stroke" aria-checked="false">Stroke</button>
      <button type="button" role="radio" data-tool="polygon" aria-checked="false">Area</button>
      <button type="button" role="radio" data-tool="eraser" aria-checked="false">Eraser</button>
      <button type="button" role="radio" data-tool="picker" aria-checked="false"
        >Eyedropper</button>
    </div>
    <label class="width">Width
      <input type="range" min="0.005" max="0.2" step="0.005" value="0.02"></label>
    <div class="set">
      <button type="button" data-do="undo" disabled>Undo</button>
      <button type="button" data-do="redo" disabled>Redo</button>
      <button type="button" data-do="gray" aria-pressed="false">Show gray</button>
    </div>
  </div>
  <div class="board">
    <canvas class="shown" tabindex="0" role="application"
      aria-label="The frame in color" aria-describedby="easel-keys"></canvas>
    <canvas class="marks" aria-hidden="true"></canvas>
    <div class="ring" role="progressbar" aria-label="Painting" hidden></div>
  </div>
  <p id="easel-told" role="status"></p>
  <div class="place" role="group" aria-label="Color of this place">
    <div class="swatches" role="group" aria-label="Likely colors"></div>
    <div class="row">
      <label>Any color <input type="color" value="#27324f"></label>
      <button type="button" data-color="picked">Use it</button>
      <button type="button" data-color="gray">Gray</button>
      <button type="button" data-color="auto">Automatic</button>
      <label>Name of the thing <input type="text" class="thing" maxlength="100"
        placeholder="such as coat"></label>
      <button type="button" data-do="finish" hidden>Finish the shape</button>
      <button type="button" data-do="delete" hidden>Remove it</button>
      <button type="button" data-do="cancel" hidden>Cancel</button>
    </div>
  </div>
  <p class="keys" id="easel-keys">Keys in the picture: arrows move the cross (Shift: far),
    <kbd>Enter</kbd> sets a point or a corner, <kbd>F</kbd> finishes a shape, <kbd>Esc</kbd>
    cancels, <kbd>Delete</kbd> removes what is selected. Anywhere: <kbd>Ctrl</kbd> <kbd>Z</kbd>
    and <kbd>Ctrl</kbd> <kbd>Y</kbd> undo and redo.</p>
</section>
"""
"""A frame on a canvas, with tools; hidden until its tab is chosen."""

DETAILS = """
<section id="said" aria-label="What you said of the colors" hidden>
  <p class="note" role="status" hidden></p>
  <div class="cards">
    <div class="card" id="said-shot"><h3>This shot</h3>
      <ul class="hints" aria-label="What is said of this shot"></ul>
      <div class="shot-dials">
        <label>Vividness <select data-dial="vivid"></select></label>
        <label>Saturation <select data-dial="saturation"></select></label>
        <label>Flicker reduction <select data-dial="smooth"></select></label>
        <label>Gray <select data-dial="keep_gray"><option value="">usual</option>
          <option value="true">keep gray</option><option value="false">color</option></select>
        </label>
      </div>
      <p class="wait" hidden>You can set these once the shot's end is found.</p>
      <div class="play"><button type="button" data-do="play">Play in color</button>
        <label>Seconds <input type="number" min="1" max="20" step="1" value="4"></label>
        <label><input type="checkbox" class="fast" checked> less detail, faster</label></div>
      <p class="playing" role="status"></p>
      <video controls muted playsinline hidden aria-label="The stretch in color"></video>
    </div>
    <div class="card" id="said-found"><h3>The same thing in other shots</h3>
      <ul class="things" aria-label="Things that have a name"></ul>
      <p class="soft none">Give a thing a name, such as coat; then vidcolor can look for it in the
        other shots.</p>
      <p class="soft early" hidden>vidcolor can look once all shots are found.</p>
      <div class="looking" hidden><progress aria-label="Frames looked at"></progress>
        <span class="soft count"></span><button type="button" data-do="stop">Stop</button></div>
      <p class="told" role="status"></p>
      <p class="soft how" hidden>Keep what is right: it becomes a hint. Strike what is wrong.
        <span class="by-keys">Keys: <kbd>K</kbd> keep, <kbd>S</kbd> strike, <kbd>&uarr;</kbd>
        <kbd>&darr;</kbd> next.</span></p>
      <ul class="places" aria-label="Places where it may be" hidden></ul>
    </div>
    <div class="card" id="said-scenes"><h3>Scenes</h3>
      <p class="hint">Shots that show the same, and the colors that they agree upon with
        <b>One palette for the whole film</b>. vidcolor has to look through the whole film once.</p>
      <div class="row"><button type="button" data-do="make">Find the scenes</button>
        <button type="button" data-do="before" aria-pressed="false" hidden>Before they
          agree</button></div>
      <div class="looking" hidden><progress aria-label="Progress of the color script"></progress>
        <span class="soft count"></span><button type="button" data-do="stop">Stop</button></div>
      <p class="told" role="status"></p>
      <p class="soft old" hidden>You changed the color sheet meanwhile. Find the scenes again to see
        what came of it.</p>
      <p class="soft how" hidden>Wrong? Click a picture, then click the thing and choose its color.
        Other shots of the scene follow. (The large picture shows each frame by itself.)</p>
      <ul class="notes" aria-label="Notes"></ul>
      <ul class="scenes" aria-label="Scenes" hidden></ul>
      <details class="singles" hidden><summary>Scenes of a single key frame</summary>
        <ul class="scenes" aria-label="Scenes of a single key frame"></ul></details>
    </div>
    <div class="card" id="said-references"><h3>Reference images</h3>
      <p class="hint">A picture in color of the same place or thing lends its colors.</p>
      <label class="drop small"><input type="file" accept=".png,.jpg,.jpeg,.webp,.tif,.tiff"
        aria-label="Choose an image in color"><strong>Choose an image in color</strong>
        <span>or drop it here</span></label>
      <div class="dropped" hidden>
        <canvas tabindex="0" role="img" aria-label="The dropped image; with the eyedropper, click a
 color in it"></canvas>
        <div class="row"><button type="button" data-use="frame">It is this frame</button>
          <button type="button" data-use="look">Use its look</button>
          <button type="button" data-use="none">Only pick colors</button></div>
      </div>
      <ul class="images" aria-label="Reference images"></ul>
    </div>
    <div class="card" id="said-saved"><h3>Named colors</h3>
      <p class="hint">Click a name to use it. If you change a color here, it changes everywhere.</p>
      <ul class="saved" aria-label="Named colors"></ul>
      <form class="row"><label>Name <input type="text" maxlength="100" required></label>
        <label>Color <input type="color" value="#27324f"></label>
        <button type="submit">Save</button></form>
    </div>
    <div class="card" id="said-sheet"><h3>Color sheet</h3>
      <p class="hint">All of it stands in a text file that you can keep beside the film.</p>
      <div class="row"><a class="button" download>Download</a>
        <label class="button">Upload<input type="file" multiple aria-label="Upload a color sheet
 and its images" accept=".toml,.png,.jpg,.jpeg,.webp,.tif,.tiff"></label></div>
      <details><summary>Edit as text</summary>
        <textarea rows="10" spellcheck="false" aria-label="The color sheet as text"></textarea>
        <button type="button" data-do="apply">Apply</button></details>
      <p class="problem" role="alert" hidden></p>
    </div>
  </div>
</section>
"""
"""What is said of the film, as lists; hidden until the tab is chosen."""
