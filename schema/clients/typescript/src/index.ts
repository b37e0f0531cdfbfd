// The client and its types, for any place where JavaScript runs; ./node starts the process.

import { ERROR_CODES } from "./generated.js";
import { SidecarError, type KnownError } from "./errors.js";

export * from "./client.js";
export * from "./errors.js";
export { StartFailed } from "./errors.js"; // not the type of the line on stderr, of the same name
export * from "./generated.js";

/** Return whether something that was thrown is an answer whose slug the contract names. */
export function isKnownError(thrown: unknown): thrown is KnownError {
  return thrown instanceof SidecarError && Object.hasOwn(ERROR_CODES, thrown.slug);
}
