import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { NetworkNamespace } from "../linux/index.ts";
import { Database } from "../store/index.ts";
import { RCODE, readQuestion, reply, TYPE } from "./dns/message.ts";
import { startIn } from "./host.ts";
import type { NetworkSandbox } from "./sandbox.ts";
import { openEngine, request, type TestEngine, TestLan } from "./testing.ts";

/** What a container's own resolver library would hear: `lookup` by a program in its namespace. */
async function lookup(
  namespace: NetworkNamespace,
  name: string,
  type: "A" | "AAAA" | "PTR" = "A",
): Promise<string[]> {
  const arpa = type === "PTR" ? `${name.split(".").reverse().join(".")}.in-addr.arpa` : name;
  const code = { A: TYPE.A, AAAA: TYPE.AAAA, PTR: TYPE.PTR }[type];
  const asked = question(arpa, code);
  const heard = Promise.withResolvers<Uint8Array>();
  const socket = await startIn(namespace, () =>
    Bun.udpSocket({
      connect: { hostname: "127.0.0.11", port: 53 },
      socket: {
        data: (_socket, bytes) => heard.resolve(Uint8Array.from(bytes)),
        error: () => heard.reject(new Error("refused")),
      },
    }),
  );
  const timer = setTimeout(() => heard.reject(new Error("silence")), 3000);
  try {
    socket.send(asked);
    return parseAnswers(await heard.promise);
  } finally {
    clearTimeout(timer);
    socket.close();
  }
}

function question(name: string, type: number): Uint8Array {
  const labels = name.split(".").map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label)]));
  return Buffer.concat([
    Buffer.from("abcd01000001000000000000", "hex"),
    ...labels,
    Buffer.from([0, 0, type, 0, 1]),
  ]);
}

/** Addresses, or names of PTR records; an error's name where there is one. */
function parseAnswers(message: Uint8Array): string[] {
  const bytes = Buffer.from(message);
  const rcode = bytes.readUInt16BE(2) & 15;
  if (rcode !== 0) return [rcode === 3 ? "NXDOMAIN" : `error ${rcode}`];
  const found: string[] = [];
  let at = 12;
  while (bytes[at] !== 0) at += bytes[at]! + 1;
  at += 5;
  for (let n = bytes.readUInt16BE(6); n > 0; n--) {
    const type = bytes.readUInt16BE(at + 2);
    const data = bytes.subarray(at + 12, at + 12 + bytes.readUInt16BE(at + 10));
    if (type === TYPE.A) found.push([...data].join("."));
    else if (type === TYPE.AAAA) found.push(data.toString("hex"));
    else
      found.push(
        data
          .subarray(1, -1)
          .toString()
          .replaceAll(/[\u0000-\u001f]/g, "."),
      );
    at += 12 + data.length;
  }
  return found;
}

describe("names on a user-defined network", () => {
  let lan: TestLan;
  let engine: TestEngine;
  const boxes: NetworkSandbox[] = [];
  const upstreamSaw: string[] = [];
  let upstream: { close(): void };
  const run = async (name: string, networkMode: string, more: Parameters<typeof request>[1] = {}) => {
    const sandbox = await engine.networks.attach(request(name, { networkMode, dns: ["10.9.0.2"], ...more }));
    boxes.push(sandbox);
    return sandbox;
  };
  let web: NetworkSandbox;
  let db: NetworkSandbox;
  let jail: NetworkSandbox;

  beforeAll(async () => {
    lan = new TestLan();
    engine = openEngine(lan);
    await engine.networks.restore([]);
    await engine.networks.create({ Name: "backend", EnableIPv6: true });
    await engine.networks.create({ Name: "frontend" });
    await engine.networks.create({ Name: "cell", Internal: true });
    upstream = await startIn(lan.neighbour, () =>
      Bun.udpSocket({
        hostname: "10.9.0.2",
        port: 53,
        socket: {
          data(self, bytes, port, from) {
            const asked = Uint8Array.from(bytes);
            const { name } = readQuestion(asked)!;
            upstreamSaw.push(name);
            const known = name === "example.org";
            const data = Uint8Array.of(192, 0, 2, 7);
            const records = known ? [{ type: TYPE.A, ttlSeconds: 5, data }] : [];
            self.send(
              reply(asked, readQuestion(asked)!, known ? RCODE.ok : RCODE.nameError, records),
              port,
              from,
            );
          },
        },
      }),
    );
    const at = (network: string, Aliases: string[], more = {}) => ({
      networking: { EndpointsConfig: { [network]: { Aliases, ...more } } },
    });
    db = await run("db", "backend", at("backend", ["store"]));
    await run("db2", "backend", at("backend", ["store"]));
    web = await run("web", "backend", at("backend", [], { Links: ["db:mydb"] }));
    await run("other", "frontend");
    jail = await run("jail", "cell");
    await run("mate", "cell");
  });
  afterAll(async () => {
    for (const name of ["db", "db2", "web", "other", "jail", "mate"]) {
      await engine.networks.release(request(name).containerId);
    }
    for (const box of boxes) box.namespace?.close();
    upstream?.close();
    await engine?.[Symbol.asyncDispose]();
    lan?.[Symbol.dispose]();
  });

  test("the container's resolv.conf names the engine", () => {
    expect(web.resolvConf).toContain("nameserver 127.0.0.11\n");
    expect(web.resolvConf).toMatch(/^options .*ndots:0$/m);
    expect(web.resolvConf).toContain("# ExtServers: [10.9.0.2]\n");
  });

  test("container names, short ids, aliases and links, in either case", async () => {
    const own = db.settings.Networks?.["backend"]?.IPAddress ?? "";
    const short = request("db").containerId.slice(0, 12);
    for (const name of ["db", "DB", short, "mydb", "db.backend"]) {
      expect(await lookup(web.namespace!, name)).toEqual([own]);
    }
    expect(await lookup(db.namespace!, "mydb")).toEqual(["NXDOMAIN"]);
  });

  test("several of one alias take turns", async () => {
    const firsts = new Set<string>();
    for (let round = 0; round < 4; round++) {
      const found = await lookup(web.namespace!, "store");
      expect(found).toHaveLength(2);
      firsts.add(found[0]!);
    }
    expect(firsts.size).toBe(2);
  });

  test("AAAA, PTR, and a kind of address that the other does not have", async () => {
    expect(await lookup(web.namespace!, "db", "AAAA")).toEqual([
      expect.stringMatching(/^fd.*02$/) as unknown as string,
    ]);
    const own = db.settings.Networks?.["backend"]?.IPAddress ?? "";
    expect(await lookup(web.namespace!, own, "PTR")).toEqual(["db.backend"]);
    expect(await lookup(jail.namespace!, "mate", "AAAA")).toEqual([]);
  });

  test("names of other networks are not known, and everything else is asked on", async () => {
    expect(await lookup(web.namespace!, "other")).toEqual(["NXDOMAIN"]);
    expect(await lookup(web.namespace!, "example.org")).toEqual(["192.0.2.7"]);
    expect(upstreamSaw).toContain("example.org");
  });

  test("from an internal network nothing is asked outside (CVE-2024-29018)", async () => {
    upstreamSaw.length = 0;
    expect(await lookup(jail.namespace!, "mate")).toHaveLength(1);
    expect(await lookup(jail.namespace!, "secret.example.org")).toEqual(["NXDOMAIN"]);
    expect(upstreamSaw).toEqual([]);
  });

  test("a name server of the container's own has port 53 for itself", async () => {
    const own = await startIn(web.namespace!, () =>
      Bun.udpSocket({ hostname: "0.0.0.0", port: 53, socket: { data() {} } }),
    );
    own.close();
  });

  test("by TCP too", async () => {
    const asked = question("db", TYPE.A);
    const heard = Promise.withResolvers<Uint8Array>();
    const socket = await startIn(web.namespace!, () =>
      Bun.connect({
        hostname: "127.0.0.11",
        port: 53,
        socket: { data: (_socket, bytes) => heard.resolve(Uint8Array.from(bytes.subarray(2))) },
      }),
    );
    socket.write(Buffer.concat([Buffer.of(0, asked.length), asked]));
    expect(parseAnswers(await heard.promise)).toEqual([db.settings.Networks?.["backend"]?.IPAddress ?? ""]);
    socket.terminate();
  });
});

test("a look-up that meets a restart of the daemon is answered by the next", async () => {
  using lan = new TestLan();
  const database = Database.open(":memory:");
  const first = openEngine(lan, { database });
  await first.networks.create({ Name: "mine" });
  const wanted = request("a", { networkMode: "mine" });
  const sandbox = await first.networks.attach(wanted);
  using namespace = sandbox.namespace!;
  await first.networks.close();
  await expect(lookup(namespace, "a")).rejects.toThrow("silence");
  await using second = openEngine(lan, { database });
  const { NetworkHost } = await import("./host.ts");
  using inside = new NetworkHost(namespace);
  const child = inside.run(() => Bun.spawn(["sleep", "60"]));
  try {
    await second.networks.restore([{ ...wanted, pid: child.pid }]);
    expect(await lookup(namespace, "a")).toEqual([sandbox.settings.Networks?.["mine"]?.IPAddress ?? ""]);
    await second.networks.release(wanted.containerId);
  } finally {
    child.kill(9);
    await child.exited;
  }
});
