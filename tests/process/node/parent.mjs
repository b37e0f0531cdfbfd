// A parent as an Electron main process writes it: child_process, readline, no library.
// Usage: node parent.mjs COMMAND ARGUMENT...   Prints one JSON report; exits with 1 on a failure.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

const WAIT_MS = 15_000;

class Sidecar {
  constructor(command, args) {
    this.child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.exited = once(this.child, "exit");
    this.pending = new Map();
    this.events = [];
    this.watchers = [];
    this.nextId = 1;
    // readline also splits on U+2028 and U+2029: the process must never write them raw.
    createInterface({ input: this.child.stdout }).on("line", (line) => this.take(line));
  }

  take(line) {
    const message = JSON.parse(line);
    if (message.method !== undefined) {
      this.events.push(message);
      this.watchers = this.watchers.filter((watch) => !watch(message));
      return;
    }
    const { resolve, reject } = this.pending.get(message.id);
    this.pending.delete(message.id);
    if (message.error) reject(Object.assign(new Error(message.error.message), message.error));
    else resolve(message.result);
  }

  call(method, params) {
    const id = this.nextId++;
    const answer = new Promise((resolve, reject) => this.pending.set(id, { resolve, reject }));
    this.child.stdin.write(JSON.stringify({ jsonrpc: "2.0", id, method, params }) + "\n");
    return within(answer, method);
  }

  event(matches) {
    const found = this.events.find(matches);
    if (found) return Promise.resolve(found);
    return within(
      new Promise((resolve) => {
        this.watchers.push((message) => matches(message) && (resolve(message), true));
      }),
      "an event",
    );
  }

  ready() {
    return this.event((message) => message.method === "system.ready");
  }
}

function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${what} in time`)), WAIT_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

const [command, ...args] = process.argv.slice(2);
const report = {};
const name = "Grüße \u2028 日本語 🙂";
const data = { nodes: [{ id: "a", text: "one\u2029two" }], edges: [], big: "x".repeat(3_000_000) };

let sidecar = new Sidecar(command, args);
report.ready = (await sidecar.ready()).params.protocol_version;
assert.equal(sidecar.events[0].method, "system.ready");

const saved = await sidecar.call("workflows.save", { workflow: { name, data, tags: ["node"] } });
const { workflow } = await sidecar.call("workflows.get", { id: saved.id });
assert.equal(workflow.name, name);
assert.deepEqual(workflow.data, data);
const found = await sidecar.call("workflows.search", { query: "Grüße" });
assert.deepEqual(found.items.map((item) => item.id), [saved.id]);
const event = await sidecar.event((message) => message.params?.resource === saved.id);
assert.equal(event.method, "audit.event");
await assert.rejects(sidecar.call("workflows.get", { id: "none" }), { code: -32050 });

const many = await Promise.all(
  Array.from({ length: 200 }, (_, n) =>
    sidecar.call("workflows.save", { workflow: { id: `w${n}`, name: `w${n}`, data: { n } } }),
  ),
);
report.saved = many.length + 1;

sidecar.child.kill("SIGKILL");
report.killed = (await within(sidecar.exited, "exit"))[1];

sidecar = new Sidecar(command, args);
const again = (await sidecar.ready()).params;
report.seq = again.head.seq;
const missed = await sidecar.call("audit.list", { after: event.params.seq, limit: 500 });
report.missed = missed.items.length;
for (let n = 0; n < many.length; n++) {
  const got = await sidecar.call("workflows.get", { id: `w${n}` });
  assert.deepEqual(got.workflow.data, { n });
}

sidecar.child.stdin.end();
[report.code, report.signal] = await within(sidecar.exited, "exit");
report.last = sidecar.events.at(-1).method;
console.log(JSON.stringify(report));
