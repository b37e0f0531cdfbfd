import { html } from "htm/preact";
import { call } from "../api.js";
import { Chart } from "../chart.js";
import { bytes, count, duration, percent, quantile } from "../texts.js";
import { Card, Empty, Figure, Figures, Loaded, Table, useLoaded, usePage } from "../ui.js";

/** Workflows whose sizes are compared: one page of the list. */
const COMPARED = 500;

/** Returns the times of each method, from the frames that were seen. */
function measured(frames) {
  const times = new Map();
  for (const { duration_ms: ms, method } of frames)
    if (ms != null && method) times.set(method, [...(times.get(method) ?? []), ms]);
  return [...times].map(([method, values]) => {
    const sorted = values.toSorted((a, b) => a - b);
    return { key: method, method, calls: sorted.length, p50: quantile(sorted, 0.5), p95: quantile(sorted, 0.95), max: sorted.at(-1) };
  });
}

export function Storage() {
  const { stamp, frames } = usePage();
  const found = useLoaded(
    async () => {
      const [stats, list] = await Promise.all([call("system.stats"), call("workflows.list", { limit: COMPARED })]);
      const largest = list.items.toSorted((a, b) => b.size_bytes - a.size_bytes).slice(0, 12);
      return { stats, largest, whose: list.next_cursor ? `Largest of the ${COMPARED} workflows changed last` : "Largest workflows" };
    },
    [stamp],
  );
  const methods = measured(frames).sort((a, b) => b.p95 - a.p95);
  const answered = frames.filter((each) => each.duration_ms != null).slice(-200);
  return html`<h1>Storage and latency</h1>
    <${Loaded} from=${found} what="Measuring">
      ${({ stats, largest, whose }) => html`<${Figures}>
          <${Figure} label="In use" value=${bytes(stats.live_bytes)} note="of the database file" />
          <${Figure} label="Free" value=${bytes(stats.free_bytes)} note="for reuse in the file" />
          <${Figure} label="Write-ahead log" value=${bytes(stats.wal_bytes)} note=${stats.purge_pending ? "deleted data is still to be purged" : "nothing is to be purged"} />
          <${Figure} label="Bodies" value=${bytes(stats.body_bytes)} note="stored in ${bytes(stats.stored_bytes)}, ${percent(stats.compression_ratio)}" />
        <//>
        <div class="columns">
          <${Card}>
            <${Chart}
              title="What the file holds"
              kind="bars"
              head="Part"
              labels=${["in use", "free", "log", "bodies", "stored"]}
              format=${bytes}
              series=${[{ label: "bytes", colour: "accent", values: [stats.live_bytes, stats.free_bytes, stats.wal_bytes, stats.body_bytes, stats.stored_bytes] }]}
            />
          <//>
          <${Card}>
            ${largest.length
              ? html`<${Chart}
                  title=${whose}
                  kind="bars"
                  head="Workflow"
                  labels=${largest.map((each) => (each.name.length > 14 ? `${each.name.slice(0, 13)}…` : each.name))}
                  format=${bytes}
                  series=${[{ label: "size of the body", colour: "warm", values: largest.map((each) => each.size_bytes) }]}
                />`
              : html`<${Empty} title="No workflows yet" />`}
          <//>
        </div>`}
    <//>
    <h2 class="section">Latency</h2>
    ${methods.length === 0
      ? html`<${Card}><${Empty} title="No answers yet">Times of answers appear here as calls are made.<//><//>`
      : html`<div class="columns">
          <${Card}>
            <${Chart}
              title="Last ${count(answered.length)} answers, in order"
              kind="lines"
              head="Frame"
              labels=${answered.map((each) => `#${each.seq}`)}
              format=${duration}
              series=${[{ label: "time to the answer", colour: "accent", values: answered.map((each) => each.duration_ms) }]}
            />
          <//>
          <${Card}>
            <${Chart}
              title="Slowest methods"
              kind="bars"
              head="Method"
              labels=${methods.slice(0, 6).map((each) => each.method.split(".").join(" "))}
              format=${duration}
              series=${[
                { label: "p50", colour: "accent", values: methods.slice(0, 6).map((each) => each.p50) },
                { label: "p95", colour: "warm", values: methods.slice(0, 6).map((each) => each.p95) },
              ]}
            />
          <//>
        </div>
        <${Card} title="By method">
          <${Table}
            caption="Times from request to answer, by method"
            hidesCaption=${true}
            rows=${methods}
            columns=${[
              ["Method", (each) => html`<code>${each.method}</code>`],
              ["Calls", (each) => count(each.calls), { number: true }],
              ["p50", (each) => duration(each.p50), { number: true }],
              ["p95", (each) => duration(each.p95), { number: true }],
              ["Slowest", (each) => duration(each.max), { number: true }],
            ]}
          />
        <//>`}`;
}
