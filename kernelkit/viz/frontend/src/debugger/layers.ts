// The table of layers: numbers, small curves over the steps seen, and in colour and in words what looks wrong.

import { element, setText, svg } from "../shared/dom";
import * as format from "../shared/format";
import type { Session } from "./session";
import { drawTrend, short, trendOf } from "./trends";
import type { Layer, Table } from "./types";

const WIDTH = 54;
const HEIGHT = 16;
// What is wrong, by how bad it is: each has a sign and a word beside its colour.
const TROUBLES: Record<string, [string, string]> = {
  "NaN": ["severe", "✕"], "infinity": ["severe", "✕"], "NaN in the gradient": ["severe", "✕"],
  "dead units": ["warning", "▲"], "large updates": ["warning", "▲"], "no gradient": ["note", "○"],
};
// Title, columns of the message that it reads, whether a phone shows it.
const COLUMNS: [string, string, boolean][] = [
  ["|grad|", "grad", true], ["|update| / |weight|", "update_ratio", true], ["std", "std", false], ["NaN/Inf", "nan", true],
  ["dead", "dead", false], ["|weight|", "weight", false], ["mean", "mean", false], ["zeros", "zeros", false], ["min", "min", false], ["max", "max", false],
];
const FOLDED = ["weight", "mean", "zeros", "min", "max"]; // shown when asked for
const MANY = 14; // from so many layers on they can be searched

interface Row {
  node: HTMLTableRowElement;
  cells: Map<string, HTMLElement>;
  lines: Map<string, SVGSVGElement>;
  trouble: HTMLElement;
  button: HTMLButtonElement;
}

export class LayerTable {
  readonly node: HTMLElement;
  private readonly body = element("tbody", {});
  private readonly more = element("p", { class: "kd-more" });
  private readonly none = element("p", { class: "kd-more" }, "No layer matches.");
  private readonly search = element("input", {
    type: "search", placeholder: "Find a layer", "aria-label": "Find a layer by name or type", "data-lm-suppress-shortcuts": "true",
    input: () => { this.session.choices.search = this.search.value; this.session.changed(); },
    keydown: (event: KeyboardEvent) => event.stopPropagation(),
  });
  private readonly weights = element("input", {
    type: "checkbox", change: () => { this.session.choices.weights = this.weights.checked; this.session.changed(); },
  });
  private readonly columns = element("input", {
    type: "checkbox", change: () => { this.session.choices.columns = this.columns.checked; this.session.changed(); },
  });
  private readonly count = element("span", {});
  private readonly find = element("div", { class: "kd-find" }, this.search, element("label", {}, this.weights, "Layers with weights"), this.count);
  private readonly tools = element("div", { class: "kd-search" }, this.find, element("label", {}, this.columns, "All numbers"));
  private rows: Row[] = [];
  private shape = "";
  private drawn: Table | null = null;

  constructor(private session: Session) {
    const head = COLUMNS.map(([title, column, phone]) => element("th", { scope: "col", class: classOf(phone, FOLDED.includes(column)) }, title));
    this.node = element("div", { class: "kd-layers" }, element("div", { class: "kd-scroll" },
      element("table", { "aria-label": "Layers of the step shown" },
        element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "layer"), element("th", { scope: "col" }, "looks wrong"), element("th", { scope: "col", class: "kd-wide" }, "output"), ...head)),
        this.body)), this.none, this.more);
    this.node.prepend(this.tools);
  }

  update(): void {
    const { table, state } = this.session;
    this.node.hidden = table === null;
    if (!table) return;
    this.node.classList.toggle("kd-stale", this.session.looking);
    const shape = JSON.stringify(table.layers.map((l) => [l.name, l.type]));
    if (shape !== this.shape) {
      this.shape = shape;
      this.rows = table.layers.map((layer) => this.row(layer));
      this.body.replaceChildren(...this.rows.map((row) => row.node));
    }
    const { search, weights } = this.session.choices;
    const wanted = search.trim().toLowerCase();
    const gradient = table.columns.indexOf("grad");
    let shown = 0;
    this.find.hidden = table.layers.length < MANY;
    this.node.classList.toggle("kd-all-columns", this.session.choices.columns);
    this.rows.forEach((row, i) => {
      const layer = table.layers[i];
      const fits = `${layer.name} ${layer.type}`.toLowerCase().includes(wanted) && !(weights && layer.none.includes(gradient));
      row.node.hidden = !this.find.hidden && !fits;
      shown += Number(!row.node.hidden);
    });
    this.none.hidden = shown > 0;
    setText(this.count, shown < table.layers.length ? `${shown} of ${table.layers.length}` : `${table.layers.length} layers`);
    this.rows.forEach((row, i) => {
      const open = table.layers[i].name === state!.layer;
      row.button.setAttribute("aria-expanded", String(open));
      row.node.classList.toggle("kd-open", open);
    });
    if (table === this.drawn) return;
    this.drawn = table;
    this.rows.forEach((row, i) => this.fill(row, table, i));
    setText(this.more, table.left_out ? `and ${table.left_out} more layers: dbg.table() has them all` : "");
  }

  private row(layer: Layer): Row {
    const cells = new Map<string, HTMLElement>();
    const lines = new Map<string, SVGSVGElement>();
    const shape = element("td", { class: "kd-wide kd-shape" });
    cells.set("shape", shape);
    const button = element("button", {
      type: "button", class: "kd-layer", title: "Histograms, and maps of one sample", "aria-expanded": "false",
      click: () => this.session.ask("layer", { layer: this.session.state!.layer === layer.name ? "" : layer.name }),
    }, element("span", {}, ...breakable(layer.name)), element("small", {}, layer.type));
    const numbers = COLUMNS.map(([, column, phone]) => {
      const value = element("span", {});
      cells.set(column, value);
      const cell = element("td", { class: classOf(phone, FOLDED.includes(column)) }, value);
      if (["std", "grad", "update_ratio", "weight"].includes(column)) {
        const line = svg("svg", { width: WIDTH, height: HEIGHT, viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "kd-trend", "aria-hidden": "true" });
        lines.set(column, line);
        cell.append(line);
      }
      return cell;
    });
    const trouble = element("td", { class: "kd-trouble" });
    const node = element("tr", {}, element("th", { scope: "row" }, button), trouble, shape, ...numbers);
    return { node, cells, lines, trouble, button };
  }

  private fill(row: Row, table: Table, i: number): void {
    const layer = table.layers[i];
    const value = (column: string): number | null => {
      const at = table.columns.indexOf(column);
      return layer.none.includes(at) ? null : table.numbers[i * table.columns.length + at];
    };
    setText(row.cells.get("shape")!, layer.shape.join(" × "));
    for (const [, column] of COLUMNS) setText(row.cells.get(column)!, textOf(column, value));
    for (const [column, line] of row.lines) drawTrend(line, trendOf(table, i, column), table.steps, table.position - 1);
    const [level, sign] = TROUBLES[layer.trouble ?? ""] ?? ["", ""];
    row.node.dataset.level = layer.trouble ? level || "warning" : "";
    setText(row.trouble, layer.trouble ? `${sign || "▲"} ${layer.trouble}` : "");
  }
}

/** A name that may be broken behind the names of its owners. */
function breakable(name: string): (Node | string)[] {
  const parts = name.split(/(?<=\/)/);
  return parts.flatMap((part, i) => (i ? [element("wbr", {}), part] : [part]));
}

function classOf(phone: boolean, folded: boolean): string {
  return `kd-number${phone ? "" : " kd-wide"}${folded ? " kd-folded" : ""}`;
}

function textOf(column: string, value: (column: string) => number | null): string {
  if (column === "nan") return format.count((value("nan") ?? 0) + (value("inf") ?? 0));
  const x = value(column);
  if (x === null) return "";
  return column === "zeros" || column === "dead" ? `${Math.round(100 * x)}%` : short(x);
}
