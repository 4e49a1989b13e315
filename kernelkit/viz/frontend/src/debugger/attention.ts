// Attention scores of one head, with the tokens on both axes.

import { element } from "../shared/dom";
import { paint } from "./batch";

const CELL = 13; // pixels that a token needs

export function attentionMap(bytes: Uint8Array, tokens: string[], head: number): HTMLElement {
  const count = tokens.length;
  const canvas = element("canvas", { role: "img", "aria-label": `attention of head ${head}`, style: `width:${count * CELL}px;height:${count * CELL}px` });
  paint(canvas, bytes, count, count, 1);
  const axis = (name: string): HTMLElement => element("div", { class: name, "aria-hidden": "true" },
    ...tokens.map((token) => element("span", { title: token }, token)));
  return element("figure", { class: "kd-attention" }, axis("kd-down"), canvas, element("small", {}, `head ${head}`), axis("kd-across"));
}
