import type { SpecNamespace, SpecNamespaces } from "../contract.ts";
import type { OciNamespace, OciNamespaceType } from "./oci.ts";

/** The container's namespaces; one that it shares with the host is left out. The mount namespace is always its own. */
export function ociNamespaces(wanted: SpecNamespaces): OciNamespace[] {
  return [
    { type: "mount" },
    ...one("network", wanted.network),
    ...one("uts", wanted.uts),
    ...one("pid", wanted.pid),
    ...one("ipc", wanted.ipc),
    ...one("cgroup", wanted.cgroup),
    ...one("user", wanted.user),
  ];
}

function one(type: OciNamespaceType, wanted: SpecNamespace): OciNamespace[] {
  if (wanted === "host") return [];
  return [wanted === "new" ? { type } : { type, path: wanted.path }];
}
