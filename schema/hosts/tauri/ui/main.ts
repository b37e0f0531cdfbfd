// The page: lists, searches and edits workflows, and shows the audit log as it is written.

import { isError, type AuditEvent, type WorkflowHeader } from "@sim-sidecar/client";
import { connect } from "./transport.js";

const ENTRIES_SHOWN = 200;
const PAGE = 30;

type Row = Pick<WorkflowHeader, "id" | "name" | "revision" | "tags">;

const element = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;
const status = element("status");
const list = element<HTMLUListElement>("list");
const query = element<HTMLInputElement>("query");
const more = element<HTMLButtonElement>("more");
const name = element<HTMLInputElement>("name");
const tags = element<HTMLInputElement>("tags");
const body = element<HTMLTextAreaElement>("body");
const saved = element("saved");
const audit = element<HTMLOListElement>("audit");

let edited: { id: string; revision: number } | null = null;
let cursor: string | null = null;
let asked = 0;

const client = connect({
  onOpen() {
    status.textContent = "Connected";
    void show();
  },
  onClosed(reason, again) {
    status.textContent = again ? "The back end is starting again …" : `The back end ended: ${reason}`;
  },
});
client.on("workflows.changed", () => void show());
client.on("system.restored", () => void show());
client.on("audit.event", addEntry);

/** Show the first page of the list or of what the search finds. */
async function show(): Promise<void> {
  await load(null, (rows) => list.replaceChildren(...rows));
}

async function load(from: string | null, place: (rows: Node[]) => void): Promise<void> {
  const turn = (asked += 1);
  const text = query.value.trim();
  try {
    const params = { limit: PAGE, cursor: from };
    const page = text
      ? await client.workflows.search({ query: text, ...params })
      : await client.workflows.list(params);
    if (turn === asked) {
      cursor = page.next_cursor;
      more.hidden = cursor === null;
      place(page.items.map(row));
    }
  } catch (thrown) {
    status.textContent = String(thrown);
  }
}

function row({ id, name: label, revision, tags: marks }: Row): HTMLLIElement {
  const item = document.createElement("li");
  const button = document.createElement("button");
  const note = document.createElement("small");
  note.textContent = [`revision ${revision}`, ...marks].join(" · ");
  button.type = "button";
  button.append(label, note);
  button.setAttribute("aria-current", String(id === edited?.id));
  button.addEventListener("click", () => void open(id));
  item.append(button);
  return item;
}

async function open(id: string): Promise<void> {
  const { workflow } = await client.workflows.get({ id });
  edited = { id, revision: workflow.revision };
  name.value = workflow.name;
  tags.value = workflow.tags.join(", ");
  body.value = JSON.stringify(workflow.data, null, 2);
  saved.textContent = "";
  await show();
}

function begin(): void {
  edited = null;
  name.value = tags.value = saved.textContent = "";
  body.value = '{\n  "nodes": []\n}';
  name.focus();
}

async function save(): Promise<void> {
  try {
    const result = await client.workflows.save({
      workflow: {
        ...(edited && { id: edited.id }),
        name: name.value,
        tags: tags.value.split(",").map((tag) => tag.trim()).filter(Boolean),
        data: JSON.parse(body.value),
      },
      expected_revision: edited?.revision ?? null,
    });
    edited = { id: result.id, revision: result.revision };
    saved.textContent = `Saved as revision ${result.revision}.`;
    await show();
  } catch (thrown) {
    saved.textContent = isError(thrown, "conflict")
      ? "The workflow was saved elsewhere. Open it again, and repeat your change."
      : String(thrown);
  }
}

function addEntry({ seq, action, resource, at }: AuditEvent): void {
  const item = document.createElement("li");
  const note = document.createElement("small");
  note.textContent = `${new Date(at).toLocaleTimeString()} · entry ${seq}`;
  item.append(`${action} ${resource}`, note);
  audit.prepend(item);
  while (audit.children.length > ENTRIES_SHOWN) {
    audit.lastChild?.remove();
  }
}

query.addEventListener("input", () => void show());
element("search").addEventListener("submit", (event) => event.preventDefault());
more.addEventListener("click", () => void load(cursor, (rows) => list.append(...rows)));
element("new").addEventListener("click", begin);
element("editor").addEventListener("submit", (event) => {
  event.preventDefault();
  void save();
});
begin();
