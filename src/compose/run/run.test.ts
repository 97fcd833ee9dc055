import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NamedService } from "../application.ts";
import type { Project } from "../project/index.ts";
import { splitCopyArgument } from "./copy.ts";
import { overridden, type RunOverrides } from "./overrides.ts";

const project = { environment: new Map([["HOME_TOWN", "Ulm"]]) } as unknown as Project;
const service: NamedService = {
  name: "web",
  image: "web",
  command: ["serve"],
  entrypoint: ["/start"],
  container_name: "mine",
  restart: "always",
  scale: 3,
  ports: [{ target: 80, published: "8080" }],
  environment: { A: "file", KEPT: "yes" },
  labels: { tier: "front" },
  volumes: [{ type: "volume", source: "data", target: "/data" }],
  cap_add: ["CHOWN"],
  cap_drop: ["NET_RAW"],
  deploy: { replicas: 3, restart_policy: { condition: "any" }, resources: { limits: { pids: 5 } } },
};
const run = (options: RunOverrides) => overridden(project, service, options, "/here");

test("a container of run is one, without name, restarts and ports", () => {
  const plain = run({});
  expect(plain).toMatchObject({
    scale: 1,
    ports: [],
    command: ["serve"],
    entrypoint: ["/start"],
    tty: false,
  });
  for (const key of ["restart", "container_name"]) expect(plain).not.toHaveProperty(key);
  expect(plain.deploy).toEqual({ resources: { limits: { pids: 5 } } });
  expect(run({ servicePorts: true }).ports).toEqual(service.ports!);
  // The service itself stays as it was.
  expect(service.scale).toBe(3);
});

test("what the command says wins over the file", () => {
  const folder = mkdtempSync(join(tmpdir(), "berth-run-"));
  try {
    const file = join(folder, "env");
    writeFileSync(file, "A=from file\nB=${HOME_TOWN} and ${A}\n");
    const changed = run({
      command: ["sh", "-c", "x"],
      user: "1:2",
      workdir: "/tmp",
      env: ["A=flag", "HOME_TOWN", "NOT_SET"],
      envFiles: [file],
      labels: ["a=b=c"],
      volumes: ["./x:/x:ro", "cache:/cache"],
      publish: ["127.0.0.1:9000-9001:80-81"],
      tty: true,
      interactive: true,
    });
    expect(changed).toMatchObject({
      command: ["sh", "-c", "x"],
      user: "1:2",
      working_dir: "/tmp",
      environment: { A: "flag", KEPT: "yes", HOME_TOWN: "Ulm", B: "Ulm and flag" },
      labels: { tier: "front", a: "b=c" },
      tty: true,
      stdin_open: true,
    });
    expect(changed.environment).not.toHaveProperty("NOT_SET");
    expect(changed.volumes?.slice(1)).toMatchObject([
      { type: "bind", source: "/here/x", target: "/x", read_only: true },
      { type: "volume", source: "cache", target: "/cache" },
    ]);
    expect(
      changed.ports?.map(({ host_ip, published, target }) => `${host_ip}:${published}:${target}`),
    ).toEqual(["127.0.0.1:9000:80", "127.0.0.1:9001:81"]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("another program comes without the service's arguments", () => {
  expect(run({ entrypoint: ["sh"] })).toMatchObject({ entrypoint: ["sh"], command: [] });
  expect(run({ entrypoint: ["sh"], command: ["-c"] })).toMatchObject({ entrypoint: ["sh"], command: ["-c"] });
});

test("a power that is added is not dropped, and the other way round", () => {
  const changed = run({ capAdd: ["NET_RAW"], capDrop: ["CHOWN"] });
  expect([changed.cap_add, changed.cap_drop]).toEqual([["NET_RAW"], ["CHOWN"]]);
});

test("what makes no sense is refused", () => {
  expect(() => run({ servicePorts: true, publish: ["80"] })).toThrow(
    "--service-ports and --publish are incompatible",
  );
  expect(() => run({ publish: ["x:y"] })).toThrow("invalid containerPort: y");
  expect(() => run({ volumes: ["aa:bb:cc:dd"] })).toThrow("too many colons");
  expect(() => run({ labels: ["lone"] })).toThrow("label must be set as KEY=VALUE");
});

test("the sides of a copy are told apart", () => {
  expect(splitCopyArgument("web:/a:b")).toEqual({ service: "web", path: "/a:b" });
  expect(splitCopyArgument("./a:b")).toEqual({ service: "", path: "./a:b" });
  expect(splitCopyArgument("/a:b")).toEqual({ service: "", path: "/a:b" });
  expect(splitCopyArgument("-")).toEqual({ service: "", path: "-" });
});
