// Kills the process amid 1 000 calls, with acts that it has not told; prints how often each call was
// settled, and the events that were given.
//
//     node killed.js DATABASE COMMAND...

import { statSync } from "node:fs";

import { ConnectionLost } from "@sim-sidecar/client";
import { Supervisor } from "@sim-sidecar/client/node";

const CALLS = 1_000;
const [database = "", ...command] = process.argv.slice(2);
const settled = Array.from({ length: CALLS }, () => 0);
const outcomes = { done: 0, may_have_run: 0, not_sent: 0, other: 0 };
const saved: string[] = [];
const events: number[] = [];
const states: string[] = [];

const supervisor = new Supervisor({
  command,
  database,
  onEvent: ({ seq }) => events.push(seq),
  onState: (state) => states.push(state),
});
const client = await supervisor.start();

/** Send some calls; the promise is of the end of all of them. */
function send(first: number, end: number): Promise<void> {
  return new Promise((resolve) => {
    let left = end - first;
    const settle = (number: number) => {
      settled[number] = (settled[number] ?? 0) + 1;
      left -= 1;
      if (left === 0) {
        resolve();
      }
    };
    for (let number = first; number < end; number += 1) {
      const workflow = { id: `w${number}`, name: "Flow", data: [number] };
      client.start(
        "workflows.save",
        { workflow },
        {},
        ({ id }) => {
          outcomes.done += 1;
          saved.push(id);
          settle(number);
        },
        (reason) => {
          outcomes[reason instanceof ConnectionLost && reason.mayHaveRun ? "may_have_run" : "other"] += 1;
          settle(number);
        },
      );
    }
  });
}

await send(0, CALLS / 4);
// While nothing is read here, the process does what it can tell only after a long answer.
const written = () => statSync(`${database}-wal`).mtimeMs;
const before = written();
const long = client.rpc.discover().catch((reason: unknown) => reason instanceof ConnectionLost);
const rest = send(CALLS / 4, CALLS);
await new Promise(setImmediate); // they are sent
for (let [last, looks] = [before, 0]; looks < 100; looks += 1) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  const now = written();
  if (now !== before && now === last) {
    break; // it has committed, and waits
  }
  last = now;
}
process.kill(Number(supervisor.pid), "SIGKILL");
await rest;
outcomes.other += (await long) === true ? 0 : 1;

await client.system.ping().catch((reason: unknown) => {
  outcomes.not_sent += reason instanceof ConnectionLost && !reason.mayHaveRun ? 1 : 0;
});
await supervisor.whenReady();
await client.workflows.save({ workflow: { id: "last", name: "Flow", data: [] } });
const exitCode = await supervisor.stop();
console.log(JSON.stringify({ settled, outcomes, saved, events, states, exitCode }));
