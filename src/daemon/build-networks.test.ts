import { afterEach, expect, test } from "bun:test";
import type { Networks } from "../networks/index.ts";
import { BuildNetworks } from "./build-networks.ts";

type Attach = Networks["attach"];
type Request = Parameters<Attach>[0];

const attached = new Map<string, Request>();
let count = 0;
let networks: BuildNetworks;

function open(): BuildNetworks {
  attached.clear();
  count = 0;
  networks = new BuildNetworks({
    attach: async (request) => {
      if (request.networkMode === "missing") throw new Error("no such network");
      count++;
      attached.set(request.containerId, request);
      return { hosts: `host ${count}`, resolvConf: "", settings: {} } as Awaited<ReturnType<Attach>>;
    },
    release: async (id) => void attached.delete(id),
  });
  return networks;
}

afterEach(async () => {
  await networks[Symbol.asyncDispose]();
  expect(attached.size).toBe(0);
});

async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 500 && !condition(); turn++) await Bun.sleep(2);
  expect(condition()).toBe(true);
}

test("the next step's network is made while one runs, and each is used once", async () => {
  const opened = open();
  const first = await opened.open("default", "1", "host", []);
  await until(() => count === 2);
  const second = await opened.open("default", "2", "host", []);
  expect(second.hosts).toBe("host 2");
  await until(() => count === 3);
  const other = await opened.open("default", "3", "another-name", ["a:1.2.3.4"]);
  expect(other.hosts).toBe("host 4");
  expect([...attached.values()].every(({ quiet }) => quiet)).toBe(true);
  for (const network of [first, second, other]) await network[Symbol.asyncDispose]();
});

test("a network that nobody wants is given back", async () => {
  const opened = open();
  await (await opened.open("default", "1", "host", []))[Symbol.asyncDispose]();
  await until(() => count === 2);
  await until(() => attached.size === 0);
});

test("other networks than the default one are made when they are wanted", async () => {
  const opened = open();
  await (await opened.open("none", "1", "host", []))[Symbol.asyncDispose]();
  await (await opened.open("mine", "2", "host", []))[Symbol.asyncDispose]();
  await expect(opened.open("missing", "3", "host", [])).rejects.toThrow("no such network");
  await Bun.sleep(30);
  expect(count).toBe(2);
});
