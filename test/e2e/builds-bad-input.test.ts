// Builds that can not be: one clear error with its line, exit code 1, and nothing stays of them.
import { describe, expect, test } from "bun:test";
import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildFolders } from "../support/build-folder.ts";
import { expectNoTraces } from "../support/build-traces.ts";
import { IMAGE } from "../support/engine.ts";
import { useEngine } from "../support/suite.ts";

const { engine } = useEngine();
const folderOf = buildFolders();

const ZEROS = "0".repeat(64);
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: ({ url }) => (url.endsWith("/file") ? new Response("file") : new Response("no", { status: 404 })),
});
server.unref();
const address = `http://127.0.0.1:${server.port}`;

/** What is wrong, the Dockerfile after `FROM`, what is said of it, and the line. */
const rows: readonly [what: string, dockerfile: string, message: string | RegExp, line: number][] = [
  ["an instruction", "COPYY a b", "unknown instruction: COPYY (did you mean COPY?)", 2],
  [
    "an instruction further down",
    "RUN :\n\n# more\nENTRYPONT x",
    "unknown instruction: ENTRYPONT (did you mean ENTRYPOINT?)",
    5,
  ],
  ["an instruction like none", "XYZZYXX a", /unknown instruction: XYZZYXX$/m, 2],
  ["a flag", "COPY --chwon=1 a b", "unknown flag: --chwon (did you mean chown?)", 2],
  ["a flag of another instruction", "RUN --form=x true", /unknown flag: --form/, 2],
  [
    "a kind of mount",
    "RUN --mount=type=chache,target=/x true",
    'unsupported mount type "chache" (did you mean cache?)',
    2,
  ],
  [
    "a key of a mount",
    "RUN --mount=type=cache,tagret=/x true",
    "unexpected key 'tagret' in 'tagret=/x' (did you mean target?)",
    2,
  ],
  ["a way of sharing", "RUN --mount=type=cache,target=/x,sharing=lockd true", /lockd/, 2],
  ["a network", "RUN --network=hots true", /network.*hots|hots/, 2],
  ["a file that is not there", "RUN :\nCOPY nosuch /x", '"/nosuch": not found', 3],
  [
    "a file of a stage that is not there",
    `RUN :\nFROM ${IMAGE}\nCOPY --from=0 /nosuch /x`,
    '"/nosuch": not found',
    4,
  ],
  [
    "a mounted file that is not there",
    "RUN --mount=type=bind,source=nosuch,target=/m :",
    '"/nosuch": not found',
    2,
  ],
  ["a stage on itself", `FROM self AS self`, /self/, 2],
  [
    "stages in a circle",
    `COPY --from=two /x /x\nFROM ${IMAGE} AS two\nCOPY --from=0 /x /x`,
    "circular dependency detected on stage: first",
    4,
  ],
  [
    "stages in a circle by their bases",
    "COPY --from=last a b\nFROM first AS second\nFROM second AS last",
    "circular dependency detected on stage: first",
    3,
  ],
  [
    "a mount of a stage that comes later",
    `RUN --mount=from=later,target=/m :\nFROM first AS later`,
    "circular dependency detected on stage: first",
    3,
  ],
  [
    "a path that climbs in place of a stage",
    "COPY --from=../../etc/passwd x /",
    /failed to parse stage name|invalid reference format/,
    2,
  ],
  [
    "a path that climbs out of a stage",
    `FROM ${IMAGE}\nCOPY --from=first ../../etc/hostname-of-nobody /x`,
    /forbidden path outside|not found/,
    3,
  ],
  [
    "a secret that is not given",
    "RUN :\nRUN --mount=type=secret,id=none,required cat /run/secrets/none",
    "secret none: not found",
    3,
  ],
  ["an agent that is not given", "RUN --mount=type=ssh,required :", /ssh/, 2],
  ["a checksum", `ADD --checksum=sha256:${ZEROS} ${address}/file /x`, /digest mismatch|sha256:0000/, 2],
  ["a checksum that is none", `ADD --checksum=md5:1 ${address}/file /x`, /md5/, 2],
  [
    "a checksum of files here",
    `ADD --checksum=sha256:${ZEROS} a /x`,
    /checksum can't be specified|checksum/,
    2,
  ],
  ["an address with nothing at it", `ADD ${address}/nosuch /x`, /404/, 2],
  ["an address where nobody is", "ADD http://127.0.0.1:1/x /x", /connection refused/i, 2],
  ["a here-document without end", "COPY <<EOF /x\ntext", /unterminated heredoc/, 2],
  ["an argument without a value in FROM", "FROM $NOTHING", /base name \(\$NOTHING\) should not be blank/, 2],
  ["a variable that has to be set", "RUN :\nENV A=${B:?not-set}", /not-set/, 3],
  ["a substitution that is none", "ENV A=${B:@x}", /unsupported modifier/, 2],
  ["a link in the context that leads out", "COPY out/passwd /x", /not found/, 2],
  ["a link that leads to itself", "COPY loop /x", /not found|too many/, 2],
  ["a folder of the image that is a file", "RUN touch /f\nCOPY a /f/x", /not a directory/, 3],
  [
    "a working directory that is a file",
    "RUN touch /f\nWORKDIR /f\nRUN :",
    /not a directory|file exists/i,
    3,
  ],
  ["a program that is not there", 'RUN ["/no/such"]', /no such file or directory/, 2],
  ["a shell that is not there", 'SHELL ["/no/shell"]\nRUN :', /no such file or directory/, 3],
  ["an exit code", "RUN exit 42", "exit code: 42", 2],
  ["a signal", "RUN sh -c 'kill -9 $$'; exit $?", "exit code: 137", 2],
  ["a port", "EXPOSE 99999", /invalid|99999/, 2],
  ["a signal's name", "STOPSIGNAL NOSUCH", /Invalid signal: NOSUCH|invalid signal/i, 2],
  ["an image that is nowhere", "COPY --from=127.0.0.1:1/nosuch:1 a b", /127\.0\.0\.1:1\/nosuch:1/, 2],
];

function contextOf(dockerfile: string): string {
  const folder = folderOf({ Dockerfile: `FROM ${IMAGE} AS first\n${dockerfile}\n`, a: "a", b: "b" });
  symlinkSync("/etc", join(folder, "out"));
  symlinkSync("loop", join(folder, "loop"));
  return folder;
}

describe("a build fails with", () => {
  for (const [what, dockerfile, message, line] of rows) {
    test(`${what}: ${JSON.stringify(dockerfile)}`, async () => {
      const { code, stderr, stdout } = await engine().berth([
        "build",
        "--progress",
        "plain",
        contextOf(dockerfile),
      ]);
      const last = stderr.slice(Math.max(0, stderr.lastIndexOf("\nERROR: ")));
      expect([what, last]).toEqual([
        what,
        message instanceof RegExp ? expect.stringMatching(message) : expect.stringContaining(message),
      ]);
      expect(last).toContain("ERROR: failed to solve: ");
      expect(last.trim().split("\n")).toHaveLength(1);
      expect(stderr).toMatch(new RegExp(`^Dockerfile:${line}\\b`, "m"));
      expect(stderr).not.toMatch(/TypeError|undefined|\[object |at .*\.ts:/);
      expect([code, stdout]).toEqual([1, ""]);
    });
  }

  test("and the engine is well, and nothing stays", async () => {
    await expectNoTraces(engine());
    const folder = folderOf({ Dockerfile: `FROM ${IMAGE}\n` });
    writeFileSync(join(folder, "x"), "");
    expect(await engine().berth(["build", folder])).toMatchObject({ code: 0 });
  });
});
