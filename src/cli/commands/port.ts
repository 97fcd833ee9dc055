import { hostPort } from "../lists/containers.ts";
import { naturalOrder } from "../show/natural-order.ts";
import { between, defineCommand } from "../spec.ts";
import { parseUint } from "../text/numbers.ts";

export const command = defineCommand({
  summary: "Show where a container's ports are published",
  usage: "CONTAINER [PRIVATE_PORT[/PROTO]]",
  arity: between(1, 2),
  complete: "containers",
  flags: {},
  async run({ cli, args }) {
    const [ref = "", wanted] = args;
    const { NetworkSettings } = await (await cli.engine()).containers.inspect(ref);
    const ports = Object.entries(NetworkSettings.Ports ?? {});
    const lines =
      wanted === undefined || wanted === ""
        ? ports.flatMap(([port, bindings]) => addresses(bindings).map((address) => `${port} -> ${address}`))
        : addressesOf(ref, wanted, Object.fromEntries(ports));
    if (lines.length > 0) cli.line(lines.sort(naturalOrder).join("\n"));
  },
});

type Bindings = readonly { HostIp?: string; HostPort?: string }[] | null | undefined;

function addressesOf(ref: string, wanted: string, ports: Readonly<Record<string, Bindings>>): string[] {
  const [port = "", protocol = "tcp"] = wanted.split("/", 2);
  try {
    parseUint(port, 16);
  } catch (error) {
    throw new Error(`Error: invalid port (${port}): ${(error as Error).message}`, { cause: error });
  }
  const found = addresses(ports[`${port}/${protocol === "" ? "tcp" : protocol}`]);
  if (found.length === 0) throw new Error(`Error: No public port '${wanted}' published for ${ref}`);
  return found;
}

function addresses(bindings: Bindings): string[] {
  return (bindings ?? []).map(({ HostIp = "", HostPort = "" }) => hostPort(HostIp, HostPort));
}
