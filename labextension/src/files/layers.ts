// What Keras's own layers return and hold, as far as their arguments and the shape that they are given tell.

export type Shape = (number | null)[];
export type Config = Record<string, any>;

const SAME = new Set(("Activation ReLU LeakyReLU PReLU ELU Softmax Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D GaussianNoise " +
  "GaussianDropout AlphaDropout BatchNormalization LayerNormalization GroupNormalization RMSNormalization UnitNormalization Rescaling " +
  "Normalization Masking ActivityRegularization Identity InputLayer Relu Sigmoid Tanh Gelu Silu").split(" "));
const JOINED = new Set(["Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"]);

/** The shape of a layer's first output; null where it is not known. */
export function outputShape(kind: string, config: Config, inputs: Shape[]): Shape | null {
  const input = inputs[0];
  if (!input) return null;
  if (SAME.has(kind)) return input;
  if (JOINED.has(kind)) return inputs.length ? inputs.reduce((a, b) => (b.length > a.length ? b : a)) : null;
  const batch = input[0] ?? null;
  const last = config.data_format === "channels_first" ? 1 : input.length - 1;
  const rank = input.length - 2;
  const spatial = input.filter((_, i) => i > 0 && i !== last);
  const put = (places: Shape, channels: number | null): Shape => (last === 1 && rank > 0 ? [batch, channels, ...places] : [batch, ...places, channels]);
  if (kind === "Dense") return whole(config.units) ? [...input.slice(0, -1), config.units] : null;
  if (kind === "Embedding") return whole(config.output_dim) ? [...input, config.output_dim] : null;
  if (kind === "Flatten") return [batch, product(input.slice(1))];
  if (kind === "Reshape" && Array.isArray(config.target_shape)) return [batch, ...config.target_shape.map((d: any) => (whole(d) ? d : null))];
  if (kind === "RepeatVector" && whole(config.n)) return [batch, config.n, input[1] ?? null];
  if (kind === "Permute" && Array.isArray(config.dims)) return [batch, ...config.dims.map((d: any) => input[d] ?? null)];
  if (kind === "Concatenate") {
    const axis = config.axis < 0 ? input.length + config.axis : config.axis;
    return input.map((d, i) => (i !== axis ? d : inputs.reduce<number | null>((sum, s) => (sum === null || s[i] == null ? null : sum + s[i]!), 0)));
  }
  if (/^Global(Average|Max)Pooling\dD$/.test(kind)) return config.keepdims ? put(spatial.map(() => 1), input[last]) : [batch, input[last]];
  const sizes = (value: any): number[] => (Array.isArray(value) ? value : Array(rank).fill(value)).map(Number);
  if (/^(Conv|DepthwiseConv|SeparableConv)\dD$|^(Max|Average)Pooling\dD$/.test(kind)) {
    const pool = kind.includes("Pooling");
    const window = sizes(pool ? config.pool_size : config.kernel_size), steps = sizes((pool ? config.strides ?? config.pool_size : config.strides) ?? 1);
    const spread = sizes(config.dilation_rate ?? 1);
    const places = spatial.map((d, i) => {
      if (d === null || !(steps[i] > 0)) return null;
      if (config.padding !== "valid") return Math.ceil(d / steps[i]);
      return Math.max(0, Math.floor((d - (spread[i] * (window[i] - 1) + 1)) / steps[i]) + 1);
    });
    const channels = pool ? input[last] : kind.startsWith("Depthwise") ? times(input[last], config.depth_multiplier ?? 1) : config.filters;
    return put(places, whole(channels) ? channels : null);
  }
  if (/^Conv\dDTranspose$/.test(kind) && config.padding === "same") {
    const steps = sizes(config.strides ?? 1);
    return put(spatial.map((d, i) => times(d, steps[i])), whole(config.filters) ? config.filters : null);
  }
  if (/^UpSampling\dD$/.test(kind)) {
    const size = sizes(config.size ?? 2);
    return put(spatial.map((d, i) => times(d, size[i])), input[last]);
  }
  if (/^ZeroPadding2D$/.test(kind) && Array.isArray(config.padding)) {
    return put(spatial.map((d, i) => (d === null ? null : d + sum([config.padding[i]].flat()))), input[last]);
  }
  if (["LSTM", "GRU", "SimpleRNN"].includes(kind) && whole(config.units)) {
    return config.return_sequences ? [batch, input[1] ?? null, config.units] : [batch, config.units];
  }
  if (kind === "MultiHeadAttention") return config.output_shape ? [...input.slice(0, -1), ...[config.output_shape].flat()] : input;
  return null;
}

/** The names of a layer's own weights in the order in which Keras saves them, and their shapes; null where unknown. */
export function weightsOf(kind: string, config: Config, input: Shape | undefined): [name: string, shape: number[]][] | null {
  const bias = config.use_bias !== false;
  const channels = input ? (config.data_format === "channels_first" ? input[1] : input[input.length - 1]) : null;
  const square = (units: number, gates: number, known: number, double = false): [string, number[]][] => [
    ["kernel", [known, gates * units]], ["recurrent_kernel", [units, gates * units]],
    ...(bias ? [["bias", double ? [2, gates * units] : [gates * units]] as [string, number[]]] : [])];
  if (kind === "Embedding") return whole(config.input_dim) && whole(config.output_dim) ? [["embeddings", [config.input_dim, config.output_dim]]] : null;
  if (kind in NOTHING || SAME.has(kind) && !/Normalization|PReLU/.test(kind)) return [];
  if (!whole(channels)) return null;
  if (kind === "Dense" && whole(config.units)) return [["kernel", [channels, config.units]], ...one(bias, "bias", config.units)];
  const window = (rank: number): number[] => (Array.isArray(config.kernel_size) ? config.kernel_size : Array(rank).fill(config.kernel_size));
  const conv = /^Conv(\d)D(Transpose)?$/.exec(kind);
  if (conv && whole(config.filters)) {
    const inner = channels / (config.groups ?? 1);
    return [["kernel", [...window(+conv[1]), ...(conv[2] ? [config.filters, channels] : [inner, config.filters])]], ...one(bias, "bias", config.filters)];
  }
  const deep = /^DepthwiseConv(\d)D$/.exec(kind), apart = /^SeparableConv(\d)D$/.exec(kind);
  const many = config.depth_multiplier ?? 1;
  if (deep) return [["kernel", [...window(+deep[1]), channels, many]], ...one(bias, "bias", channels * many)];
  if (apart && whole(config.filters)) {
    return [["depthwise_kernel", [...window(+apart[1]), channels, many]],
      ["pointwise_kernel", [...window(+apart[1]).map(() => 1), channels * many, config.filters]], ...one(bias, "bias", config.filters)];
  }
  if (kind === "BatchNormalization") {
    return [...one(config.scale !== false, "gamma", channels), ...one(config.center !== false, "beta", channels),
      ["moving_mean", [channels]], ["moving_variance", [channels]]];
  }
  if (["LayerNormalization", "GroupNormalization"].includes(kind)) {
    return [...one(config.scale !== false, "gamma", channels), ...one(config.center !== false, "beta", channels)];
  }
  if (kind === "RMSNormalization") return [["scale", [channels]]];
  if (kind === "LSTM" && whole(config.units)) return square(config.units, 4, channels);
  if (kind === "GRU" && whole(config.units)) return square(config.units, 3, channels, config.reset_after !== false);
  if (kind === "SimpleRNN" && whole(config.units)) return square(config.units, 1, channels);
  return null;
}

/** How many of a layer's weights are never trained: a normalization's moving mean and variance. */
export function heldBack(kind: string, weights: [string, number[]][]): number {
  return kind === "BatchNormalization" ? weights.reduce((total, [name, shape]) => total + (name.startsWith("moving_") ? product(shape)! : 0), 0) : 0;
}

const NOTHING: Record<string, true> = Object.fromEntries([...JOINED, "Concatenate", "Flatten", "Reshape", "Permute", "RepeatVector", "Cropping2D",
  "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D", ...[1, 2, 3].flatMap((d) => [`UpSampling${d}D`, `MaxPooling${d}D`, `AveragePooling${d}D`,
    `GlobalAveragePooling${d}D`, `GlobalMaxPooling${d}D`])].map((name) => [name, true]));

export function product(sizes: Shape): number | null {
  return sizes.reduce<number | null>((all, d) => (all === null || d === null ? null : all * d), 1);
}

export function whole(x: any): x is number {
  return Number.isSafeInteger(x) && x >= 0;
}

function times(a: number | null | undefined, b: number): number | null {
  return a == null || !Number.isFinite(b) ? null : a * b;
}

function sum(values: any[]): number {
  return values.reduce((a, b) => a + Number(b), 0);
}

function one(there: boolean, name: string, size: number): [string, number[]][] {
  return there ? [[name, [size]]] : [];
}
