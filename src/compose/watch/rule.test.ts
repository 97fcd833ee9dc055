import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NamedService } from "../application.ts";
import type { Watch } from "../model/index.ts";
import { batchOf } from "./actions.ts";
import { rulesOf, WatchRule } from "./rule.ts";

const root = realpathSync(mkdtempSync(join(tmpdir(), "berth-rules-")));
afterAll(() => rmSync(root, { recursive: true, force: true }));
mkdirSync(join(root, "src"));
symlinkSync("src", join(root, "link"));
writeFileSync(join(root, ".dockerignore"), "dist\n*.md\n!README.md\n");

const rule = (watch: Partial<Watch>, service: Partial<NamedService> = {}) =>
  new WatchRule({ name: "web", ...service }, { path: root, action: "sync", target: "/app", ...watch });
const matching = (one: WatchRule, ...paths: string[]) =>
  paths.filter((path) => one.matches(join(root, path)));

test("a rule has its folder, what it ignores, what its build ignores, and no editor's files", () => {
  const built = rule({ ignore: ["node_modules/", "*.log", "tests/**"] }, { build: { context: root } });
  const all = [
    "a.js",
    "src/b.js",
    "node_modules/x/y.js",
    "x.log",
    "src/x.log",
    "tests/deep/t.js",
    "dist/out.js",
    "notes.md",
    "README.md",
    ".git/HEAD",
    "src/.a.js.swp",
    "src/a.js~",
    "src/4913",
    ".idea/x",
  ];
  expect(matching(built, ...all)).toEqual(["a.js", "src/b.js", "src/x.log", "README.md"]);
  expect(rule({}).matches("/elsewhere/a.js")).toBe(false);
  expect(built.mayMatchBelow(join(root, "src"))).toBe(true);
  expect(built.mayMatchBelow(join(root, "node_modules"))).toBe(false);
  expect(built.mayMatchBelow(join(root, "dist"))).toBe(false);
  expect(built.mayMatchBelow(root)).toBe(true);
  expect(built.mayMatchBelow("/")).toBe(true);
});

test("include takes only what it names", () => {
  const included = rule({ include: ["*.py", "templates/**"], ignore: ["skip.py"] });
  expect(matching(included, "a.py", "skip.py", "a.js", "src/a.py", "templates/deep/x.html")).toEqual([
    "a.py",
    "templates/deep/x.html",
  ]);
  expect(included.mayMatchBelow(join(root, "templates"))).toBe(true);
});

test("files have their places below the target, also where the path is a link or a file", () => {
  const linked = rule({ path: join(root, "link"), target: "/app/src/" });
  expect(linked.path).toBe(join(root, "src"));
  expect(linked.targetOf(join(root, "src/a/b.js"))).toBe("/app/src/a/b.js");
  const file = rule({ path: join(root, "conf.yaml"), target: "/etc/conf.yaml" });
  expect(file.matches(join(root, "conf.yaml"))).toBe(true);
  expect(file.targetOf(join(root, "conf.yaml"))).toBe("/etc/conf.yaml");
});

test("rules that make no sense are refused, and those of mounted paths left out", () => {
  const warnings: string[] = [];
  const read = (watch: Partial<Watch>, service: Partial<NamedService> = {}, noBuild = false) =>
    rulesOf(
      { name: "web", ...service, develop: { watch: [{ path: root, action: "sync", ...watch }] } },
      { noBuild, warn: (message) => warnings.push(message) },
    );
  expect(() => read({ action: "rebuild" })).toThrow(
    `can't watch service "web" with action rebuild without a build context`,
  );
  expect(() => read({ action: "rebuild" }, { build: { context: root } }, true)).toThrow(
    "--no-build is incompatible with watch action rebuild in service web",
  );
  expect(() => read({ action: "sync+exec", target: "/app" })).toThrow(
    `can't watch with action "sync+exec" on service web without a command`,
  );
  const bound = { volumes: [{ type: "bind" as const, source: root, target: "/app" }] };
  expect(read({ path: join(root, "src"), target: "/app" }, bound)).toEqual([]);
  expect(warnings[0]).toContain("also declared by a bind mount volume");
  expect(read({ action: "restart" }, bound)).toHaveLength(1);
});

test("a batch asks for each action once", () => {
  const rules = [
    rule({ path: join(root, "src"), target: "/app/src" }),
    rule({ path: join(root, "src"), action: "sync+restart", target: "/copy" }),
    rule({ path: join(root, "package.json"), action: "rebuild" }),
    rule({ path: join(root, "src"), action: "sync+exec", target: "/x", exec: { command: ["make"] } }),
    rule({ path: join(root, "conf"), action: "restart" }),
  ];
  const change = (path: string, kind: "changed" | "removed" = "changed", isDirectory = false) => ({
    path: join(root, path),
    kind,
    isDirectory,
  });
  const batch = batchOf(rules, [change("src/a"), change("src/b", "removed"), change("src", "removed", true)]);
  expect([...batch.sync.get("web")!].map(({ target, removed }) => `${removed ? "-" : "+"}${target}`)).toEqual(
    ["+/app/src/a", "+/copy/a", "+/x/a", "-/app/src/b", "-/copy/b", "-/x/b"],
  );
  expect([...batch.restart]).toEqual(["web"]);
  expect(batch.exec.size).toBe(1);
  expect(batch.rebuild.size).toBe(0);
  const other = batchOf(rules, [change("package.json"), change("conf/x")]);
  expect([...other.rebuild]).toEqual(["web"]);
  expect([...other.restart]).toEqual(["web"]);
  expect(other.sync.size).toBe(0);
});
