import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HealthStatus, HostConfig } from "../wire/index.ts";
import type { ContainerStateRecord } from "./record.ts";
import { quiet, World } from "./testing-world.ts";

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.dispose());

const inspect = async (ref: string) => (await world.containers.inspect(ref)).State;
const withPolicy = (Name: string) => ({ HostConfig: { RestartPolicy: { Name } } });

/** The daemon died before it could write more than this. */
function rewind(id: string, over: Partial<ContainerStateRecord>): void {
  const row = world.database.get<{ state: string }>("SELECT state FROM containers WHERE id = ?", id)!;
  const state = { ...(JSON.parse(row.state) as ContainerStateRecord), ...over };
  world.database.run("UPDATE containers SET state = ? WHERE id = ?", JSON.stringify(state), id);
}

describe("containers that run", () => {
  test("are adopted untouched, and their end is seen", async () => {
    const id = await world.run("web");
    world.log.length = 0;
    await world.restart();
    expect(await inspect("web")).toMatchObject({ Status: "running", Pid: 100 });
    expect(world.log).toEqual([`output.adopt ${id.slice(0, 4)}`, `health.adopted ${id.slice(0, 4)}`]);
    expect(world.networks.has(id)).toBe(true);
    expect(world.held.has(id)).toBe(true);
    world.exit(id, 5);
    await quiet();
    expect(await inspect("web")).toMatchObject({ Status: "exited", ExitCode: 5 });
    expect(world.networks.has(id)).toBe(false);
  });

  test("can be stopped, restarted and removed", async () => {
    await world.run("web");
    await world.restart();
    await world.containers.restart("web");
    expect(await inspect("web")).toMatchObject({ Status: "running", Pid: 102 });
    await world.containers.remove("web", { force: true, volumes: true, link: false });
    expect(world.processes.size).toBe(0);
  });

  test("keep the /dev/shm that they share; other mounts are the daemon's own and go", async () => {
    const id = await world.run("web", { HostConfig: { IpcMode: "shareable" } });
    const stray = join(world.root, "exec", "mounts", "x");
    world.mounted.add(stray).add(join(world.root, "exec", "containers", id, "rootfs"));
    await world.restart();
    expect([...world.mounted]).toEqual([join(world.root, "exec", "containers", id, "shm")]);
  });
});

describe("containers that ended meanwhile", () => {
  test("tell how, with the events of an end", async () => {
    const id = await world.run("web");
    world.processes.delete(id);
    world.exitNotes.set(id, { code: 9, oomKilled: true, finishedAt: new Date(world.clock.now() + 4000) });
    await world.restart();
    expect(await inspect("web")).toMatchObject({
      Status: "exited",
      ExitCode: 9,
      OOMKilled: true,
      FinishedAt: "2026-01-01T00:00:04Z",
    });
    expect(world.events.slice(2)).toEqual(["oom", "die"]);
    expect(world.eventLog.at(-1)?.attributes).toMatchObject({ exitCode: "9", execDuration: "4" });
    expect(existsSync(join(world.root, "exec", "containers", id))).toBe(false);
  });

  test("are not told of twice where the daemon died while it cleared away", async () => {
    const id = await world.run("web", withPolicy("on-failure"));
    const release = world.blockAt("runtime.delete");
    world.exit(id, 7, { oomKilled: true });
    await quiet();
    expect(world.events.slice(2)).toEqual(["oom", "die"]);
    const { State } = await world.containers.inspect("web");
    expect(State).toMatchObject({ Status: "restarting", ExitCode: 7 });
    release();
    await world.restart();
    await quiet();
    expect(world.events.slice(2)).toEqual(["oom", "die", "start"]);
    // The next run has an end of its own.
    world.exit(id, 0);
    await quiet();
    expect(world.events.slice(5)).toEqual(["die"]);
    expect(await inspect("web")).toMatchObject({ Status: "exited", ExitCode: 0 });
  });

  test("without a word: the code is 255", async () => {
    const id = await world.run("web");
    world.processes.delete(id);
    await world.restart();
    expect(await inspect("web")).toMatchObject({ Status: "exited", ExitCode: 255 });
  });

  test("a process of that number that is another one is not theirs", async () => {
    const id = await world.run("web");
    const process = world.processes.get(id)!;
    world.processes.delete(id);
    world.processes.set("stranger", { ...process, startTime: "other" });
    await world.restart();
    expect(await inspect("web")).toMatchObject({ Status: "exited" });
    expect(world.processes.has("stranger")).toBe(true);
  });

  test("--rm is honoured", async () => {
    const id = await world.run("web", { HostConfig: { AutoRemove: true }, Volumes: { "/data": {} } });
    world.processes.delete(id);
    await world.restart();
    await quiet();
    expect(world.snapshotKeys.size + world.volumeUsers.size + world.held.size).toBe(0);
    expect(world.events.slice(2)).toEqual(["die", "destroy"]);
  });

  test("the policy restarts them", async () => {
    const ids: string[] = [];
    for (const policy of ["always", "unless-stopped", "on-failure", "no"]) {
      ids.push(await world.run(policy, withPolicy(policy)));
    }
    for (const id of ids) world.processes.delete(id);
    await world.restart();
    await quiet();
    expect(ids.map((id) => world.processes.has(id))).toEqual([true, true, true, false]);
    expect((await world.containers.inspect("always")).RestartCount).toBe(1);
  });
});

describe("containers at rest", () => {
  test("start with the daemon by Docker's rules", async () => {
    for (const policy of ["always", "unless-stopped", "on-failure"]) {
      await world.run(policy, withPolicy(policy));
      await world.containers.kill(policy);
      await world.create(`${policy}-new`, withPolicy(policy));
    }
    await world.restart();
    await quiet();
    const running = (await world.containers.list({ all: false, size: false, filters: {} })).flatMap(
      ({ Names }) => Names,
    );
    expect(running).toEqual(["/always"]);
  });

  test("those that others lean on come first", async () => {
    const HostConfig = { RestartPolicy: { Name: "always" } };
    await world.create("guest", {
      HostConfig: { ...HostConfig, NetworkMode: "container:donor", PidMode: "container:donor" },
    });
    await world.run("donor", { HostConfig });
    await world.containers.start("guest");
    await world.run("linked", { HostConfig: { ...HostConfig, Links: ["donor:db"] } });
    world.processes.clear();
    const release = world.blockAt("network.attach");
    await world.restart();
    await quiet();
    expect(world.processes.size).toBe(0);
    release();
    await quiet();
    expect(world.processes.size).toBe(3);
  });

  describe("of an application", () => {
    const policy = { RestartPolicy: { Name: "always" } };
    const runService = (service: string, dependsOn: string, HostConfig: HostConfig = policy) =>
      world.run(service, {
        HostConfig,
        Labels: {
          "com.docker.compose.project": "shop",
          "com.docker.compose.service": service,
          "com.docker.compose.depends_on": dependsOn,
        },
      });
    const runs = (...ids: string[]) => ids.map((id) => world.processes.has(id));
    const setHealth = (id: string, Status: HealthStatus) =>
      world.host!.healthChanged(world.host!.record(id)!, { Status, FailingStreak: 0, Log: [] });

    test("wait until what they depend on is healthy", async () => {
      const web = await runService("web", "db:service_healthy:true,worker:service_started:false");
      const worker = await runService("worker", "db:service_started:false");
      const db = await runService("db", "");
      setHealth(db, "healthy");
      world.processes.clear();
      world.onHealthStart = (record) => setHealth(record.id, "starting");
      await world.restart();
      await quiet();
      expect(runs(db, worker, web)).toEqual([true, true, false]);
      expect(await inspect("web")).toMatchObject({ Status: "restarting" });
      setHealth(db, "unhealthy");
      await quiet();
      expect(runs(web)).toEqual([false]);
      setHealth(db, "healthy");
      await quiet();
      expect(runs(web)).toEqual([true]);
    });

    test("wait for those that are to complete", async () => {
      const web = await runService("web", "migrate:service_completed_successfully:false");
      const migrate = await runService("migrate", "", { RestartPolicy: { Name: "on-failure" } });
      world.processes.clear();
      await world.restart();
      await quiet();
      expect(runs(migrate, web)).toEqual([true, false]);
      world.exit(migrate, 0);
      await quiet();
      expect(runs(web)).toEqual([true]);
    });

    test("do not wait for what will not come, for each other, or for strangers", async () => {
      const ids = [
        await runService("lost", "gone:service_healthy:false,done:service_healthy:false,,x"),
        await runService("c1", "c2:service_healthy:false"),
        await runService("c2", "c3:service_completed_successfully:false"),
        await runService("c3", "c1:service_started:false"),
      ];
      await runService("done", "", {});
      world.processes.clear();
      await world.restart();
      await quiet();
      expect(runs(...ids)).toEqual([true, true, true, true]);
    });

    test("can be stopped and removed while they wait, and started by hand", async () => {
      const ids: string[] = [];
      for (const name of ["stopped", "removed", "started"])
        ids.push(await runService(name, "db:service_healthy:false"));
      const db = await runService("db", "");
      world.processes.clear();
      world.onHealthStart = (record) => setHealth(record.id, "starting");
      await world.restart();
      await quiet();
      expect(runs(...ids, db)).toEqual([false, false, false, true]);
      await world.containers.stop("stopped");
      await world.containers.remove("removed", { force: true, volumes: false, link: false });
      await world.containers.restart("started");
      expect(runs(...ids)).toEqual([false, false, true]);
      setHealth(db, "healthy");
      await quiet();
      expect(runs(...ids)).toEqual([false, false, true]);
      expect(await inspect("stopped")).toMatchObject({ Status: "exited" });
    });

    test("wait for a dependency that ended with them", async () => {
      const db = await runService("db", "");
      const web = await runService("web", "db:service_healthy:false");
      world.onHealthStart = (record) => setHealth(record.id, "starting");
      world.exit(web, 1);
      world.exit(db, 1);
      await quiet();
      world.clock.advance(200);
      await quiet();
      expect(runs(db, web)).toEqual([true, false]);
      setHealth(db, "healthy");
      await quiet();
      expect(runs(web)).toEqual([true]);
    });
  });

  test("one that waited for its restart gets it", async () => {
    const id = await world.run("web", withPolicy("on-failure"));
    world.exit(id, 1);
    await quiet();
    expect(await inspect("web")).toMatchObject({ Status: "restarting" });
    await world.restart();
    await quiet();
    expect(await inspect("web")).toMatchObject({ Status: "running" });
  });

  test("one with --rm that never ran is removed", async () => {
    await world.create("web", { HostConfig: { AutoRemove: true } });
    await world.restart();
    await quiet();
    expect(await world.containers.list({ all: true, size: false, filters: {} })).toEqual([]);
  });
});

describe("what was half done", () => {
  test("a create is undone", async () => {
    const id = await world.create("web", { Volumes: { "/data": {} } });
    rewind(id, { phase: "creating" });
    await world.restart();
    expect(world.snapshotKeys.size + world.volumeUsers.size + world.held.size).toBe(0);
    expect(readdirSync(join(world.root, "containers"))).toEqual([]);
    await world.create("web");
  });

  test("a start is undone, whether its process had been let go or not", async () => {
    const id = await world.run("web");
    const before = {
      ...world.host!.record(id)!.state,
      status: "created" as const,
      pid: 0,
      startedBefore: false,
    };
    rewind(id, { phase: "starting", before });
    await world.restart();
    expect(await inspect("web")).toMatchObject({ Status: "created", Pid: 0 });
    expect(world.processes.size + world.networks.size).toBe(0);
    await world.containers.start("web");
  });

  test("a start that got no further than its bundle is undone", async () => {
    const id = await world.create("web");
    mkdirSync(join(world.root, "exec", "containers", id, "rootfs"), { recursive: true });
    world.processes.set(id, { pid: 7, startTime: "1", started: false, frozen: false });
    world.log.length = 0;
    await world.restart();
    expect(existsSync(join(world.root, "exec", "containers", id))).toBe(false);
    expect(world.processes.size).toBe(0);
    expect(await inspect("web")).toMatchObject({ Status: "created" });
  });

  test("a removal is finished, with the volumes if they were to go", async () => {
    const id = await world.run("web", { Volumes: { "/data": {} } });
    rewind(id, { phase: "removing", removeVolumes: true });
    const kept = await world.create("kept", { Volumes: { "/data": {} } });
    rewind(kept, { phase: "removing", status: "removing", removeVolumes: false });
    await world.restart();
    expect(await world.containers.list({ all: true, size: false, filters: {} })).toEqual([]);
    expect(world.processes.size).toBe(0);
    expect(world.volumeUsers.size).toBe(1);
  });

  test("what belongs to no record is removed", async () => {
    const stranger = "cd".repeat(32);
    mkdirSync(join(world.root, "containers", stranger), { recursive: true });
    writeFileSync(join(world.root, "containers", stranger, "hosts"), "");
    mkdirSync(join(world.root, "exec", "containers", stranger, "rootfs"), { recursive: true });
    writeFileSync(join(world.root, "exec", "exits", stranger), "0");
    world.exitNotes.set(stranger, { code: 0, oomKilled: false, finishedAt: new Date() });
    world.processes.set(stranger, { pid: 7, startTime: "1", started: true, frozen: false });
    await world.restart();
    expect(readdirSync(join(world.root, "containers"))).toEqual([]);
    expect(readdirSync(join(world.root, "exec", "containers"))).toEqual([]);
    expect(world.processes.size + world.exitNotes.size).toBe(0);
  });

  test("one that cannot be recovered does not keep the others", async () => {
    const broken = await world.create("broken");
    rewind(broken, { phase: "removing", status: "removing" });
    const ended = await world.run("ended");
    world.processes.delete(ended);
    world.failAt("snapshots.remove");
    await world.restart();
    expect(await inspect("ended")).toMatchObject({ Status: "exited" });
    expect(await inspect("broken")).toMatchObject({ Status: "dead" });
  });
});
