// Arrays that HDF5 stores in chunks, packed or not: where the chunks lie, and what is in one.

import { FileError, join, type Reader } from "./bytes";
import { big, view } from "./zip";

const MOST_CHUNKS = 200_000;
const MOST_BYTES = 64 * 1024 * 1024; // of one chunk, unpacked
const MOST_LEVELS = 16;

export interface Filter { id: number; values: number[] }
export interface Chunk { address: number; size: number; skipped: number; offset: number[] }

/** Read a filter pipeline's message: how chunks are packed, in the order of packing. */
export function readFilters(data: DataView): Filter[] {
  const version = data.getUint8(0), count = data.getUint8(1);
  if (count > 32) throw damaged();
  const found: Filter[] = [];
  let at = version === 1 ? 8 : 2;
  for (let i = 0; i < count; i++) {
    const id = data.getUint16(at, true);
    const named = version === 1 || id >= 256;
    const name = named ? data.getUint16(at + 2, true) : 0;
    at += named ? 4 : 2;
    const values = data.getUint16(at + 2, true);
    at += 4 + (version === 1 ? Math.ceil(name / 8) * 8 : name);
    if (values > 64) throw damaged();
    found.push({ id, values: Array.from({ length: values }, (_, j) => data.getUint32(at + 4 * j, true)) });
    at += 4 * (values + (version === 1 ? values % 2 : 0));
  }
  return found;
}

/** Find an array's chunks. */
export async function findChunks(reader: Reader, tree: number, rank: number): Promise<Chunk[]> {
  const found: Chunk[] = [];
  const seen = new Set<number>();
  const key = 8 + 8 * (rank + 1);
  const stack: [number, number][] = [[tree, MOST_LEVELS]];
  for (let next = stack.pop(); next; next = stack.pop()) {
    const [address, left] = next;
    if (seen.has(address) || left === 0 || seen.size > MOST_CHUNKS) throw damaged();
    seen.add(address);
    const head = view(await reader.read(address, 24));
    if (head.getUint32(0) !== 0x54524545 || head.getUint8(4) !== 1) throw damaged(); // "TREE"
    const count = head.getUint16(6, true);
    const data = view(await reader.read(address + 24, count * (key + 8)));
    for (let i = 0; i < count; i++) {
      const at = i * (key + 8);
      const child = big(data, at + key);
      if (head.getUint8(5) > 0) stack.push([child, left - 1]);
      else {
        found.push({ address: child, size: data.getUint32(at, true), skipped: data.getUint32(at + 4, true),
          offset: Array.from({ length: rank }, (_, axis) => big(data, at + 8 + 8 * axis)) });
      }
    }
    if (found.length > MOST_CHUNKS) throw new FileError(`The array has more than ${MOST_CHUNKS.toLocaleString("en")} chunks.`);
  }
  return found;
}

/** Read a chunk and unpack it to exactly so many bytes. */
export async function readChunk(reader: Reader, chunk: Chunk, filters: Filter[], bytes: number): Promise<Uint8Array> {
  if (bytes > MOST_BYTES || chunk.size > MOST_BYTES) throw new FileError("The array's chunks are too large to be read here.");
  let data = await reader.read(chunk.address, chunk.size);
  for (let i = filters.length - 1; i >= 0; i--) {
    if (chunk.skipped & (1 << i)) continue;
    const { id, values } = filters[i];
    if (id === 1) data = await inflate(data, bytes + 4);
    else if (id === 2) data = unshuffle(data, values[0] ?? 1);
    else if (id === 3) data = data.subarray(0, Math.max(0, data.length - 4)); // a checksum
    else throw new FileError(`The array is packed in a way (filter ${id}) that is not read here.`);
  }
  if (data.length < bytes) throw damaged();
  return data.subarray(0, bytes);
}

async function inflate(data: Uint8Array, most: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const stream = new Blob([data as BlobPart]).stream().pipeThrough(new DecompressionStream("deflate")).getReader();
  try {
    for (;;) {
      const { done, value } = await stream.read();
      if (done) return join(parts, length);
      length += value.length;
      if (length > most) {
        void stream.cancel().catch(() => undefined);
        throw new FileError("A chunk unpacks to more than its shape needs.");
      }
      parts.push(value);
    }
  } catch (error) {
    throw error instanceof FileError ? error : damaged();
  }
}

function unshuffle(data: Uint8Array, width: number): Uint8Array {
  if (width <= 1 || width > 1024) return data;
  const count = Math.floor(data.length / width);
  const found = data.slice();
  for (let byte = 0; byte < width; byte++) for (let i = 0; i < count; i++) found[i * width + byte] = data[byte * count + i];
  return found;
}

function damaged(): FileError {
  return new FileError("The HDF5 file is damaged: an array's chunks are not where they should be.");
}
