import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { World } from "./testing-world.ts";

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.dispose());

const file = (id: string, name: "hosts" | "resolv.conf") => join(world.root, "containers", id, name);
const read = (id: string, name: "hosts" | "resolv.conf") => readFileSync(file(id, name), "utf8");
const saved = (id: string) => {
  const row = world.database.get<{ definition: string }>(
    "SELECT definition FROM containers WHERE id = ?",
    id,
  )!;
  const { networking, leftMode } = JSON.parse(row.definition) as { networking: unknown; leftMode?: boolean };
  return { networking, leftMode };
};

describe("connect", () => {
  test("a running container joins at once, and its record and files tell of it", async () => {
    const id = await world.run("web");
    const before = read(id, "hosts");
    const inode = statSync(file(id, "hosts")).ino;
    await world.containers.connectNetwork("web", "net", { Aliases: ["x"] });
    expect(world.log.at(-1)).toBe(`network.join ${id.slice(0, 4)}`);
    expect(saved(id)).toEqual({
      networking: { EndpointsConfig: { net: { Aliases: ["x"] } } },
      leftMode: undefined,
    });
    expect(read(id, "hosts")).toBe(`${before}address-on-net\t${id}\n`);
    // It is mounted in the container: another file in its place would not be seen there.
    expect(statSync(file(id, "hosts")).ino).toBe(inode);
  });

  test("a resolv.conf that the engine wrote is replaced, one that somebody has changed since is not", async () => {
    const id = await world.run("web");
    const started = new Date((await world.containers.inspect("web")).State.StartedAt);
    utimesSync(file(id, "resolv.conf"), started, started);
    await world.containers.connectNetwork("web", "net", {});
    expect(read(id, "resolv.conf")).toBe("nameserver of net\n");
    writeFileSync(file(id, "resolv.conf"), "mine\n");
    await world.containers.connectNetwork("web", "bridge", {});
    expect(read(id, "resolv.conf")).toBe("mine\n");
  });

  test("one that does not run only has it noted", async () => {
    const id = await world.create("web");
    await world.containers.connectNetwork("web", "net", {});
    expect(world.log.filter((line) => line.startsWith("network.join"))).toEqual([]);
    await world.containers.start("web");
    expect(world.networks.get(id)).toMatchObject({ networking: { EndpointsConfig: { net: {} } } });
    expect(Object.keys((await world.containers.inspect("web")).NetworkSettings?.Networks ?? {})).toEqual([
      "bridge",
    ]);
  });

  test("a join that fails changes nothing", async () => {
    const id = await world.run("web");
    const before = read(id, "hosts");
    world.failAt("network.join", new Error("no address left"));
    await expect(world.containers.connectNetwork("web", "net", {})).rejects.toThrow("no address left");
    expect(saved(id)).toEqual({ networking: {}, leftMode: undefined });
    expect(read(id, "hosts")).toBe(before);
  });

  test("a record that cannot be written takes the join back", async () => {
    const id = await world.run("web");
    world.database.run(
      "CREATE TRIGGER full BEFORE UPDATE ON containers BEGIN SELECT RAISE(ABORT, 'disk full'); END",
    );
    await expect(world.containers.connectNetwork("web", "net", {})).rejects.toThrow("disk full");
    world.database.run("DROP TRIGGER full");
    expect(world.log.at(-1)).toBe(`network.leave ${id.slice(0, 4)}`);
    await world.restart();
    await world.containers.restart("web");
    expect(world.networks.get(id)?.networking).toEqual({});
  });

  test("waits for a start that is under way", async () => {
    const id = await world.create("web");
    const release = world.blockAt("network.attach");
    const starting = world.containers.start("web");
    const connecting = world.containers.connectNetwork("web", "net", {});
    release();
    await Promise.all([starting, connecting]);
    expect(world.log.filter((line) => line.startsWith("network."))).toEqual([
      `network.attach ${id.slice(0, 4)}`,
      `network.join ${id.slice(0, 4)}`,
    ]);
  });

  test("what a container has made of its files does not matter", async () => {
    const id = await world.run("web");
    const outside = join(world.root, "outside");
    writeFileSync(outside, "untouched\n");
    rmSync(file(id, "hosts"));
    symlinkSync(outside, file(id, "hosts"));
    await world.containers.connectNetwork("web", "net", {});
    expect(readFileSync(outside, "utf8")).toBe("untouched\n");
    rmSync(file(id, "hosts"));
    writeFileSync(file(id, "hosts"), "");
    truncateSync(file(id, "hosts"), 2 ** 40);
    await world.containers.disconnectNetwork("web", "net", { force: false });
    expect(statSync(file(id, "hosts")).size).toBe(2 ** 40);
    writeFileSync(file(id, "hosts"), Buffer.from([0xff, 0xfe, 0x00, 0x0a, 0x78]));
    await world.containers.connectNetwork("web", "net", {});
    expect(readFileSync(file(id, "hosts")).subarray(0, 6)).toEqual(
      Buffer.from([0xff, 0xfe, 0, 10, 0x78, 10]),
    );
  });
});

describe("disconnect", () => {
  test("takes the line of hosts and the network of the mode, for good", async () => {
    const id = await world.run("web");
    const before = read(id, "hosts");
    await world.containers.connectNetwork("web", "net", {});
    await world.containers.disconnectNetwork("web", "net", { force: false });
    expect(read(id, "hosts")).toBe(before);
    await world.containers.disconnectNetwork("web", "bridge", { force: false });
    expect(saved(id)).toEqual({ networking: { EndpointsConfig: {} }, leftMode: true });
    await world.restart();
    await world.containers.restart("web");
    expect(world.networks.get(id)).toMatchObject({ withoutMode: true, networking: { EndpointsConfig: {} } });
  });

  test("of a container at rest is told as an event, once it is noted", async () => {
    const id = await world.create("web");
    await world.containers.connectNetwork("web", "net", {});
    const before = world.eventLog.length;
    await world.containers.disconnectNetwork("web", "net", { force: false });
    const told = {
      type: "network",
      action: "disconnect",
      actorId: "id-of-net",
      attributes: { container: id, name: "net", type: "bridge" },
    };
    expect(world.eventLog.slice(before) as unknown).toEqual([told]);
    await expect(world.containers.disconnectNetwork("web", "net", { force: false })).rejects.toThrow();
    expect(world.eventLog.length).toBe(before + 1);
  });

  test("believes the network, not the record, where a crash came between the two", async () => {
    const id = await world.run("web");
    await world.containers.connectNetwork("web", "net", {});
    const row = world.database.get<{ definition: string }>(
      "SELECT definition FROM containers WHERE id = ?",
      id,
    )!;
    const definition = JSON.stringify({ ...JSON.parse(row.definition), networking: {} });
    world.database.run("UPDATE containers SET definition = ? WHERE id = ?", definition, id);
    await world.restart();
    await world.containers.disconnectNetwork("web", "net", { force: false });
    expect(world.log.at(-1)).toBe(`network.leave ${id.slice(0, 4)}`);
    await expect(world.containers.disconnectNetwork("web", "net", { force: false })).rejects.toThrow(
      `container ${id} is not connected to network net`,
    );
  });

  test("of a network that is gone needs force; of a container that is gone too", async () => {
    const id = await world.create("web", { HostConfig: { NetworkMode: "lost" } });
    await world.containers.disconnectNetwork("web", "lost", { force: true });
    expect(saved(id).leftMode).toBe(true);
    await expect(world.containers.disconnectNetwork("web", "lost", { force: true })).rejects.toThrow(
      `container ${id} is not connected to the network lost`,
    );
    await expect(world.containers.disconnectNetwork("nobody", "net", { force: false })).rejects.toThrow(
      "No such container: nobody",
    );
    await expect(world.containers.disconnectNetwork("nobody", "net", { force: true })).rejects.toThrow(
      "endpoint nobody not found",
    );
  });
});

test("links follow a rename", async () => {
  await world.run("db");
  await world.run("app", { HostConfig: { Links: ["db:store"] } });
  await world.containers.rename("db", "database");
  await world.restart();
  await world.containers.restart("app");
  const { id } = { id: (await world.containers.inspect("app")).Id };
  expect(world.networks.get(id)?.links.map(({ text }) => text)).toEqual(["database:store"]);
});

test("a container that others are linked to tells them its new address", async () => {
  const db = await world.run("db");
  const app = await world.run("app", { HostConfig: { Links: ["db:store"] } });
  writeFileSync(file(app, "hosts"), "172.17.0.9\tstore db\n172.17.0.9\tother store\n");
  await world.containers.restart("db");
  expect(existsSync(file(db, "hosts"))).toBe(true);
  expect(read(app, "hosts")).toBe("172.17.0.2\tstore db\n172.17.0.9\tother store\n");
});

test("a link is shown under both containers' names, and can be removed by its own", async () => {
  await world.run("db");
  const web = await world.run("web", { HostConfig: { Links: ["db:store"] } });
  const namesOf = async (name: string) => {
    const all = await world.containers.list({ all: true, size: false, filters: {} });
    return all.find(({ Names }) => Names[0] === `/${name}`)?.Names;
  };
  expect(await namesOf("db")).toEqual(["/db", "/web/store"]);
  expect((await world.containers.inspect("web")).HostConfig?.Links).toEqual(["/db:/web/store"]);
  for (const name of ["web/store", "/web/store"]) {
    expect((await world.containers.inspect(name)).Name).toBe("/db");
  }
  for (const name of ["web/other", "nobody/store", "web/store/store", "web/", "/store"]) {
    await expect(world.containers.inspect(name)).rejects.toThrow(`No such container: ${name}`);
  }
  writeFileSync(file(web, "hosts"), "172.17.0.2\tstore db\n172.17.0.3\tweb\n");
  const link = { force: false, volumes: false, link: true };
  await world.containers.remove("web/store", link);
  expect(await namesOf("db")).toEqual(["/db"]);
  await expect(world.containers.inspect("web/store")).rejects.toThrow("No such container: web/store");
  expect((await world.containers.inspect("web")).HostConfig?.Links).toBeNull();
  expect(read(web, "hosts")).toBe("172.17.0.3\tweb\n");
  for (const gone of ["web/store", "nobody/store", "nobody"]) {
    await expect(world.containers.remove(gone, link)).rejects.toThrow(`No such container: ${gone}`);
  }
  await expect(world.containers.remove("web", link)).rejects.toThrow("cannot remove the default link name");
});
