// One layer: what it made of one sample, its weights as pictures, their numbers over the steps, and histograms.

import { element, setText, svg } from "../shared/dom";
import * as format from "../shared/format";
import { attentionMap } from "./attention";
import { paint } from "./batch";
import type { Session } from "./session";
import { curvesOf } from "./trends";
import type { Detail, Histogram, Table } from "./types";

const WIDTH = 200;
const HEIGHT = 64;

export class DetailPane {
  readonly node: HTMLElement;
  private readonly title = element("h4", {});
  private readonly histograms = element("div", { class: "kd-histograms" });
  private readonly mapsTitle = element("h5", {});
  private readonly maps = element("div", { class: "kd-maps" });
  private readonly filtersTitle = element("h5", {});
  private readonly filters = element("div", { class: "kd-maps" });
  private readonly curvesTitle = element("h5", {});
  private readonly curves = element("div", { class: "kd-curves" });
  private readonly heights = element("small", {});
  private readonly missing = element("p", { class: "kd-more" });
  private drawn: Detail | null = null;
  private followed: [Table | null, Detail] | null = null;

  constructor(private session: Session) {
    this.node = element("article", { class: "kd-card kd-detail", "aria-label": "Layer" }, this.title,
      element("button", { type: "button", class: "kd-close", "aria-label": "Close the layer", click: () => session.ask("layer", { layer: "" }) }, "×"),
      this.missing, this.mapsTitle, this.maps, this.filtersTitle, this.filters, this.curvesTitle, this.curves, this.histograms, this.heights);
  }

  update(): void {
    const { detail } = this.session;
    this.node.hidden = detail === null;
    if (detail) this.showCurves(detail);
    if (!detail || detail === this.drawn) return;
    this.drawn = detail;
    setText(this.title, detail.layer);
    setText(this.missing, detail.missing);
    this.histograms.replaceChildren(...detail.histograms.map(drawHistogram));
    this.heights.hidden = detail.histograms.length === 0;
    const more = detail.histograms.find((h) => h.left_out)?.left_out;
    setText(this.heights, `The height of a bar is the square root of its count, so that rare values are visible.${more ? ` ${more} more weights: dbg.weights(), dbg.gradients()` : ""}`);
    this.showFilters(detail);
    const maps = detail.maps;
    this.mapsTitle.hidden = this.maps.hidden = !maps;
    if (!maps) return;
    const [count, height, width] = maps.image;
    const which = this.session.batch?.samples.find((s) => s.place === detail.sample);
    const sample = which?.row !== null && which?.row !== undefined ? `row ${which.row}` : `sample ${detail.sample} of the batch`;
    const rest = maps.count > count ? `, the first ${count} of ${maps.count}` : "";
    const sequence = maps.what.startsWith("steps");
    const few = (maps.every ?? 1) > 1 ? `, every ${ordinal(maps.every!)} of ${maps.length} tokens` : "";
    const scale = maps.what === "attention" ? `each from 0 (dark), queries down, keys across${few}`
      : sequence ? `light is high, ${maps.what}` : "each from its smallest (dark) to its largest value";
    setText(this.mapsTitle, `${sequence ? "outputs" : maps.what} of ${sample}${rest}: ${format.value(maps.low)} to ${format.value(maps.high)}, ${scale}`);
    if (maps.tokens) {
      this.maps.replaceChildren(...Array.from({ length: count }, (_, i) =>
        attentionMap(detail.pixels.subarray(i * height * width, (i + 1) * height * width), maps.tokens!, i)));
      return;
    }
    const size = count === 1 ? Math.min(420, width * 8) : Math.max(48, Math.min(96, width * 4));
    this.maps.replaceChildren(...Array.from({ length: count }, (_, i) => {
      const canvas = element("canvas", { role: "img", "aria-label": `${maps.what} ${i}`, title: String(i), style: `width:${size}px` });
      paint(canvas, detail.pixels.subarray(i * height * width, (i + 1) * height * width), height, width, 1);
      return canvas;
    }));
  }

  /** The layer's numbers over the steps seen. */
  private showCurves(detail: Detail): void {
    const { table } = this.session;
    if (this.followed?.[0] === table && this.followed[1] === detail) return;
    this.followed = [table, detail];
    const curves = table ? curvesOf(table, detail.layer) : [];
    this.curvesTitle.hidden = this.curves.hidden = curves.length === 0;
    this.curves.replaceChildren(...curves);
    if (table && curves.length) setText(this.curvesTitle, `Over the steps seen, ${format.count(table.steps[0] + 1)} to ${format.count(table.steps.at(-1)! + 1)}`);
  }

  /** The patterns of a kernel: blue weights are negative, orange ones positive. */
  private showFilters(detail: Detail): void {
    const found = detail.filters;
    this.filtersTitle.hidden = this.filters.hidden = !found;
    if (!found) return;
    const [count, height, width] = found.image;
    const rest = found.total > count ? `, the first ${count} of ${found.total}` : "";
    const part = found.cut ? `, the first ${height} × ${width}` : "";
    setText(this.filtersTitle, `${found.what} (${times(found.shape)})${rest}${part}: ${format.value(-found.top)} (blue) to ${format.value(found.top)} (orange)${found.axes ? `, ${found.axes}` : ""}`);
    const size = count === 1 ? width * Math.max(2, Math.min(24, Math.floor(420 / width), Math.floor(300 / height))) : Math.max(36, Math.min(72, width * 12));
    this.filters.replaceChildren(...Array.from({ length: count }, (_, i) => {
      const canvas = element("canvas", { role: "img", "aria-label": `filter ${found.names[i]}`, title: found.names[i], style: `width:${size}px` });
      const start = found.start + i * height * width * 3;
      paint(canvas, detail.pixels.subarray(start, start + height * width * 3), height, width, 3);
      return canvas;
    }));
  }
}

function times(values: number[]): string {
  return values.join(" × ");
}

function drawHistogram(histogram: Histogram): HTMLElement {
  const { counts, low, high } = histogram;
  const most = Math.max(...counts, 1);
  const step = WIDTH / Math.max(counts.length, 1);
  // Heights are of the square root: a few large values among many zeros are what one looks for.
  const bars = counts.map((n, i) => {
    const height = n === 0 ? 0 : Math.max(1, HEIGHT * Math.sqrt(n / most));
    return svg("rect", { x: (i * step).toFixed(1), y: (HEIGHT - height).toFixed(1), width: Math.max(step - 0.6, 0.5).toFixed(1), height: height.toFixed(1) });
  });
  const lows = Number(low) < 0 && Number(high) > 0 ? (WIDTH * -Number(low)) / (Number(high) - Number(low)) : -1;
  const zero = lows >= 0 ? [svg("path", { d: `M${lows.toFixed(1)} 0V${HEIGHT}`, class: "kd-zero" })] : [];
  const odd = histogram.odd ? ` · ✕ ${format.count(histogram.odd)} NaN or infinite` : "";
  return element("figure", { class: histogram.odd ? "kd-bad" : "" },
    element("figcaption", {}, histogram.what),
    svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": `Histogram of ${histogram.what}` }, ...bars, ...zero),
    element("div", { class: "kd-ends" }, element("span", {}, format.value(low)), element("span", {}, format.value(high))),
    element("small", {}, `${format.count(histogram.size)} values, ${Math.round((100 * histogram.zeros) / Math.max(histogram.size, 1))}% zero${odd}`));
}

/** 2nd, 3rd, 4th. */
function ordinal(n: number): string {
  return `${n}${n === 2 ? "nd" : n === 3 ? "rd" : "th"}`;
}
