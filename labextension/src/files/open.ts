// Files of models: what each kind holds, and where. Only what says what a model is made of is read when one is opened.

import { FileError, Memory, RemoteFile, sizeText, type Fetch, type Reader } from "./bytes";
import { describeConfig, type Described, type Item } from "./config";
import { Hdf5, type Dataset, type Entry } from "./hdf5";
import { weightsOf } from "./layers";
import { Archive, decode } from "./zip";

const MOST_CONFIG = 32 * 1024 * 1024;
const MOST_UNPACKED = 256 * 1024 * 1024; // weights that are packed have to be unpacked in memory
const MOST_ARRAYS = 256; // of one layer
const MOST_GROUPS = 1_000; // looked into for the arrays of one layer; groups may hold themselves
const MOST_CHILDREN = 1_000; // of one group
const FORMATS: Record<string, string> = {
  ".keras": "Keras 3 model", ".weights.h5": "Keras 3 weights", ".h5": "HDF5 model, Keras 2's form", ".weights.json": "Keras 3 weights in several files",
  ".kkrec": "recording of kernelkit's debugger",
};

export interface ArrayEntry { name: string; path: string; dataset: Dataset; file: Hdf5 }
export interface TreeEntry { name: string; path: string; kind: "group" | "array" | "link"; said: string; array: ArrayEntry | null }

/** The weights of a file, read as they are looked at. */
export interface Weights {
  children(path: string): Promise<TreeEntry[]>;
}

export interface ModelFile {
  format: string;
  facts: [name: string, value: string][];
  model: Described | null;
  trouble: string; // why there is no graph
  training: any;
  weights: Weights | null;
  unread: string; // why there are no weights
  legacy: boolean;
  source: RemoteFile;
}

export interface Place { url: string; sibling(name: string): Promise<string>; fetch: Fetch; signal: AbortSignal }

/** Open a file by what it is called, with few requests. */
export async function openModel(name: string, place: Place): Promise<ModelFile> {
  const ending = Object.keys(FORMATS).find((e) => name.toLowerCase().endsWith(e)) ?? (/\.hdf5$/i.test(name) ? ".h5" : "");
  if (!ending) throw new FileError("This is not a known kind of model file.");
  const packed = ending === ".keras" || ending === ".kkrec";
  const source = await RemoteFile.open(place.url, place.fetch, place.signal, packed ? "tail" : "head");
  const file: ModelFile = { format: FORMATS[ending], facts: [], model: null, trouble: "", training: null, weights: null, unread: "", legacy: false, source };
  if (ending === ".keras") await openKeras(file);
  else if (ending === ".kkrec") await openRecording(file);
  else if (ending === ".weights.json") await openShards(file, place);
  else await openHdf5(file);
  return file;
}

/** The arrays at and under a path, with names that say what they are where Keras only numbers them. */
export async function arraysOf(weights: Weights, path: string, item: Item | null): Promise<ArrayEntry[]> {
  const found: ArrayEntry[] = [];
  const stack = [path];
  let left = MOST_GROUPS;
  for (let next = stack.pop(); next !== undefined && found.length < MOST_ARRAYS && left-- > 0; next = stack.pop()) {
    const children = await weights.children(next);
    for (const child of children) if (child.array) found.push(child.array);
    for (const child of children.reverse()) if (child.kind === "group" && child.name !== "layers" && next.split("/").length < 40) stack.push(child.path);
  }
  const names = item && (item.weights ?? weightsOf(item.title, item.config, item.inputs[0]?.shape));
  const plain = found.every((a) => /\/vars\/\d+$/.test(a.path));
  return found.map((array, i) => {
    const inner = array.path.slice(path.length + 1);
    return { ...array, name: plain && names?.length === found.length ? names[i][0] : inner.replace(/(^|\/)vars\//, "$1") || array.name };
  });
}

async function openKeras(file: ModelFile): Promise<void> {
  const archive = await Archive.open(file.source);
  const read = async (name: string): Promise<any> => {
    const member = archive.member(name);
    return member ? parse(await archive.read(member, MOST_CONFIG), name) : null;
  };
  const config = await read("config.json");
  if (!archive.member("config.json")) throw new FileError("It is not a .keras file: it has no config.json.");
  if (!config) throw new FileError("Its config.json does not describe a model.");
  const metadata = await read("metadata.json");
  fact(file, "Keras", metadata?.keras_version);
  fact(file, "Saved", typeof metadata?.date_saved === "string" ? metadata.date_saved.replace("@", " ") : "");
  describe(file, config);
  file.training = config.compile_config ?? null;
  const weights = archive.member("model.weights.h5");
  const npz = archive.member("model.weights.npz");
  fact(file, "Weights", weights && sizeText(weights.size));
  if (weights) {
    let reader: Reader | null = await archive.slice(weights);
    file.weights = lazy(async () => {
      reader ??= new Memory(await archive.read(weights, MOST_UNPACKED));
      return Hdf5.open(reader);
    });
  } else file.unread = npz ? "The weights are stored as NPZ, which is not read here." : "The file holds no weights.";
  const others = [...archive.members.keys()].filter((n) => /^assets\/./.test(n));
  if (others.length) fact(file, "Assets", others.slice(0, 20).join(", "));
}

async function openRecording(file: ModelFile): Promise<void> {
  const archive = await Archive.open(file.source);
  const member = archive.member("manifest.json");
  if (!member) throw new FileError("It is not a recording: it has no manifest.json.");
  const manifest = parse(await archive.read(member, MOST_CONFIG), "manifest.json");
  if (manifest?.format !== 1) throw new FileError("This recording's format is not known here.");
  fact(file, "Steps", `${number(manifest.begin)} to ${number(manifest.head)}`);
  fact(file, "Seed", manifest.seed);
  for (const [label, key] of [["Layers recorded", "layers"], ["Values logged", "logs"]]) {
    if (Array.isArray(manifest[key])) fact(file, label, manifest[key].slice(0, 100).map(String).join(", "));
  }
  if (Array.isArray(manifest.snapshots)) fact(file, "Whole states", `at ${number(manifest.snapshots.length)} steps`);
  fact(file, "Open it in a notebook", "kk.replay(path)");
  file.unread = "Weights of recordings are not read here.";
  const saved = manifest.model;
  if (typeof saved?.model === "string") {
    describe(file, parse(new TextEncoder().encode(saved.model), "its model"));
    file.training = typeof saved.compile === "string" ? parse(new TextEncoder().encode(saved.compile), "its training") : null;
  } else file.trouble = "The recording does not hold its model's configuration.";
}

async function openHdf5(file: ModelFile): Promise<void> {
  const hdf5 = await Hdf5.open(file.source);
  file.weights = lazy(async () => hdf5);
  const root = await hdf5.node(hdf5.root);
  fact(file, "Keras", await hdf5.text(root, "keras_version"));
  fact(file, "Backend", await hdf5.text(root, "backend"));
  const config = await hdf5.text(root, "model_config");
  const training = await hdf5.text(root, "training_config");
  file.legacy = root.attributes.has("model_config") || !!root.entries?.some((e) => e.name === "model_weights");
  if (training) file.training = parse(new TextEncoder().encode(training), "training_config");
  if (config) describe(file, parse(new TextEncoder().encode(config), "model_config"));
  else file.trouble = "The file has only weights, without the layers of the model. They are under Weights.";
}

async function openShards(file: ModelFile, place: Place): Promise<void> {
  if (file.source.size > MOST_CONFIG) throw new FileError("The list of files is too long.");
  const list = parse(await file.source.read(0, file.source.size), "the list of files");
  const map = list?.weight_map;
  if (typeof map !== "object" || map === null) throw new FileError("It is not a list of weights files: it has no weight_map.");
  const paths = new Map<string, string[]>();
  for (const [path, files] of Object.entries(map).slice(0, 100_000)) {
    const names = (Array.isArray(files) ? files : [files]).filter((n: any) => typeof n === "string" && /^[^/\\]+\.weights\.h5$/.test(n));
    paths.set("/" + path.split("/").filter(Boolean).join("/"), names);
  }
  const opened = new Map<string, Promise<Hdf5>>();
  const shard = (name: string): Promise<Hdf5> => {
    if (!opened.has(name)) {
      opened.set(name, (async () => Hdf5.open(await RemoteFile.open(await place.sibling(name), place.fetch, place.signal)))());
    }
    return opened.get(name)!;
  };
  const names = new Set([...paths.values()].flat());
  fact(file, "Files", `${names.size}: ${[...names].slice(0, 8).join(", ")}${names.size > 8 ? " …" : ""}`);
  if (Number.isFinite(list?.metadata?.total_size)) fact(file, "Weights", sizeText(list.metadata.total_size));
  file.trouble = "These files have only weights, without the layers of the model. They are under Weights.";
  file.weights = {
    async children(path) {
      const found = new Map<string, TreeEntry>();
      for (const [whole, files] of paths) {
        if (whole === path) {
          for (const name of files) for (const entry of await childrenOf(await shard(name), path)) found.set(entry.name, entry);
        } else if (whole.startsWith(path + "/")) {
          const name = whole.slice(path.length + 1).split("/")[0];
          if (!found.has(name)) found.set(name, { name, path: `${path}/${name}`, kind: "group", said: "", array: null });
        }
      }
      return [...found.values()].sort(byName);
    },
  };
}

function lazy(open: () => Promise<Hdf5>): Weights {
  let file: Promise<Hdf5> | null = null;
  return {
    async children(path) {
      file ??= open();
      return childrenOf(await file, path);
    },
  };
}

async function childrenOf(file: Hdf5, path: string): Promise<TreeEntry[]> {
  const node = await file.find(path);
  const entries = node?.entries ?? [];
  const found = await Promise.all(entries.slice(0, MOST_CHILDREN).map((entry) => childOf(file, entry, `${path}/${entry.name}`)));
  found.sort(byName);
  if (entries.length > MOST_CHILDREN) found.push({ name: `${entries.length - MOST_CHILDREN} more`, path, kind: "link", said: "not shown", array: null });
  return found;
}

async function childOf(file: Hdf5, entry: Entry, path: string): Promise<TreeEntry> {
  const { name } = entry;
  if (entry.link) return { name, path, kind: "link", said: `${entry.link} link, not followed`, array: null };
  const dataset = entry.group ? null : (await file.node(entry.address)).dataset;
  return dataset ? { name, path, kind: "array", said: "", array: { name, path, dataset, file } } : { name, path, kind: "group", said: "", array: null };
}

function byName(a: TreeEntry, b: TreeEntry): number {
  return a.name.localeCompare(b.name, "en", { numeric: true });
}

function describe(file: ModelFile, config: any): void {
  try {
    file.model = describeConfig(config);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    file.trouble = error.message;
  }
}

function parse(data: Uint8Array, what: string): any {
  try {
    return JSON.parse(decode(data));
  } catch {
    throw new FileError(`The file is damaged: ${what} is not JSON.`);
  }
}

function fact(file: ModelFile, name: string, value: unknown): void {
  if (value !== undefined && value !== null && value !== "") file.facts.push([name, String(value).slice(0, 2_000)]);
}

function number(value: any): string {
  return Number.isFinite(value) ? Number(value).toLocaleString("en") : "?";
}
