// The page's colours, for what is drawn on a canvas.

export interface Theme {
  dark: boolean;
  ink: string;
  grid: string;
  paper: string;
  train: string;
  validation: string;
  best: string;
  bad: string;
  runs: string[];
  earlier: string[];
  font: string;
}

// The colours of Okabe and Ito, which colour-blind eyes tell apart; lighter first on dark paper.
const LIGHT = { train: "#0072B2", validation: "#D55E00", best: "#009E73", bad: "#B3261E" };
const DARK = { train: "#56B4E9", validation: "#E69F00", best: "#2FC9A0", bad: "#FF8A80" };
const RUNS_LIGHT = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#666666"];
const RUNS_DARK = ["#56B4E9", "#E69F00", "#2FC9A0", "#CC79A7", "#F0E442", "#E8743B", "#AAAAAA"];

// Earlier runs stand back: none of them has a colour of the one that runs.
const EARLIER_LIGHT = ["#CC79A7", "#888888", "#C9A200"];
const EARLIER_DARK = ["#E0A0C4", "#A0A0A0", "#F0E442"];

/** Read the theme from an element of the panel, and mark the element as dark or light. */
export function readTheme(root: HTMLElement): Theme {
  const style = getComputedStyle(root);
  const dark = luminance(style.backgroundColor) < 0.5;
  root.dataset.theme = dark ? "dark" : "light";
  const [r, g, b] = channels(style.color);
  return {
    dark,
    ink: `rgba(${r},${g},${b},0.72)`,
    grid: `rgba(${r},${g},${b},0.11)`,
    paper: style.backgroundColor,
    ...(dark ? DARK : LIGHT),
    runs: dark ? RUNS_DARK : RUNS_LIGHT,
    earlier: dark ? EARLIER_DARK : EARLIER_LIGHT,
    font: `11px ${style.fontFamily}`,
  };
}

/** Call back when the page changes its theme; returns how to end that. */
export function watchTheme(changed: () => void): () => void {
  const observer = new MutationObserver(changed);
  const filter = ["class", "style", "theme", "data-jp-theme-name", "data-theme", "data-vscode-theme-kind"];
  for (const node of [document.documentElement, document.body]) {
    observer.observe(node, { attributes: true, attributeFilter: filter });
  }
  const media = matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", changed);
  return () => {
    observer.disconnect();
    media.removeEventListener("change", changed);
  };
}

function channels(color: string): number[] {
  const numbers = (color.match(/[\d.]+(e-?\d+)?/g) ?? ["0", "0", "0"]).map(Number);
  return color.startsWith("color(") ? numbers.map((n, i) => (i < 3 ? n * 255 : n)) : numbers;
}

function luminance(color: string): number {
  const [r, g, b] = channels(color);
  return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
}
