import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseCdiFile, readCdiRegistry } from "./cdi.ts";

const directory = mkdtempSync(join(tmpdir(), "berth-cdi-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const YAML = `
cdiVersion: "0.6.0"
kind: vendor.com/gpu
devices:
  - name: "0"
    containerEdits:
      deviceNodes:
        - path: /dev/gpu0
          type: c
          major: 195
          minor: 0
containerEdits:
  env: [VISIBLE=all]
  hooks:
    - hookName: createContainer
      path: /usr/bin/hook
      args: [hook, update]
`;

test("readCdiRegistry() reads JSON and YAML, and a later directory wins", async () => {
  const [early, late] = [join(directory, "etc"), join(directory, "run")];
  for (const each of [early, late]) mkdirSync(each);
  writeFileSync(join(early, "a.yaml"), YAML);
  writeFileSync(join(early, "broken.json"), "{");
  writeFileSync(join(early, "ignored.txt"), "kind: x/y");
  writeFileSync(join(late, "b.json"), JSON.stringify({ kind: "vendor.com/net", devices: [{ name: "eth" }] }));
  const registry = await readCdiRegistry([early, late, join(directory, "nosuch")]);
  expect([...registry.names()].sort()).toEqual(["vendor.com/gpu=0", "vendor.com/net=eth"]);
  const found = registry.find("vendor.com/gpu=0");
  expect(found?.device.deviceNodes[0]).toMatchObject({ path: "/dev/gpu0", type: "c", major: 195, minor: 0 });
  expect(found?.file.env).toEqual(["VISIBLE=all"]);
  expect(found?.file.hooks[0]?.hook.args).toEqual(["hook", "update"]);
  writeFileSync(join(late, "c.yaml"), YAML.replace("VISIBLE=all", "VISIBLE=late"));
  expect((await readCdiRegistry([early, late])).find("vendor.com/gpu=0")?.file.env).toEqual(["VISIBLE=late"]);
  writeFileSync(join(late, "d.yaml"), YAML);
  // Two of one directory contradict each other.
  expect((await readCdiRegistry([early, late])).find("vendor.com/gpu=0")).toBeUndefined();
});

test.each([
  [{}, "kind is not text"],
  [{ kind: "nosuch" }, "invalid CDI kind"],
  [{ kind: "a.b/c", devices: [{ name: "../x" }] }, "invalid CDI device name"],
  [{ kind: "a.b/c", devices: [{ name: "x" }, { name: "x" }] }, "defined twice"],
  [{ kind: "a.b/c", containerEdits: { mounts: [{ hostPath: "/a", containerPath: "b" }] } }, "absolute path"],
  [{ kind: "a.b/c", containerEdits: { hooks: [{ hookName: "evil", path: "/x" }] } }, "invalid CDI hook"],
  [{ kind: "a.b/c", containerEdits: { deviceNodes: [{ path: "/dev/x", permissions: "z" }] } }, "permissions"],
  [[], "document is not an object"],
])("parseCdiFile(%p) is refused", (document, message) => {
  expect(() => parseCdiFile(document)).toThrow(message);
});
