// The page: lists, searches and renames workflows, and shows what happens.

import { Client, isError } from "../node_modules/@sim-sidecar/client/dist/index.js";

declare const sidecar: {
  send(line: string): void;
  onLine(listener: (line: string) => void): void;
};

const client = new Client({ ...sidecar, onClose: () => {} }); // it lives as long as the page
const query = document.querySelector("input")!;
const list = document.querySelector("ul")!;
const happened = document.querySelector("ol")!;

/** Show the workflows that are searched for, or all. */
async function show(): Promise<void> {
  const text = query.value.trim();
  const { items } = await (text
    ? client.workflows.search({ query: text })
    : client.workflows.list({ order_by: "name" }));
  list.replaceChildren(...items.map(({ id, name }) => row(id, name)));
}

function row(id: string, name: string): HTMLElement {
  const field = Object.assign(document.createElement("input"), { value: name });
  field.setAttribute("aria-label", `Name of ${name}`);
  field.addEventListener("change", () => void rename(id, field.value));
  const item = document.createElement("li");
  item.append(field);
  return item;
}

/** Change the stored workflow, unless it is changed at the same time. */
async function rename(id: string, name: string): Promise<void> {
  try {
    const { workflow } = await client.workflows.get({ id });
    await client.workflows.update({ id, name, expected_revision: workflow.revision });
  } catch (e) {
    tell(isError(e, "conflict") ? "The workflow was changed elsewhere." : String(e));
    await show();
  }
}

function tell(text: string): void {
  const line = document.createElement("li");
  line.textContent = text;
  happened.prepend(line);
}

client.on("audit.event", ({ action, resource }) => tell(`${action} ${resource}`));
client.on("workflows.changed", () => void show());
client.on("system.restored", () => void show());
query.addEventListener("input", () => void show());
void show();
