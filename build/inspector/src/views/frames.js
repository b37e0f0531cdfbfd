import { html } from "htm/preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get } from "../api.js";
import { CopyCall, Outcome, refusal, useCall } from "../calls.js";
import { bytes, clockMs, count, counted, duration } from "../texts.js";
import { Badge, Card, Choice, CopyButton, Empty, Field, Json, Loaded, useLoaded, usePage } from "../ui.js";

const KINDS = [["all", "All"], ["calls", "Calls"], ["events", "Events"], ["errors", "Errors"]];
const OF_KIND = {
  all: () => true,
  calls: (each) => ["request", "result", "error", "batch"].includes(each.kind),
  events: (each) => each.kind === "notification" && each.direction === "from",
  errors: (each) => each.kind === "error" || each.kind === "other",
};
const BADGES = { request: "accent", result: "good", error: "bad", notification: "warm", batch: "accent", other: "bad" };
const SHOWN = 500;

const NOTHING = {
  copy: "The page itself speaks to a sidecar on the copy: what it says appears here. To see an app's frames, let the app start inspect --through.",
  write: "What the page says to the sidecar, and the events of each change, appear here.",
  through: "The host has not said anything yet.",
};

export function Frames() {
  const { frames, state } = usePage();
  const [kind, setKind] = useState("all");
  const [query, setQuery] = useState("");
  const [chosen, choose] = useState(null);
  const [frozen, setFrozen] = useState(null);
  const [since, setSince] = useState(0);
  const list = useRef(null);
  const seen = frozen ?? frames;
  const shown = useMemo(() => {
    const words = query.toLowerCase();
    return seen
      .filter((each) => each.seq > since && OF_KIND[kind](each) && (!words || `${each.method} ${each.text}`.toLowerCase().includes(words)))
      .slice(-SHOWN)
      .toReversed();
  }, [seen, kind, query, since]);
  const keyed = (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const buttons = [...list.current.querySelectorAll("button.row")];
    const next = buttons[buttons.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1)];
    if (!next) return;
    event.preventDefault();
    next.focus();
  };
  return html`<div class="title-row">
      <h1>Frames and events</h1>
      <p class="live" role="status">
        ${frozen ? html`<${Badge} kind="warm">Paused<//>` : html`<${Badge} kind="good"><span class="dot" aria-hidden="true"></span>Live<//>`}
        <span class="quiet">${counted(shown.length, "frame")} shown</span>
      </p>
    </div>
    <div class="filters">
      <${Choice} label="Kind of frame" options=${KINDS} chosen=${kind} choose=${setKind} />
      <${Field} label="Search" inline=${true}>${(own) => html`<input ...${own} type="search" placeholder="method or text" value=${query} onInput=${(event) => setQuery(event.currentTarget.value)} />`}<//>
      <span class="actions">
        <button aria-pressed=${!!frozen} onClick=${() => setFrozen(frozen ? null : frames)}>${frozen ? "Go on" : "Pause"}</button>
        <button onClick=${() => setSince(frames.at(-1)?.seq ?? 0)}>Clear</button>
      </span>
    </div>
    <div class="split split-wide">
      <${Card} className="flush">
        ${shown.length === 0
          ? html`<${Empty} title="No frames">${seen.length ? "None fits the filter." : NOTHING[state.mode]}<//>`
          : html`<div class="table-frame tall" ref=${list} onKeyDown=${keyed}>
              <table class="frames">
                <caption class="unseen">Frames, newest first; arrow keys move between them</caption>
                <thead>
                  <tr><th scope="col">Time</th><th scope="col"><span class="unseen">Direction</span></th><th scope="col">Method</th><th scope="col">Kind</th><th scope="col">Id</th><th scope="col" class="number">Size</th><th scope="col" class="number">After</th></tr>
                </thead>
                <tbody>
                  ${shown.map(
                    (each) => html`<tr key=${each.seq} class=${chosen === each.seq ? "chosen" : ""} onClick=${() => choose(each.seq)}>
                      <td class="fixed">${clockMs(each.at)}</td>
                      <td class="way way-${each.direction}"><span aria-hidden="true">${each.direction === "to" ? "→" : "←"}</span><span class="unseen">${each.direction === "to" ? "to the sidecar" : "from the sidecar"}</span></td>
                      <td><button class="row" aria-current=${chosen === each.seq ? "true" : undefined} onClick=${() => choose(each.seq)}>${each.method ?? "–"}</button></td>
                      <td><${Badge} kind=${BADGES[each.kind]}>${each.kind}<//></td>
                      <td class="fixed">${each.id ?? ""}</td>
                      <td class="number">${bytes(each.size_bytes)}</td>
                      <td class="number">${each.duration_ms == null ? "" : duration(each.duration_ms)}</td>
                    </tr>`,
                  )}
                </tbody>
              </table>
            </div>`}
      <//>
      <div class="main">
        ${chosen == null
          ? html`<${Card}><${Empty} title="Choose a frame">Its whole text appears here, to be copied or sent again.<//><//>`
          : html`<${Detail} key=${chosen} seq=${chosen} />`}
      </div>
    </div>`;
}

function Detail({ seq }) {
  const { state } = usePage();
  const found = useLoaded(() => get(`frame?seq=${seq}`), [seq]);
  const [outcome, make] = useCall();
  return html`<${Loaded} from=${found} what="Reading the frame">
    ${(frame) => {
      let message = null;
      try {
        message = frame.whole ? JSON.parse(frame.text) : null;
      } catch {
        // A line that is no JSON is shown as it is.
      }
      const isCall = frame.kind === "request" && message;
      const params = message?.params ?? {};
      const byName = isCall && !Array.isArray(params);
      const refused = isCall && refusal(state, frame.method, params);
      return html`<${Card} title=${frame.method ?? "Frame"} actions=${html`<${CopyButton} text=${frame.text}>Copy frame<//>`}>
        <p class="quiet">
          No. ${count(frame.seq)}, ${frame.direction === "to" ? "to the sidecar" : "from the sidecar"} at ${clockMs(frame.at)}, ${bytes(frame.size_bytes)}${frame.duration_ms != null ? `, ${duration(frame.duration_ms)} after its request` : ""}.
          ${!frame.whole && " A secret in it is hidden, or it is too long to be kept whole; it passed unchanged."}
        </p>
        ${byName &&
        html`<div class="actions">
            <button class="primary" disabled=${!!refused} aria-describedby=${refused ? "not-replayed" : undefined} onClick=${() => make(frame.method, JSON.stringify(params))}>Send again</button>
            <${CopyCall} method=${frame.method} params=${params} />
          </div>
          ${refused && html`<p class="note" id="not-replayed">${refused}</p>`}`}
        <${Outcome} outcome=${outcome} />
        <${Json} text=${frame.text} label="Text of the frame" />
      <//>`;
    }}
  <//>`;
}
