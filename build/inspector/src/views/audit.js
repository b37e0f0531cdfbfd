import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { call } from "../api.js";
import { count, time } from "../texts.js";
import { Badge, Card, Empty, Fault, Field, Json, Loaded, Loading, Table, useLoaded, usePage, useSettled } from "../ui.js";

const SOUND = ["ok", "unsealed", "locked", "pruned"];
const MEANINGS = {
  ok: "The log is sound and sealed.",
  unsealed: "The log is sound, but not sealed: secrets were never set up.",
  locked: "Order and ends are sound; the seals can be verified once secrets are unlocked.",
  pruned: "The entry that was expected was pruned.",
  tampered: "An entry is not what was written.",
  truncated: "Entries at the end are missing.",
  rolled_back: "An earlier state of the file was put back.",
  forked: "The log has another entry than the one that was expected.",
};

/** What a verification says, in one look. */
export function AuditGlance() {
  const { stamp } = usePage();
  const verdict = useLoaded(() => call("audit.verify"), [stamp]);
  if (verdict.fault) return html`<${Fault} fault=${verdict.fault} again=${verdict.again} />`;
  if (!verdict.value) return html`<${Loading} what="Verifying" />`;
  const { status, verified_from, verified_to, first_bad_seq, reason, head } = verdict.value;
  const isSound = SOUND.includes(status);
  return html`<p class="verdict ${isSound ? (status === "ok" ? "good" : "fair") : "bad"}">
      <span aria-hidden="true">${isSound ? "✓" : "✗"}</span> ${status.replace("_", " ")}
    </p>
    <p>${MEANINGS[status] ?? status}</p>
    <p class="quiet">
      ${verified_to >= verified_from ? `Entries ${count(verified_from)} to ${count(verified_to)} are verified; the newest is ${count(head.seq)}.` : "There are no entries yet."}
      ${first_bad_seq != null && ` The first wrong entry is ${count(first_bad_seq)}: ${reason}.`}
    </p>`;
}

export function Audit() {
  const { stamp } = usePage();
  const [action, setAction] = useState("");
  const [resource, setResource] = useState("");
  const [chosen, choose] = useState(null);
  const wanted = useSettled(JSON.stringify({ action: action.trim() || null, resource: resource.trim() || null }));
  const [pages, setPages] = useState(1);
  const entries = useLoaded(async () => {
    let items = [];
    let cursor = null;
    for (let page = 0; page < pages; page += 1) {
      const found = await call("audit.list", { ...JSON.parse(wanted), descending: true, limit: 100, cursor });
      items = items.concat(found.items);
      cursor = found.next_cursor;
      if (!cursor) break;
    }
    return { items, more: cursor };
  }, [stamp, wanted, pages]);
  return html`<h1>Audit log</h1>
    <${Card} title="Verification"><${AuditGlance} /><//>
    <${Card} title="Entries">
      <div class="filters">
        <${Field} label="Action" inline=${true}>${(own) => html`<input ...${own} type="search" placeholder="workflow_save" value=${action} onInput=${(event) => setAction(event.currentTarget.value)} />`}<//>
        <${Field} label="Resource" inline=${true}>${(own) => html`<input ...${own} type="search" placeholder="an id" value=${resource} onInput=${(event) => setResource(event.currentTarget.value)} />`}<//>
      </div>
      <${Loaded} from=${entries} what="Reading the log">
        ${({ items, more }) => html`<${Table}
            caption="Entries of the audit log, newest first"
            hidesCaption=${true}
            empty=${html`<${Empty} title="No entries">No entry has this action and this resource.<//>`}
            rows=${items.map((each) => ({ key: each.seq, ...each }))}
            columns=${[
              ["No.", (each) => count(each.seq), { number: true }],
              ["Time", (each) => time(each.at), { keep: true }],
              ["Action", (each) => html`<code>${each.action}</code>`],
              ["Resource", (each) => each.resource, { wide: true }],
              ["Details", (each) => html`<button class="link" aria-expanded=${chosen === each.seq} onClick=${() => choose(chosen === each.seq ? null : each.seq)}>${chosen === each.seq ? "Hide" : "Show"}<span class="unseen"> details of entry ${each.seq}</span></button>${chosen === each.seq && html`<${Json} text=${JSON.stringify(each.details)} label="Details" />`}`],
              ["Code", (each) => html`<code title=${each.mac}>${each.mac.slice(0, 10)}…</code>`],
            ]}
          />
          ${more && html`<button onClick=${() => setPages(pages + 1)}>Show 100 more</button>`}`}
      <//>
    <//>`;
}
