/** A box to be placed. */
export interface Box {
  readonly id: string;
  readonly width: number;
  readonly height: number;
}

/** From who needs to what is needed. There are no circles. */
export interface Edge {
  readonly from: string;
  readonly to: string;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  /** Where boxes begin: their upper left corners. */
  readonly places: ReadonlyMap<string, Point>;
  /** Where an edge runs, from the right side of a box to the left side of another, through the gaps between others. */
  readonly routes: ReadonlyMap<Edge, readonly Point[]>;
}

/** Between layers, and between boxes of a layer. */
const LAYER_GAP = 88;
const BOX_GAP = 24;
/** What an edge takes that passes a layer. */
const LANE = 10;
/** Rounds of bringing neighbours nearer; more change nothing that one could see. */
const SWEEPS = 8;

/** A box, or the place where an edge passes a layer. */
interface Item {
  readonly id: string;
  readonly layer: number;
  readonly lane: boolean;
  width: number;
  readonly height: number;
  x: number;
  y: number;
  readonly before: Item[];
  readonly after: Item[];
}

/**
 * Places boxes in layers from left to right, each left of all that it needs, in an order in which edges cross little.
 */
export function layOut(boxes: readonly Box[], edges: readonly Edge[]): Layout {
  const layers = layerOf(boxes, edges);
  const items = new Map<string, Item>();
  for (const { id, width, height } of boxes) items.set(id, newItem(id, layers.get(id)!, width, height));
  const chains = new Map(edges.map((edge) => [edge, chain(items, edge)]));
  const columns = columnsOf([...items.values()]);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const forth = sweep % 2 === 0;
    for (const column of forth ? columns : columns.toReversed()) order(column, forth ? "before" : "after");
  }
  const height = placeRows(columns);
  const width = placeColumns(columns);
  return {
    width,
    height,
    places: new Map(boxes.map(({ id }) => [id, { x: items.get(id)!.x, y: items.get(id)!.y }])),
    routes: new Map([...chains].map(([edge, passed]) => [edge, route(passed)])),
  };
}

const newItem = (id: string, layer: number, width: number, height: number): Item => ({
  id,
  layer,
  lane: width === 0,
  width,
  height,
  x: 0,
  y: 0,
  before: [],
  after: [],
});

/** How far from the left: after all that need it. */
function layerOf(boxes: readonly Box[], edges: readonly Edge[]): Map<string, number> {
  const needing = Map.groupBy(edges, ({ to }) => to);
  const layers = new Map<string, number>();
  const rest = boxes.map(({ id }) => id);
  // Each is settled after those that need it; a chain may be longer than calls can be deep.
  while (rest.length > 0) {
    const id = rest.at(-1)!;
    const users = (needing.get(id) ?? []).map(({ from }) => from);
    const open = users.filter((user) => !layers.has(user));
    if (open.length > 0 && !layers.has(id)) {
      rest.push(...open);
      continue;
    }
    rest.pop();
    if (!layers.has(id)) layers.set(id, Math.max(-1, ...users.map((user) => layers.get(user)!)) + 1);
  }
  return layers;
}

/** The items that an edge passes; those between the two boxes are made. */
function chain(items: Map<string, Item>, { from, to }: Edge): Item[] {
  const end = items.get(to)!;
  const passed = [items.get(from)!];
  for (let layer = passed[0]!.layer + 1; layer < end.layer; layer++) {
    const lane = newItem(`${from}\n${to}\n${layer}`, layer, 0, LANE);
    items.set(lane.id, lane);
    passed.push(lane);
  }
  passed.push(end);
  for (const [index, item] of passed.entries()) {
    const next = passed[index + 1];
    if (next === undefined) continue;
    item.after.push(next);
    next.before.push(item);
  }
  return passed;
}

function columnsOf(items: readonly Item[]): Item[][] {
  const columns: Item[][] = [];
  for (const item of items) {
    columns[item.layer] ??= [];
    columns[item.layer]!.push(item);
  }
  for (const column of columns) for (const [index, item] of column.entries()) item.y = index;
  return columns;
}

/** Orders a column by where the neighbours of its items stand; `y` is the rank meanwhile. */
function order(column: Item[], side: "before" | "after"): void {
  const wish = new Map(column.map((item) => [item, middle(item[side]) ?? item.y]));
  column.sort((a, b) => wish.get(a)! - wish.get(b)! || a.y - b.y);
  for (const [index, item] of column.entries()) item.y = index;
}

function middle(items: readonly Item[]): number | undefined {
  if (items.length === 0) return undefined;
  return items.reduce((sum, { y }) => sum + y, 0) / items.length;
}

const gapAfter = (item: Item): number => (item.lane ? LANE : BOX_GAP);

/** Each column in the middle of the picture's height, which is that of the highest. */
function placeRows(columns: readonly Item[][]): number {
  const heightOf = (column: readonly Item[]) =>
    column.reduce(
      (sum, item, index) => sum + item.height + (index < column.length - 1 ? gapAfter(item) : 0),
      0,
    );
  const height = Math.max(0, ...columns.map(heightOf));
  for (const column of columns) {
    let y = (height - heightOf(column)) / 2;
    for (const item of column) {
      item.y = y;
      y += item.height + gapAfter(item);
    }
  }
  return height;
}

function placeColumns(columns: readonly Item[][]): number {
  let x = 0;
  for (const column of columns) {
    const width = Math.max(...column.map((item) => item.width));
    for (const item of column) item.x = x;
    // An edge passes the whole of the column.
    for (const item of column) if (item.lane) item.width = width;
    x += width + LAYER_GAP;
  }
  return Math.max(0, x - LAYER_GAP);
}

function route(passed: readonly Item[]): Point[] {
  return passed.flatMap((item, index) => {
    const y = item.y + item.height / 2;
    const [left, right] = [
      { x: item.x, y },
      { x: item.x + item.width, y },
    ];
    if (index === 0) return [right];
    return item.lane ? [left, right] : [left];
  });
}
