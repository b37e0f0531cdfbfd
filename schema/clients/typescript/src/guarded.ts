/** Run a callback of the program; what it throws is printed, for the work here must go on. */
export function guarded(callback: () => void): void {
  try {
    callback();
  } catch (thrown) {
    console.error(thrown);
  }
}
