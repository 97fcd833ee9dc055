import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildPackageIfStale, PACKAGE } from "../../scripts/lib/library/package.ts";
import { BUN, ROOT } from "../../scripts/lib/shell.ts";
import { AGAINST_DOCKER, IMAGE, runCommand, startEngine, type TestEngine } from "../support/engine.ts";
import { writeCertificates } from "../support/tls-files.ts";

// The package as npm would install it, in a project of its own that has nothing else.
let engine: TestEngine;
let project = "";
let port = 0;
beforeAll(async () => {
  await buildPackageIfStale();
  project = mkdtempSync(join(tmpdir(), "berth-project-"));
  const packed = await runCommand(["npm", "pack", "--json", "--pack-destination", project], { cwd: PACKAGE });
  const [{ filename }] = JSON.parse(packed.stdout) as [{ filename: string }];
  const target = join(project, "node_modules", "berth");
  mkdirSync(target, { recursive: true });
  await runCommand(["tar", "-xzf", join(project, filename), "--strip-components=1", "-C", target]);
  writeFileSync(join(project, "package.json"), '{ "type": "module" }');
  cpSync(join(ROOT, "test", "library", "program.mjs"), join(project, "program.mjs"));
  port = freePort();
  const path = writeCertificates(join(project, "certificates"));
  const ours = [
    "--tlscacert",
    path("ca.pem"),
    "--tlscert",
    path("server-cert.pem"),
    "--tlskey",
    path("server-key.pem"),
  ];
  engine = await startEngine({ args: ["-H", `tcp://127.0.0.1:${port}`, "--tlsverify", ...ours] });
  for (const name of ["cert.pem", "key.pem"]) cpSync(path(`client-${name}`), path(name));
});
afterAll(async () => {
  rmSync(project, { recursive: true, force: true });
  await engine[Symbol.asyncDispose]();
});

/** A port that was free a moment ago. */
function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  listener.stop(true);
  return listener.port;
}

const PROGRAM = readFileSync(join(ROOT, "test", "library", "program.mjs"), "utf8");
const checks = (indented: string) =>
  [...PROGRAM.matchAll(new RegExp(`^${indented}await check\\("`, "gm"))].length;
/** How many checks the program has, and how many of them need BuildKit, which an old Docker has to be asked for. */
const CHECKS = checks(" *");
const WITH_BUILDKIT = checks(" +");

const RUNTIMES = [
  ["Node", "node"],
  ["Bun", BUN],
] as const;

for (const [runtime, program] of RUNTIMES) {
  test(`the library with ${runtime}`, async () => {
    const env = {
      DOCKER_HOST: engine.host,
      DOCKER_CONFIG: join(engine.root, "config"),
      IMAGE,
      ...(AGAINST_DOCKER && { WITHOUT_BUILDKIT: "1" }),
    };
    const command = [program, join(project, "program.mjs")];
    const { code, stdout, stderr } = await runCommand(command, { env, cwd: project, timeoutMs: 100_000 });
    expect(stderr).toBe("");
    expect(stdout.match(/^ok /gm)?.length).toBe(AGAINST_DOCKER ? CHECKS - WITH_BUILDKIT : CHECKS);
    expect(code).toBe(0);
  });
}

for (const [runtime, program] of RUNTIMES) {
  // A Docker of the tests has a network of its own.
  test.skipIf(AGAINST_DOCKER)(`the library with ${runtime}, over TLS`, async () => {
    const certificates = join(project, "certificates");
    const env = {
      DOCKER_HOST: `tcp://127.0.0.1:${port}`,
      DOCKER_TLS_VERIFY: "1",
      DOCKER_CERT_PATH: certificates,
      DOCKER_CONFIG: certificates,
      IMAGE,
    };
    for (const check of ["attached streams", "commands in a container", "exit codes", "builds: secrets"]) {
      const command = [program, join(project, "program.mjs"), check];
      const { code, stdout, stderr } = await runCommand(command, { env, cwd: project });
      expect([stderr, stdout.split("\n").length, code]).toEqual(["", 2, 0]);
    }
  });
}

const installed = () => join(project, "node_modules", "berth");

test("the package needs nothing that Node and Deno do not have, and no other package", () => {
  const needed = new Set<string>();
  for (const name of readdirSync(installed(), { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".js")) continue;
    const text = readFileSync(join(installed(), name), "utf8");
    for (const { path } of new Bun.Transpiler({ loader: "js" }).scanImports(text)) needed.add(path);
  }
  const foreign = [...needed].filter((from) => !from.startsWith("node:") && !from.startsWith("."));
  expect(foreign).toEqual([]);
  expect(needed.size).toBeGreaterThan(10);
  const { dependencies = {} } = JSON.parse(readFileSync(join(installed(), "package.json"), "utf8"));
  expect(dependencies).toEqual({});
});

test("its types are those of a strict project, which needs no other types; the page on it is right", async () => {
  writeFileSync(join(project, "types.ts"), TYPED);
  const blocks = documented();
  expect(blocks.length).toBeGreaterThan(8);
  // Examples are programs for Bun and Deno, which know what `process` is.
  const known = "declare const process: { readonly env: Readonly<Record<string, string | undefined>> };\n";
  const example = readFileSync(join(ROOT, "examples", "await-using.ts"), "utf8");
  writeFileSync(join(project, "example.ts"), known + example);
  const files = ["types.ts", "example.ts", ...blocks.map((_, index) => `block-${index}.ts`)];
  for (const [index, block] of blocks.entries()) writeFileSync(join(project, `block-${index}.ts`), block);
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    target: "es2022",
    lib: ["es2022", "esnext.disposable", "dom", "dom.asynciterable"],
    module: "nodenext",
    types: [],
  };
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
  const { stdout, code } = await runCommand([join(ROOT, "node_modules/.bin/tsc"), "-p", project]);
  expect(stdout).toBe("");
  expect(code).toBe(0);
});

/** The page's pieces of code, each as a program of its own. */
function documented(): string[] {
  const page = readFileSync(join(ROOT, "docs", "library.md"), "utf8");
  return [...page.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code = ""]) => {
    const isWhole = /^const engine = /m.test(code);
    const names = /^import /m.test(code) ? "" : 'import { Engine } from "berth";\n';
    return isWhole ? code : `${names}declare const engine: import("berth").Engine;\n${code}export {};\n`;
  });
}

const TYPED = `
import { type Container, type ContainerInspect, Engine, EngineError, type ErrorKind } from "berth";
const engine: Engine = await Engine.connect({ host: "unix:///x.sock" });
const names: string[] = (await engine.containers.list({ all: true, signal: AbortSignal.timeout(1) })).flatMap((c) => c.Names);
export async function run(): Promise<string> {
  await using web: Container = await engine.run("nginx", { ports: [80, "8080:80"], waitFor: "healthy" });
  const facts: ContainerInspect = await web.inspect();
  const page: ReadableStream<Uint8Array> = (await web.logs({ follow: true, since: new Date() })).stdout;
  const input: WritableStream<Uint8Array> = (await web.attach()).stdin;
  return facts.State.Status + names.join() + page.locked + input.locked;
}
for await (const { Action, Actor } of engine.events({ filters: { type: ["container"] } })) Action + Actor.ID;
const { imageId }: { imageId: string } = await engine.builds.run({ context: { Dockerfile: "FROM x" } });
export const kind = (error: unknown): ErrorKind | string => (error instanceof EngineError ? error.kind : imageId);
// @ts-expect-error: no such option
await engine.containers.list({ every: true });
// @ts-expect-error: no such field
(await engine.containers.inspect("x")).NoSuchField;
`;
