import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { busyboxRootTar } from "./base-image.ts";
import { fail, mustRun } from "./shell.ts";

/** Where Debian keeps programs for administrators, which is not on everybody's path. */
const PATH = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`;
/** What programs read beside themselves, where the machine has it. */
const DATA = ["/etc/nginx/mime.types", "/etc/protocols", "/etc/services"];
const DIRECTORIES = ["var/log/nginx", "var/lib/nginx", "run"];

/**
 * The small root file system with real programs of this machine (Debian's packages) in it, each at its own place and
 * with the libraries that it is linked to, as a tar.
 */
export async function programsRootTar(programs: readonly string[]): Promise<Uint8Array> {
  const directory = mkdtempSync(join(tmpdir(), "berth-programs-"));
  try {
    await mustRun(["tar", "-C", directory, "-xf", "-"], { stdin: await busyboxRootTar() });
    for (const program of programs) await addProgram(directory, program);
    for (const path of DATA.filter((one) => existsSync(one))) add(directory, path);
    for (const path of DIRECTORIES) mkdirSync(join(directory, path), { recursive: true });
    const tar = Bun.spawn(["tar", "-C", directory, "-cf", "-", "."], { stdout: "pipe" });
    const bytes = new Uint8Array(await new Response(tar.stdout).arrayBuffer());
    if ((await tar.exited) !== 0) fail("tar could not pack the image of programs");
    return bytes;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function addProgram(directory: string, name: string): Promise<void> {
  const program = Bun.which(name, { PATH }) ?? fail(`${name} is not installed`);
  add(directory, program);
  const linked = await mustRun(["ldd", program]);
  for (const [, library] of linked.matchAll(/(\/\S+) \(0x/g)) add(directory, library!);
}

/** Copies a file, as what it is in the end if it is a link, to the same place below the directory. */
function add(directory: string, path: string): void {
  const target = join(directory, path);
  if (existsSync(target)) return;
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(path, target);
}
