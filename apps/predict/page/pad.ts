import type { Preprocessing } from "@manyfold/protocol";
import { h } from "./elements.ts";
import type { Row } from "./form.ts";

/** Inputs that are the pixels of a square picture, row by row. */
export interface Picture {
  readonly side: number;
  readonly names: readonly string[];
  readonly most: number;
}

/** The picture that the inputs are, if they look like one: as many numbers as a square has, numbered. */
export function pictureOf({ inputs }: Preprocessing): Picture | null {
  const side = Math.sqrt(inputs.length);
  const pixels = inputs.filter((one) => one.kind === "numeric" && one.min >= 0);
  const numbered = inputs.every(({ name }) => /^[a-z]{0,8}[_. ]?\d+([x_]\d+)?$/i.test(name));
  if (!Number.isInteger(side) || side < 4 || pixels.length < inputs.length || !numbered)
    return null;
  const most = Math.max(...pixels.map((one) => (one.kind === "numeric" ? one.max : 0)));
  return most > 0 ? { side, names: inputs.map(({ name }) => name), most } : null;
}

const SIZE = 256;

/** A square to draw on with finger or mouse; each stroke is a row of pixels anew. */
export function pad({ side, names, most }: Picture, changed: (row: Row) => void) {
  const pixels = new Float64Array(side * side);
  const canvas = h("canvas", {
    width: SIZE,
    height: SIZE,
    class: "pad",
    role: "img",
    "aria-label": "Draw here",
  });
  const cell = SIZE / side;

  const draw = () => {
    const context = canvas.getContext("2d");
    if (context === null) return;
    context.fillStyle = "#10151c";
    context.fillRect(0, 0, SIZE, SIZE);
    for (const [at, ink] of pixels.entries()) {
      const shade = Math.round(255 * Math.min(1, ink / most));
      if (shade === 0) continue;
      context.fillStyle = `rgb(${shade},${shade},${shade})`;
      context.fillRect((at % side) * cell, Math.floor(at / side) * cell, cell - 0.5, cell - 0.5);
    }
  };
  const tell = () => changed(Object.fromEntries(names.map((name, at) => [name, pixels[at] ?? 0])));

  /** Ink falls off from the middle of a stroke, as where digits were scanned and made small. */
  const ink = (x: number, y: number) => {
    for (let at = 0; at < pixels.length; at++) {
      const dx = (at % side) + 0.5 - x;
      const dy = Math.floor(at / side) + 0.5 - y;
      const strength = Math.max(0, 1.35 - Math.hypot(dx, dy));
      const value = Math.round(most * Math.min(1, strength));
      pixels[at] = Math.max(pixels[at] ?? 0, value);
    }
  };
  let last: readonly [number, number] | null = null;
  const move = (event: PointerEvent) => {
    if (last === null) return;
    const box = canvas.getBoundingClientRect();
    const to = [
      ((event.clientX - box.left) / box.width) * side,
      ((event.clientY - box.top) / box.height) * side,
    ] as const;
    const steps = Math.ceil(4 * Math.hypot(to[0] - last[0], to[1] - last[1])) || 1;
    for (let i = 1; i <= steps; i++) {
      const part = i / steps;
      ink(last[0] + part * (to[0] - last[0]), last[1] + part * (to[1] - last[1]));
    }
    last = to;
    draw();
    tell();
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    const box = canvas.getBoundingClientRect();
    last = [
      ((event.clientX - box.left) / box.width) * side,
      ((event.clientY - box.top) / box.height) * side,
    ];
    move(event);
  });
  canvas.addEventListener("pointermove", move);
  for (const end of ["pointerup", "pointercancel"] as const) {
    canvas.addEventListener(end, () => (last = null));
  }
  const clear = h("button", { type: "button" }, "Clear");
  const show = (row: Row) => {
    for (const [at, name] of names.entries()) pixels[at] = Number(row[name] ?? 0);
    draw();
  };
  clear.addEventListener("click", () => {
    pixels.fill(0);
    draw();
    tell();
  });
  draw();
  return { element: h("div", { class: "drawing" }, canvas, clear), show };
}
