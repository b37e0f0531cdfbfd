// Requests and notifications over any transport; runs in Node and in browsers.

import { CallTimeout, ConnectionLost, SidecarError, type ConnectionEnd } from "./errors.js";
import type { Methods, Notifications, Progress } from "./generated.js";

/** The time without an answer or progress after which a call fails, when no other is given. */
export const CALL_TIMEOUT_MS = 30_000;

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Carries whole lines to a process and back, in order. */
export interface Transport {
  /** Send one line; the transport adds the line feed. */
  send(line: string): void;
  /** Register the listener for received lines, without their line feeds. A client calls it once. */
  onLine(listener: (line: string) => void): void;
  /** Register the listener for the end, which is called once, after the last line. */
  onClose(listener: (end: ConnectionEnd) => void): void;
}

/** The options of every call. */
export interface CallOptions {
  /** Ends the call: it is cancelled, and fails with the reason of the signal. */
  signal?: AbortSignal | undefined;
  /** The time without an answer or progress after which it fails; Infinity: never. */
  timeoutMs?: number | undefined;
}

/** The options of the call of a long method. */
export interface LongCallOptions extends CallOptions {
  /** Called with each progress of the call. */
  onProgress?: ((progress: Progress) => void) | undefined;
}

export type MethodName = keyof Methods;

/** The name of a method that returns a page of a list. */
export type PagedMethodName = {
  [M in MethodName]: Methods[M]["result"] extends { next_cursor: string | null } ? M : never;
}[MethodName];

/** A notification: its name and its params. */
export type Notification = {
  [N in keyof Notifications]: { method: N; params: Notifications[N] };
}[keyof Notifications];

/** A request that is in flight. */
interface Pending {
  method: string;
  chars: number;
  onProgress: ((progress: Progress) => void) | undefined;
  resolve: (result: never) => void;
  reject: (reason: unknown) => void;
  /** Restart the time-out. */
  touch: () => void;
  /** Stop the time-out and remove the listener of the signal. */
  release: () => void;
}

type Received = { [member in "id" | "method" | "result" | "error"]?: unknown };

/** Sends requests and receives answers and notifications; `Client` adds the methods. */
export class BaseClient {
  readonly #timeoutMs: number;
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Set<(notification: Notification) => void>();
  #transport: Transport | null = null;
  #end: ConnectionEnd = {};
  #lastId = 0;

  /** Make a client; without a transport every call fails until `connect` is called. */
  constructor(transport?: Transport, options: Pick<CallOptions, "timeoutMs"> = {}) {
    this.#timeoutMs = options.timeoutMs ?? CALL_TIMEOUT_MS;
    if (transport !== undefined) {
      this.connect(transport);
    }
  }

  /** Use this transport from now on, such as that of a process that was started again. */
  connect(transport: Transport): void {
    this.#disconnect({});
    this.#transport = transport;
    transport.onLine((line) => {
      if (this.#transport === transport) {
        guarded(() => this.#take(line));
      }
    });
    transport.onClose((end) => {
      if (this.#transport === transport) {
        this.#disconnect(end);
      }
    });
  }

  /** Call a method by its name; each member for a noun has the same methods with their texts. */
  call<M extends MethodName>(
    method: M,
    params: Methods[M]["params"],
    options: LongCallOptions = {},
  ): Promise<Methods[M]["result"]> {
    return new Promise((resolve, reject) => this.start(method, params, options, resolve, reject));
  }

  /** Yield the pages of a list, from `cursor` or the first to the last. */
  async *pages<M extends PagedMethodName>(
    method: M,
    params: Methods[M]["params"],
    options: CallOptions = {},
  ): AsyncGenerator<Methods[M]["result"], void, undefined> {
    for (let next = params; ; ) {
      const page = await this.call(method, next, options);
      yield page;
      if (page.next_cursor === null) {
        return;
      }
      next = { ...params, cursor: page.next_cursor };
    }
  }

  /**
   * Call a method, and call back with the outcome while its line is being read.
   *
   * A promise settles later, when further lines may have been read already.
   */
  start<M extends MethodName>(
    method: M,
    params: Methods[M]["params"],
    options: LongCallOptions,
    resolve: (result: Methods[M]["result"]) => void,
    reject: (reason: unknown) => void,
  ): void {
    const { signal, onProgress, timeoutMs = this.#timeoutMs } = options;
    if (signal?.aborted) {
      return reject(signal.reason);
    }
    if (this.#transport === null) {
      return reject(new ConnectionLost(`${method}: there is no process.`, false, this.#end));
    }
    const id = this.#lastId + 1;
    const line = JSON.stringify({ jsonrpc: "2.0", id, method, params });
    this.#lastId = id;
    const abandon = (reason: unknown) => {
      this.#settle(id)?.reject(reason);
      this.notify("$/cancelRequest", { id });
    };
    const late = () =>
      abandon(new CallTimeout(`${method}: no answer in ${timeoutMs} ms; it may have been done.`));
    const abort = () => abandon(signal?.reason);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const release = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    };
    const touch = () => {
      clearTimeout(timer);
      timer = timeoutMs > LONGEST_TIMER_MS ? undefined : setTimeout(late, timeoutMs);
    };
    const pending = { method, chars: line.length, onProgress, resolve, reject, touch, release };
    this.#pending.set(id, pending);
    signal?.addEventListener("abort", abort);
    touch();
    this.#send(line);
  }

  /** Send a notification, which is never answered. */
  notify(method: "$/cancelRequest" | "system.exit", params?: { id: number }): void {
    this.#send(JSON.stringify({ jsonrpc: "2.0", method, params }));
  }

  /** Register a listener for the notifications of one name; returns a function that removes it. */
  on<N extends keyof Notifications>(name: N, told: (params: Notifications[N]) => void): () => void {
    return this.onNotification(({ method, params }) => {
      if (method === name) {
        told(params as Notifications[N]);
      }
    });
  }

  /** Register a listener for all notifications but `$/progress`; returns what removes it. */
  onNotification(told: (notification: Notification) => void): () => void {
    const listener = (notification: Notification) => told(notification);
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #send(line: string): void {
    try {
      this.#transport?.send(line);
    } catch (thrown) {
      this.#disconnect({ stderr: String(thrown) });
    }
  }

  #disconnect(end: ConnectionEnd): void {
    this.#transport = null;
    this.#end = end;
    for (const [id, { method, reject }] of [...this.#pending]) {
      this.#settle(id);
      const text = `${method}: the process went; it may have been done.`;
      guarded(() => reject(new ConnectionLost(text, true, end)));
    }
  }

  /** Forget a request, so that nothing else can settle it. */
  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.release();
    return pending;
  }

  #take(line: string): void {
    const received = parsed<Received>(line);
    if (typeof received?.method === "string") {
      this.#takeNotification(received as Notification);
    } else if (typeof received?.id === "number" || (received?.id === null && received.error)) {
      this.#takeAnswer(received);
    }
  }

  #takeAnswer({ id, result, error }: Received): void {
    const pending = this.#settle(typeof id === "number" ? id : this.#longest());
    guarded(() => {
      if (error === undefined || error === null) {
        pending?.resolve(result as never);
      } else {
        pending?.reject(new SidecarError(pending.method, error as object));
      }
    });
  }

  /** Return the request with the longest line: an error without an id says that it is too long. */
  #longest(): number {
    const found = [...this.#pending].sort(([, one], [, other]) => other.chars - one.chars)[0];
    return found?.[0] ?? 0;
  }

  #takeNotification(notification: Notification): void {
    if (notification.method === "$/progress") {
      const pending = this.#pending.get(notification.params.id as number);
      pending?.touch();
      guarded(() => pending?.onProgress?.(notification.params));
    } else {
      [...this.#listeners].forEach((listener) => guarded(() => listener(notification)));
    }
  }
}

/** Run a callback of the program; an exception is printed, and must not stop the reading. */
export function guarded(callback: () => void): void {
  try {
    callback();
  } catch (thrown) {
    console.error(thrown);
  }
}

/** Return the value of a line, or null when it is not JSON. */
export function parsed<T>(line: string): T | null {
  try {
    return JSON.parse(line) as T;
  } catch {
    return null;
  }
}
