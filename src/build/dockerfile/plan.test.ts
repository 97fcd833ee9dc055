import { describe, expect, test } from "bun:test";
import { DockerfileError, renderDockerfileError } from "../../lib/dockerfile/index.ts";
import { parseIgnoreFile } from "../../lib/ignore/index.ts";
import type { ImageConfig } from "../../wire/index.ts";
import { planBuild } from "./plan.ts";
import { readDockerfile } from "./stages.ts";
import type { CopyStep, RunStep, Step } from "./step.ts";
import { imageName, MACHINE, planText, type TestOptions } from "./testing.ts";

const PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const configOf = (text: string, options?: TestOptions): ImageConfig => planText(text, options).target!.config;
const stepsOf = (text: string, options?: TestOptions): readonly Step[] =>
  planText(text, options).target!.steps;
const runOf = (text: string, options?: TestOptions): RunStep =>
  stepsOf(text, options).findLast((step) => step.kind === "run")!;
const copyOf = (text: string, options?: TestOptions): CopyStep =>
  stepsOf(text, options).findLast((step) => step.kind === "copy")!;
/** A variable as a `RUN` at the end sees it. */
const seen = (text: string, name: string, options?: TestOptions) =>
  runOf(`${text}\nRUN x`, options).env.get(name);

describe("arguments and variables", () => {
  const cases: [name: string, text: string, X: string | undefined, options?: TestOptions][] = [
    ["ENV", "FROM a\nENV X=1", "1"],
    ["ENV sees what was there before the instruction", "FROM a\nENV Y=1\nENV Y=2 X=$Y", "1"],
    ["ARG with its default", "FROM a\nARG X=1", "1"],
    ["ARG without a value", "FROM a\nARG X", undefined],
    ["--build-arg", "FROM a\nARG X=1", "2", { buildArgs: { X: "2" } }],
    ["--build-arg is not expanded", "FROM a\nARG X=1", "$HOME", { buildArgs: { X: "$HOME" } }],
    ["--build-arg that is not declared", "FROM a", undefined, { buildArgs: { X: "2" } }],
    ["a default that refers to others", "FROM a\nARG Y=1\nARG X=${Y}2", "12"],
    ["ARG before FROM", "ARG X=1\nFROM a", undefined],
    ["ARG before FROM and declared again", "ARG X=1\nFROM a\nARG X", "1"],
    ["ARG before FROM and declared with another default", "ARG X=1\nFROM a\nARG X=2", "2"],
    ["--build-arg for ARG before FROM", "ARG X=1\nFROM a\nARG X", "3", { buildArgs: { X: "3" } }],
    ["ARG before FROM that refers to others", "ARG Y=1\nARG X=$Y$Y\nFROM a\nARG X", "11"],
    ["whichever of ARG and ENV comes last", "FROM a\nENV X=1\nARG X=2", "2"],
    ["ENV over ARG", "FROM a\nARG X=1\nENV X=$X-2", "1-2"],
    ["ARG of the base stage", "FROM a AS b\nARG X=1\nFROM b", "1"],
    ["ENV over ARG of the base stage", "FROM a AS b\nENV X=1\nARG X=2\nFROM b", "1"],
    ["ARG of another stage", "FROM a AS b\nARG X=1\nFROM a", undefined],
    ["ENV of the base image", "FROM a\nENV X=$Y", "1", { images: { a: { Env: ["Y=1"] } } }],
    ["quotes", "FROM a\nENV X='$Y' ", "$Y"],
    ["another escape character", "# escape=`\nFROM a\nENV X=`$Y\\", "$Y\\"],
    ["TARGETARCH", "FROM a\nARG TARGETARCH\nENV X=$TARGETARCH", "amd64"],
    ["TARGETPLATFORM not declared", "FROM a\nENV X=$TARGETPLATFORM", ""],
    ["TARGETSTAGE", "FROM a AS one\nARG TARGETSTAGE\nENV X=$TARGETSTAGE", "one"],
    ["TARGETSTAGE without a name", "FROM a\nARG TARGETSTAGE\nENV X=$TARGETSTAGE", "default"],
    [
      "BUILDPLATFORM given",
      "FROM a\nARG BUILDPLATFORM\nENV X=$BUILDPLATFORM",
      "x/y",
      { buildArgs: { BUILDPLATFORM: "x/y" } },
    ],
    [
      "platform of the target",
      "FROM a\nARG TARGETPLATFORM BUILDPLATFORM TARGETVARIANT\nENV X=$TARGETPLATFORM,$BUILDPLATFORM,$TARGETVARIANT",
      "linux/arm/v7,linux/amd64,v7",
      { targetPlatform: { ...MACHINE, architecture: "arm", variant: "v7" } },
    ],
    ["proxies", "FROM a\nENV X=$HTTP_PROXY", "", { buildArgs: { HTTP_PROXY: "http://p" } }],
    [
      "proxies that are declared",
      "FROM a\nARG HTTP_PROXY\nENV X=$HTTP_PROXY",
      "http://p",
      { buildArgs: { HTTP_PROXY: "http://p" } },
    ],
  ];
  for (const [name, text, X, options] of cases) {
    test(name, () => expect(seen(text, "X", options)).toBe(X));
  }

  test("arguments are not in the image", () => {
    expect(configOf("FROM a\nARG X=1\nENV Y=$X").Env).toEqual([PATH, "Y=1"]);
    expect(configOf("FROM a\nENV PATH=/x:$PATH", { images: { a: { Env: ["PATH=/bin"] } } }).Env).toEqual([
      "PATH=/x:/bin",
    ]);
  });

  test("proxies are given to every RUN, apart from all else", () => {
    const { proxies } = planText("FROM a", { buildArgs: { https_proxy: "p", NO_PROXY: "q", X: "1" } });
    expect([...proxies]).toEqual([
      ["https_proxy", "p"],
      ["NO_PROXY", "q"],
    ]);
    expect(seen("FROM a", "https_proxy", { buildArgs: { https_proxy: "p" } })).toBeUndefined();
  });

  test("a step keeps the variables that it runs with", () => {
    const runs = stepsOf("FROM a\nENV X=1\nRUN x\nENV X=2\nRUN x").filter((step) => step.kind === "run");
    expect(runs.map(({ env }) => env.get("X"))).toEqual(["1", "2"]);
  });
});

describe("stages", () => {
  const needed = (text: string, options?: TestOptions) =>
    planText(text, options).stages.map(({ title }) => title);

  test("only those that are needed", () => {
    const text = "FROM a AS one\nFROM a AS two\nFROM a AS three\nCOPY --from=one x y\nFROM three";
    expect(needed(text)).toEqual(["one", "three", "stage-3"]);
    expect(needed(text, { target: "TWO" })).toEqual(["two"]);
    expect(needed(text, { allStages: true })).toEqual(["one", "two", "three", "stage-3"]);
    expect(needed("FROM a AS b\nFROM c\nRUN --mount=from=B,target=/m x")).toEqual(["b", "stage-1"]);
    expect(needed("FROM a\nFROM c\nCOPY --from=0 x y")).toEqual(["stage-0", "stage-1"]);
    expect(needed("FROM a")).toEqual([""]);
  });

  test("images that are needed are asked for, with their place", () => {
    const text =
      "ARG V=1\nFROM a:$V AS b\nFROM none\nFROM --platform=arm64 c\nCOPY --from=d:2 x y\nCOPY --from=b x y";
    const { missing, stages } = planBuild(readDockerfile(text), { buildPlatform: MACHINE, imageName });
    expect(
      missing.map(({ reference, platform, source }) => [
        reference,
        platform.architecture,
        source.lines.start,
      ]),
    ).toEqual([
      ["docker.io/library/a:1", "amd64", 2],
      ["docker.io/library/c:latest", "arm64", 4],
      ["docker.io/library/d:2", "amd64", 5],
    ]);
    expect(stages).toEqual([]);
  });

  test("a name stands for the last stage that has it; a base for one before", () => {
    const { stages } = planText("FROM a AS x\nFROM x AS x\nFROM c\nCOPY --from=X y z");
    expect(stages.map(({ base }) => base)).toMatchObject([
      { kind: "image" },
      { kind: "stage", stage: 0 },
      { kind: "image" },
    ]);
    expect(copyOf("FROM a AS x\nFROM x AS x\nFROM c\nCOPY --from=X y z").items[0]).toMatchObject({
      source: { stage: 1 },
    });
  });

  test("named contexts stand in for stages and images", () => {
    const contexts = new Map([
      ["one", undefined],
      ["debian", undefined],
      ["files", undefined],
    ]);
    const text = "FROM a AS one\nRUN x\nFROM debian:latest\nCOPY --from=one a b\nCOPY --from=files a b";
    const { stages, target } = planText(text, { contexts });
    expect(stages.map(({ base, steps }) => [base, steps.length])).toEqual([
      [{ kind: "named", name: "one" }, 0],
      [{ kind: "named", name: "debian" }, 2],
    ]);
    expect(target!.steps.map((step) => (step as CopyStep).items[0])).toMatchObject([
      { source: { kind: "stage", stage: 0 } },
      { source: { kind: "named", name: "files" } },
    ]);
  });

  test("triggers of the base come first, and may need more", () => {
    const images = { base: { OnBuild: ["COPY --from=other /x /y", "ENV A=1"], Env: ["B=2"] } };
    const { stages, target } = planText("FROM d AS other\nFROM base\nRUN $A", { images });
    expect(stages.map(({ title }) => title)).toEqual(["other", "stage-1"]);
    expect(target!.steps.map(({ title, onBuild, lines }) => [title, onBuild, lines.start])).toEqual([
      ["COPY --from=other /x /y", true, 2],
      ["ENV A=1", true, 2],
      ["RUN 1", false, 3],
    ]);
    expect(target!.config.OnBuild).toBeNull();
    const text = "FROM a AS b\nONBUILD RUN <<E\nhello\nE\nFROM b";
    expect(runOf(text).args).toEqual(["/bin/sh", "-c", "hello\n"]);
    expect(planText(text, { target: "b" }).target!.config.OnBuild).toEqual(["RUN <<E\nhello\nE"]);
  });

  const refused: [text: string, reason: string, line: number, options?: TestOptions][] = [
    ["RUN x\nFROM a", "no build stage in current context", 1],
    ["ARG x", "dockerfile contains no stages to build", 1],
    ["FROM $NONE", "base name ($NONE) should not be blank", 1],
    ["FROM a\nFROM UPPER", 'failed to parse stage name "UPPER": invalid reference format', 2],
    ["FROM --platform=$NONE a", "empty platform value from expression $NONE", 1],
    ["FROM --platform=$TARGTPLATFORM a", "(did you mean TARGETPLATFORM?)", 1],
    ["FROM --platform=linux/amd64/v1/x a", "failed to parse platform", 1],
    ["FROM --platform=nowhere a", "unknown operating system or architecture", 1],
    ["FROM a\nCOPY --from=1 x y", "invalid stage index 1", 2],
    ["FROM a\nCOPY --from=-1 x y", "invalid stage index -1", 2],
    ["ARG X=a\nFROM b\nCOPY --from=$X x y", "variable expansion is not supported for --from", 3],
    ["FROM a AS b\nCOPY --from=b x y", "circular dependency detected on stage: b", 2],
    [
      "FROM a AS b\nCOPY --from=c x y\nFROM a AS c\nRUN --mount=from=b x",
      "circular dependency detected on stage: b",
      4,
    ],
    ["FROM a AS b\nCOPY --from=c x y\nFROM b AS c", "circular dependency detected on stage: b", 3],
    [
      "FROM a AS b\nCOPY --from=c x y\nFROM a AS c\nFROM b",
      'cannot copy from stage "c", it needs to be defined before current stage "b"',
      2,
    ],
    ["FROM a AS b\nRUN --mount=from=c x\nFROM a AS c\nFROM b", 'cannot mount from stage "c"', 2],
    ["FROM a\nCOPY --from=UPPER x y", "failed to parse stage name", 2],
    [
      "FROM b",
      "onbuild trigger should be a single expression",
      1,
      { images: { b: { OnBuild: ["RUN x\nRUN y"] } } },
    ],
  ];
  for (const [text, reason, line, options] of refused) {
    test(`${JSON.stringify(text)} is refused`, () => {
      try {
        planText(text, options);
      } catch (error) {
        expect(error).toBeInstanceOf(DockerfileError);
        expect((error as DockerfileError).reason).toContain(reason);
        expect((error as DockerfileError).lines.start).toBe(line);
        expect(renderDockerfileError(error as DockerfileError, "x", text)).toContain("^");
        return;
      }
      throw new Error("nothing wrong with it");
    });
  }

  test("a target that there is not", () => {
    expect(() => planText("FROM a AS build", { target: "biuld" })).toThrow(
      'target stage "biuld" could not be found (did you mean build?)',
    );
  });

  test("stages that are not needed may hold what can not be built", () => {
    expect(() => planText("FROM a AS b\nENV X=${Y\nRUN --mount=type=nonsense x\nFROM a")).not.toThrow();
  });
});

describe("RUN", () => {
  test("runs in the shell of its stage, as its user, in its folder", () => {
    const run = runOf('FROM a\nSHELL ["/bin/bash", "-c"]\nUSER me\nWORKDIR /a\nWORKDIR b\nRUN x  $y');
    expect(run).toMatchObject({
      args: ["/bin/bash", "-c", "x  $y"],
      user: "me",
      directory: "/a/b",
      network: "default",
    });
    expect(runOf('FROM a\nRUN --network=none --security=insecure ["x", "$y"]')).toMatchObject({
      args: ["x", "$y"],
      network: "none",
      security: "insecure",
    });
  });

  test("here-documents are the command, a script or the shell's input", () => {
    expect(runOf("FROM a\nRUN <<E\nx $y\nE").args).toEqual(["/bin/sh", "-c", "x $y\n"]);
    expect(runOf("FROM a\nRUN <<-E\n\tx\nE").args).toEqual(["/bin/sh", "-c", "x\n"]);
    expect(runOf("FROM a\nRUN cat <<E >y\nx\nE").args).toEqual(["/bin/sh", "-c", "cat <<E >y\nx\nE"]);
    expect(runOf("FROM a\nRUN <<E\n#!/bin/x\ny\nE")).toMatchObject({
      args: ["/bin/sh", "-c", "/dev/pipes/E"],
      script: { path: "/dev/pipes/E", content: "#!/bin/x\ny\n" },
      title: "RUN <<E (#!/bin/x...)",
    });
    expect(() => runOf("FROM a\nRUN <<../E\n#!/bin/x\n../E")).toThrow("invalid heredoc name");
  });

  const mounts: [flag: string, mount: object][] = [
    ["target=/x", { type: "bind", source: { kind: "context" }, path: "/", target: "/x", readOnly: true }],
    ["source=../a,target=x,rw", { type: "bind", path: "/a", target: "/w/x", readOnly: false }],
    [
      "from=c,source=/a,target=/x/../y",
      { source: { kind: "image", reference: "docker.io/library/c:latest" }, path: "/a", target: "/y" },
    ],
    ["from=scratch,target=/x", { source: { kind: "scratch" } }],
    [
      "type=cache,target=/x/",
      {
        type: "cache",
        id: "/x",
        sharing: "shared",
        source: { kind: "scratch" },
        readOnly: false,
        mode: undefined,
      },
    ],
    [
      "type=cache,id=i,sharing=locked,mode=0700,uid=1,gid=2,target=/x",
      { id: "i", sharing: "locked", mode: 0o700, uid: 1, gid: 2 },
    ],
    ["type=cache,id=$V,target=/${V}x", { id: "v", target: "/vx" }],
    ["type=tmpfs,target=/x,size=2m", { type: "tmpfs", target: "/x", size: 2_097_152 }],
    [
      "type=secret,id=s",
      { type: "secret", id: "s", required: false, target: "/run/secrets/s", env: undefined, mode: 0o400 },
    ],
    ["type=secret,target=/a/s,required", { id: "s", target: "/a/s", required: true }],
    ["type=secret,id=a/s,env=S", { id: "a/s", target: undefined, env: "S" }],
    ["type=ssh", { type: "ssh", id: "default", target: undefined, mode: 0o600 }],
    ['"type=bind","target=/a,b"', { target: "/a,b" }],
  ];
  for (const [flag, mount] of mounts) {
    test(`--mount=${flag}`, () => {
      const run = runOf(`FROM a\nENV V=v\nWORKDIR /w\nRUN --mount=${flag.replaceAll('"', '\\"')} x`);
      expect(run.mounts[0]).toMatchObject(mount);
    });
  }

  const refused: [flag: string, reason: string][] = [
    ["type=bnd,target=/x", 'unsupported mount type "bnd" (did you mean bind?)'],
    ["targt=/x", "unexpected key 'targt' in 'targt=/x' (did you mean target?)"],
    ["target", "invalid field 'target' must be a key=value pair"],
    ["target=/", 'invalid mount target "/"'],
    ["target=/x/../..", 'invalid mount target "/"'],
    ["type=bind,target=/x,size=1", "unexpected key 'size' for mount type 'bind'"],
    ["type=tmpfs,target=/x,size=x", "invalid value for size: x"],
    ["type=cache,target=/x,sharing=locket", 'unsupported sharing value "locket" (did you mean locked?)'],
    ["target=/x,sharing=locked", "invalid cache sharing set for bind mount"],
    ["target=/x,ro=maybe", "invalid value for ro: maybe"],
    ["target=/x,mode=8", "invalid value 8 for mode"],
    ["target=/x,mode=7", 'mode not allowed for "bind" type mounts'],
    ["target=/x,required", "unexpected key 'required' for mount type 'bind'"],
    ["type=secret", "invalid secret mount. one of source, target required"],
    ["type=secret,id=a,source=b", "both source and id can't be set"],
    ["type=secret,id=a,from=b", "secret mount should not have a from"],
    ["type=ssh,source=a", "ssh does not support source"],
  ];
  for (const [flag, reason] of refused) {
    test(`--mount=${flag} is refused`, () =>
      expect(() => runOf(`FROM a\nRUN --mount=${flag} x`)).toThrow(reason));
  }

  test("secrets are never shown", () => {
    const run = runOf("FROM a\nENV S=old\nRUN --mount=type=secret,id=s,env=S x $S");
    expect(run.title).toBe("RUN --mount=type=secret,id=s,env=S x ****");
  });

  test("history tells of the arguments that it could see", () => {
    expect(runOf("FROM a\nARG B\nARG A=1\nRUN x").history).toEqual({
      createdBy: "RUN |2 B= A=1 /bin/sh -c x # buildkit",
      emptyLayer: false,
    });
  });
});

describe("COPY and ADD", () => {
  const cases: [line: string, step: object][] = [
    [
      "COPY a b",
      {
        items: [{ kind: "path", source: { kind: "context" }, path: "/a", unpack: false }],
        destination: "/w/b",
      },
    ],
    ["COPY ../a /b/", { items: [{ path: "/a" }], destination: "/b/" }],
    ["COPY a .", { destination: "/w/" }],
    ["COPY a ./x/.", { destination: "/w/x/." }],
    [
      "COPY --chown=$V:1 --chmod=$M --link $V x",
      { items: [{ path: "/v" }], chown: "v:1", chmod: "755", link: true },
    ],
    ["COPY --parents a/./b/*.c x", { items: [{ path: "/a", pattern: "b/*.c" }] }],
    ["COPY --parents a/b x", { items: [{ path: "/", pattern: "a/b" }] }],
    ["COPY --exclude=*.o --exclude=x a b", { exclude: ["*.o", "x"] }],
    [
      "COPY --from=c /a b",
      { items: [{ source: { kind: "image", reference: "docker.io/library/c:latest" } }] },
    ],
    ['COPY <<E x\n$V "$V" \\$V\nE', { items: [{ kind: "inline", fileName: "E", content: 'v "v" $V\n' }] }],
    ["COPY <<'E' a x\n$V\nE", { items: [{ kind: "path" }, { kind: "inline", content: "$V\n" }] }],
    ["ADD a.tar x", { items: [{ kind: "path", unpack: true }] }],
    ["ADD --unpack=false a.tar x", { items: [{ unpack: false }] }],
    [
      "ADD https://h/a%20b.tar?x=1 x",
      { items: [{ kind: "http", url: "https://h/a%20b.tar?x=1", fileName: "a b.tar", unpack: false }] },
    ],
    ["ADD https://h/ x", { items: [{ fileName: "__unnamed__" }] }],
    ["ADD https://h/..%2f x", { items: [{ fileName: "__unnamed__" }] }],
    [
      `ADD --checksum=sha256:${"a".repeat(64)} http://h/a x`,
      { items: [{ checksum: `sha256:${"a".repeat(64)}` }] },
    ],
    [
      "ADD --keep-git-dir https://h/r.git#main:sub/dir x",
      {
        items: [
          {
            kind: "git",
            reference: { remote: "https://h/r.git", ref: "main", subdirectory: "sub/dir", keepGitDir: true },
          },
        ],
      },
    ],
    ["ADD git@h:me/r.git x", { items: [{ kind: "git", reference: { remote: "git@h:me/r.git", ref: "" } }] }],
  ];
  for (const [line, step] of cases) {
    test(line.split("\n", 1)[0]!, () => {
      expect(copyOf(`FROM a\nENV V=v M=755\nWORKDIR /w\n${line}`)).toMatchObject(step);
    });
  }

  const refused: [line: string, reason: string][] = [
    ["COPY https://h/a x", "source can't be a URL for COPY"],
    ["COPY https://h/a.git x", "source can't be a git ref for COPY"],
    ["COPY --from=c ../../etc/shadow x", 'forbidden path outside of "c"'],
    ["COPY --from=c /../a x", 'forbidden path outside of "c"'],
    ["COPY --chmod=8 a x", "invalid chmod parameter: '8'"],
    ["COPY --chmod=17777 a x", "invalid chmod parameter"],
    ["COPY <<../E x\n../E", "invalid heredoc name"],
    ["ADD --checksum=x a b", "checksum requires HTTP(S) or Git sources"],
    ["ADD --checksum=x http://h/a b", "invalid checksum digest format: x"],
    [
      `ADD --checksum=sha256:${"a".repeat(64)} http://h/a http://h/b x`,
      "checksum can't be specified for multiple sources",
    ],
    ["ADD https://h/r.git#--upload-pack=x y", "invalid git reference"],
    ["ADD https://h/r.git#main:../x y", "invalid git subdirectory"],
    ["ADD https://h/r.git?commit=a&ref=b#c y", 'ref conflicts: "c" vs "b"'],
    [
      "ADD --keep-git-dir=false https://h/r.git?keep-git-dir=true y",
      "inconsistent keep-git-dir configuration",
    ],
  ];
  for (const [line, reason] of refused) {
    test(`${line.split("\n", 1)[0]} is refused`, () =>
      expect(() => copyOf(`FROM a\n${line}`)).toThrow(reason));
  }

  test("symbolic modes", () => {
    for (const mode of ["u=rwX,go=rX", "+x", "a-w", "u+s,g=u"])
      expect(copyOf(`FROM a\nCOPY --chmod=${mode} a b`).chmod).toBe(mode);
  });
});

describe("the image's configuration", () => {
  const cases: [text: string, config: ImageConfig, base?: ImageConfig][] = [
    ["CMD x y", { Cmd: ["/bin/sh", "-c", "x y"] }],
    ['CMD ["x"]', { Cmd: ["x"] }],
    ["ENTRYPOINT []", { Entrypoint: null }],
    ['ENTRYPOINT ["e"]', { Entrypoint: ["e"], Cmd: null }, { Cmd: ["c"] }],
    ['CMD ["d"]\nENTRYPOINT ["e"]', { Entrypoint: ["e"], Cmd: ["d"] }, { Cmd: ["c"] }],
    [
      "EXPOSE 80 53/UDP $P",
      { ExposedPorts: { "80/tcp": {}, "53/udp": {}, "1/tcp": {}, "2/tcp": {}, "9/tcp": {} } },
      { Env: ["P=1-2 9"] },
    ],
    ['LABEL a=$V "b c"=d', { Labels: { x: "y", a: "v", "b c": "d" } }, { Env: ["V=v"], Labels: { x: "y" } }],
    ["LABEL __proto__=x", { Labels: JSON.parse('{"__proto__":"x"}') }],
    ["USER $V", { User: "v" }, { Env: ["V=v"] }],
    ["VOLUME /a $V", { Volumes: { "/a": {}, v: {} } }, { Env: ["V=v"] }],
    ["WORKDIR a", { WorkingDir: "/x/a" }, { WorkingDir: "/x" }],
    ["WORKDIR ../../b", { WorkingDir: "/b" }, { WorkingDir: "/x" }],
    ["STOPSIGNAL $V", { StopSignal: "SIGINT" }, { Env: ["V=SIGINT"] }],
    [
      "HEALTHCHECK --interval=1m CMD x",
      {
        Healthcheck: {
          Test: ["CMD-SHELL", "x"],
          Interval: 60e9,
          Timeout: 0,
          StartPeriod: 0,
          StartInterval: 0,
          Retries: 0,
        },
      },
    ],
  ];
  for (const [text, config, base] of cases) {
    test(JSON.stringify(text), () =>
      expect(configOf(`FROM base\n${text}`, { images: { base: base ?? {} } })).toMatchObject(config),
    );
  }

  test("labels of the build are the target's", () => {
    const { stages } = planText("FROM a AS b\nFROM b\nLABEL x=1 y=1", { labels: new Map([["x", "2"]]) });
    expect(stages.map(({ config }) => config.Labels)).toEqual([undefined, { x: "2", y: "1" }]);
  });

  test("history reads as BuildKit's", () => {
    const lines = [
      ...[
        "ENV A=1 B='2 3'",
        "LABEL c=d",
        'CMD ["x", "y"]',
        "ENTRYPOINT e",
        "EXPOSE 80",
        "USER me",
        "VOLUME /a /b",
        "WORKDIR /w",
      ],
      ...[
        "WORKDIR /",
        "STOPSIGNAL SIGINT",
        'SHELL ["/bin/bash", "-c"]',
        "MAINTAINER me",
        "COPY --chown=1 a b /c/",
        "ADD a b",
      ],
      "HEALTHCHECK --interval=90s --timeout=500ms --start-period=1h0m1.5s CMD x",
    ];
    expect(stepsOf(`FROM a\n${lines.join("\n")}`).map(({ history }) => history!.createdBy)).toEqual([
      ...[
        "ENV A=1 B=2 3",
        "LABEL c=d",
        'CMD ["x" "y"]',
        'ENTRYPOINT ["/bin/sh" "-c" "e"]',
        "EXPOSE [80/tcp]",
        "USER me",
      ],
      ...[
        "VOLUME [/a /b]",
        "WORKDIR /w",
        "WORKDIR /",
        "STOPSIGNAL SIGINT",
        "SHELL [/bin/bash -c]",
        "MAINTAINER me",
      ],
      ...["COPY --chown=1 a b /c/ # buildkit", "ADD a b # buildkit"],
      "HEALTHCHECK {Test:[CMD-SHELL x] Interval:1m30s Timeout:500ms StartPeriod:1h0m1.5s StartInterval:0s Retries:0}",
    ]);
  });
});

describe("checks", () => {
  const cases: [text: string, found: string[], options?: TestOptions][] = [
    ["FROM a AS Bld", ["1 StageNameCasing: Stage name 'Bld' should be lowercase"]],
    ["FROM a as b", ["1 FromAsCasing: 'as' and 'FROM' keywords' casing do not match"]],
    ["FROM a\nRUN x \\\n\n y", ["4 NoEmptyContinuation: Empty continuation line"]],
    [
      "FROM a\nrun x\nRUN y",
      [
        "2 ConsistentInstructionCasing: Command 'run' should match the case of the command majority (uppercase)",
      ],
    ],
    [
      "from a\nrun x\nRun y",
      [
        "3 ConsistentInstructionCasing: Command 'Run' should match the case of the command majority (lowercase)",
      ],
    ],
    [
      "FROM a AS b\nFROM a AS b",
      ['2 DuplicateStageName: Duplicate stage name "b", stage names should be unique'],
    ],
    [
      "FROM a AS scratch",
      ['1 ReservedStageName: Stage name should not use the same name as reserved stage "scratch"'],
    ],
    [
      "FROM a\nCMD x",
      [
        "2 JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals",
      ],
    ],
    ['FROM a\nSHELL ["x"]\nCMD x', []],
    [
      "FROM a\nMAINTAINER me",
      ["2 MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label"],
    ],
    [
      "ARG VERSION=1\nFROM a:${VERSIN:-1}",
      ["2 UndefinedArgInFrom: FROM argument 'VERSIN' is not declared (did you mean VERSION?)"],
    ],
    ["ARG V\nFROM a${V}", []],
    [
      "FROM a\nWORKDIR b\nWORKDIR c",
      ['2 WorkdirRelativePath: Relative workdir "b" can have unexpected results if the base image changes'],
    ],
    ["FROM a\nWORKDIR /b\nWORKDIR c", []],
    [
      "FROM a\nENV NAMES=1\nCOPY $NAMEZ x",
      ["3 UndefinedVar: Usage of undefined variable '$NAMEZ' (did you mean $NAMES?)"],
    ],
    ["FROM a\nARG X\nCOPY a$X y", []],
    ["FROM a\nRUN $x\nCOPY <<'E' a\n$x\nE", []],
    [
      "FROM a\nCMD []\nCMD []",
      [
        "2 MultipleInstructionsDisallowed: Multiple CMD instructions should not be used in the same stage because only the last one will be used",
      ],
    ],
    [
      "FROM a\nENV b c\nLABEL d e",
      [
        '2 LegacyKeyValueFormat: "ENV key=value" should be used instead of legacy "ENV key value" format',
        '3 LegacyKeyValueFormat: "LABEL key=value" should be used instead of legacy "LABEL key value" format',
      ],
    ],
    [
      "FROM --platform=$TARGETPLATFORM a",
      [
        "1 RedundantTargetPlatform: Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior",
      ],
    ],
    [
      "FROM --platform=linux/arm64 a",
      ['1 FromPlatformFlagConstDisallowed: FROM --platform flag should not use constant value "linux/arm64"'],
    ],
    ["FROM --platform=linux/arm64 a AS build-arm64\nFROM --platform=$BUILDPLATFORM a", []],
    [
      "FROM a\nARG API_KEY\nENV TOKEN=1 MONKEY=2 KEY_FILE=3 PUBLIC_KEY=4",
      [
        '2 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ARG "API_KEY")',
        '3 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ENV "TOKEN")',
      ],
    ],
    [
      "ARG V\nFROM $V",
      ["2 InvalidDefaultArgInFrom: Default value for ARG $V results in empty or invalid base image name"],
      { buildArgs: { V: "a" } },
    ],
    [
      "FROM a\nEXPOSE 80/TCP",
      ["2 ExposeProtoCasing: Defined protocol '80/TCP' in EXPOSE instruction should be lowercase"],
    ],
    [
      "FROM a\nEXPOSE 127.0.0.1:80:80",
      [
        "2 ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '127.0.0.1:80:80'",
      ],
    ],
    [
      "FROM a\nCOPY node_modules/x y\nADD . z",
      ['2 CopyIgnoredFile: Attempting to Copy file "node_modules/x" that is excluded by .dockerignore'],
      { ignore: parseIgnoreFile("node_modules") },
    ],
    [
      "FROM a\nCOPY x y\nADD . z",
      [
        '2 CopyIgnoredFile: Attempting to Copy file "x" that is excluded by .dockerignore',
        '3 CopyIgnoredFile: Attempting to Add file "." that is excluded by .dockerignore',
      ],
      { ignore: parseIgnoreFile("*") },
    ],
    ["FROM a\nCOPY x y", [], { ignore: parseIgnoreFile("*\n!x") }],
    ["# not b\nFROM a AS b", []],
    [
      "# check=experimental=all\n# not b\nFROM a AS b\n\n# apart\n\nARG c\n# d is\nARG d",
      ["3 InvalidDefinitionDescription: Comment for FROM should follow the format: `# b <description>`"],
    ],
    ["# check=skip=MaintainerDeprecated,JSONArgsRecommended\nFROM a\nMAINTAINER me\nCMD x", []],
    ["# check=skip=all\nFROM a as b\nMAINTAINER me", []],
    [
      "FROM a\n# check=skip=MaintainerDeprecated\nMAINTAINER me\nCMD x",
      [
        "4 JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals",
      ],
    ],
    ["FROM a\nMAINTAINER me", [], { checks: { skip: "all", experimental: [], error: false } }],
  ];
  for (const [text, found, options] of cases) {
    test(JSON.stringify(text), () => {
      const { warnings } = planText(text, { ...options, allStages: true });
      expect(warnings.map(({ rule, lines, message }) => `${lines.start} ${rule}: ${message}`)).toEqual(found);
    });
  }

  test("warnings may fail the build", () => {
    expect(planText("FROM a\nCMD x").violation).toBeUndefined();
    expect(planText("# check=error=true\nFROM a\nRUN x").violation).toBeUndefined();
    expect(planText("# check=error=true\nFROM a\nCMD x\nMAINTAINER y").violation).toBe(
      "lint violation found for rules: JSONArgsRecommended, MaintainerDeprecated",
    );
  });

  test("options that there are not are refused", () => {
    for (const value of ["x", "x=1", "error=maybe"]) {
      expect(() => planText(`# check=${value}\nFROM a`)).toThrow("failed to parse check options");
    }
  });

  test("each has its page", () => {
    const [warning] = planText("FROM a\nCMD x").warnings;
    expect(warning!.url).toBe("https://docs.docker.com/go/dockerfile/rule/json-args-recommended/");
  });
});

describe("hostile Dockerfiles come to an end", () => {
  const doubling = Array.from({ length: 200 }, (_, i) => `ENV A${i + 1}=$A${i}$A${i}`).join("\n");
  const cases: [name: string, text: string][] = [
    ["variables that double", `FROM a\nENV A0=x\n${doubling}`],
    ["many long variables", `FROM a\nENV A=${"x".repeat(60_000)}\n${"ENV B=$A$A\n".repeat(5000)}`],
    ["many ports", `FROM a\n${"EXPOSE 1-65535\n".repeat(5000)}`],
    ["patterns", `FROM a\nENV A=${"a".repeat(60_000)}\n${`ENV B=\${A##${"*a".repeat(200)}b}\n`.repeat(100)}`],
  ];
  for (const [name, text] of cases) test(name, () => expect(() => planText(text)).toThrow(DockerfileError));

  test("long chains of stages", () => {
    const stages = Array.from({ length: 4000 }, (_, i) => `FROM ${i === 0 ? "a" : `s${i - 1}`} AS s${i}`);
    expect(planText(stages.join("\n")).stages).toHaveLength(4000);
  });
});
