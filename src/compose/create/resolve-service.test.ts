import { expect, test } from "bun:test";
import { serviceHash } from "../project/index.ts";
import { resolveService } from "./resolve-service.ts";
import { applicationOf } from "./testing.ts";

const resolved = (lines: string) => {
  const yaml = `services:\n  db: { image: db }\n  web:\n    image: web:1\n${lines.replace(/^/gm, "    ")}`;
  const web = { ...applicationOf(yaml).project.services["web"]!, name: "web" };
  return resolveService(web, (name) => (name === "db" ? [{ id: "4f2a", name: "shop-db-1" }] : []));
};

test("namespaces and volumes of another service are its first container's", () => {
  const service = resolved(
    "network_mode: service:db\nipc: service:db\npid: service:db\nvolumes_from: ['db:ro', 'container:x:ro']",
  );
  expect(service).toMatchObject({
    network_mode: "container:4f2a",
    ipc: "container:4f2a",
    pid: "container:4f2a",
    volumes_from: ["4f2a", "x"],
  });
});

test("what has no container yet cannot be shared", () => {
  const yaml = "services: { db: { image: db }, web: { image: w, volumes_from: [db] } }";
  const web = { ...applicationOf(yaml).project.services["web"]!, name: "web" };
  expect(() => resolveService(web, () => [])).toThrow(
    "cannot share volume with service db: container missing",
  );
});

const DB = "c5ce6a04b3295ac5f6763672e38be4cc1b9dc2ba3586f29149908661a0250c68";
const IMAGE = "sha256:056a1e5af3e7432a626d6db3f93af3f22df0ff4d8f07c6c81d77c1ad22833a80";
const project = applicationOf(`services:
  db: { image: "busybox:test" }
  shared: { image: "busybox:test", network_mode: "service:db", pid: "service:db", ipc: "service:db", volumes_from: ["db:ro"] }
  named: { image: "busybox:test", volumes: [{ type: image, source: "busybox:test", target: /i, image: { subpath: etc } }] }
  api: { image: "busybox:test", use_api_socket: true, environment: { A: b } }
`).project;

/** What Docker Compose 5.4 labelled the containers of these services with, when `db` and the image had these ids. */
test.each([
  ["shared", "d7937eeb9c86b024ec8e5aee184965436c3b9a36b8f6ab1e466e770871dab155"],
  ["named", "9193053034a4521d3672001da8e715dad20feacf128e4fd3afcf1674f2bbf156"],
  ["api", "5d3d68c35b4800a34fb533289d40642afbc06b926363bc6ac18a45d8e3d352c2"],
])("the hash of %s is Docker Compose's", (name, expected) => {
  const service = resolveService(
    { ...project.services[name]!, name },
    () => [{ id: DB, name: "shop-db-1" }],
    () => IMAGE,
  );
  expect(serviceHash(service)).toBe(expected);
});
