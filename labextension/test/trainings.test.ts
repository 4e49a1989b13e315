import assert from "node:assert/strict";
import test from "node:test";
import { checkFacts, checkSaved, type Saved } from "../../kernelkit/viz/frontend/src/curves/saved";
import { csv, HISTORY, isLive, Room, type Book, type Kernel } from "../src/trainings/room";
import { statusOf } from "../src/trainings/status";

Object.assign(globalThis, { requestAnimationFrame: (f: () => void) => setTimeout(f, 0), cancelAnimationFrame: clearTimeout });
void HISTORY;

function base64(...values: number[]): string {
  return Buffer.from(new Float32Array(values).buffer).toString("base64");
}

function saved(name: string, values: number[], extra: object = {}): Saved {
  const curves = [{ axis: "epoch", name: "loss", start: 0, stride: 1, count: values.length }];
  return { schema: "kernelkit.history", version: 1, title: name, runs: [{ facts: { name, state: "done", first_epoch: 0, id: name, ...extra } as any, curves: curves as any, values: base64(...values) }] };
}

/** A notebook whose kernel keeps what it is sent. */
function notebook(path: string, outputs: unknown[] = []) {
  const sent: any[] = [];
  let opened = 0;
  const kernel: Kernel = {
    id: path, interrupt: async () => undefined,
    createComm: () => ({ open: () => { opened++; }, send: (data: any) => sent.push(data), dispose: () => undefined, onClose: () => undefined }),
  };
  const book: Book = { path, kernel: () => kernel, jump: () => undefined, outputs: () => outputs };
  return { book, sent, opened: () => opened };
}

function message(sequence: number, facts: object, full = false, values: number[] = [], count = values.length): any {
  const curves = values.length ? [{ axis: "step", name: "loss", start: count - values.length, stride: 1, count }] : [];
  return {
    header: { msg_type: "comm_msg" }, buffers: [new Float32Array(values).buffer],
    content: { comm_id: "w", data: { method: "custom", content: { kind: "update", run: 0, runs: 1, sequence, full, curves, facts: { id: "a", name: "net", state: "running", ...facts } } } },
  };
}

test("a training is heard from where the page was loaded on, asks once for what it missed, and is steered", () => {
  const { book, sent, opened } = notebook("a.ipynb");
  const room = new Room();
  room.hear(book, message(7, { rate: 5, device: "cpu" }, false, [3], 30));
  assert.equal(room.running.length, 1);
  assert.deepEqual([opened(), sent.length, sent[0].training, sent[0].content.kind], [1, 1, "w", "ready"]);
  room.hear(book, message(8, { answered: [sent[0].content.nonce] }, true, [5, 4, 3], 3));
  const [training] = room.running;
  assert.equal(training.reach, "live");
  assert.deepEqual([...training.run.curve("step", "loss")!.mean.slice(0, 3)], [5, 4, 3]);
  room.steer(training, "pause");
  assert.deepEqual([sent.at(-1), training.run.facts!.state], [{ training: "w", content: { kind: "pause", value: undefined } }, "pausing"]);
  assert.equal(statusOf(room), "1 training");
  room.lose(book);
  assert.deepEqual([room.running.length, room.ended.length, isLive(training)], [0, 1, false]);
  const again = checkSaved(training.saved);
  assert.deepEqual([again.runs[0].curves[0].count, again.runs[0].values, again.runs[0].facts.state], [3, base64(5, 4, 3), "interrupted"]);
});

test("a finished training and the output that shows it are one", () => {
  const { book } = notebook("a.ipynb", [saved("a", [3, 2]), { schema: "kernelkit.history", version: 9 }, 5]);
  const room = new Room();
  room.hear(book, message(1, {}, true, [1], 1));
  room.hear(book, message(2, { state: "done" }, true, [1, 2], 2));
  room.read(book);
  assert.deepEqual([room.trainings.size, room.ended[0].saved?.title], [1, "net"]);
});

test("pins outlive their notebook and the page, others do not", async () => {
  const kept: Record<string, any> = {};
  const store = { fetch: async (key: string) => kept[key], save: async (key: string, value: any) => { kept[key] = JSON.parse(JSON.stringify(value)); } };
  const { book } = notebook("a.ipynb", [saved("one", [3, 2]), saved("two", [1])]);
  const room = new Room(store);
  room.read(book);
  const one = [...room.trainings.values()].find((t) => t.title === "one")!;
  room.pin(one, true);
  room.rename(one, "the best");
  room.forget(book);
  assert.deepEqual([...room.trainings.values()].map((t) => t.label), ["the best"]);
  await new Promise((done) => setTimeout(done, 5));
  const next = new Room(store);
  await new Promise((done) => setTimeout(done, 5));
  assert.deepEqual([next.pinned.length, next.pinned[0].label], [1, "the best"]);
  next.choose(next.pinned[0], true);
  assert.equal(csv(next.chosen()!), "run,epoch,loss\nthe best,1,3\nthe best,2,2\n");
});

test("CSV holds no formula, and shorter runs leave holes", () => {
  const both = { ...saved("=cmd()", [3, 2]), runs: [saved("=cmd(),", [3, 2]).runs[0], saved("b", [NaN]).runs[0]] };
  assert.equal(csv(both), 'run,epoch,loss\n"\'=cmd(),",1,3\n"\'=cmd(),",2,2\nb,1,\n');
});

test("messages and outputs from anybody are checked", () => {
  const { book } = notebook("a.ipynb");
  const room = new Room();
  const wild = [
    message(1, { name: {} }, true, [1], 1e9), { header: { msg_type: "comm_msg" }, content: null }, message(1, { state: "history" }),
    { header: { msg_type: "comm_msg" }, content: { comm_id: "x", data: { method: "custom", content: { kind: "update", run: 0, runs: 1, curves: [{}] } } } },
  ];
  for (const one of wild) room.hear(book, one as any);
  assert.equal(room.trainings.size, 0);
  for (const odd of [null, [], {}, { ...saved("a", [1]), runs: [] }, { ...saved("a", [1]), runs: [{ ...saved("a", [1]).runs[0], values: "%%" }] },
    { ...saved("a", [1]), runs: [{ ...saved("a", [1]).runs[0], values: base64(1, 2) }] },
    { ...saved("a", [1]), runs: [{ ...saved("a", [1]).runs[0], curves: [{ axis: "step", name: "x", start: 0, stride: 1, count: 1e15 }] }] }]) {
    assert.throws(() => checkSaved(odd), /cannot be shown/);
  }
  const facts = checkFacts({ state: "done", best: { loss: [1, "x"] }, latest: { loss: Infinity }, name: "n".repeat(9999), per_batch: [{}, "a"] });
  assert.deepEqual([facts.best.loss, facts.latest!.loss, facts.name.length, facts.per_batch], [[1, null], null, 1000, ["a"]]);
});

test("nothing is sent before the line has its subshell", async () => {
  const { book, sent } = notebook("a.ipynb");
  const kernel = book.kernel()!;
  let start!: () => void;
  const subshellStarted = new Promise<void>((done) => { start = done; });
  const create = kernel.createComm;
  kernel.createComm = (target) => ({ ...create(target), subshellStarted });
  const room = new Room();
  room.hear(book, message(1, {}, true, [1], 1));
  room.steer(room.running[0], "pause");
  assert.equal(sent.length, 0);
  start();
  await subshellStarted;
  await Promise.resolve();
  assert.deepEqual(sent.map((m) => m.content.kind), ["ready", "pause"]);
});
