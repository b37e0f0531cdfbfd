// The client and its types, for any place where JavaScript runs; ./node.js starts the process.

import { SidecarError, type KnownError } from "./errors.js";
import { ERROR_CODES } from "./generated.js";

export { BaseClient, CALL_TIMEOUT_MS } from "./client.js";
export type { CallOptions, LongCallOptions, MethodName, PagedMethodName } from "./client.js";
export type { Notification, Transport } from "./client.js";
export * from "./errors.js";
export { StartFailed } from "./errors.js"; // the line on stderr has a type of the same name
export * from "./generated.js";

/** Return whether something that was thrown is an answer whose slug the contract names. */
export function isKnownError(thrown: unknown): thrown is KnownError {
  return thrown instanceof SidecarError && Object.hasOwn(ERROR_CODES, thrown.slug);
}
