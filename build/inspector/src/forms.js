// A form for the params of a method, made from its JSON Schema.
import { html } from "htm/preact";
import { Field, prose } from "./ui.js";

/** Returns a schema with its reference followed and null left out. */
function plain(schema, document) {
  if (schema.$ref) {
    const { $ref, ...beside } = schema;
    return { ...plain($ref.slice(2).split("/").reduce((found, name) => found[name], document), document), ...beside };
  }
  if (schema.anyOf) {
    const kinds = schema.anyOf.filter((each) => each.type !== "null");
    if (kinds.length === 1) {
      const { anyOf, ...beside } = schema;
      return { ...plain(kinds[0], document), ...beside };
    }
  }
  return schema;
}

const LINES = ["object", "array", undefined];

/** Returns what a person has typed as a value, or undefined for nothing. Throws for what is no value. */
function valueOf(param, schema, typed) {
  if (typed === undefined || (typed === "" && (!param.required || schema.type !== "string"))) {
    if (param.required) throw new Error(`${param.name} is missing.`);
    return undefined;
  }
  if (schema.type === "string") return JSON.stringify(typed);
  if (schema.type === "boolean") return typed;
  if (schema.type === "integer" || schema.type === "number") {
    if (!/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(typed.trim())) throw new Error(`${param.name} must be a number.`);
    return typed.trim();
  }
  try {
    JSON.parse(typed);
  } catch {
    throw new Error(`${param.name} must be JSON${schema.type ? `, here an ${schema.type}` : ""}.`);
  }
  return typed.trim();
}

/** Returns the params as JSON text. Throws an Error whose text says what is wrong. */
export function paramsText(method, document, typed) {
  const members = [];
  for (const param of method.params) {
    const value = valueOf(param, plain(param.schema, document), typed[param.name]);
    if (value !== undefined) members.push(`${JSON.stringify(param.name)}:${value}`);
  }
  return `{${members.join(",")}}`;
}

/** Returns what must be typed to get these params. */
export function typedFor(method, document, params) {
  const typed = {};
  for (const param of method.params) {
    const value = params[param.name];
    if (value === undefined || value === null) continue;
    const { type } = plain(param.schema, document);
    typed[param.name] = type === "string" ? value : LINES.includes(type) ? JSON.stringify(value, null, 2) : String(value);
  }
  return typed;
}

function hintOf(param, schema) {
  const kind = schema.enum ? null : schema.type === "array" ? "a JSON list" : schema.type === "object" ? "a JSON object" : schema.type ? null : "any JSON";
  return [param.description ?? schema.description, kind && `Write ${kind}.`].filter(Boolean).join(" ");
}

function Input({ param, schema, typed, type, own }) {
  const set = (event) => type(event.currentTarget.value);
  const required = { "aria-required": param.required };
  if (schema.enum || schema.type === "boolean") {
    const options = schema.enum ?? ["true", "false"];
    return html`<select ...${own} ...${required} value=${typed ?? ""} onChange=${set}>
      <option value="">not given</option>
      ${options.map((each) => html`<option value=${String(each)}>${String(each)}</option>`)}
    </select>`;
  }
  if (LINES.includes(schema.type))
    return html`<textarea ...${own} ...${required} rows=${Math.min(14, Math.max(2, (typed ?? "").split("\n").length))} spellcheck="false" value=${typed ?? ""} onInput=${set}></textarea>`;
  const isNumber = schema.type === "integer" || schema.type === "number";
  const kind = schema.writeOnly ? "password" : "text";
  return html`<input ...${own} ...${required} type=${kind} inputmode=${isNumber ? "numeric" : undefined} autocomplete="off" spellcheck="false" value=${typed ?? ""} onInput=${set} />`;
}

/** The fields of a method; `typed` has what was typed by name, `type(name, text)` changes it. */
export function ParamFields({ method, document, typed, type }) {
  if (!method.params.length) return html`<p class="quiet">This method takes no params.</p>`;
  return html`<div class="fields">${method.params.map((param) => {
    const schema = plain(param.schema, document);
    const isLong = LINES.includes(schema.type) && !schema.enum;
    const label = html`<code>${param.name}</code>${param.required ? html`<span class="required">required</span>` : ""}`;
    return html`<${Field} key=${`${method.name} ${param.name}`} label=${label} hint=${prose(hintOf(param, schema))} long=${isLong}>
      ${(own) => html`<${Input} param=${param} schema=${schema} own=${own} typed=${typed[param.name]} type=${(text) => type(param.name, text)} />`}
    <//>`;
  })}</div>`;
}
