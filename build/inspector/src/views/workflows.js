import { html } from "htm/preact";
import { useEffect, useState } from "preact/hooks";
import { call, callText, post } from "../api.js";
import { Graph } from "../graph.js";
import { bytes, count, counted, time } from "../texts.js";
import { Badge, Card, Choice, CopyButton, Empty, Field, Json, Loaded, Table, Tabs, useLoaded, usePage, useSettled } from "../ui.js";
import { RunCharts, RunList } from "./runs.js";

const LIMIT = 100;

export function Workflows({ rest: [chosen, tab = "graph"] }) {
  const { stamp, say } = usePage();
  const [query, setQuery] = useState("");
  const [archived, setArchived] = useState(false);
  const words = useSettled(query.trim());
  const list = useLoaded(
    () => (words ? call("workflows.search", { query: words, archived, limit: LIMIT }) : call("workflows.list", { archived, limit: LIMIT })),
    [stamp, words, archived],
  );
  const found = list.value?.items.length;
  useEffect(() => {
    if (words && found !== undefined && !list.loading) say(counted(found, "hit"));
  }, [words, found, list.loading]);
  return html`<h1>Workflows</h1>
    <div class="split">
      <div class="side">
        <${Field} label="Search names and bodies">${(own) => html`<input ...${own} type="search" placeholder="words in names or steps" value=${query} onInput=${(event) => setQuery(event.currentTarget.value)} />`}<//>
        <${Choice} label="Which workflows" options=${[[false, "Live"], [true, "Archived"]]} chosen=${archived} choose=${setArchived} />
        <${Loaded} from=${list} what="Searching">
          ${({ items, next_cursor, did_you_mean }) => html`<nav aria-label="Workflows" class="side-list">
            ${items.length === 0 &&
            html`<${Empty} title=${words ? "Nothing was found" : "No workflows"}>
              ${did_you_mean ? html`Did you mean <button class="link" onClick=${() => setQuery(did_you_mean)}>${did_you_mean}</button>?` : words ? "No name and no body has these words." : "This database has none of these yet."}
            <//>`}
            <ul class="hits">
              ${items.map(
                (each) => html`<li key=${each.id}>
                  <a href="#/workflows/${encodeURIComponent(each.id)}/${tab}" aria-current=${each.id === chosen ? "page" : undefined}>
                    <span class="hit-name">${each.name}</span>
                    <span class="quiet">${each.source ?? each.category} · revision ${each.revision} · ${bytes(each.size_bytes)}</span>
                    ${each.snippet && html`<span class="snippet">${marked(each.snippet)}</span>`}
                  </a>
                </li>`,
              )}
            </ul>
            ${next_cursor && html`<p class="quiet">The first ${LIMIT} are shown; search for others.</p>`}
          </nav>`}
        <//>
      </div>
      <div class="main">
        ${chosen
          ? html`<${Workflow} key=${chosen} id=${decodeURIComponent(chosen)} tab=${tab} />`
          : html`<${Card}><${Empty} title="Choose a workflow">Its steps are drawn, its revisions compared, its runs counted.<//><//>`}
      </div>
    </div>`;
}

/** Returns a snippet with the words found, which stand in brackets, marked. */
const marked = (snippet) => snippet.split(/\[([^\]]*)\]/).map((part, at) => (at % 2 ? html`<mark>${part}</mark>` : part));

function Workflow({ id, tab }) {
  const { stamp } = usePage();
  const found = useLoaded(async () => {
    const { text } = await callText("workflows.get", JSON.stringify({ id }));
    return { text, ...JSON.parse(text).workflow };
  }, [id, stamp]);
  const choose = (next) => {
    location.hash = `#/workflows/${encodeURIComponent(id)}/${next}`;
  };
  return html`<${Loaded} from=${found} what="Reading the workflow">
    ${(workflow) => html`<${Card}>
      <header class="method-head">
        <h2>${workflow.name}</h2>
        ${workflow.description && html`<p>${workflow.description}</p>`}
        <p class="badges">
          <${Badge}>${workflow.category}<//> ${workflow.tags.map((tag) => html`<${Badge} kind="accent">${tag}<//> `)}
          ${workflow.archived_at && html`<${Badge} kind="warm">archived<//>`}
        </p>
        <p class="quiet"><code>${workflow.id}</code> · revision ${workflow.revision} · ${bytes(workflow.size_bytes)}, stored in ${bytes(workflow.stored_bytes)} · changed ${time(workflow.updated_at)} · ${counted(workflow.run_count, "run")}</p>
      </header>
      <${Tabs}
        label="Parts of ${workflow.name}"
        chosen=${tab}
        choose=${choose}
        tabs=${[
          ["graph", "Graph", () => html`<${Drawn} id=${id} name=${workflow.name} />`],
          ["history", "History and diff", () => html`<${History} id=${id} current=${workflow.revision} />`],
          ["runs", "Runs", () => html`<${RunCharts} id=${id} days=${30} /><${RunList} id=${id} />`],
          ["json", "JSON", () => html`<div class="actions"><${CopyButton} text=${workflow.text}>Copy the answer<//></div><${Json} text=${workflow.text} label="The workflow" />`],
        ]}
      />
    <//>`}
  <//>`;
}

function Drawn({ id, name, revision = null }) {
  const { stamp } = usePage();
  const graph = useLoaded(async () => (await post("graph", { id, revision })).result, [id, revision, stamp]);
  return html`<${Loaded} from=${graph} what="Drawing the steps">${(value) => html`<${Graph} graph=${value} name=${name} />`}<//>`;
}

function History({ id, current }) {
  const { stamp } = usePage();
  const [from, setFrom] = useState(Math.max(1, current - 1));
  const [to, setTo] = useState(current);
  const history = useLoaded(() => call("workflows.history", { id, limit: 200 }), [id, stamp]);
  return html`<${Loaded} from=${history} what="Reading the history">
    ${({ items }) => {
      const numbers = items.map((each) => each.revision);
      const select = (label, value, set) =>
        html`<${Field} label=${label} inline=${true}>${(own) => html`<select ...${own} value=${value} onChange=${(event) => set(Number(event.currentTarget.value))}>${numbers.map((each) => html`<option value=${each}>${each}</option>`)}</select>`}<//>`;
      const first = numbers.includes(from) ? from : numbers.at(-1);
      return html`<${Table}
          caption="Revisions, newest first"
          hidesCaption=${true}
          rows=${items.map((each) => ({ key: each.revision, ...each }))}
          columns=${[
            ["Revision", (each) => each.revision, { number: true }],
            ["Saved", (each) => time(each.created_at), { keep: true }],
            ["Name", (each) => each.name, { wide: true }],
            ["Body", (each) => bytes(each.size_bytes), { number: true }],
            ["Kept for runs", (each) => (each.pinned_by_runs ? "yes" : "no")],
            [
              "Compare",
              (each) =>
                numbers.includes(each.revision - 1)
                  ? html`<button class="small" onClick=${() => (setFrom(each.revision - 1), setTo(each.revision))}>With the one before<span class="unseen">: revision ${each.revision}</span></button>`
                  : "–",
            ],
          ]}
        />
        ${items.length < 2
          ? html`<${Empty} title="Only one revision">There is nothing to compare it with.<//>`
          : html`<div class="filters">${select("From revision", first, setFrom)} ${select("to", to, setTo)}</div>
              <${Diff} id=${id} from=${first} to=${to} />`}`;
    }}
  <//>`;
}

function Diff({ id, from, to }) {
  const found = useLoaded(() => call("workflows.diff", { id, from_revision: from, to_revision: to }), [id, from, to]);
  return html`<section aria-label="Difference" class="diff">
    <${Loaded} from=${found} what="Comparing">
      ${(diff) => {
        const steps = [
          ["added", "+", diff.added],
          ["removed", "−", diff.removed],
          ["moved", "↔", diff.moved],
        ];
        const links = [
          ["added", "+", diff.links_added],
          ["removed", "−", diff.links_removed],
        ];
        const nothing = ["added", "removed", "renamed", "moved", "changed", "links_added", "links_removed", "metadata"].every((part) => diff[part].length === 0);
        if (nothing) return html`<${Empty} title="No difference">The revisions ${from} and ${to} have the same content${diff.layout_only ? ", but for the canvas" : ""}.<//>`;
        return html`<ul class="changes">
          ${steps.map(([kind, sign, list]) => list.map((step) => html`<li class="change-${kind}"><span class="sign">${sign}</span> step <b>${step.name || step.id}</b> ${kind} <span class="quiet">${step.kind}</span></li>`))}
          ${diff.renamed.map((step) => html`<li class="change-changed"><span class="sign">~</span> step <b>${step.before}</b> renamed to <b>${step.after}</b></li>`)}
          ${diff.changed.map(
            (step) => html`<li class="change-changed">
              <span class="sign">~</span> step <b>${step.name || step.id}</b> changed
              <${Fields} caption="Fields of ${step.name || step.id}" fields=${step.fields} />
            </li>`,
          )}
          ${links.map(([kind, sign, list]) => list.map((link) => html`<li class="change-${kind}"><span class="sign">${sign}</span> link <code>${link.source}</code> → <code>${link.target}</code> ${kind} <span class="quiet">${link.port}</span></li>`))}
          ${diff.metadata.length > 0 && html`<li class="change-changed"><span class="sign">~</span> beside the steps <${Fields} caption="Fields beside the steps" fields=${diff.metadata} /></li>`}
        </ul>`;
      }}
    <//>
  </section>`;
}

const Fields = ({ caption, fields }) =>
  html`<${Table}
    caption=${caption}
    hidesCaption=${true}
    rows=${fields.map((each) => ({ key: each.name, ...each }))}
    columns=${[
      ["Field", (each) => html`<code>${each.name}</code>`],
      ["Before", (each) => (each.before == null ? html`<span class="quiet">not there</span>` : html`<del>${each.before}</del>`), { wide: true }],
      ["After", (each) => (each.after == null ? html`<span class="quiet">not there</span>` : html`<ins>${each.after}</ins>`), { wide: true }],
    ]}
  />`;
