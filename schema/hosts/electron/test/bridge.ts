// Drives the bridge as a page does, over lines, with the real process behind it.
//
//     node bridge.js DATABASE COMMAND...

import { Client } from "@sim-sidecar/client";
import { Supervisor } from "@sim-sidecar/client/node";

import { Bridge } from "#bridge";

const [database = "", ...command] = process.argv.slice(2);
const supervisor = new Supervisor({ command, database });
const app = await supervisor.start();
let receive: (line: string) => void = () => {};
const bridge = new Bridge(app, (line) => receive(line));
const page = new Client({
  send: (line) => void bridge.take(line),
  onLine: (listener) => (receive = listener),
  onClose: () => {},
});
const told: string[] = [];
page.onNotification(({ method }) => told.push(method));

await app.workflows.save({ workflow: { id: "w1", name: "Mail", data: {} } });
const { items } = await page.workflows.list();
await page.workflows.update({ id: "w1", name: "Post", expected_revision: 1 });
const refused = await Promise.allSettled([
  page.workflows.update({ id: "w1", name: "Late", expected_revision: 1 }),
  page.secrets.list(),
  page.system.shutdown(),
]);
const aborted = page.workflows.list({}, { signal: AbortSignal.abort("gone") });
const reason: unknown = await aborted.catch((e: unknown) => e);
process.kill(Number(supervisor.pid), "SIGKILL");
const [lost] = await Promise.allSettled([page.workflows.list()]);
await supervisor.whenReady();
const found = await page.workflows.search({ query: "Post" });
bridge.close();
const before = told.length;
await app.workflows.delete({ id: "w1" });
const exitCode = await supervisor.stop();
console.log(
  JSON.stringify({
    names: items.map(({ name }) => name),
    found: found.items.map(({ name }) => name),
    slugs: [...refused, lost].map((call) => call.status === "rejected" && call.reason.slug),
    reason,
    told,
    afterwards: told.length - before,
    exitCode,
  }),
);
