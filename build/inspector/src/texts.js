// Numbers, times and commands as texts for people.

const whole = new Intl.NumberFormat("en");
export const count = (value) => (value == null ? "–" : whole.format(value));

/** Returns "1 run" or "2 runs". */
export const counted = (value, noun, many = `${noun}s`) => `${count(value)} ${value === 1 ? noun : many}`;

export function bytes(value) {
  if (value == null) return "–";
  if (value < 1000) return `${value} B`;
  for (const [unit, size] of [["kB", 1e3], ["MB", 1e6], ["GB", 1e9]])
    if (value < size * 1000 || unit === "GB") return `${Number((value / size).toPrecision(3))} ${unit}`;
}

export function duration(ms) {
  if (ms == null) return "–";
  if (ms === 0) return "0 ms";
  if (ms < 1) return `${Math.round(ms * 1000)} µs`;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
  return `${Math.floor(ms / 3_600_000)} h ${Math.round((ms % 3_600_000) / 60_000)} min`;
}

const pad = (value, width = 2) => String(value).padStart(width, "0");
export const day = (ms) => {
  const at = new Date(ms);
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
};
export const clock = (ms) => {
  const at = new Date(ms);
  return `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
};
export const clockMs = (ms) => `${clock(ms)}.${pad(new Date(ms).getMilliseconds(), 3)}`;
export const time = (ms) => (ms == null ? "–" : `${day(ms)} ${clock(ms)}`);

export const percent = (share) => (share == null ? "–" : `${Math.round(share * 1000) / 10} %`);

/** Returns a value at a place of a sorted list, such as 0.95 of its length. */
export function quantile(sorted, share) {
  if (!sorted.length) return null;
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
}

const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** Returns the command of a shell that makes a call. */
export function shellCommand(program, database, method, params) {
  const words = Object.entries(params ?? {}).map(([name, value]) =>
    typeof value === "string" ? quoted(`${name}=${value}`) : `${name}:=${quoted(JSON.stringify(value))}`,
  );
  const place = database ? ["--database", quoted(database)] : [];
  return [program, "call", method, ...words, ...place].join(" ");
}

/** Returns JSON text on several lines without reading its values: numbers keep all their digits. */
export function indented(text) {
  let depth = 0;
  let made = "";
  const line = () => `\n${"  ".repeat(depth)}`;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    if (token === "{" || token === "[") {
      depth += 1;
      made += token + line();
    } else if (token === "}" || token === "]") {
      depth -= 1;
      const opening = token === "}" ? "{" : "[";
      made = made.trimEnd();
      made += made.endsWith(opening) ? token : line() + token;
    } else if (token === ",") made += token + line();
    else if (token === ":") made += ": ";
    else made += token;
  }
  return made;
}
