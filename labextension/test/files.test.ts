import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { check, KINDS } from "../../kernelkit/viz/frontend/src/graph/schema";
import { BLOCK, FileError, Memory, RemoteFile, type Fetch } from "../src/files/bytes";
import { compareLeaves, leavesOf } from "../src/files/compare";
import { describeConfig } from "../src/files/config";
import { Hdf5 } from "../src/files/hdf5";
import { arraysOf, openModel, type Place } from "../src/files/open";
import { findRepeats } from "../src/files/repeats";
import { statistics, summary } from "../src/files/statistics";
import { Archive } from "../src/files/zip";

const bytes = (name: string): Uint8Array => new Uint8Array(readFileSync(`test/files/${name}`));
const expected = JSON.parse(readFileSync("test/files/expected.json", "utf8"));
const signal = new AbortController().signal;

/** A server of one file; `how` says how badly it behaves. */
function server(data: Uint8Array, how: { ignores?: boolean; lies?: string; changes?: boolean } = {}) {
  const asked: string[] = [];
  let stopped = 0;
  const fetch: Fetch = async (_, init) => {
    const range = (init.headers as Record<string, string>).Range;
    asked.push(range);
    init.signal?.addEventListener("abort", () => { stopped++; });
    const modified = how.changes && asked.length > 1 ? "later" : "now";
    if (how.ignores) {
      let sent = 0;
      const body = new ReadableStream({ pull(c) { c.enqueue(data.slice(sent, (sent += 65536))); if (sent >= data.length) c.close(); } });
      return new Response(body, { status: 200, headers: { "Last-Modified": modified, "Content-Length": how.lies ?? String(data.length) } });
    }
    const [, a, b] = /bytes=(\d*)-(\d*)/.exec(range)!;
    const from = a ? Number(a) : Math.max(0, data.length - Number(b));
    const to = Math.min(data.length, a ? Number(b) + 1 : data.length);
    const said = how.lies ?? `bytes ${from}-${to - 1}/${data.length}`;
    return new Response(data.slice(from, to) as BodyInit, { status: 206, headers: { "Content-Range": said, "Last-Modified": modified } });
  };
  const place: Place = { url: "x", sibling: async (name) => name, fetch, signal };
  return { place, asked, stopped: () => stopped };
}

const says = (pattern: RegExp) => (error: unknown) => error instanceof FileError && pattern.test(error.message);

test("a .keras file opens in three requests, with the parameters that Keras counts", async () => {
  const { place, asked } = server(bytes("net.keras"));
  const file = await openModel("net.keras", place);
  assert.ok(asked.length <= 3, String(asked));
  const { description, items } = file.model!;
  check(description);
  const { nodes, strings, edges } = description;
  for (const [name, params] of Object.entries(expected.layers)) {
    const row = nodes.name.findIndex((n) => strings[n] === name);
    assert.equal(nodes.params[row], params, name);
  }
  assert.equal(description.totals.params, expected.params);
  const name = (row: number) => strings[nodes.name[row]];
  const pairs = edges.source.map((s, i) => `${name(s)} ${name(edges.target[i])} ${edges.call[i]}`);
  for (const pair of ["a shared 0", "b shared 1", "shared sum 0", "norm_2 inside 0", "d pairs 0", "e multiply 0", "last output 1 0"]) assert.ok(pairs.includes(pair), pair);
  const repeat = nodes.kind.indexOf(KINDS.repeat);
  assert.deepEqual([nodes.count[repeat], nodes.params[repeat]], [3, 3 * (72 + 16)]);
  assert.equal(file.training.optimizer.class_name, "Adam");
  const row = items.findIndex((item) => item?.name === "memory");
  const arrays = await arraysOf(file.weights!, items[row]!.path, items[row]);
  assert.deepEqual(arrays.map((a) => [a.name, a.dataset.shape]), [["kernel", [4, 12]], ["recurrent_kernel", [3, 12]], ["bias", [12]]]);
});

test("every array's statistics are what h5py reads", async () => {
  const file = await openModel("net.weights.h5", server(bytes("net.weights.h5")).place);
  let compared = 0;
  for (const array of await arraysOf(file.weights!, "/layers", null).then(async (found) => [...found,
    ...(await Promise.all(["/layers/dense", "/layers/lstm", "/layers/functional/layers/dense"].map((p) => arraysOf(file.weights!, p, null)))).flat()])) {
    const [shape, mean, std] = expected.weights[array.path];
    const found = await statistics(array.file, array.dataset, signal);
    assert.deepEqual(array.dataset.shape, shape);
    assert.ok(Math.abs(found.mean - mean) < 1e-12 && Math.abs(found.std - std) < 1e-12, array.path);
    assert.equal(found.counts.reduce((a, b) => a + b, 0), found.count);
    compared++;
  }
  assert.ok(compared > 20);
});

test("Keras 2's form of HDF5 shows the same graph and weights by name", async () => {
  const file = await openModel("net.h5", server(bytes("net.h5")).place);
  check(file.model!.description);
  assert.equal(file.model!.description.totals.params, expected.params);
  const item = file.model!.items.find((i) => i?.name === "d")!;
  assert.deepEqual((await arraysOf(file.weights!, item.legacy, item)).map((a) => [a.name, a.dataset.shape]), [["bias", [8]], ["kernel", [8, 8]]]);
  assert.equal(file.training.optimizer_config.class_name, "Adam");
});

test("links are not followed, a group in itself ends, arrays in chunks are read, those that were never written are zeros", async () => {
  const file = await openModel("hostile.h5", server(bytes("hostile.h5")).place);
  const children = await file.weights!.children("");
  const kinds = Object.fromEntries(children.map((c) => [c.name, c.kind]));
  assert.deepEqual(kinds, { again: "group", chunks: "array", loop: "group", huge: "array", outside: "link", real: "array", soft: "link" });
  const of = (name: string) => children.find((c) => c.name === name)!.array!;
  assert.equal((await statistics(of("real").file, of("real").dataset, signal)).mean, 2.5);
  const huge = await statistics(of("huge").file, of("huge").dataset, signal);
  assert.deepEqual([huge.count, huge.read, huge.zeros], [2 ** 40, 2 ** 20, 2 ** 20]);
  const chunks = await statistics(of("chunks").file, of("chunks").dataset, signal);
  assert.deepEqual([chunks.read, chunks.low, chunks.high, chunks.mean], [105, 0, 104, 52]);
  assert.equal((await file.weights!.children("/again/again/again")).length, 7);
  assert.deepEqual(await arraysOf(file.weights!, "/loop", null), []); // groups in groups in groups, without an end
  assert.ok((await arraysOf(file.weights!, "", null)).length <= 300);
});

test("a server that sends whole files is stopped, or may send small ones", async () => {
  const large = server(new Uint8Array(40 << 20), { ignores: true });
  await assert.rejects(openModel("a.keras", large.place), says(/all 40 MB of it: nothing was read/));
  assert.equal(large.stopped(), 1);
  await assert.rejects(openModel("a.keras", server(new Uint8Array(40 << 20), { ignores: true, lies: "100" }).place), says(/does not send parts/));
  const file = await openModel("net.keras", server(bytes("net.keras"), { ignores: true }).place);
  assert.equal(file.model!.description.totals.params, expected.params);
});

test("a server that lies about ranges, and a file that changes, are found out", async () => {
  const data = new Uint8Array(300_000);
  for (const lies of ["bytes 5-9/300000", "bytes */300000", "bytes 0-99999999999/300000", ""]) {
    await assert.rejects(RemoteFile.open("x", server(data, { lies }).place.fetch, signal), FileError, lies);
  }
  const file = await RemoteFile.open("x", server(data, { changes: true }).place.fetch, signal);
  await assert.rejects(file.read(200_000, 10), says(/changed while it was read/));
});

test("only blocks that are looked at are fetched, and each once", async () => {
  const data = Uint8Array.from({ length: 10 * BLOCK }, (_, i) => i % 251);
  const { place, asked } = server(data);
  const file = await RemoteFile.open("x", place.fetch, signal);
  const both = await Promise.all([file.read(6 * BLOCK - 5, 10), file.read(6 * BLOCK - 3, 6), file.read(0, 9)]);
  assert.deepEqual([...both[0]], Array.from({ length: 10 }, (_, i) => (6 * BLOCK - 5 + i) % 251));
  assert.deepEqual([...both[1]], Array.from({ length: 6 }, (_, i) => (6 * BLOCK - 3 + i) % 251));
  assert.deepEqual(asked.slice(1), [`bytes=${5 * BLOCK}-${7 * BLOCK - 1}`]);
  await assert.rejects(file.read(10 * BLOCK - 1, 2), FileError);
  await assert.rejects(file.read(-1, 2), FileError);
});

test("any single damaged byte of an archive or of HDF5 gives a message or a file, never another error", async () => {
  for (const [name, step] of [["net.keras", 1009], ["net.weights.h5", 401], ["net.h5", 887]] as const) {
    const good = bytes(name);
    for (let at = 0; at < good.length; at += step) {
      const data = good.slice();
      data[at] ^= 0xff;
      try {
        const file = await openModel(name, server(data).place);
        if (file.model) check(file.model.description);
        for (const child of await file.weights!.children("/layers")) await file.weights!.children(child.path);
      } catch (error) {
        assert.ok(error instanceof FileError || /cannot be shown/.test(String(error)), `${name} ${at}: ${(error as Error).stack}`);
      }
    }
    for (const length of [0, 1, 21, 100, good.length - 1, good.length >> 1]) {
      await assert.rejects(openModel(name, server(good.slice(0, length)).place).then((f) => f.weights!.children("/layers")), FileError).catch((e) => {
        if (length < good.length >> 1) throw e;
      });
    }
  }
});

/** A ZIP archive as its writer wants it to look. */
function zip(members: { name: string; data: Uint8Array; method?: number; size?: number; packed?: number; offset?: number }[]): Uint8Array {
  const parts: Uint8Array[] = [], directory: Uint8Array[] = [];
  let at = 0;
  for (const { name, data, method = 0, size = data.length, packed = data.length, offset } of members) {
    const label = new TextEncoder().encode(name);
    const head = (signature: number, length: number, shift: number) => {
      const one = new DataView(new ArrayBuffer(length));
      one.setUint32(0, signature, true);
      one.setUint16(8 + shift, method, true);
      one.setUint32(18 + shift, packed, true);
      one.setUint32(22 + shift, size, true);
      one.setUint16(26 + shift, label.length, true);
      return one;
    };
    const entry = head(0x02014b50, 46, 2);
    entry.setUint32(42, offset ?? at, true);
    directory.push(new Uint8Array(entry.buffer), label);
    parts.push(new Uint8Array(head(0x04034b50, 30, 0).buffer), label, data);
    at += 30 + label.length + data.length;
  }
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(10, members.length, true);
  end.setUint32(12, directory.reduce((n, p) => n + p.length, 0), true);
  end.setUint32(16, at, true);
  return new Uint8Array(Buffer.concat([...parts, ...directory, new Uint8Array(end.buffer)]));
}

const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

test("bombs, lies and overlaps in archives are refused before anything is unpacked", async () => {
  const { deflateRawSync } = await import("node:zlib");
  const bomb = new Uint8Array(deflateRawSync(new Uint8Array(50 << 20)));
  const config = json({ class_name: "Sequential", config: { name: "s", layers: [] } });
  const cases: [RegExp, Uint8Array][] = [
    [/decompression bomb/, zip([{ name: "config.json", data: bomb, method: 8, size: 30 << 20 }])],
    [/larger, unpacked, than the 100 B/, zip([{ name: "config.json", data: bomb, method: 8, size: 100 }])],
    [/at most 32 MB/, zip([{ name: "config.json", data: bomb, method: 8, size: 0xfffffff0 }])],
    [/two sizes/, zip([{ name: "config.json", data: config, size: 5 }])],
    [/overlap/, zip([{ name: "config.json", data: config }, { name: "metadata.json", data: config, offset: 10 }])],
    [/same name/, zip([{ name: "config.json", data: config }, { name: "config.json", data: config }])],
    [/no config\.json/, zip([{ name: "../config.json", data: config }])],
    [/does not describe a model/, zip([{ name: "config.json", data: json(null) }])],
    [/not JSON/, zip([{ name: "config.json", data: json("x").slice(1) }])],
  ];
  for (const [pattern, data] of cases) await assert.rejects(openModel("a.keras", server(data).place), says(pattern), String(pattern));
  const opened = await Archive.open(new Memory(zip([{ name: "a", data: new Uint8Array(deflateRawSync(config)), method: 8, size: config.length }])));
  assert.deepEqual(await opened.read(opened.member("a")!, 1e6), config);
});

test("configurations from anybody end in a picture or in words", () => {
  const layer = (name: string, inbound: unknown[] = []) => ({ class_name: "Dense", name, config: { name, units: 3 }, inbound_nodes: inbound });
  const tensor = (name: string) => ({ class_name: "__keras_tensor__", config: { shape: [null, 3], dtype: "float32", keras_history: [name, 0, 0] } });
  const model = (layers: unknown[], outputs: unknown = []) => ({ class_name: "Functional", config: { name: "m", layers, input_layers: [], output_layers: outputs } });
  const round = model([layer("a", [{ args: [tensor("b")], kwargs: {} }]), layer("b", [{ args: [tensor("a")], kwargs: {} }]), layer("c", [{ args: [tensor("c")] }])], [["a", 0, 0]]);
  assert.equal(check(describeConfig(round).description).edges.source.length, 4);
  assert.throws(() => describeConfig(model(Array.from({ length: 1_000_000 }, () => layer("a")))), says(/20,000 layers/));
  let deep: any = model([layer("x")]);
  for (let i = 0; i < 3000; i++) deep = model([{ ...deep, name: `m${i}` }]);
  check(describeConfig(deep).description);
  const long = "x".repeat(10_000_000);
  check(describeConfig(model([layer(long)], [[long, 0, 0]])).description);
  for (const odd of [null, 5, [], { config: [] }, { class_name: {}, config: { layers: [null, 5, "x", { config: null }], output_layers: "x" } },
    { class_name: "Sequential", config: { layers: [{ class_name: "Conv2D", config: { kernel_size: "x", strides: {}, filters: -1, batch_input_shape: [1e99, "a"] } }] } },
    { class_name: "Sequential", config: { layers: [{ class_name: "InputLayer", config: { batch_shape: [null, 2 ** 52, 2 ** 52] } }, { class_name: "Flatten", config: {} }, { class_name: "Dense", config: { units: 2 ** 50 } }] } }]) {
    try {
      check(describeConfig(odd).description);
    } catch (error) {
      assert.ok(error instanceof FileError || /cannot be shown/.test(String(error)), (error as Error).stack);
    }
  }
});

test("values that hardly differ are counted", () => {
  for (const values of [[5e-324, 1e-323], [1, 1 + 2 ** -52], [-1.7e308, 1.7e308], [3, 3]]) {
    const { counts } = summary([Float64Array.from(values)], 2);
    assert.equal(counts.reduce((a, b) => a + b), 2, String(values));
  }
});

test("runs of equal blocks are found as Python finds them", () => {
  assert.deepEqual(findRepeats([9, 1, 2, 1, 2, 1, 2, 7]), [{ start: 1, length: 2, count: 3 }]);
  assert.deepEqual(findRepeats([1, 1, 1, 2, 2, 2, 2]), [{ start: 3, length: 1, count: 4 }]);
});

test("half floats and brain floats", async () => {
  const file = await Hdf5.open(new Memory(bytes("hostile.h5")));
  const real = (await file.find("/real"))!.dataset!;
  assert.deepEqual([real.dtype, [...(await file.numbers(real, 2, 3))]], ["float16", [2, 3, 4]]);
});

test("two models are matched by structure, whatever their layers are called", () => {
  const dense = (name: string, units: number) => ({ class_name: "Dense", config: { name, units } });
  const model = (...layers: unknown[]) => leavesOf(describeConfig({ class_name: "Sequential", config: { name: "s", layers: [
    { class_name: "InputLayer", config: { name: "in", batch_shape: [null, 4] } }, ...layers] } }).description);
  const rows = compareLeaves(model(dense("a", 4), dense("b", 4), dense("c", 2)), model(dense("x", 4), { class_name: "Dropout", config: { name: "d", rate: 0.5 } }, dense("y", 4), dense("z", 3)));
  assert.deepEqual(rows.map((r) => [r.status, r.left?.name ?? "", r.right?.name ?? ""]), [["same", "in", "in"], ["same", "a", "x"], ["right", "", "d"], ["same", "b", "y"], ["changed", "c", "z"]]);
  assert.match(rows[4].said, /units=2 → units=3; .*parameters 10 → 15/);
});
