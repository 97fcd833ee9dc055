import { expect, test } from "bun:test";
import { resolve } from "node:path";
import { serviceNamed } from "../application.ts";
import { buildRequest, ignoredOfBuild } from "./build-request.ts";
import { printBuilds } from "./print.ts";
import { projectOf } from "./testing.ts";

function request(build: string, flags = {}, environment: Record<string, string> = {}, rest = "") {
  const loaded = projectOf(
    `name: shop\nservices:\n  web:\n    image: reg:5000/web\n    build:\n${build.replace(/^/gm, "      ")}\n${rest}`,
    environment,
  );
  return buildRequest({ project: loaded }, serviceNamed(loaded, "web"), flags);
}

test("every attribute of a build reaches the engine", () => {
  const built = request(
    `context: ./src
dockerfile: docker/Dockerfile.web
args: { A: "1", FROM_ENV: , MISSING: }
labels: { team: red }
cache_from: [reg/cache]
cache_to: [type=inline]
no_cache: true
no_cache_filter: [deps]
additional_contexts: { lib: ../lib, base: service:base, web: https://example.com/a.tar }
network: host
shm_size: 64m
target: final
secrets: [token, { source: key, target: ssh-key }]
ssh: [default, other=/keys/other]
tags: [reg:5000/web:2]
platforms: [linux/amd64]
extra_hosts: [one=10.0.0.1, two=10.0.0.2]
pull: true
provenance: mode=min
entitlements: [network.host]
ulimits: { nofile: { soft: 10, hard: 20 }, nproc: 5 }`,
    {},
    { FROM_ENV: "from outside", TOKEN: "s3cret" },
    `  base:
    build: ./base
secrets:
  token: { environment: TOKEN }
  key: { file: ./id }
`,
  );
  expect(built).toMatchObject({
    context: "/app/src",
    dockerfile: "/app/src/docker/Dockerfile.web",
    tags: ["reg:5000/web", "reg:5000/web:2"],
    target: "final",
    args: { A: "1", FROM_ENV: "from outside" },
    labels: {
      team: "red",
      "com.docker.compose.project": "shop",
      "com.docker.compose.service": "web",
    },
    network: "host",
    pull: true,
    noCache: true,
    noCacheFilter: ["deps"],
    cacheFrom: ["reg/cache"],
    cacheTo: ["type=inline"],
    platforms: ["linux/amd64"],
    contexts: { lib: resolve("/lib"), base: "docker-image://shop-base", web: "https://example.com/a.tar" },
    secrets: [
      { id: "token", value: "s3cret" },
      { id: "ssh-key", file: "/app/id" },
    ],
    ssh: ["default", "other=/keys/other"],
    extraHosts: ["one:10.0.0.1", "two:10.0.0.2"],
    shmSizeBytes: 64 << 20,
    ulimits: [
      { Name: "nofile", Soft: 10, Hard: 20 },
      { Name: "nproc", Soft: 5, Hard: 5 },
    ],
    provenance: "mode=min",
    push: false,
  });
});

test("flags of the command win over the file", () => {
  const built = request(
    "args: { A: '1', B: '2' }\nssh: [default]",
    {
      args: ["A=x", "HOME_TOWN", "NOT_SET"],
      noCache: true,
      pull: true,
      push: true,
      memoryBytes: 1 << 20,
      ssh: "default",
      provenance: "false",
    },
    { HOME_TOWN: "Ulm" },
  );
  expect(built).toMatchObject({
    args: { A: "x", B: "2", HOME_TOWN: "Ulm" },
    noCache: true,
    pull: true,
    push: true,
    memoryBytes: 1 << 20,
    ssh: ["default"],
    provenance: "false",
  });
  expect(built.args).not.toHaveProperty("NOT_SET");
  expect(() => request("context: .", { ssh: "key" })).toThrow('invalid ssh key "key"');
});

test("an inline Dockerfile and an address are passed on as they are", () => {
  expect(request("dockerfile_inline: |\n  FROM scratch")).toMatchObject({
    context: "/app",
    dockerfileInline: "FROM scratch\n",
  });
  const remote = request("context: https://github.com/x/y.git#main:sub\ndockerfile: D");
  expect(remote).toMatchObject({ context: "https://github.com/x/y.git#main:sub", dockerfile: "D" });
});

test("a build that has to be asked back needs BuildKit, unless the environment says otherwise", () => {
  expect(request("context: .").builder).toBeUndefined();
  expect(request("ssh: [default]").builder).toBe("buildkit");
  expect(request("ssh: [default]", {}, { DOCKER_BUILDKIT: "0" }).builder).toBe("classic");
});

test("what no builder here can do is refused by name", () => {
  expect(() => request("isolation: hyperv")).toThrow('service "web": build.isolation: "hyperv"');
  expect(() => request("privileged: true")).toThrow("build.privileged is not supported");
  expect(() => request("entitlements: [security.insecure]")).toThrow("security.insecure is not supported");
  expect(() => request("sbom: true")).toThrow("build.sbom is not supported");
  expect(request("sbom: false\nisolation: default").tags).toEqual(["reg:5000/web"]);
});

test("the platform that the service runs on is one of those it is built for", () => {
  const three = "platforms: [linux/amd64, linux/arm64]";
  expect(request(three).platforms).toEqual(["linux/amd64", "linux/arm64"]);
  // To run it here, the builder decides.
  expect(request(three, { single: true }).platforms).toEqual([]);
  const wanted = { DOCKER_DEFAULT_PLATFORM: "linux/arm64" };
  expect(request(three, { single: true }, wanted).platforms).toEqual(["linux/arm64"]);
  expect(request("context: .", {}, wanted).platforms).toEqual(["linux/arm64"]);
  expect(() => request(three, {}, { DOCKER_DEFAULT_PLATFORM: "linux/386" })).toThrow(
    'service "web" build.platforms does not support value set by DOCKER_DEFAULT_PLATFORM: linux/386',
  );
});

test("--print is a file for bake, without the secrets themselves", () => {
  const loaded = projectOf(
    `name: shop
services:
  a.b:
    build: { context: ., additional_contexts: { base: service:base }, args: { X: "$\${y}" }, secrets: [token] }
  base:
    build: ./base
secrets:
  token: { environment: TOKEN }
`,
    { TOKEN: "s3cret" },
  );
  const text = printBuilds({ project: loaded } as never, [serviceNamed(loaded, "a.b")]);
  expect(text).not.toContain("s3cret");
  expect(JSON.parse(text)).toMatchObject({
    group: { default: { targets: ["a_b"] } },
    target: {
      a_b: {
        context: "/app",
        contexts: { base: "target:base" },
        args: { X: "$${y}" },
        tags: ["shop-a.b"],
        secret: ["id=token,type=env,env=TOKEN"],
        output: ["type=docker"],
      },
      base: { context: "/app/base", dockerfile: "/app/base/Dockerfile" },
    },
  });
});

test("owner and mode of a secret are for RUN --mount to say", () => {
  const ignored = (secrets: object[]) =>
    ignoredOfBuild({ name: "app", build: { secrets } } as unknown as Parameters<typeof ignoredOfBuild>[0]);
  expect(ignored([{ source: "a" }])).toEqual([]);
  expect(
    ignored([
      { source: "a", uid: "1" },
      { source: "b", uid: "2", mode: 0o400 },
    ]),
  ).toEqual([
    'service "app": build.secrets.uid is not honoured: `RUN --mount=type=secret` says who may read a secret',
    'service "app": build.secrets.mode is not honoured: `RUN --mount=type=secret` says who may read a secret',
  ]);
});
