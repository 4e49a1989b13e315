// A file on a server, read by byte ranges: only the blocks that somebody looks at are fetched.

export interface Reader {
  readonly size: number;
  /** Return exactly these bytes. Throws where the file has no such bytes. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export const BLOCK = 16 * 1024;
export const TAIL = 64 * 1024;
const KEPT = 2048; // blocks: 32 MB
const WHOLE = 16 * 1024 * 1024; // a server that ignores ranges may send this much
const MOST = 256 * 1024 * 1024; // bytes in one read

/** What went wrong, in words for the reader. */
export class FileError extends Error {}

export class RemoteFile implements Reader {
  size = 0;
  requests = 0;
  received = 0;
  private modified: string | null = null;
  private blocks = new Map<number, Uint8Array>();
  private waiting = new Map<number, Promise<void>>();
  private whole: Uint8Array | null = null;

  private constructor(private url: string, private fetch: Fetch, private signal: AbortSignal) {}

  /** Open a file with one request, for its beginning or its end. */
  static async open(url: string, fetch: Fetch, signal: AbortSignal, first: "head" | "tail" = "head"): Promise<RemoteFile> {
    const file = new RemoteFile(url, fetch, signal);
    await file.request(first === "head" ? `bytes=0-${TAIL - 1}` : `bytes=-${TAIL}`, 0, TAIL);
    return file;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    inside(this, offset, length);
    if (this.whole) return this.whole.subarray(offset, offset + length);
    const first = Math.floor(offset / BLOCK), last = Math.floor(Math.max(offset, offset + length - 1) / BLOCK);
    const kept = new Map<number, Uint8Array>(); // those needed here must not be pushed out while others come
    const waits: Promise<void>[] = [];
    for (let i = first; i <= last; i++) {
      const block = this.blocks.get(i);
      if (block) kept.set(i, block);
      else if (this.waiting.has(i)) waits.push(this.waiting.get(i)!.then(() => this.keep(kept, i)));
      else {
        let end = i;
        while (end < last && !this.blocks.has(end + 1) && !this.waiting.has(end + 1)) end++;
        const [from, to] = [i, end];
        const came = this.request(`bytes=${from * BLOCK}-${Math.min(this.size, (to + 1) * BLOCK) - 1}`, from * BLOCK, (to - from + 1) * BLOCK, kept)
          .finally(() => { for (let j = from; j <= to; j++) this.waiting.delete(j); });
        for (let j = from; j <= to; j++) this.waiting.set(j, came);
        waits.push(came);
        i = end;
      }
    }
    await Promise.all(waits);
    if (this.whole) return (this.whole as Uint8Array).subarray(offset, offset + length);
    const found = new Uint8Array(length);
    for (let i = first; i <= last; i++) {
      const block = kept.get(i) ?? this.blocks.get(i);
      if (!block) throw new FileError("The file could not be read.");
      const start = i * BLOCK;
      const a = Math.max(offset, start), b = Math.min(offset + length, start + block.length);
      if (b > a) found.set(block.subarray(a - start, b - start), a - offset);
    }
    return found;
  }

  private keep(kept: Map<number, Uint8Array>, i: number): void {
    const block = this.blocks.get(i);
    if (block) kept.set(i, block);
  }

  private async request(range: string, from: number, most: number, kept?: Map<number, Uint8Array>): Promise<void> {
    this.requests++;
    const stop = new AbortController();
    const end = () => stop.abort();
    this.signal.addEventListener("abort", end);
    if (this.signal.aborted) stop.abort();
    try {
      const answer = await this.fetch(this.url, { headers: { Range: range }, cache: "no-store", signal: stop.signal });
      if (answer.status === 416) throw new FileError(this.size ? "The file became shorter after it was opened. Open it again." : "The file is empty.");
      if (answer.status !== 206 && answer.status !== 200) {
        throw new FileError(answer.status === 404 ? "The server does not find the file." : `The server answers with an error: ${answer.status}.`);
      }
      const modified = answer.headers.get("Last-Modified");
      if (this.requests > 1 && this.modified !== modified) throw changed();
      this.modified = modified;
      if (answer.status === 200) {
        const said = Number(answer.headers.get("Content-Length") ?? NaN);
        if (said > WHOLE) throw ignored(said);
        this.whole = await this.body(answer, WHOLE, said);
        if (this.size && this.whole.length !== this.size) throw changed();
        this.size = this.whole.length;
        if (!this.size) throw new FileError("The file is empty.");
        return;
      }
      const place = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(answer.headers.get("Content-Range") ?? "");
      if (!place) throw new FileError("The server's answer does not say which part of the file it is.");
      const [a, b, size] = place.slice(1).map(Number);
      if (this.size && size !== this.size) throw changed();
      if (!this.size) {
        this.size = size;
        if (range.startsWith("bytes=-")) from = Math.max(0, size - most);
      }
      if (a !== from || b < a || b - a + 1 > most || b >= size) throw new FileError("The server's answer is another part of the file than was asked for.");
      const data = await this.body(answer, b - a + 1, b - a + 1);
      if (data.length !== b - a + 1) throw new FileError("The server's answer is shorter than its headers say.");
      for (let i = Math.ceil(a / BLOCK); i * BLOCK <= b; i++) {
        const block = data.slice(i * BLOCK - a, Math.min(data.length, (i + 1) * BLOCK - a));
        if (block.length < BLOCK && i * BLOCK + block.length < size) continue;
        this.blocks.set(i, block);
        kept?.set(i, block);
        if (this.blocks.size > KEPT) this.blocks.delete(this.blocks.keys().next().value!);
      }
    } catch (error) {
      if (error instanceof FileError || this.signal.aborted) throw error;
      throw new FileError(`The file could not be fetched: ${error instanceof Error ? error.message : error}`);
    } finally {
      this.signal.removeEventListener("abort", end);
      stop.abort(); // what is still on its way is not wanted
    }
  }

  /** Read a body, and never more of it than was promised. */
  private async body(answer: Response, most: number, said: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let length = 0;
    const stream = answer.body?.getReader();
    if (!stream) throw new FileError("The server's answer is empty.");
    for (;;) {
      const { done, value } = await stream.read();
      if (done) break;
      length += value.length;
      this.received += value.length;
      if (length > most) {
        void stream.cancel().catch(() => undefined);
        throw answer.status === 200 ? ignored(said) : new FileError("The server's answer is longer than its headers say.");
      }
      parts.push(value);
    }
    return join(parts, length);
  }
}

/** A part of another reader, as a file of its own. */
export class Slice implements Reader {
  constructor(private reader: Reader, private start: number, readonly size: number) {}

  async read(offset: number, length: number): Promise<Uint8Array> {
    inside(this, offset, length);
    return this.reader.read(this.start + offset, length);
  }
}

/** Bytes in memory. */
export class Memory implements Reader {
  constructor(private data: Uint8Array) {}

  get size(): number {
    return this.data.length;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    inside(this, offset, length);
    return this.data.subarray(offset, offset + length);
  }
}

export function join(parts: Uint8Array[], length: number): Uint8Array {
  if (parts.length === 1) return parts[0];
  const found = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    found.set(part, at);
    at += part.length;
  }
  return found;
}

export function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const units = ["KB", "MB", "GB", "TB", "PB"];
  let at = -1;
  while (bytes >= 1024 && at < units.length - 1) { bytes /= 1024; at++; }
  return `${Number(bytes.toPrecision(3))} ${units[at]}`;
}

function inside(reader: Reader, offset: number, length: number): void {
  const good = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
  if (!good || offset + length > reader.size) throw new FileError("The file is damaged: it refers to bytes after its end.");
  if (length > MOST) throw new FileError(`The file asks to read ${sizeText(length)} at once, at most ${sizeText(MOST)} are read.`);
}

function changed(): FileError {
  return new FileError("The file changed while it was read. Open it again.");
}

function ignored(size: number): FileError {
  const much = Number.isFinite(size) ? `all ${sizeText(size)} of it` : "all of it";
  return new FileError(`This server does not send parts of a file, only ${much}: nothing was read. Files up to ${sizeText(WHOLE)} open here; ` +
    "larger ones need a server that knows byte ranges, as Jupyter Server does for files on its own disk.");
}
