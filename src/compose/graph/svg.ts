import type { Project } from "../project/index.ts";
import { type DependencyFacts, factsOf, type ServiceFacts } from "./facts.ts";
import { type Edge, type Layout, layOut, type Point } from "./layout.ts";

const MARGIN = 24;
const TITLE_SIZE = 14;
const TEXT_SIZE = 11;
/** Of the letters of a monospaced font, as a part of their size. */
const LETTER = 0.602;
const LINE = 16;
const PADDING = 12;
const LONGEST_LINE = 44;
const LEGEND_HEIGHT = 22;
/** Networks are told apart by colour; after these they begin anew. */
const COLOURS = 6;

interface DrawnService {
  readonly facts: ServiceFacts;
  readonly lines: readonly { readonly text: string; readonly style: string }[];
  readonly width: number;
  readonly height: number;
}

/**
 * The application as an SVG document that needs nothing else: services from left to right, each left of those that it
 * depends on, with what they publish and keep; networks by colour. Readable on light and on dark pages.
 */
export function graphSvg(project: Project): string {
  const services = factsOf(project).map(draw);
  const networks = [...new Set(services.flatMap(({ facts }) => facts.networks))].sort();
  const colours = new Map(networks.map((name, index) => [name, index % COLOURS]));
  const edges = services.flatMap(({ facts }) =>
    facts.dependencies.map((dependency) => ({ from: facts.name, to: dependency.service, dependency })),
  );
  const boxes = services.map(({ facts, width, height }) => ({ id: facts.name, width, height }));
  const layout = layOut(boxes, edges);
  const legend = legendOf(networks, colours, layout.height + MARGIN * 2 + LINE);
  const width = Math.ceil(
    Math.max(layout.width, legend.width, widthOf(project.name, TITLE_SIZE)) + MARGIN * 2,
  );
  const height = Math.ceil(layout.height + MARGIN * 3 + LINE + legend.height);
  const move = `translate(${MARGIN} ${MARGIN + LINE + 8})`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(project.name)}">
<title>${escaped(project.name)}</title>
<style>${STYLE}</style>
<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" class="head"/></marker></defs>
<rect class="page" width="${width}" height="${height}"/>
<text class="title" x="${MARGIN}" y="${MARGIN + 4}">${escaped(project.name)}</text>
<g transform="${move}">
${edges.map((edge) => drawEdge(edge, edge.dependency, layout.routes.get(edge)!)).join("\n")}
${services.map((one) => drawConditions(one.facts.name, edges, layout)).join("")}
${services.map((one) => drawBox(one, layout.places.get(one.facts.name)!, colours)).join("\n")}
</g>
${legend.svg}
</svg>
`;
}

function draw(facts: ServiceFacts): DrawnService {
  const line = (style: string) => (text: string) => ({ text: shortened(text), style });
  const lines = [
    line("image")(facts.image),
    ...facts.ports.map(line("port")),
    ...facts.volumes.map(line("volume")),
  ];
  const title = titleOf(facts);
  const widest = Math.max(
    widthOf(title, TITLE_SIZE),
    ...lines.map(({ text }) => widthOf(text, TEXT_SIZE)),
    facts.networks.length * 12,
  );
  return {
    facts,
    lines,
    width: Math.ceil(widest) + PADDING * 2,
    height: PADDING * 2 + LINE * (lines.length + 1) + 10,
  };
}

const titleOf = ({ name, scale }: ServiceFacts): string => (scale === 1 ? name : `${name} ×${scale}`);
const widthOf = (text: string, size: number): number => text.length * size * LETTER;
const shortened = (text: string): string =>
  text.length > LONGEST_LINE ? `${text.slice(0, LONGEST_LINE - 1)}…` : text;

function drawBox(
  { facts, lines, width, height }: DrawnService,
  { x, y }: Point,
  colours: ReadonlyMap<string, number>,
): string {
  const texts = lines.map(({ text, style }, index) => {
    const baseline = PADDING + LINE * (index + 2) - 5;
    return `<text class="${style}" x="${PADDING}" y="${baseline}">${escaped(text)}</text>`;
  });
  const dots = facts.networks.map((network, index) => {
    const title = `<title>${escaped(`network ${network}`)}</title>`;
    return `<circle class="n${colours.get(network)}" cx="${PADDING + 4 + index * 12}" cy="${height - PADDING}" r="4">${title}</circle>`;
  });
  return `<g transform="translate(${round(x)} ${round(y)})"><rect class="box" width="${width}" height="${height}" rx="6"/><text class="name" x="${PADDING}" y="${PADDING + 11}">${escaped(titleOf(facts))}</text>${texts.join("")}${dots.join("")}</g>`;
}

function drawEdge(edge: Edge, { condition, required }: DependencyFacts, points: readonly Point[]): string {
  const title = `${edge.from} needs ${edge.to} ${condition}${required ? "" : ", if it can be had"}`;
  const [start, ...rest] = points;
  let path = `M${round(start!.x)} ${round(start!.y)}`;
  let from = start!;
  for (const to of rest) {
    const half = round((from.x + to.x) / 2);
    path += `C${half} ${round(from.y)} ${half} ${round(to.y)} ${round(to.x)} ${round(to.y)}`;
    from = to;
  }
  const style = required ? condition : `${condition} optional`;
  return `<g><title>${escaped(title)}</title><path class="edge ${style}" d="${path}" marker-end="url(#arrow)"/></g>`;
}

/** What others wait for, once each, where their edges arrive. */
function drawConditions(
  name: string,
  edges: readonly (Edge & { readonly dependency: DependencyFacts })[],
  { routes }: Layout,
): string {
  const arriving = edges.filter(({ to, dependency }) => to === name && dependency.condition !== "started");
  const conditions = [...new Set(arriving.map(({ dependency }) => dependency.condition))];
  return conditions
    .map((condition, index) => {
      const end = routes.get(arriving[0]!)!.at(-1)!;
      const [x, y] = [round(end.x - 10), round(end.y - 6 - index * 11)];
      return `<text class="when" text-anchor="end" x="${x}" y="${y}">${condition}</text>`;
    })
    .join("");
}

function legendOf(networks: readonly string[], colours: ReadonlyMap<string, number>, y: number) {
  if (networks.length === 0) return { svg: "", width: 0, height: 0 };
  let x = 0;
  const items = networks.map((name) => {
    const item = `<circle class="n${colours.get(name)}" cx="${round(x + 4)}" cy="0" r="4"/><text class="image" x="${round(x + 14)}" y="4">${escaped(name)}</text>`;
    x += 14 + widthOf(name, TEXT_SIZE) + 20;
    return item;
  });
  return {
    svg: `<g transform="translate(${MARGIN} ${round(y + LEGEND_HEIGHT / 2)})">${items.join("")}</g>`,
    width: x,
    height: LEGEND_HEIGHT,
  };
}

const round = (value: number): number => Math.round(value * 10) / 10;

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
/** XML has no place for control characters, not even escaped. */
const escaped = (text: string): string =>
  text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "�")
    .replace(/[&<>"]/g, (char) => ENTITIES[char]!);

const STYLE = `
svg{--page:#fff;--ink:#1c2128;--soft:#59636e;--line:#8b949e;--box:#f6f8fa;--rim:#d1d9e0;--port:#0550ae;--volume:#8250df;--good:#1a7f37;font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:${TEXT_SIZE}px}
@media (prefers-color-scheme:dark){svg{--page:#0d1117;--ink:#e6edf3;--soft:#9198a1;--line:#6e7681;--box:#161b22;--rim:#3d444d;--port:#79c0ff;--volume:#d2a8ff;--good:#3fb950}}
.page{fill:var(--page)}.box{fill:var(--box);stroke:var(--rim)}
.title,.name{fill:var(--ink);font-size:${TITLE_SIZE}px;font-weight:600}
.image{fill:var(--soft)}.port{fill:var(--port)}.volume{fill:var(--volume)}.when{fill:var(--soft);font-size:10px;stroke:var(--page);stroke-width:3px;paint-order:stroke}
.edge{fill:none;stroke:var(--line);stroke-width:1.4}.healthy{stroke:var(--good)}.completed{stroke:var(--port)}.optional{stroke-dasharray:4 4}.head{fill:var(--line)}
.n0{fill:#0969da}.n1{fill:#bf8700}.n2{fill:#1a7f37}.n3{fill:#cf222e}.n4{fill:#8250df}.n5{fill:#bc4c00}
`;
