// The directory of a ZIP archive and its members, read by ranges. What an archive says of itself is checked before use.

import { FileError, join, sizeText, Slice, type Reader } from "./bytes";

const MOST_MEMBERS = 20_000;
const MOST_DIRECTORY = 8 * 1024 * 1024;
const MOST_RATIO = 200; // config.json of many equal layers shrinks a lot

export interface Member { name: string; size: number; packed: number; method: number; offset: number; end: number }

export class Archive {
  private constructor(private reader: Reader, readonly members: Map<string, Member>) {}

  static async open(reader: Reader): Promise<Archive> {
    let length = 0, at = -1;
    let tail!: DataView;
    for (const most of [48 * 1024, 65_557]) { // a long comment is rare
      if (at >= 0 || length === reader.size) break;
      length = Math.min(reader.size, most);
      tail = view(await reader.read(reader.size - length, length));
      at = length - 22;
      while (at >= 0 && tail.getUint32(at, true) !== 0x06054b50) at--;
    }
    if (at < 0) throw new FileError("It is not a ZIP archive, as .keras files are: its end is missing. Was it copied completely?");
    let count = tail.getUint16(at + 10, true);
    let size = tail.getUint32(at + 12, true);
    let start = tail.getUint32(at + 16, true);
    if (count === 0xffff || size === 0xffffffff || start === 0xffffffff) {
      const before = reader.size - length + at - 20;
      const locator = view(await reader.read(before, 20));
      if (locator.getUint32(0, true) !== 0x07064b50) throw damaged("the large archive's end is missing");
      const end = view(await reader.read(big(locator, 8), 56));
      if (end.getUint32(0, true) !== 0x06064b50) throw damaged("the large archive's end is missing");
      count = big(end, 32);
      size = big(end, 40);
      start = big(end, 48);
    }
    if (count > MOST_MEMBERS || size > MOST_DIRECTORY) throw new FileError(`The archive says that it has ${count.toLocaleString("en")} members, at most ${MOST_MEMBERS.toLocaleString("en")} are read.`);
    return new Archive(reader, directory(view(await reader.read(start, size)), count, start));
  }

  member(name: string): Member | undefined {
    return this.members.get(name);
  }

  /** Where a stored member lies, as a file of its own; null for a packed one, which has to be unpacked first. */
  async slice(member: Member): Promise<Slice | null> {
    const start = await this.begin(member);
    return member.method === 0 ? new Slice(this.reader, start, member.size) : null;
  }

  /** Return what is in a member, unpacked; never more than `most` bytes. */
  async read(member: Member, most: number): Promise<Uint8Array> {
    const named = `The member ${JSON.stringify(member.name.slice(0, 80))}`;
    if (member.size > most) throw new FileError(`${named} is ${sizeText(member.size)} large: at most ${sizeText(most)} are read.`);
    if (member.size > 1 << 20 && member.size > MOST_RATIO * member.packed) {
      throw new FileError(`${named} grows from ${sizeText(member.packed)} to ${sizeText(member.size)} when it is unpacked, as a decompression bomb does.`);
    }
    const start = await this.begin(member);
    const data = await this.reader.read(start, member.packed);
    if (member.method === 0) return data;
    const parts: Uint8Array[] = [];
    let length = 0;
    const stream = new Blob([data as BlobPart]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
    try {
      for (;;) {
        const { done, value } = await stream.read();
        if (done) break;
        length += value.length;
        if (length > member.size) {
          void stream.cancel().catch(() => undefined);
          throw new FileError(`${named} is larger, unpacked, than the ${sizeText(member.size)} in the archive's directory.`);
        }
        parts.push(value);
      }
    } catch (error) {
      throw error instanceof FileError ? error : damaged(`${named} cannot be unpacked`);
    }
    if (length !== member.size) throw damaged(`${named} is smaller, unpacked, than the ${sizeText(member.size)} in the archive's directory`);
    return join(parts, length);
  }

  private async begin(member: Member): Promise<number> {
    const local = view(await this.reader.read(member.offset, 30));
    const name = local.getUint16(26, true);
    if (local.getUint32(0, true) !== 0x04034b50 || local.getUint16(8, true) !== member.method) throw damaged("a member is not where the directory says");
    const start = member.offset + 30 + name + local.getUint16(28, true);
    if (start + member.packed > member.end) throw damaged("members overlap");
    if (decode(await this.reader.read(member.offset + 30, name)) !== member.name) throw damaged("a member has another name than in the directory");
    return start;
  }
}

function directory(data: DataView, count: number, end: number): Map<string, Member> {
  const found: Member[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 46 > data.byteLength || data.getUint32(at, true) !== 0x02014b50) throw damaged("its directory is cut off");
    const [name, extra, comment] = [28, 30, 32].map((o) => data.getUint16(at + o, true));
    if (at + 46 + name + extra + comment > data.byteLength) throw damaged("its directory is cut off");
    if (data.getUint16(at + 8, true) & 1) throw new FileError("The archive is encrypted.");
    const member: Member = {
      name: decode(new Uint8Array(data.buffer, data.byteOffset + at + 46, name)),
      method: data.getUint16(at + 10, true), packed: data.getUint32(at + 20, true), size: data.getUint32(at + 24, true),
      offset: data.getUint32(at + 42, true), end,
    };
    large(data, at + 46 + name, extra, member);
    if (member.method !== 0 && member.method !== 8) throw new FileError(`A member is packed in a way (${member.method}) that is not read here.`);
    if (member.method === 0 && member.size !== member.packed) throw damaged("a stored member has two sizes");
    if (!(member.offset + 30 + member.packed <= end)) throw damaged("a member lies after its end");
    found.push(member);
    at += 46 + name + extra + comment;
  }
  const members = new Map<string, Member>();
  found.sort((a, b) => a.offset - b.offset);
  found.forEach((member, i) => {
    if (i + 1 < found.length) member.end = found[i + 1].offset;
    if (member.offset + 30 + member.packed > member.end) throw damaged("members overlap");
    if (members.has(member.name)) throw damaged("two members have the same name");
    members.set(member.name, member);
  });
  return members;
}

/** Sizes of 4 GB and more stand in the extra field 1. */
function large(data: DataView, at: number, length: number, member: Member): void {
  const end = at + length;
  while (at + 4 <= end) {
    const id = data.getUint16(at, true), size = data.getUint16(at + 2, true);
    let place = at + 4;
    at = place + size;
    if (id !== 1) continue;
    for (const key of ["size", "packed", "offset"] as const) {
      if (member[key] !== 0xffffffff) continue;
      if (place + 8 > Math.min(at, end)) throw damaged("a large member's size is missing");
      member[key] = big(data, place);
      place += 8;
    }
  }
}

export function view(data: Uint8Array): DataView {
  return new DataView(data.buffer, data.byteOffset, data.byteLength);
}

/** A whole number of eight bytes; throws for what is too large to be true. */
export function big(data: DataView, at: number): number {
  const value = data.getUint32(at, true) + data.getUint32(at + 4, true) * 2 ** 32;
  if (!Number.isSafeInteger(value)) throw damaged("a size is too large");
  return value;
}

export function decode(data: Uint8Array): string {
  return new TextDecoder().decode(data);
}

function damaged(what: string): FileError {
  return new FileError(`The archive is damaged: ${what}.`);
}
