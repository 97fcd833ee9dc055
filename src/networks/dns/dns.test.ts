import { describe, expect, test } from "bun:test";
import type { EndpointRecord } from "../records.ts";
import { type Answer, answers, nameData, RCODE, rcodeOf, readQuestion, reply, TYPE } from "./message.ts";
import { NameTable, reverseName } from "./names.ts";
import { NameServers } from "./upstream.ts";

/** A query as resolvers send it. */
export function query(name: string, type: number, { id = 0x1234, edns = 0 } = {}): Uint8Array {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(0x0100, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(edns > 0 ? 1 : 0, 10);
  const question = Buffer.alloc(4);
  question.writeUInt16BE(type, 0);
  question.writeUInt16BE(1, 2);
  const opt = Buffer.from([0, 0, 41, edns >> 8, edns & 255, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([header, nameData(name), question, ...(edns > 0 ? [opt] : [])]);
}

const address = (last: number): Answer => ({
  type: TYPE.A,
  ttlSeconds: 600,
  data: Uint8Array.of(10, 0, 0, last),
});
const count = (message: Uint8Array) => (message[6]! << 8) | message[7]!;
const truncated = (message: Uint8Array) => (message[2]! & 2) !== 0;

describe("messages", () => {
  test("a question is read, and its answer repeats it", () => {
    const asked = query("Web.Example", TYPE.A);
    const question = readQuestion(asked)!;
    expect(question).toMatchObject({ id: 0x1234, name: "Web.Example", type: TYPE.A, udpBytesMax: 512 });
    const answer = reply(asked, question, RCODE.ok, [address(1), address(2)]);
    expect(Buffer.from(answer).toString("hex")).toBe(
      "123481800001000200000000035765620745" +
        "78616d706c65000001" +
        "0001" +
        "c00c000100010000025800040a000001" +
        "c00c000100010000025800040a000002",
    );
    expect(answers(answer, asked, question)).toBe(true);
    expect(answers(answer, query("other", TYPE.A), readQuestion(query("other", TYPE.A))!)).toBe(false);
  });

  test("what does not fit is left out, and the client told so", () => {
    const many = Array.from({ length: 60 }, (_, i) => address(i));
    const small = query("x", TYPE.A);
    const cut = reply(small, readQuestion(small)!, RCODE.ok, many, readQuestion(small)!.udpBytesMax);
    expect(cut.length).toBeLessThanOrEqual(512);
    expect(truncated(cut)).toBe(true);
    const roomy = query("x", TYPE.A, { edns: 4096 });
    expect(readQuestion(roomy)!.udpBytesMax).toBe(1400);
    const whole = reply(roomy, readQuestion(roomy)!, RCODE.ok, many, 1400);
    expect([count(whole), truncated(whole)]).toEqual([60, false]);
  });

  test("nonsense is no question, however it is cut", () => {
    const good = query("a.b", TYPE.A);
    for (let length = 0; length < good.length; length++)
      expect(readQuestion(good.subarray(0, length))).toBeUndefined();
    const pointer = Buffer.from(good);
    pointer[12] = 0xc0;
    expect(readQuestion(pointer)).toBeUndefined();
    const response = Buffer.from(good);
    response[2] = 0x81;
    expect(readQuestion(response)).toBeUndefined();
    const long = query(Array.from({ length: 60 }, () => "abcdefgh").join("."), TYPE.A);
    expect(readQuestion(long)).toBeUndefined();
  });
});

describe("names", () => {
  const endpoint = (id: string, ipv4: string, ...dnsNames: string[]) =>
    ({ id, ipv4: `${ipv4}/24`, dnsNames, containerName: id }) as unknown as EndpointRecord;

  test("are found without regard to case, until they are gone", () => {
    const table = new NameTable();
    const [a, b] = [endpoint("a", "10.0.0.1", "Web", "one"), endpoint("b", "10.0.0.2", "web")];
    table.add(a);
    table.add(b);
    expect(table.find("WEB")).toEqual([a, b]);
    expect(table.findAddress("10.0.0.2")).toBe(b);
    table.remove(a);
    expect(table.find("web")).toEqual([b]);
    expect(table.find("one")).toEqual([]);
    expect(table.findAddress("10.0.0.1")).toBeUndefined();
  });

  test("reverse", () => {
    expect(reverseName("2.0.17.172.in-addr.arpa")).toBe("172.17.0.2");
    expect(reverseName(`2.${"0.".repeat(29)}d.f.ip6.arpa`)).toBe("fd00::2");
    for (const other of ["x.in-addr.arpa", "1.2.3.in-addr.arpa", "g.ip6.arpa", "web"]) {
      expect(reverseName(other)).toBeUndefined();
    }
  });
});

describe("name servers", () => {
  const here = { run: <T>(work: () => T) => work(), start: <T>(begin: () => Promise<T>) => begin() };
  type Reaction = number | "silent";
  /** A name server that answers with a code after a while, and counts. */
  async function nameServer(hostname: string, rcode: Reaction | (() => Reaction), delayMs = 0) {
    const seen: string[] = [];
    const socket = await Bun.udpSocket({
      hostname,
      port: 0,
      socket: {
        data(self, bytes, port, from) {
          const asked = Uint8Array.from(bytes);
          const question = readQuestion(asked)!;
          seen.push(question.name);
          const reaction = typeof rcode === "function" ? rcode() : rcode;
          if (reaction === "silent") return;
          setTimeout(() => self.send(reply(asked, question, reaction, [address(1)]), port, from), delayMs);
        },
      },
    });
    return { seen, address: hostname, port: socket.port, [Symbol.dispose]: () => socket.close() };
  }
  const ask = async (servers: NameServers, name: string) => {
    const asked = query(name, TYPE.A);
    const answer = await servers.ask(asked, readQuestion(asked)!, "udp");
    return answer === undefined ? undefined : rcodeOf(answer);
  };

  test("the first is asked; NXDOMAIN is an answer", async () => {
    using first = await nameServer("127.0.0.1", RCODE.nameError);
    using second = await nameServer("127.0.0.1", RCODE.ok);
    expect(await ask(new NameServers([first, second], here), "x.org")).toBe(RCODE.nameError);
    expect(second.seen).toEqual([]);
  });

  test("one with an IPv6 address is asked, too", async () => {
    using only = await nameServer("::1", RCODE.ok);
    expect(await ask(new NameServers([only], here), "x.org")).toBe(RCODE.ok);
  });

  test("one that is silent is not waited for, and not asked first again", async () => {
    using dead = await nameServer("127.0.0.1", "silent");
    using alive = await nameServer("127.0.0.1", RCODE.ok);
    const servers = new NameServers([dead, alive], here);
    expect(await ask(servers, "x.org")).toBe(RCODE.ok);
    expect(await ask(servers, "y.org")).toBe(RCODE.ok);
    expect(dead.seen).toEqual(["x.org"]);
  });

  test("one that fails or refuses hands over at once; where all do, that is the answer", async () => {
    using failing = await nameServer("127.0.0.1", RCODE.serverFailure);
    using refusing = await nameServer("127.0.0.1", RCODE.refused);
    using alive = await nameServer("127.0.0.1", RCODE.ok);
    expect(await ask(new NameServers([failing, refusing, alive], here), "x.org")).toBe(RCODE.ok);
    expect(await ask(new NameServers([failing, refusing], here), "x.org")).toBe(RCODE.serverFailure);
    const nobody = { address: "127.0.0.1", port: alive.port };
    alive[Symbol.dispose]();
    expect(await ask(new NameServers([nobody], here), "x.org")).toBeUndefined();
  });

  test("a refusal waits for nobody longer than a client does; for who was silent before hardly at all", async () => {
    using dead = await nameServer("127.0.0.1", "silent");
    using failing = await nameServer("127.0.0.1", RCODE.serverFailure);
    using refusing = await nameServer("127.0.0.1", RCODE.refused);
    // Timers of one process fire in their order, however busy the machine is.
    const patient = async (servers: NameServers, name: string, milliseconds: number) =>
      Promise.race([ask(servers, name), Bun.sleep(milliseconds).then(() => "too late")]);
    const lists = [
      [refusing, dead],
      [dead, refusing],
      [failing, dead, refusing],
    ];
    const refusals = async (list: (typeof lists)[number]) => {
      const servers = new NameServers(list, here);
      return [await patient(servers, "x.org", 2000), await patient(servers, "y.org", 1000)];
    };
    expect(await Promise.all(lists.map(refusals))).toEqual([
      [RCODE.refused, RCODE.refused],
      [RCODE.refused, RCODE.refused],
      [RCODE.serverFailure, RCODE.serverFailure],
    ]);
  });

  test("one that was silent is asked all the same, and heard again", async () => {
    let mute = true;
    using late = await nameServer("127.0.0.1", () => (mute ? "silent" : RCODE.ok));
    using refusing = await nameServer("127.0.0.1", RCODE.refused);
    const servers = new NameServers([late, refusing], here);
    expect(await ask(servers, "x.org")).toBe(RCODE.refused);
    mute = false;
    expect(await ask(servers, "y.org")).toBe(RCODE.ok);
    expect(await ask(servers, "z.org")).toBe(RCODE.ok);
    expect(refusing.seen).toEqual(["x.org", "y.org"]);
  });

  test("an answer to another question is no answer", async () => {
    using liar = await (async () => {
      const socket = await Bun.udpSocket({
        hostname: "127.0.0.1",
        port: 0,
        socket: {
          data(self, _bytes, port, from) {
            const forged = query("evil.org", TYPE.A);
            self.send(reply(forged, readQuestion(forged)!, RCODE.ok, [address(6)]), port, from);
          },
        },
      });
      return { address: "127.0.0.1", port: socket.port, [Symbol.dispose]: () => socket.close() };
    })();
    using honest = await nameServer("127.0.0.1", RCODE.nameError);
    expect(await ask(new NameServers([liar, honest], here), "good.org")).toBe(RCODE.nameError);
  });
});
