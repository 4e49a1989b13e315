// Numbers of a layer over the steps seen: small curves in the table, larger ones in the layer's card.

import { element, svg } from "../shared/dom";
import type { Table } from "./types";

const WIDTH = 200;
const HEIGHT = 44;
const TITLES: Record<string, string> = {
  std: "std of the outputs", grad: "|grad| of the weights", update_ratio: "|update| / |weight|", weight: "|weight|",
};

/** One number of a layer at each step seen; NaN where it is not known. */
export function trendOf(table: Table, layer: number, column: string): Float32Array {
  const at = (layer * table.trends.length + table.trends.indexOf(column)) * table.steps.length;
  return table.history.subarray(at, at + table.steps.length);
}

/** The curves of one layer with their first and last numbers; none where fewer than two steps were seen. */
export function curvesOf(table: Table, name: string): HTMLElement[] {
  const layer = table.layers.findIndex((one) => one.name === name);
  if (layer < 0) return [];
  return table.trends.flatMap((column) => {
    const values = trendOf(table, layer, column);
    const finite = [...values].filter(Number.isFinite);
    if (finite.length < 2) return [];
    const line = svg("svg", { width: WIDTH, height: HEIGHT, viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "kd-trend", role: "img",
      "aria-label": `${TITLES[column] ?? column} over the steps seen: ${short(finite[0])} to ${short(finite.at(-1)!)}` });
    const decades = drawTrend(line, values, table.steps, table.position - 1);
    return [element("figure", {}, element("figcaption", {}, `${TITLES[column] ?? column}${decades ? ", log scale" : ""}`), line,
      element("div", { class: "kd-ends" }, element("span", {}, short(finite[0])), element("span", {}, short(finite.at(-1)!))))];
  });
}

/** Three digits: a table is compared, not read out. */
export function short(x: number): string {
  const size = Math.abs(x);
  if (Number.isNaN(x)) return "NaN";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : "-∞";
  if (x === 0) return "0";
  return size < 1e-3 || size >= 1e5 ? x.toExponential(1).replace("e+", "e") : String(+x.toPrecision(3));
}

/** Draw values over steps; a dot marks the step shown. Returns whether the scale is logarithmic: values span decades. */
export function drawTrend(node: SVGSVGElement, values: Float32Array, steps: number[], shown: number): boolean {
  const finite = [...values].filter(Number.isFinite);
  if (finite.length < 2) {
    node.replaceChildren();
    return false;
  }
  const [width, height] = [Number(node.getAttribute("width")), Number(node.getAttribute("height"))];
  const decades = Math.min(...finite) > 0 && Math.max(...finite) > 100 * Math.min(...finite);
  const scaled = [...values].map((v) => (decades ? Math.log10(v) : v));
  const known = scaled.filter(Number.isFinite);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const span = steps[steps.length - 1] - steps[0] || 1;
  const x = (k: number): number => 2 + ((width - 4) * (steps[k] - steps[0])) / span;
  const y = (v: number): number => (high > low ? 2 + ((height - 4) * (high - v)) / (high - low) : height / 2);
  let path = "";
  let pen = false;
  scaled.forEach((v, k) => {
    if (Number.isFinite(v)) path += `${pen ? "L" : "M"}${x(k).toFixed(1)} ${y(v).toFixed(1)}`;
    pen = Number.isFinite(v);
  });
  const here = steps.indexOf(shown);
  const dot = here >= 0 && Number.isFinite(scaled[here]) ? [svg("circle", { cx: x(here).toFixed(1), cy: y(scaled[here]).toFixed(1), r: 2 })] : [];
  node.replaceChildren(svg("path", { d: path }), ...dot);
  return decades;
}
