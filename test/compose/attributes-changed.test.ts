// Networks and volumes whose description has changed since they were made.
import { expect, test } from "bun:test";
import { down, up } from "../../src/compose/index.ts";
import { daemon, engine, type Loaded, load, sh, withEngine } from "./attributes/bench.ts";

withEngine();

/** Brings up one text after another as the same project, and takes it down in the end. */
async function changing(
  name: string,
  first: string,
  body: (first: Loaded, again: (yaml: string) => Loaded) => Promise<void>,
): Promise<void> {
  const loaded = load(name, first);
  let latest = loaded;
  try {
    await up(loaded.app);
    await body(loaded, (yaml) => (latest = load(name, yaml)));
  } finally {
    await down(latest.app, { volumes: true, removeOrphans: true, timeoutSeconds: 0 });
  }
}

const networked = (network: string) => `services:
  web: { <<: *base, networks: { net: { aliases: [www] } } }
  asks: { <<: *base, networks: [net] }
networks: { net: ${network} }`;

test("a network with another configuration takes the old one's place; containers stay what they are, under all their names", async () => {
  await changing("moved", networked("{ }"), async ({ inspect }, again) => {
    const before = [await inspect("web"), await engine.networks.inspect("moved_net")] as const;
    await sh("moved-web-1", "echo kept > /mine");
    await up(
      again(networked("{ ipam: { config: [{ subnet: 10.214.3.0/24 }] }, labels: { now: changed } }")).app,
    );
    const after = [await inspect("web"), await engine.networks.inspect("moved_net")] as const;
    expect(after[1].Id).not.toBe(before[1].Id);
    expect(after[1].Labels?.["now"]).toBe("changed");
    expect(after[0].Id).toBe(before[0].Id);
    expect(await sh("moved-web-1", "cat /mine")).toBe("kept");
    for (const name of ["web", "www", "moved-web-1"])
      expect(await sh("moved-asks-1", `nslookup ${name} 2>/dev/null | grep -c 'Address.*10.214.3'`)).toBe(
        "1",
      );
  });
}, 60_000);

test("a network with another name: its containers are made anew on it, and the old one goes", async () => {
  await changing("renamed", networked("{ name: first-name }"), async ({ inspect }, again) => {
    const before = await inspect("web");
    await up(again(networked("{ name: second-name }")).app);
    expect((await inspect("web")).Id).not.toBe(before.Id);
    expect(await sh("renamed-asks-1", "nslookup www 2>/dev/null | grep -c '^Address'")).not.toBe("0");
    expect((await engine.networks.list({ name: ["first-name"] })).length).toBe(0);
  });
}, 60_000);

test("a volume with another configuration keeps its data, unless somebody agrees that it goes", async () => {
  const text = (labels: string) =>
    `services: { web: { <<: *base, volumes: ["data:/data"] } }\nvolumes: { data: { labels: { ${labels} } } }`;
  await changing("volumes", text("a: b"), async (_, again) => {
    await sh("volumes-web-1", "echo kept > /data/x");
    const kept = again(text("a: c"));
    await up(kept.app, { confirm: async () => false });
    expect(kept.warnings.join("\n")).toContain('volume "volumes_data" doesn\'t match its configuration');
    expect(await sh("volumes-web-1", "cat /data/x")).toBe("kept");

    const asked: string[] = [];
    await up(again(text("a: c")).app, { confirm: async (question) => asked.push(question) > 0 });
    expect(asked).toEqual([
      'Volume "volumes_data" exists but doesn\'t match configuration in compose file. Recreate (data will be lost)?',
    ]);
    expect(await sh("volumes-web-1", "ls /data")).toBe("");
    expect((await engine.volumes.inspect("volumes_data")).Labels?.["a"]).toBe("c");
  });
}, 60_000);

test("anonymous volumes are handed on to the container that takes another's place, unless they are to begin anew", async () => {
  const text = (value: string) =>
    `services: { web: { <<: *base, volumes: [/data], environment: { V: "${value}" } } }`;
  await changing("handed", text("1"), async ({ inspect }, again) => {
    const before = await inspect("web");
    await sh("handed-web-1", "echo kept > /data/x");
    await up(again(text("2")).app);
    expect((await inspect("web")).Id).not.toBe(before.Id);
    expect(await sh("handed-web-1", "cat /data/x")).toBe("kept");
    await up(again(text("3")).app, { renewAnonVolumes: true });
    expect(await sh("handed-web-1", "ls /data")).toBe("");
  });
}, 60_000);

test("down leaves a network that somebody else is on, and says so", async () => {
  const { app } = load("used", networked("{ }"));
  await up(app);
  await daemon.berth([
    "run",
    "-d",
    "--name",
    "guest",
    "--network",
    "used_net",
    "busybox:test",
    "sleep",
    "1000",
  ]);
  const said: string[] = [];
  const report = {
    ...app.report,
    progress: ({ id, text }: { id: string; text: string }) => void said.push(`${id} ${text}`),
  };
  await down({ ...app, report }, { timeoutSeconds: 0 });
  expect(said).toContain("Network used_net Resource is still in use");
  await engine.containers.remove("guest", { force: true });
  await down(app, {});
  expect((await engine.networks.list({ name: ["used_net"] })).length).toBe(0);
}, 60_000);
