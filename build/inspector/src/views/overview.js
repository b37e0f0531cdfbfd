import { html } from "htm/preact";
import { call } from "../api.js";
import { count, bytes, counted, duration, percent, time } from "../texts.js";
import { Badge, Card, Figure, Figures, Loaded, Loading, Fault, useLoaded, usePage } from "../ui.js";
import { AuditGlance } from "./audit.js";

const MONTH_MS = 30 * 86_400_000;

export function Overview() {
  const { stamp, state } = usePage();
  const facts = useLoaded(
    async () => {
      const [info, stats, runs, secrets, backups] = await Promise.all([
        call("system.info"),
        call("system.stats"),
        call("runs.stats", { from_at: Date.now() - MONTH_MS }),
        call("secrets.status"),
        call("backups.list", { limit: 1 }),
      ]);
      return { info, stats, runs, secrets, backup: backups.items[0] };
    },
    [stamp],
  );
  return html`<h1>Overview</h1>
    <${Loaded} from=${facts} what="Reading the database">
      ${({ info, stats, runs, secrets, backup }) => html`
        <${Figures}>
          <${Figure} label="Workflows" value=${count(stats.workflows)} note="${count(stats.archived)} archived, ${count(stats.revisions)} earlier revisions" />
          <${Figure} label="Runs" value=${count(stats.runs)} note="${count(runs.runs)} in the last 30 days" />
          <${Figure} label="Success, 30 days" value=${percent(runs.success_rate)} note="p50 ${duration(runs.p50_ms)}, p95 ${duration(runs.p95_ms)}" />
          <${Figure} label="Database" value=${bytes(stats.live_bytes + stats.free_bytes)} note="${bytes(stats.free_bytes)} free in it" />
        <//>
        <div class="columns">
          <${Card} title="Audit log"><${AuditGlance} /><//>
          <${Check} />
          <${Card} title="Newest backup">
            ${backup
              ? html`<p class="big">${time(backup.created_at)}</p>
                  <p class="quiet">${bytes(backup.size_bytes)}, ${backup.reason}${backup.label ? `, “${backup.label}”` : ""}. <a href="#/backups">All backups</a></p>`
              : html`<p class="quiet">There is none yet. The app makes one a day once something has changed.</p>`}
          <//>
          <${Card} title="Program">
            <dl class="facts">
              <dt>Version</dt><dd>${info.version}, protocol ${info.protocol_version}</dd>
              <dt>SQLite</dt><dd>${info.sqlite}, tables of version ${info.schema_version}</dd>
              <dt>Python</dt><dd>${info.python} on ${info.platform}</dd>
              <dt>Secrets</dt><dd><${Badge}>${secrets.state}<//> ${counted(stats.audit_entries, "audit entry", "audit entries")}</dd>
              <dt>File</dt><dd><code>${state.database}</code></dd>
            </dl>
          <//>
        </div>`}
    <//>`;
}

function Check() {
  const { stamp } = usePage();
  const found = useLoaded(() => call("system.check"), [stamp]);
  return html`<${Card} title="Integrity">
    ${found.fault
      ? html`<${Fault} fault=${found.fault} again=${found.again} />`
      : !found.value
        ? html`<${Loading} what="Checking" />`
        : found.value.ok
          ? html`<p class="verdict good"><span aria-hidden="true">✓</span> Nothing is wrong</p>
              <p class="quiet">${Object.entries(found.value.checked).map(([name, rows]) => `${count(rows)} ${name.replace("_", " ")}`).join(", ")} checked.</p>`
          : html`<p class="verdict bad"><span aria-hidden="true">✗</span> ${counted(found.value.findings.length, "finding")}</p>
              <ul>${found.value.findings.slice(0, 5).map((each) => html`<li>${each.where}: ${each.detail}. ${each.cure}</li>`)}</ul>`}
  <//>`;
}
