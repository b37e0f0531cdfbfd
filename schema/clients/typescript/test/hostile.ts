// Supervises many programs that misbehave, all at once, and prints what was seen of each.
//
//     node hostile.js FILE        FILE: the cases, as tests/clients/hostile_peers.py writes them

import { readFileSync } from "node:fs";

import { CallTimeout, ConnectionLost, SidecarError, StartFailed } from "@sim-sidecar/client";
import { Supervisor } from "@sim-sidecar/client/node";

interface Case {
  command: string[];
  database: string;
  steps: string[];
  wait_ms: number;
  throws: boolean;
  hangs: boolean;
}

const LOG_LINE_MAX = 65_536;

async function seenIn({ command, database, steps, wait_ms, throws, hangs }: Case): Promise<object> {
  const signs: string[] = [];
  const [states, events, did]: [string[], number[], string[]] = [[], [], []];
  let [stale, longest, taken] = [0, 0, 0];
  let changed = () => {};
  const told = (sign: string) => {
    signs.push(sign);
    changed();
    if (throws) {
      throw sign;
    }
  };
  const supervisor = new Supervisor({
    command,
    database,
    timeoutMs: wait_ms,
    onState(state, reason) {
      states.push(state);
      const slug = reason?.cause instanceof StartFailed ? (reason.cause.slug ?? "") : "";
      told(`${state} ${slug}`.trim());
    },
    onEvent({ seq }) {
      events.push(seq);
      told("event");
    },
    onStale: () => told(`stale ${(stale += 1)}`),
    onLog(line) {
      longest = Math.max(longest, line.length);
      told("log");
    },
    onRuns: () => told("runs"),
    unlock() {
      told("unlock");
      return hangs ? new Promise<null>(() => {}) : null;
    },
  });
  const outcome = (work: Promise<unknown>, done: string): Promise<string> =>
    work.then(
      () => done,
      (reason) => {
        if (reason instanceof StartFailed) {
          return `start_failed ${reason.slug ?? ""}`.trim();
        } else if (reason instanceof SidecarError) {
          return `error ${reason.slug}`.trim();
        } else if (reason instanceof ConnectionLost) {
          return reason.mayHaveRun ? "lost" : "lost unsent";
        }
        return reason instanceof CallTimeout ? "timeout" : String(reason);
      },
    );
  /** Wait for the next sign of this name that was not waited for. */
  const waitFor = async (name: string): Promise<string> => {
    for (;;) {
      const sign = signs[taken];
      if (sign === undefined) {
        await new Promise<void>((resolve) => (changed = resolve));
      } else {
        taken += 1;
        if (sign.split(" ")[0] === name) {
          return sign;
        }
      }
    }
  };
  for (const step of steps) {
    const [verb, word = ""] = step.split(" ");
    if (verb === "start") {
      did.push(await outcome(supervisor.start(), "ready"));
      taken = signs.length;
    } else if (verb === "wait") {
      did.push(await waitFor(word));
    } else if (verb === "call") {
      const timeoutMs = word === "quickly" ? 300 : 20_000;
      did.push(await outcome(supervisor.client.system.ping({}, { timeoutMs }), "result"));
    } else {
      did.push(await outcome(supervisor.stop(), "stopped"));
    }
  }
  return { did, states, events, stale, longest_log_line_at_most_64_ki: longest <= LOG_LINE_MAX };
}

console.error = () => {}; // what callbacks throw is printed
const cases = JSON.parse(readFileSync(String(process.argv[2]), "utf8")) as Record<string, Case>;
const seen: Record<string, object> = {};
await Promise.all(
  Object.entries(cases).map(async ([name, each]) => {
    seen[name] = await seenIn(each);
    process.stdout.write(`${JSON.stringify({ [name]: seen[name] })}\n`);
  }),
);
process.exit(0); // an unlock that never returns
