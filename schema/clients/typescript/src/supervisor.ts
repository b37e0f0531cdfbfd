// Keeps one process running: restarts it when it ends, and catches up on missed audit entries.

import { CALL_TIMEOUT_MS, guarded, parsed } from "./client.js";
import * as errors from "./errors.js";
import { Client, PROTOCOL_VERSION, type AuditEvent, type SystemReady } from "./generated.js";
import { findProgram, ProcessTransport, type ProcessOptions } from "./process.js";

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 10_000;
/** An end before the process has served for this time counts towards a crash loop. */
const SOON_MS = 10_000;
/** The number of such ends in a row that is a crash loop. */
const CRASHES_MAX = 5;
/** How long a process may take to end in order. */
const STOP_MS = 10_000;
/** The wait before a failed subscription to events is repeated. */
const SUBSCRIBE_AGAIN_MS = 1_000;

export type SupervisorState = "starting" | "ready" | "down" | "gave_up" | "stopped";

/** The command to run, and the callbacks of the program. */
export interface SupervisorOptions extends ProcessOptions {
  /** The program and its first arguments, before `serve`; `findProgram` finds it when absent. */
  command?: readonly string[] | undefined;
  /** The path of the database file, which is made when there is none. */
  database: string;
  /** More arguments of `serve`. */
  arguments?: readonly string[] | undefined;
  /** The time without an answer or progress after which a call or a start fails; 30 s if absent. */
  timeoutMs?: number | undefined;
  /** The `seq` of the last audit entry that was received earlier: those after it are given first. */
  after?: number | undefined;
  /** Called with each state; after an end, also with the error that gives the reason. */
  onState?: ((state: SupervisorState, reason?: errors.ClientError) => void) | undefined;
  /** Called with each entry of the audit log from the first start on, once and in order. */
  onEvent?: ((event: AuditEvent) => void) | undefined;
  /** Called when entries are missing, or the database is an older one: read everything again. */
  onStale?: (() => void) | undefined;
  /**
   * Called with the ids of the runs that an earlier process left running (the newest 100 of them):
   * `runs.progress` resumes a run, `runs.finish` ends it.
   */
  onRuns?: ((ids: string[], client: Client) => void | Promise<void>) | undefined;
  /** Returns the passphrase, or null, after a start with locked secrets; repeated if `wrong`. */
  unlock?: ((wrong: boolean) => string | null | Promise<string | null>) | undefined;
}

/** Runs `sim-sidecar serve` for one database, with one client over all its starts. */
export class Supervisor {
  /** The client; while the process is down its calls fail with `ConnectionLost`. */
  readonly client: Client;
  /** The params of the latest `system.ready`; null until the process is ready. */
  ready: SystemReady | null = null;
  /** The state of the supervisor. */
  state: SupervisorState = "stopped";

  readonly #options: SupervisorOptions;
  readonly #waiting: Array<(reason: errors.ClientError | null) => void> = [];
  #process: ProcessTransport | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #servesSince: number | null = null;
  #served = false;
  #stopping = false;
  #refusal: string | null = null;
  #crashes = 0;
  #delayMs = FIRST_DELAY_MS;
  #lastSeq: number | null;
  #subscribing = 0;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#lastSeq = options.after ?? null;
    this.client = new Client(undefined, options);
    this.client.on("system.starting", () => this.#awaitReady());
    this.client.on("system.ready", (ready) => this.#takeReady(ready));
    this.client.on("system.restored", ({ seq }) => this.#tellStale(seq));
    this.client.on("audit.event", (event) => this.#takeEvent(event));
    this.client.on("audit.overflow", () => this.#subscribe());
  }

  /** The number of the process while there is one. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Start the process and wait until it serves; `StartFailed` when it ends before it does. */
  async start(): Promise<Client> {
    if (this.state !== "stopped" && this.state !== "gave_up") {
      throw new Error(`The supervisor is ${this.state}.`);
    }
    this.#served = this.#stopping = false;
    this.#crashes = 0;
    this.#delayMs = FIRST_DELAY_MS;
    this.#become("starting");
    const ready = this.whenReady();
    this.#launch();
    await ready;
    return this.client;
  }

  /** Wait until the process serves, and `onRuns` and `unlock` have done their work. */
  async whenReady(): Promise<void> {
    if (this.state === "gave_up" || this.state === "stopped") {
      throw new errors.StartFailed(`The supervisor is ${this.state}.`);
    }
    if (this.state !== "ready") {
      await new Promise<void>((resolve, reject) => {
        this.#waiting.push((reason) => (reason === null ? resolve() : reject(reason)));
      });
    }
  }

  /** End the process in order, or by force after 10 s, and return its exit code. */
  async stop(): Promise<number | null> {
    clearTimeout(this.#timer);
    this.#stopping = true;
    const process = this.#process;
    let end: errors.ConnectionEnd = {};
    if (process !== null) {
      const timer = setTimeout(() => process.kill(), STOP_MS);
      this.client.system.shutdown({}, { timeoutMs: Infinity }).catch(() => {});
      end = await new Promise((resolve) => process.onClose(resolve));
      clearTimeout(timer);
    }
    this.#become("stopped");
    this.#release(new errors.StartFailed("The supervisor was stopped."));
    return end.exitCode ?? null;
  }

  // --- starts and ends ----------------------------------------------------------------------

  #launch(): void {
    const { command = [findProgram()], database, arguments: more = [] } = this.#options;
    this.#servesSince = this.ready = this.#refusal = null;
    this.#subscribing = this.#lastSeq === null ? 0 : 1; // entries before the replay leave a gap
    this.#become("starting");
    const words = [...command, "serve", "--database", database, ...more];
    try {
      this.#process = new ProcessTransport(words, this.#options);
    } catch (thrown) {
      return this.#takeEnd({ stderr: String(thrown) });
    }
    this.client.connect(this.#process);
    this.#process.onClose((end) => this.#takeEnd(end));
    this.#awaitReady();
  }

  #awaitReady(): void {
    clearTimeout(this.#timer);
    const waitMs = Math.min(this.#options.timeoutMs ?? CALL_TIMEOUT_MS, 2 ** 31 - 1);
    this.#timer = setTimeout(() => this.#refuse(`It was not ready in ${waitMs} ms.`), waitMs);
  }

  #refuse(why: string): void {
    this.#refusal = why;
    this.#process?.kill();
  }

  #takeReady(ready: SystemReady): void {
    clearTimeout(this.#timer);
    if (ready.protocol_version.split(".")[0] !== PROTOCOL_VERSION.split(".")[0]) {
      return this.#refuse(`It speaks ${ready.protocol_version}, not ${PROTOCOL_VERSION}.`);
    }
    if (this.#stopping) {
      return;
    }
    this.ready = ready;
    this.#served = true;
    if (ready.head !== null && this.#lastSeq !== null) {
      this.#subscribe();
    } else {
      this.#servesSince = performance.now();
    }
    this.#lastSeq ??= ready.head?.seq ?? null;
    void this.#takeUp(ready);
  }

  async #takeUp(ready: SystemReady): Promise<void> {
    const ids = ready.runs_interrupted_ids;
    await reported(async () => ready.secrets === "locked" && this.#unlock());
    await reported(async () => ids.length > 0 && this.#options.onRuns?.(ids, this.client));
    if (this.ready === ready && !this.#stopping) {
      this.#become("ready");
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
        if (!errors.isError(thrown, "wrong_passphrase")) {
          throw thrown;
        }
      }
    }
  }

  #takeEnd(end: errors.ConnectionEnd): void {
    clearTimeout(this.#timer);
    const reason = this.#reason(end);
    this.ready = this.#process = null;
    if (this.#stopping) {
      return;
    }
    if (this.#servesSince !== null && performance.now() - this.#servesSince >= SOON_MS) {
      this.#crashes = 0;
      this.#delayMs = FIRST_DELAY_MS;
    } else {
      this.#crashes += 1;
    }
    if (!this.#served) {
      this.#end("stopped", reason);
    } else if (this.#crashes >= CRASHES_MAX) {
      const text = `It ended ${this.#crashes} times, each soon after its start: ${reason.message}`;
      this.#end("gave_up", new errors.CrashLoop(text, { cause: reason }));
    } else {
      this.#become("down", reason);
      this.#timer = setTimeout(() => this.#launch(), this.#delayMs);
      this.#delayMs = Math.min(this.#delayMs * 2, LONGEST_DELAY_MS);
    }
  }

  /** Return why the process has ended. */
  #reason(end: errors.ConnectionEnd): errors.ClientError {
    const lines = (end.stderr ?? "").trimEnd().split("\n");
    const code = Number(end.exitCode) < 0 ? "" : `exit code ${end.exitCode}. `; // it never ran
    const how = `${end.signal ? `${end.signal}. ` : code}${lines.at(-1)}`.trimEnd();
    if (this.ready !== null) {
      return new errors.ConnectionLost(`The process has ended: ${how}`, true, end);
    }
    const told = lines.findLast((line) => line.includes('"start_failed"'));
    const data = parsed<errors.StartFailed["data"]>(told ?? "") ?? {};
    return new errors.StartFailed(this.#refusal ?? data.message ?? how, end, data);
  }

  // --- the audit log ------------------------------------------------------------------------

  /**
   * Ask for the entries after the last one that was given.
   *
   * Those that come before the answer are passed over, for they are sent again after it.
   */
  #subscribe(): void {
    const after = this.#lastSeq ?? 0;
    const [process, turn] = [this.#process, (this.#subscribing += 1)];
    const isLatest = () => this.#process === process && this.#subscribing === turn;
    this.client.start(
      "audit.subscribe",
      { after },
      {},
      ({ head, pruned_through }) => {
        if (isLatest()) {
          this.#subscribing = 0;
          this.#servesSince ??= performance.now();
          if (head.seq < after || pruned_through > after) {
            this.#tellStale(Math.min(head.seq, after));
          }
        }
      },
      () => void setTimeout(() => isLatest() && this.#subscribe(), SUBSCRIBE_AGAIN_MS),
    );
  }

  #takeEvent(event: AuditEvent): void {
    if (this.#subscribing === 0 && event.seq > (this.#lastSeq ?? -1)) {
      this.#lastSeq = event.seq;
      this.#options.onEvent?.(event);
    }
  }

  #tellStale(seq: number): void {
    this.#lastSeq = seq;
    guarded(() => this.#options.onStale?.());
  }

  // --- states -------------------------------------------------------------------------------

  #become(state: SupervisorState, reason?: errors.ClientError): void {
    if (state === this.state) {
      return;
    }
    this.state = state;
    guarded(() => this.#options.onState?.(state, reason));
  }

  #end(state: SupervisorState, reason: errors.ClientError): void {
    this.#become(state, reason);
    this.#release(reason);
  }

  #release(reason: errors.ClientError | null): void {
    this.#waiting.splice(0).forEach((settle) => settle(reason));
  }
}

/** Do what the program wants done after a start; a fault of it must not stop what comes next. */
async function reported(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    if (!(thrown instanceof errors.ConnectionLost)) {
      console.error(thrown);
    }
  }
}
