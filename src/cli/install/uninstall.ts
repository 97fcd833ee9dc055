import { existsSync, readFileSync } from "node:fs";
import { ExitError } from "../errors.ts";
import { removeFile, removeFolder } from "./files.ts";
import { act, at, hashOf, type Machine } from "./machine.ts";
import { type Manifest, readManifest } from "./manifest.ts";
import type { Places } from "./places.ts";

/**
 * What was installed, to be taken back.
 * @throws ExitError where nothing was installed with this prefix
 */
export function installed(machine: Machine, places: Places): Manifest {
  const manifest = readManifest(machine, places);
  if (manifest !== undefined) return manifest;
  throw new ExitError(
    1,
    `berth install has written nothing here: there is no ${at(machine, places.manifest)}\nWith another prefix? See berth uninstall --prefix`,
  );
}

/** Stops the units and takes them out of systemd's list. */
export async function disableUnits(machine: Machine, { units }: Manifest): Promise<void> {
  if (units.length === 0 || machine.root !== "" || machine.systemd === "absent") return;
  const now = machine.systemd === "running" ? ["--now"] : [];
  await act(machine, "systemctl", "disable", ...now, ...units);
}

/**
 * Takes back what an installation has written: files as they were written, folders that it made and that are empty, its
 * group. What was changed since stays, and is told.
 */
export async function removeInstalled(machine: Machine, places: Places, manifest: Manifest): Promise<void> {
  for (const [path, hash] of Object.entries(manifest.files)) {
    const present = await hashOf(at(machine, path));
    if (present === hash) removeFile(machine, path);
    else if (present !== undefined)
      machine.say(`kept ${at(machine, path)}: it was changed since it was installed; it is yours to remove`);
  }
  await removeGroup(machine, manifest);
  removeFile(machine, places.manifest);
  for (const folder of manifest.folders.toReversed()) removeFolder(machine, folder);
  if (manifest.units.length > 0 && machine.systemd === "running")
    await act(machine, "systemctl", "daemon-reload");
}

async function removeGroup(machine: Machine, { group }: Manifest): Promise<void> {
  if (group === undefined) return;
  const path = at(machine, "/etc/group");
  const line = new RegExp(`^${group}:[^:]*:\\d*:(.*)$`, "m").exec(
    existsSync(path) ? readFileSync(path, "utf8") : "",
  );
  if (line === null) return;
  const members = line[1]!.trim();
  if (members !== "")
    return machine.say(`kept the group ${group}: ${members} are in it; remove it with: groupdel ${group}`);
  const elsewhere = machine.root === "" ? [] : ["--prefix", machine.root];
  await act(machine, "groupdel", ...elsewhere, group);
  if (!machine.dryRun) machine.say(`removed the group ${group}`);
}
