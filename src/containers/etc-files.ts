import { writeFileSync } from "node:fs";
import type { SpecMount } from "../runtime/index.ts";
import type { Context } from "./context.ts";
import type { ContainerRecord } from "./record.ts";

const FILES = ["hostname", "hosts", "resolv.conf"] as const;

/** What the engine writes for a container to find in /etc. */
export interface EtcContents {
  readonly hosts: string;
  readonly resolvConf: string;
}

/** Writes the files beside the log; a container that joins another's network has none of its own. */
export function writeEtcFiles(
  context: Pick<Context, "paths">,
  record: ContainerRecord,
  contents: EtcContents,
): void {
  const write = (name: (typeof FILES)[number], text: string) =>
    writeFileSync(context.paths.file(record.id, name), text, { mode: 0o644 });
  write("hostname", `${record.config.Hostname ?? ""}\n`);
  write("hosts", contents.hosts);
  write("resolv.conf", contents.resolvConf);
}

/**
 * Their mounts, apart from places where the user mounts something else. `owner` is the container whose files
 * they are.
 */
export function etcMounts(
  context: Pick<Context, "paths">,
  record: ContainerRecord,
  owner: ContainerRecord,
): SpecMount[] {
  const taken = new Set(record.mounts.map((mount) => mount.destination));
  return FILES.filter((name) => !taken.has(`/etc/${name}`)).map((name) => ({
    type: "bind",
    source: context.paths.file(owner.id, name),
    destination: `/etc/${name}`,
    options: ["rbind", "rprivate", record.host.ReadonlyRootfs ? "ro" : "rw"],
  }));
}
