import { existsSync, readFileSync } from "node:fs";
import { VERSION } from "../../lib/index.ts";
import { completionScript } from "../completion/scripts.ts";
import { ExitError } from "../errors.ts";
import { isTaken, makeFolders, type WantedFile, wantedHash, writeFile } from "./files.ts";
import { act, at, hashOf, type Machine } from "./machine.ts";
import { type Manifest, NOTHING, readManifest } from "./manifest.ts";
import type { Places } from "./places.ts";
import { serviceUnit, socketUnit, UNITS } from "./units.ts";

/** Whom the socket lets in, besides root. */
export const GROUP = "berth";

export interface InstallRequest {
  /** The program that is installed: this one. */
  readonly executable: string;
  readonly places: Places;
  /** Stops an engine that runs already, and that is no service of systemd's: it holds what the service needs. */
  readonly stopOther: () => Promise<void>;
  /** Also take the place of files that were changed, or that somebody else has written. */
  readonly force: boolean;
}

/**
 * Puts the program, its units and its completion in place, and has systemd start it. A second time it changes only what is
 * not as it should be: that is how a new version takes the place of an old one.
 * @throws ExitError where files of others are in the way; nothing is written then
 */
export async function install(machine: Machine, request: InstallRequest): Promise<void> {
  const { places } = request;
  const before = readManifest(machine, places) ?? NOTHING;
  const files = wantedFiles(machine, request);
  const { write, keep } = await compare(machine, files, before, request.force);
  const group = await makeGroup(machine, before);
  const folders = [...before.folders];
  for (const { file } of write)
    folders.push(...makeFolders(machine, file.path).filter((each) => !folders.includes(each)));
  folders.push(...makeFolders(machine, places.manifest).filter((each) => !folders.includes(each)));
  for (const { file, isCurrent } of write) if (!isCurrent) writeFile(machine, file);
  for (const path of keep)
    machine.say(`kept ${at(machine, path)}: it was changed since it was installed (--force replaces it)`);
  const enables = machine.systemd !== "absent" && machine.root === "";
  const manifest: Manifest = {
    version: VERSION,
    files: { ...before.files, ...Object.fromEntries(write.map(({ file, hash }) => [file.path, hash])) },
    folders,
    ...(group === undefined ? {} : { group }),
    units: enables ? UNITS : [],
  };
  writeManifest(machine, places, manifest, before);
  const isNew = write.some(({ isCurrent }) => !isCurrent);
  if (enables) await startUnits(machine, request, isNew && before !== NOTHING);
  explain(machine, places);
}

function wantedFiles({ systemd }: Machine, { executable, places }: InstallRequest): WantedFile[] {
  const text = (path: string, content: string): WantedFile => ({
    path,
    mode: 0o644,
    content: { text: content },
  });
  const units = [text(places.service, serviceUnit(places.executable)), text(places.socket, socketUnit())];
  return [
    { path: places.executable, mode: 0o755, content: { copyOf: executable } },
    ...(systemd === "absent" ? [] : units),
    ...(["bash", "zsh", "fish"] as const).map((shell) =>
      text(places.completion[shell], completionScript(shell)),
    ),
  ];
}

interface Comparison {
  /** `isCurrent`: it is there already, as it should be. */
  readonly write: { readonly file: WantedFile; readonly hash: string; readonly isCurrent: boolean }[];
  /** Changed by somebody since. */
  readonly keep: string[];
}

async function compare(
  machine: Machine,
  files: readonly WantedFile[],
  before: Manifest,
  force: boolean,
): Promise<Comparison> {
  const result: Comparison = { write: [], keep: [] };
  const foreign: string[] = [];
  for (const file of files) {
    const path = at(machine, file.path);
    const [hash, present] = [await wantedHash(file), await hashOf(path)];
    const own = before.files[file.path];
    if (present === hash) result.write.push({ file, hash, isCurrent: true });
    else if (!isTaken(path) || force || present === own) result.write.push({ file, hash, isCurrent: false });
    // A program is nobody's text: another one in its place is an older or newer berth.
    else if (own !== undefined && "copyOf" in file.content)
      result.write.push({ file, hash, isCurrent: false });
    else if (own !== undefined) result.keep.push(file.path);
    else foreign.push(path);
  }
  if (foreign.length === 0) return result;
  throw new ExitError(
    1,
    `berth install did not write ${foreign.join(", ")}, and leaves it as it is; nothing was changed.\nMove it away, or replace it with: berth install --force`,
  );
}

/** @returns the group where this or an earlier installation has made it */
async function makeGroup(machine: Machine, before: Manifest): Promise<string | undefined> {
  const path = at(machine, "/etc/group");
  if (!existsSync(path)) {
    machine.say(`${path} is not there: the group ${GROUP} has to be made where this tree will run`);
    return before.group;
  }
  if (new RegExp(`^${GROUP}:`, "m").test(readFileSync(path, "utf8"))) return before.group;
  const elsewhere = machine.root === "" ? [] : ["--prefix", machine.root];
  await act(machine, "groupadd", "--system", ...elsewhere, GROUP);
  if (!machine.dryRun)
    machine.say(`made the group ${GROUP}: its members may use the engine, and are root by that`);
  return GROUP;
}

function writeManifest(machine: Machine, places: Places, manifest: Manifest, before: Manifest): void {
  if (machine.dryRun || JSON.stringify(manifest) === JSON.stringify(before)) return;
  const text = `${JSON.stringify(manifest, undefined, 2)}\n`;
  writeFile(machine, { path: places.manifest, mode: 0o644, content: { text } });
}

async function startUnits(machine: Machine, request: InstallRequest, isUpdate: boolean): Promise<void> {
  if (machine.systemd === "running") await act(machine, "systemctl", "daemon-reload");
  await act(machine, "systemctl", "enable", ...UNITS);
  if (machine.systemd !== "running") return;
  await request.stopOther();
  await act(machine, "systemctl", "start", ...UNITS);
  // Containers go on meanwhile.
  if (isUpdate) await act(machine, "systemctl", "restart", "berth.service");
}

function explain(machine: Machine, { executable }: Places): void {
  if (machine.dryRun) return;
  if (machine.root === "") machine.say("Whether this machine has what containers need: berth doctor");
  const { root, systemd } = machine;
  if (root !== "") machine.say("Nothing was started or enabled: this tree is not the machine that runs.");
  else if (systemd === "running")
    machine.say(`The engine runs. To use it without sudo: usermod -aG ${GROUP} YOU, then log in again.`);
  else if (systemd === "there")
    machine.say("systemd does not run here: the engine will be started with it. Until then: berth daemon");
  else {
    machine.say("There is no systemd here, so nothing starts the engine when the machine does.");
    machine.say(`Have your init run: ${executable} daemon`);
    machine.say("Or do nothing: root's first berth command starts one.");
  }
}
