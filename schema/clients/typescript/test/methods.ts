// Calls every method of the real process and receives every notification; prints which.
//
//     node methods.js FOLDER COMMAND...
//
// FOLDER has `older.db`, a database of an older version with a table of somebody else, and
// `lost.db.known`, the mark of a database that was deleted.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { Client, type ConnectionEnd, type Progress, type Transport } from "@sim-sidecar/client";
import { ProcessTransport } from "@sim-sidecar/client/node";

const [folder = "", ...command] = process.argv.slice(2);
const answered = new Set<string>();
const notified = new Set<string>();

/** A process of which is noted what it has answered with a result. */
class Noted implements Transport {
  readonly #inner: ProcessTransport;
  readonly #methods = new Map<number, string>();

  constructor(database: string) {
    this.#inner = new ProcessTransport([...command, "serve", "--database", database]);
  }

  send(line: string): void {
    const { id, method } = JSON.parse(line) as { id: number; method: string };
    this.#methods.set(id, method);
    this.#inner.send(line);
  }

  onLine(listener: (line: string) => void): void {
    this.#inner.onLine((line) => {
      const { id, result } = JSON.parse(line) as { id?: number; result?: unknown };
      const method = id === undefined ? undefined : this.#methods.get(id);
      if (method !== undefined && result !== undefined) {
        answered.add(method);
      }
      listener(line);
    });
  }

  onClose(listener: (end: ConnectionEnd) => void): void {
    this.#inner.onClose(listener);
  }
}

/** Serve a database while some work is done. */
async function serve(name: string, work: (client: Client) => Promise<void>): Promise<void> {
  const transport = new Noted(join(folder, name));
  const client = new Client(transport);
  client.onNotification(({ method }) => notified.add(method));
  const closed = new Promise<ConnectionEnd>((resolve) => transport.onClose(resolve));
  await work(client);
  await client.system.shutdown();
  const end = await closed;
  if (end.exitCode !== 0) {
    throw new Error(JSON.stringify(end));
  }
}

const onProgress = (progress: Progress) => {
  notified.add("$/progress");
  if (progress.total !== null && progress.done > progress.total) {
    throw new Error("more is done than there is");
  }
};

async function workflows({ workflows }: Client): Promise<void> {
  const first = { id: "w1", name: "Mail", data: { nodes: [1] }, tags: ["old"] };
  await workflows.save({ workflow: first });
  await workflows.save({ workflow: { ...first, data: { nodes: [2] } }, expected_revision: 1 });
  const more = [2, 3].map((n) => ({ workflow: { id: `w${n}`, name: `Flow ${n}`, data: [n] } }));
  await workflows.saveMany({ items: more, on_error: "skip" });
  await workflows.get({ id: "w1", revision: 1 });
  await workflows.getMany({ ids: ["w1", "nobody"], data: false });
  await workflows.list({ order_by: "last_run_at", total: true });
  await workflows.search({ query: "mail" });
  await workflows.update({ id: "w1", name: "Post", description: null });
  await workflows.duplicate({ id: "w1", new_id: "copy" });
  await workflows.updateMany({ ids: ["copy"], add_tags: ["new"] });
  await workflows.archive({ id: "copy" });
  await workflows.unarchive({ id: "copy" });
  await workflows.history({ id: "w1" });
  await workflows.diff({ id: "w1", from_revision: 1, to_revision: 2 });
  await workflows.revert({ id: "w1", revision: 1 });
  await workflows.tags();
  await workflows.renameTag({ tag: "old", new_tag: "newer" });
  await workflows.categories();
  await workflows.export({ path: join(folder, "flows.zip"), ids: ["w1"] }, { onProgress });
  await workflows.import({ items: [{ data: { id: "x7", name: "Mail", nodes: [], connections: {} } }] });
  await workflows.delete({ id: "w2" });
  await workflows.deleteMany({ ids: ["w3"] });
}

async function runs({ runs }: Client): Promise<void> {
  for (const id of ["r1", "r2", "r3"]) {
    await runs.start({ workflow_id: "w1", id });
  }
  await runs.progress({ id: "r1", tokens_used: 1 });
  for (const id of ["r1", "r2", "r3"]) {
    await runs.finish({ id, status: "success", summary: { rows: 3 } });
  }
  await runs.get({ id: "r1" });
  await runs.list({ workflow_id: "w1", limit: 1 });
  await runs.stats({ workflow_id: "w1", time_zone: "Europe/Vienna" });
  await runs.pin({ id: "r1", pinned: true });
  await runs.delete({ id: "r2" });
  await runs.deleteMany({ ids: ["r3"] });
  await runs.prune({ keep_last: 0, dry_run: true });
}

async function settings({ settings }: Client): Promise<void> {
  await settings.set({ key: "theme", value: "dark" });
  await settings.set({ key: "app.own", value: [1, { two: null }] });
  await settings.get({ key: "theme" });
  await settings.list({ prefix: "app." });
  await settings.delete({ key: "app.own" });
  await settings.reset({ keys: ["theme"] });
  const long = "x".repeat(60_000);
  const items = Array.from({ length: 40 }, (_, n) => ({ key: `app.${n}`, value: long }));
  await settings.setMany({ items }); // more than is stored of events: audit.overflow
}

/** Over a folder; secrets are unlocked and have a recovery code. */
async function remotes({ remotes, settings }: Client): Promise<void> {
  const place = join(folder, "remote");
  mkdirSync(place);
  await settings.set({ key: "remote_push", value: "off" });
  await remotes.set({ url: pathToFileURL(place).href });
  await remotes.test();
  await remotes.push();
  const { backups } = await remotes.list();
  await remotes.fetch({ device: String(backups[0]?.device), n: Number(backups[0]?.n) });
  await remotes.verify({ deep: true });
  await remotes.status();
  await remotes.delete();
}

/** Mostly with the keychain: to derive a key from a passphrase takes a second. */
async function secrets(client: Client): Promise<void> {
  const { secrets } = client;
  await secrets.initialize({ keychain: true });
  await secrets.set({ provider: "openai", value: "sk-0123456789abcdefWXYZ" });
  await secrets.lock();
  await secrets.unlock({ keychain: true });
  await secrets.get({ provider: "openai" });
  await secrets.verify({ provider: "openai", value: "sk-wrong" });
  await secrets.list();
  await secrets.rotate();
  await secrets.rekey();
  await secrets.delete({ provider: "openai" });
  await secrets.addRecovery();
  await remotes(client);
  await secrets.changePassphrase({ keychain: true, new_passphrase: "battery staple" });
  const { slots } = await secrets.status();
  await secrets.removeSlot({ slot: Number(slots.find(({ kind }) => kind === "keychain")?.slot) });
  await secrets.addKeychain();
  await secrets.reset({ losing: 0 });
}

async function rest({ audit, backups, rpc, system }: Client): Promise<void> {
  await audit.list();
  await audit.subscribe({ after: 0 });
  await audit.unsubscribe();
  await audit.verify();
  await audit.export({ path: join(folder, "audit.jsonl") });
  await audit.prune({ keep_last: 1_000 });
  const { name } = await backups.create({ label: "before the move" });
  await backups.list();
  await backups.verify({ name });
  await backups.restore({ name });
  await backups.delete({ name });
  await system.ping();
  await system.info();
  await system.stats();
  await system.check({ full: true });
  await system.purge();
  await system.compact();
  await rpc.discover();
}

await serve("older.db", async ({ backups }) => {
  await backups.create(); // without the table: system.warning
});
await serve("new.db", async (client) => {
  await workflows(client);
  await runs(client);
  await settings(client);
  await secrets(client);
  await rest(client);
});
await serve("lost.db", async ({ system }) => {
  await system.recover({ begin_new: true });
});
console.log(JSON.stringify({ answered: [...answered].sort(), notified: [...notified].sort() }));
