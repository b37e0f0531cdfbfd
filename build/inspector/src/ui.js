// The parts that all views are made of.
import { html } from "htm/preact";
import { createContext } from "preact";
import { useCallback, useContext, useEffect, useId, useRef, useState } from "preact/hooks";
import { indented } from "./texts.js";

/**
 * What every view knows: `state` of the inspector, `frames` that passed, `say`, which tells a screen
 * reader, and `stamp`, which is another one after each new copy.
 */
export const Page = createContext(null);
export const usePage = () => useContext(Page);

/** Loads something; `again` loads it anew. Returns {value, fault, loading, again}. */
export function useLoaded(load, needs) {
  const [state, setState] = useState({ loading: true });
  const turn = useRef(0);
  const again = useCallback(() => {
    const own = ++turn.current;
    setState((before) => ({ value: before.value, loading: true }));
    load().then(
      (value) => own === turn.current && setState({ value, loading: false }),
      (fault) => own === turn.current && setState({ fault, loading: false }),
    );
  }, needs);
  useEffect(again, [again]);
  return { ...state, again };
}

export const Loading = ({ what = "Loading" }) =>
  html`<p class="loading" role="status"><span class="spinner" aria-hidden="true"></span>${what} …</p>`;

export const Empty = ({ title, children }) =>
  html`<div class="empty"><p class="empty-title">${title}</p>${children && html`<p>${children}</p>`}</div>`;

export function Fault({ fault, again }) {
  return html`<div class="fault" role="alert">
    <p><strong>${fault.message}</strong></p>
    <p class="quiet">
      ${fault.slug}${fault.data?.path && ` at ${fault.data.path}`}${fault.data?.hint && ` · hint: ${fault.data.hint}`}
      ${fault.data?.did_you_mean && ` · did you mean ${[fault.data.did_you_mean].flat().join(", ")}?`}
    </p>
    ${again && html`<button onClick=${again}>Try again</button>`}
  </div>`;
}

/** Shows what was loaded by `useLoaded`, or why it is not there. */
export function Loaded({ from, what, children }) {
  if (from.fault) return html`<${Fault} fault=${from.fault} again=${from.again} />`;
  if (from.value === undefined) return html`<${Loading} what=${what} />`;
  return children(from.value);
}

export const Badge = ({ kind = "plain", children }) => html`<span class="badge badge-${kind}">${children}</span>`;

export const Card = ({ title, level = 2, actions, children, className = "" }) =>
  html`<section class="card ${className}">
    ${(title || actions) &&
    html`<header class="card-head">
      ${title && html`<${`h${level}`}>${title}<//>`}
      ${actions && html`<div class="actions">${actions}</div>`}
    </header>`}
    ${children}
  </section>`;

/** A number with its label, and a note below it. */
export const Figure = ({ label, value, note, kind }) =>
  html`<div class="figure ${kind ? `figure-${kind}` : ""}">
    <dt>${label}</dt>
    <dd>${value}</dd>
    ${note && html`<dd class="quiet">${note}</dd>`}
  </div>`;

export const Figures = ({ children }) => html`<dl class="figures">${children}</dl>`;

const kinds = (is) => ["number", "wide", "keep"].filter((each) => is[each]).join(" ");

/** A table; `columns` are [title, (row) => cell, {number, wide, keep}]: `keep` breaks no line. */
export function Table({ caption, columns, rows, empty, hidesCaption, row: rowProps }) {
  if (!rows.length && empty) return empty;
  return html`<div class="table-frame" tabindex="0" role="region" aria-label=${caption}>
    <table>
      <caption class=${hidesCaption ? "unseen" : ""}>${caption}</caption>
      <thead>
        <tr>${columns.map(([title, , is = {}]) => html`<th scope="col" class=${is.number ? "number" : ""}>${title}</th>`)}</tr>
      </thead>
      <tbody>
        ${rows.map(
          (each) => html`<tr key=${each.key} ...${rowProps?.(each)}>
            ${columns.map(([, cell, is = {}], at) =>
              at === 0
                ? html`<th scope="row" class=${kinds(is)}>${cell(each)}</th>`
                : html`<td class=${kinds(is)}>${cell(each)}</td>`,
            )}
          </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

export function CopyButton({ text, children = "Copy", disabled }) {
  const { say } = usePage();
  const [isDone, setDone] = useState(false);
  const copy = async () => {
    const wanted = typeof text === "function" ? await text() : text;
    try {
      await navigator.clipboard.writeText(wanted);
      setDone(true);
      say("Copied.");
      setTimeout(() => setDone(false), 1500);
    } catch {
      say("The browser did not allow to copy.");
    }
  };
  return html`<button class="small" onClick=${copy} disabled=${disabled}>${isDone ? "Copied ✓" : children}</button>`;
}

const SHOWN_CHARS = 200_000;
const TOKENS = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d[\d.eE+-]*)|(true|false|null)/g;

/** JSON in colours, with its own digits. */
export function Json({ text, label = "JSON" }) {
  const shown = indented(text);
  const cut = shown.length > SHOWN_CHARS;
  const body = cut ? shown.slice(0, SHOWN_CHARS) : shown;
  const parts = [];
  let at = 0;
  for (const match of body.length < 60_000 ? body.matchAll(TOKENS) : []) {
    parts.push(body.slice(at, match.index));
    const [all, string, colon, number] = match;
    const kind = string ? (colon ? "key" : "string") : number ? "number" : "word";
    parts.push(html`<span class="json-${kind}">${all}</span>`);
    at = match.index + all.length;
  }
  parts.push(body.slice(at));
  return html`<pre class="json" tabindex="0" role="region" aria-label=${label}><code>${parts}</code></pre>
    ${cut && html`<p class="quiet">Only the beginning is shown. Copy it to see all.</p>`}`;
}

/** Tabs as the ARIA pattern has them: arrow keys move, one tab is in the order of Tab. */
export function Tabs({ label, tabs, chosen, choose }) {
  const id = useId();
  const list = useRef(null);
  const keyed = (event) => {
    const names = tabs.map(([name]) => name);
    const at = names.indexOf(chosen);
    const moves = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: names.length - 1 };
    if (!(event.key in moves)) return;
    event.preventDefault();
    const next = (moves[event.key] + names.length) % names.length;
    choose(names[next]);
    list.current.children[next].focus();
  };
  const current = tabs.find(([name]) => name === chosen) ?? tabs[0];
  return html`<div class="tabs" role="tablist" aria-label=${label} ref=${list} onKeyDown=${keyed}>
      ${tabs.map(
        ([name, title]) => html`<button
          role="tab"
          id="${id}-${name}"
          aria-selected=${name === current[0]}
          aria-controls="${id}-panel"
          tabindex=${name === current[0] ? 0 : -1}
          onClick=${() => choose(name)}
        >
          ${title}
        </button>`,
      )}
    </div>
    <div role="tabpanel" class="tabpanel" id="${id}-panel" aria-labelledby="${id}-${current[0]}" tabindex="0">
      ${current[2]()}
    </div>`;
}

/** One of several choices in a row, as radio buttons. */
export function Choice({ label, options, chosen, choose }) {
  const name = useId();
  return html`<fieldset class="choice">
    <legend class="unseen">${label}</legend>
    ${options.map(
      ([value, title]) => html`<label class=${value === chosen ? "chosen" : ""}>
        <input type="radio" name=${name} checked=${value === chosen} onChange=${() => choose(value)} />${title}
      </label>`,
    )}
  </fieldset>`;
}

/** Returns a text in which what stands in back quotes is code. */
export const prose = (text) => text.split("`").map((part, at) => (at % 2 ? html`<code>${part}</code>` : part));

export function Field({ label, hint, children, inline, long }) {
  const id = useId();
  return html`<div class="field ${inline ? "field-inline" : ""} ${long ? "field-long" : ""}">
    <label for=${id}>${label}</label>
    ${children({ id, "aria-describedby": hint ? `${id}-hint` : undefined })}
    ${hint && html`<p class="hint" id="${id}-hint">${hint}</p>`}
  </div>`;
}

/** Returns a value that follows another one once it has been still for a while. */
export function useSettled(value, ms = 200) {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return settled;
}
