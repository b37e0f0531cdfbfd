import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { call } from "../api.js";
import { bytes, count, counted, time } from "../texts.js";
import { Badge, Card, Empty, Fault, Loaded, Loading, Table, useLoaded, usePage } from "../ui.js";

export function Backups() {
  const { stamp, say, state } = usePage();
  const list = useLoaded(() => call("backups.list", { limit: 200 }), [stamp]);
  const [trial, setTrial] = useState(null);
  const examine = async (kind, backup) => {
    setTrial({ kind, backup, running: true });
    try {
      const result =
        kind === "verify"
          ? await call("backups.verify", { name: backup.name })
          : await call("backups.restore", { name: backup.name, dry_run: true });
      setTrial({ kind, backup, result });
      say(kind === "verify" ? "The backup was verified." : "The dry run has ended; nothing was changed.");
    } catch (fault) {
      setTrial({ kind, backup, fault });
    }
  };
  return html`<h1>Backups</h1>
    ${trial && html`<${Trial} ...${trial} close=${() => setTrial(null)} />`}
    <${Card}>
      <${Loaded} from=${list} what="Reading the folder of backups">
        ${({ items }) => html`<${Table}
          caption="Backups, newest first"
          hidesCaption=${true}
          empty=${html`<${Empty} title="No backups yet">
            The sidecar makes one a day once something has changed. Now: <code>${state.program} backup</code>
          <//>`}
          rows=${items.map((each) => ({ key: each.name, ...each }))}
          columns=${[
            ["Made", (each) => html`${time(each.created_at)}<br /><span class="quiet">${each.name}</span>`, { keep: true }],
            ["Reason", (each) => html`<${Badge}>${each.reason}<//>${each.label && html` <span>${each.label}</span>`}`],
            ["Size", (each) => bytes(each.size_bytes), { number: true }],
            ["Database", (each) => bytes(each.database_bytes), { number: true }],
            ["Holds", (each) => html`${counted(each.counts.workflows, "workflow")}, ${counted(each.counts.runs, "run")}<br /><span class="quiet">${each.secrets === "none" ? "no secrets" : `secrets: ${each.secrets}`}${each.this_database === false ? ", of another database" : ""}</span>`],
            [
              "Examine",
              (each) => html`<span class="actions">
                <button class="small" onClick=${() => examine("verify", each)}>Verify<span class="unseen"> ${each.name}</span></button>
                <button class="small" onClick=${() => examine("restore", each)}>Try a restore<span class="unseen"> of ${each.name}</span></button>
              </span>`,
            ],
          ]}
        />`}
      <//>
    <//>`;
}

function Trial({ kind, backup, running, result, fault, close }) {
  const title = kind === "verify" ? "Verification" : "Restore, dry run";
  return html`<${Card} title="${title}: ${time(backup.created_at)}" actions=${html`<button class="small" onClick=${close}>Close</button>`}>
    ${running && html`<${Loading} what=${kind === "verify" ? "Unpacking and checking" : "Unpacking and comparing"} />`}
    ${fault && html`<${Fault} fault=${fault} />`}
    ${result && (kind === "verify" ? html`<${Verified} result=${result} />` : html`<${Tried} result=${result} />`)}
  <//>`;
}

const Findings = ({ findings }) =>
  findings.length > 0 && html`<ul>${findings.map((each) => html`<li><code>${each.kind}</code> ${each.detail}</li>`)}</ul>`;

const Verified = ({ result }) =>
  html`<p class="verdict ${result.ok ? "good" : "bad"}"><span aria-hidden="true">${result.ok ? "✓" : "✗"}</span> ${result.ok ? "A restore would accept it, and all in it is sound" : counted(result.findings.length, "finding")}</p>
    <p class="quiet">${result.authentic === null ? "Whether it was made under the current key is not known: secrets are locked or not set up." : result.authentic ? "It was made under the current key." : "It was not made under the current key."}</p>
    <${Findings} findings=${result.findings} />`;

function Tried({ result }) {
  const names = [...new Set([...Object.keys(result.counts_before), ...Object.keys(result.counts)])];
  const rows = names.map((name) => ({ key: name, name: name.replace("_", " "), now: result.counts_before[name], then: result.counts[name] }));
  return html`<p class="verdict good"><span aria-hidden="true">✓</span> A restore would be accepted. Nothing was changed.</p>
    <div class="columns">
      <${Table}
        caption="Rows now, and after a restore"
        rows=${rows}
        columns=${[
          ["Of", (row) => row.name],
          ["Now", (row) => count(row.now), { number: true }],
          ["After", (row) => count(row.then), { number: true }],
          ["Change", (row) => (row.now == null || row.now === row.then ? "–" : `${row.then > row.now ? "+" : "−"}${count(Math.abs(row.then - row.now))}`), { number: true }],
        ]}
      />
      <div>
        <h3 class="apart">Beside the rows</h3>
        <dl class="facts">
          <dt>Tables</dt><dd>${result.migrated_from == null ? "of the current version" : `migrated from version ${result.migrated_from}`}</dd>
          <dt>Secrets</dt><dd>${result.restored_secrets}${result.providers.length ? `: ${result.providers.join(", ")}` : ""}</dd>
          ${result.providers_lost.length > 0 && html`<dt>Keys lost</dt><dd>${result.providers_lost.join(", ")}</dd>`}
        </dl>
        ${result.settings_changed.length > 0
          ? html`<${Table}
              caption="Settings that would change"
              rows=${result.settings_changed.map((each) => ({ ...each, name: each.key }))}
              columns=${[["Setting", (each) => html`<code>${each.name}</code>`], ["Now", (each) => each.before ?? "–"], ["After", (each) => each.after ?? "–"]]}
            />`
          : html`<p class="quiet">No setting would change.</p>`}
        <${Findings} findings=${result.findings} />
      </div>
    </div>`;
}
