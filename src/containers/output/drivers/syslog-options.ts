import { existsSync } from "node:fs";
import { invalidParameter } from "../../../lib/index.ts";
import type { Options } from "../settings.ts";

const FACILITIES: Readonly<Record<string, number>> = {
  ...{ kern: 0, user: 1, mail: 2, daemon: 3, auth: 4, syslog: 5, lpr: 6, news: 7, uucp: 8, cron: 9 },
  ...{ authpriv: 10, ftp: 11, local0: 16, local1: 17, local2: 18, local3: 19, local4: 20, local5: 21 },
  ...{ local6: 22, local7: 23 },
};

const FORMATS = ["", "rfc3164", "rfc5424", "rfc5424micro"] as const;
export type SyslogFormat = (typeof FORMATS)[number];

export type SyslogAddress =
  | { readonly kind: "local" }
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "unixgram"; readonly path: string }
  | { readonly kind: "udp"; readonly host: string; readonly port: number }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "tls"; readonly host: string; readonly port: number };

export interface SyslogOptions {
  readonly address: SyslogAddress;
  /** 0 … 23; a message's priority is 8 × this + its severity. */
  readonly facility: number;
  readonly format: SyslogFormat;
  readonly tls: {
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    readonly skipVerify: boolean;
  };
}

/** @throws InvalidParameter in Docker's words */
export function syslogOptions(options: Options): SyslogOptions {
  return {
    address: parseAddress(options["syslog-address"] ?? ""),
    facility: parseFacility(options["syslog-facility"] ?? ""),
    format: parseFormat(options["syslog-format"] ?? ""),
    tls: {
      ca: options["syslog-tls-ca-cert"],
      cert: options["syslog-tls-cert"],
      key: options["syslog-tls-key"],
      // Its presence counts, whatever its value, as in Docker.
      skipVerify: options["syslog-tls-skip-verify"] !== undefined,
    },
  };
}

/** For a new container, a socket that is not there is refused too; one that goes away later is waited for. */
export function checkSyslog(options: Options): void {
  const { address } = syslogOptions(options);
  if ((address.kind === "unix" || address.kind === "unixgram") && !existsSync(address.path)) {
    throw invalidParameter(`stat ${address.path}: no such file or directory`);
  }
}

function parseAddress(text: string): SyslogAddress {
  if (text === "") return { kind: "local" };
  const [, scheme = "", rest = ""] = /^([^:]*):\/\/(.*)$/.exec(text) ?? [];
  if (scheme === "unix" || scheme === "unixgram") return { kind: scheme, path: rest };
  if (scheme === "udp" || scheme === "tcp") return { kind: scheme, ...hostAndPort(text) };
  if (scheme === "tcp+tls") return { kind: "tls", ...hostAndPort(text) };
  throw invalidParameter(`unsupported scheme: '${scheme}'`);
}

function hostAndPort(text: string): { host: string; port: number } {
  const url = URL.parse(text.replace(/^[^:]*/, "tcp"));
  if (url === null) throw invalidParameter(`invalid syslog-address (${text})`);
  return {
    host: url.hostname.replace(/^\[|\]$/g, "") || "localhost",
    port: url.port === "" ? 514 : Number(url.port),
  };
}

function parseFacility(text: string): number {
  if (text === "") return FACILITIES["daemon"]!;
  const facility = FACILITIES[text] ?? (/^\d+$/.test(text) ? Number(text) : -1);
  if (facility < 0 || facility > 23) throw invalidParameter("invalid syslog facility");
  return facility;
}

function parseFormat(text: string): SyslogFormat {
  const format = FORMATS.find((known) => known === text);
  if (format === undefined) throw invalidParameter("Invalid syslog format");
  return format;
}
