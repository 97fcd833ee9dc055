// What went wrong in builders before, tried on this one: Dockerfiles, images and contexts of people who mean no good.
import { afterAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildFolders } from "../support/build-folder.ts";
import { expectNoTraces } from "../support/build-traces.ts";
import { type CommandOptions, type CommandResult, IMAGE, runCommand } from "../support/engine.ts";
import { useEngine } from "../support/suite.ts";

const { docker, engine } = useEngine({ args: ["--debug"] });
const folderOf = buildFolders();

const build = (args: readonly string[], options?: CommandOptions) =>
  engine().berth(["build", "--progress", "plain", ...args], options);

/** A Dockerfile alone. */
const buildText = (text: string, args: readonly string[] = []) =>
  build([...args, folderOf({ Dockerfile: text })]);

async function built(...args: Parameters<typeof build>): Promise<string> {
  const result = await build(...args);
  expect(result).toMatchObject({ code: 0 });
  return result.stderr;
}

async function refused(result: Promise<CommandResult>, reason: string | RegExp): Promise<void> {
  const { code, stderr, stdout } = await result;
  expect(stdout + stderr).toMatch(reason instanceof RegExp ? reason : new RegExp(RegExp.escape(reason)));
  expect(code).toBe(1);
}

const run = (image: string, script: string) => docker("run", "--rm", image, "sh", "-c", script);

/** A folder of the host whose contents, modes and times must not change, with all that the attacks aim at. */
const trap = mkdtempSync(join(tmpdir(), "berth-canary-"));
for (const name of ["etc", "sub", "y", "secrets", "empty/y"])
  mkdirSync(join(trap, name), { recursive: true });
writeFileSync(join(trap, "etc/passwd"), "untouched");
writeFileSync(join(trap, "file"), "of the host");
chmodSync(trap, 0o751);
afterAll(() => rmSync(trap, { recursive: true, force: true }));

function stateOfTrap(): string {
  const lines = readdirSync(trap, { recursive: true, withFileTypes: true }).map((entry) => {
    const full = join(entry.parentPath, entry.name);
    const { mode, mtimeMs, uid } = statSync(full);
    return `${full} ${mode} ${mtimeMs} ${uid} ${entry.isFile() ? readFileSync(full, "utf8") : ""}`;
  });
  return [...lines, `${statSync(trap).mode} ${statSync(trap).mtimeMs}`].sort().join("\n");
}

async function trapUntouched(work: () => Promise<void>): Promise<void> {
  const before = stateOfTrap();
  await work();
  expect(stateOfTrap()).toBe(before);
  await expectNoTraces(engine());
}

describe("mounts of steps", () => {
  test("a cache whose inside is swapped for a link while other steps mount it (CVE-2024-23651)", () =>
    trapUntouched(async () => {
      const swap = `i=0; while [ $i -lt 400 ]; do ln -sfn ${trap} /c/sub; rm -f /c/sub; mkdir -p /c/sub; rmdir /c/sub; i=$((i+1)); done`;
      const user = (n: number) =>
        [1, 2, 3, 4]
          .map(
            (i) =>
              `RUN --mount=type=cache,id=race,target=/c --mount=type=cache,id=race,source=sub,from=seed,target=/m touch /m/${n}-${i}; true`,
          )
          .join("\n");
      const stages = [1, 2, 3]
        .map((n) => `FROM ${IMAGE} AS user${n}\n${user(n)}\nRUN touch /done\n`)
        .join("");
      const copies = [1, 2, 3].map((n) => `COPY --from=user${n} /done /d${n}\n`).join("");
      await built([
        folderOf({
          Dockerfile: `FROM ${IMAGE} AS seed\nRUN mkdir /sub\nFROM ${IMAGE} AS swapper\nRUN --mount=type=cache,id=race,target=/c ${swap}; touch /done\n${stages}FROM ${IMAGE}\nCOPY --from=swapper /done /d\n${copies}`,
        }),
      ]);
    }));

  test("places of mounts that the command replaced with links to the host (CVE-2024-23652)", () =>
    trapUntouched(async () => {
      const steps = [
        // The folder above a place can be moved away while something is mounted in it.
        `RUN --mount=type=tmpfs,target=/x/y mv /x /z && ln -s ${trap}/empty /x`,
        `RUN --mount=type=cache,target=/c/y mv /c /c2 && ln -s ${trap}/empty /c`,
        `RUN --mount=type=secret,id=s mv /run /run2 && ln -s ${trap} /run`,
        `RUN --mount=type=bind,from=base,target=/b/y mv /b /b2 && ln -s ${trap}/empty /b`,
      ];
      const folder = folderOf({
        Dockerfile: `FROM ${IMAGE} AS base\nFROM base\n${steps.join("\n")}\n`,
        s: "1",
      });
      await built(["-t", "attack:moved", "--secret", `id=s,src=${join(folder, "s")}`, folder]);
    }));

  test("places of mounts that the image has as links to the host", () =>
    trapUntouched(async () => {
      const text = `FROM ${IMAGE}
RUN ln -s ${trap} /x && ln -s ${trap}/file /f && ln -s ../../../../../../..${trap}/sub /up && rm -rf /run && ln -s ${trap} /run
RUN --mount=type=tmpfs,target=/x/new touch /x/new/t
RUN --mount=type=cache,target=/up/deep/new touch /up/deep/new/t
RUN --mount=type=bind,source=Dockerfile,target=/f cat /f
RUN --mount=type=secret,id=s cat /run/secrets/s
WORKDIR /x/work
COPY Dockerfile /x/copied
COPY Dockerfile /f
ADD archive.tar /up/
`;
      const folder = folderOf({ Dockerfile: text, s: "1", "in/Dockerfile": "from the archive" });
      await runCommand(["tar", "-cf", join(folder, "archive.tar"), "-C", join(folder, "in"), "."]);
      await built(["-t", "attack:links", "--secret", `id=s,src=${join(folder, "s")}`, folder]);
      // What would have been on the host is in the image.
      expect(await run("attack:links", `cat ${trap}/sub/Dockerfile; ls ${trap}`)).toBe(
        "from the archivecopied\nfile\nsub\nwork",
      );
    }));

  test("sources of mounts and copies that lead out of where they are from", () =>
    trapUntouched(async () => {
      const files = { "dir/x": "1" };
      const links = (folder: string) => {
        symlinkSync("/etc", join(folder, "out"));
        symlinkSync("../../../../../../etc/hostname", join(folder, "up"));
        symlinkSync("/proc/self/root/etc", join(folder, "magic"));
        symlinkSync(".", join(folder, "dir/self"));
      };
      for (const source of [
        "out",
        "out/hostname",
        "up",
        "magic",
        "dir/self/../../out",
        "../../etc",
        "/etc/hostname",
      ]) {
        for (const instruction of [
          `RUN --mount=type=bind,source=${source},target=/m cat /m /m/*`,
          `RUN --mount=type=cache,source=${source},target=/m,from=ctx cat /m/*`,
          `COPY ${source} /x/`,
          `COPY --from=ctx ${source} /x/`,
          `ADD ${source} /x/`,
        ]) {
          const folder = folderOf({
            Dockerfile: `FROM scratch AS ctx\nCOPY . /\nFROM ${IMAGE}\n${instruction}\n`,
            ...files,
          });
          links(folder);
          const result = await build([folder]);
          expect([source, instruction, result.code, result.stderr]).toEqual([
            source,
            instruction,
            1,
            expect.stringMatching(/not found|forbidden path/),
          ]);
        }
      }
    }));

  test("ids of caches are only names", () =>
    trapUntouched(async () => {
      for (const id of [
        `../../../../../..${trap}`,
        trap,
        "..",
        ".",
        "a/b",
        "%2e%2e",
        "x".repeat(1000),
        "ü\t",
      ]) {
        const text = `FROM ${IMAGE}\nRUN --mount=type=cache,id="${id}",target=/c echo written > /c/file\n`;
        await built(["--no-cache", folderOf({ Dockerfile: text })]);
      }
      expect(
        readdirSync(join(engine().root, "data/build/mounts")).every((name) => /^[0-9a-z]+$/.test(name)),
      ).toBe(true);
    }));
});

describe("what a step may", () => {
  const lessThanThat = [
    ["--security=insecure", "security.insecure is not allowed"],
    ["--network=host", "network.host is not allowed"],
    ["--device=vendor.example/gpu=all", "is not available"],
  ] as const;
  for (const [flag, reason] of lessThanThat) {
    test(`${flag} is refused, whichever client asks (CVE-2024-23653)`, async () => {
      const folder = folderOf({ Dockerfile: `FROM ${IMAGE}\nRUN ${flag} echo it ran\n` });
      const kit = { DOCKER_HOST: engine().host, DOCKER_BUILDKIT: "1", BUILDKIT_PROGRESS: "plain" };
      const results = [
        await build([folder]),
        await engine().docker(["build", folder], { env: { DOCKER_BUILDKIT: "0" } }),
      ];
      if (await Bun.file("/usr/bin/docker").exists())
        results.push(await runCommand(["/usr/bin/docker", "build", folder], { env: kit }));
      for (const { code, stderr, stdout } of results) {
        expect(stdout + stderr).toContain(reason);
        expect(stdout + stderr).not.toMatch(/^(#\d+ [\d.]+ )?it ran$/m);
        expect(code).toBe(1);
      }
    });
  }

  test("no inheritable capability, no descriptor, no new name for the host's (CVE-2022-24769, CVE-2024-21626)", async () => {
    const shown = await built([
      "--no-cache",
      folderOf({
        Dockerfile: `FROM ${IMAGE}\nRUN grep -E 'CapInh|CapBnd|Seccomp:|NoNewPrivs' /proc/self/status; ls /proc/self/fd | tr '\\n' ' '; hostname; ls /dev; ! echo x > /proc/sys/kernel/domainname\n`,
      }),
    ]);
    expect(shown).toMatch(/CapInh:\s+0000000000000000/);
    expect(shown).toMatch(/CapBnd:\s+00000000a80425fb/);
    expect(shown).toMatch(/Seccomp:\s+2/);
    expect(shown).toContain("0 1 2 3 buildkitsandbox");
    expect(shown).not.toMatch(/ (sda|vda|loop0|mem|kmsg)$/m);
    for (let fd = 3; fd <= 20; fd++)
      await refused(
        buildText(`FROM ${IMAGE}\nWORKDIR /proc/self/fd/${fd}\nRUN ls ../../../..\n`),
        /leads to a process's open files|not a directory|no such file/,
      );
  });

  test("users that do not fit, that are called by digits, or whose file is a trap (CVE-2024-40635, CVE-2024-9676)", async () => {
    for (const user of ["4294967296", "2147483648", "65536:4294967296", "-1"]) {
      await refused(
        buildText(`FROM ${IMAGE}\nUSER ${user}\nRUN echo "uid $(id -u)"\n`),
        /uids and gids must be|unable to find/,
      );
      await refused(
        buildText(`FROM ${IMAGE}\nCOPY --chown=${user} Dockerfile /x\n`),
        /must be|unable to find|invalid/,
      );
    }
    for (const trick of ["mkfifo", "mkdir", "ln -s /dev/zero", "ln -s /proc/kmsg", "ln -s passwd"]) {
      const text = (then: string) => `FROM ${IMAGE}\nRUN rm /etc/passwd && ${trick} /etc/passwd\n${then}\n`;
      expect((await buildText(text("USER daemon\nRUN id"))).code).toBe(1);
      // Where there is no file at all, a name is root's, as in BuildKit. What is no file is not read.
      const chown = await buildText(text("COPY --chown=daemon Dockerfile /x"));
      expect([trick, chown.code]).toEqual([
        trick,
        trick.startsWith("mk") || trick === "ln -s passwd" ? 1 : 0,
      ]);
    }
    await refused(
      buildText(`FROM ${IMAGE}\nRUN echo 007:x:0:0::/:/bin/sh >> /etc/passwd\nUSER 007\nRUN id\n`),
      "unable to find user 007",
    );
  });

  test("programs of the image are not run by the engine", () =>
    trapUntouched(async () => {
      const plant = ["tar", "gzip", "unpigz", "xz", "zstd", "git", "sh"]
        .map(
          (name) =>
            `mkdir -p /evil; printf '#!/bin/sh\\ntouch ${trap}/ran\\n' > /evil/${name}; chmod 755 /evil/${name}`,
        )
        .join("; ");
      const folder = folderOf({
        Dockerfile: `FROM ${IMAGE}\nRUN ${plant}\nENV PATH=/evil LD_PRELOAD=/evil/lib.so LD_LIBRARY_PATH=/evil\nADD a.tar.gz /a/\nADD a.tar.xz /b/\nCOPY a.tar.gz /c\n`,
        "in/x": "1",
      });
      for (const [flag, name] of [
        ["-czf", "a.tar.gz"],
        ["-cJf", "a.tar.xz"],
      ] as const)
        await runCommand(["tar", flag, join(folder, name), "-C", join(folder, "in"), "."]);
      await built([folder]);
    }));

  test("a frontend that the Dockerfile names is not run (CVE-2026-33747)", async () => {
    const shown = await built([
      folderOf({
        Dockerfile: `# syntax=evil.example/frontend:1\nFROM ${IMAGE}\nRUN echo read by ourselves\n`,
      }),
    ]);
    expect(shown).toContain("read by ourselves");
    expect(shown).not.toContain("evil.example");
  });
});

describe("addresses", () => {
  test("references and folders of git that are options or ways out (CVE-2019-13139, CVE-2026-33748)", () =>
    trapUntouched(async () => {
      for (const [fragment, reason] of [
        [`--upload-pack=touch ${trap}/ran`, "invalid git reference"],
        [`main:../../..${trap}`, /invalid git subdirectory|invalid git reference/],
        [`-u${trap}`, "invalid git reference"],
      ] as const) {
        const address = `https://127.0.0.1:1/repo.git#${fragment}`;
        await refused(build([address]), reason);
        await refused(buildText(`FROM ${IMAGE}\nADD ["${address}", "/x"]\n`), reason);
      }
      for (const address of [`file://${trap}/.git`, `ext::sh -c touch% ${trap}/ran`, "http://[::1"]) {
        expect((await build([address])).code).toBe(1);
      }
    }));

  test("passwords in addresses are sent where they belong, and written nowhere (CVE-2023-26054)", async () => {
    const password = "pass-of-the-address";
    const seen: (string | null)[] = [];
    using server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch(request) {
        seen.push(request.headers.get("authorization"));
        return new Response("file");
      },
    });
    const address = `http://somebody:${password}@127.0.0.1:${server.port}/file?token=${password}`;
    const folder = folderOf({ Dockerfile: `FROM ${IMAGE}\nADD ${address} /file\n` });
    const image = "attack:address";
    const shown = await built(["-t", image, "--provenance=mode=max", folder]);
    expect(seen).toContain(`Basic ${btoa(`somebody:${password}`)}`);
    expect(await engine().berth(["image", "log", image])).toMatchObject({ code: 0 });
    const log = (await engine().berth(["image", "log", image])).stdout;
    expect(log).not.toContain(password);
    // A Dockerfile's own text is no secret of the engine's: its history and what is shown of it repeat it.
    expect(engine().log()).not.toContain(password);
    expect(shown).toContain("ADD");
  });
});

describe("requests", () => {
  test("malformed ones are refused, and the engine goes on (CVE-2024-23650)", async () => {
    const bodies: [string, Uint8Array | string][] = [
      ["nothing", ""],
      ["rubbish", crypto.getRandomValues(new Uint8Array(4096))],
      ["half a header", new Uint8Array(300).fill(65)],
      ["zeros", new Uint8Array(1 << 20)],
      ["gzip of rubbish", Bun.gzipSync(crypto.getRandomValues(new Uint8Array(4096)))],
      ["gzip, cut", Bun.gzipSync(new Uint8Array(1 << 20)).subarray(0, 500)],
      ["a magic number alone", new Uint8Array([0x28, 0xb5, 0x2f, 0xfd])],
    ];
    for (const [what, body] of bodies) {
      const response = await fetch("http://localhost/v1.41/build", {
        unix: engine().socket,
        method: "POST",
        body,
        headers: { "Content-Type": "application/x-tar" },
      });
      const text = await response.text();
      expect([what, response.status !== 200 || text.includes("error")]).toEqual([what, true]);
    }
    const queries = [
      "buildargs=%7B",
      "buildargs=[1]",
      'buildargs={"a":{}}',
      "labels=null5",
      "cachefrom={}",
      "memory=x",
      "memory=-9999999999999999999",
      "cpuperiod=NaN",
      "shmsize=1e400",
      "ulimits=[{}]",
      "ulimits=x",
      "extrahosts=nohost",
      "version=2",
      "version=2&session=../../x&remote=client-session",
      "version=2&remote=client-session",
      "version=3",
      "version=2&outputs=[{}]&session=x",
      "remote=%00",
      "remote=../../etc",
      "dockerfile=../../../../etc/passwd",
      "t=../../x",
      "t=a:b:c",
      "platform=a/b/c/d/e",
      "networkmode=container:nosuch",
      "networkmode=../x",
      "cgroupparent=../../..",
      "target=%00",
      "buildid=../../../x&version=2",
      `buildargs=${encodeURIComponent(JSON.stringify({ __proto__: "1", constructor: "2" }))}`,
    ];
    const tar = Bun.spawnSync([
      "tar",
      "-c",
      "-C",
      folderOf({ Dockerfile: `FROM ${IMAGE}\nRUN :\n` }),
      ".",
    ]).stdout;
    const answers: string[] = [];
    for (const query of queries) {
      const response = await fetch(`http://localhost/v1.41/build?${query}`, {
        unix: engine().socket,
        method: "POST",
        body: tar,
        signal: AbortSignal.timeout(20_000),
      });
      answers.push(`${query} ${response.status} ${(await response.text()).slice(0, 300)}`);
    }
    expect(
      answers.filter((answer) =>
        / 5\d\d |TypeError|undefined is not|Cannot read|is not a function|at \//.test(answer),
      ),
    ).toEqual([]);
    for (const path of ["/session", "/grpc"]) {
      const response = await engine().api("POST", path, {});
      expect(response.status).toBeGreaterThanOrEqual(400);
    }
    expect((await engine().api("GET", "/_ping")).status).toBe(200);
    await expectNoTraces(engine());
  });
});
