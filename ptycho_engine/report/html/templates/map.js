"use strict";
(() => {
  const map = document.getElementById("map");
  const planes = [...map.querySelectorAll("svg.plane")];
  const reading = map.querySelector(".reading");
  const step = Number(map.dataset.step), size = Number(map.dataset.size);
  const whole = planes.length ? planes[0].getAttribute("viewBox").split(" ").map(Number) : [0, 0, 1, 1];
  const dots = (document.getElementById("dots")?.getAttribute("d") || "").split("M").slice(1)
    .map(part => part.slice(0, -2).split(" ").map(Number));
  let view = [...whole], cross = null;

  const words = number => number.toPrecision(3).replace("-", "−");

  /* What a colour stands for: pictures are drawn once, out of sight, to read their samples. */
  const readers = planes.map(plane => {
    const image = plane.querySelector("image"), data = image.dataset;
    const values = new Map();
    const count = data.colours.length / 6, low = Number(data.low), high = Number(data.high);
    const unit = data.unit === "rad" ? " rad" : "", ends = { min: "≤", max: "≥", both: "≤≥" }[data.beyond] || "";
    for (let i = count - 1; i >= 0; i--) {
      const end = i === 0 ? "≤" : i === count - 1 ? "≥" : "", value = low + (high - low) * i / (count - 1);
      const said = `${end && ends.includes(end) ? end : "≈"} ${words(value)}${unit}`;
      values.set(parseInt(data.colours.slice(6 * i, 6 * i + 6), 16), said);
    }
    const place = ["x", "y", "width", "height"].map(name => Number(image.getAttribute(name)));
    const reader = { name: data.name, values, place, pixels: null };
    const copy = new Image();
    copy.onload = () => {
      const canvas = document.createElement("canvas");
      canvas.width = copy.naturalWidth; canvas.height = copy.naturalHeight;
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.drawImage(copy, 0, 0);
      reader.pixels = context.getImageData(0, 0, canvas.width, canvas.height);
    };
    copy.src = image.getAttribute("href");
    return reader;
  });

  function valueAt(reader, x, y) {
    const [left, top, width, height] = reader.place, pixels = reader.pixels;
    if (!pixels) return null;
    const column = Math.floor((x - left) / width * pixels.width);
    const row = Math.floor((y - top) / height * pixels.height);
    if (column < 0 || row < 0 || column >= pixels.width || row >= pixels.height) return null;
    const at = 4 * (row * pixels.width + column), d = pixels.data;
    return reader.values.get((d[at] << 16) | (d[at + 1] << 8) | d[at + 2]) || "not finite";
  }

  function nearest(x, y) {
    let best = -1, least = Infinity;
    for (let i = 0; i < dots.length; i++) {
      const across = dots[i][0] - x, down = dots[i][1] - y, far = across * across + down * down;
      if (far < least) { least = far; best = i; }
    }
    return best;
  }

  function read() {
    if (!cross) return;
    const [x, y] = cross, said = [`y ${y.toFixed(1)}, x ${x.toFixed(1)}`];
    for (const reader of readers) {
      const value = valueAt(reader, x, y);
      if (value !== null) said.push(`${reader.name} ${value}`);
    }
    const at = nearest(x, y);
    if (at >= 0) said.push(`nearest ${step > 1 ? "drawn " : ""}position ${at * step} at y ${dots[at][1].toFixed(1)}, x ${dots[at][0].toFixed(1)}`);
    reading.textContent = said.join("  ·  ");
    for (const plane of planes) {
      const arm = view[2] / 30;
      plane.querySelector(".cross").setAttribute("d", `M${x - arm} ${y}h${2 * arm}M${x} ${y - arm}v${2 * arm}`);
      const frame = plane.querySelector(".window");
      if (at >= 0 && size) {
        frame.setAttribute("x", dots[at][0] - Math.floor(size / 2) - 0.5);
        frame.setAttribute("y", dots[at][1] - Math.floor(size / 2) - 0.5);
        frame.setAttribute("width", size);
        frame.setAttribute("height", size);
      }
    }
  }

  function show(left, top, width, height) {
    width = Math.min(width, whole[2]); height = Math.min(height, whole[3]);
    left = Math.min(Math.max(left, whole[0]), whole[0] + whole[2] - width);
    top = Math.min(Math.max(top, whole[1]), whole[1] + whole[3] - height);
    view = [left, top, width, height];
    for (const plane of planes) {
      plane.setAttribute("viewBox", view.join(" "));
      plane.classList.toggle("near", width < whole[2]);
    }
    read();
  }

  function zoom(factor, at) {
    const [x, y] = at || [view[0] + view[2] / 2, view[1] + view[3] / 2];
    factor = Math.min(Math.max(factor, view[2] / whole[2]), view[2] / Math.min(whole[2], 8));
    show(x - (x - view[0]) / factor, y - (y - view[1]) / factor, view[2] / factor, view[3] / factor);
  }

  function placeOf(plane, event) {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(plane.getScreenCTM().inverse());
    return [point.x, point.y];
  }

  function point(at) {
    cross = [Math.min(Math.max(at[0], whole[0]), whole[0] + whole[2]),
             Math.min(Math.max(at[1], whole[1]), whole[1] + whole[3])];
    const [x, y] = cross;
    if (x < view[0] || y < view[1] || x > view[0] + view[2] || y > view[1] + view[3])
      show(x - view[2] / 2, y - view[3] / 2, view[2], view[3]);
    else read();
  }

  const keys = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  for (const plane of planes) {
    plane.setAttribute("tabindex", "0");
    plane.setAttribute("role", "application");
    plane.setAttribute("aria-label", plane.getAttribute("aria-label") + ". Arrows move a cross, plus and minus zoom.");
    let held = null;
    plane.addEventListener("pointerdown", event => {
      held = { at: placeOf(plane, event), id: event.pointerId };
      point(held.at);
      if (view[2] < whole[2]) plane.setPointerCapture(event.pointerId);
    });
    plane.addEventListener("pointermove", event => {
      const at = placeOf(plane, event);
      if (held && view[2] < whole[2]) show(view[0] + held.at[0] - at[0], view[1] + held.at[1] - at[1], view[2], view[3]);
      else point(at);
    });
    for (const end of ["pointerup", "pointercancel", "pointerleave"])
      plane.addEventListener(end, () => { held = null; });
    plane.addEventListener("dblclick", event => zoom(2, placeOf(plane, event)));
    plane.addEventListener("wheel", event => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      zoom(event.deltaY < 0 ? 1.25 : 0.8, placeOf(plane, event));
    }, { passive: false });
    plane.addEventListener("keydown", event => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const middle = [view[0] + view[2] / 2, view[1] + view[3] / 2], at = cross || middle;
      if (event.key in keys) {
        const [across, down] = keys[event.key], by = event.shiftKey ? 1 : Math.max(1, view[2] / 40);
        point([at[0] + across * by, at[1] + down * by]);
      } else if (event.key === "+" || event.key === "=") { cross = at; zoom(1.5, at); }
      else if (event.key === "-") zoom(1 / 1.5, at);
      else if (event.key === "0") show(...whole);
      else return;
      event.preventDefault();
    });
  }

  const does = {
    in: () => zoom(1.5, cross), out: () => zoom(1 / 1.5, cross), all: () => show(...whole),
    dots: control => planes.forEach(plane => plane.classList.toggle("bare", !control.checked)),
    frames: control => planes.forEach(plane => plane.classList.toggle("unframed", !control.checked)),
  };
  for (const control of map.querySelectorAll("[data-do]"))
    control.addEventListener(control.type === "checkbox" ? "change" : "click", () => does[control.dataset.do](control));
  for (const part of map.querySelectorAll("[hidden]")) part.hidden = false;
})();
