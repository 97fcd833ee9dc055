import { describe, expect, test } from "bun:test";
import { conflict, notFound } from "../../lib/index.ts";
import { Engine, ResponseError } from "../../sdk/index.ts";
import type {
  EndpointSettings,
  Network,
  NetworkCreateRequest,
  Volume,
  VolumeCreateRequest,
} from "../../wire/index.ts";
import type { Application, Progress } from "../application.ts";
import { applicationOf } from "../create/testing.ts";
import { networkHash, volumeHash } from "../project/index.ts";
import type { ServiceContainer } from "../state/index.ts";
import { ensureNetworks, planNetworks, planVolumes, removeNetworks, removeVolumes } from "./index.ts";
import { ensureVolumes } from "./volumes.ts";

const KEY = "com.docker.compose.network";
const VOLUME_KEY = "com.docker.compose.volume";
const PROJECT = "com.docker.compose.project";
const HASH = "com.docker.compose.config-hash";

const network = (Name: string, Labels: Record<string, string> = {}, Id = `id-of-${Name}`): Network => ({
  Name,
  Id,
  Labels,
  Scope: "local",
  Driver: "bridge",
});
const volume = (Name: string, Labels: Record<string, string> = {}): Volume => ({
  Name,
  Labels,
  Driver: "local",
  Mountpoint: "",
  Scope: "local",
});

/** An engine that has these networks and volumes, and writes down what is done to it. */
function engineWith(networks: Network[] = [], volumes: Volume[] = []) {
  const engine = new Engine("unix:///nowhere.sock", { apiVersion: "1.51" });
  const done: string[] = [];
  const networkRequests: NetworkCreateRequest[] = [];
  const volumeRequests: VolumeCreateRequest[] = [];
  const joined: EndpointSettings[] = [];
  const inUse = new Set<string>();
  const named = <T extends { Name: string; Id?: string }>(list: readonly T[], ref: string): T => {
    const found = list.find(({ Name, Id }) => Name === ref || Id?.startsWith(ref));
    if (found === undefined) throw notFound(`no such thing: ${ref}`);
    return found;
  };
  Object.assign(engine.networks, {
    list: async (filters: { name: string[] }) =>
      networks.filter(({ Name }) => filters.name.some((part) => Name.includes(part))),
    inspect: async (ref: string) => named(networks, ref),
    create: async (request: NetworkCreateRequest) => {
      if (networks.some(({ Name }) => Name === request.Name))
        throw conflict(`network ${request.Name} exists`);
      done.push(`create ${request.Name}`);
      networkRequests.push(request);
      return { Id: `new-${request.Name}`, Warning: "" };
    },
    remove: async (ref: string) => {
      const found = named(networks, ref);
      if (inUse.has(found.Name)) throw new ResponseError(403, `network ${found.Name} has active endpoints`);
      done.push(`remove ${found.Name}`);
      networks.splice(networks.indexOf(found), 1);
    },
    disconnect: async (ref: string, id: string) => void done.push(`disconnect ${ref} ${id}`),
    connect: async (ref: string, id: string, settings: EndpointSettings) => {
      done.push(`connect ${ref} ${id}`);
      joined.push(settings);
    },
  });
  Object.assign(engine.volumes, {
    list: async () => ({
      Volumes: volumes.filter(({ Labels }) => "dev.berth.compose.files" in (Labels ?? {})),
    }),
    inspect: async (name: string) => named(volumes, name),
    create: async (request: VolumeCreateRequest) => {
      const found = volumes.find(({ Name }) => Name === request.Name);
      if (found !== undefined) return found;
      done.push(`create ${request.Name}`);
      volumeRequests.push(request);
      return volume(request.Name!, request.Labels ?? {});
    },
    remove: async (name: string) => {
      const found = named(volumes, name);
      if (inUse.has(name)) throw conflict(`volume ${name} is in use`);
      done.push(`remove ${name}`);
      volumes.splice(volumes.indexOf(found), 1);
    },
  });
  return { engine, done, networkRequests, volumeRequests, joined, inUse };
}

const NOBODY = { containers: [], stop: async () => {}, removeContainers: async () => {} };

function told(app: Application): { app: Application; progress: string[] } {
  const progress: string[] = [];
  const report = { ...app.report, progress: ({ id, text }: Progress) => void progress.push(`${id} ${text}`) };
  return { app: { ...app, report }, progress };
}

const container = (service: string, more: object): ServiceContainer =>
  ({
    id: `${service}-1`,
    name: `shop-${service}-1`,
    service,
    number: 1,
    oneOff: false,
    state: "running",
    summary: more,
  }) as never;

describe("networks", () => {
  const yaml = `services: { web: { image: w, networks: { front: { aliases: [www], ipv4_address: 10.1.0.9 } } } }
networks:
  front:
    driver: bridge
    driver_opts: { o: v }
    internal: true
    attachable: true
    enable_ipv4: true
    enable_ipv6: true
    labels: { l: v }
    ipam: { driver: default, options: { io: v }, config: [{ subnet: 10.1.0.0/24, ip_range: 10.1.0.0/25, gateway: 10.1.0.1, aux_addresses: { h: 10.1.0.5 } }] }`;

  test("one that is not there is made with all that the file says", async () => {
    const { engine, networkRequests } = engineWith();
    const { app, progress } = told(applicationOf(yaml, { engine }));
    const { ids } = await ensureNetworks(app, planNetworks(app, []), NOBODY);
    expect(Object.fromEntries(ids)).toEqual({ front: "new-shop_front" });
    expect(networkRequests).toEqual([
      {
        Name: "shop_front",
        CheckDuplicate: true,
        Driver: "bridge",
        Options: { o: "v" },
        Internal: true,
        Attachable: true,
        EnableIPv4: true,
        EnableIPv6: true,
        IPAM: {
          Driver: "default",
          Options: { io: "v" },
          Config: [
            {
              Subnet: "10.1.0.0/24",
              IPRange: "10.1.0.0/25",
              Gateway: "10.1.0.1",
              AuxiliaryAddresses: { h: "10.1.0.5" },
            },
          ],
        },
        Labels: {
          l: "v",
          [KEY]: "front",
          [PROJECT]: "shop",
          [HASH]: networkHash(app.project.networks["front"]!),
          "com.docker.compose.version": expect.any(String),
        },
      },
    ]);
    expect(progress).toEqual(["Network shop_front Creating", "Network shop_front Created"]);
  });

  test("a dry run only says so", async () => {
    const { engine, done } = engineWith();
    const { app, progress } = told({ ...applicationOf(yaml, { engine }), dryRun: true });
    await ensureNetworks(app, planNetworks(app, []), NOBODY);
    expect(progress).toContain("Network shop_front Created");
    expect(done).toEqual([]);
  });

  test("one that is as it should be is kept, one without a hash as well", async () => {
    const { engine, done } = engineWith();
    const app = applicationOf(yaml, { engine });
    for (const hash of [networkHash(app.project.networks["front"]!), undefined]) {
      const labels = { [PROJECT]: "shop", [KEY]: "front", ...(hash === undefined ? {} : { [HASH]: hash }) };
      const plans = planNetworks(app, [network("shop_front", labels)]);
      expect(plans.map(({ action }) => action)).toEqual(["keep"]);
      const { ids } = await ensureNetworks(app, plans, NOBODY);
      expect(ids.get("front")).toBe("id-of-shop_front");
    }
    expect(done).toEqual([]);
  });

  test("one of this name that somebody else has made is taken, with a warning", async () => {
    const { engine } = engineWith([network("shop_front")]);
    const app = applicationOf(yaml, { engine });
    const { ids } = await ensureNetworks(app, planNetworks(app, []), NOBODY);
    expect(ids.get("front")).toBe("id-of-shop_front");
    expect(app.warnings).toEqual([
      "a network with name shop_front exists but was not created by compose.\nSet `external: true` to use an existing network",
    ]);
  });

  test("one whose configuration has changed is made anew; those on it are moved under all their names", async () => {
    const found = network("shop_front", { [PROJECT]: "shop", [KEY]: "front", [HASH]: "other" });
    const { engine, done, joined } = engineWith([found]);
    const app = applicationOf(yaml, { engine });
    const on = container("web", { NetworkSettings: { Networks: { shop_front: { NetworkID: found.Id } } } });
    const plans = planNetworks(app, [found]);
    expect(plans.map(({ action }) => action)).toEqual(["recreate"]);
    const { ids, mustRecreate } = await ensureNetworks(app, plans, {
      containers: [on, container("db", {})],
      stop: async (containers) => void done.push(`stop ${containers.map(({ id }) => id)}`),
    });
    expect(done).toEqual([
      "stop web-1",
      "disconnect id-of-shop_front web-1",
      "remove shop_front",
      "create shop_front",
      "connect new-shop_front web-1",
    ]);
    expect(joined).toEqual([
      { Aliases: ["shop-web-1", "web", "www"], IPAMConfig: { IPv4Address: "10.1.0.9" } },
    ]);
    expect(ids.get("front")).toBe("new-shop_front");
    expect(mustRecreate).toEqual([]);
  });

  test("one that has another name now is made; the old one goes where nobody else is on it", async () => {
    const found = network("old", { [PROJECT]: "shop", [KEY]: "front", [HASH]: "other" });
    for (const used of [false, true]) {
      const { engine, done, inUse } = engineWith([found]);
      if (used) inUse.add("old");
      const app = applicationOf(yaml, { engine });
      const on = container("web", { NetworkSettings: { Networks: { old: { NetworkID: found.Id } } } });
      const plans = planNetworks(app, [found]);
      expect(plans.map(({ action }) => action)).toEqual(["rename"]);
      const { mustRecreate } = await ensureNetworks(app, plans, { containers: [on], stop: async () => {} });
      expect(mustRecreate).toEqual([on]);
      expect(done).toEqual([
        "disconnect id-of-old web-1",
        ...(used ? [] : ["remove old"]),
        "create shop_front",
      ]);
      expect(app.warnings).toHaveLength(used ? 1 : 0);
    }
  });

  describe("external", () => {
    const external =
      "services: { web: { image: w, networks: [x] } }\nnetworks: { x: { external: true, name: theirs } }";
    const ensured = (networks: Network[]) => {
      const { engine } = engineWith(networks);
      const app = applicationOf(external, { engine });
      return ensureNetworks(app, planNetworks(app, []), NOBODY);
    };

    test("is looked for by its exact name", async () => {
      const { ids } = await ensured([network("theirs-2"), network("theirs")]);
      expect(ids.get("x")).toBe("id-of-theirs");
    });

    test("may be named by its id, but by no part of it", async () => {
      const { ids } = await ensured([network("n", {}, "theirs")]);
      expect(ids.get("x")).toBe("theirs");
      await expect(ensured([network("n", {}, "theirs-and-more")])).rejects.toThrow(
        "network theirs declared as external, but could not be found",
      );
    });

    test("is an error where there is none, or where there are several", async () => {
      await expect(ensured([])).rejects.toThrow(
        "network theirs declared as external, but could not be found",
      );
      await expect(ensured([network("theirs", {}, "1"), network("theirs", {}, "2")])).rejects.toThrow(
        'multiple networks with name "theirs" were found',
      );
    });
  });

  test("down removes the project's own, and leaves what is still in use", async () => {
    const labels = (key: string) => ({ [PROJECT]: "shop", [KEY]: key });
    const networks = [network("shop_a", labels("a")), network("shop_b", labels("b")), network("theirs")];
    const files = volume("shop-web-1-files", { "dev.berth.compose.files": "web" });
    const { engine, done, inUse } = engineWith([...networks], [files]);
    inUse.add("shop_b");
    const all =
      "services: { web: { image: w, networks: [a, b, c, x] } }\nnetworks: { a: , b: , c: , x: { external: true, name: theirs } }";
    const { app, progress } = told(applicationOf(all, { engine }));
    expect(await removeNetworks(app, networks)).toBe(true);
    expect(done.sort()).toEqual(["remove shop-web-1-files", "remove shop_a"]);
    expect(progress.sort()).toEqual([
      "Network shop_a Removed",
      "Network shop_a Removing",
      "Network shop_b Removing",
      "Network shop_b Resource is still in use",
    ]);
    expect(await removeNetworks(app, [])).toBe(false);
  });
});

describe("volumes", () => {
  const yaml = `services: { web: { image: w, volumes: ['data:/d'] } }
volumes: { data: { driver: local, driver_opts: { o: v }, labels: { l: v } } }`;

  test("one that is not there is made with all that the file says", async () => {
    const { engine, volumeRequests } = engineWith();
    const { app, progress } = told(applicationOf(yaml, { engine }));
    const { names } = await ensureVolumes(app, planVolumes(app, []), NOBODY);
    expect(Object.fromEntries(names)).toEqual({ data: "shop_data" });
    expect(volumeRequests).toEqual([
      {
        Name: "shop_data",
        Driver: "local",
        DriverOpts: { o: "v" },
        Labels: {
          l: "v",
          [VOLUME_KEY]: "data",
          [PROJECT]: "shop",
          [HASH]: volumeHash(app.project.volumes["data"]!),
          "com.docker.compose.version": expect.any(String),
        },
      },
    ]);
    expect(progress).toEqual(["Volume shop_data Creating", "Volume shop_data Created"]);
  });

  test.each([
    [{}, "was not created by Docker Compose"],
    [{ [PROJECT]: "other" }, 'was created for project "other" (expected "shop")'],
  ])("one of this name that somebody else has made is taken, with a warning: %p", async (labels, why) => {
    const { engine, done } = engineWith([], [volume("shop_data", labels as Record<string, string>)]);
    const app = applicationOf(yaml, { engine });
    await ensureVolumes(app, planVolumes(app, []), NOBODY);
    expect(app.warnings).toEqual([
      `volume "shop_data" already exists but ${why}. Use \`external: true\` to use an existing volume`,
    ]);
    expect(done).toEqual([]);
  });

  describe("one whose configuration has changed", () => {
    const found = volume("shop_data", { [PROJECT]: "shop", [VOLUME_KEY]: "data", [HASH]: "other" });
    const users = container("web", { Mounts: [{ Type: "volume", Name: "shop_data" }] });

    test("is left as it is, with its data, unless somebody agrees", async () => {
      const { engine, done } = engineWith([], [found]);
      const app = applicationOf(yaml, { engine });
      for (const confirm of [undefined, async () => false]) {
        const options = { ...NOBODY, containers: [users], ...(confirm === undefined ? {} : { confirm }) };
        expect((await ensureVolumes(app, planVolumes(app, [found]), options)).removed).toEqual([]);
      }
      expect(done).toEqual([]);
      expect(app.warnings[0]).toContain('volume "shop_data" doesn\'t match its configuration');
    });

    test("is made anew where somebody agrees, and its containers have to go first", async () => {
      const { engine, done } = engineWith([], [found]);
      const app = applicationOf(yaml, { engine });
      const asked: string[] = [];
      const { removed } = await ensureVolumes(app, planVolumes(app, [found]), {
        containers: [users, container("db", { Mounts: [] })],
        confirm: async (question) => asked.push(question) > 0,
        removeContainers: async (containers) => void done.push(`remove ${containers.map(({ id }) => id)}`),
      });
      expect(asked).toEqual([
        'Volume "shop_data" exists but doesn\'t match configuration in compose file. Recreate (data will be lost)?',
      ]);
      expect(done).toEqual(["remove web-1", "remove shop_data", "create shop_data"]);
      expect(removed).toEqual([users]);
    });
  });

  test("one that has another name now is made, and the old one keeps its data", async () => {
    const found = volume("old", { [PROJECT]: "shop", [VOLUME_KEY]: "data", [HASH]: "other" });
    const { engine, done } = engineWith([], [found]);
    const app = applicationOf(yaml, { engine });
    await ensureVolumes(app, planVolumes(app, [found]), NOBODY);
    expect(done).toEqual(["create shop_data"]);
  });

  test("an external one has to be there", async () => {
    const external =
      "services: { web: { image: w, volumes: ['ex:/x'] } }\nvolumes: { ex: { external: true, name: theirs } }";
    const ensured = async (volumes: Volume[]) => {
      const { engine, done } = engineWith([], volumes);
      const app = applicationOf(external, { engine });
      await ensureVolumes(app, planVolumes(app, []), NOBODY);
      return done;
    };
    expect(await ensured([volume("theirs")])).toEqual([]);
    await expect(ensured([])).rejects.toThrow('external volume "theirs" not found');
  });

  test("down -v removes the project's own, and leaves what is still in use and what is external", async () => {
    const volumes = ["shop_aa", "shop_bb", "theirs"].map((name) => volume(name));
    const { engine, done, inUse } = engineWith([], volumes);
    inUse.add("shop_bb");
    const all =
      "services: { web: { image: w, volumes: ['aa:/a', 'bb:/b', 'cc:/c', 'ex:/x'] } }\nvolumes: { aa: , bb: , cc: , ex: { external: true, name: theirs } }";
    const { app, progress } = told(applicationOf(all, { engine }));
    expect(await removeVolumes(app, [])).toBe(true);
    expect(done).toEqual(["remove shop_aa"]);
    expect(progress).toContain("Volume shop_bb Resource is still in use");
    expect(progress).not.toContain("Volume shop_cc Removing");
  });
});
