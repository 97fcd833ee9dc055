import { expect, test } from "bun:test";
import { runClient } from "./main.ts";

async function berth(
  line: string,
  env: Record<string, string> = {},
): Promise<{ code: number; out: string; err: string }> {
  const result = { code: 0, out: "", err: "" };
  const output = {
    print: (text: string) => {
      result.out += text;
    },
    warn: (text: string) => {
      result.err += text;
    },
  };
  const everything = { BERTH_HOST: "unix:///nonexistent/berth.sock", HOME: "/nonexistent", ...env };
  result.code = await runClient(line === "" ? [] : line.split(" "), everything, output);
  return result;
}

test("without a command, help is shown", async () => {
  for (const line of ["", "--help", "-h", "help"]) {
    const { code, out } = await berth(line);
    expect([code, out.split("\n")[0]]).toEqual([0, "Usage:  berth [OPTIONS] COMMAND"]);
  }
  expect((await berth("container")).out).toStartWith("Usage:  berth container COMMAND");
  expect((await berth("help container ls")).out).toStartWith("Usage:  berth container ls [OPTIONS]");
});

test("a command has help in both spellings, and names them", async () => {
  const { out } = await berth("container ps --help");
  expect(out).toContain("Aliases:\n  berth container ls, berth container ps, berth container list, berth ps");
});

test("the version is told", async () => {
  for (const line of ["-v", "--version"])
    expect((await berth(line)).out).toMatch(/^berth version \d+\.\d+\.\d+\n$/);
});

const FAILURES: readonly (readonly [string, number, string])[] = [
  [
    "pss",
    1,
    "berth: unknown command: berth pss\n\nDid you mean this?\n\tberth ps\n\nRun 'berth --help' for more information\n",
  ],
  [
    "container inspekt",
    1,
    "berth: unknown command: berth container inspekt\n\nDid you mean this?\n\tberth container inspect\n\nRun 'berth container --help' for more information\n",
  ],
  [
    "run --foo x",
    125,
    "unknown flag: --foo\n\nUsage:  berth run [OPTIONS] IMAGE [COMMAND] [ARG...]\n\nRun 'berth run --help' for more information\n",
  ],
  [
    "--foo",
    125,
    "unknown flag: --foo\n\nUsage:  berth [OPTIONS] COMMAND [ARG...]\n\nRun 'berth --help' for more information\n",
  ],
  [
    "rm",
    1,
    "berth: 'berth rm' requires at least 1 argument\n\nUsage:  berth rm [OPTIONS] CONTAINER [CONTAINER...]\n\nSee 'berth rm --help' for more information\n",
  ],
  [
    "ps x",
    1,
    "berth: 'berth ps' accepts no arguments\n\nUsage:  berth ps [OPTIONS]\n\nRun 'berth ps --help' for more information\n",
  ],
  [
    "rename a",
    1,
    "berth: 'berth rename' requires 2 arguments\n\nUsage:  berth rename CONTAINER NEW_NAME\n\nRun 'berth rename --help' for more information\n",
  ],
  [
    "stop -a x",
    1,
    "berth: 'berth stop' accepts no arguments\n\nUsage:  berth stop [OPTIONS] CONTAINER [CONTAINER...]\n\nRun 'berth stop --help' for more information\n",
  ],
  ["help nope", 1, "unknown help topic: nope\n"],
  [
    "run -m 1x y",
    125,
    "invalid argument \"1x\" for \"-m, --memory\" flag: invalid suffix: 'x'\n\nUsage:  berth run [OPTIONS] IMAGE [COMMAND] [ARG...]\n\nRun 'berth run --help' for more information\n",
  ],
  ["run --pid foo x", 125, "berth: --pid: invalid PID mode\n\nRun 'berth run --help' for more information\n"],
  ["-H ssh://-x ps", 1, 'ssh host connection is not valid: invalid host "-x"\n'],
  ["-l loud ps", 1, "unable to parse logging level: loud\n"],
  [
    "ps",
    1,
    "Cannot connect to the berth daemon at unix:///nonexistent/berth.sock. Is the berth daemon running? Start one with: sudo berth daemon\n",
  ],
];

for (const [line, code, err] of FAILURES) {
  test(`berth ${line} fails with ${code}`, async () => {
    expect(await berth(line)).toEqual({ code, err, out: "" });
  });
}

test("--debug tells how the engine was found", async () => {
  const { err } = await berth("-D ps");
  expect(err).toContain("debug: endpoint by -H: not given\n");
  expect(err).toContain("debug: endpoint by BERTH_HOST: unix:///nonexistent/berth.sock\n");
});

test("commands of Docker's that berth has nothing of say so, whatever follows them", async () => {
  for (const [line, words] of [
    ["plugin install --grant-all-permissions x", /^berth plugin: berth has no plugins of this kind; .+\n$/],
    ["trust sign --local x", /^berth trust: berth neither makes nor checks the signatures .+\n$/],
    ["checkpoint create a b", /^berth checkpoint: berth has no checkpoints of containers\n$/],
    ["service ls", /^berth service: berth has no swarm: run this command on a Docker engine\n$/],
    ["stack", /^berth stack: berth has no swarm/],
  ] as const) {
    const { code, out, err } = await berth(line);
    expect([line, code, out]).toEqual([line, 1, ""]);
    expect(err).toMatch(words);
  }
  expect((await berth("--help")).out).not.toContain("  trust");
});
