// Networks as programs of the world use them: a web server and its load, a measure of throughput, a resolver's questions.
import { beforeAll, describe, expect, test } from "bun:test";
import { programsRootTar } from "../../scripts/lib/programs-image.ts";
import { runCommand } from "../support/engine.ts";
import { withMachine } from "../support/machine.ts";
import { useEngine } from "../support/suite.ts";

const { engine, docker, dockerResult, inspect, eventually } = useEngine();
const PROGRAMS = "programs:test";

beforeAll(async () => {
  const tar = await programsRootTar(["nginx", "ab", "iperf3", "dig", "dnsmasq"]);
  const imported = await engine().berth(["import", "-", PROGRAMS], { stdin: tar });
  expect(imported).toMatchObject({ code: 0 });
});

const start = (name: string, options: string[], ...command: string[]) =>
  docker("run", "-d", "--name", name, ...options, PROGRAMS, ...command);
const hostPort = async (name: string, port: string) =>
  (await docker("port", name, port)).split("\n")[0]!.split(":").at(-1)!;

describe("nginx", () => {
  const NGINX = `
    daemon off; error_log stderr; pid /tmp/nginx.pid; user root root;
    events {}
    http {
      access_log off;
      server { listen 80; listen [::]:80; location / { return 200 "$remote_addr\\n"; } }
    }`;
  const SCRIPT = 'printf %s "$NGINX" >/tmp/nginx.conf; exec nginx -c /tmp/nginx.conf';
  const nginx = (name: string, ...options: string[]) =>
    start(name, ["-e", `NGINX=${NGINX}`, ...options], "sh", "-c", SCRIPT);
  const ab = (url: string) => ["ab", "-q", "-n", "1000", "-c", "10", url];
  const all = /Complete requests: +1000\nFailed requests: +0\n/;

  test("behind a published port serves the host, its neighbours with their own addresses, and itself", async () => {
    await docker("network", "create", "--ipv6", "pages");
    await nginx("www", "--network", "pages", "-p", "80", "-p", "127.0.0.1::80");
    const port = await hostPort("www", "80/tcp");
    const get = async (host: string) =>
      (await (await fetch(`http://${host}:${port}/`).catch(() => new Response(""))).text()).trim();
    const gateway = await inspect("www", "{{.NetworkSettings.Networks.pages.Gateway}}");
    await eventually(() => get("127.0.0.1"), gateway);
    expect(await get("[::1]")).not.toBe("");
    expect((await runCommand(ab(`http://127.0.0.1:${port}/`))).stdout).toMatch(all);
    await withMachine(async ({ host, run }) => {
      const own = host.replace(/\.1$/, ".2");
      await eventually(() => run("busybox", "wget", "-qO-", `http://${host}:${port}/`), own);
      expect(await run(...ab(`http://${host}:${port}/`))).toMatch(all);
      // From its own network and from another one, and by itself: by the way of the host's address.
      for (const from of ["pages", "bridge"]) {
        expect(
          await docker("run", "--rm", "--network", from, PROGRAMS, ...ab(`http://${host}:${port}/`)),
        ).toMatch(all);
      }
      expect(await docker("exec", "www", ...ab(`http://${host}:${port}/`))).toMatch(all);
    });
    const name = await docker("run", "--rm", "--network", "pages", PROGRAMS, ...ab("http://www/"));
    expect(name).toMatch(all);
    await docker("rm", "-f", "www");
    await docker("network", "rm", "pages");
  });
});

describe("iperf3", () => {
  /** Bytes that arrived. The server takes one client at a time, and may still be busy with the one before. */
  async function received(send: () => Promise<string>): Promise<number> {
    for (let attempt = 1; ; attempt++) {
      const { end, error } = JSON.parse(await send());
      if (error === undefined || attempt === 20) return end.sum_received?.bytes ?? end.sum.bytes;
      await Bun.sleep(100);
    }
  }
  /** Of 32 MiB; what is on its way when the sender has sent all is not counted any more. */
  const LEAST = 16 * 1024 * 1024;
  /** Both protocols need one number. */
  const IPERF = "15201";
  const measure = (...server: string[]) => ["iperf3", "-J", "-n", "32M", "-c", ...server];

  test("sends through a published port and between containers, both ways, by TCP and UDP", async () => {
    await docker("network", "create", "wire");
    await start(
      "sink",
      ["--network", "wire", "-p", `${IPERF}:5201`, "-p", `${IPERF}:5201/udp`],
      "iperf3",
      "-s",
    );
    const host = ["127.0.0.1", "-p", IPERF];
    const fromHost = (...more: string[]) =>
      received(async () => (await runCommand(measure(...host, ...more))).stdout);
    const inContainer = ["run", "--rm", "--network", "wire", PROGRAMS];
    const fromContainer = (...more: string[]) =>
      received(async () => (await dockerResult([...inContainer, ...measure("sink", ...more)])).stdout);
    await eventually(async () => (await runCommand(measure(...host))).code, 0);
    for (const from of [fromHost, fromContainer]) {
      expect(await from()).toBeGreaterThanOrEqual(LEAST);
      expect(await from("-R")).toBeGreaterThanOrEqual(LEAST);
      expect(await from("-u", "-b", "0")).toBeGreaterThan(0);
    }
    await docker("rm", "-f", "sink");
    await docker("network", "rm", "wire");
  });
});

describe("dig", () => {
  /** Six strings of 250 bytes: more than fits in a datagram that was not asked to be larger. */
  const BIG = ["a", "b", "c", "d", "e", "f"].map((letter) => letter.repeat(250));
  const SERVER = [
    ...["dnsmasq", "-k", "--pid-file=", "--no-resolv", "--no-hosts", "--user=root", "--log-facility=-"],
    ...[
      "--log-queries",
      "--local=/test/",
      "--address=/host.test/192.0.2.80",
      "--address=/host.test/2001:db8::80",
    ],
    `--txt-record=big.test,${BIG.join(",")}`,
  ];
  const dig = async (...question: string[]) =>
    await docker("exec", "asker", "dig", "+time=4", "+tries=1", ...question);
  const answers = async (...question: string[]) =>
    (await dig("+short", ...question))
      .split("\n")
      .filter((line) => line !== "")
      .sort();
  const status = async (...question: string[]) => /status: (\w+)/.exec(await dig(...question))?.[1];
  const asked = async () => (await dockerResult(["logs", "server"])).stderr;

  test("finds neighbours, and everybody else by servers of which one is dead", async () => {
    await docker("network", "create", "--subnet", "10.94.0.0/24", "--ipv6", "--subnet", "fd94::/64", "names");
    await docker("network", "create", "elsewhere");
    await start("server", ["--network", "names", "--ip", "10.94.0.53"], ...SERVER);
    await start("stranger", ["--network", "elsewhere"], "sleep", "1000");
    for (const index of [1, 2]) {
      const where = ["--network", "names", "--network-alias", "both", "--ip", `10.94.0.10${index}`];
      await start(`twin${index}`, [...where, "--ip6", `fd94::10${index}`], "sleep", "1000");
    }
    const dns = ["--dns", "10.94.0.99", "--dns", "10.94.0.53", "--dns-search", "test"];
    await start("asker", ["--network", "names", ...dns], "sleep", "1000");

    expect(await answers("twin1")).toEqual(["10.94.0.101"]);
    expect(await answers("TWIN1.names")).toEqual(["10.94.0.101"]);
    expect(await answers("+tcp", "twin1")).toEqual(["10.94.0.101"]);
    expect(await answers("twin1", "AAAA")).toEqual(["fd94::101"]);
    expect(await answers("-x", "10.94.0.101")).toEqual(["twin1.names."]);
    expect(await answers("-x", "fd94::101")).toEqual(["twin1.names."]);
    expect(await answers("both")).toEqual(["10.94.0.101", "10.94.0.102"]);
    const first = [await dig("+short", "both"), await dig("+short", "both")].map(
      (text) => text.split("\n")[0],
    );
    expect(first.toSorted()).toEqual(["10.94.0.101", "10.94.0.102"]);
    expect(await status("twin1", "MX")).toBe("NOERROR");

    expect(await answers("host.test")).toEqual(["192.0.2.80"]);
    expect(await answers("+search", "+ndots=1", "host")).toEqual(["192.0.2.80"]);
    expect(await answers("host.test", "AAAA")).toEqual(["2001:db8::80"]);
    expect(await answers("+tcp", "host.test")).toEqual(["192.0.2.80"]);
    expect(await answers("big.test", "TXT")).toEqual([BIG.map((text) => `"${text}"`).join(" ")]);
    expect(await dig("+ignore", "+noedns", "big.test", "TXT")).toMatch(/flags:[a-z ]* tc/);
    expect(await status("nosuch.test")).toBe("NXDOMAIN");
    // Neither an answer nor its absence waits for the dead server.
    for (const name of ["host.test", "nosuch.test"])
      expect(await dig("+time=1", name)).toContain("status: N");

    // Of the other network nobody is known: the server outside is asked about it.
    expect(await status("stranger.test")).toBe("NXDOMAIN");
    expect(await asked()).toContain("stranger.test");
    expect(await asked()).not.toContain("twin1");
    await docker("rm", "-f", "server", "stranger", "twin1", "twin2", "asker");
    await docker("network", "rm", "names", "elsewhere");
  });

  test("on an internal network asks nobody outside (CVE-2024-29018)", async () => {
    await docker("network", "create", "--subnet", "10.95.0.0/24", "--internal", "inside");
    await start("server", ["--network", "inside", "--ip", "10.95.0.53"], ...SERVER);
    await start("asker", ["--network", "inside", "--dns", "10.95.0.53"], "sleep", "1000");
    expect(await answers("server")).toEqual(["10.95.0.53"]);
    expect(await status("host.test")).toBe("NXDOMAIN");
    expect(await asked()).not.toContain("host.test");
    await docker("rm", "-f", "server", "asker");
    await docker("network", "rm", "inside");
  });
});
