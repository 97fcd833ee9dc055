import { expect, test } from "bun:test";
import { loadProject } from "../project/index.ts";
import { layOut } from "./layout.ts";
import { graphSvg } from "./svg.ts";
import { graphText } from "./text.ts";

function project(text: string) {
  return loadProject({
    files: ["/app/compose.yaml"],
    directory: "/app",
    environment: {},
    reading: { read: () => text, has: (path) => path.endsWith("compose.yaml"), readStdin: () => "" },
  });
}

const SHOP = project(`name: shop
services:
  proxy: { image: nginx, ports: ["80:80", "127.0.0.1:53:53/udp", "9"], networks: [front], depends_on: [api], volumes: ["./c:/c:ro"] }
  api:
    build: ./api
    scale: 2
    networks: [front, back]
    depends_on:
      db: { condition: service_healthy }
      cache: { condition: service_started, required: false }
      migrate: { condition: service_completed_successfully }
  migrate: { image: api, networks: [back], depends_on: { db: { condition: service_healthy } } }
  db: { image: "postgres:17", networks: [back], volumes: ["data:/data", "/anonymous"] }
  cache: { image: redis, network_mode: host, tmpfs: [/x] }
networks: { front: , back: { external: true } }
volumes: { data: }
`);

test("the text is a tree of dependencies, and who uses what", () => {
  expect(graphText(SHOP)).toBe(`shop
└── proxy  nginx
    │   ports     80→80, 127.0.0.1:53→53/udp, →9
    │   networks  front
    │   volumes   ./c→/c (read-only)
    └── api ×2 [started]  built from ./api
        │   networks  back, front
        ├── cache [started, optional]  redis
        │       networks  host
        ├── db [healthy]  postgres:17
        │       networks  back
        │       volumes   data→/data, anonymous→/anonymous
        └── migrate [completed]  api
            │   networks  back
            └── db [healthy]  (see above)

networks
  back   back (external)  api, db, migrate
  front  shop_front       api, proxy

volumes
  data  shop_data  db
`);
});

test("the picture is well-formed, whole in itself, and says all services and conditions", () => {
  const svg = graphSvg(SHOP);
  expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" width="\d+" height="\d+"/);
  expect(svg).toContain("prefers-color-scheme:dark");
  expect(svg.replace("http://www.w3.org/2000/svg", "")).not.toMatch(/https?:|url\((?!#)/);
  for (const text of [
    "api ×2",
    "postgres:17",
    "80→80",
    "data→/data",
    ">healthy<",
    ">completed<",
    "proxy needs api",
  ]) {
    expect(svg).toContain(text);
  }
  expect(svg).toContain('class="edge started optional"');
  const open = svg.match(/<(?!\/)[a-z]+(?:"[^"]*"|[^">])*(?<!\/)>/g)!.length;
  expect(svg.match(/<\/[a-z]+>/g)!.length).toBe(open);
});

test("what people write cannot leave its place in the picture", () => {
  const svg = graphSvg(
    project(`name: x\nservices: { a: { image: '"/><script>&\u0001', network_mode: "<b>" } }`),
  );
  expect(svg).not.toContain("<script>");
  expect(svg).toContain("&quot;/&gt;&lt;script&gt;&amp;�");
});

test("a project without services is a picture, too", () => {
  expect(graphText(project("name: x\nservices: {}"))).toBe("x\n");
  expect(graphSvg(project("name: x\nservices: {}"))).toContain("</svg>");
});

test("boxes do not overlap, and edges pass beside them", () => {
  const boxes = ["a", "b", "c", "d", "e"].map((id, index) => ({ id, width: 60 + index * 20, height: 40 }));
  const pairs = [
    ["a", "b"],
    ["b", "c"],
    ["a", "c"],
    ["a", "d"],
    ["d", "c"],
    ["e", "c"],
  ] as const;
  const edges = pairs.map(([from, to]) => ({ from, to }));
  const { places, routes, width, height } = layOut(boxes, edges);
  const rects = boxes.map((box) => ({ ...box, ...places.get(box.id)! }));
  for (const { x, y, width: w, height: h } of rects) {
    expect(x).toBeGreaterThanOrEqual(0);
    expect(y).toBeGreaterThanOrEqual(0);
    expect(x + w).toBeLessThanOrEqual(width);
    expect(y + h).toBeLessThanOrEqual(height);
  }
  const apart = (a: (typeof rects)[0], b: (typeof rects)[0]) =>
    a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
  for (const [index, one] of rects.entries()) {
    for (const other of rects.slice(index + 1)) expect(apart(one, other)).toBe(true);
  }
  for (const { from, to } of edges) expect(places.get(from)!.x).toBeLessThan(places.get(to)!.x);
  for (const [{ from, to }, points] of routes) {
    const others = rects.filter(({ id }) => id !== from && id !== to);
    for (const point of points) {
      const inside = others.filter(
        (r) => point.x > r.x && point.x < r.x + r.width && point.y > r.y && point.y < r.y + r.height,
      );
      expect(inside).toEqual([]);
    }
  }
});
