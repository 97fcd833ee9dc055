// Containers that came and went leave nothing behind, neither on the host nor in the daemon.
import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { AGAINST_DOCKER, IMAGE, runCommand, startEngine, type TestEngine } from "../support/engine.ts";
import { leftovers } from "../support/leftovers.ts";
import { bePatient, eventually } from "../support/suite.ts";

bePatient();

const ROUNDS = 10;
const CGROUP_PARENT = `berth-leaks-${process.pid}`;

/** Ways to run a container, each with something of its own to give back. */
const WAYS: readonly { readonly options: readonly string[]; readonly command: readonly string[] }[] = [
  { options: [], command: ["true"] },
  { options: ["--network", "none"], command: ["true"] },
  { options: ["-p", "127.0.0.1::80", "-p", "127.0.0.1::53/udp"], command: ["true"] },
  {
    options: ["-v", "/anonymous", "--tmpfs", "/scratch"],
    command: ["touch", "/anonymous/a", "/scratch/b", "/c"],
  },
  { options: ["--memory", "64m", "--log-driver", "none"], command: ["sh", "-c", "exit 0"] },
  { options: ["--health-cmd", "true", "--health-interval", "10ms"], command: ["sleep", "0.1"] },
];

/** Everything that containers hold while they live, by where it is seen. */
async function holdings(engine: TestEngine, bridge: string): Promise<Record<string, unknown>> {
  const below = (path: string) => readdirSync(join(engine.root, path), { recursive: true }).sort();
  return {
    descriptors: descriptorsOf(engine.pid),
    mounts: mountsBelow("self", engine.root),
    "the daemon's mounts": mountsBelow(`${engine.pid}`, engine.root),
    links: (await runCommand(["ip", "-o", "link", "show", "master", bridge])).stdout,
    cgroups: cgroups(),
    "monitors and containers": await leftovers(`${join(engine.root, "exec")}/`),
    containers: below("data/containers"),
    writable: below("data/snapshots/writable"),
    volumes: below("data/volumes"),
    trash: below("data/trash"),
    exec: below("exec"),
  };
}

/** How many descriptors the process has of each kind, and of each file. */
function descriptorsOf(pid: number): Record<string, number> {
  const kinds: Record<string, number> = {};
  for (const name of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const kind = readlinkSync(`/proc/${pid}/fd/${name}`).replace(/\[\d+\]/, "");
      kinds[kind] = (kinds[kind] ?? 0) + 1;
    } catch {
      // It was closed while we looked.
    }
  }
  return kinds;
}

const mountsBelow = (pid: string, root: string) =>
  readFileSync(`/proc/${pid}/mountinfo`, "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((target) => target.startsWith(root));

/** The control groups of containers, in every hierarchy. */
function cgroups(): string[] {
  const places = ["", ...readdirSync("/sys/fs/cgroup")].map((name) =>
    join("/sys/fs/cgroup", name, CGROUP_PARENT),
  );
  return places
    .filter((place) => existsSync(place))
    .flatMap((place) => readdirSync(place, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
}

test.skipIf(AGAINST_DOCKER)("60 containers that were run and removed leave nothing behind", async () => {
  await using engine = await startEngine({ args: ["--cgroup-parent", `/${CGROUP_PARENT}`] });
  /** All ways at once. */
  const round = (client: "docker" | "berth") =>
    Promise.all(
      WAYS.map(async ({ options, command }) => {
        const args = ["run", "--rm", ...options, IMAGE, ...command];
        const { code, stderr } = await engine[client](args);
        expect({ args, code, stderr }).toMatchObject({ args, code: 0 });
      }),
    );
  const network = (await (await engine.api("GET", "/networks/bridge")).json()) as {
    Options: Record<string, string>;
  };
  const bridge = network.Options["com.docker.network.bridge.name"]!;

  // What looks right while a container lives proves that the looking works.
  await engine.docker(["run", "-d", "--rm", "--name", "alive", "-v", "/data", IMAGE, "sleep", "1000"]);
  const alive = await holdings(engine, bridge);
  for (const place of ["links", "cgroups", "monitors and containers", "containers", "volumes"]) {
    expect({ place, held: alive[place] }).not.toMatchObject({ place, held: place === "links" ? "" : [] });
  }
  await engine.docker(["rm", "-f", "-v", "alive"]);

  await round("docker");
  await round("berth");
  const settled = {
    cgroups: [],
    links: "",
    containers: [],
    writable: [],
    volumes: [],
    trash: [],
    mounts: [],
  };
  const places = Object.keys(settled);
  const only = (all: Record<string, unknown>) =>
    Object.fromEntries(places.map((place) => [place, all[place]]));
  await eventually(async () => only(await holdings(engine, bridge)), settled);

  const before = await holdings(engine, bridge);
  for (let count = 0; count < ROUNDS; count++) await round(count % 2 === 0 ? "docker" : "berth");
  await eventually(() => holdings(engine, bridge), before);
});
