// Draws the steps of a workflow as SVG, laid out by dagre.
import dagre from "@dagrejs/dagre";
import { html } from "htm/preact";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { counted } from "./texts.js";
import { Badge, Empty, Table } from "./ui.js";

const WIDTH = 190;
const HEIGHT = 56;

function laidOut({ steps, links }) {
  const graph = new dagre.graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir: "LR", nodesep: 26, ranksep: 64, marginx: 16, marginy: 16 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const step of steps) graph.setNode(step.id, { width: WIDTH, height: HEIGHT, step });
  links.forEach((link, at) => graph.setEdge(link.source, link.target, { link }, String(at)));
  dagre.layout(graph);
  const { width, height } = graph.graph();
  return {
    width: Math.max(width || 0, WIDTH + 32),
    height: Math.max(height || 0, HEIGHT + 32),
    nodes: graph.nodes().map((id) => graph.node(id)),
    edges: graph.edges().map((edge) => drawn(graph, edge)),
  };
}

/** Returns a link with its points: where it leads on, from the side of a step to that of the next. */
function drawn(graph, edge) {
  const { link, points } = graph.edge(edge);
  const [from, to] = [graph.node(edge.v), graph.node(edge.w)];
  if (to.x <= from.x) return { link, points };
  const start = { x: from.x + WIDTH / 2, y: from.y };
  const end = { x: to.x - WIDTH / 2, y: to.y };
  const room = Math.min(40, (end.x - start.x) / 2);
  const between = points.slice(1, -1).filter((point) => point.x > start.x + room && point.x < end.x - room);
  return { link, points: [start, { x: start.x + room, y: start.y }, ...between, { x: end.x - room, y: end.y }, end] };
}

/** Returns the path of a smooth line through points. */
function smooth(points) {
  const [first, ...rest] = points;
  let path = `M${first.x},${first.y}`;
  rest.forEach((point, at) => {
    const next = rest[at + 1];
    if (!next) path += `L${point.x},${point.y}`;
    else path += `Q${point.x},${point.y} ${(point.x + next.x) / 2},${(point.y + next.y) / 2}`;
  });
  return path;
}

const shortened = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

export function Graph({ graph, name }) {
  const [scale, setScale] = useState(1);
  const frame = useRef(null);
  const [chosen, choose] = useState(null);
  const layout = useMemo(() => laidOut(graph), [graph]);
  const fit = () => {
    const room = frame.current ? frame.current.clientWidth - 4 : layout.width;
    setScale(Math.max(0.58, Math.min(1, room / layout.width)));
  };
  useLayoutEffect(fit, [layout]);
  if (!graph.steps.length)
    return html`<${Empty} title="No steps to draw">
      This body has none, or it comes from a tool whose steps the sidecar does not read.
    <//>`;
  const names = new Map(graph.steps.map((step) => [step.id, step.name || step.id]));
  const told = `Graph of ${name}: ${counted(graph.steps.length, "step")}, ${counted(graph.links.length, "link")}; the tables below have all of them.`;
  const isNear = (link) => chosen && (link.source === chosen || link.target === chosen);
  return html`<div class="graph">
    <div class="graph-bar">
      <${Badge}>${graph.tool}<//>
      <span class="quiet">${counted(graph.steps_total, "step")}, ${counted(graph.links.length, "link")}${graph.steps_total > graph.steps.length ? `; the first ${graph.steps.length} are drawn` : ""}</span>
      <span class="actions">
        <button class="small" aria-label="Smaller" onClick=${() => setScale(Math.max(0.25, scale / 1.25))}>−</button>
        <button class="small" onClick=${fit}>Fit</button>
        <button class="small" aria-label="Larger" onClick=${() => setScale(Math.min(3, scale * 1.25))}>+</button>
      </span>
    </div>
    <div class="graph-frame" ref=${frame} tabindex="0" role="region" aria-label="Drawn graph">
      <svg
        role="img"
        aria-label=${told}
        viewBox="0 0 ${layout.width} ${layout.height}"
        width=${layout.width * scale}
        height=${layout.height * scale}
      >
        <defs>
          <marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto-start-reverse">
            <path class="graph-tip" d="M0,0L8,4L0,8z" />
          </marker>
        </defs>
        ${layout.edges.map(
          ({ points, link }) => html`<path class="graph-link ${isNear(link) ? "near" : ""}" d=${smooth(points)} marker-end="url(#tip)"><title>${link.port}</title></path>`,
        )}
        ${layout.nodes.map(
          ({ x, y, step }) => html`<g
            class="graph-step ${chosen === step.id ? "near" : ""}"
            transform="translate(${x - WIDTH / 2},${y - HEIGHT / 2})"
            onClick=${() => choose(chosen === step.id ? null : step.id)}
          >
            <title>${step.name || step.id}</title>
            <rect width=${WIDTH} height=${HEIGHT} rx="10" />
            <text x="14" y="24" class="graph-name">${shortened(step.name || step.id, 23)}</text>
            <text x="14" y="42" class="graph-kind">${shortened(step.kind || "step", 27)}</text>
          </g>`,
        )}
      </svg>
    </div>
    <details>
      <summary>Tables of this graph</summary>
      <${Table}
        caption="Steps"
        rows=${graph.steps.map((step) => ({ key: step.id, ...step }))}
        columns=${[["Name", (step) => step.name || step.id], ["Type", (step) => step.kind || "–"], ["Id", (step) => html`<code>${step.id}</code>`]]}
      />
      ${graph.links.length > 0 &&
      html`<${Table}
        caption="Links"
        rows=${graph.links.map((link, at) => ({ key: at, ...link }))}
        columns=${[["From", (link) => names.get(link.source)], ["To", (link) => names.get(link.target)], ["Output > input", (link) => link.port || "–"]]}
      />`}
    </details>
  </div>`;
}
