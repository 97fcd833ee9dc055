import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { digestOf } from "../../lib/index.ts";
import { openRoot } from "../../linux/index.ts";
import { sbomStatement } from "../image/sbom.ts";
import { listPackages } from "./list-packages.ts";
import { packageUrl } from "./package.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "berth-packages-"));
});
afterEach(() => rmSync(root, { recursive: true }));

function files(all: Readonly<Record<string, string>>): void {
  for (const [name, content] of Object.entries(all)) {
    mkdirSync(join(root, dirname(name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
}

async function found() {
  using view = openRoot(root);
  return await listPackages(view, new AbortController().signal);
}

const urls = async () => (await found()).packages.map(packageUrl);

describe("what an image is made of", () => {
  test("dpkg's packages: those that are installed", async () => {
    files({
      "etc/os-release": 'NAME="Debian"\nID=debian\n',
      "var/lib/dpkg/status": `Package: bash\nStatus: install ok installed\nMaintainer: M <m@d.org>\nArchitecture: amd64\nVersion: 5.2~a+b\nDescription: shell\n more\n\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n`,
      "var/lib/dpkg/status.d/tzdata": "Package: tzdata\nVersion: 2024a\nArchitecture: all\n",
      "var/lib/dpkg/status.d/tzdata.md5sums": "Package: no\nVersion: 1\n",
    });
    expect(await urls()).toEqual([
      "pkg:deb/debian/bash@5.2~a%2Bb?arch=amd64",
      "pkg:deb/debian/tzdata@2024a?arch=all",
    ]);
    expect((await found()).packages[0]!.supplier).toBe("M <m@d.org>");
  });

  test("apk's", async () => {
    files({
      "etc/os-release": "ID=alpine\n",
      "lib/apk/db/installed":
        "C:Q1\nP:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\nF:lib\n\nP:busybox\nV:1.36\nA:x86_64\n\n",
    });
    expect(await urls()).toEqual([
      "pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64",
      "pkg:apk/alpine/busybox@1.36?arch=x86_64",
    ]);
  });

  test("npm's and Python's, wherever they are", async () => {
    files({
      "app/package.json": '{"name":"app","version":"0"}',
      "app/node_modules/left-pad/package.json": '{"name":"left-pad","version":"1.3.0","license":"WTFPL"}',
      "app/node_modules/@a/b/package.json": '{"name":"@a/b","version":"2.0.0","license":{"type":"MIT"}}',
      "app/node_modules/broken/package.json": "{",
      "app/node_modules/odd/package.json": '{"name":5,"version":[]}',
      "usr/lib/python3/dist-packages/Foo_Bar-1.0.dist-info/METADATA":
        "Name: Foo_Bar\nVersion: 1.0\nLicense: BSD\n\nbody\nName: x\n",
    });
    expect((await urls()).sort()).toEqual([
      "pkg:npm/%40a/b@2.0.0",
      "pkg:npm/left-pad@1.3.0",
      "pkg:pypi/foo-bar@1.0",
    ]);
  });

  test("links lead nowhere outside, control characters nowhere at all, and what is too large is said to be", async () => {
    mkdirSync(join(root, "var/lib/dpkg"), { recursive: true });
    symlinkSync("/../../../../../../var/lib/dpkg/status", join(root, "var/lib/dpkg/status"));
    symlinkSync("/", join(root, "loop"));
    files({
      "node_modules/x/package.json": JSON.stringify({ name: "x\u001b[31m\n", version: "1" }),
      "node_modules/large/package.json": `{"name":"large","version":"1","x":"${"x".repeat(1 << 20)}"}`,
    });
    const { packages, isWhole } = await found();
    expect(packages.map(({ name }) => name)).toEqual(["x [31m"]);
    expect(isWhole).toBe(false);
  });

  test("as a statement in SPDX's words", async () => {
    files({ "node_modules/a/package.json": '{"name":"a","version":"1","license":"MIT OR Apache-2.0"}' });
    const imageId = digestOf("image");
    const statement = JSON.parse(
      sbomStatement({ imageId, names: ["docker.io/library/app:1"], found: await found(), createdMs: 0 }),
    );
    expect(statement).toMatchObject({
      predicateType: "https://spdx.dev/Document",
      subject: [{ name: "docker.io/library/app:1", digest: { sha256: imageId.slice("sha256:".length) } }],
      predicate: {
        spdxVersion: "SPDX-2.3",
        creationInfo: { created: "1970-01-01T00:00:00Z" },
        packages: [{ name: "a", versionInfo: "1", licenseDeclared: "MIT OR Apache-2.0" }],
        relationships: [{ relatedSpdxElement: "SPDXRef-Package-0" }],
      },
    });
  });
});
