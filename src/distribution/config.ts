/** Registries as `daemon.json` describes them. */
export interface RegistriesConfig {
  /** `insecure-registries`: `host`, `host:port` or a CIDR. Loopback addresses always are. */
  readonly insecure: readonly string[];
  /** `registry-mirrors`: addresses that are asked before Docker Hub. */
  readonly mirrors: readonly string[];
  readonly rules: readonly RegistryRule[];
  /** Folder with one folder a host (`certs.d/registry.example:5000/`) of authorities and client certificates. */
  readonly certificates: string;
  readonly proxies: ProxySettings;
  /** `max-concurrent-downloads`, `max-concurrent-uploads`: layers at a time, of all pulls or pushes. */
  readonly maxDownloads: number;
  readonly maxUploads: number;
  /** `max-download-attempts`. */
  readonly maxAttempts: number;
}

/** One entry of `registries`. */
export interface RegistryRule {
  /** `registry.example`, `registry.example/team`, `*.example`: the names that it is for. */
  readonly prefix?: string | undefined;
  /** Asked in this order, before the registry itself. */
  readonly mirrors: readonly string[];
  readonly insecure: boolean;
  /** Nothing is pulled from there, and nothing pushed. */
  readonly blocked: boolean;
  /** For every registry that no other rule is for. */
  readonly default: boolean;
}

export interface ProxySettings {
  readonly http?: string | undefined;
  readonly https?: string | undefined;
  /** Hosts, domains, addresses and CIDRs that are reached without one, separated by commas. */
  readonly no?: string | undefined;
}

/** Waiting, in milliseconds. Tests have less patience. */
export interface Patience {
  /** From the end of a request to the head of its answer. */
  readonly answerMs: number;
  /** Between two pieces of a body. */
  readonly idleMs: number;
  /** Before the second attempt; doubled before each further one. */
  readonly backOffMs: number;
  /** What a registry may ask for with `Retry-After`. */
  readonly retryAfterMs: number;
}

export const PATIENCE: Patience = { answerMs: 60_000, idleMs: 60_000, backOffMs: 500, retryAfterMs: 30_000 };

export const DEFAULT_REGISTRIES: RegistriesConfig = {
  insecure: [],
  mirrors: [],
  rules: [],
  certificates: "/etc/berth/certs.d",
  proxies: {},
  maxDownloads: 3,
  maxUploads: 5,
  maxAttempts: 5,
};
