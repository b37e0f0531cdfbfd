// Carries lines between the page and the process, which the Rust side of the app owns.

import { Client, type ConnectionEnd, type Transport } from "@sim-sidecar/client";
import { Channel, invoke } from "@tauri-apps/api/core";

/** What the Rust side tells; the enumeration `Message` of host/src/lib.rs. */
type Message =
  | { kind: "open" }
  | { kind: "line"; line: string }
  | { kind: "closed"; reason: string; again: boolean };

/** The lines of one process, from its start to its end. */
class ProcessLines implements Transport {
  #takeLine: (line: string) => void = () => {};
  #takeEnd: (end: ConnectionEnd) => void = () => {};

  send(line: string): void {
    invoke("send", { line }).catch((reason: unknown) => this.close(String(reason)));
  }

  onLine(listener: (line: string) => void): void {
    this.#takeLine = listener;
  }

  onClose(listener: (end: ConnectionEnd) => void): void {
    this.#takeEnd = listener;
  }

  take(line: string): void {
    this.#takeLine(line);
  }

  close(reason: string): void {
    this.#takeEnd({ stderr: reason });
  }
}

/** What the page does when a process serves, and when it went. */
export interface Link {
  onOpen(): void;
  onClosed(reason: string, again: boolean): void;
}

/** Return a client that continues with each process that the Rust side starts. */
export function connect(link: Link): Client {
  const client = new Client();
  let lines = new ProcessLines();
  const messages = new Channel<Message>();
  messages.onmessage = (message) => {
    switch (message.kind) {
      case "open":
        lines = new ProcessLines();
        client.connect(lines);
        link.onOpen();
        break;
      case "line":
        lines.take(message.line);
        break;
      case "closed":
        lines.close(message.reason);
        link.onClosed(message.reason, message.again);
    }
  };
  void invoke("attach", { messages });
  return client;
}
