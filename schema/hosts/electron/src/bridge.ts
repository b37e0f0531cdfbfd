// What lies between a page and the process: lines of a page are checked and carried out here.

import { ConnectionLost, SidecarError } from "@sim-sidecar/client";
import type { Client, MethodName, Methods } from "@sim-sidecar/client";

/** The methods that a page may call. Secrets, files and the end of the process are the app's. */
const ALLOWED: ReadonlySet<string> = new Set<MethodName>([
  "workflows.get",
  "workflows.list",
  "workflows.search",
  "workflows.update",
]);

/** The notifications that a page is told. */
const TOLD: ReadonlySet<string> = new Set(["audit.event", "workflows.changed", "system.restored"]);

interface Line {
  id?: number;
  method: MethodName | "$/cancelRequest";
  params: { id: number };
}

/** Serves one page with a client that all pages share. */
export class Bridge {
  readonly #client: Client;
  readonly #reply: (line: string) => void;
  readonly #running = new Map<number, AbortController>();
  readonly #stopTelling: () => void;

  /** Serve a page to which `reply` sends lines. */
  constructor(client: Client, reply: (line: string) => void) {
    this.#client = client;
    this.#reply = reply;
    this.#stopTelling = client.onNotification(({ method, params }) => {
      if (TOLD.has(method)) {
        this.#send({ method, params });
      }
    });
  }

  /** Take a line of the page. */
  async take(text: string): Promise<void> {
    const { id, method, params } = JSON.parse(text) as Line;
    if (method === "$/cancelRequest") {
      this.#running.get(params.id)?.abort();
    } else if (id !== undefined) {
      this.#send({ id, ...(await this.#answer(id, method, params as never)) });
    }
  }

  /** End what the page has begun, because it is gone. */
  close(): void {
    this.#stopTelling();
    this.#running.forEach((controller) => controller.abort());
  }

  async #answer<M extends MethodName>(id: number, method: M, params: Methods[M]["params"]) {
    if (!ALLOWED.has(method)) {
      return { error: { code: -32601, message: "A page may not call it.", data: refused } };
    }
    const controller = new AbortController();
    this.#running.set(id, controller);
    try {
      return { result: await this.#client.call(method, params, { signal: controller.signal }) };
    } catch (thrown) {
      return { error: described(thrown) };
    } finally {
      this.#running.delete(id);
    }
  }

  #send(message: object): void {
    this.#reply(JSON.stringify({ jsonrpc: "2.0", ...message }));
  }
}

const refused = { slug: "method_not_found", retryable: false };

/** Return an error as the page's client reads it. */
function described(thrown: unknown): { code: number; message: string; data: object } {
  if (thrown instanceof SidecarError) {
    return { code: thrown.code, message: thrown.message, data: thrown.data };
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const slug = thrown instanceof ConnectionLost ? "connection_lost" : "internal";
  return { code: -32603, message, data: { slug, retryable: false } };
}
