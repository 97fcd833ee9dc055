import { programsRootTar } from "../scripts/lib/programs-image.ts";
import { mustRun } from "../scripts/lib/shell.ts";
import { type BenchEngine, inNamespaceOf } from "./engines.ts";
import { IMAGE, type Job } from "./jobs.ts";
import { timeMs } from "./measure.ts";

const AT_ONCE = 50;

/** What the networks cost: timed as all jobs are. */
export const NETWORK_JOBS: readonly Job[] = [
  {
    name: "network create + rm",
    runs: 10,
    atMost: 0.4,
    time: (engine) =>
      timeMs(async () => {
        await engine.client("network", "create", "made");
        await engine.client("network", "rm", "made");
      }),
  },
  {
    name: "run --rm -p, network of one's own",
    runs: 15,
    atMost: 0.2,
    async time(engine) {
      await wire(engine);
      const run = ["run", "--rm", "--network", "wire", "-p", "8080:80", IMAGE, "true"];
      return timeMs(() => engine.client(...run));
    },
  },
  {
    name: `${AT_ONCE} containers on one network, made and removed`,
    runs: 3,
    atMost: 0.2,
    async time(engine) {
      await wire(engine);
      const run = ["run", "-d", "--network", "wire", IMAGE, "sleep", "1000"];
      return timeMs(async () => {
        const ids = await Promise.all(Array.from({ length: AT_ONCE }, () => engine.client(...run)));
        await engine.client("rm", "-f", ...ids.map((id) => id.trim()));
      });
    },
  },
];

/** Something of which more is better. */
export interface Rate {
  readonly name: string;
  readonly runs: number;
  /** berth's rate divided by Docker's is to be at least this. */
  readonly atLeast: number;
  /** And divided by that of a bare veth pair, where it is about bytes. */
  readonly ofBareVeth?: number;
  measure(engine: BenchEngine): Promise<number>;
}

const SECONDS = "2";
const IPERF = ["iperf3", "-J", "-t", SECONDS, "-c"];

export const RATES: readonly Rate[] = [
  {
    name: "TCP, host → published port, Gbit/s",
    runs: 31,
    atLeast: 1,
    ofBareVeth: 0.95,
    async measure(engine) {
      const { gateway } = await wire(engine);
      return gigabits(await mustRun(inNamespaceOf(engine.pid, ...IPERF, gateway)));
    },
  },
  {
    name: "TCP, host → port published on 127.0.0.1, Gbit/s",
    runs: 31,
    atLeast: 1,
    ofBareVeth: 0.95,
    async measure(engine) {
      await wire(engine);
      return gigabits(await mustRun(inNamespaceOf(engine.pid, ...IPERF, "127.0.0.1")));
    },
  },
  {
    name: "TCP, container → container, Gbit/s",
    runs: 31,
    atLeast: 1,
    ofBareVeth: 0.95,
    async measure(engine) {
      await wire(engine);
      return gigabits(await engine.client("exec", "wire-client", ...IPERF, "wire-server"));
    },
  },
  {
    name: "name look-ups by 127.0.0.11, a second",
    runs: 5,
    atLeast: 1,
    async measure(engine) {
      await wire(engine);
      const ask = `echo wire-server A >/tmp/q; dnsperf -s 127.0.0.11 -d /tmp/q -l ${SECONDS} -q 32`;
      const output = await engine.client("exec", "wire-client", "sh", "-c", ask);
      return Number(/Queries per second: +([\d.]+)/.exec(output)?.[1]);
    },
  },
];

interface Wire {
  /** The host's address on the network. */
  readonly gateway: string;
}

const wires = new Map<BenchEngine, Promise<Wire>>();

/** A network with a server and a client of iperf3 and dnsperf on it; one an engine. */
function wire(engine: BenchEngine): Promise<Wire> {
  const made = wires.get(engine) ?? makeWire(engine);
  wires.set(engine, made);
  return made;
}

async function makeWire(engine: BenchEngine): Promise<Wire> {
  const image = "bench-programs:latest";
  await engine.clientWithInput(await programsRootTar(["iperf3", "dnsperf"]), "import", "-", image);
  await engine.client("network", "create", "wire");
  const start = (name: string, ...rest: string[]) =>
    engine.client("run", "-d", "--network", "wire", "--name", name, ...rest);
  await start("wire-server", "-p", "5201:5201", image, "iperf3", "-s");
  await start("wire-client", image, "sleep", "100000");
  const gateway = await engine.client(
    ...["network", "inspect", "wire", "--format", "{{(index .IPAM.Config 0).Gateway}}"],
  );
  return { gateway: gateway.trim() };
}

function gigabits(report: string): number {
  const { end } = JSON.parse(report) as { end: { sum_received: { bits_per_second: number } } };
  return end.sum_received.bits_per_second / 1e9;
}

/** Two network namespaces and nothing but a veth pair between them: what there is to lose. */
export interface BareVeth extends AsyncDisposable {
  /** Gbit/s. */
  measure(): Promise<number>;
}

export async function bareVeth(): Promise<BareVeth> {
  const namespaces = [await namespace(), await namespace()] as const;
  const [server, client] = namespaces;
  const at = (pid: number, ...command: string[]) => mustRun(inNamespaceOf(pid, ...command));
  const link = ["ip", "link", "add", "veth0", "type", "veth", "peer", "veth0", "netns", String(client.pid)];
  await at(server.pid, ...link);
  for (const [index, { pid }] of namespaces.entries()) {
    await at(pid, "ip", "address", "add", `192.168.77.${index + 1}/24`, "dev", "veth0");
    await at(pid, "ip", "link", "set", "veth0", "up");
  }
  const listener = Bun.spawn(inNamespaceOf(server.pid, "iperf3", "-s"), { stdout: "ignore" });
  return {
    measure: async () => gigabits(await at(client.pid, ...IPERF, "192.168.77.1")),
    async [Symbol.asyncDispose]() {
      for (const child of [listener, ...namespaces]) {
        child.kill("SIGKILL");
        await child.exited;
      }
    },
  };
}

/** A process that holds one; it says so once it is there. */
async function namespace(): Promise<Bun.Subprocess> {
  const command = ["unshare", "--net", "--", "sh", "-c", "ip link set lo up; echo ready; exec sleep 100000"];
  const child = Bun.spawn(command, { stdout: "pipe" });
  await child.stdout.getReader().read();
  return child;
}
