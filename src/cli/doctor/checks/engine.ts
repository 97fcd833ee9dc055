import { VERSION } from "../../../lib/index.ts";
import type { SystemInfo, SystemVersion } from "../../../wire/index.ts";
import { type Check, type Finding, fail, ok, warn } from "../finding.ts";
import type { Host } from "../host.ts";
import { CONFIG_FILE, engineConfig } from "./engine-config.ts";

/** What came of asking the engine. */
export interface EngineFacts {
  /** As Docker prints it: `unix:///var/run/berth.sock`. */
  readonly address: string;
  /** The path of its socket; absent where it is reached by TCP or ssh. */
  readonly socket?: string;
  readonly version?: SystemVersion;
  readonly info?: SystemInfo;
  /** Why it did not answer; `code` as of connect(2). */
  readonly failure?: { readonly code?: string; readonly message: string };
}

export function engineChecks(facts: EngineFacts): readonly Check[] {
  return [
    (host) => reached(host, facts),
    (host) => socket(host, facts),
    (host) => plainTcp(host),
    () => (facts.info?.Warnings ?? []).map(ownWarning),
  ];
}

function reached(host: Host, { address, version, failure }: EngineFacts): Finding {
  const id = "engine.reached";
  if (version !== undefined) return versions(id, address, version);
  const code = failure?.code ?? "";
  if (code === "EACCES" || code === "EPERM") {
    return fail(
      id,
      `this user may not use ${address}`,
      "only root and the socket's group may: whoever uses it is root on this host",
      "sudo usermod -aG berth $USER # then log in again",
      "# or run berth by sudo",
    );
  }
  const isNobody = code === "ENOENT" || code === "ECONNREFUSED";
  if (!isNobody)
    return fail(
      id,
      `no engine answers at ${address}: ${failure?.message ?? "no reason was given"}`,
      "nothing can be done without one",
      "berth -D version",
    );
  const isInstalled = host.status("/etc/systemd/system/berth.service") !== undefined;
  return warn(
    id,
    `no engine runs at ${address}`,
    "root's client starts one when it needs it; others cannot",
    isInstalled ? "systemctl start berth" : "berth install # or by hand: berth daemon",
  );
}

function versions(id: string, address: string, { Version, Platform }: SystemVersion): Finding {
  const text = `an engine answers at ${address}: ${Platform?.Name || "version"} ${Version}`;
  const isOwn = /berth/i.test(Platform?.Name ?? "");
  if (!isOwn || Version === VERSION) return ok(id, text);
  return warn(
    id,
    `${text}, and this client is ${VERSION}`,
    "what is new in one of them the other does not know",
    "systemctl restart berth # containers go on meanwhile",
  );
}

function socket(host: Host, facts: EngineFacts): Finding | undefined {
  const id = "engine.socket";
  const status = facts.socket === undefined ? undefined : host.status(facts.socket);
  if (status?.kind !== "socket") return undefined;
  const mode = status.mode.toString(8).padStart(4, "0");
  if ((status.mode & 0o006) !== 0) {
    return fail(
      id,
      `everybody on this host may use ${facts.socket} (mode ${mode})`,
      "whoever uses it is root on this host",
      `chmod 660 ${facts.socket}`,
    );
  }
  const group = groupOf(host, status.gid);
  const may = group === undefined ? `group ${status.gid}` : `group ${group.name}${members(group.members)}`;
  return ok(id, `${facts.socket} is for root and ${may}`);
}

const members = (names: readonly string[]) =>
  names.length === 0 ? ", which is empty" : ` (${names.join(", ")})`;

function groupOf(host: Host, gid: number): { name: string; members: string[] } | undefined {
  for (const line of (host.read("/etc/group") ?? "").split("\n")) {
    const [name = "", , id, list = ""] = line.split(":");
    if (id === String(gid)) return { name, members: list.split(",").filter((each) => each !== "") };
  }
  return undefined;
}

function plainTcp(host: Host): Finding | undefined {
  const { hosts, tls } = engineConfig(host);
  if (tls !== false || !Array.isArray(hosts)) return undefined;
  const open = hosts.filter((each) => /^tcp:\/\/(?!127\.|localhost|\[::1\])./.test(String(each)));
  if (open.length === 0) return undefined;
  return fail(
    "engine.plain-tcp",
    `${CONFIG_FILE} has the engine listen on ${open.join(", ")} without TLS`,
    "whoever reaches that address is root on this host",
    "berth daemon tls init",
    '# then put "tlsverify": true and the files into daemon.json, or use ssh://',
  );
}

function ownWarning(text: string): Finding {
  const said = text.replace(/^WARNING: /, "");
  return warn(
    "engine.warning",
    `the engine says: ${said}`,
    "options that need it are refused, or without effect",
    "berth info",
  );
}
