import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { kindOf, notFound } from "../lib/index.ts";
import { RuntimeError } from "../runtime/index.ts";
import { quiet, World } from "./testing-world.ts";

let world: World;
const never = new AbortController().signal;

beforeEach(() => {
  world = new World();
});
afterEach(() => world.dispose());

const inspect = async (ref: string) => (await world.containers.inspect(ref)).State;
const removal = { force: false, volumes: false, link: false };
const forced = { ...removal, force: true };

async function refusal(work: Promise<unknown>): Promise<[string, string]> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof Error)) throw new Error("it was not refused");
  return [kindOf(error), error.message];
}

describe("a life", () => {
  test("created, started, ended, removed: with Docker's events in Docker's order", async () => {
    const id = await world.create("web", { Labels: { a: "b" } });
    expect(await inspect("web")).toMatchObject({ Status: "created", Running: false, Pid: 0 });
    await world.containers.start("web");
    expect(await inspect("web")).toMatchObject({ Status: "running", Running: true, Pid: 100 });
    expect(world.processes.get(id)?.started).toBe(true);

    world.clock.advance(5000);
    world.exit(id, 3);
    await quiet();
    expect(await inspect("web")).toMatchObject({ Status: "exited", ExitCode: 3, Pid: 0, Running: false });
    await world.containers.remove("web", removal);

    expect(world.events).toEqual(["create", "start", "die", "destroy"]);
    expect(world.eventLog[2]).toMatchObject({
      type: "container",
      actorId: id,
      attributes: { exitCode: "3", image: "busybox", name: "web", a: "b" },
    });
    expect(await refusal(world.containers.inspect("web"))).toEqual(["NotFound", "No such container: web"]);
  });

  test("nothing is left of one that was removed", async () => {
    const id = await world.run("web", { HostConfig: { Binds: ["/volume-here"] } });
    await world.containers.remove("web", { ...forced, volumes: true });
    await quiet();
    expect(world.snapshotKeys.size + world.networks.size + world.held.size + world.volumeUsers.size).toBe(0);
    expect(world.mounted.size).toBe(0);
    expect(readdirSync(join(world.root, "containers"))).toEqual([]);
    expect(readdirSync(join(world.root, "exec", "containers"))).toEqual([]);
    expect(world.exitNotes.has(id)).toBe(false);
    expect(world.containers.held).toEqual({ runs: 0, waiters: 0, restarts: 0, queues: 0, samplers: 0 });
    expect(world.clock.pending).toBe(0);
  });

  test("an image that is missing, names that are taken or no names", async () => {
    expect(await refusal(world.create("xx", { Image: "nope" }))).toEqual([
      "NotFound",
      "No such image: nope:latest",
    ]);
    expect(await refusal(world.containers.create({}, {}))).toEqual([
      "InvalidParameter",
      "config cannot be empty in order to create a container",
    ]);
    const id = await world.create("taken");
    expect(await refusal(world.create("taken"))).toEqual([
      "Conflict",
      `Conflict. The container name "/taken" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.`,
    ]);
    expect(await refusal(world.create("-x"))).toEqual([
      "InvalidParameter",
      "Invalid container name (-x), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
    ]);
    expect(await refusal(world.create("xx", { HostConfig: { Runtime: "nope" } }))).toEqual([
      "InvalidParameter",
      "unknown or invalid runtime name: nope",
    ]);
  });

  test("a create that fails leaves nothing, and the name is free", async () => {
    world.failAt("snapshots.prepare");
    await expect(world.create("web", { Volumes: { "/data": {} } })).rejects.toThrow(
      "snapshots.prepare failed",
    );
    expect(world.held.size + world.volumeUsers.size + world.snapshotKeys.size).toBe(0);
    expect(readdirSync(join(world.root, "containers"))).toEqual([]);
    expect(world.events).toEqual([]);
    await world.create("web");
  });

  test("names, ids, prefixes", async () => {
    const id = await world.create("web");
    for (const reference of ["web", "/web", id, id.slice(0, 12)]) {
      expect((await world.containers.inspect(reference)).Id).toBe(id);
    }
    expect(await refusal(world.containers.inspect(""))).toMatchObject([
      "InvalidParameter",
      expect.anything(),
    ]);
  });
});

describe("start", () => {
  test("a network that is not there is told here, not at create, where clients would look for the image", async () => {
    await world.create("web", { HostConfig: { NetworkMode: "blue" } });
    world.failAt("network.attach", notFound("network blue not found"));
    expect(await refusal(world.containers.start("web"))).toEqual(["NotFound", "network blue not found"]);
    world.failAt("volumes.acquire", notFound('plugin "x" not found'));
    expect(await refusal(world.create("other", { HostConfig: { Binds: ["v:/v"] } }))).toEqual([
      "InvalidParameter",
      'plugin "x" not found',
    ]);
    expect((await refusal(world.create("other", { HostConfig: { Links: ["nobody"] } })))[0]).toBe(
      "InvalidParameter",
    );
  });

  test("twice, paused, going", async () => {
    await world.run("web");
    expect(await refusal(world.containers.start("web"))).toEqual([
      "NotModified",
      "container is already running",
    ]);
    await world.containers.pause("web");
    expect(await refusal(world.containers.start("web"))).toEqual([
      "Conflict",
      "cannot start a paused container, try unpause instead",
    ]);
  });

  test.each(["output.prepare", "snapshots.mount", "network.attach", "runtime.create", "runtime.start"])(
    "what fails at %s is undone, told, and can be tried again",
    async (point) => {
      const id = await world.create("web");
      world.failAt(point);
      await expect(world.containers.start("web")).rejects.toThrow(`${point} failed`);
      expect(await inspect("web")).toMatchObject({
        Running: false,
        Pid: 0,
        ExitCode: 128,
        Error: `${point} failed`,
      });
      expect(world.networks.size + world.processes.size + world.mounted.size).toBe(0);
      expect(existsSync(join(world.root, "exec", "containers", id))).toBe(false);
      expect(world.events).toEqual(["create"]);
      expect(world.containers.held).toMatchObject({ runs: 0, queues: 0 });
      await world.containers.start("web");
      expect(await inspect("web")).toMatchObject({ Running: true, ExitCode: 0, Error: "" });
    },
  );

  test("the runtime's failures have Docker's exit codes", async () => {
    await world.create("web");
    world.failAt("runtime.create", new RuntimeError("InvalidParameter", "executable file not found", 127));
    expect(await refusal(world.containers.start("web"))).toEqual([
      "InvalidParameter",
      "executable file not found",
    ]);
    expect(await inspect("web")).toMatchObject({ Status: "created", ExitCode: 127 });
  });

  test("one with --rm that cannot start is removed", async () => {
    await world.create("web", { HostConfig: { AutoRemove: true } });
    world.failAt("runtime.create");
    await expect(world.containers.start("web")).rejects.toThrow();
    expect(await refusal(world.containers.inspect("web"))).toMatchObject(["NotFound", expect.anything()]);
    expect(world.events).toEqual(["create", "destroy"]);
  });

  test("what the process gets", async () => {
    const id = await world.run("web", {
      Entrypoint: ["/entry"],
      Cmd: ["a", "b"],
      Env: ["A=1"],
      WorkingDir: "/srv",
      HostConfig: {
        Binds: ["data:/data:ro", `${world.root}:/host`],
        Tmpfs: { "/run": "size=1m" },
        IpcMode: "shareable",
        Init: true,
        CgroupParent: "../mine",
      },
    });
    const spec = world.specs.get(id)!;
    expect(spec).toMatchObject({
      args: ["/entry", "a", "b"],
      env: ["A=1"],
      cwd: "/srv",
      hostname: id.slice(0, 12),
      initPath: "/usr/bin/tini-static",
      cgroupParent: "/mine",
      namespaces: { pid: "new", ipc: "new", uts: "new", cgroup: "new", user: "host" },
    });
    expect(spec.mounts.map(({ destination, options }) => [destination, options.join(",")])).toEqual([
      ["/etc/hostname", "rbind,rprivate,rw"],
      ["/etc/hosts", "rbind,rprivate,rw"],
      ["/etc/resolv.conf", "rbind,rprivate,rw"],
      ["/run", "noexec,nosuid,nodev,rprivate,size=1m"],
      ["/data", "rbind,rprivate,rro"],
      ["/host", "rbind,rprivate,rw"],
      ["/dev/shm", "rbind,rprivate,rw,nosuid,noexec,nodev"],
    ]);
    expect(world.log).toContain("volumes.populate data");
  });

  test("a bind's source is made for -v, and must be there for --mount", async () => {
    const missing = join(world.root, "made", "here");
    await world.run("web", { HostConfig: { Binds: [`${missing}:/x`] } });
    expect(existsSync(missing)).toBe(true);
    expect(
      await refusal(
        world.create("xx", { HostConfig: { Mounts: [{ Type: "bind", Source: "/no/pe", Target: "/x" }] } }),
      ),
    ).toEqual([
      "InvalidParameter",
      'invalid mount config for type "bind": bind source path does not exist: /no/pe',
    ]);
  });

  test("a shared mount needs a shared source", async () => {
    const HostConfig = { Binds: [`${world.root}:/x:rshared`] };
    await world.create("web", { HostConfig });
    expect(await refusal(world.containers.start("web"))).toEqual([
      "System",
      `path ${world.root} is mounted on / but it is not a shared mount`,
    ]);
    world.propagation = "shared";
    await world.containers.start("web");
  });
});

describe("sharing namespaces", () => {
  test("network, processes and memory of another container", async () => {
    const donor = await world.run("donor", { Hostname: "shared", HostConfig: { IpcMode: "shareable" } });
    const id = await world.run("guest", {
      HostConfig: { NetworkMode: "container:donor", PidMode: "container:donor", IpcMode: "container:donor" },
    });
    expect(world.specs.get(id)).toMatchObject({
      hostname: "shared",
      namespaces: {
        network: { path: "/proc/100/ns/net" },
        pid: { path: "/proc/100/ns/pid" },
        ipc: { path: "/proc/100/ns/ipc" },
      },
    });
    const sources = world.specs.get(id)!.mounts.map(({ source }) => source);
    expect(sources).toContain(join(world.root, "containers", donor, "hosts"));
    expect(sources).toContain(join(world.root, "exec", "containers", donor, "shm"));
    expect(world.networks.has(id)).toBe(false);
    const { HostConfig } = await world.containers.inspect("guest");
    expect(HostConfig.NetworkMode).toBe(`container:${donor}`);
  });

  test("those that don't run, or don't share", async () => {
    const donor = await world.create("donor");
    await world.create("aa", { HostConfig: { NetworkMode: "container:donor" } });
    expect(await refusal(world.containers.start("aa"))).toEqual([
      "Conflict",
      "cannot join network namespace of a non running container: container donor is created",
    ]);
    await world.create("bb", { HostConfig: { PidMode: "container:donor" } });
    expect(await refusal(world.containers.start("bb"))).toEqual([
      "Conflict",
      `failed to join PID namespace: container ${donor} is not running`,
    ]);
    await world.containers.start("donor");
    await world.create("cc", { HostConfig: { IpcMode: "container:donor" } });
    expect((await refusal(world.containers.start("cc")))[1]).toContain(
      "non-shareable IPC (hint: use IpcMode:shareable for the donor container)",
    );
    await world.create("dd", { HostConfig: { NetworkMode: "container:gone" } });
    expect(await refusal(world.containers.start("dd"))).toEqual([
      "System",
      "joining network namespace of container: No such container: gone",
    ]);
  });
});

describe("stop and kill", () => {
  test("stop asks with the container's signal, and says what it did", async () => {
    await world.run("web", { StopSignal: "SIGINT" });
    await world.containers.stop("web");
    expect(await inspect("web")).toMatchObject({ Status: "exited", ExitCode: 130 });
    expect(world.events.slice(2)).toEqual(["kill", "die", "stop"]);
    expect(world.eventLog[2]?.attributes["signal"]).toBe("2");
    expect(await refusal(world.containers.stop("web"))).toEqual([
      "NotModified",
      "container is already stopped",
    ]);
    expect(await refusal(world.containers.stop("web", { signal: "NOPE" }))).toEqual([
      "InvalidParameter",
      "Invalid signal: NOPE",
    ]);
  });

  test("what does not listen is killed after the timeout, and not before", async () => {
    world.ignored.add(15);
    const id = await world.run("web", { StopTimeout: 3 });
    const stopping = world.containers.stop("web");
    await quiet();
    world.clock.advance(2999);
    await quiet();
    expect(world.processes.has(id)).toBe(true);
    world.clock.advance(1);
    await stopping;
    expect(await inspect("web")).toMatchObject({ Status: "exited", ExitCode: 137 });
    expect(world.clock.pending).toBe(0);
  });

  test("a timeout of -1 waits for ever; meanwhile others may kill", async () => {
    world.ignored.add(15);
    await world.run("web");
    const stopping = world.containers.stop("web", { timeoutSeconds: -1 });
    await quiet();
    world.clock.advance(1e9);
    await quiet();
    expect(await inspect("web")).toMatchObject({ Status: "running" });
    await world.containers.kill("web");
    await stopping;
    expect(await inspect("web")).toMatchObject({ Status: "exited", ExitCode: 137 });
  });

  test("kill", async () => {
    const id = await world.run("web");
    world.ignored.add(10);
    await world.containers.kill("web", "USR1");
    expect(await inspect("web")).toMatchObject({ Status: "running" });
    await world.containers.kill("web");
    expect(await inspect("web")).toMatchObject({ Status: "exited", ExitCode: 137 });
    expect(await refusal(world.containers.kill("web"))).toEqual([
      "Conflict",
      `container ${id} is not running`,
    ]);
    expect(await refusal(world.containers.kill("web", "HUP"))).toEqual([
      "Conflict",
      `container ${id} is not running`,
    ]);
  });

  test("a signal is told before the end that it brings about", async () => {
    await world.run("web");
    const release = world.blockAt("runtime.killed");
    const killing = world.containers.kill("web");
    await quiet();
    expect(world.events).toEqual(["create", "start"]);
    release();
    await killing;
    expect(world.events.slice(2)).toEqual(["kill", "die"]);
  });

  test("an image's stop signal that there is none of means SIGTERM", async () => {
    world.images.set("odd", { id: "sha256:odd", config: { Cmd: ["sh"], StopSignal: "SIGODD" } });
    await world.run("web", { Image: "odd" });
    await world.containers.stop("web");
    expect(await inspect("web")).toMatchObject({ ExitCode: 143 });
  });

  test("a stop while a start is under way comes after it", async () => {
    await world.create("web");
    const release = world.blockAt("runtime.create");
    const starting = world.containers.start("web");
    await quiet();
    const stopping = world.containers.stop("web").catch((error: Error) => error.message);
    release();
    await starting;
    // It did not run yet when the stop was asked for, as with Docker.
    expect(await stopping).toBe("container is already stopped");
    await world.containers.stop("web");
    expect(world.events).toEqual(["create", "start", "kill", "die", "stop"]);
  });

  test("a paused container is thawed to die", async () => {
    await world.run("web");
    await world.containers.pause("web");
    expect(await inspect("web")).toMatchObject({ Status: "paused", Running: true, Paused: true });
    await world.containers.stop("web");
    expect(await inspect("web")).toMatchObject({ Status: "exited", ExitCode: 137 });
  });

  test("pause and unpause", async () => {
    const id = await world.run("web");
    world.ignored.add(9);
    await world.containers.pause("web");
    expect(await refusal(world.containers.pause("web"))).toEqual([
      "Conflict",
      `container ${id} is already paused`,
    ]);
    await world.containers.unpause("web");
    expect(await refusal(world.containers.unpause("web"))).toEqual([
      "System",
      `Container ${id} is not paused`,
    ]);
    expect(world.events.slice(2)).toEqual(["pause", "unpause"]);
    world.ignored.clear();
    await world.containers.kill("web");
    expect(await refusal(world.containers.pause("web"))).toEqual([
      "Conflict",
      `container ${id} is not running`,
    ]);
  });

  test("restart: of one that runs, and of one that does not", async () => {
    await world.run("web", { HostConfig: { AutoRemove: true } });
    await world.containers.restart("web");
    expect(await inspect("web")).toMatchObject({ Status: "running", Pid: 102 });
    expect(world.events.slice(2)).toEqual(["kill", "die", "stop", "start", "restart"]);
    await world.create("other");
    await world.containers.restart("other");
    expect(await inspect("other")).toMatchObject({ Status: "running" });
  });
});

describe("wait", () => {
  test("the three conditions", async () => {
    const id = await world.run("web", { HostConfig: { AutoRemove: true } });
    const order: string[] = [];
    const note =
      (what: string) =>
      ({ statusCode }: { statusCode: number }) =>
        order.push(`${what} ${statusCode}`);
    const all = [
      world.containers.wait("web", "removed", never).then(note("removed")),
      world.containers.wait("web", "next-exit", never).then(note("next-exit")),
      world.containers.wait("web", "not-running", never).then(note("not-running")),
    ];
    world.exit(id, 7);
    await Promise.all(all);
    expect(order).toEqual(["next-exit 7", "not-running 7", "removed 7"]);
    expect(world.containers.held.waiters).toBe(0);
  });

  test("not-running answers at once for one at rest; next-exit does not", async () => {
    const id = await world.create("web");
    expect(await world.containers.wait("web", "not-running", never)).toEqual({ statusCode: 0 });
    const next = world.containers.wait("web", "next-exit", never);
    await world.containers.start("web");
    world.exit(id, 4);
    expect(await next).toEqual({ statusCode: 4 });
  });

  test("those who leave are forgotten; who waits for nobody is told at once", async () => {
    await world.run("web");
    const leaving = new AbortController();
    const waiting = world.containers.wait("web", "not-running", leaving.signal);
    leaving.abort(new Error("left"));
    await expect(waiting).rejects.toThrow("left");
    expect(world.containers.held.waiters).toBe(0);
    expect(() => world.containers.wait("nobody", "removed", never)).toThrow("No such container: nobody");
  });
});

describe("remove", () => {
  test("running ones need force", async () => {
    await world.run("web");
    expect(await refusal(world.containers.remove("web", removal))).toEqual([
      "Conflict",
      'cannot remove container "web": container is running: stop the container before removing or force remove',
    ]);
    await world.containers.pause("web");
    expect(await refusal(world.containers.remove("web", removal))).toEqual([
      "Conflict",
      'cannot remove container "web": container is paused and must be unpaused first',
    ]);
    await world.containers.remove("web", forced);
    expect(world.events.slice(-3)).toEqual(["kill", "die", "destroy"]);
  });

  test("by force ends a process of which the runtime knows nothing any more", async () => {
    const id = await world.run("web");
    world.failAt("runtime.kill", new Error("state.json is damaged"));
    await world.containers.remove("web", forced);
    expect(world.processes.has(id)).toBe(false);
    expect(await world.containers.list({ all: true, size: false, filters: {} })).toEqual([]);
    expect(world.log.some((line) => line.startsWith("runtime.kill "))).toBe(true);
  });

  test("by force does not wait for a start that never comes to an end", async () => {
    await world.create("web");
    const release = world.blockAt("runtime.create");
    const starting = refusal(world.containers.start("web"));
    await quiet();
    await world.containers.remove("web", forced);
    expect(await starting).toEqual(["Conflict", "the container is being removed"]);
    release();
    await quiet();
    expect(await world.containers.list({ all: true, size: false, filters: {} })).toEqual([]);
    expect(world.processes.size + world.mounted.size + world.networks.size).toBe(0);
  });

  test("two at once: the second is told", async () => {
    await world.create("web");
    const release = world.blockAt("snapshots.remove");
    const first = world.containers.remove("web", removal);
    await quiet();
    expect(await refusal(world.containers.remove("web", removal))).toEqual([
      "Conflict",
      "removal of container web is already in progress",
    ]);
    expect(await inspect("web")).toMatchObject({ Status: "removing" });
    release();
    await first;
  });

  test("one that fails can be tried again", async () => {
    await world.create("web");
    world.failAt("snapshots.remove");
    await expect(world.containers.remove("web", removal)).rejects.toThrow("snapshots.remove failed");
    expect(await inspect("web")).toMatchObject({ Status: "dead", Dead: true });
    expect(await refusal(world.containers.start("web"))).toEqual([
      "Conflict",
      "container is marked for removal and cannot be started",
    ]);
    await world.containers.remove("web", removal);
    expect(world.events).toEqual(["create", "destroy"]);
  });

  test("named volumes stay, anonymous ones go with -v and --rm", async () => {
    const HostConfig = { Binds: ["named:/a", "/b"] };
    await world.create("web", { HostConfig, Volumes: { "/c": {} } });
    expect(world.volumeUsers.size).toBe(3);
    await world.containers.remove("web", removal);
    expect(world.volumeUsers.size).toBe(3);
    const id = await world.run("gone", {
      HostConfig: { ...HostConfig, AutoRemove: true },
      Volumes: { "/c": {} },
    });
    world.exit(id);
    await quiet();
    expect(world.volumeUsers.size).toBe(3);
    expect(world.volumeUsers.has("named")).toBe(true);
  });

  test("prune takes what does not run, by label and age", async () => {
    await world.run("running");
    await world.create("old", { Labels: { keep: "no" } });
    await world.create("kept", { Labels: { keep: "yes" } });
    expect(await refusal(world.containers.prune({ name: ["x"] }))).toEqual([
      "InvalidParameter",
      "invalid filter 'name'",
    ]);
    const report = await world.containers.prune({ "label!": ["keep=yes"] });
    expect(report.ContainersDeleted).toHaveLength(1);
    expect(report.SpaceReclaimed).toBe(10);
    expect((await world.containers.prune({ until: ["2020-01-01T00:00:00Z"] })).ContainersDeleted).toEqual([]);
    expect((await world.containers.prune()).ContainersDeleted).toHaveLength(1);
    expect(await inspect("running")).toMatchObject({ Running: true });
  });
});

describe("restart policies", () => {
  const withPolicy = (Name: string, MaximumRetryCount = 0) => ({
    HostConfig: { RestartPolicy: { Name, MaximumRetryCount } },
  });

  test("always: back-off, state, count, and a stop that ends it", async () => {
    const id = await world.run("web", withPolicy("always"));
    world.exit(id, 1);
    await quiet();
    expect(await inspect("web")).toMatchObject({
      Status: "restarting",
      Running: true,
      Restarting: true,
      ExitCode: 1,
    });
    expect(world.clock.nextDelay()).toBe(100);
    world.clock.advance(100);
    await quiet();
    expect(await inspect("web")).toMatchObject({ Status: "running", Pid: 102 });
    world.exit(id, 1);
    await quiet();
    expect(world.clock.nextDelay()).toBe(200);
    expect((await world.containers.inspect("web")).RestartCount).toBe(2);

    // Stopped while it waits.
    await world.containers.stop("web");
    expect(await inspect("web")).toMatchObject({ Status: "exited", Running: false });
    expect(world.clock.pending).toBe(0);
    await world.containers.start("web");
    expect((await world.containers.inspect("web")).RestartCount).toBe(0);
  });

  test("on-failure gives up after its retries, and on success", async () => {
    const id = await world.run("web", withPolicy("on-failure", 1));
    world.exit(id, 1);
    await quiet();
    world.clock.advance(100);
    await quiet();
    expect(await inspect("web")).toMatchObject({ Status: "running" });
    world.exit(id, 1);
    await quiet();
    expect(await inspect("web")).toMatchObject({ Status: "exited" });
    const other = await world.run("other", withPolicy("on-failure"));
    world.exit(other, 0);
    await quiet();
    expect(await inspect("other")).toMatchObject({ Status: "exited" });
  });

  test("stopped by hand: not restarted; removed while waiting: gone for good", async () => {
    await world.run("web", withPolicy("always"));
    await world.containers.stop("web");
    expect(await inspect("web")).toMatchObject({ Status: "exited" });
    const id = await world.run("other", withPolicy("unless-stopped"));
    world.exit(id, 1);
    await quiet();
    await world.containers.remove("other", forced);
    world.clock.advance(60_000);
    await quiet();
    expect(world.processes.size).toBe(0);
    expect(world.containers.held.restarts).toBe(0);
  });

  test("a restart that fails is the last", async () => {
    const id = await world.run("web", withPolicy("always"));
    world.exit(id, 1);
    await quiet();
    world.failAt("runtime.create");
    world.clock.advance(100);
    await quiet();
    expect(await inspect("web")).toMatchObject({ Status: "exited", Error: "runtime.create failed" });
    expect(world.clock.pending).toBe(0);
  });
});

describe("rename and update", () => {
  test("rename", async () => {
    await world.create("web");
    const other = await world.create("other");
    await world.containers.rename("web", "www");
    expect((await world.containers.inspect("www")).Name).toBe("/www");
    expect(world.eventLog.at(-1)).toMatchObject({
      action: "rename",
      attributes: { name: "www", oldName: "/web" },
    });
    expect((await refusal(world.containers.rename("www", "other")))[1]).toBe(
      `Error when allocating new name: Conflict. The container name "/other" is already in use by container "${other}". You have to remove (or rename) that container to be able to reuse that name.`,
    );
    expect((await refusal(world.containers.rename("www", "www")))[1]).toBe(
      "Renaming a container with the same name as its current name",
    );
    expect((await refusal(world.containers.rename("www", " / ")))[1]).toBe(
      "Neither old nor new names may be empty",
    );
    await world.create("web");
  });

  test("update applies at once, and takes nothing back that failed", async () => {
    await world.run("web", { HostConfig: { Memory: 100, MemorySwap: 200 } });
    await world.containers.update("web", { Memory: 150, RestartPolicy: { Name: "always" } });
    expect((await world.containers.inspect("web")).HostConfig).toMatchObject({
      Memory: 150,
      MemorySwap: 200,
      RestartPolicy: { Name: "always" },
    });
    expect((await refusal(world.containers.update("web", { Memory: 300 })))[1]).toContain(
      "Memory limit should be smaller than already set memoryswap limit",
    );
    world.failAt("runtime.update");
    await expect(world.containers.update("web", { CpuShares: 5 })).rejects.toThrow("Cannot update container");
    expect((await world.containers.inspect("web")).HostConfig.CpuShares).toBe(0);
    expect(world.events.filter((event) => event === "update")).toHaveLength(1);
  });

  test("--rm and a restart policy exclude one another", async () => {
    await world.run("web", { HostConfig: { AutoRemove: true } });
    expect(
      (await refusal(world.containers.update("web", { RestartPolicy: { Name: "always" } })))[1],
    ).toContain("Restart policy cannot be updated because AutoRemove is enabled for the container");
  });
});

describe("a container that has died, while what it held is given back", () => {
  const status = async () => (await world.containers.inspect("web")).State?.Status;
  const died = async () => {
    while (!world.events.includes("die")) await Bun.sleep(1);
  };

  test("shows that it has ended; who stops it or waits for it waits until all is given back", async () => {
    const id = await world.run("web");
    const deleted = world.blockAt("runtime.delete");
    world.exit(id, 3);
    await died();
    expect(await status()).toBe("exited");
    const answers: unknown[] = [];
    const stopped = world.containers.stop("web", {}).then(() => answers.push("stopped"));
    const { signal } = new AbortController();
    const waited = world.containers.wait("web", "not-running", signal).then((end) => answers.push(end));
    await Bun.sleep(5);
    expect(answers).toEqual([]);
    deleted();
    await Promise.all([stopped, waited]);
    expect(answers).toContainEqual({ statusCode: 3 });
  });

  test("is not restarted if somebody stops it now", async () => {
    const id = await world.run("web", { HostConfig: { RestartPolicy: { Name: "always" } } });
    const deleted = world.blockAt("runtime.delete");
    world.exit(id, 3);
    await died();
    expect(await status()).toBe("restarting");
    const stopped = world.containers.stop("web", {});
    deleted();
    await stopped;
    expect(await status()).toBe("exited");
    expect(world.clock.pending).toBe(0);
  });
});

test("commit pauses, and hands the changes on", async () => {
  await world.run("web");
  world.ignored.add(9);
  const { Id } = await world.containers.commit("web", {
    repository: "docker.io/library/mine",
    pause: true,
    changes: ['CMD ["x"]'],
    comment: "c",
  });
  expect(Id).toStartWith("sha256:2");
  expect(world.events.slice(2)).toEqual(["pause", "commit", "unpause"]);
  expect(world.eventLog[3]?.attributes).toMatchObject({ comment: "c", imageID: Id, imageRef: "mine:latest" });
  expect(world.commits[0]).toMatchObject({ changes: ['CMD ["x"]'], repository: "docker.io/library/mine" });
});

test("commit of a container that ends just now does without the pause", async () => {
  const id = await world.run("web");
  const pause = world.blockAt("runtime.pause");
  const committed = world.containers.commit("web", { pause: true, changes: [] });
  world.exit(id);
  pause();
  expect((await committed).Id).toStartWith("sha256:2");
  expect(world.events.slice(2)).toEqual(["die", "commit"]);
});

test("the AppArmor profile is shown from the first start on", async () => {
  const profile = async (ref: string) => (await world.containers.inspect(ref)).AppArmorProfile;
  await world.create("web");
  expect(await profile("web")).toBe("");
  await world.containers.start("web", {});
  expect(await profile("web")).toBe("berth-default");
  await world.run("free", { HostConfig: { Privileged: true } });
  expect(await profile("free")).toBe("unconfined");
});

test("diff leaves out what the engine made", async () => {
  await world.create("web");
  expect(await world.containers.changes("web")).toEqual([{ Path: "/new", Kind: 1 }]);
});

test("health that the streams report is kept, and their wishes are obeyed", async () => {
  const id = await world.run("web");
  const record = world.host!.record(id)!;
  world.host!.healthChanged(record, { Status: "unhealthy", FailingStreak: 3, Log: [] });
  expect((await inspect("web")).Health).toMatchObject({ Status: "unhealthy" });
  world.host!.kill(id);
  await quiet();
  expect(await inspect("web")).toMatchObject({ Status: "exited", ExitCode: 137 });
});
