// A host in Node: lists, searches, saves, renames and follows the workflows of a database.
//
//     node host.mjs DATABASE list | search TEXT | save FILE | rename ID NAME | follow

import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { isKnownError } from "@sim-sidecar/client";
import { StartFailed, Supervisor } from "@sim-sidecar/client/node";

const [database, command, ...words] = process.argv.slice(2);
const fail = (text) => {
  console.error(text);
  process.exitCode = 1;
};

/** The commands; each is given the client and its words. */
const commands = {
  async list({ workflows }) {
    for await (const { items } of workflows.listPages({ order_by: "name" })) {
      items.forEach(({ id, name, revision }) => console.log(`${id}\t${revision}\t${name}`));
    }
  },
  async search({ workflows }, text) {
    for await (const { items } of workflows.searchPages({ query: text })) {
      items.forEach(({ id, name }) => console.log(`${id}\t${name}`));
    }
  },
  async save({ workflows }, file) {
    const data = JSON.parse(await readFile(file, "utf8"));
    const { id } = await workflows.save({ workflow: { name: basename(file, ".json"), data } });
    console.log(id);
  },
  /** Change the workflow that was read, unless it was changed since. */
  async rename({ workflows }, id, name) {
    const { workflow } = await workflows.get({ id });
    await workflows.update({ id, name, expected_revision: workflow.revision });
  },
  follow: () => new Promise((resolve) => process.once("SIGINT", resolve)),
};

if (!Object.hasOwn(commands, command)) {
  fail("usage: node host.mjs DATABASE list | search TEXT | save FILE | rename ID NAME | follow");
} else {
  const supervisor = new Supervisor({
    database,
    onLog: (line) => console.error(line),
    onState: (state, reason) => reason && console.error(`${state}: ${reason.message}`),
    onEvent: ({ seq, action, resource }) => command === "follow" && console.log(seq, action, resource),
  });
  try {
    await commands[command](await supervisor.start(), ...words);
  } catch (e) {
    if (isKnownError(e) && e.slug === "conflict") fail("The workflow was changed elsewhere: try again.");
    else if (isKnownError(e) && e.slug === "not_found") fail("There is no such workflow.");
    else if (e instanceof StartFailed) fail(e.data.hint ?? e.message);
    else throw e;
  } finally {
    await supervisor.stop();
  }
}
