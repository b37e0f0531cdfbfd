// Buttons for a call: copied as JSON or as a command of a shell, and sent again.
import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { callText } from "./api.js";
import { duration, shellCommand } from "./texts.js";
import { CopyButton, Fault, Json, Loading, usePage } from "./ui.js";

/** Returns whether a call changes nothing. */
export const isReading = (state, method, params) =>
  method === state.restore ? params?.dry_run === true : state.reading.includes(method);

/** Returns why a call is not made, or null. */
export function refusal(state, method, params) {
  if (state.mode === "write" || isReading(state, method, params)) return null;
  if (state.mode === "through") return "It could change something: calls of this page go to a copy and only read.";
  if (method === state.restore) return "Only a dry run is allowed: start the inspector with --write for more.";
  return "It could change something: start the inspector with --write to allow that.";
}

export function CopyCall({ method, params }) {
  const { state } = usePage();
  const request = () => JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  return html`<${CopyButton} text=${request}>Copy as JSON<//>
    <${CopyButton} text=${() => shellCommand(state.program, state.database, method, params)}>Copy as shell command<//>`;
}

/** Makes calls and keeps the outcome of the last one: [outcome, make]. */
export function useCall() {
  const { say } = usePage();
  const [outcome, setOutcome] = useState(null);
  const make = async (method, paramsText) => {
    setOutcome({ running: true, method });
    try {
      const answer = await callText(method, paramsText);
      setOutcome({ method, ...answer });
      say(`${method} has answered.`);
    } catch (fault) {
      setOutcome({ method, fault });
    }
  };
  return [outcome, make, () => setOutcome(null)];
}

export function Outcome({ outcome }) {
  if (!outcome) return null;
  if (outcome.running) return html`<${Loading} what="Waiting for ${outcome.method}" />`;
  if (outcome.fault) return html`<${Fault} fault=${outcome.fault} />`;
  return html`<div class="outcome">
    <div class="outcome-head">
      <h3>Result</h3>
      <span class="quiet">after ${duration(outcome.duration)}</span>
      <span class="actions"><${CopyButton} text=${outcome.text}>Copy result<//></span>
    </div>
    <${Json} text=${outcome.text} label="Result" />
  </div>`;
}
