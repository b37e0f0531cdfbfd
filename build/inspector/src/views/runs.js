import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { call } from "../api.js";
import { Chart } from "../chart.js";
import { count, day, duration, percent, time } from "../texts.js";
import { Badge, Card, Choice, Empty, Figure, Figures, Loaded, Table, useLoaded, usePage } from "../ui.js";

const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;
const STATUSES = [["", "All"], ["success", "Success"], ["error", "Error"], ["running", "Running"], ["cancelled", "Cancelled"]];
export const STATUS_BADGE = { success: "good", error: "bad", running: "accent", cancelled: "plain" };

/** Returns the midnights that begin the last days, oldest first, and the one that ends today. */
function midnights(days) {
  const now = new Date();
  return Array.from({ length: days + 1 }, (_, at) => new Date(now.getFullYear(), now.getMonth(), now.getDate() - days + 1 + at).getTime());
}

async function statistics(days, id) {
  const limits = midnights(days);
  const common = { workflow_id: id, time_zone: ZONE };
  const all = await call("runs.stats", { ...common, from_at: limits[0] });
  const named = new Map(all.days.map((one) => [one.day, one]));
  const rows = [];
  for (let at = 0; at < days; at += 1) {
    const name = day(limits[at]);
    const found = named.get(name);
    const durations = found && (await call("runs.stats", { ...common, from_at: limits[at], to_at: limits[at + 1] }));
    rows.push({
      day: name,
      success: found?.succeeded ?? 0,
      error: found?.failed ?? 0,
      other: found ? found.runs - found.succeeded - found.failed : 0,
      p50: durations?.p50_ms ?? null,
      p95: durations?.p95_ms ?? null,
    });
  }
  return { all, rows };
}

/** The runs of one workflow, or of all. */
export function RunCharts({ id = null, days }) {
  const { stamp } = usePage();
  const found = useLoaded(() => statistics(days, id), [stamp, id, days]);
  return html`<${Loaded} from=${found} what="Adding up the runs">
    ${({ all, rows }) =>
      all.runs === 0
        ? html`<${Card}><${Empty} title="No runs in these ${days} days">An app records one with <code>runs.start</code> and <code>runs.finish</code>.<//><//>`
        : html`<${Figures}>
              <${Figure} label="Runs" value=${count(all.runs)} note="${count(all.by_status.running)} still running" />
              <${Figure} label="Success" value=${percent(all.success_rate)} note="${count(all.by_status.error)} failed, ${count(all.interrupted)} of these interrupted" />
              <${Figure} label="Median, p50" value=${duration(all.p50_ms)} />
              <${Figure} label="p95" value=${duration(all.p95_ms)} />
            <//>
            <div class="columns">
              <${Card}>
                <${Chart}
                  title="Runs by day and status"
                  kind="stack"
                  head="Day"
                  labels=${rows.map((row) => row.day)}
                  shorten=${(label) => label.slice(5)}
                  format=${count}
                  series=${[
                    { label: "success", colour: "good", values: rows.map((row) => row.success) },
                    { label: "error", colour: "bad", values: rows.map((row) => row.error) },
                    { label: "other", colour: "neutral", values: rows.map((row) => row.other) },
                  ]}
                />
              <//>
              <${Card}>
                <${Chart}
                  title="Duration by day"
                  kind="lines"
                  head="Day"
                  labels=${rows.map((row) => row.day)}
                  shorten=${(label) => label.slice(5)}
                  format=${duration}
                  series=${[
                    { label: "p50", colour: "accent", values: rows.map((row) => row.p50) },
                    { label: "p95", colour: "warm", values: rows.map((row) => row.p95) },
                  ]}
                />
              <//>
            </div>`}
  <//>`;
}

export function RunList({ id = null, status = "" }) {
  const { stamp } = usePage();
  const list = useLoaded(
    () => call("runs.list", { workflow_id: id, statuses: status ? [status] : null, limit: 100 }),
    [stamp, id, status],
  );
  return html`<${Loaded} from=${list} what="Reading runs">
    ${({ items, next_cursor }) => html`<${Table}
        caption="Runs, newest first"
        hidesCaption=${true}
        empty=${html`<${Empty} title="No runs">${status ? "None has this status." : "None has been recorded."}<//>`}
        rows=${items.map((each) => ({ key: each.id, ...each }))}
        columns=${[
          ["Started", (each) => time(each.started_at), { keep: true }],
          ["Status", (each) => html`<${Badge} kind=${STATUS_BADGE[each.status]}>${each.status}<//>${each.interrupted && " interrupted"}${each.waiting && " waiting"}`],
          ["Duration", (each) => duration(each.duration_ms), { number: true }],
          ...(id ? [] : [["Workflow", (each) => html`<a href="#/workflows/${encodeURIComponent(each.workflow_id)}">${each.workflow_id}</a>`]]),
          ["Revision", (each) => each.revision, { number: true }],
          ["Blocks", (each) => count(each.blocks_executed), { number: true }],
          ["Tokens", (each) => count(each.tokens_used), { number: true }],
          ["Message", (each) => each.error_message ?? "–", { wide: true }],
        ]}
      />
      ${next_cursor && html`<p class="quiet">The newest 100 are shown; call runs.list for more.</p>`}`}
  <//>`;
}

export function Runs() {
  const [days, setDays] = useState(14);
  const [status, setStatus] = useState("");
  return html`<div class="title-row">
      <h1>Runs</h1>
      <${Choice} label="Days" options=${[[7, "7 days"], [14, "14 days"], [30, "30 days"], [90, "90 days"]]} chosen=${days} choose=${setDays} />
    </div>
    <${RunCharts} days=${days} />
    <${Card} title="Newest runs" actions=${html`<${Choice} label="Status" options=${STATUSES} chosen=${status} choose=${setStatus} />`}>
      <${RunList} status=${status} />
    <//>`;
}
