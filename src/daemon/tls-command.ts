import { isIP } from "node:net";
import { isAbsolute, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { invalidParameter, messageOf } from "../lib/index.ts";
import { endOf, initTls, ownNames } from "./tls-init.ts";

const DEFAULT_DIRECTORY = "/etc/berth/tls";
const DEFAULT_DAYS = 825;

const HELP = `Usage:  berth daemon tls init [OPTIONS]

Make an authority, and certificates of the engine and of a client, for engines that are reached over TCP

Options:
      --days int      How long the certificates are good (${DEFAULT_DAYS})
      --dir string    Where they go (${DEFAULT_DIRECTORY})
      --force         Replace what is there
      --host list     Names and addresses that clients call the engine by (this host's)
`;

/** `berth daemon tls …`. @throws InvalidParameter @returns the exit code */
export async function tlsCommand(args: readonly string[]): Promise<number> {
  const [action, ...rest] = args;
  if (action === undefined || action === "--help" || action === "-h" || action === "help") return help();
  if (action !== "init") {
    throw invalidParameter(
      `there is no berth daemon tls ${action}, but init\nSee 'berth daemon tls --help'.`,
    );
  }
  const flags = parse(rest);
  if (flags.help === true) return help();
  const directory = resolve(flags.dir ?? DEFAULT_DIRECTORY);
  const given = (flags.host ?? []).flatMap((text) => text.split(",")).filter((name) => name !== "");
  const hosts = given.length > 0 ? [...new Set(given)] : ownNames();
  await initTls({ directory, hosts, days: daysOf(flags.days), force: flags.force === true });
  process.stdout.write(await explanation(directory, hosts));
  return 0;
}

function help(): number {
  process.stdout.write(HELP);
  return 0;
}

function parse(args: readonly string[]) {
  const options = {
    days: { type: "string" },
    dir: { type: "string" },
    force: { type: "boolean" },
    help: { type: "boolean", short: "h" },
    host: { type: "string", multiple: true },
  } as const;
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw invalidParameter(`${messageOf(error)}\nSee 'berth daemon tls init --help'.`, error);
  }
}

function daysOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_DAYS;
  const days = Number(text);
  if (/^\d+$/.test(text) && days >= 1 && days <= 3650) return days;
  throw invalidParameter(`invalid argument ${JSON.stringify(text)} for "--days" flag: expected 1 to 3650`);
}

/** What to type now, on both sides. */
async function explanation(directory: string, hosts: readonly string[]): Promise<string> {
  const file = (name: string) => word(join(directory, name));
  const address = hosts.find((host) => !/^(localhost|127\.|::1$)/.test(host)) ?? hosts[0]!;
  const url = `tcp://${isIP(address) === 6 ? `[${address}]` : address}:2376`;
  const until = await endOf(join(directory, "server-cert.pem"));
  return `Certificates for ${hosts.join(", ")}, good until ${until}, are in ${directory}.
Keep ${join(directory, "ca-key.pem")} secret: whoever has it can make himself root here.

On this host, start the engine with:
  berth daemon -H unix:///var/run/berth.sock -H tcp://0.0.0.0:2376 --tlsverify --tlscacert ${file("ca.pem")} --tlscert ${file("server-cert.pem")} --tlskey ${file("server-key.pem")}

On the client's, with the files of ${join(directory, "client")} copied to ~/.docker (docker takes the same options):
  berth --tlsverify -H ${url} version
`;
}

function word(path: string): string {
  return isAbsolute(path) && /^[\w./+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
