// Networks, driven by the real client: what there is, who is on them, who reaches whom and by which names.
import { describe, expect, test } from "bun:test";
import { AGAINST_DOCKER, IMAGE } from "../support/engine.ts";
import { useEngine } from "../support/suite.ts";

const { engine, docker, dockerResult, inspect, eventually } = useEngine();

/** A container that does nothing, or runs a shell script. */
const idle = (name: string, ...options: string[]) =>
  docker("run", "-d", "--name", name, ...options, IMAGE, "sleep", "1000");
const web = (name: string, ...options: string[]) =>
  docker(
    "run",
    "-d",
    "--name",
    name,
    ...options,
    IMAGE,
    "sh",
    "-c",
    `echo ${name} >/www/index.html; exec httpd -f -h /www`,
  );
const within = (name: string, script: string) => docker("exec", name, "sh", "-c", script);

/** Addresses that a container gets for a name, in order of size; none where there is no such name. */
async function lookUp(container: string, name: string, type = "a"): Promise<string[]> {
  const { stdout } = await dockerResult(["exec", container, "nslookup", `-type=${type}`, name]);
  return [...stdout.matchAll(/^Address: (\S+)$/gm)].map((match) => match[1]!).sort();
}

/** The first line of a page, or `nothing`. */
async function page(container: string, target: string): Promise<string> {
  const get = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 2 ${target} 80 | tail -n 1`;
  return (await dockerResult(["exec", container, "sh", "-c", get])).stdout.trim() || "nothing";
}

const onNetwork = (name: string, what: string, network: string) =>
  inspect(name, `{{with index .NetworkSettings.Networks "${network}"}}{{.${what}}}{{end}}`);
const networksOf = (name: string) =>
  inspect(name, "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}").then((text) =>
    text.trim(),
  );
const defaultRoute = (name: string) => within(name, "ip route | grep default || true");

const fails = async (...args: string[]) => {
  const result = await dockerResult(args);
  expect(result.code, args.join(" ")).not.toBe(0);
  return result.stderr.trim();
};

describe("network create, ls, inspect, rm, prune", () => {
  test("a network has what was asked for, is listed, and goes", async () => {
    const id = await docker(
      ...["network", "create", "--subnet", "10.91.0.0/24", "--ip-range", "10.91.0.128/25"],
      ...["--gateway", "10.91.0.254", "--aux-address", "printer=10.91.0.130", "--label", "team=a"],
      ...["-o", "com.docker.network.driver.mtu=1400", "asked"],
    );
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    const shown = await docker(
      ...["network", "inspect", "asked", "--format"],
      "{{.Driver}} {{.Scope}} {{.Internal}} {{.EnableIPv6}} {{json .Labels}} {{json .IPAM.Config}}",
    );
    expect(shown).toBe(
      'bridge local false false {"team":"a"} [{"Subnet":"10.91.0.0/24","IPRange":"10.91.0.128/25","Gateway":"10.91.0.254","AuxiliaryAddresses":{"printer":"10.91.0.130"}}]',
    );
    await idle("in-asked", "--network", "asked");
    await idle("in-asked-2", "--network", "asked");
    const addresses = await Promise.all(
      ["in-asked", "in-asked-2"].map((name) => onNetwork(name, "IPAddress", "asked")),
    );
    for (const address of addresses) expect(Number(address.split(".").at(-1))).toBeGreaterThanOrEqual(128);
    expect(addresses).not.toContain("10.91.0.130");
    expect(await within("in-asked", "cat /sys/class/net/eth0/mtu")).toBe("1400");
    expect(await defaultRoute("in-asked")).toContain("via 10.91.0.254");
    const list = (filter: string) =>
      docker("network", "ls", "--filter", filter, "--format", "{{.Name}} {{.Driver}}");
    expect(await list("label=team=a")).toBe("asked bridge");
    expect(await list("driver=host")).toBe("host host");
    expect(await list("name=ske")).toBe("asked bridge");
    expect((await list("type=builtin")).split("\n").sort()).toEqual([
      "bridge bridge",
      "host host",
      "none null",
    ]);
    expect(await fails("network", "rm", "asked")).toContain("has active endpoints");
    await docker("rm", "-f", "in-asked", "in-asked-2");
    expect(await docker("network", "rm", id.slice(0, 12))).toBe(id.slice(0, 12));
    expect(await fails("network", "inspect", "asked")).toMatch(
      /network asked not found|No such network: asked/,
    );
  });

  test("what makes no sense is refused in Docker's words", async () => {
    await docker("network", "create", "--subnet", "10.92.0.0/24", "first");
    expect(await fails("network", "create", "first")).toContain("network with name first already exists");
    expect(await fails("network", "create", "--subnet", "10.92.0.0/25", "overlap")).toContain(
      "Pool overlaps with other one on this address space",
    );
    // Docker looks for a plugin for a quarter of a minute first.
    if (!AGAINST_DOCKER) {
      expect(await fails("network", "create", "-d", "nosuch", "x")).toMatch(/plugin.*nosuch/);
    }
    expect(await fails("network", "create", "-d", "host", "x")).toMatch(
      /only one instance of "host" network is allowed/,
    );
    // What would have to be encrypted is not made without (CVE-2023-28840).
    expect(await fails("network", "create", "-d", "overlay", "-o", "encrypted", "x")).toContain("swarm");
    expect(await fails("network", "create", "--ingress", "x")).toMatch(/ingress|swarm/i);
    expect(await fails("network", "create", "--scope", "swarm", "x")).toMatch(/swarm|scope/);
    for (const name of ["bridge", "host", "none"]) {
      expect(await fails("network", "rm", name)).toContain(
        `${name} is a pre-defined network and cannot be removed`,
      );
    }
    expect(await fails("network", "rm", "nosuch")).toMatch(
      /network nosuch not found|No such network: nosuch/,
    );
    await docker("network", "rm", "first");
  });

  test("prune takes what nobody uses", async () => {
    await docker("network", "create", "unused");
    await docker("network", "create", "used");
    await idle("user", "--network", "used");
    expect(await docker("network", "prune", "-f", "--filter", "until=1h")).toBe("");
    expect(await docker("network", "prune", "-f", "--filter", "label=team")).toBe("");
    expect(await fails("network", "prune", "-f", "--filter", "colour=red")).toContain(
      "invalid filter 'colour'",
    );
    const pruned = await docker("network", "prune", "-f");
    expect(pruned).toContain("unused");
    expect(pruned).not.toContain("\nused");
    await docker("rm", "-f", "user");
    await docker("network", "rm", "used");
  });
});

describe("a network that is only a configuration", () => {
  test("is what others are made of, and is kept while there are such", async () => {
    await docker(
      ...["network", "create", "--config-only", "--subnet", "10.97.0.0/24", "--gateway", "10.97.0.254"],
      ...["--label", "team=a", "-o", "com.docker.network.driver.mtu=1400", "cfg"],
    );
    const shown =
      "{{.ConfigOnly}} {{.ConfigFrom.Network}} {{.Driver}} {{.Scope}} {{(index .IPAM.Config 0).Subnet}}";
    expect(await docker("network", "inspect", "cfg", "--format", shown)).toBe(
      "true  null local 10.97.0.0/24",
    );
    await docker("network", "create", "--config-from", "cfg", "made");
    const options = '{{index .Options "com.docker.network.driver.mtu"}} {{.Labels.team}}';
    expect(await docker("network", "inspect", "made", "--format", `${shown} ${options}`)).toBe(
      "false cfg bridge local 10.97.0.0/24 1400 a",
    );
    await idle("on-made", "--network", "made");
    expect(await onNetwork("on-made", "IPAddress", "made")).toBe("10.97.0.1");
    expect(await onNetwork("on-made", "Gateway", "made")).toBe("10.97.0.254");
    expect(await fails("network", "create", "--config-from", "cfg", "again")).toContain("Pool overlaps");
    expect(await fails("network", "rm", "cfg")).toContain('configuration network "cfg" is in use');
    await docker("rm", "-f", "on-made");
    await docker("network", "rm", "made");
    await docker("network", "prune", "-f");
    await docker("network", "rm", "cfg");
  });

  test("nobody is on it, and it goes on after a restart", async () => {
    await docker("network", "create", "--config-only", "--subnet", "10.97.1.0/24", "cfg");
    await idle("lonely");
    const refused = "cannot create endpoint on configuration-only network";
    expect(await fails("network", "connect", "cfg", "lonely")).toContain(refused);
    expect(await fails("run", "--rm", "--network", "cfg", IMAGE, "true")).toContain(refused);
    await docker("rm", "-f", "lonely");
    if (!AGAINST_DOCKER) {
      await engine().stop();
      await engine().start();
    }
    await docker("network", "create", "--config-from", "cfg", "made");
    await docker("network", "rm", "made", "cfg");
  });

  test("what contradicts itself is refused in Docker's words", async () => {
    await docker("network", "create", "--config-only", "cfg");
    const refusals: [string[], string][] = [
      [["--config-from", "nosuch", "x"], 'configuration network "nosuch" does not exist'],
      [["--config-from", "bridge", "x"], 'configuration network "bridge" does not exist'],
      [
        ["--config-only", "--internal", "x"],
        "configuration network can only contain network specific fields",
      ],
      [
        ["--config-only", "--attachable", "x"],
        "configuration network can only contain network specific fields",
      ],
      [["--config-only", "--config-from", "cfg", "x"], "cannot depend on another configuration network"],
      [
        ["--config-from", "cfg", "--subnet", "10.98.0.0/24", "x"],
        "user specified configurations are not supported",
      ],
      [["--config-from", "cfg", "--label", "a=b", "x"], "user specified configurations are not supported"],
      [["--config-from", "cfg", "-o", "a=b", "x"], "network driver options are not supported"],
    ];
    for (const [args, words] of refusals) expect(await fails("network", "create", ...args)).toContain(words);
    await docker("network", "rm", "cfg");
  });
});

describe("names", () => {
  test("container name, short id, alias, in either case; several of one alias; nobody of another network", async () => {
    await docker("network", "create", "names");
    await docker("network", "create", "apart");
    const id = await web("one", "--network", "names", "--network-alias", "both");
    await web("two", "--network", "names", "--network-alias", "both", "--hostname", "zwei");
    await web("stranger", "--network", "apart");
    const [one, two] = await Promise.all(["one", "two"].map((name) => onNetwork(name, "IPAddress", "names")));
    expect(await lookUp("one", "two")).toEqual([two!]);
    expect(await lookUp("one", "TWO")).toEqual([two!]);
    expect(await lookUp("two", id.slice(0, 12))).toEqual([one!]);
    expect(await lookUp("two", "both")).toEqual([one!, two!].sort());
    expect(await lookUp("one", "stranger")).toEqual([]);
    await eventually(() => page("one", "two"), "two");
    expect(await page("one", await onNetwork("stranger", "IPAddress", "apart"))).toBe("nothing");
    const back = await within("one", `nslookup ${two}`);
    expect(back).toContain("two.names");
    await docker("rename", "two", "renamed");
    expect(await lookUp("one", "renamed")).toEqual([two!]);
    const listed = await docker(
      "network",
      "inspect",
      "names",
      "--format",
      "{{range .Containers}}{{.Name}} {{end}}",
    );
    expect(listed.trim().split(" ").sort()).toEqual(["one", "renamed"]);
    if (!AGAINST_DOCKER) expect(await lookUp("one", "two")).toEqual([]);
    await docker("rm", "-f", "one", "renamed", "stranger");
    await docker("network", "rm", "names", "apart");
  });

  test("--link gives a neighbour another name on a network, and environment on the default one", async () => {
    await docker("network", "create", "linked");
    await web("target", "--network", "linked");
    await idle("caller", "--network", "linked", "--link", "target:store");
    await eventually(() => page("caller", "store"), "target");
    expect(await within("caller", "env")).not.toContain("STORE");
    await docker("rm", "-f", "target", "caller");
    await docker("network", "rm", "linked");

    await docker("run", "-d", "--name", "db", "-e", "MODE=x", "--expose", "5432", IMAGE, "sleep", "1000");
    await idle("app", "--link", "db:store");
    const address = await onNetwork("db", "IPAddress", "bridge");
    const environment = await docker("exec", "app", "env");
    expect(environment).toContain(`STORE_PORT_5432_TCP_ADDR=${address}`);
    expect(environment).toContain("STORE_NAME=/app/store");
    expect(environment).toContain("STORE_ENV_MODE=x");
    expect(await within("app", "grep store /etc/hosts")).toStartWith(`${address}\t`);
    await docker("rm", "-f", "db", "app");
  });

  test("a linked container that comes back under another address is known by it, also after the daemon's restart", async () => {
    await idle("moving", "--expose", "80");
    await idle("fixed", "--link", "moving:mover");
    const known = () => within("fixed", "grep mover /etc/hosts | cut -f 1");
    const move = async (filler: string) => {
      const before = await onNetwork("moving", "IPAddress", "bridge");
      await docker("stop", "-t", "0", "moving");
      for (let at = 0; (await inspect("moving", "{{.State.Running}}")) === "false" && at < 300; at++) {
        await idle(`${filler}-${at}`);
        if ((await onNetwork(`${filler}-${at}`, "IPAddress", "bridge")) === before || !AGAINST_DOCKER) break;
      }
      await docker("start", "moving");
      expect(await known()).toBe(await onNetwork("moving", "IPAddress", "bridge"));
    };
    await move("filler");
    if (!AGAINST_DOCKER) {
      await engine().kill();
      await engine().start();
      await move("later");
      await docker("restart", "-t", "0", "fixed");
      const address = await onNetwork("moving", "IPAddress", "bridge");
      expect(await docker("exec", "fixed", "env")).toContain(`MOVER_PORT_80_TCP_ADDR=${address}`);
    }
    const ids = (await docker("ps", "-aq")).split("\n");
    await docker("rm", "-f", ...ids);
  });
});

describe("connect and disconnect", () => {
  test("a running container is on one more network at once, with name, address, route and files", async () => {
    await docker("network", "create", "--subnet", "10.93.0.0/24", "more");
    await web("neighbour", "--network", "more");
    await idle("runs");
    const bridge = await onNetwork("runs", "IPAddress", "bridge");
    const route = await defaultRoute("runs");
    expect(await within("runs", "cat /etc/resolv.conf")).not.toContain("127.0.0.11");
    await docker("network", "connect", "--ip", "10.93.0.77", "--alias", "runner", "more", "runs");
    expect(await networksOf("runs")).toBe("bridge more");
    expect(await onNetwork("runs", "IPAddress", "more")).toBe("10.93.0.77");
    expect(await within("runs", "cat /etc/hosts")).toMatch(
      new RegExp(`^${bridge}\\t.*\n10\\.93\\.0\\.77\\t`, "m"),
    );
    expect(await within("runs", "cat /etc/resolv.conf")).toContain("nameserver 127.0.0.11");
    await eventually(() => page("runs", "neighbour"), "neighbour");
    expect(await lookUp("neighbour", "runner")).toEqual(["10.93.0.77"]);
    // The way out stays what it was: of equal networks the first by name.
    expect(await defaultRoute("runs")).toBe(route);
    const members = await docker(
      "network",
      "inspect",
      "more",
      "--format",
      "{{range .Containers}}{{.Name}}={{.IPv4Address}} {{end}}",
    );
    expect(members).toContain("runs=10.93.0.77/24");
    expect(await fails("network", "connect", "more", "runs")).toContain(
      "endpoint with name runs already exists in network more",
    );

    await docker("network", "disconnect", "more", "runs");
    expect(await networksOf("runs")).toBe("bridge");
    expect(await within("runs", "cat /etc/hosts")).not.toContain("10.93.0.77");
    expect(await within("runs", "ls /sys/class/net")).not.toContain("eth1");
    expect(await lookUp("neighbour", "runner")).toEqual([]);
    expect(await page("runs", "neighbour")).toBe("nothing");
    await docker("rm", "-f", "neighbour", "runs");
    await docker("network", "rm", "more");
  });

  test("the last network of the way out takes it along, and published ports follow", async () => {
    await docker("network", "create", "--subnet", "10.94.0.0/24", "next");
    await web("published", "-p", "127.0.0.1::80");
    const port = async () => (await docker("port", "published", "80/tcp")).split(":").at(-1);
    const first = await port();
    await docker("network", "connect", "next", "published");
    await docker("network", "disconnect", "bridge", "published");
    expect(await defaultRoute("published")).toContain("via 10.94.0.1");
    expect(await networksOf("published")).toBe("next");
    if (!AGAINST_DOCKER) {
      expect(await port()).toBe(first);
      const get = async () =>
        (
          await (
            await fetch(`http://127.0.0.1:${first}/`, { keepalive: false }).catch(() => new Response(""))
          ).text()
        ).trim();
      await eventually(get, "published");
      await docker("network", "connect", "bridge", "published");
      expect(await defaultRoute("published")).not.toContain("10.94.0.1");
      await eventually(get, "published");
    }
    await docker("rm", "-f", "published");
    await docker("network", "rm", "next");
  });

  test("what was changed is kept by a restart, of the container and of the daemon", async () => {
    await docker("network", "create", "--subnet", "10.95.0.0/24", "kept");
    await idle("keeper");
    await docker("network", "connect", "--ip", "10.95.0.9", "kept", "keeper");
    await docker("network", "disconnect", "bridge", "keeper");
    const agrees = async () => {
      expect(await networksOf("keeper")).toBe("kept");
      expect(await within("keeper", "ip -4 -o address show scope global | awk '{print $4}'")).toBe(
        "10.95.0.9/24",
      );
      expect(await within("keeper", "tail -n 1 /etc/hosts")).toStartWith("10.95.0.9\t");
      expect(await lookUp("keeper", "keeper")).toEqual(["10.95.0.9"]);
    };
    await agrees();
    await docker("restart", "-t", "0", "keeper");
    await agrees();
    if (!AGAINST_DOCKER) {
      await engine().kill();
      await engine().start();
      await agrees();
      await docker("restart", "-t", "0", "keeper");
      await agrees();
    }
    await docker("rm", "-f", "keeper");
    await docker("network", "rm", "kept");
  });

  test("a restart keeps the address that the engine chose", async () => {
    await docker("network", "create", "steady");
    await idle("steady-a", "--network", "steady");
    await idle("steady-b", "--network", "steady");
    const before = await onNetwork("steady-b", "IPAddress", "steady");
    await docker("restart", "-t", "0", "steady-b");
    expect(await onNetwork("steady-b", "IPAddress", "steady")).toBe(before);
    await docker("rm", "-f", "steady-a", "steady-b");
    await docker("network", "rm", "steady");
  });

  test("one that was only created, or is stopped, is connected when it starts", async () => {
    await docker("network", "create", "one");
    await docker("network", "create", "two");
    await docker("create", "--name", "later", "--network", "one", IMAGE, "sleep", "1000");
    await docker("network", "connect", "two", "later");
    await docker("network", "connect", "two", "later");
    expect(await networksOf("later")).toBe("one two");
    await docker("start", "later");
    expect(await within("later", "ls /sys/class/net | grep -c eth")).toBe("2");
    await docker("stop", "-t", "0", "later");
    const before = Date.now() / 1000;
    await docker("network", "disconnect", "one", "later");
    expect(await networksOf("later")).toBe("two");
    const told = ["--since", `${before}`, "--until", `${Date.now() / 1000}`, "--filter", "type=network"];
    expect(await docker("events", ...told, "--format", "{{.Action}} {{.Actor.Attributes.name}}")).toBe(
      "disconnect one",
    );
    expect(await fails("network", "disconnect", "one", "later")).toContain(
      "is not connected to the network one",
    );
    await docker("network", "rm", "one");
    await docker("start", "later");
    expect(await networksOf("later")).toBe("two");
    await docker("network", "disconnect", "two", "later");
    expect(await networksOf("later")).toBe("");
    await docker("restart", "-t", "0", "later");
    expect(await within("later", "ls /sys/class/net")).toBe("lo");
    await docker("rm", "-f", "later");
    await docker("network", "rm", "two");
  });

  test("one whose network is gone starts once it is taken off it", async () => {
    await docker("network", "create", "gone");
    await docker("create", "--name", "orphan", "--network", "gone", IMAGE, "sleep", "1000");
    await docker("network", "rm", "gone");
    expect(await fails("start", "orphan")).toContain("not found");
    await docker("network", "connect", "bridge", "orphan");
    await docker("network", "disconnect", "-f", "gone", "orphan");
    await docker("start", "orphan");
    expect(await networksOf("orphan")).toBe("bridge");
    await docker("rm", "-f", "orphan");
  });

  test("what cannot be is refused in Docker's words", async () => {
    await docker("network", "create", "--subnet", "10.96.0.0/24", "some");
    await docker("network", "create", "other");
    await idle("plain");
    await idle("hosted", "--network", "host");
    await idle("alone", "--network", "none");
    await idle("shared", "--network", "container:plain");
    const refusals: [string[], RegExp][] = [
      [["connect", "nosuch", "plain"], /network nosuch not found/],
      [["connect", "some", "nosuch"], /No such container: nosuch/],
      [["connect", "host", "plain"], /host network/],
      [["connect", "none", "plain"], /multiple networks with one of the networks in private \(none\) mode/],
      [["connect", "some", "alone"], /multiple networks with one of the networks in private \(none\) mode/],
      [
        ["connect", "some", "hosted"],
        /container sharing network namespace with another container or host cannot/,
      ],
      [
        ["connect", "some", "shared"],
        /container sharing network namespace with another container or host cannot/,
      ],
      [["connect", "--ip", "1.2.3.4", "some", "plain"], /1\.2\.3\.4/],
      [["disconnect", "some", "plain"], /container [0-9a-f]{64} is not connected to network some/],
      [["disconnect", "nosuch", "plain"], /network nosuch not found/],
      [["disconnect", "-f", "some", "nosuch"], /endpoint nosuch not found/],
      [
        ["disconnect", "-f", "nosuch", "plain"],
        /container [0-9a-f]{64} is not connected to the network nosuch/,
      ],
      [["disconnect", "host", "hosted"], /host network/],
      [["disconnect", "some", "shared"], /is not connected to network some/],
    ];
    for (const [args, words] of refusals) expect(await fails("network", ...args)).toMatch(words);
    // Docker 20.10 keeps the network whose connection it has refused.
    if (!AGAINST_DOCKER) expect(await networksOf("plain")).toBe("bridge");
    await docker("network", "disconnect", "bridge", "plain");
    expect(await fails("network", "connect", "--alias", "x", "bridge", "plain")).toContain("user");
    expect(await fails("network", "connect", "--ip", "10.0.0.9", "bridge", "plain")).toContain(
      "user specified IP address is supported on user defined networks only",
    );
    await docker("network", "connect", "bridge", "plain");
    await docker("network", "connect", "--ip", "10.96.0.9", "some", "plain");
    await idle("second");
    expect(await fails("network", "connect", "--ip", "10.96.0.9", "some", "second")).toContain(
      "Address already in use",
    );
    // An isolated one may leave its isolation.
    await docker("network", "disconnect", "none", "alone");
    await docker("network", "connect", "some", "alone");
    expect(await networksOf("alone")).toBe("some");
    await docker("rm", "-f", "plain", "hosted", "alone", "shared", "second");
    await docker("network", "rm", "some", "other");
  });

  test("statuses are Docker's", async () => {
    await docker("network", "create", "codes");
    const id = await idle("subject", "--network", "codes");
    const status = async (network: string, verb: string, body: unknown) =>
      (await engine().api("POST", `/networks/${network}/${verb}`, body)).status;
    expect(await status("codes", "connect", { Container: id })).toBe(403);
    expect(await status("nosuch", "connect", { Container: id })).toBe(404);
    expect(await status("codes", "connect", { Container: "nosuch" })).toBe(404);
    expect(await status("host", "connect", { Container: id })).toBe(400);
    expect(await status("none", "connect", { Container: id })).toBe(400);
    expect(await status("bridge", "disconnect", { Container: id })).toBe(500);
    expect(await status("nosuch", "disconnect", { Container: id })).toBe(404);
    expect(await status("codes", "disconnect", { Container: id })).toBe(200);
    expect(await status("codes", "connect", { Container: id })).toBe(200);
    await docker("rm", "-f", id);
    await docker("network", "rm", "codes");
  });

  test("events tell of it", async () => {
    const id = await idle("teller");
    const since = String(Date.now() / 1000);
    const network = await docker("network", "create", "told");
    await docker("network", "connect", "told", "teller");
    await docker("network", "disconnect", "told", "teller");
    await docker("network", "rm", "told");
    const until = String(Date.now() / 1000 + 1);
    const format = "{{.Action}} {{.Actor.ID}} {{json .Actor.Attributes}} {{.Scope}}";
    const events = await docker(
      ...["events", "--since", since, "--until", until, "--filter", "type=network", "--format", format],
    );
    const attributes = JSON.stringify({ name: "told", type: "bridge" });
    const withContainer = JSON.stringify({ container: id, name: "told", type: "bridge" });
    // Docker 20.10 tells of a disconnect twice.
    expect([...new Set(events.split("\n"))]).toEqual([
      `create ${network} ${attributes} local`,
      `connect ${network} ${withContainer} local`,
      `disconnect ${network} ${withContainer} local`,
      `destroy ${network} ${attributes} local`,
    ]);
    await docker("rm", "-f", id);
  });

  test("a paused container is connected too, and --link-local-ip is one more address", async () => {
    await docker("network", "create", "frozen");
    await idle("ice");
    await docker("pause", "ice");
    await docker("network", "connect", "--link-local-ip", "169.254.77.5", "frozen", "ice");
    await docker("unpause", "ice");
    expect(await within("ice", "ip -4 -o address show eth1")).toContain("169.254.77.5/16");
    await docker("rm", "-f", "ice");
    await docker("network", "rm", "frozen");
  });
});

describe("apart and together", () => {
  test("internal: neighbours, but nothing outside", async () => {
    await docker("network", "create", "--internal", "cell");
    await web("mate", "--network", "cell");
    await web("outside");
    await idle("prisoner", "--network", "cell");
    await eventually(() => page("prisoner", "mate"), "mate");
    // Docker 20.10 gives it a way that leads nowhere.
    if (!AGAINST_DOCKER) expect(await defaultRoute("prisoner")).toBe("");
    expect(await page("prisoner", await onNetwork("outside", "IPAddress", "bridge"))).toBe("nothing");
    expect(await page("outside", await onNetwork("mate", "IPAddress", "cell"))).toBe("nothing");
    await docker("rm", "-f", "mate", "outside", "prisoner");
    await docker("network", "rm", "cell");
  });

  test.skipIf(AGAINST_DOCKER)(
    "without inter-container communication neighbours do not reach one another",
    async () => {
      await docker("network", "create", "-o", "com.docker.network.bridge.enable_icc=false", "silent");
      await web("hermit", "--network", "silent");
      await idle("visitor", "--network", "silent");
      await eventually(() => page("hermit", "localhost"), "hermit");
      expect(await page("visitor", "hermit")).toBe("nothing");
      await docker("rm", "-f", "hermit", "visitor");
      await docker("network", "rm", "silent");
    },
  );

  test("IPv6 beside IPv4, with an address of one's own", async () => {
    await docker("network", "create", "--ipv6", "--subnet", "fd00:db8:77::/64", "six");
    await idle("v6a", "--network", "six", "--ip6", "fd00:db8:77::77");
    await idle("v6b", "--network", "six");
    expect(await onNetwork("v6a", "GlobalIPv6Address", "six")).toBe("fd00:db8:77::77");
    expect(await lookUp("v6b", "v6a", "aaaa")).toEqual(["fd00:db8:77::77"]);
    expect(await within("v6b", "ping -6 -c 1 -w 5 fd00:db8:77::77")).toContain("1 packets received");
    await idle("v6c");
    await docker("network", "connect", "--ip6", "fd00:db8:77::99", "six", "v6c");
    expect(await within("v6c", "ping -6 -c 1 -w 5 fd00:db8:77::77")).toContain("1 packets received");
    await docker("rm", "-f", "v6a", "v6b", "v6c");
    await docker("network", "rm", "six");
  });
});
