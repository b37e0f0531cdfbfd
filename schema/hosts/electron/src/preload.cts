// Gives the page two functions that carry lines, and nothing else of Electron.

import electron = require("electron");

const { contextBridge, ipcRenderer } = electron;

contextBridge.exposeInMainWorld("sidecar", {
  send: (line: string) => ipcRenderer.send("sidecar", line),
  onLine: (listener: (line: string) => void) =>
    void ipcRenderer.on("sidecar", (_event, line: string) => listener(line)),
});
