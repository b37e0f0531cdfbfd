// Keeps one process running: starts it again when it ends, and makes up for what was missed.

import { CALL_TIMEOUT_MS } from "./client.js";
import {
  ConnectionLost,
  CrashLoop,
  isError,
  StartFailed,
  type ClientError,
  type ConnectionEnd,
} from "./errors.js";
import {
  Client,
  PROTOCOL_VERSION,
  type AuditEvent,
  type AuditSubscribeResult,
  type StartFailed as StartFailedLine,
  type SystemReady,
} from "./generated.js";
import { guarded } from "./guarded.js";
import { findProgram, ProcessTransport, type ProcessOptions } from "./process.js";

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 10_000;
/** An end less than this after the start counts as one of a crash loop. */
const SOON_MS = 10_000;
/** So many ends in a row, each soon after the start, are a crash loop. */
const CRASHES_MAX = 5;
/** How long a process may take to end in order. */
const STOP_MS = 10_000;
/** The wait before events are subscribed to again when the process could not serve that. */
const SUBSCRIBE_AGAIN_MS = 1_000;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** What a supervisor does; `gave_up` and `stopped` are final until the next `start`. */
export type SupervisorState = "starting" | "ready" | "down" | "gave_up" | "stopped";

/** What a supervisor is told, and the callbacks of the program. */
export interface SupervisorOptions extends ProcessOptions {
  /** The program and its first arguments, before `serve`; `findProgram` finds it when absent. */
  command?: readonly string[] | undefined;
  /** The path of the database file, which is made when there is none. */
  database: string;
  /** More arguments of `serve`. */
  arguments?: readonly string[] | undefined;
  /** The time without an answer or progress after which a call fails; 30 s when absent. */
  timeoutMs?: number | undefined;
  /** Is told each state; with `down` and `gave_up` the error that says why. */
  onState?: ((state: SupervisorState, reason?: ClientError) => void) | undefined;
  /** Is given each entry of the audit log from the first start on, once and in order. */
  onEvent?: ((event: AuditEvent) => void) | undefined;
  /** Is told that entries are missing, or the database is an older one: read all anew. */
  onStale?: (() => void) | undefined;
  /**
   * Is given the ids of the runs that an earlier process left running (the newest 100 of them):
   * `runs.progress` takes one up again, `runs.finish` ends it.
   */
  onRuns?: ((ids: string[], client: Client) => void | Promise<void>) | undefined;
  /**
   * Gives the passphrase after a start that finds the secrets locked, or nothing. It is asked again
   * with `wrong: true` when the passphrase was wrong.
   */
  unlock?: ((wrong: boolean) => Passphrase | Promise<Passphrase>) | undefined;
}

/** A passphrase, or nothing. */
export type Passphrase = string | null | undefined;

interface Waiter {
  resolve: () => void;
  reject: (reason: ClientError) => void;
}

/** Runs `sim-sidecar serve` for one database, with one client over all its starts. */
export class Supervisor {
  /** The client; while the process is down its calls fail with `ConnectionLost`. */
  readonly client: Client;
  /** The params of the latest `system.ready`. */
  ready: SystemReady | null = null;

  readonly #options: SupervisorOptions;
  readonly #waiters: Waiter[] = [];
  #state: SupervisorState = "stopped";
  #process: ProcessTransport | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #startedAt = 0;
  #served = false;
  #stopping = false;
  #verdict: string | null = null;
  #crashes = 0;
  #delayMs = FIRST_DELAY_MS;
  #lastSeq: number | null = null;
  #subscribing = 0;
  #exitCode: number | null = null;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.client = new Client(undefined, { timeoutMs: options.timeoutMs });
    this.client.on("system.starting", () => this.#awaitReady());
    this.client.on("system.ready", (ready) => this.#takeReady(ready));
    this.client.on("system.restored", ({ seq }) => (this.#lastSeq = seq));
    this.client.on("audit.event", (event) => this.#takeEvent(event));
    this.client.on("audit.overflow", () => this.#subscribe());
  }

  /** What the supervisor does now. */
  get state(): SupervisorState {
    return this.#state;
  }

  /** The number of the process while there is one. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /**
   * Start the process and wait until it serves and `unlock` was asked.
   *
   * It fails with `StartFailed` when the first process ends before it serves.
   */
  async start(): Promise<Client> {
    if (this.#state !== "stopped" && this.#state !== "gave_up") {
      throw new Error(`The supervisor is ${this.#state}.`);
    }
    this.#served = false;
    this.#stopping = false;
    this.#crashes = 0;
    this.#delayMs = FIRST_DELAY_MS;
    this.#launch();
    await this.#settled();
    return this.client;
  }

  /** Wait until the process serves; at once when it does. */
  async whenReady(): Promise<void> {
    if (this.#state === "down" || this.#state === "starting") {
      await this.#settled();
    } else if (this.#state !== "ready") {
      throw new StartFailed(`The supervisor is ${this.#state}.`);
    }
  }

  /** End the process in order, or by force after 10 s, and return its exit code. */
  async stop(): Promise<number | null> {
    clearTimeout(this.#timer);
    this.#stopping = true;
    const process = this.#process;
    if (process !== null) {
      const closed = new Promise<void>((resolve) => process.onClose(() => resolve()));
      const timer = setTimeout(() => process.kill(), STOP_MS);
      this.client.system.shutdown({}, { timeoutMs: Infinity }).catch(() => {});
      await closed;
      clearTimeout(timer);
    }
    this.#become("stopped");
    this.#release(new StartFailed("The supervisor was stopped."));
    return this.#exitCode;
  }

  // --- starts and ends ----------------------------------------------------------------------

  #launch(): void {
    const { command = [findProgram()], database, arguments: more = [], env, cwd, onLog } = this.#options;
    const words = [...command, "serve", "--database", database, ...more];
    this.#become("starting");
    this.#startedAt = performance.now();
    const process = new ProcessTransport(words, { env, cwd, onLog });
    this.#process = process;
    this.ready = null;
    this.#verdict = null;
    this.#subscribing = 0;
    this.client.connect(process);
    process.onClose((end) => this.#takeEnd(end));
    this.#awaitReady();
  }

  #awaitReady(): void {
    clearTimeout(this.#timer);
    const waitMs = Math.min(this.#options.timeoutMs ?? CALL_TIMEOUT_MS, LONGEST_TIMER_MS);
    this.#timer = setTimeout(() => this.#refuse(`It was not ready within ${waitMs} ms.`), waitMs);
  }

  #refuse(verdict: string): void {
    this.#verdict = verdict;
    this.#process?.kill();
  }

  #takeReady(ready: SystemReady): void {
    clearTimeout(this.#timer);
    this.ready = ready;
    if (major(ready.protocol_version) !== major(PROTOCOL_VERSION)) {
      this.#refuse(`It speaks protocol ${ready.protocol_version}, not ${PROTOCOL_VERSION}.`);
      return;
    }
    this.#served = true;
    if (ready.head !== null && this.#lastSeq !== null) {
      this.#subscribe();
    }
    this.#lastSeq ??= ready.head?.seq ?? null;
    this.#become("ready");
    void this.#takeUp(ready);
  }

  /** Unlock and hand over the runs, then let those go on who wait for the start. */
  async #takeUp(ready: SystemReady): Promise<void> {
    try {
      if (ready.runs_interrupted_ids.length > 0) {
        await this.#options.onRuns?.(ready.runs_interrupted_ids, this.client);
      }
      if (ready.secrets === "locked") {
        await this.#unlock();
      }
    } catch (thrown) {
      if (!(thrown instanceof ConnectionLost)) {
        console.error(thrown);
      }
    }
    if (this.ready === ready) {
      this.#release(null);
    }
  }

  async #unlock(): Promise<void> {
    for (let wrong = false; ; wrong = true) {
      const passphrase = await this.#options.unlock?.(wrong);
      if (typeof passphrase !== "string") {
        return;
      }
      try {
        await this.client.secrets.unlock({ passphrase });
        return;
      } catch (thrown) {
        if (!isError(thrown, "wrong_passphrase")) {
          throw thrown;
        }
      }
    }
  }

  #takeEnd(end: ConnectionEnd): void {
    clearTimeout(this.#timer);
    this.#exitCode = end.exitCode ?? null;
    this.#process = null;
    if (this.#stopping) {
      return;
    }
    const reason = this.#failure(end);
    if (!this.#served) {
      this.#become("stopped", reason);
      this.#release(reason);
      return;
    }
    const soon = performance.now() - this.#startedAt < SOON_MS;
    this.#crashes = soon ? this.#crashes + 1 : 1;
    if (!soon) {
      this.#delayMs = FIRST_DELAY_MS;
    }
    if (this.#crashes >= CRASHES_MAX) {
      const loop = new CrashLoop(this.#crashes, reason);
      this.#become("gave_up", loop);
      this.#release(loop);
      return;
    }
    this.#become("down", reason);
    this.#timer = setTimeout(() => this.#launch(), this.#delayMs);
    this.#delayMs = Math.min(this.#delayMs * 2, LONGEST_DELAY_MS);
  }

  /** Return why the process has ended. */
  #failure(end: ConnectionEnd): ClientError {
    if (this.ready !== null && this.#verdict === null) {
      return new ConnectionLost(`The process has ended: ${told(end)}.`, true, end);
    }
    const line = startFailedLine(end.stderr ?? "");
    const text = this.#verdict ?? line.message ?? told(end);
    return new StartFailed(`The process could not serve: ${text}`, end, line);
  }

  // --- the audit log ------------------------------------------------------------------------

  /**
   * Ask for the entries after the last one that was given.
   *
   * Those that come before the answer are passed over, for they are sent again after it.
   */
  #subscribe(): void {
    const process = this.#process;
    const after = this.#lastSeq;
    const turn = (this.#subscribing += 1);
    const current = () => process === this.#process && turn === this.#subscribing;
    this.client.start(
      "audit.subscribe",
      { after },
      {},
      (answer) => {
        if (current()) {
          this.#subscribing = 0;
          this.#takeReplay(answer, after ?? 0);
        }
      },
      () => {
        setTimeout(() => current() && this.#subscribe(), SUBSCRIBE_AGAIN_MS);
      },
    );
  }

  #takeReplay(answer: AuditSubscribeResult, after: number): void {
    if (answer.head.seq < after || answer.pruned_through > after) {
      this.#lastSeq = Math.min(after, answer.head.seq);
      this.#options.onStale?.();
    }
  }

  #takeEvent(event: AuditEvent): void {
    if (this.#subscribing === 0) {
      this.#lastSeq = event.seq;
      this.#options.onEvent?.(event);
    }
  }

  // --- states -------------------------------------------------------------------------------

  #become(state: SupervisorState, reason?: ClientError): void {
    if (this.#state !== state) {
      this.#state = state;
      guarded(() => this.#options.onState?.(state, reason));
    }
  }

  #settled(): Promise<void> {
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  #release(reason: ClientError | null): void {
    for (const waiter of this.#waiters.splice(0)) {
      if (reason === null) {
        waiter.resolve();
      } else {
        waiter.reject(reason);
      }
    }
  }
}

function told({ exitCode, signal, stderr }: ConnectionEnd): string {
  const code = signal ? `signal ${signal}` : `exit code ${exitCode}`;
  return stderr ? `${code}, ${stderr.trimEnd().split("\n").at(-1)}` : code;
}

/** Return the line on stderr that says why a start failed, or nothing. */
function startFailedLine(stderr: string): Partial<StartFailedLine> {
  for (const line of stderr.split("\n").reverse()) {
    if (line.includes('"start_failed"')) {
      try {
        return JSON.parse(line) as StartFailedLine;
      } catch {
        continue; // it was cut off
      }
    }
  }
  return {};
}

function major(version: string): string {
  return version.split(".")[0] ?? version;
}
