// The errors of the client. Each has a class, and each answer of the process its slug.

import type {
  ErrorData,
  ErrorDataBySlug,
  ErrorSlug,
  StartFailedSlug,
  StartFailed as StartFailedLine,
} from "./generated.js";

/** How the other end of a transport went; what is not known is absent. */
export interface ConnectionEnd {
  /** The exit code of the process; null when a signal ended it. */
  exitCode?: number | null;
  /** The signal that ended the process. */
  signal?: string | null;
  /** The last lines that it has written to stderr. */
  stderr?: string;
}

/** The base of all errors of this client. */
export class ClientError extends Error {
  override name = "ClientError";
}

/** The process has answered with an error; `slug` says which, `data` what it tells besides. */
export class SidecarError extends ClientError {
  override name = "SidecarError";
  /** The method that was called. */
  readonly method: string;
  /** The code of the JSON-RPC error. */
  readonly code: number;
  /** The stable name of the error; a later version may have names that are not known here. */
  readonly slug: ErrorSlug;
  /** Whether the same request can succeed later. */
  readonly retryable: boolean;
  /** What the error tells; `isError` and `isKnownError` narrow its type. */
  readonly data: ErrorData;

  constructor(method: string, error: { code?: unknown; message?: unknown; data?: unknown }) {
    super(`${method}: ${String(error.message)}`);
    const data = (typeof error.data === "object" && error.data) || {};
    this.method = method;
    this.code = Number(error.code);
    this.data = { slug: "", retryable: false, ...data };
    this.slug = this.data.slug;
    this.retryable = this.data.retryable;
  }
}

/** An error of a slug that the contract names, with the data of that slug. */
export type ErrorOf<S extends keyof ErrorDataBySlug> = SidecarError & {
  readonly slug: S;
  readonly data: ErrorDataBySlug[S];
};

/** Any error that the contract names, to be told apart by its slug. */
export type KnownError = { [S in keyof ErrorDataBySlug]: ErrorOf<S> }[keyof ErrorDataBySlug];

/** Return whether something that was thrown is an answer of the process with this slug. */
export function isError<S extends keyof ErrorDataBySlug>(
  thrown: unknown,
  slug: S,
): thrown is ErrorOf<S> {
  return thrown instanceof SidecarError && thrown.slug === slug;
}

/** The process or its pipe went before the answer came, or there was none to send to. */
export class ConnectionLost extends ClientError {
  override name = "ConnectionLost";
  /** Whether the request was sent: then it may have been done. */
  readonly mayHaveRun: boolean;
  /** How the process ended. */
  readonly end: ConnectionEnd;

  constructor(text: string, mayHaveRun: boolean, end: ConnectionEnd = {}) {
    super(text);
    this.mayHaveRun = mayHaveRun;
    this.end = end;
  }
}

/** There was no answer and no progress in time. The request may have been done all the same. */
export class CallTimeout extends ClientError {
  override name = "CallTimeout";

  constructor(method: string, timeoutMs: number) {
    super(`${method}: no answer and no progress within ${timeoutMs} ms; it may have been done.`);
  }
}

/** The process ended, or could not be started, before it was ready. */
export class StartFailed extends ClientError {
  override name = "StartFailed";
  /** Why, as the last line on stderr says; null when it said nothing. */
  readonly slug: StartFailedSlug | null;
  /** The members of that line. */
  readonly data: Readonly<Partial<StartFailedLine>>;
  /** How the process ended. */
  readonly end: ConnectionEnd;

  constructor(text: string, end: ConnectionEnd = {}, data: Partial<StartFailedLine> = {}) {
    super(text);
    this.slug = data.slug ?? null;
    this.data = data;
    this.end = end;
  }
}

/** The process ended too often, each time soon after its start; `cause` is the last end. */
export class CrashLoop extends ClientError {
  override name = "CrashLoop";

  constructor(ends: number, cause: ClientError) {
    super(`The process ended ${ends} times in a row soon after its start: ${cause.message}`, { cause });
  }
}
