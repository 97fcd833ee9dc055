// Real projects, built by our client and by the real one in both of its modes, and run.
import { beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { debianTar } from "../../bench/base-images.ts";
import { programsRootTar } from "../../scripts/lib/programs-image.ts";
import { EXECUTABLE } from "../../scripts/lib/shell.ts";
import { buildFolders } from "../support/build-folder.ts";
import { fatesOf } from "../support/build-steps.ts";
import { expectNoTraces } from "../support/build-traces.ts";
import { type CommandResult, IMAGE, runCommand, startEngine } from "../support/engine.ts";
import { useEngine } from "../support/suite.ts";

const { engine, docker } = useEngine();
const folderOf = buildFolders();

const DEBIAN_DOCKER = "/usr/bin/docker";
const hasDebianDocker = await Bun.file(DEBIAN_DOCKER).exists();
const MINUTES_5 = 300_000;

/** Each way to ask for a build. What one has built is the next one's cache, unless it is told otherwise. */
const clients: readonly {
  name: string;
  build(args: readonly string[], cwd: string): Promise<CommandResult>;
}[] = [
  {
    name: "berth build",
    build: (args, cwd) =>
      runCommand([EXECUTABLE, "-H", engine().host, "build", "--progress", "plain", ...args], {
        cwd,
        timeoutMs: MINUTES_5,
      }),
  },
  ...(hasDebianDocker
    ? ["0", "1"].map((kit) => ({
        name: `docker build with DOCKER_BUILDKIT=${kit}`,
        build: (args: readonly string[], cwd: string) =>
          runCommand([DEBIAN_DOCKER, "-H", engine().host, "build", ...args], {
            cwd,
            env: {
              DOCKER_BUILDKIT: kit,
              BUILDKIT_PROGRESS: "plain",
              DOCKER_CONFIG: join(engine().root, "config"),
            },
            timeoutMs: MINUTES_5,
          }),
      }))
    : []),
];

async function built(
  client: (typeof clients)[number],
  args: readonly string[],
  cwd: string,
): Promise<string> {
  const result = await client.build(args, cwd);
  expect(result, `${client.name} ${args.join(" ")}`).toMatchObject({ code: 0 });
  return result.stdout + result.stderr;
}

async function importImage(tar: Uint8Array | Blob, name: string): Promise<void> {
  const [repo, tag] = name.split(":");
  const query = new URLSearchParams({ fromSrc: "-", repo: repo!, tag: tag!, changes: 'CMD ["sh"]' });
  const response = await fetch(`http://localhost/v1.41/images/create?${query}`, {
    unix: engine().socket,
    method: "POST",
    body: tar,
  });
  expect(await response.text()).toContain("sha256:");
}

const hasNode = Bun.which("node") !== null && Bun.which("npm") !== null;

describe.if(hasNode)("a Node app with npm ci", () => {
  let folder: string;

  beforeAll(async () => {
    await importImage(await programsRootTar(["node"]), "node-bare:1");
    // npm is files beside a program: a further context brings them.
    const npm = dirname(dirname(realpathSync(Bun.which("npm")!)));
    const base = folderOf({
      Dockerfile: `FROM node-bare:1
COPY --link --from=npm . /usr/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/bin/npm && ln -sf /bin/env /usr/bin/env && npm --version
`,
    });
    const result = await engine().berth(["build", "-t", "node:base", "--build-context", `npm=${npm}`, base]);
    expect(result).toMatchObject({ code: 0 });
    folder = await nodeProject();
  });

  for (const client of clients) {
    test(`by ${client.name}`, async () => {
      const args = ["--no-cache", "-t", "app:1", "--build-arg", "BUILT_BY=somebody", "."];
      const shown = await built(client, args, folder);
      expect(shown).toContain("added 2 packages");
      expect(await docker("run", "--rm", "app:1")).toBe("Hello, somebody! as 33 of production in /app");
      // The packages come as root's out of one stage and are the user's in the other.
      expect(
        await docker(
          "run",
          "--rm",
          "app:1",
          "stat",
          "-c",
          "%u:%g",
          "node_modules/greeting/index.js",
          "src/main.js",
        ),
      ).toBe("33:33\n33:33");
      expect(await docker("run", "--rm", "app:1", "ls")).toBe("node_modules\nsrc");
      const tested = await built(client, ["--target", "tested", "."], folder);
      expect(tested).toMatch(/# pass 1\b|pass 1\b/);
    });
  }

  test("a failing test fails the build", async () => {
    const path = join(folder, "src/main.test.js");
    const text = await Bun.file(path).text();
    writeFileSync(path, text.replace("Hello, x!", "Bye, x!"));
    for (const client of clients) {
      const { code, stderr, stdout } = await client.build(["--target", "tested", "."], folder);
      expect(code).toBe(1);
      expect(stdout + stderr).toContain("Bye, x!");
    }
    writeFileSync(path, text);
  });
});

/** An app with two packages, of which one depends on the other, as tarballs in the project, and a lock file with their digests. */
async function nodeProject(): Promise<string> {
  const packages = folderOf({
    "greeting/package.json": JSON.stringify({
      name: "greeting",
      version: "1.0.0",
      dependencies: { exclaim: "1.0.0" },
    }),
    "greeting/index.js": 'module.exports = (name) => require("exclaim")("Hello, " + name);\n',
    "exclaim/package.json": JSON.stringify({
      name: "exclaim",
      version: "1.0.0",
      scripts: { postinstall: "node make.js" },
    }),
    "exclaim/make.js":
      'require("fs").writeFileSync("index.js", "module.exports = (text) => text + \'!\';\\n");\n',
  });
  const folder = folderOf({
    "package.json": JSON.stringify({
      name: "app",
      version: "1.0.0",
      dependencies: { greeting: "file:vendor/greeting-1.0.0.tgz", exclaim: "file:vendor/exclaim-1.0.0.tgz" },
    }),
    "src/main.js": `const greeting = require("greeting");
module.exports = greeting;
if (require.main === module)
  console.log(greeting(process.env.BUILT_BY), "as", process.getuid(), "of", process.env.NODE_ENV, "in", process.cwd());
`,
    "src/main.test.js": `require("node:test")("greets", () => require("node:assert").equal(require("./main.js")("x"), "Hello, x!"));\n`,
    ".dockerignore": "node_modules\n*.log\n",
    "debug.log": "not for the image",
    Dockerfile: `# syntax=docker/dockerfile:1
FROM node:base AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
COPY vendor vendor
RUN --mount=type=cache,target=/root/.npm npm ci --offline --no-audit --no-fund

FROM dependencies AS tested
COPY . .
RUN node --test src/main.test.js

FROM node:base
ARG BUILT_BY=nobody
ENV NODE_ENV=production BUILT_BY=$BUILT_BY
WORKDIR /app
COPY --from=dependencies --chown=33:33 /app/node_modules ./node_modules
COPY --chown=33:33 --exclude=*.test.js src ./src
USER 33
CMD ["node", "src/main.js"]
`,
  });
  mkdirSync(join(folder, "vendor"));
  for (const name of ["greeting", "exclaim"])
    expect(
      await runCommand(["npm", "pack", "--silent", "--pack-destination", join(folder, "vendor")], {
        cwd: join(packages, name),
      }),
    ).toMatchObject({ code: 0 });
  const lock = ["npm", "install", "--package-lock-only", "--offline", "--no-audit", "--no-fund"];
  expect(await runCommand(lock, { cwd: folder })).toMatchObject({ code: 0 });
  return folder;
}

const reachesDebian = await fetch("http://deb.debian.org/debian/dists/bookworm/Release", {
  method: "HEAD",
  signal: AbortSignal.timeout(10_000),
}).then(
  ({ ok }) => ok,
  () => false,
);

// Without a mirror of Debian there is nothing to install from.
describe.if(reachesDebian)("a C project with Debian's packages", () => {
  let folder: string;

  beforeAll(async () => {
    await importImage(Bun.file(await debianTar()), "debian:made");
    folder = folderOf({
      Makefile:
        "CFLAGS ?= -O1\nall: count libgreet.so greet\ncount: count.c\n\t$(CC) $(CFLAGS) -static -o $@ $<\nlibgreet.so: greet.c\n\t$(CC) $(CFLAGS) -fPIC -shared -o $@ $<\ngreet: main.c libgreet.so\n\t$(CC) $(CFLAGS) -o $@ $< -L. -lgreet\ninstall: all\n\tinstall -D count $(DESTDIR)/usr/bin/count\n\tinstall -D greet $(DESTDIR)/usr/bin/greet\n\tinstall -D -m 644 libgreet.so $(DESTDIR)/usr/lib/libgreet.so\n",
      "count.c":
        '#include <stdio.h>\nint main(int argc, char **argv) { printf("%d of %d\\n", argc - 1, LIMIT); return argc - 1 > LIMIT; }\n',
      "greet.c": "const char *greet(void) { return GREETING; }\n",
      "main.c": "#include <stdio.h>\nconst char *greet(void);\nint main(void) { puts(greet()); return 0; }\n",
      Dockerfile: `FROM debian:made AS toolchain
RUN chmod 755 / && rm -f /etc/apt/apt.conf.d/docker-clean && echo 'Binary::apt::APT::Keep-Downloaded-Packages "true";' > /etc/apt/apt.conf.d/keep
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt/lists,sharing=locked <<EOF
set -e
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends gcc libc6-dev make
EOF

FROM toolchain AS compiled
ARG LIMIT=3
ARG GREETING=hello
WORKDIR /src
COPY Makefile *.c ./
RUN --mount=type=tmpfs,target=/tmp make -j2 CFLAGS="-O2 -Wall -Werror -DLIMIT=$LIMIT -DGREETING='\\"$GREETING\\"'" install DESTDIR=/out

FROM scratch AS static
COPY --from=compiled /out/usr/bin/count /count
ENTRYPOINT ["/count"]

FROM debian:made
COPY --from=compiled --link /out/ /
RUN ldconfig && greet
CMD ["greet"]
`,
    });
  }, MINUTES_5);

  for (const client of clients) {
    test(
      `by ${client.name}`,
      async () => {
        await built(client, ["-t", "c:1", "--build-arg", `GREETING=by ${client.name}`, "."], folder);
        expect(await docker("run", "--rm", "c:1")).toBe(`by ${client.name}`);
        await built(client, ["-t", "c:static", "--target", "static", "--build-arg", "LIMIT=1", "."], folder);
        expect(await docker("run", "--rm", "c:static", "a")).toBe("1 of 1");
        expect((await engine().docker(["run", "--rm", "c:static", "a", "b"])).code).toBe(1);
        // Nothing of the toolchain, nothing of the caches is in it.
        expect(
          await docker(
            "run",
            "--rm",
            "c:1",
            "sh",
            "-c",
            "ls /var/cache/apt/archives /var/lib/apt/lists /src /out; which gcc make; true",
          ),
        ).not.toMatch(/deb$|gcc|Makefile/m);
        // The packages were installed once, by whomever it was.
        const again = await built(client, ["--target", "compiled", "--build-arg", "LIMIT=1", "."], folder);
        expect(again).toMatch(/CACHED|Using cache/);
      },
      MINUTES_5,
    );
  }
});

describe("one Dockerfile, many images", () => {
  const dockerfile = `ARG FLAVOUR=small
ARG SUFFIX
FROM ${IMAGE} AS base
ARG VERSION=\${SUFFIX:+1}
ENV VERSION=\${VERSION:-none} PATH=/opt/bin:$PATH
WORKDIR /opt/$VERSION

FROM base AS flavour-small
COPY <<-EOF /opt/bin/app
	#!/bin/sh
	echo small $VERSION \\$0
EOF

FROM base AS flavour-large
ARG EXTRA="a  b"
COPY --chmod=755 <<"EOF" <<second /opt/bin/
#!/bin/sh
echo large $VERSION
EOF
not $EXTRA
second
RUN <<done
#!/bin/sh
set -e
mv /opt/bin/EOF /opt/bin/app
mv /opt/bin/second note
done

FROM flavour-\${FLAVOUR}\${SUFFIX:+-}\${SUFFIX#.}
ONBUILD RUN echo of a child > /child
ARG FLAVOUR
LABEL flavour=$FLAVOUR version="$VERSION"
RUN chmod 755 /opt/bin/app && pwd > /where
SHELL ["/bin/sh", "-e", "-c"]
RUN <<EOF cat > /shell
through $FLAVOUR
EOF
CMD app; cat /where /shell; cat note 2>/dev/null || true
`;
  const matrix: readonly [args: Record<string, string>, said: string, labels: string][] = [
    [{}, "small none /opt/bin/app\n/opt/none\nthrough small", "small none"],
    [{ FLAVOUR: "large" }, "large none\n/opt/none\nthrough large\nnot a  b", "large none"],
    [{ FLAVOUR: "large", EXTRA: "c d", VERSION: "2" }, "large 2\n/opt/2\nthrough large\nnot c d", "large 2"],
    [{ VERSION: "3.1" }, "small 3.1 /opt/bin/app\n/opt/3.1\nthrough small", "small 3.1"],
  ];

  for (const client of clients) {
    test(`by ${client.name}`, async () => {
      const folder = folderOf({ Dockerfile: dockerfile });
      await Promise.all(
        matrix.map(async ([args, said, labels], index) => {
          const name = `matrix:${index}`;
          const flags = Object.entries(args).flatMap(([key, value]) => ["--build-arg", `${key}=${value}`]);
          await built(client, ["--no-cache", "-t", name, ...flags, "."], folder);
          expect(await docker("run", "--rm", name)).toBe(said);
          expect(
            await docker(
              "image",
              "inspect",
              "-f",
              "{{.Config.Labels.flavour}} {{.Config.Labels.version}}",
              name,
            ),
          ).toBe(labels);
        }),
      );
      const child = folderOf({ Dockerfile: "FROM matrix:0\n" });
      await built(client, ["-t", "matrix:child", "."], child);
      expect(await docker("run", "--rm", "matrix:child", "cat", "/child")).toBe("of a child");
      const none = await client.build(["--build-arg", "FLAVOUR=none", "."], folder);
      expect(none.code).toBe(1);
      expect(none.stdout + none.stderr).toContain("flavour-none");
    });
  }

  test("all ways come to the same image", async () => {
    const folder = folderOf({ Dockerfile: dockerfile });
    const ids = new Set<string>();
    for (const [index, client] of clients.entries()) {
      await built(client, ["-t", `same:${index}`, "."], folder);
      ids.add(
        await docker("image", "inspect", "-f", "{{json .RootFS.Layers}} {{json .Config}}", `same:${index}`),
      );
    }
    expect([...ids]).toHaveLength(1);
  });
});

describe("stages that share caches", () => {
  for (const client of clients) {
    test(`by ${client.name}`, async () => {
      const id = client.name.replaceAll(/\W/g, "-");
      const compile = (n: number) => `FROM base AS part${n}
RUN --mount=type=cache,id=${id},target=/cache,sharing=locked,uid=33,mode=0770 \\
    --mount=type=bind,source=parts/${n},target=/part \\
    --mount=type=tmpfs,target=/scratch <<EOF
set -e
before=$(cat /cache/count 2>/dev/null || echo 0)
cat /part > /scratch/x
sleep 0.05
test "$(cat /cache/count 2>/dev/null || echo 0)" = $before
echo $((before + 1)) > /cache/count
tr a-z A-Z < /scratch/x > /made
stat -c %u:%a /cache >> /made
EOF
`;
      const folder = folderOf({
        Dockerfile: `FROM ${IMAGE} AS base\n${[1, 2, 3].map(compile).join("")}FROM scratch AS all\n${[1, 2, 3].map((n) => `COPY --from=part${n} /made /parts/${n}\n`).join("")}FROM base\nRUN --mount=from=all,source=parts,target=/in --mount=type=cache,id=${id},target=/cache,readonly,uid=33,mode=0770 cat /in/* > /result && cat /cache/count >> /result && ! touch /cache/x\n`,
        ...Object.fromEntries([1, 2, 3].map((n) => [`parts/${n}`, `part ${n}\n`])),
      });
      const first = await built(client, ["-t", "parts:1", "."], folder);
      // A cache begins with nothing, and nothing is no step.
      expect(first).not.toMatch(/^#\d+ FROM scratch/m);
      expect(await docker("run", "--rm", "parts:1", "cat", "/result")).toBe(
        "PART 1\n33:770\nPART 2\n33:770\nPART 3\n33:770\n3",
      );
      expect(await docker("run", "--rm", "parts:1", "ls", "/")).not.toMatch(/cache|scratch|^part$|^in$/m);
      writeFileSync(join(folder, "parts/2"), "changed\n");
      chmodSync(join(folder, "parts/2"), 0o644);
      const shown = await built(client, ["-t", "parts:1", "."], folder);
      if (client.name === "berth build")
        expect(fatesOf(shown)).toBe("COPY:hit COPY:miss COPY:miss RUN:hit RUN:miss RUN:hit RUN:miss");
      expect(await docker("run", "--rm", "parts:1", "cat", "/result")).toBe(
        "PART 1\n33:770\nCHANGED\n33:770\nPART 3\n33:770\n4",
      );
      await expectNoTraces(engine());
    });
  }
});

describe("the same input", () => {
  test("is the same image on two engines, whatever the times of its files", async () => {
    const folder = folderOf({
      Dockerfile: `FROM ${IMAGE} AS one
WORKDIR /w/x
RUN mkdir -p /o/p && echo x > /o/b && ln /o/b /o/c && rm -rf /home && mkdir /home && echo >> /etc/passwd
COPY d /d
ADD t.tar /t
RUN --mount=type=cache,target=/c echo hi > /c/x; echo y > /y
FROM one
COPY --from=one --link --chown=5 /o /oo
COPY <<EOF /here
text
EOF
ENV A=1
LABEL b=2
`,
      "d/a": "a",
      "d/e/b": "b",
    });
    expect(await runCommand(["tar", "-cf", "t.tar", "d"], { cwd: folder })).toMatchObject({ code: 0 });
    await using other = await startEngine();
    const results: string[] = [];
    for (const [index, one] of [engine(), other].entries()) {
      await runCommand(["find", "d", "-exec", "touch", "-d", `@${1_000_000_000 + index}`, "{}", "+"], {
        cwd: folder,
      });
      const archive = join(folder, `${index}.tar`);
      const built = await one.berth(["build", "-q", "--reproducible", folder]);
      await one.berth([
        "build",
        "-q",
        "--no-cache",
        "--reproducible",
        "-o",
        `type=oci,dest=${archive}`,
        folder,
      ]);
      results.push(`${built.stdout} ${Bun.SHA256.hash(await Bun.file(archive).bytes(), "hex")}`);
      rmSync(archive);
    }
    expect(results[0]).toMatch(/^sha256:/);
    expect(results[1]).toBe(results[0]!);
  });
});
