// HDF5 as h5py writes it, read by ranges: groups, attributes and arrays of numbers. Links out of the file and soft links
// are shown and never followed. Source of the format: the HDF5 File Format Specification, version 3.0.

import { FileError, type Reader } from "./bytes";
import { findChunks, readChunk, readFilters, type Chunk, type Filter } from "./chunks";
import { big, decode, view } from "./zip";

const MOST_ENTRIES = 20_000; // in one group
const MOST_OBJECTS = 100_000; // in one file
const MOST_MESSAGES = 4_096;
const MOST_NAME = 1_024;
const MOST_TEXT = 64 * 1024 * 1024;
const MOST_LEVELS = 16;
const NOWHERE = 0xffffffff;

export type Kind = "f16" | "bf16" | "f32" | "f64" | "i8" | "u8" | "i16" | "u16" | "i32" | "u32" | "i64" | "u64" | "bool" | "text" | "other";

const WIDTHS: Partial<Record<Kind, number>> = {
  f16: 2, bf16: 2, f32: 4, f64: 8, i8: 1, u8: 1, i16: 2, u16: 2, i32: 4, u32: 4, i64: 8, u64: 8, bool: 1,
};

interface Type { kind: Kind; size: number; little: boolean; variable: boolean; opaque: boolean }

export interface Entry { name: string; address: number; link: "" | "soft" | "external"; group: boolean }

export interface Attribute { type: Type; shape: number[]; data: Uint8Array }

export interface Dataset {
  shape: number[];
  kind: Kind;
  dtype: string;
  little: boolean;
  count: number; // numbers
  bytes: number; // in the file
  place: Place;
}

type Place =
  | { form: "contiguous"; address: number }
  | { form: "compact"; data: Uint8Array }
  | { form: "chunked"; tree: number; chunk: number[]; filters: Filter[] }
  | { form: "empty" }
  | { form: "unread"; why: string };

interface Message { type: number; data: DataView }

export interface Node { entries: Entry[] | null; dataset: Dataset | null; attributes: Map<string, Attribute>; address: number }

export class Hdf5 {
  private objects = 0;
  private kept = new Map<number, Promise<Node>>();

  private constructor(private reader: Reader, readonly root: number) {}

  static async open(reader: Reader): Promise<Hdf5> {
    if (reader.size < 96) throw notHdf5();
    const start = view(await reader.read(0, 96));
    if (start.getUint32(0) !== 0x89484446 || start.getUint32(4) !== 0x0d0a1a0a) throw notHdf5();
    const version = start.getUint8(8);
    const sizes = version < 2 ? [start.getUint8(13), start.getUint8(14)] : [start.getUint8(9), start.getUint8(10)];
    if (version > 3 || sizes[0] !== 8 || sizes[1] !== 8) throw new FileError("This kind of HDF5 file is not read here.");
    const base = version < 2 ? 24 + 4 * version : 12;
    if (big(start, base) !== 0) throw new FileError("This HDF5 file begins with something else; it is not read here.");
    return new Hdf5(reader, big(start, version < 2 ? base + 40 : 36));
  }

  /** Read an object's header: a group's members, or an array's form. */
  node(address: number): Promise<Node> {
    let found = this.kept.get(address);
    if (!found) {
      if (++this.objects > MOST_OBJECTS) throw new FileError(`The file has more than ${MOST_OBJECTS.toLocaleString("en")} objects.`);
      found = this.load(address).catch((error) => {
        throw error instanceof RangeError ? damaged("an object is cut off") : error;
      });
      found.catch(() => this.kept.delete(address));
      this.kept.set(address, found);
    }
    return found;
  }

  /** Find an object by its path; null where there is none. */
  async find(path: string): Promise<Node | null> {
    let node = await this.node(this.root);
    for (const name of path.split("/").filter(Boolean)) {
      const entry = node.entries?.find((e) => e.name === name);
      if (!entry || entry.link) return null;
      node = await this.node(entry.address);
    }
    return node;
  }

  /** An attribute as text; "" where there is none. */
  async text(node: Node, name: string): Promise<string> {
    const attribute = node.attributes.get(name);
    if (attribute?.type.kind !== "text") return "";
    if (!attribute.type.variable) return decode(attribute.data).replace(/\0[\s\S]*$/, "");
    if (attribute.data.length < 16) return "";
    const data = view(attribute.data);
    return decode(await this.heapObject(big(data, 4), data.getUint32(12, true), data.getUint32(0, true)));
  }

  /** Read some of an array's numbers, from one place on. */
  async numbers(dataset: Dataset, first: number, count: number): Promise<Float64Array> {
    const width = WIDTHS[dataset.kind]!;
    const { place } = dataset;
    if (place.form === "unread") throw new FileError(place.why);
    if (place.form === "chunked") throw new FileError("This array is stored in chunks.");
    if (place.form === "empty") return new Float64Array(count);
    const data = place.form === "compact" ? place.data.subarray(first * width, (first + count) * width)
      : await this.reader.read(place.address + first * width, count * width);
    return convert(view(data), dataset, count);
  }

  /** The chunks of an array that is stored in such; null for others. */
  async chunks(dataset: Dataset): Promise<Chunk[] | null> {
    return dataset.place.form === "chunked" ? findChunks(this.reader, dataset.place.tree, dataset.shape.length) : null;
  }

  /** The numbers of one chunk, those left out that lie behind the array's edge. */
  async chunk(dataset: Dataset, chunk: Chunk): Promise<Float64Array> {
    if (dataset.place.form !== "chunked") throw damaged("an array has no chunks");
    const { chunk: sizes, filters } = dataset.place;
    const count = sizes.reduce((a, b) => a * b, 1);
    const all = convert(view(await readChunk(this.reader, chunk, filters, count * WIDTHS[dataset.kind]!)), dataset, count);
    const left = sizes.map((size, axis) => Math.min(size, dataset.shape[axis] - chunk.offset[axis]));
    if (left.every((size, axis) => size === sizes[axis])) return all;
    if (left.some((size) => size <= 0)) return new Float64Array(0);
    const place = sizes.map(() => 0);
    const found = all.filter(() => {
      const inside = place.every((at, axis) => at < left[axis]);
      for (let axis = place.length - 1; axis >= 0 && ++place[axis] === sizes[axis]; axis--) place[axis] = 0;
      return inside;
    });
    return found;
  }

  // Objects ---------------------------------------------------------------------------------------------------------

  private async load(address: number): Promise<Node> {
    const messages = await this.messages(address);
    const attributes = new Map<string, Attribute>();
    const entries: Entry[] = [];
    let group = false;
    let type: Type | null = null, shape: number[] | null = null, layout: DataView | null = null, filters: Filter[] = [];
    for (const { type: kind, data } of messages) {
      if (kind === 0x11) {
        group = true;
        await this.table(big(data, 0), big(data, 8), entries);
      } else if (kind === 0x06) {
        group = true;
        entries.push(link(data));
      } else if (kind === 0x02) {
        group = true;
        const heap = 2 + (data.getUint8(1) & 1 ? 8 : 0);
        if (data.getUint32(heap, true) !== NOWHERE) throw new FileError("A group is stored in a newer form of HDF5, which is not read here.");
      } else if (kind === 0x03) type = readType(data);
      else if (kind === 0x01) shape = readShape(data);
      else if (kind === 0x08) layout = data;
      else if (kind === 0x0b) filters = readFilters(data);
      else if (kind === 0x0c) {
        const one = readAttribute(data);
        if (one && attributes.size < 1000) attributes.set(one[0], one[1]);
      }
      if (entries.length > MOST_ENTRIES) throw new FileError(`A group has more than ${MOST_ENTRIES.toLocaleString("en")} members.`);
    }
    let dataset: Dataset | null = null;
    if (type && shape && layout && !group) {
      const named = attributes.get("dtype");
      const dtype = named ? await this.text({ entries: null, dataset, attributes, address }, "dtype") : "";
      dataset = this.dataset(type, shape, layout, filters, dtype);
    }
    return { entries: group ? entries : null, dataset, attributes, address };
  }

  private dataset(type: Type, shape: number[], layout: DataView, filters: Filter[], name: string): Dataset {
    if (type.opaque && name === "bfloat16" && type.size === 2) type = { ...type, kind: "bf16" };
    const count = shape.reduce((a, b) => a * b, 1);
    if (!Number.isSafeInteger(count * type.size)) throw damaged("an array has an impossible size");
    const found: Dataset = {
      shape, kind: type.kind, count, bytes: count * type.size, little: type.little, place: { form: "empty" },
      dtype: name && type.opaque ? name : NAMES[type.kind] ?? (type.kind === "text" ? "text" : `${type.size} bytes each`),
    };
    const unread = (why: string): Dataset => ({ ...found, place: { form: "unread", why } });
    if (!WIDTHS[type.kind]) return unread(`Values of this kind (${found.dtype}) are not read here.`);
    const version = layout.getUint8(0), form = layout.getUint8(1);
    if (version < 3 || version > 4) return unread("This array is stored in an old form of HDF5, which is not read here.");
    if (form === 2) {
      const rank = layout.getUint8(2) - 1;
      if (version !== 3 || rank !== shape.length) return unread("This array's chunks are listed in a newer form of HDF5, which is not read here.");
      if (layout.getUint32(3, true) === NOWHERE && layout.getUint32(7, true) === NOWHERE) return found; // it was never written
      const chunk = Array.from({ length: rank }, (_, i) => layout.getUint32(11 + 4 * i, true));
      if (chunk.some((size) => size === 0)) throw damaged("an array's chunks are empty");
      return { ...found, place: { form: "chunked", tree: big(layout, 3), chunk, filters } };
    }
    if (form === 0) {
      const size = layout.getUint16(2, true);
      if (size < found.bytes || layout.byteLength < 4 + found.bytes) throw damaged("an array has fewer bytes than its shape needs");
      return { ...found, place: { form: "compact", data: new Uint8Array(layout.buffer, layout.byteOffset + 4, found.bytes) } };
    }
    if (form !== 1) return unread("This array is stored in another file, or in a form that is not read here.");
    if (layout.getUint32(2, true) === NOWHERE && layout.getUint32(6, true) === NOWHERE) return found; // it was never written
    const address = big(layout, 2), size = big(layout, 10);
    if (size < found.bytes) throw damaged("an array has fewer bytes than its shape needs");
    if (address + found.bytes > this.reader.size) throw damaged("an array lies after the file's end");
    return { ...found, place: { form: "contiguous", address } };
  }

  /** The messages of an object's header, with those in its continuations. */
  private async messages(address: number): Promise<Message[]> {
    const start = view(await this.reader.read(address, Math.min(16, this.reader.size - address)));
    const found: Message[] = [];
    const parts: [number, number][] = [];
    const seen = new Set<number>();
    const second = start.getUint32(0) === 0x4f484452; // "OHDR"
    let order = 0;
    if (second) {
      const flags = start.getUint8(5);
      let at = 6 + (flags & 0x20 ? 16 : 0) + (flags & 0x10 ? 4 : 0);
      const head = view(await this.reader.read(address, at + 8));
      const width = 1 << (flags & 3);
      const size = width === 8 ? big(head, at) : width === 4 ? head.getUint32(at, true) : width === 2 ? head.getUint16(at, true) : head.getUint8(at);
      at += width;
      order = flags & 4 ? 2 : 0;
      parts.push([address + at, size]);
    } else {
      if (start.getUint8(0) !== 1) throw damaged("an object's header is not where it should be");
      parts.push([address + 16, start.getUint32(8, true)]);
    }
    for (let part = parts.shift(); part; part = parts.shift()) {
      const [from, size] = part;
      if (seen.has(from)) throw damaged("a header leads back to itself");
      if (size > 1 << 24 || seen.size > 256) throw damaged("a header is too long");
      seen.add(from);
      const data = view(await this.reader.read(from, size));
      const head = second ? 4 + order : 8;
      let at = second && seen.size > 1 ? 4 : 0;
      const end = second && seen.size > 1 ? size - 4 : size;
      while (at + head <= end) {
        const type = second ? data.getUint8(at) : data.getUint16(at, true);
        const length = data.getUint16(at + (second ? 1 : 2), true);
        const flags = data.getUint8(at + (second ? 3 : 4));
        at += head;
        if (at + length > end) throw damaged("a header is cut off");
        if (found.length >= MOST_MESSAGES) throw damaged("a header is too long");
        const body = new DataView(data.buffer, data.byteOffset + at, length);
        if (type === 0x10) parts.push([big(body, 0), big(body, 8)]);
        else if (!(flags & 2)) found.push({ type, data: body }); // shared ones lie elsewhere: h5py does not write them
        at += length;
      }
    }
    return found;
  }

  /** The members of a group, from its tree and its heap of names. */
  private async table(tree: number, heap: number, entries: Entry[]): Promise<void> {
    const head = view(await this.reader.read(heap, 32));
    if (head.getUint32(0) !== 0x48454150) throw damaged("the names of a group are missing");
    const size = big(head, 8), names = big(head, 24);
    if (size > MOST_TEXT) throw damaged("the names of a group are too long");
    const seen = new Set<number>();
    const stack: [number, number][] = [[tree, MOST_LEVELS]];
    for (let next = stack.pop(); next; next = stack.pop()) {
      const [address, left] = next;
      if (seen.has(address)) throw damaged("a group's tree leads back to itself");
      seen.add(address);
      if (seen.size > MOST_ENTRIES) throw damaged("a group's tree is too large");
      const start = view(await this.reader.read(address, 24));
      if (start.getUint32(0) === 0x534e4f44) { // "SNOD"
        const count = start.getUint16(6, true);
        const data = view(await this.reader.read(address + 8, count * 40));
        for (let i = 0; i < count; i++) {
          const name = await this.name(names, big(data, i * 40), size);
          const cached = data.getUint32(i * 40 + 16, true); // 1: it is a group, 2: it is a soft link, 0: only its header tells
          entries.push({ name, address: big(data, i * 40 + 8), link: cached === 2 ? "soft" : "", group: cached === 1 });
        }
        if (entries.length > MOST_ENTRIES) throw new FileError(`A group has more than ${MOST_ENTRIES.toLocaleString("en")} members.`);
        continue;
      }
      if (start.getUint32(0) !== 0x54524545 || start.getUint8(4) !== 0) throw damaged("a group's tree is missing"); // "TREE"
      if (left === 0) throw damaged("a group's tree is too deep");
      const count = start.getUint16(6, true);
      const data = view(await this.reader.read(address + 24, count * 16 + 8));
      for (let i = count - 1; i >= 0; i--) stack.push([big(data, i * 16 + 8), left - 1]);
    }
  }

  private async name(names: number, offset: number, size: number): Promise<string> {
    if (offset >= size) throw damaged("a name lies outside of its heap");
    const data = await this.reader.read(names + offset, Math.min(MOST_NAME, size - offset));
    const end = data.indexOf(0);
    return decode(end < 0 ? data : data.subarray(0, end));
  }

  /** An object of a global heap, where texts of any length lie. */
  private async heapObject(address: number, index: number, length: number): Promise<Uint8Array> {
    if (length > MOST_TEXT) throw damaged("a text is too long");
    const head = view(await this.reader.read(address, 16));
    if (head.getUint32(0) !== 0x47434f4c) throw damaged("a text is not where it should be"); // "GCOL"
    const end = address + big(head, 8);
    let at = address + 16;
    for (let i = 0; i < MOST_MESSAGES && at + 16 <= end; i++) {
      const object = view(await this.reader.read(at, 16));
      const size = big(object, 8);
      if (object.getUint16(0, true) === index) return this.reader.read(at + 16, Math.min(length, size));
      if (object.getUint16(0, true) === 0) break;
      at += 16 + Math.ceil(size / 8) * 8;
    }
    throw damaged("a text is missing");
  }
}

const NAMES: Partial<Record<Kind, string>> = {
  f16: "float16", bf16: "bfloat16", f32: "float32", f64: "float64", i8: "int8", u8: "uint8", i16: "int16", u16: "uint16",
  i32: "int32", u32: "uint32", i64: "int64", u64: "uint64", bool: "bool",
};

function readType(data: DataView): Type {
  const kind = data.getUint8(0) & 15;
  const bits = data.getUint8(1);
  const size = data.getUint32(4, true);
  if (size === 0) throw damaged("numbers have no bytes");
  const type: Type = { kind: "other", size, little: (bits & 1) === 0, variable: false, opaque: kind === 5 };
  if (kind === 0 && data.byteLength >= 12 && data.getUint16(10, true) === size * 8) {
    type.kind = ({ 1: "8", 2: "16", 4: "32", 8: "64" } as Record<number, string>)[size] ? (`${bits & 8 ? "i" : "u"}${size * 8}` as Kind) : "other";
  } else if (kind === 1 && data.byteLength >= 20 && !(bits & 64)) {
    const exponent = data.getUint8(13);
    type.kind = size === 4 && exponent === 8 ? "f32" : size === 8 && exponent === 11 ? "f64" : size === 2 && exponent === 5 ? "f16" : size === 2 && exponent === 8 ? "bf16" : "other";
  } else if (kind === 3) type.kind = "text";
  else if (kind === 9 && (bits & 15) === 1) {
    type.kind = "text";
    type.variable = true;
  } else if (kind === 8 && size === 1) type.kind = "bool";
  return type;
}

function readShape(data: DataView): number[] {
  const version = data.getUint8(0), rank = data.getUint8(1);
  if (rank > 32) throw damaged("an array has too many axes");
  if (version === 2 && data.getUint8(3) === 2) return [0];
  const start = version === 1 ? 8 : 4;
  return Array.from({ length: rank }, (_, i) => big(data, start + 8 * i));
}

function readAttribute(data: DataView): [string, Attribute] | null {
  const version = data.getUint8(0);
  if (version < 1 || version > 3) return null;
  const [name, type, space] = [2, 4, 6].map((at) => data.getUint16(at, true));
  const padded = (n: number) => (version === 1 ? Math.ceil(n / 8) * 8 : n);
  let at = version === 3 ? 9 : 8;
  if (at + padded(name) + padded(type) + padded(space) > data.byteLength) throw damaged("an attribute is cut off");
  const part = (length: number) => {
    const found = new DataView(data.buffer, data.byteOffset + at, length);
    at += padded(length);
    return found;
  };
  const bytes = part(name);
  const text = decode(new Uint8Array(bytes.buffer, bytes.byteOffset, name)).replace(/\0[\s\S]*$/, "").slice(0, MOST_NAME);
  const kind = readType(part(type)), shape = readShape(part(space));
  return [text, { type: kind, shape, data: new Uint8Array(data.buffer, data.byteOffset + at, data.byteLength - at) }];
}

/** A member of a group of the newer form. */
function link(data: DataView): Entry {
  const flags = data.getUint8(1);
  let at = 2;
  const type = flags & 8 ? data.getUint8(at++) : 0;
  at += (flags & 4 ? 8 : 0) + (flags & 16 ? 1 : 0);
  const width = 1 << (flags & 3);
  const length = width === 1 ? data.getUint8(at) : width === 2 ? data.getUint16(at, true) : data.getUint32(at, true);
  at += width;
  if (at + length > data.byteLength) throw damaged("a name is cut off");
  const name = decode(new Uint8Array(data.buffer, data.byteOffset + at, Math.min(length, MOST_NAME)));
  if (type === 0) return { name, address: big(data, at + length), link: "", group: false };
  return { name, address: 0, link: type === 1 ? "soft" : "external", group: false };
}

function convert(data: DataView, { kind, little }: Dataset, count: number): Float64Array {
  const found = new Float64Array(count);
  const width = WIDTHS[kind]!;
  for (let i = 0, at = 0; i < count; i++, at += width) {
    switch (kind) {
      case "f32": found[i] = data.getFloat32(at, little); break;
      case "f64": found[i] = data.getFloat64(at, little); break;
      case "f16": found[i] = half(data.getUint16(at, little)); break;
      case "bf16": found[i] = brain(data.getUint16(at, little)); break;
      case "i8": found[i] = data.getInt8(at); break;
      case "u8": case "bool": found[i] = data.getUint8(at); break;
      case "i16": found[i] = data.getInt16(at, little); break;
      case "u16": found[i] = data.getUint16(at, little); break;
      case "i32": found[i] = data.getInt32(at, little); break;
      case "u32": found[i] = data.getUint32(at, little); break;
      case "i64": found[i] = Number(data.getBigInt64(at, little)); break;
      case "u64": found[i] = Number(data.getBigUint64(at, little)); break;
    }
  }
  return found;
}

function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return exponent === 31 ? (fraction ? NaN : sign * Infinity) : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const scratch = new DataView(new ArrayBuffer(4));

function brain(bits: number): number {
  scratch.setUint32(0, bits << 16);
  return scratch.getFloat32(0);
}

function notHdf5(): FileError {
  return new FileError("It is not an HDF5 file.");
}

function damaged(what: string): FileError {
  return new FileError(`The HDF5 file is damaged: ${what}.`);
}

