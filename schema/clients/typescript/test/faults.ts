// What the client does when something goes wrong; each case prints what it has seen.
//
//     node faults.js CASE DATABASE COMMAND...

import { renameSync, rmSync } from "node:fs";

import {
  CallTimeout,
  ClientError,
  ConnectionLost,
  CrashLoop,
  isError,
  isKnownError,
  StartFailed,
  type Client,
  type WorkflowsListParams,
} from "@sim-sidecar/client";
import { ProcessTransport, Supervisor, type SupervisorOptions } from "@sim-sidecar/client/node";

const [name = "", database = "", ...command] = process.argv.slice(2);

function supervise(options: Partial<SupervisorOptions> = {}): Supervisor {
  return new Supervisor({ command, database, ...options });
}

/** Return what a promise was rejected with. */
async function rejected(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => {
      throw new Error(`Not rejected: ${JSON.stringify(value)}`);
    },
    (reason: unknown) => reason,
  );
}

/** Run some work with a client of a supervised process. */
async function served<T>(
  work: (client: Client, supervisor: Supervisor) => Promise<T>,
  options: Partial<SupervisorOptions> = {},
): Promise<T> {
  const supervisor = supervise(options);
  const seen = await work(await supervisor.start(), supervisor);
  await supervisor.stop();
  return seen;
}

const cases: Record<string, () => Promise<unknown>> = {
  async start_failed() {
    const log: string[] = [];
    const states: string[] = [];
    const onState = (state: string) => states.push(state);
    const reason = await rejected(supervise({ onLog: (line) => log.push(line), onState }).start());
    const { slug, end, data, message } = reason as StartFailed;
    const told = { slug, exitCode: end.exitCode, message, data: data.slug };
    return { ...told, name: (reason as Error).name, states, logged: log.length > 0 };
  },

  async not_found() {
    const reason = await rejected(supervise().start());
    return [reason instanceof StartFailed, (reason as StartFailed).slug];
  },

  /** The process ends each time it was ready: it gives up, and starts again when told to. */
  async crash_loop() {
    const states: string[] = [];
    const times: number[] = [];
    let gaveUp: (reason: unknown) => void;
    const end = new Promise<unknown>((resolve) => (gaveUp = resolve));
    const supervisor = supervise({
      onState(state, reason) {
        states.push(state);
        times.push(performance.now());
        if (state === "gave_up") {
          gaveUp(reason);
        }
      },
    });
    await supervisor.start();
    const reason = await end;
    const waits = times.flatMap((time, n) => (states[n] === "down" ? [times[n + 1]! - time] : []));
    const ready = await rejected(supervisor.whenReady());
    const seen = [...states];
    const again = await supervisor.start().then(() => supervisor.state);
    await supervisor.stop();
    const cause = (reason as CrashLoop).cause instanceof ConnectionLost;
    const loop = reason instanceof CrashLoop;
    return { loop, cause, states: seen, waits, ready: String(ready), again };
  },

  /** The peer sends progress six times, 500 ms apart, then nothing to the next request. */
  progress: () =>
    served(async (client) => {
      const done: number[] = [];
      const onProgress = (progress: { done: number }) => done.push(progress.done);
      const result = await client.system.check({}, { timeoutMs: 2500, onProgress });
      const reason = await rejected(client.system.purge({}, { timeoutMs: 50 }));
      const late = reason instanceof CallTimeout;
      return { result, done, late, heard: await client.rpc.discover() };
    }),

  abort: () =>
    served(async (client) => {
      const early = await rejected(client.system.ping({}, { signal: AbortSignal.abort("early") }));
      const controller = new AbortController();
      const call = client.backups.create({}, { signal: controller.signal });
      controller.abort("late");
      const late = await rejected(call);
      const { items } = await client.backups.list(); // answered after the abort
      return { early, late, backups: items.length };
    }),

  pages: () =>
    served(async ({ settings, workflows }) => {
      for (let n = 0; n < 7; n += 1) {
        await workflows.save({ workflow: { id: `w${n}`, name: `Flow ${n}`, data: [] } });
      }
      const order: WorkflowsListParams = { limit: 3, order_by: "name" };
      const pages: string[][] = [];
      for await (const { items } of workflows.listPages(order)) {
        pages.push(items.map(({ id }) => id));
      }
      const first = await workflows.list(order);
      const rest: number[] = [];
      for await (const { items } of workflows.listPages({ ...order, cursor: first.next_cursor })) {
        rest.push(items.length);
      }
      for await (const { items } of settings.listPages({ prefix: "none." })) {
        pages.push(items.map(({ key }) => key));
      }
      return { pages, rest };
    }),

  errors: () =>
    served(async (client) => {
      const unknown = await rejected(client.workflows.get({ id: "nobody" }));
      const wrong = await rejected(client.workflows.get({ id: "" }));
      const long = "x".repeat(34 * 1024 * 1024);
      const tooLong = await rejected(client.workflows.save({ workflow: { name: long, data: {} } }));
      return {
        slugs: [unknown, wrong, tooLong].map((e) => (isKnownError(e) ? e.slug : "none")),
        path: isError(wrong, "invalid_params") && wrong.data.path,
        other: isError(unknown, "conflict"),
        all: [unknown, wrong, tooLong].every((e) => e instanceof ClientError),
      };
    }),

  /** The secrets are unlocked after each start; a wrong passphrase has the callback asked again. */
  async unlock() {
    const asked: boolean[] = [];
    const unlock = (wrong: boolean) => {
      asked.push(wrong);
      return wrong ? "correct horse" : "wrong horse";
    };
    const supervisor = supervise({ unlock });
    const client = await supervisor.start();
    await client.secrets.initialize({ passphrase: "correct horse" });
    process.kill(Number(supervisor.pid), "SIGKILL");
    await rejected(client.system.ping());
    await supervisor.whenReady();
    const { state } = await client.secrets.status();
    await supervisor.stop();
    return { asked, state };
  },

  async runs() {
    const given: string[][] = [];
    const supervisor = supervise({
      async onRuns(ids, { runs }) {
        given.push(ids);
        await runs.progress({ id: String(ids[0]), tokens_used: 1 });
      },
    });
    const client = await supervisor.start();
    await client.workflows.save({ workflow: { id: "w1", name: "Flow", data: [] } });
    await client.runs.start({ workflow_id: "w1", id: "r1" });
    process.kill(Number(supervisor.pid), "SIGKILL");
    await rejected(client.system.ping());
    await supervisor.whenReady();
    const { run } = await client.runs.get({ id: "r1" });
    await supervisor.stop();
    return { given, status: run.status, tokens: run.tokens_used };
  },

  /** More events than a process stores for a host that does not read: the gap is filled. */
  overflow: () => {
    const events: number[] = [];
    return served(
      async (client) => {
        let overflows = 0;
        client.on("audit.overflow", () => (overflows += 1));
        const value = "x".repeat(60_000);
        const items = Array.from({ length: 40 }, (_, n) => ({ key: `app.${n}`, value }));
        await client.settings.set({ key: "theme", value: "dark" });
        const many = client.settings.setMany({ items });
        await client.settings.set({ key: "theme", value: "light" }); // told before the gap is filled
        await many;
        await client.system.ping();
        await client.system.ping();
        return { overflows, events };
      },
      { onEvent: ({ seq }) => events.push(seq) },
    );
  },

  /** A host that starts again continues after the last entry that it has received. */
  async after() {
    const seqs: number[] = [];
    for (const after of [undefined, 1]) {
      const supervisor = supervise({ after, onEvent: ({ seq }) => seqs.push(seq) });
      const client = await supervisor.start();
      await client.settings.set({ key: "theme", value: "dark" });
      await client.settings.set({ key: "theme", value: "light" });
      await client.audit.list();
      await supervisor.stop();
    }
    return seqs;
  },

  /** A file that lies where the database was, and is older: what is shown is stale. */
  async stale() {
    let stale = 0;
    const events: number[] = [];
    const supervisor = supervise({
      onStale: () => (stale += 1),
      onEvent: ({ seq }) => events.push(seq),
    });
    const client = await supervisor.start();
    await client.settings.set({ key: "theme", value: "dark" });
    await client.settings.set({ key: "theme", value: "light" });
    await client.audit.list();
    const before = [...events];
    await supervisor.stop();
    const other = new Supervisor({ command, database: `${database}.other` });
    await other.start();
    await other.stop();
    ["", "-wal", "-shm"].forEach((end) => rmSync(`${database}${end}`, { force: true }));
    renameSync(`${database}.other`, database);
    await supervisor.start();
    await client.settings.set({ key: "theme", value: "dark" });
    await client.audit.list();
    await supervisor.stop();
    return { before, stale, events };
  },

  /** Callbacks that throw do not stop the reading. */
  async throwing() {
    const errors: unknown[] = [];
    console.error = (thrown) => errors.push(thrown);
    const fail = () => {
      throw "thrown";
    };
    const supervisor = supervise({ onState: fail, onEvent: fail, onLog: fail, onRuns: fail });
    const client = await supervisor.start();
    await client.settings.set({ key: "theme", value: "dark" });
    const { setting } = await client.settings.get({ key: "theme" });
    const exitCode = await supervisor.stop();
    return { value: setting.value, exitCode, thrown: errors.every((each) => each === "thrown") };
  },

  async transport() {
    const lines: string[] = [];
    const transport = new ProcessTransport(command);
    transport.onLine((line) => lines.push(line));
    const end = await new Promise((resolve) => transport.onClose(resolve));
    return { lines, end };
  },
};

console.log(JSON.stringify(await cases[name]?.()));
