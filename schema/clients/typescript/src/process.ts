// A process as a transport: finding the program, starting it, and its lines.

import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";

import { guarded, type Transport } from "./client.js";
import type { ConnectionEnd } from "./errors.js";

/** Number of the last lines of stderr that are kept, to show why a process has ended. */
const STDERR_LINES = 50;
/** Length at which a line of stderr is cut, so that a line without end does not fill memory. */
const STDERR_LINE_MAX = 65_536;
/** More characters than any line has that the process answers; a string may not be much longer. */
const LINE_MAX = 2 ** 28;
/** How long a process may still run after it has closed its stdout. */
const END_MS = 2_000;
/** How long pipes that another process holds open are read after the end of the process. */
const DRAIN_MS = 1_000;

const PROGRAM = process.platform === "win32" ? "sim-sidecar.exe" : "sim-sidecar";

/**
 * Return the path of the program: what the environment variable SIM_SIDECAR names, else that of the
 * package for this platform, else that in the folder `sim-sidecar` beside the app, else its name
 * alone, which is looked for on PATH.
 */
export function findProgram(): string {
  const resources = (process as { resourcesPath?: string }).resourcesPath; // Electron has it
  const folders = [packageFolder("sidecar"), resources, dirname(process.execPath)];
  const programs = folders.map((folder) => folder && join(folder, "sim-sidecar", PROGRAM));
  const found = programs.find((program) => program && existsSync(program));
  return process.env["SIM_SIDECAR"] || found || PROGRAM;
}

/** Return the folder of a package for this platform, outside of an archive of Electron. */
function packageFolder(kind: "sidecar" | "remote"): string | undefined {
  const name = `@sim-sidecar/${kind}-${process.platform}-${process.arch}`;
  try {
    const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
    return dirname(manifest).replace(/\bapp\.asar(?=[\\/])/, "app.asar.unpacked");
  } catch {
    return undefined; // not installed
  }
}

/** Return the variables of a process, and where it finds the library for object stores. */
function withRemote(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const folder = packageFolder("remote");
  return folder === undefined ? env : { SIM_SIDECAR_REMOTE: join(folder, "remote"), ...env };
}

/** How a process is started. */
export interface ProcessOptions {
  /** Its environment variables; those of this process when absent. */
  env?: NodeJS.ProcessEnv | undefined;
  /** Its working folder. */
  cwd?: string | undefined;
  /** Called with each line of its stderr. */
  onLog?: ((line: string) => void) | undefined;
}

/** A process whose stdin and stdout carry the lines. */
export class ProcessTransport implements Transport {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #stderr: string[] = [];
  readonly #closed: Promise<ConnectionEnd>;

  /** Start a program with its arguments. */
  constructor([program = "", ...words]: readonly string[], options: ProcessOptions = {}) {
    const { cwd, onLog } = options;
    const env = withRemote(options.env ?? process.env);
    const child = spawn(program, words, { windowsHide: true, env, ...(cwd && { cwd }) });
    this.#child = child;
    child.stdin.on("error", () => {}); // the end of the process tells it
    const take = (line: string) => {
      this.#stderr.splice(0, this.#stderr.length + 1 - STDERR_LINES);
      this.#stderr.push(line);
    };
    const log = (line: string) => {
      take(line);
      guarded(() => onLog?.(line));
    };
    readLines(child.stderr, log, STDERR_LINE_MAX);
    child.stdout.once("close", () => {
      const timer = setTimeout(() => this.kill(), END_MS);
      child.once("close", () => clearTimeout(timer));
    });
    child.on("error", (error) => take(`${program} cannot be run: ${error.message}`));
    child.on("exit", () => {
      const pipes = [child.stdout, child.stderr];
      const timer = setTimeout(() => pipes.forEach((pipe) => pipe.destroy()), DRAIN_MS);
      child.once("close", () => clearTimeout(timer));
    });
    this.#closed = new Promise((resolve) => {
      child.on("close", (exitCode, signal) => {
        resolve({ exitCode, signal, stderr: this.#stderr.join("\n") });
      });
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
    readLines(this.#child.stdout, listener);
  }

  onClose(listener: (end: ConnectionEnd) => void): void {
    void this.#closed.then(listener);
  }

  /** Kill the process. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }
}

/** Pass on the lines of a stream, which end in LF; if they are cut, also the rest at its end. */
function readLines(stream: Readable, listener: (line: string) => void, cutAt = Infinity): void {
  let begun = "";
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => {
    const lines = text.split("\n");
    const last = lines.pop() ?? "";
    for (const line of lines) {
      const whole = begun + line;
      begun = "";
      listener(whole);
    }
    begun += last;
    for (; begun.length >= cutAt; begun = begun.slice(cutAt)) {
      listener(begun.slice(0, cutAt));
    }
    if (begun.length > LINE_MAX) {
      stream.destroy();
    }
  });
  stream.on("end", () => cutAt < Infinity && begun && listener(begun));
}
