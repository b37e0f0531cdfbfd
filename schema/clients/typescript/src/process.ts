// A process as a transport: finding the program, starting it, and its lines.

import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";

import type { Transport } from "./client.js";
import type { ConnectionEnd } from "./errors.js";

/** The last lines of stderr that are kept, to say why a process has ended. */
const STDERR_LINES = 50;

/** How long pipes that another process holds open are read after the end of the process. */
const DRAIN_MS = 1_000;

const PROGRAM = process.platform === "win32" ? "sim-sidecar.exe" : "sim-sidecar";

/**
 * Return the path of the program: what the environment variable SIM_SIDECAR names, else that of the
 * package for this platform, else that in the folder `sim-sidecar` beside the app, else its name
 * alone, which is looked for on PATH.
 */
export function findProgram(): string {
  const named = process.env["SIM_SIDECAR"];
  if (named) {
    return named;
  }
  const resources = (process as { resourcesPath?: string }).resourcesPath; // Electron has it
  const beside = [resources, dirname(process.execPath)].filter((folder) => folder !== undefined);
  for (const folder of [packageFolder(), ...beside]) {
    const program = folder && join(folder, "sim-sidecar", PROGRAM);
    if (program && existsSync(program)) {
      return program;
    }
  }
  return PROGRAM;
}

/** Return the folder of the package for this platform; a program in Electron's archive cannot run. */
function packageFolder(): string | null {
  const name = `@sim-sidecar/sidecar-${process.platform}-${process.arch}`;
  try {
    const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
    return dirname(manifest).replace(/\bapp\.asar(?=[\\/])/, "app.asar.unpacked");
  } catch {
    return null; // not installed
  }
}

/** How a process is started. */
export interface ProcessOptions {
  /** Its environment variables; those of this process when absent. */
  env?: NodeJS.ProcessEnv | undefined;
  /** Its working folder. */
  cwd?: string | undefined;
  /** Is told each line of its stderr. */
  onLog?: ((line: string) => void) | undefined;
}

/** A process whose stdin and stdout carry the lines. */
export class ProcessTransport implements Transport {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #stderr: string[] = [];
  readonly #onClose: Array<(end: ConnectionEnd) => void> = [];
  #failure: string | null = null;

  /** Start a program with its arguments. */
  constructor(command: readonly string[], options: ProcessOptions = {}) {
    const [program = "", ...rest] = command;
    const { env, cwd, onLog } = options;
    this.#child = spawn(program, rest, {
      stdio: "pipe",
      windowsHide: true,
      ...(env && { env }),
      ...(cwd !== undefined && { cwd }),
    });
    this.#child.stdin.on("error", () => {}); // the end of the process tells it
    readLines(this.#child.stderr, true, (line) => {
      this.#stderr.push(line);
      this.#stderr.splice(0, this.#stderr.length - STDERR_LINES);
      onLog?.(line);
    });
    this.#child.on("error", (error) => {
      this.#failure = error.message;
    });
    this.#child.on("exit", () => this.#drain());
    this.#child.on("close", (exitCode, signal) => {
      const stderr = this.#failure ?? this.#stderr.join("\n");
      const end = { exitCode: this.#failure === null ? exitCode : null, signal, stderr };
      this.#onClose.splice(0).forEach((listener) => listener(end));
    });
  }

  /** The number of the process; undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  send(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  onLine(listener: (line: string) => void): void {
    readLines(this.#child.stdout, false, listener);
  }

  onClose(listener: (end: ConnectionEnd) => void): void {
    this.#onClose.push(listener);
  }

  /** Close its stdin once all that was sent is written, which ends it in order. */
  closeInput(): void {
    this.#child.stdin.end();
  }

  /** End it by force. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  /** Stop reading in a while: a process that it started may hold the pipes open. */
  #drain(): void {
    const { stdout, stderr } = this.#child;
    const timer = setTimeout(() => [stdout, stderr].forEach((pipe) => pipe.destroy()), DRAIN_MS);
    this.#child.once("close", () => clearTimeout(timer));
  }
}

/** Pass on the lines of a stream, which end in LF; the rest at its end only when it is wanted. */
function readLines(stream: Readable, rest: boolean, listener: (line: string) => void): void {
  let begun = "";
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => {
    let start = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
      const line = begun + text.slice(start, end);
      begun = "";
      start = end + 1;
      listener(line);
    }
    begun += text.slice(start);
  });
  stream.on("end", () => {
    if (rest && begun) {
      listener(begun);
    }
  });
}
