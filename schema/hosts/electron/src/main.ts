// The main process: owns the sidecar and the window.

import { join } from "node:path";

import { Supervisor } from "@sim-sidecar/client/node";
import { app, BrowserWindow, dialog, ipcMain } from "electron";

import { Bridge } from "./bridge.js";

async function run(): Promise<void> {
  const supervisor = new Supervisor({
    database: join(app.getPath("userData"), "app.db"),
    onLog: (line) => console.error(line),
    onState(state, reason) {
      if (state === "gave_up" && reason) {
        dialog.showErrorBox("The database process keeps ending", reason.message);
      }
    },
  });
  const client = await supervisor.start();
  endInOrder(supervisor);
  const bridges = new Map<number, Bridge>();
  ipcMain.on("sidecar", ({ sender }, line: string) => void bridges.get(sender.id)?.take(line));
  openWindow(({ webContents }) => {
    const { id } = webContents;
    bridges.set(id, new Bridge(client, (line) => webContents.send("sidecar", line)));
    webContents.once("destroyed", () => {
      bridges.get(id)?.close();
      bridges.delete(id);
    });
  });
}

function openWindow(attach: (window: BrowserWindow) => void): void {
  const window = new BrowserWindow({
    webPreferences: { preload: join(import.meta.dirname, "preload.cjs"), sandbox: true },
  });
  window.webContents.setWindowOpenHandler(() => ({ action: "deny" }));
  window.webContents.on("will-navigate", (event) => event.preventDefault());
  attach(window);
  void window.loadFile(join(import.meta.dirname, "..", "index.html"));
}

/** Quit only when the process has done what was sent to it, and has ended. */
function endInOrder(supervisor: Supervisor): void {
  app.on("before-quit", (event) => {
    if (supervisor.state !== "stopped") {
      event.preventDefault();
      void supervisor.stop().then(() => app.quit());
    }
  });
  app.on("window-all-closed", () => app.quit());
}

if (app.requestSingleInstanceLock()) {
  app.whenReady().then(run).catch((thrown: Error) => {
    dialog.showErrorBox("The app cannot start", thrown.message);
    app.exit(1);
  });
} else {
  app.quit(); // one process serves one database
}
