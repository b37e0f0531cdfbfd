// Charts by uPlot. A canvas says nothing to a screen reader, so each chart has its table.
import { html } from "htm/preact";
import uPlot from "uplot";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Table } from "./ui.js";

const dark = matchMedia("(prefers-color-scheme: dark)");

function useTheme() {
  const [isDark, setDark] = useState(dark.matches);
  useEffect(() => {
    const follow = () => setDark(dark.matches);
    dark.addEventListener("change", follow);
    return () => dark.removeEventListener("change", follow);
  }, []);
  return isDark;
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** Bars that stand on each other: each series is drawn up to the sum of those below it. */
function stacked(series) {
  const sums = [];
  let below = series[0].values.map(() => 0);
  for (const each of series) {
    below = below.map((sum, at) => sum + (each.values[at] ?? 0));
    sums.push(below);
  }
  return sums;
}

function optionsOf({ kind, labels, shorten, series, format, width, height, onIndex }) {
  const font = "12px system-ui, sans-serif";
  const axis = { stroke: colour("text-quiet"), font, ticks: { show: false }, grid: { stroke: colour("line"), width: 1 } };
  const isBars = kind !== "lines";
  // Bars of one place stand beside each other, or on each other.
  const isPaired = kind === "bars" && series.length === 2;
  const bars = (at) =>
    uPlot.paths.bars({ size: isPaired ? [0.36, 26] : [0.72, 42], align: isPaired ? (at ? 1 : -1) : 0, radius: kind === "stack" ? 0 : 0.12 });
  const drawn = series.map((each, at) => ({
    label: each.label,
    stroke: isBars ? undefined : colour(each.colour),
    fill: isBars ? colour(each.colour) : undefined,
    width: isBars ? 0 : 2,
    paths: isBars ? bars(at) : uPlot.paths.linear(),
    points: { show: !isBars, size: 6, fill: isBars ? undefined : colour(each.colour) },
    spanGaps: true,
  }));
  const most = Math.max(2, Math.floor(width / 84));
  const every = Math.max(1, Math.ceil(labels.length / most));
  return {
    width,
    height,
    legend: { show: false },
    padding: [12, 28, 0, 0],
    cursor: { drag: { x: false, y: false }, y: false, points: { show: !isBars } },
    scales: { x: { time: false, range: [-0.6, labels.length - 0.4] }, y: { range: (_u, _min, max) => [0, max > 0 ? max * 1.08 : 1] } },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 28,
        splits: () => labels.map((_, at) => at).filter((at) => at % every === 0),
        values: (_u, splits) => splits.map((at) => shorten(labels[at] ?? "")),
      },
      {
        ...axis,
        size: 62,
        values: (_u, splits) => splits.map((value) => (kind === "stack" && value % 1 ? "" : format(value))),
      },
    ],
    // Of a stack the highest sum is drawn first, and those below it over it.
    series: [{}, ...(kind === "stack" ? drawn.toReversed() : drawn)],
    hooks: { setCursor: [(u) => onIndex(u.cursor.idx ?? null)] },
  };
}

/**
 * A chart with its legend, what is under the pointer, and its table.
 * `kind` is "stack", "bars" or "lines"; `labels` are those of the x axis, which `shorten` makes short
 * for it; `series` are {label, colour, values}.
 */
export function Chart({ title, kind, labels, shorten = (label) => label, series, format, head, height = 220 }) {
  const place = useRef(null);
  const isDark = useTheme();
  const [index, setIndex] = useState(null);
  useLayoutEffect(() => {
    const element = place.current;
    const values = kind === "stack" ? stacked(series).toReversed() : series.map((each) => each.values);
    let plot;
    const draw = () => {
      plot?.destroy();
      const width = Math.max(240, element.clientWidth);
      plot = new uPlot(optionsOf({ kind, labels, shorten, series, format, width, height, onIndex: setIndex }), [labels.map((_, at) => at), ...values], element);
    };
    draw();
    const watch = new ResizeObserver(() => element.clientWidth !== plot.width && draw());
    watch.observe(element);
    return () => {
      watch.disconnect();
      plot.destroy();
    };
  }, [kind, JSON.stringify([labels, series]), height, isDark]);
  const rows = labels.map((label, at) => ({ key: at, label, at }));
  return html`<figure class="chart">
    <figcaption>
      <span class="chart-title">${title}</span>
      <ul class="legend">
        ${series.map(
          (each) => html`<li>
            <svg class="swatch swatch-${each.colour}" viewBox="0 0 10 10" aria-hidden="true"><rect width="10" height="10" rx="2" /></svg>
            ${each.label}${index != null && labels[index] != null && html`<b>${format(each.values[index])}</b>`}
          </li>`,
        )}
        <li class="under">${index != null ? labels[index] : ""}</li>
      </ul>
    </figcaption>
    <div class="plot" ref=${place} aria-hidden="true"></div>
    <details>
      <summary>Table of this chart</summary>
      <${Table}
        caption=${title}
        hidesCaption=${true}
        rows=${rows}
        columns=${[[head, (row) => row.label], ...series.map((each) => [each.label, (row) => format(each.values[row.at]), { number: true }])]}
      />
    </details>
  </figure>`;
}
