// Statistics of weights and of outputs beside a description, checked: they may come from anybody.

import { element, svg } from "../shared/dom";
import { cut, pythonShape } from "./words";

/** Statistics of one weight: kernelkit/viz/cards/nodes.py. */
export interface Weight { name: string; shape: number[]; mean: number; std: number; low: number; high: number; counts: number[] }

/** What a layer gives for a batch, and pictures of the first sample, bytes in base64. */
export interface Output extends Weight { zeros: number; maps: { count: number; height: number; width: number; pixels: string } }

const MOST_PIXELS = 16_384;

/** Read `{"<row>": [[name, shape, mean, std, low, high, counts], ...]}`; what is damaged is left out. */
export function readWeights(value: unknown, rows: number): Map<number, Weight[]> {
  return readRows(value, rows, (list) => list.slice(0, 40).flatMap((one) => weightOf(one) ?? []));
}

/** Read `{"<row>": [shape, mean, std, low, high, counts, zeros, [count, height, width, pixels]]}`. */
export function readOutputs(value: unknown, rows: number): Map<number, Output> {
  return readRows(value, rows, (list) => {
    const weight = weightOf(["output", ...list.slice(0, 6)]);
    const [zeros, maps] = list.slice(6);
    if (!weight || !Number.isFinite(zeros) || !Array.isArray(maps)) return null;
    const [count, height, width, pixels] = maps;
    const size = count * height * width;
    const good = [count, height, width].every((n) => Number.isInteger(n) && n >= 0) && size <= MOST_PIXELS
      && typeof pixels === "string" && pixels.length === 4 * Math.ceil(size / 3);
    return { ...weight, zeros, maps: good ? { count, height, width, pixels } : { count: 0, height: 0, width: 0, pixels: "" } };
  });
}

function readRows<T>(value: unknown, rows: number, read: (list: any[]) => T | null): Map<number, T> {
  const found = new Map<number, T>();
  if (typeof value !== "object" || value === null) return found;
  for (const [key, list] of Object.entries(value).slice(0, 20_000)) {
    const row = Number(key);
    if (!Number.isInteger(row) || row < 0 || row >= rows || !Array.isArray(list)) continue;
    const one = read(list);
    if (one) found.set(row, one);
  }
  return found;
}

function weightOf(one: unknown): Weight | null {
  if (!Array.isArray(one)) return null;
  const [name, shape, mean, std, low, high, counts] = one;
  const good = typeof name === "string" && Array.isArray(shape) && shape.length <= 32 && shape.every(Number.isFinite)
    && [mean, std, low, high].every(Number.isFinite) && Array.isArray(counts) && counts.length <= 64
    && counts.every((c) => Number.isFinite(c) && c >= 0);
  return good ? { name, shape, mean, std, low, high, counts } : null;
}

export function weightFigure(weight: Weight): HTMLElement {
  return element("figure", {}, element("figcaption", {}, `${cut(weight.name, 60)} ${pythonShape(weight.shape)}`), ...histogram(weight));
}

export function outputFigure(output: Output): HTMLElement {
  const zeros = output.zeros ? ` · ${Math.round(100 * output.zeros)}% zeros` : "";
  return element("figure", { class: "kg-output" },
    element("figcaption", {}, `Output for the sample ${pythonShape(output.shape)}${zeros}`), ...histogram(output), ...pictures(output));
}

function histogram(weight: Weight): Element[] {
  let top = 1;
  for (const count of weight.counts) top = Math.max(top, count);
  const bars = svg("g", { fill: "#3b82f6" }, ...weight.counts.map((count, i) =>
    svg("path", { d: `M${5 * i} ${52 - (46 * count) / top}h4V52h-4z` })));
  const picture = svg("svg", { width: 164, height: 54, viewBox: "0 0 164 54", role: "img", "aria-label": "Histogram of the values" }, bars);
  const n = (x: number) => String(Number(x.toPrecision(3)));
  return [picture, element("figcaption", {}, `${n(weight.low)} to ${n(weight.high)} · mean ${n(weight.mean)} · std ${n(weight.std)}`)];
}

function pictures({ maps: { count, height, width, pixels } }: Output): Element[] {
  if (!count || !height || !width) return [];
  let bytes: string;
  try {
    bytes = atob(pixels);
  } catch {
    return [];
  }
  const all = Array.from({ length: count }, (_, i) => {
    const canvas = element("canvas", { width, height, role: "img", "aria-label": count > 1 ? `Feature map ${i + 1} of the first sample` : "Features of the first sample" });
    const scale = Math.max(1, Math.floor((count > 1 ? 80 : 240) / width));
    canvas.style.width = `${width * scale}px`;
    canvas.style.height = `${Math.max(height * scale, 8)}px`;
    const image = new ImageData(width, height);
    for (let at = 0; at < width * height; at++) {
      image.data.fill(bytes.charCodeAt(i * width * height + at), 4 * at, 4 * at + 3);
      image.data[4 * at + 3] = 255;
    }
    canvas.getContext("2d")?.putImageData(image, 0, 0);
    return canvas;
  });
  return [element("div", { class: "kg-maps" }, ...all)];
}
