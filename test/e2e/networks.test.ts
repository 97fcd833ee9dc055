// Networks of a real engine: what its end and its return do to traffic, and who gets in by the back door.
import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { AGAINST_DOCKER, IMAGE, runCommand } from "../support/engine.ts";
import { withMachine } from "../support/machine.ts";
import { useEngine } from "../support/suite.ts";

const { engine, docker, dockerResult, inspect, eventually } = useEngine();

/** The engine's nft table, which is named after its data root. */
const table = () => {
  const hash = createHash("sha256").update(join(engine().root, "data")).digest("hex");
  return `berth-${hash.slice(0, 8)}`;
};

const nft = async (...args: string[]) => {
  const result = await runCommand(["nft", ...args]);
  expect(result, `nft ${args.join(" ")}`).toMatchObject({ code: 0 });
  return result.stdout;
};

const run = (name: string, script: string, ...options: string[]) =>
  docker("run", "-d", "--name", name, ...options, IMAGE, "sh", "-c", script);
const web = (name: string, ...options: string[]) =>
  run(name, `echo ${name} >/www/index.html; exec httpd -f -h /www`, ...options);
const portOf = async (name: string, port: string) =>
  (await docker("port", name, port)).split("\n")[0]!.split(":").at(-1)!;
const addressOf = (name: string, network = "bridge") =>
  inspect(name, `{{with index .NetworkSettings.Networks "${network}"}}{{.IPAddress}}{{end}}`);

const page = async (address: string) => {
  try {
    return (await (await fetch(`http://${address}/`, { keepalive: false })).text()).trim();
  } catch {
    return "nothing";
  }
};

/** A connection that is kept, to a server that says back what it hears. */
async function talkTo(port: string) {
  let heard = Promise.withResolvers<string>();
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: Number(port),
    socket: {
      data: (_socket, bytes) => heard.resolve(bytes.toString()),
      close: () => heard.resolve("closed"),
    },
  });
  return {
    say(word: string): Promise<string> {
      heard = Promise.withResolvers<string>();
      socket.write(word);
      return heard.promise;
    },
    [Symbol.dispose]: () => void socket.terminate(),
  };
}

describe.skipIf(AGAINST_DOCKER)("while the daemon is away", () => {
  for (const way of ["stop", "kill"] as const) {
    test(`(${way}) connections go on, and names that are looked up are answered by the next`, async () => {
      await docker("network", "create", "alive");
      await run("echo", "exec nc -ll -p 7000 -e cat", "--network", "alive", "-p", "127.0.0.1::7000");
      // One line each time a look-up ends; and a connection between containers, one line each time it is answered.
      await run(
        "asks",
        "while :; do nslookup -type=a echo >/dev/null 2>&1 && echo found || echo lost; sleep 0.05; done",
        ...["--network", "alive"],
      );
      await run("ticks", "while :; do echo tick; sleep 0.05; done | nc echo 7000", "--network", "alive");
      const lines = async (name: string) =>
        (await docker("logs", name)).split("\n").filter((line) => line !== "");
      const atLeast = (name: string, count: number) => async () => (await lines(name)).length >= count;
      await eventually(atLeast("asks", 2), true);
      await eventually(atLeast("ticks", 2), true);
      using talk = await talkTo(await portOf("echo", "7000/tcp"));
      expect(await talk.say("before")).toBe("before");

      await engine()[way]();
      expect(await talk.say("without")).toBe("without");
      // Long enough for look-ups to begin that nobody is there to answer.
      await Bun.sleep(500);
      expect(await talk.say("still")).toBe("still");
      await engine().start();
      expect(await talk.say("after")).toBe("after");

      const [asked, ticked] = [(await lines("asks")).length, (await lines("ticks")).length];
      await eventually(atLeast("asks", asked + 3), true);
      await eventually(atLeast("ticks", ticked + 3), true);
      expect(await lines("asks")).not.toContain("lost");
      expect(new Set(await lines("ticks"))).toEqual(new Set(["tick"]));
      await docker("rm", "-f", "echo", "asks", "ticks");
      await docker("network", "rm", "alive");
    });
  }
});

describe.skipIf(AGAINST_DOCKER)("another machine", () => {
  test("reaches what is published for it, and nothing by routes of its own", async () => {
    await docker("network", "create", "own");
    await web("open", "-p", "80");
    await web("local", "-p", "127.0.0.1::80");
    await web("closed", "--network", "own");
    const [open, local] = [await portOf("open", "80/tcp"), await portOf("local", "80/tcp")];
    await eventually(() => page(`127.0.0.1:${open}`), "open");
    await eventually(() => page(`127.0.0.1:${local}`), "local");
    await withMachine(async (machine) => {
      expect(await machine.get(`${machine.host}:${open}`)).toBe("open");
      expect(await machine.get(`${machine.host}:${local}`)).toBe("");
      // The containers' own addresses: what is not published, and what is, by a way that nobody published.
      for (const target of [
        await addressOf("closed", "own"),
        await addressOf("local"),
        await addressOf("open"),
      ]) {
        expect(await machine.get(`${target}:80`)).toBe("");
      }
      // Its own 127.0.0.1 is the host's, as far as it is concerned.
      await machine.run("sysctl", "-qw", "net.ipv4.conf.all.route_localnet=1");
      await machine.ip("address", "delete", "127.0.0.1/8", "dev", "lo");
      await machine.ip("route", "add", "127.0.0.0/8", "via", machine.host);
      expect(await machine.get(`127.0.0.1:${local}`)).toBe("");
      expect(await machine.get(`127.0.0.1:${open}`)).toBe("");
    });
    // Nor does a container of another network.
    const target = await addressOf("closed", "own");
    const get = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 1 ${target} 80`;
    expect((await dockerResult(["exec", "open", "sh", "-c", get])).stdout).toBe("");
    await docker("rm", "-f", "open", "local", "closed");
    await docker("network", "rm", "own");
  });

  test("finds the doors as they were soon after somebody has emptied the packet filter (CVE-2025-54388)", async () => {
    await docker("network", "create", "own");
    await web("open", "-p", "80");
    await web("closed", "--network", "own");
    const open = await portOf("open", "80/tcp");
    const hidden = await addressOf("closed", "own");
    await eventually(() => page(`127.0.0.1:${open}`), "open");
    await eventually(() => page(`${hidden}:80`), "closed");
    // The user's own rules are his, and come back with the others.
    await nft("add", "rule", "inet", table(), "user", "tcp", "dport", "9999", "counter", "drop");
    await eventually(
      async () => (await nft("list", "chain", "inet", table(), "user")).includes("9999"),
      true,
    );
    await withMachine(async (machine) => {
      const doors = async () => [
        await machine.get(`${machine.host}:${open}`),
        await machine.get(`${hidden}:80`),
      ];
      expect(await doors()).toEqual(["open", ""]);
      await Bun.sleep(1000);
      for (const how of [["flush"], ["delete"]]) {
        await nft(...how, "table", "inet", table());
        await eventually(doors, ["open", ""]);
        expect(await nft("list", "chain", "inet", table(), "user")).toContain("tcp dport 9999");
      }
    });
    // A restart of the daemon keeps them, too.
    await engine().kill();
    await nft("delete", "table", "inet", table());
    await engine().start();
    expect(await nft("list", "chain", "inet", table(), "user")).toContain("tcp dport 9999");
    expect(await page(`127.0.0.1:${open}`)).toBe("open");
    await docker("rm", "-f", "open", "closed");
    await docker("network", "rm", "own");
  });
});

test.skipIf(AGAINST_DOCKER)("a thousand published ports are elements of maps, not rules", async () => {
  const rules = async () =>
    (await nft("--stateless", "--terse", "list", "table", "inet", table())).split("\n").length;
  await web("first", "-p", "127.0.0.1::80");
  const few = await rules();
  await web("many", "-p", "127.0.0.1:31000-31999:1000-1999", "-p", "127.0.0.1:32000:80");
  expect(await rules()).toBe(few);
  const published = await nft("list", "map", "inet", table(), "published4");
  expect(published.match(/tcp \. 127\.0\.0\.1 \. 31\d{3}/g)?.length).toBe(1000);
  await eventually(() => page("127.0.0.1:32000"), "many");
  expect((await docker("port", "many")).split("\n")).toHaveLength(1001);
  await docker("rm", "-f", "many");
  expect(await nft("list", "map", "inet", table(), "published4")).not.toContain("31000");
  await docker("rm", "-f", "first");
});
