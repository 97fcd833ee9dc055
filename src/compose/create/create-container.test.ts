import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readTar } from "../../lib/tar/index.ts";
import { Engine } from "../../sdk/index.ts";
import type { ContainerCreateRequest } from "../../wire/index.ts";
import { createContainer, refreshFiles } from "./create-container.ts";
import { applicationOf, contextOf } from "./testing.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "berth-files-"));
  writeFileSync(join(folder, "key"), "key");
  mkdirSync(join(folder, "keys/inner"), { recursive: true });
  writeFileSync(join(folder, "keys/inner/a"), "a", { mode: 0o600 });
  symlinkSync("inner/a", join(folder, "keys/link"));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Member {
  name: string;
  kind: string;
  mode: number;
  owner: string;
  text: string;
}

/** An engine that writes down what is done to it. */
function recording(apiVersion = "1.51", putFails = false) {
  const engine = new Engine("unix:///nowhere.sock", { apiVersion });
  const done: string[] = [];
  const requests: ContainerCreateRequest[] = [];
  const members: Member[] = [];
  Object.assign(engine.containers, {
    create: async (request: ContainerCreateRequest, { name = "helper", platform = "" } = {}) => {
      done.push(`create ${name}${platform && ` for ${platform}`}`);
      requests.push(request);
      return { Id: `id-of-${name}`, Warnings: ["mind the gap"] };
    },
    remove: async (id: string) => void done.push(`remove ${id}`),
  });
  engine.containers.archives.put = async (id, path, tar) => {
    done.push(`put ${id} ${path}`);
    if (putFails) throw new Error("no room");
    for await (const { entry, body } of readTar(tar)) {
      const parts: Uint8Array[] = [];
      for await (const part of body) parts.push(part.slice());
      const { name, kind, mode, uid, gid, linkName } = entry;
      const text = kind === "symlink" ? `-> ${linkName}` : Buffer.concat(parts).toString();
      members.push({ name, kind, mode, owner: `${uid}:${gid}`, text });
    }
  };
  engine.networks.connect = async (network, id) => void done.push(`connect ${network} ${id}`);
  engine.volumes.create = async ({ Name }) => {
    done.push(`volume ${Name}`);
    return {} as never;
  };
  return { engine, done, requests, members };
}

const yaml = (lines: string) => `services: { web: { image: w, platform: linux/arm64, ${lines} } }
networks: { one: , two: }
secrets: { token: { environment: TOKEN }, key: { file: ${folder}/key }, keys: { file: ${folder}/keys }, none: { file: /nowhere/x } }`;
const environment = { TOKEN: "t0ken" };

test("the container is made, joined and given its files, as those who own them", async () => {
  const { engine, done, members } = recording("1.41");
  const lines =
    "networks: [one, two], secrets: [token, { source: key, target: /etc/ssl/key, uid: '5', gid: '6', mode: 0400 }]";
  const app = applicationOf(yaml(lines), { engine, environment });
  expect(await createContainer(contextOf(app))).toEqual({ id: "id-of-shop-web-1" });
  expect(done).toEqual([
    "create shop-web-1 for linux/arm64",
    "connect shop_two id-of-shop-web-1",
    "put id-of-shop-web-1 /",
  ]);
  expect(members).toEqual([
    { name: "run/secrets/token", kind: "file", mode: 0o444, owner: "0:0", text: "t0ken" },
    { name: "etc/ssl/key", kind: "file", mode: 0o400, owner: "5:6", text: "key" },
  ]);
  expect(app.warnings).toEqual(["web: mind the gap"]);
});

test("a folder is copied with all that is in it", async () => {
  const { engine, members } = recording();
  const app = applicationOf(yaml("secrets: [{ source: keys, uid: '5' }]"), { engine });
  await createContainer(contextOf(app));
  expect(members.map(({ name, kind, text, owner }) => [name, kind, text, owner])).toEqual([
    ["run/secrets/keys/", "directory", "", "5:0"],
    ["run/secrets/keys/inner/", "directory", "", "5:0"],
    ["run/secrets/keys/inner/a", "file", "a", "5:0"],
    ["run/secrets/keys/link", "symlink", "-> inner/a", "5:0"],
  ]);
});

describe("what could not be finished is taken away", () => {
  test("where the engine does not take the files", async () => {
    const { engine, done } = recording("1.51", true);
    const app = applicationOf(yaml("secrets: [token]"), { engine, environment });
    await expect(createContainer(contextOf(app))).rejects.toThrow("no room");
    expect(done.at(-1)).toBe("remove id-of-shop-web-1");
  });

  test("where a file is missing here", async () => {
    const { engine, done } = recording();
    const app = applicationOf(yaml("secrets: [{ source: none, mode: 0400 }]"), { engine });
    await expect(createContainer(contextOf(app))).rejects.toThrow(
      /secret "shop_none": .*no such file.*\/nowhere\/x/,
    );
    expect(done).toEqual(["create shop-web-1 for linux/arm64", "remove id-of-shop-web-1"]);
  });
});

describe("a read-only container", () => {
  test("gets its files by a volume, which a container that never runs fills", async () => {
    const { engine, done, members, requests } = recording();
    const app = applicationOf(yaml("read_only: true, secrets: [{ source: token, uid: '5' }]"), {
      engine,
      environment,
    });
    await createContainer(contextOf(app));
    expect(done).toEqual([
      "volume shop-web-1-files",
      "create helper",
      "put id-of-helper /files",
      "remove id-of-helper",
      "create shop-web-1 for linux/arm64",
    ]);
    expect(members).toEqual([{ name: "0", kind: "file", mode: 0o444, owner: "5:0", text: "t0ken" }]);
    expect(requests[1]?.HostConfig?.Mounts).toMatchObject([
      {
        Source: "shop-web-1-files",
        Target: "/run/secrets/token",
        ReadOnly: true,
        VolumeOptions: { Subpath: "0" },
      },
    ]);
  });

  test("on an engine that cannot mount a part of a volume is refused, and not given the whole", async () => {
    const { engine, done } = recording("1.44");
    const app = applicationOf(yaml("read_only: true, secrets: [token]"), { engine, environment });
    await expect(createContainer(contextOf(app))).rejects.toThrow(
      'cannot create secret "shop_token" in read-only service web: `file` is the sole supported option',
    );
    expect(done).toEqual([]);
  });
});

test("a dry run looks, and does nothing", async () => {
  const { engine, done } = recording();
  const app = { ...applicationOf(yaml("secrets: [token]"), { engine, environment }), dryRun: true };
  expect(await createContainer(contextOf(app))).toEqual({ id: "dry-run-shop-web-1" });
  expect(done).toEqual([]);
});

test("files are put again, as they are by now, into a container that was stopped", async () => {
  const { engine, done, members } = recording();
  const app = applicationOf(yaml("secrets: [token]"), { engine, environment: { TOKEN: "new" } });
  await refreshFiles(app, { ...app.project.services["web"]!, name: "web" }, "id");
  expect(done).toEqual(["put id /"]);
  expect(members[0]?.text).toBe("new");
  await refreshFiles(app, { name: "plain" }, "other");
  expect(done).toHaveLength(1);
});
