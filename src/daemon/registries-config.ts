import { dirname, join } from "node:path";
import {
  checkInsecure,
  parseMirror,
  proxiesOfEnvironment,
  type RegistriesConfig,
  type RegistryRule,
} from "../images/index.ts";
import { invalidParameter } from "../lib/index.ts";
import type { RegistryServiceConfig } from "../wire/index.ts";
import type { SettingValues } from "./config-file.ts";

/** dockerd's own limits. */
const DOWNLOADS = 3;
const UPLOADS = 5;
const ATTEMPTS = 5;

/**
 * What daemon.json, the flags and the environment say about registries. Certificates are in `certs.d` beside daemon.json.
 * @throws InvalidParameter in dockerd's words
 */
export function registriesConfigOf(
  values: SettingValues,
  configFile: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): RegistriesConfig {
  const get = <T>(key: string) => values.get(key) as T | undefined;
  const fromEnvironment = proxiesOfEnvironment(environment);
  const proxies = get<Record<string, string>>("proxies") ?? {};
  const proxy = (key: string) => get<string>(key) || proxies[key] || undefined;
  const config: RegistriesConfig = {
    insecure: get<string[]>("insecure-registries") ?? [],
    mirrors: get<string[]>("registry-mirrors") ?? [],
    rules: (get<Partial<RegistryRule>[]>("registries") ?? []).map(ruleOf),
    certificates: join(dirname(configFile), "certs.d"),
    proxies: {
      http: proxy("http-proxy") ?? fromEnvironment.http,
      https: proxy("https-proxy") ?? fromEnvironment.https,
      no: proxy("no-proxy") ?? fromEnvironment.no,
    },
    maxDownloads: atLeastOne("max-concurrent-downloads", get("max-concurrent-downloads"), DOWNLOADS),
    maxUploads: atLeastOne("max-concurrent-uploads", get("max-concurrent-uploads"), UPLOADS),
    maxAttempts: atLeastOne("max-download-attempts", get("max-download-attempts"), ATTEMPTS),
  };
  config.mirrors.forEach(parseMirror);
  config.insecure.forEach(checkInsecure);
  return config;
}

function ruleOf(entry: Partial<RegistryRule>): RegistryRule {
  const { prefix, mirrors = [], insecure = false, blocked = false } = entry;
  const rule = { prefix, mirrors, insecure, blocked, default: entry.default ?? false };
  if (rule.default === (prefix !== undefined))
    throw invalidParameter("each entry of registries has either a prefix or is the default");
  if (rule.default && (insecure || blocked))
    throw invalidParameter("the default entry of registries has mirrors only");
  mirrors.forEach(parseMirror);
  return rule;
}

function atLeastOne(key: string, value: number | undefined, otherwise: number): number {
  if (value === undefined || value === 0) return otherwise;
  if (value < 0) throw invalidParameter(`invalid ${key.replaceAll("-", " ")}: ${value}`);
  return value;
}

/** `RegistryConfig` of `info`, which clients look at before they speak to a registry themselves. */
export function registryInfoOf({ insecure, mirrors }: RegistriesConfig): RegistryServiceConfig {
  const isCidr = (entry: string) => entry.includes("/");
  const hub = { Name: "docker.io", Mirrors: [...mirrors], Secure: true, Official: true };
  const listed = insecure
    .filter((entry) => !isCidr(entry))
    .map((Name) => [Name, { Name, Mirrors: [], Secure: false, Official: false }] as const);
  return {
    InsecureRegistryCIDRs: ["::1/128", "127.0.0.0/8", ...insecure.filter(isCidr)],
    IndexConfigs: { "docker.io": hub, ...Object.fromEntries(listed) },
    Mirrors: mirrors.length === 0 ? null : [...mirrors],
  };
}

/** A proxy's address as it may be shown. */
export function withoutPassword(proxy: string | undefined): string {
  return (proxy ?? "").replace(/\/\/[^/@]*@/, "//xxxxx:xxxxx@");
}

/** What is wrong with `registries` in daemon.json. */
export function registriesProblem(value: unknown): string | undefined {
  const example =
    'must be like [{"prefix": "registry.example", "mirrors": ["https://mirror.example"], "insecure": false, "blocked": false}]';
  if (!Array.isArray(value)) return example;
  for (const entry of value as unknown[]) {
    if (typeof entry !== "object" || entry === null || Array.isArray(entry)) return example;
    for (const [key, field] of Object.entries(entry)) {
      const isRight =
        key === "prefix"
          ? typeof field === "string" &&
            /^(?:\*\.)?[A-Za-z0-9[][^\s@?#]*$/.test(field) &&
            !field.includes("://")
          : key === "mirrors"
            ? Array.isArray(field) && field.every((mirror) => typeof mirror === "string")
            : ["insecure", "blocked", "default"].includes(key) && typeof field === "boolean";
      if (!isRight) return `${JSON.stringify(key)} of an entry is not known or wrong; it ${example}`;
    }
  }
  return undefined;
}
