// The samples of the batch, the worst ones first: as pictures, or as rows of values.

import { element, setText } from "../shared/dom";
import * as format from "../shared/format";
import type { Session } from "./session";
import type { Batch, Sample } from "./types";

const SHOWN = 16;

export class BatchPane {
  readonly node: HTMLElement;
  private readonly title = element("h4", {});
  private readonly list = element("div", { class: "kd-samples" });
  private readonly all = element("button", {
    type: "button", class: "kd-all", click: () => { this.session.choices.allSamples = !this.session.choices.allSamples; this.session.changed(); },
  });
  private drawn: unknown[] = [];

  constructor(private session: Session) {
    this.node = element("section", { class: "kd-batch", "aria-label": "Batch" }, this.title, this.list, this.all);
  }

  update(): void {
    const { batch, choices, state } = this.session;
    this.node.hidden = batch === null;
    if (!batch) return;
    this.node.classList.toggle("kd-stale", this.session.looking);
    const key = [batch, choices.allSamples, state!.sample, state!.layer];
    if (key.every((part, i) => part === this.drawn[i])) return;
    this.drawn = key;
    const wrong = batch.samples.filter((s) => s.wrong).length;
    const known = batch.samples.some((s) => s.wrong !== null);
    setText(this.title, `Batch of ${batch.size}, worst first${known ? ` · ${wrong} wrong` : ""}`);
    const samples = batch.samples.slice(0, choices.allSamples ? undefined : SHOWN);
    this.list.replaceChildren(batch.show === "images" ? this.pictures(batch, samples) : this.rows(batch, samples));
    this.all.hidden = batch.samples.length <= SHOWN;
    setText(this.all, choices.allSamples ? "Show fewer" : `Show ${batch.samples.length === batch.size ? "all" : "the worst"} ${batch.samples.length}`);
  }

  private pictures(batch: Batch, samples: Sample[]): HTMLElement {
    const groups = batch.pictures ?? [["input", batch.image!]];
    return element("div", { class: `kd-pictures${groups.length > 1 || batch.columns ? " kd-several" : ""}` }, ...samples.map((sample, i) => {
      let start = 0;
      const drawn = groups.map(([what, [height, width, channels]]) => {
        const canvas = element("canvas", { title: what, "aria-hidden": "true" });
        const size = height * width * channels;
        paint(canvas, batch.pixels.subarray(start + i * size, start + (i + 1) * size), height, width, channels);
        start += batch.samples.length * size;
        return groups.length === 1 ? canvas : element("span", { class: "kd-part" }, canvas, element("small", {}, what));
      });
      const facts = (batch.columns ?? []).map((name, k) => element("small", { title: batch.values![i][k] }, `${name} ${batch.values![i][k]}`));
      return this.choose(sample, [element("span", { class: "kd-parts" }, ...drawn), element("span", {}, said(sample)), ...facts,
        element("small", {}, `loss ${format.value(sample.loss)}`),
        ...(batch.bad.includes(sample.place) ? [element("small", { class: "kd-bad" }, "✕ NaN in x")] : [])]);
    }));
  }

  private choose(sample: Sample, parts: Node[]): HTMLElement {
    return element("button", {
      type: "button", class: `kd-sample${sample.wrong ? " kd-miss" : ""}${this.chosen(sample) ? " kd-chosen" : ""}`, title: `${nameOf(sample)}: choose it for the maps of a layer`,
      "aria-label": `${nameOf(sample)}, ${sample.label === null ? "" : `label ${sample.label}, `}${sample.prediction === null ? "" : `prediction ${sample.prediction}, `}loss ${format.value(sample.loss)}`,
      click: () => this.session.ask("layer", { layer: this.session.state!.layer, sample: sample.place }),
    }, ...parts);
  }

  private chosen(sample: Sample): boolean {
    return this.session.state!.layer !== "" && sample.place === this.session.state!.sample;
  }

  private rows(batch: Batch, samples: Sample[]): HTMLElement {
    const has = (name: "label" | "prediction"): boolean => batch.samples.some((s) => s[name] !== null);
    const head = ["row", "loss", ...(has("label") ? ["label"] : []), ...(has("prediction") ? ["predicted"] : []), ...batch.columns!];
    const body = samples.map((sample, i) => element("tr", { class: sample.wrong ? "kd-miss" : "" },
      element("th", { scope: "row" }, String(sample.row ?? sample.place)),
      element("td", { class: "kd-number" }, format.value(sample.loss)),
      ...(has("label") ? [element("td", {}, sample.label ?? "")] : []),
      ...(has("prediction") ? [element("td", {}, `${sample.wrong ? "✗ " : ""}${sample.prediction ?? ""}`)] : []),
      ...batch.values![i].map((text) => element("td", { class: /^-?[\d.e+-]+$/.test(text) ? "kd-number" : "kd-text" }, text))));
    return element("div", { class: "kd-scroll" }, element("table", {},
      element("thead", {}, element("tr", {}, ...head.map((name) => element("th", { scope: "col" }, name)))), element("tbody", {}, ...body)));
  }
}

function nameOf(sample: Sample): string {
  return sample.row === null ? `sample ${sample.place}` : `row ${sample.row}`;
}

function said(sample: Sample): string {
  const sign = sample.wrong === null ? "" : sample.wrong ? "✗ " : "✓ ";
  if (sample.label === null || sample.prediction === null) return sample.label ?? sample.prediction ?? nameOf(sample);
  return `${sign}${sample.label} → ${sample.prediction}`;
}

/** Put bytes of one or three channels onto a canvas, a byte a pixel. */
export function paint(canvas: HTMLCanvasElement, bytes: Uint8Array, height: number, width: number, channels: number): void {
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = bytes[i * channels + (channels === 1 ? 0 : c)];
    image.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d")!.putImageData(image, 0, 0);
}
