import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { buildPackageIfStale } from "../../scripts/lib/library/package.ts";
import { BUN, ROOT } from "../../scripts/lib/shell.ts";
import {
  AGAINST_DOCKER,
  type CommandResult,
  IMAGE,
  runCommand,
  startEngine,
  type TestEngine,
} from "../support/engine.ts";

// The examples, each as somebody would start it: by Node and by Bun.
const EXAMPLES = join(ROOT, "examples");

let engine: TestEngine;
beforeAll(async () => {
  await buildPackageIfStale();
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

function start(program: string, example: string): Promise<CommandResult> {
  const env = { DOCKER_HOST: engine.host, DOCKER_CONFIG: join(engine.root, "config"), IMAGE };
  return runCommand([program, join(EXAMPLES, example)], { env });
}

const SHOWN: readonly (readonly [string, readonly (string | RegExp)[]])[] = [
  ["web-server.mjs", [/listens at http:\/\/127\.0\.0\.1:\d+\//, "Hello from a container"]],
  [
    "follow-logs.mjs",
    [
      "| step 1\n| step 2\n| step 3\n",
      "ended with code 0",
      "3 lines of output, and of errors: nothing left to do",
    ],
  ],
  ["events.mjs", [/: create\n.*: start\n(.*\n)*.*: die\n.*: destroy\n/]],
  ["build-in-memory.mjs", ["done   ", /built sha256:[0-9a-f]{12}/, "Good morning, world"]],
  ["exec.mjs", ["exitCode: 3", "blue", "apple, fig, pear", "counted 3", "ended with code 0"]],
  ["network-and-volume.mjs", ["the writer ended with code 0", "the reader got: kept in a volume"]],
  ["copy-files.mjs", ["ended with code 0", "2 sums", "local.txt memory.txt sums", "from memory"]],
];

for (const [example, lines] of SHOWN) {
  for (const [runtime, program] of [
    ["Node", "node"],
    ["Bun", BUN],
  ] as const) {
    // A Docker of the tests has a network of its own, whose ports are not ours.
    test.skipIf(AGAINST_DOCKER && example === "web-server.mjs")(
      `examples/${example} with ${runtime}`,
      async () => {
        const { code, stdout, stderr } = await start(program, example);
        expect(stderr).toBe("");
        for (const line of lines) expect(stdout).toMatch(line);
        expect(code).toBe(0);
      },
    );
  }
}

test("examples/await-using.ts with Bun", async () => {
  const { code, stdout, stderr } = await start(BUN, "await-using.ts");
  expect(stderr).toBe("");
  expect(stdout).toMatch(/is ready\nhello from inside\nand then it is gone: NotFound\n/);
  expect(code).toBe(0);
});

test("the examples leave nothing behind", async () => {
  const listed = await (await engine.api("GET", "/containers/json?all=1")).json();
  const volumes = (await (await engine.api("GET", "/volumes")).json()) as { Volumes: unknown[] | null };
  expect([listed, volumes.Volumes ?? []]).toEqual([[], []]);
});
