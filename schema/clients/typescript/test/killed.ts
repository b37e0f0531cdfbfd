// Kills the process amid 1 000 calls; prints how often each was settled, and the events given.
//
//     node killed.js DATABASE COMMAND...

import { ConnectionLost } from "@sim-sidecar/client";
import { Supervisor } from "@sim-sidecar/client/node";

const CALLS = 1_000;
const [database = "", ...command] = process.argv.slice(2);
const settled = Array.from({ length: CALLS }, () => 0);
const outcomes = { done: 0, may_have_run: 0, not_sent: 0 };
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

await new Promise<void>((resolve) => {
  let all = 0;
  const settle = (number: number) => {
    settled[number] = (settled[number] ?? 0) + 1;
    all += 1;
    if (all === CALLS / 4) {
      process.kill(Number(supervisor.pid), "SIGKILL");
    }
    if (all === CALLS) {
      resolve();
    }
  };
  const call = (number: number) => {
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
        if (!(reason instanceof ConnectionLost)) {
          throw reason;
        }
        outcomes[reason.mayHaveRun ? "may_have_run" : "not_sent"] += 1;
        settle(number);
      },
    );
  };
  settled.forEach((_, number) => call(number));
});

await client.system.ping().catch((reason: unknown) => {
  outcomes.not_sent += reason instanceof ConnectionLost && !reason.mayHaveRun ? 1 : 0;
});
await supervisor.whenReady();
await client.workflows.save({ workflow: { id: "last", name: "Flow", data: [] } });
const exitCode = await supervisor.stop();
console.log(JSON.stringify({ settled, outcomes, saved, events, states, exitCode }));
