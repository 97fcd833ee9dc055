/**
 * dockerd's settings as berth has them: one table from which the command line, `daemon.json` and the help come.
 * A setting that berth can't honour yet is in the table too, with the reason, so that it is refused and not ignored.
 * Names are those of dockerd's reference (docs.docker.com/reference/cli/dockerd).
 */

export type SettingType =
  | "text"
  | "boolean"
  | "integer"
  | "list"
  | "pairs"
  | "ulimits"
  | "pools"
  | "options"
  | "runtimes"
  | "registries"
  | "versions"
  | "builder"
  | "size";

export interface Setting {
  /** Its key in `daemon.json`, and its flag where `flag` says nothing else. */
  readonly key: string;
  /** dockerd's flag for a list has the singular. `false`: only in the file. */
  readonly flag?: string | false;
  readonly short?: string;
  readonly type: SettingType;
  readonly help: string;
  /** Why a value can't be honoured; nothing where it can. */
  readonly refuse?: (value: unknown) => string | undefined;
  /** SIGHUP applies a changed value without a restart. */
  readonly reloads?: true;
}

const unless =
  (accepted: unknown, reason: string) =>
  (value: unknown): string | undefined =>
    value === accepted ? undefined : reason;
const always = (reason: string) => (): string => reason;

export const SETTINGS: readonly Setting[] = [
  {
    key: "hosts",
    flag: "host",
    short: "H",
    type: "list",
    help: "Addresses to listen on (unix:///path, tcp://host:port, fd://)",
  },
  { key: "data-root", type: "text", help: "Where images, volumes and records are kept (/var/lib/berth)" },
  { key: "exec-root", type: "text", help: "Where the state of running containers is kept (/run/berth)" },
  {
    key: "pidfile",
    short: "p",
    type: "text",
    help: "File that holds the daemon's process id (/var/run/berth.pid at the default data root)",
  },
  { key: "group", short: "G", type: "text", help: "Group that may use the unix socket" },
  { key: "debug", short: "D", type: "boolean", help: "Write debug lines to the log", reloads: true },
  { key: "log-level", short: "l", type: "text", help: "debug, info, warn or error", reloads: true },
  { key: "labels", flag: "label", type: "list", help: "Labels of the engine, key=value", reloads: true },
  { key: "log-driver", type: "text", help: "Log driver of containers that name none (json-file)" },
  { key: "log-opts", flag: "log-opt", type: "pairs", help: "Options of the default log driver, key=value" },
  { key: "default-runtime", type: "text", help: "OCI runtime of containers that name none (runc)" },
  { key: "runtimes", flag: "add-runtime", type: "runtimes", help: "A further OCI runtime, name=/path" },
  {
    key: "default-ulimits",
    flag: "default-ulimit",
    type: "ulimits",
    help: "Limits of all containers, name=soft[:hard]",
  },
  { key: "default-shm-size", type: "size", help: "Size of /dev/shm (64MiB)" },
  { key: "default-ipc-mode", type: "text", help: "private or shareable" },
  { key: "default-cgroupns-mode", type: "text", help: "private or host" },
  { key: "cgroup-parent", type: "text", help: "Parent of the containers' cgroups" },
  { key: "init", type: "boolean", help: "Run an init as first process in every container" },
  { key: "init-path", type: "text", help: "The program that --init runs" },
  { key: "seccomp-profile", type: "text", help: "A seccomp profile for all containers, or unconfined" },
  { key: "no-new-privileges", type: "boolean", help: "Forbid new privileges in all containers" },
  {
    key: "bridge",
    short: "b",
    type: "text",
    help: "An existing bridge to use as the default one, or none for no default network",
  },
  { key: "bip", type: "text", help: "Address and network of the default bridge (172.17.0.1/16)" },
  { key: "bip6", type: "text", help: "IPv6 address and network of the default bridge" },
  { key: "fixed-cidr", type: "text", help: "Part of the default bridge's network that addresses come from" },
  { key: "fixed-cidr-v6", type: "text", help: "The same for IPv6" },
  {
    key: "default-gateway",
    type: "text",
    help: "Where containers on the default bridge send what leaves it",
  },
  { key: "default-gateway-v6", type: "text", help: "The same for IPv6" },
  { key: "ipv6", type: "boolean", help: "Give the default bridge IPv6 too" },
  {
    key: "default-address-pools",
    flag: "default-address-pool",
    type: "pools",
    help: "Where networks get their subnets, base=CIDR,size=N",
  },
  {
    key: "default-network-opts",
    flag: "default-network-opt",
    type: "options",
    help: "Options of new networks by driver, bridge=key=value",
  },
  { key: "mtu", type: "integer", help: "MTU of the default bridge" },
  { key: "icc", type: "boolean", help: "Let containers on the default bridge reach each other (true)" },
  { key: "ip", type: "text", help: "Address that ports are published on (0.0.0.0)" },
  {
    key: "ip-masq",
    type: "boolean",
    help: "Let what leaves the default bridge carry the host's address (true)",
  },
  { key: "ip-forward", type: "boolean", help: "Turn IP forwarding on where it is needed (true)" },
  {
    key: "ip-forward-no-drop",
    type: "boolean",
    help: "Where forwarding had to be turned on, let the host forward between its other interfaces too",
  },
  {
    key: "allow-direct-routing",
    type: "boolean",
    help: "Always false: see the gateway modes of networks",
    refuse: unless(
      false,
      "who shall reach containers by routes of his own needs a network with gateway mode routed or nat-unprotected",
    ),
  },
  { key: "iptables", type: "boolean", help: "Keep packet filter rules for IPv4 (true)" },
  { key: "ip6tables", type: "boolean", help: "Keep packet filter rules for IPv6 (true)" },
  { key: "dns", type: "list", help: "DNS servers of containers" },
  { key: "dns-opts", flag: "dns-opt", type: "list", help: "DNS options of containers" },
  { key: "dns-search", type: "list", help: "DNS search domains of containers" },
  {
    key: "host-gateway-ips",
    flag: "host-gateway-ip",
    type: "list",
    help: "Addresses that host-gateway stands for, one of each family",
  },
  { key: "host-gateway-ip", flag: false, type: "text", help: "Address that host-gateway stands for" },
  {
    key: "shutdown-timeout",
    type: "integer",
    help: "Seconds that requests under way have at the daemon's stop (15)",
    reloads: true,
  },
  {
    key: "storage-driver",
    short: "s",
    type: "text",
    help: "How layers are kept: erofs (never unpacked) or overlay2; the first where the kernel can",
    refuse: (value) =>
      ["erofs", "overlay2"].includes(value as string)
        ? undefined
        : "the storage drivers are erofs and overlay2",
  },
  {
    key: "live-restore",
    type: "boolean",
    help: "Always so: containers go on without the daemon",
    refuse: unless(true, "containers never depend on berth's daemon; this can't be turned off"),
    reloads: true,
  },
  {
    key: "userland-proxy",
    type: "boolean",
    help: "Forward what the kernel can't lead to a container, such as IPv6 to one that has none (true)",
  },
  {
    key: "userland-proxy-path",
    type: "text",
    help: "Not available",
    refuse: unless("", "berth's daemon forwards by itself, without another program"),
  },
  {
    key: "experimental",
    type: "boolean",
    help: "Nothing in berth hides behind it",
    refuse: unless(false, "berth has no experimental mode"),
  },
  {
    key: "exec-opts",
    flag: "exec-opt",
    type: "list",
    help: "native.cgroupdriver=cgroupfs",
    refuse: (value) =>
      (value as string[]).every((option) => option === "native.cgroupdriver=cgroupfs")
        ? undefined
        : "the one execution option is native.cgroupdriver=cgroupfs",
  },
  {
    key: "userns-remap",
    type: "text",
    help: "Not available",
    refuse: unless("", "berth does not remap users yet"),
  },
  { key: "tls", type: "boolean", help: "The same as --tlsverify" },
  { key: "tlsverify", type: "boolean", help: "Use TLS on tcp:// and let in only clients with a certificate" },
  { key: "tlscacert", type: "text", help: "Who signs clients' certificates (~/.docker/ca.pem)" },
  { key: "tlscert", type: "text", help: "The engine's certificate (~/.docker/cert.pem)" },
  { key: "tlskey", type: "text", help: "The key of the engine's certificate (~/.docker/key.pem)" },
  {
    key: "insecure-registries",
    flag: "insecure-registry",
    type: "list",
    help: "Registries without a proper certificate or without TLS (host, host:port or CIDR)",
    reloads: true,
  },
  {
    key: "registry-mirrors",
    flag: "registry-mirror",
    type: "list",
    help: "Addresses that are asked before Docker Hub",
    reloads: true,
  },
  {
    key: "registries",
    flag: false,
    type: "registries",
    help: "Mirrors and rules of any registry, by the beginning of an image's name",
    reloads: true,
  },
  {
    key: "image-versions",
    flag: false,
    type: "versions",
    help: "How many versions of each image name are kept, and for how long",
    reloads: true,
  },
  {
    key: "builder",
    flag: false,
    type: "builder",
    help: "Limits of the build cache, and what builds may ask for",
    reloads: true,
  },
  {
    key: "max-concurrent-downloads",
    type: "integer",
    help: "Layers that are downloaded at a time (3)",
  },
  { key: "max-concurrent-uploads", type: "integer", help: "Layers that are uploaded at a time (5)" },
  { key: "max-download-attempts", type: "integer", help: "How often a download is tried (5)", reloads: true },
  { key: "http-proxy", type: "text", help: "Proxy to reach registries over http", reloads: true },
  { key: "https-proxy", type: "text", help: "Proxy to reach registries over https", reloads: true },
  { key: "no-proxy", type: "text", help: "Hosts that are reached without a proxy", reloads: true },
  {
    key: "proxies",
    flag: false,
    type: "pairs",
    help: "http-proxy, https-proxy and no-proxy in one",
    reloads: true,
  },
  {
    key: "plugin-folders",
    flag: "plugin-folder",
    type: "list",
    help: "Where volume plugins are looked for (/run/docker/plugins, /etc/docker/plugins, /usr/lib/docker/plugins)",
  },
  {
    key: "authorization-plugins",
    flag: "authorization-plugin",
    type: "list",
    help: "Not available",
    refuse: always("berth does not ask authorization plugins"),
  },
  {
    key: "features",
    flag: "feature",
    type: "pairs",
    help: "Not available",
    refuse: always("berth has no feature switches"),
  },
];

/** The flag of a setting, or nothing where only the file has it. */
export function flagOf(setting: Setting): string | undefined {
  return setting.flag === false ? undefined : (setting.flag ?? setting.key);
}
