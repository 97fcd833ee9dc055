// Programs that Docker's client takes for commands of its own: ours does, too.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EXECUTABLE } from "../../scripts/lib/shell.ts";
import { DOCKER, runCommand } from "../support/engine.ts";

const folder = mkdtempSync(join(tmpdir(), "berth-plugins-"));
const metadata = (fields: object) =>
  JSON.stringify({ SchemaVersion: "0.1.0", Vendor: "tests", Version: "v7", ...fields });

function plugin(name: string, script: string, place = join(folder, "cli-plugins")): void {
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, `docker-${name}`), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

const answering = (description: string, rest: string) =>
  `[ "$1" = docker-cli-plugin-metadata ] && { echo '${metadata({ ShortDescription: description })}'; exit; }\n${rest}`;

beforeAll(() => {
  plugin("hello", answering("Say hello", 'echo "$# words: $*"; cat; echo complaint >&2; exit 7'));
  plugin(
    "place",
    answering("Say where", 'echo "$DOCKER_HOST"; test -n "$DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND"'),
  );
  plugin("killed", answering("Die", "kill -TERM $$"));
  plugin("broken", "echo nothing");
  plugin("Upper", answering("No name", ""));
  plugin("ps", answering("Ours wins", "echo plugin"));
  plugin("extra", answering("From elsewhere", "echo extra"), join(folder, "more"));
  writeFileSync(
    join(folder, "config.json"),
    JSON.stringify({ cliPluginsExtraDirs: [join(folder, "more")], aliases: { builder: "hello" } }),
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

const HOST = "unix:///nowhere/berth.sock";
const env = { DOCKER_CONFIG: folder, DOCKER_HOST: HOST, BERTH_HOST: "" };
const berth = (args: string[], options: { stdin?: string; env?: Record<string, string> } = {}) =>
  runCommand([EXECUTABLE, ...args], { ...options, env: { ...env, ...options.env } });

describe("a plugin", () => {
  test("is a command: with all words, its input, both outputs and its exit code", async () => {
    const options = { stdin: "input\n" };
    const expected = { code: 7, stdout: "3 words: hello --flag world\ninput\n", stderr: "complaint\n" };
    expect(await berth(["hello", "--flag", "world"], options)).toEqual(expected);
    // The flags before its name are its, too.
    expect((await berth(["-l", "info", "hello", "x"], options)).stdout).toStartWith(
      "4 words: -l info hello x\n",
    );
    expect((await berth(["help", "hello"], options)).stdout).toStartWith("2 words: hello --help\n");
    expect((await berth(["killed"])).code).toBe(143);
    expect((await berth(["extra"])).stdout).toBe("extra\n");
    if (DOCKER !== null)
      expect(await runCommand([DOCKER, "hello", "--flag", "world"], { ...options, env })).toEqual(expected);
  });

  test("finds our engine without being told", async () => {
    expect(await berth(["place"])).toEqual({ code: 0, stdout: `${HOST}\n`, stderr: "" });
    expect(
      (await berth(["place"], { env: { DOCKER_HOST: "", BERTH_HOST: "tcp://127.0.0.1:9" } })).stdout,
    ).toBe("tcp://127.0.0.1:9\n");
    expect((await berth(["place"], { env: { DOCKER_HOST: "" } })).stdout).toBe(
      "unix:///var/run/berth.sock\n",
    );
  });

  test("is listed with what it says of itself; one that does not speak is told; ours wins", async () => {
    const { stdout } = await berth(["--help"]);
    expect(stdout).toMatch(/^ {2}hello\* +Say hello$/m);
    expect(stdout).toMatch(/^ {2}extra\* +From elsewhere$/m);
    expect(stdout).toMatch(/^Invalid Plugins:\n {2}broken/m);
    expect(stdout).not.toContain("Ours wins");
    expect(stdout).not.toContain("No name");
    expect((await berth(["ps", "--nonesuch"])).code).toBe(125);
    const info = await berth(["info", "--format", "{{range .ClientInfo.Plugins}}{{.Name}} {{end}}"]);
    expect(info.stdout).toBe("broken extra hello killed place ps \n");
    expect((await berth(["info"])).stdout).toContain("  hello: Say hello (tests)\n    Version:  v7\n");
  });

  test("may take the place of builder, which Docker allows of this command alone", async () => {
    expect((await berth(["builder", "ls"], { stdin: "" })).stdout).toBe("2 words: hello ls\n");
  });

  test("that is none is an unknown command", async () => {
    for (const name of ["nonesuch", "../hello", "Upper"]) {
      const { code, stderr } = await berth([name]);
      expect([code, stderr]).toEqual([1, expect.stringContaining(`unknown command: berth ${name}`)]);
    }
  });
});
