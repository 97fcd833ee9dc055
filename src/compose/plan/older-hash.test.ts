import { expect, test } from "bun:test";
import { loadProject, serviceHash } from "../project/index.ts";
import { olderHashes } from "./older-hash.ts";

function web(volumes: string) {
  const text = `name: k1\nservices: { web: { image: "busybox:test", volumes: ${volumes} } }\n`;
  const project = loadProject({
    files: ["/k/compose.yaml"],
    directory: "/k",
    environment: {},
    reading: { read: () => text, has: (path) => path.endsWith("compose.yaml"), readStdin: () => "" },
  });
  return project.services["web"]!;
}

/** What `config --hash` of Docker Compose 2 and 5 print. */
const HASHES: readonly [string, string, string][] = [
  [
    '["/tmp/b1:/src"]',
    "854e9d7691749ed690ecf1d0c2efc97086318364a11f44d9f791e6d3d2c15bd3",
    "6589486fbd60e778ac947c34f5e24c8f1ab2469046387270495a6ff704c22383",
  ],
  [
    "[{type: bind, source: /tmp, target: /a, bind: {propagation: rslave, create_host_path: true, recursive: disabled, selinux: z}},{type: bind, source: /tmp, target: /b, bind: {create_host_path: false}},{type: bind, source: /tmp, target: /c, bind: {selinux: z}}]",
    "dafcfc072e91c449fa40789b2548c8f2ace11b4f11f353c5f619e2e451d8c07f",
    "1b934ce59c7a6bef2907aec59b30f13adb376aaf06dfe44a0ad8295b37592971",
  ],
];

for (const [volumes, older, newer] of HASHES) {
  test(`both hashes of ${volumes.slice(0, 40)}`, () => {
    expect(olderHashes(web(volumes))).toContain(older);
    expect(serviceHash(web(volumes))).toBe(newer);
  });
}

test("without bind mounts there is one", () => {
  expect(olderHashes(web("[/anonymous]"))).toEqual([]);
});
