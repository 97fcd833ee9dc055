export interface Allowed {
  readonly operation: RegExp;
  readonly difference: RegExp;
  readonly reason: string;
}

const NIL =
  "Docker's engine answers null, too, where nothing was said: Go's nil slices, maps and pointers. Clients know it";

/** Where answers differ from Docker's description of its API, and why they may. */
export const ALLOWED: readonly Allowed[] = [
  {
    operation: /^GET \/containers\/(json|\{id\}\/json)$/,
    difference: /\.Networks\.\*\.(Aliases|DNSNames|DriverOpts|Links): null is no (list|object)$/,
    reason: NIL,
  },
  {
    operation: /^GET \/(containers|images)\/\{\w+\}\/json$/,
    difference: /^\.Config\.(Cmd|Entrypoint|Env|Labels|OnBuild|Volumes): null is no (list|object)$/,
    reason: NIL,
  },
  {
    operation: /^GET \/containers\/\{id\}\/json$/,
    difference:
      /^\.HostConfig\.(Binds|CapAdd|CapDrop|DeviceCgroupRules|DeviceRequests|ExtraHosts|GroupAdd|Links|SecurityOpt|VolumesFrom): null is no list$/,
    reason: NIL,
  },
  {
    operation: /^GET \/containers\/\{id\}\/json$/,
    difference: /^\.HostConfig\.MemorySwappiness: null is not integer$/,
    reason: NIL,
  },
  {
    operation: /^GET \/containers\/\{id\}\/json$/,
    difference:
      /^\.NetworkSettings\.(Bridge|EndpointID|Gateway|GlobalIPv6Address|GlobalIPv6PrefixLen|HairpinMode|IPAddress|IPPrefixLen|IPv6Gateway|LinkLocalIPv6Address|LinkLocalIPv6PrefixLen|MacAddress|SecondaryIPAddresses|SecondaryIPv6Addresses): is unknown$/,
    reason: "versions until 1.51 have them: those of the default bridge, once more",
  },
  {
    operation: /^GET \/events$/,
    difference: /^\.(status|id|from): is unknown$/,
    reason: "versions until 1.51 have them, of containers and images",
  },
  {
    operation: /^GET \/exec\/\{id\}\/json$/,
    difference: /^\.ExitCode: null is not integer$/,
    reason: "of one that has not ended, as from Docker's engine",
  },
  { operation: /^GET \/images\/json$/, difference: /^\[\]\.Labels: null is no object$/, reason: NIL },
  {
    operation: /^GET \/images\/\{name\}\/json$/,
    difference: /^\.(DockerVersion|Parent): is unknown$/,
    reason: "versions until 1.51 have them",
  },
  {
    operation: /^GET \/info$/,
    difference:
      /^\.(GenericResources|Plugins\.Authorization|RegistryConfig\.Mirrors|Warnings): null is no list$/,
    reason: NIL,
  },
  {
    operation: /^GET \/networks$/,
    difference: /^\[\]\.Containers: is unknown$/,
    reason: "versions until 1.51 have it, empty",
  },
  {
    operation: /^GET \/networks(\/\{id\})?$/,
    difference: /\.IPAM\.(Config|Options): null is no (list|object)$/,
    reason: NIL,
  },
  {
    operation: /^GET \/system\/df$/,
    difference: /^\.(BuildCache|Containers|Images|LayersSize|Volumes): is unknown$/,
    reason: "what versions until 1.51 have in place of the newer ones' sums",
  },
  {
    operation: /^GET \/system\/df$/,
    difference: /^\.ImageVersions: is unknown$/,
    reason: "berth's own: what past versions of images take",
  },
  {
    operation: /^(GET \/volumes|GET \/volumes\/\{name\}|POST \/volumes\/create)$/,
    difference: /^(\.Volumes\[\])?\.Options: null is no object$/,
    reason: NIL,
  },
  { operation: /^GET \/volumes$/, difference: /^\.Warnings: null is no list$/, reason: NIL },
  { operation: /^POST \/build\/prune$/, difference: /^\.CachesDeleted: null is no list$/, reason: NIL },
];

/** Operations that the test does not ask for, and why. */
export const NOT_ASKED: Readonly<Record<string, string>> = {
  "GET /images/search": "no registry of the tests can search",
};
