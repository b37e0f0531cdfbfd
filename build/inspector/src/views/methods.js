import { html } from "htm/preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { call } from "../api.js";
import { CopyCall, Outcome, isReading, refusal, useCall } from "../calls.js";
import { ParamFields, paramsText, typedFor } from "../forms.js";
import { Badge, Card, Choice, Empty, Field, Loaded, prose, useLoaded, usePage } from "../ui.js";

export function Methods({ rest: [chosen] }) {
  const { state } = usePage();
  const contract = useLoaded(() => call("rpc.discover"), []);
  const [query, setQuery] = useState("");
  return html`<h1>Methods</h1>
    <${Loaded} from=${contract} what="Reading the contract">
      ${(document) => {
        const words = query.toLowerCase().split(/\s+/).filter(Boolean);
        const found = document.methods.filter((each) => words.every((word) => `${each.name} ${each.summary}`.toLowerCase().includes(word)));
        const nouns = [...new Set(found.map((each) => each.name.split(".")[0]))];
        const method = document.methods.find((each) => each.name === chosen);
        return html`<div class="split">
          <div class="side">
            <${Field} label="Find a method">${(own) => html`<input ...${own} type="search" placeholder="name or words" value=${query} onInput=${(event) => setQuery(event.currentTarget.value)} />`}<//>
            <nav aria-label="Methods" class="side-list">
              ${nouns.length === 0 && html`<${Empty} title="No method has these words" />`}
              ${nouns.map(
                (noun) => html`<h2>${noun}</h2>
                  <ul>
                    ${found
                      .filter((each) => each.name.startsWith(`${noun}.`))
                      .map(
                        (each) => html`<li key=${each.name}>
                          <a href="#/methods/${each.name}" aria-current=${each.name === chosen ? "page" : undefined}>
                            ${each.name.slice(noun.length + 1)}
                            ${!isReading(state, each.name, { dry_run: true }) && html`<span class="writes" title="can change something">changes</span>`}
                          </a>
                        </li>`,
                      )}
                  </ul>`,
              )}
            </nav>
          </div>
          <div class="main">
            ${method
              ? html`<${Method} key=${method.name} method=${method} document=${document} />`
              : html`<${Card}><${Empty} title="Choose a method">Each has a form of its params, an example and its result.<//><//>`}
          </div>
        </div>`;
      }}
    <//>`;
}

function exampleOf(method) {
  const example = method.examples?.[0];
  return example ? Object.fromEntries(example.params.map((each) => [each.name, each.value])) : null;
}

function Method({ method, document }) {
  const { state } = usePage();
  const example = useMemo(() => exampleOf(method), [method]);
  const [typed, setTyped] = useState({});
  const [asText, setAsText] = useState(false);
  const [text, setText] = useState("{}");
  const [mistake, setMistake] = useState(null);
  const [outcome, make] = useCall();
  useEffect(() => setMistake(null), [typed, text]);
  const read = () => {
    if (!asText) return paramsText(method, document, typed);
    JSON.parse(text);
    return text;
  };
  let params = {};
  try {
    params = JSON.parse(read());
  } catch {
    // What is wrong is said when the person sends it.
  }
  const refused = refusal(state, method.name, params);
  const send = (event) => {
    event.preventDefault();
    try {
      make(method.name, read());
    } catch (fault) {
      setMistake(fault.message);
    }
  };
  const switchTo = (next) => {
    if (next) {
      try {
        setText(JSON.stringify(JSON.parse(paramsText(method, document, typed)), null, 2));
      } catch {
        setText("{}");
      }
    } else {
      try {
        setTyped(typedFor(method, document, JSON.parse(text)));
      } catch {
        // Text that is no JSON is left out of the form.
      }
    }
    setAsText(next);
  };
  return html`<${Card}>
      <header class="method-head">
        <h2><code>${method.name}</code></h2>
        <p>${prose(method.summary)}</p>
        ${method.description && html`<p class="quiet">${prose(method.description)}</p>`}
        <p class="badges">
          ${isReading(state, method.name, {}) ? html`<${Badge} kind="good">only reads<//>` : html`<${Badge} kind="warm">can change something<//>`}
          ${method["x-long"] && html` <${Badge}>long: tells progress, can be cancelled<//>`}
          ${method["x-rescue"] && html` <${Badge}>also in a rescue<//>`}
        </p>
      </header>
      <form onSubmit=${send} aria-label="Params of ${method.name}">
        <div class="form-bar">
          <${Choice} label="How params are written" options=${[[false, "Form"], [true, "JSON"]]} chosen=${asText} choose=${switchTo} />
          ${example &&
          Object.keys(example).length > 0 &&
          html`<button type="button" class="small" onClick=${() => (asText ? setText(JSON.stringify(example, null, 2)) : setTyped(typedFor(method, document, example)))}>Fill in the example</button>`}
        </div>
        ${asText
          ? html`<${Field} label="Params as JSON">${(own) => html`<textarea ...${own} rows="10" spellcheck="false" value=${text} onInput=${(event) => setText(event.currentTarget.value)}></textarea>`}<//>`
          : html`<${ParamFields} method=${method} document=${document} typed=${typed} type=${(name, value) => setTyped({ ...typed, [name]: value })} />`}
        ${mistake && html`<p class="mistake" role="alert">${mistake}</p>`}
        ${refused && html`<p class="note" id="refused">${refused}</p>`}
        <div class="actions">
          <button class="primary" type="submit" disabled=${!!refused} aria-describedby=${refused ? "refused" : undefined}>Call ${method.name}</button>
          <${CopyCall} method=${method.name} params=${params} />
        </div>
      </form>
      <${Outcome} outcome=${outcome} />
    <//>
    <${Card} title="What it can answer" level=${3}>
      <p>${prose(method.result.description)}</p>
      <p class="quiet">Errors: ${method.errors.map((each) => each.$ref.split("/").at(-1)).map((name, at) => html`${at > 0 ? ", " : ""}<code>${name}</code>`)}</p>
    <//>`;
}
