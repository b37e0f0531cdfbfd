// The frame of the page: navigation, what is inspected, and the view of the address.
import { html } from "htm/preact";
import { render } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { Failed, get, post } from "./api.js";
import { clock } from "./texts.js";
import { Badge, Fault, Loading, Page } from "./ui.js";
import { Audit } from "./views/audit.js";
import { Backups } from "./views/backups.js";
import { Frames } from "./views/frames.js";
import { Methods } from "./views/methods.js";
import { Overview } from "./views/overview.js";
import { Runs } from "./views/runs.js";
import { Storage } from "./views/storage.js";
import { Workflows } from "./views/workflows.js";

const VIEWS = {
  overview: ["Overview", Overview, "M3 11l9-8 9 8M5 10v10h14V10"],
  workflows: ["Workflows", Workflows, "M4 4h6v6H4zM14 14h6v6h-6zM10 7h4a3 3 0 013 3v4"],
  runs: ["Runs", Runs, "M5 20V10M12 20V4M19 20v-7"],
  frames: ["Frames", Frames, "M4 8h14M14 4l4 4-4 4M20 16H6M10 12l-4 4 4 4"],
  methods: ["Methods", Methods, "M8 5l-5 7 5 7M16 5l5 7-5 7"],
  storage: ["Storage", Storage, "M4 6c0-4 16-4 16 0v12c0 4-16 4-16 0zM4 6c0 4 16 4 16 0M4 12c0 4 16 4 16 0"],
  audit: ["Audit log", Audit, "M12 3l8 3v6c0 5-4 8-8 9-4-1-8-4-8-9V6zM9 12l2 2 4-4"],
  backups: ["Backups", Backups, "M4 7h16v13H4zM2 3h20v4H2zM9 12h6"],
};
/** As many as the inspector keeps: `FRAMES_KEPT` in sidecar/limits/inspector.py. */
const KEPT_FRAMES = 2000;

const route = () => {
  const [view, ...rest] = location.hash.replace(/^#\/?/, "").split("/");
  return { view: VIEWS[view] ? view : "overview", rest };
};

/** Follows the frames that pass, for as long as the page is open. */
function useFrames(onFault) {
  const [frames, setFrames] = useState([]);
  useEffect(() => {
    const stop = new AbortController();
    let after = 0;
    (async () => {
      while (!stop.signal.aborted) {
        try {
          const page = await get(`frames?after=${after}`, stop.signal);
          if (page.frames.length) {
            after = page.frames.at(-1).seq;
            setFrames((before) => [...before, ...page.frames].slice(-KEPT_FRAMES));
          }
        } catch (fault) {
          if (fault.name !== "AbortError") onFault(fault);
          return;
        }
      }
    })();
    return () => stop.abort();
  }, []);
  return frames;
}

const MODES = {
  copy: (state) => [html`<${Badge} kind="good">copy, only read<//>`, state.copied_at ? `as of ${clock(state.copied_at)}` : ""],
  write: () => [html`<${Badge} kind="warm">the file itself, writes allowed<//>`, ""],
  through: (state) => [html`<${Badge} kind="accent">traffic of a host<//>`, state.copied_at ? `data as of ${clock(state.copied_at)}` : "data from a copy"],
};

function Header({ state, again, busy }) {
  const [badge, note] = MODES[state.mode](state);
  return html`<header class="top">
    <p class="place">
      <span class="file" title=${state.database ?? ""}>${state.database ?? "no database yet"}</span>
      ${badge} <span class="quiet">${note}</span>
    </p>
    <button onClick=${again} disabled=${busy}>${busy ? "Copying …" : state.mode === "write" ? "Read again" : "Take a new copy"}</button>
  </header>`;
}

function App() {
  const [at, setAt] = useState(route);
  const [state, setState] = useState(null);
  const [fault, setFault] = useState(null);
  const [stamp, setStamp] = useState(0);
  const [busy, setBusy] = useState(false);
  const [said, say] = useState("");
  const main = useRef(null);
  const load = useCallback(() => get("state").then(setState, setFault), []);
  const frames = useFrames(setFault);
  useEffect(() => {
    load();
    const follow = () => setAt(route());
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  const [title, View] = VIEWS[at.view];
  useEffect(() => {
    document.title = `${title} · sim-sidecar inspector`;
  }, [title]);
  const isFirst = useRef(true);
  useEffect(() => {
    // A screen reader then reads that another view is there.
    if (!isFirst.current) main.current?.focus();
    isFirst.current = false;
  }, [at.view]);
  // In --through the database is known once the host's sidecar is ready.
  const isKnown = state?.database != null;
  useEffect(() => {
    if (state && !isKnown && frames.some((each) => each.method === "system.ready")) load();
  }, [frames.length, isKnown]);
  const again = async () => {
    setBusy(true);
    try {
      setState((await post("copy", {})).result);
      setStamp(stamp + 1);
      say("The data is as of now.");
    } catch (failed) {
      setFault(failed);
    } finally {
      setBusy(false);
    }
  };
  if (fault instanceof Failed && ["no_token", "foreign_origin", "gone"].includes(fault.slug))
    return html`<main class="alone"><h1>${fault.slug === "gone" ? "The inspector has ended" : "This page may not be shown"}</h1>
      <p>${fault.message}</p>
      <p class="quiet">${fault.slug === "gone" ? "Start" : "If it has ended, start"} it again with <code>sim-sidecar inspect</code> and open the address that it prints.</p></main>`;
  if (!state) return html`<main class="alone">${fault ? html`<${Fault} fault=${fault} />` : html`<${Loading} what="Starting" />`}</main>`;
  const page = { state, frames, say, stamp };
  return html`<${Page.Provider} value=${page}>
    <a class="skip" href="#main" onClick=${(event) => (event.preventDefault(), main.current.focus())}>Skip to the content</a>
    <div class="shell">
      <nav class="rail" aria-label="Views">
        <p class="brand"><img src="/icon.svg" alt="" width="26" height="26" /><span>sim-sidecar<small>inspector ${state.version}</small></span></p>
        <ul>
          ${Object.entries(VIEWS).map(
            ([name, [label, , path]]) => html`<li>
              <a href="#/${name}" aria-current=${name === at.view ? "page" : undefined}>
                <svg viewBox="0 0 24 24" aria-hidden="true"><path d=${path} /></svg>${label}
              </a>
            </li>`,
          )}
        </ul>
        <p class="foot"><a href="/licences.txt">Licences</a></p>
      </nav>
      <div class="body">
        <${Header} state=${state} again=${again} busy=${busy} />
        <main id="main" tabindex="-1" ref=${main}>
          ${fault && html`<${Fault} fault=${fault} again=${() => (setFault(null), again())} />`}
          ${state.mode === "through" && !isKnown && at.view !== "frames"
            ? html`<h1>${title}</h1><${Loading} what="Waiting for the host's sidecar to say which database it serves" />`
            : html`<${View} rest=${at.rest} />`}
        </main>
      </div>
    </div>
    <p class="unseen" role="status" aria-live="polite">${said}</p>
  <//>`;
}

render(html`<${App} />`, document.getElementById("app"));
