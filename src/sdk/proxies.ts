import type { ClientConfig } from "./client-config.ts";

const NAMES = [
  ["httpProxy", "HTTP_PROXY"],
  ["httpsProxy", "HTTPS_PROXY"],
  ["ftpProxy", "FTP_PROXY"],
  ["noProxy", "NO_PROXY"],
  ["allProxy", "ALL_PROXY"],
] as const;

/** The variables of the proxies that the client's configuration gives to containers of an engine, in both spellings. */
export function proxyVariables(config: ClientConfig, address: string): [name: string, value: string][] {
  const proxies = config.proxies?.[address] ?? config.proxies?.["default"];
  return NAMES.flatMap(([key, name]) => {
    const value = proxies?.[key];
    if (value === undefined || value === "") return [];
    return [name, name.toLowerCase()].map((each): [string, string] => [each, value]);
  });
}
