// For Node and the main process of Electron: starts the process and keeps it running.

export * from "./index.js";
export * from "./process.js";
export * from "./supervisor.js";
