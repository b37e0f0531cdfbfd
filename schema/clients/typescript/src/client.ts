// Requests and notifications over any transport; it uses nothing that only Node or a browser has.

import { CallTimeout, ConnectionLost, SidecarError, type ConnectionEnd } from "./errors.js";
import type { Methods, Notifications, Progress } from "./generated.js";
import { guarded } from "./guarded.js";

/** The time without an answer or progress after which a call fails, when nothing else is given. */
export const CALL_TIMEOUT_MS = 30_000;

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** What carries whole lines to a process and back, in their order. */
export interface Transport {
  /** Send one line; the transport adds the line feed. */
  send(line: string): void;
  /** Have each line that is received passed on, without its line feed. The client calls it once. */
  onLine(listener: (line: string) => void): void;
  /** Have the end told, once, after the last line. */
  onClose(listener: (end: ConnectionEnd) => void): void;
}

/** What every call takes besides its params. */
export interface CallOptions {
  /** Ends the call: it is cancelled, and fails with the reason of the signal. */
  signal?: AbortSignal | undefined;
  /** The time without an answer or progress after which it fails; Infinity: never. */
  timeoutMs?: number | undefined;
}

/** What the call of a long method takes besides its params. */
export interface LongCallOptions extends CallOptions {
  /** Is told each progress of the call. */
  onProgress?: ((progress: Progress) => void) | undefined;
}

/** The name of a method. */
export type MethodName = keyof Methods;

/** The name of a method that answers a page of a list. */
export type PagedMethodName = {
  [M in MethodName]: Methods[M]["result"] extends { next_cursor: string | null } ? M : never;
}[MethodName];

/** A notification: its name and its params. */
export type Notification = {
  [N in keyof Notifications]: { method: N; params: Notifications[N] };
}[keyof Notifications];

/** What the methods of a noun need of a client. */
export interface Caller {
  call<M extends MethodName>(
    method: M,
    params: Methods[M]["params"],
    options?: LongCallOptions,
  ): Promise<Methods[M]["result"]>;
  pages<M extends PagedMethodName>(
    method: M,
    params: Methods[M]["params"],
    options?: CallOptions,
  ): AsyncGenerator<Methods[M]["result"], void, undefined>;
}

/** What a client can be made with. */
export interface ClientOptions {
  /** The time without an answer or progress after which a call fails; 30 s when absent. */
  timeoutMs?: number | undefined;
}

interface Pending {
  method: string;
  size: number;
  onProgress: ((progress: Progress) => void) | undefined;
  resolve: (result: never) => void;
  reject: (reason: unknown) => void;
  /** Start the time-out anew. */
  touch: () => void;
  /** Stop the time-out and leave the signal. */
  release: () => void;
}

interface Received {
  id?: unknown;
  method?: unknown;
  params?: unknown;
  result?: unknown;
  error?: { code?: unknown; message?: unknown; data?: unknown };
}

/** Sends requests and receives answers and notifications; `Client` adds the methods. */
export class BaseClient implements Caller {
  readonly #timeoutMs: number;
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Set<(notification: Notification) => void>();
  #transport: Transport | null = null;
  #end: ConnectionEnd = {};
  #lastId = 0;

  /** Make a client; without a transport every call fails until `connect` is called. */
  constructor(transport?: Transport, options: ClientOptions = {}) {
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
        this.#take(line);
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
   * Call a method, and be told its outcome within the reading of its line.
   *
   * A promise tells it later, when lines that came with the answer may have been read already.
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
      reject(signal.reason);
      return;
    }
    if (this.#transport === null) {
      reject(new ConnectionLost(`${method}: not sent, for there is no process.`, false, this.#end));
      return;
    }
    const id = this.#lastId + 1;
    const line = JSON.stringify({ jsonrpc: "2.0", id, method, params });
    this.#lastId = id;
    const abandon = (reason: unknown) => {
      this.#settle(id)?.reject(reason);
      this.notify("$/cancelRequest", { id });
    };
    const onAbort = () => abandon(signal?.reason);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const release = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    };
    const touch = () => {
      clearTimeout(timer);
      if (timeoutMs <= LONGEST_TIMER_MS) {
        timer = setTimeout(() => abandon(new CallTimeout(method, timeoutMs)), timeoutMs);
      }
    };
    this.#pending.set(id, { method, size: line.length, onProgress, resolve, reject, touch, release });
    signal?.addEventListener("abort", onAbort);
    touch();
    this.#send(line);
  }

  /** Send a notification, which is never answered. */
  notify(method: "$/cancelRequest" | "system.exit", params?: { id: number }): void {
    this.#send(JSON.stringify({ jsonrpc: "2.0", method, params }));
  }

  /** Have each notification of one name told, in their order; returns what ends that. */
  on<N extends keyof Notifications>(
    method: N,
    listener: (params: Notifications[N]) => void,
  ): () => void {
    return this.onNotification((notification) => {
      if (notification.method === method) {
        listener(notification.params as Notifications[N]);
      }
    });
  }

  /** Have every notification told but for `$/progress`, in their order; returns what ends that. */
  onNotification(listener: (notification: Notification) => void): () => void {
    const own = (notification: Notification) => listener(notification);
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }

  #send(line: string): void {
    const transport = this.#transport;
    try {
      transport?.send(line);
    } catch (thrown) {
      this.#disconnect({ stderr: String(thrown) });
    }
  }

  #disconnect(end: ConnectionEnd): void {
    this.#transport = null;
    this.#end = end;
    for (const id of [...this.#pending.keys()]) {
      const pending = this.#settle(id);
      const text = `${pending?.method}: the process went before it answered; it may have been done.`;
      pending?.reject(new ConnectionLost(text, true, end));
    }
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.release();
    return pending;
  }

  #take(line: string): void {
    let received: Received | null;
    try {
      received = JSON.parse(line) as Received | null;
    } catch {
      return; // not a message of the protocol
    }
    if (typeof received?.method === "string") {
      this.#takeNotification(received as Notification);
    } else if (typeof received?.id === "number") {
      this.#takeAnswer(received.id, received);
    } else if (received?.error !== undefined) {
      this.#takeAnswer(this.#longest(), received);
    }
  }

  /** Return the request with the longest line: an error without an id says that one is too long. */
  #longest(): number {
    const sizes = [...this.#pending].map(([id, { size }]): [number, number] => [id, size]);
    return sizes.reduce((longest, each) => (each[1] > longest[1] ? each : longest), [0, 0])[0];
  }

  #takeAnswer(id: number, answer: Received): void {
    const pending = this.#settle(id);
    if (pending === undefined) {
      return; // it was abandoned
    }
    guarded(() => {
      if (answer.error === undefined) {
        pending.resolve(answer.result as never);
      } else {
        pending.reject(new SidecarError(pending.method, answer.error));
      }
    });
  }

  #takeNotification(notification: Notification): void {
    if (notification.method === "$/progress") {
      const pending = this.#pending.get(notification.params.id as number);
      pending?.touch();
      guarded(() => pending?.onProgress?.(notification.params));
      return;
    }
    for (const listener of [...this.#listeners]) {
      guarded(() => listener(notification));
    }
  }
}
