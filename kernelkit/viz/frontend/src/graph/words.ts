// The texts on the boxes, and their widths: kernelkit/diagram/words.py.

const NARROW = new Set("fijlrt.,:;'|!()[]{} I·");
const WIDE = new Set("mwMW@%—→");

/** About how wide a text is, in pixels. */
export function textWidth(text: string, size = 12): number {
  let total = 0;
  for (const letter of text) {
    const code = letter.codePointAt(0)!;
    if (NARROW.has(letter)) total += 0.36;
    else if (WIDE.has(letter)) total += 0.95;
    else if (code > 0x1100 && /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60]/.test(letter)) total += 1;
    else total += /\p{Lu}/u.test(letter) ? 0.68 : 0.61;
  }
  return total * size;
}

/** A text of at most so many letters, its middle left out. */
export function cut(text: string, most = 26): string {
  const letters = [...text.slice(0, 4096)].map((letter) => (/[\p{C}\p{Zl}\p{Zp}]/u.test(letter) ? "·" : letter));
  if (letters.length <= most) return letters.join("");
  const left = Math.floor(most / 2);
  return letters.slice(0, left).join("") + "…" + letters.slice(letters.length - (most - left - 1)).join("");
}

export function shapeText(sizes: (number | null)[]): string {
  const inner = sizes.slice(1);
  return inner.length ? inner.map((d) => d ?? "?").join("×") : "scalar";
}

export function pythonShape(sizes: (number | null)[]): string {
  const inner = sizes.map((d) => d ?? "None");
  return `(${inner.join(", ")}${inner.length === 1 ? "," : ""})`;
}

/** Floating-point operations in words. */
export function flopsText(x: number): string {
  return `${numberText(x)}${x >= 1000 ? "" : " "}FLOPs`; // "140 kFLOPs", "12 FLOPs"
}

function digits(x: number): string {
  return String(Number(x.toPrecision(3)));
}

export function numberText(number: number): string {
  for (const [limit, unit] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]] as const) {
    if (number >= limit) return `${digits(number / limit)} ${unit}`;
  }
  return String(Math.round(number));
}

export function bytesText(count: number): string {
  let size = count;
  for (const unit of ["B", "KB", "MB", "GB"]) {
    if (size < 1024) return unit === "B" ? `${size} B` : `${digits(size)} ${unit}`;
    size /= 1024;
  }
  return `${digits(size)} TB`;
}

const FAMILIES: [string, string][] = [
  ["norm", "Normalization"], ["pool", "Pooling"], ["conv", "Conv"], ["attention", "Attention"],
  ["recurrent", "LSTM GRU RNN Cell Bidirectional TimeDistributed"], ["dropout", "Dropout Noise"],
  ["embed", "Embedding Hashing Lookup Vectorization Encoding"], ["dense", "Dense"],
  ["activation", "ReLU Relu Softmax Activation Sigmoid Tanh Gelu Silu Elu"],
  ["merge", "Add add Concatenate concatenate Multiply mul Subtract Average Maximum Minimum Dot"],
  ["reshape", "Reshape Flatten Permute Repeat Cropping Padding UpSampling Squeeze Transpose"],
];

/** What a class of layers is for, to color it by. */
export function family(title: string): string {
  return FAMILIES.find(([, words]) => words.split(" ").some((word) => title.includes(word)))?.[0] ?? "other";
}
