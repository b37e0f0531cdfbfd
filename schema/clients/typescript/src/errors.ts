// The errors of the client. Error answers of the process are distinguished by their slugs.

import type * as contract from "./generated.js";

/** How the other end of a transport has ended; unknown members are absent. */
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

/** The process has answered with an error. */
export class SidecarError extends ClientError {
  override name = "SidecarError";
  readonly method: string;
  /** The code of the JSON-RPC error. */
  readonly code: number;
  /** The data of the error; `isError` and `isKnownError` narrow its type. */
  readonly data: contract.ErrorData;
  /** The stable name of the error; a later version may have names that are not known here. */
  readonly slug: contract.ErrorSlug;
  /** Whether the same request can succeed later. */
  readonly retryable: boolean;

  constructor(method: string, error: { code?: unknown; message?: unknown; data?: unknown }) {
    super(`${method}: ${String(error.message)}`);
    this.method = method;
    this.code = Number(error.code);
    this.data = { slug: "", retryable: false, ...(error.data as object | undefined) };
    this.slug = this.data.slug;
    this.retryable = this.data.retryable;
  }
}

/** A slug that the contract names. */
export type KnownSlug = keyof contract.ErrorDataBySlug;

/** An error of a slug that the contract names, with the data of that slug. */
export type ErrorOf<S extends KnownSlug> = SidecarError & {
  readonly slug: S;
  readonly data: contract.ErrorDataBySlug[S];
};

/** Any error that the contract names. */
export type KnownError = { [S in KnownSlug]: ErrorOf<S> }[KnownSlug];

/** Return whether something that was thrown is an answer of the process with this slug. */
export function isError<S extends KnownSlug>(e: unknown, slug: S): e is ErrorOf<S> {
  return e instanceof SidecarError && e.slug === slug;
}

/** The process ended or its pipe was closed before the answer, or there was no process. */
export class ConnectionLost extends ClientError {
  override name = "ConnectionLost";

  /** `mayHaveRun` says whether the request was sent, so that it may have been done. */
  constructor(text: string, readonly mayHaveRun: boolean, readonly end: ConnectionEnd = {}) {
    super(text);
  }
}

/** There was no answer and no progress in time. The request may nevertheless have been done. */
export class CallTimeout extends ClientError {
  override name = "CallTimeout";
}

/** The process ended, or could not be started, before it was ready. */
export class StartFailed extends ClientError {
  override name = "StartFailed";
  /** The reason in the last line on stderr; null when there was none. */
  readonly slug: contract.StartFailedSlug | null;

  /** `data` has the members of that line. */
  constructor(
    text: string,
    readonly end: ConnectionEnd = {},
    readonly data: Readonly<Partial<contract.StartFailed>> = {},
  ) {
    super(text);
    this.slug = data.slug ?? null;
  }
}

/** The process ended too often, each time soon after its start; `cause` is the last end. */
export class CrashLoop extends ClientError {
  override name = "CrashLoop";
}
