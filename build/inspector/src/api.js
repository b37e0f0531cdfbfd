// Speaks to the inspector that has served the page. The token stands in the fragment of the
// address that a person opens; it is kept for this tab only, and sent as a header.

const KEPT = "inspector-token";

const given = new URLSearchParams(location.hash.slice(1)).get("token");
if (given) {
  sessionStorage.setItem(KEPT, given);
  history.replaceState(null, "", "#/overview");
}

/** An answer that says no: `slug` is a stable name, `message` a sentence. */
export class Failed extends Error {
  constructor(slug, message, data = {}) {
    super(message);
    this.slug = slug;
    this.data = data;
  }
}

async function ask(path, options) {
  const token = sessionStorage.getItem(KEPT) ?? "";
  let response;
  try {
    response = await fetch(`/api/${path}`, {
      ...options,
      headers: { "X-Inspector-Token": token, "Content-Type": "application/json" },
    });
  } catch (fault) {
    if (fault.name === "AbortError") throw fault;
    throw new Failed("gone", "The inspector does not answer any more: it has ended.");
  }
  const text = await response.text();
  const value = JSON.parse(text);
  if (value.refused) throw new Failed(value.refused.slug, value.refused.message);
  if (value.error) {
    const { message, data = {} } = value.error;
    throw new Failed(data.slug ?? String(value.error.code), message, data);
  }
  return { value, text };
}

export const get = async (path, signal) => (await ask(path, { signal })).value;

export const post = async (path, body) =>
  (await ask(path, { method: "POST", body: JSON.stringify(body) })).value;

/** Calls a method and returns its result. */
export const call = async (method, params = {}) => (await post("call", { method, params })).result;

/** Calls a method with params as JSON text; returns the result's text, whose numbers keep all digits. */
export async function callText(method, params) {
  const body = `{"method":${JSON.stringify(method)},"params":${params}}`;
  const begun = performance.now();
  const { text } = await ask("call", { method: "POST", body });
  return { text: text.slice('{"result":'.length, -1), duration: performance.now() - begun };
}
