import { expect, test } from "bun:test";
import type { Networks } from "../networks/index.ts";
import { BuildNetworks } from "./build-networks.ts";

type Attach = Networks["attach"];

test("each step has a network of its own, of which no event tells, and gives it back", async () => {
  const attached = new Map<string, Parameters<Attach>[0]>();
  const networks = new BuildNetworks({
    attach: async (request) => {
      attached.set(request.containerId, request);
      return { hosts: "hosts", resolvConf: "", settings: {} } as Awaited<ReturnType<Attach>>;
    },
    release: async (id) => void attached.delete(id),
  });
  {
    await using one = await networks.open("default", "1", "host", ["a:192.0.2.1"]);
    await using _other = await networks.open("mine", "2", "host", []);
    expect(one.hosts).toBe("hosts");
    expect([...attached.values()]).toMatchObject([
      { networkMode: "default", hostname: "host", extraHosts: ["a:192.0.2.1"], quiet: true },
      { networkMode: "mine", extraHosts: [], quiet: true },
    ]);
  }
  expect(attached.size).toBe(0);
});
