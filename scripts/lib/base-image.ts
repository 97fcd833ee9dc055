import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fail, mustRun } from "./shell.ts";

const PASSWD = `root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
www-data:x:33:33:www-data:/www:/bin/false
nobody:x:65534:65534:nobody:/home:/bin/false
`;
const GROUP = `root:x:0:
daemon:x:1:
tty:x:5:
wheel:x:10:root
www-data:x:33:
nogroup:x:65534:
`;

/** What a caller adds to the small image: path inside it → contents. */
export type ExtraFiles = Readonly<Record<string, string>>;

/**
 * A root file system as a tar, from the statically linked busybox of the machine: a shell, some 300 usual
 * commands, users and groups. Small enough (2 MB) to make anew wherever it is needed.
 */
export async function busyboxRootTar(extra: ExtraFiles = {}): Promise<Uint8Array> {
  const directory = mkdtempSync(join(tmpdir(), "berth-base-"));
  try {
    await fillRoot(directory, extra);
    const tar = Bun.spawn(
      [
        "tar",
        "-C",
        directory,
        "--sort=name",
        "--mtime=@0",
        "--owner=0",
        "--group=0",
        "--numeric-owner",
        "-cf",
        "-",
        ".",
      ],
      { stdout: "pipe", stderr: "inherit" },
    );
    const bytes = new Uint8Array(await new Response(tar.stdout).arrayBuffer());
    if ((await tar.exited) !== 0) fail("tar could not pack the small image");
    return bytes;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function fillRoot(directory: string, extra: ExtraFiles): Promise<void> {
  // Users other than root look into it too.
  chmodSync(directory, 0o755);
  const busybox = Bun.which("busybox") ?? fail("busybox is not installed (Debian package busybox-static)");
  for (const name of ["bin", "etc", "dev", "proc", "sys", "root", "home", "var", "usr/bin", "www"]) {
    mkdirSync(join(directory, name), { recursive: true });
  }
  mkdirSync(join(directory, "tmp"));
  chmodSync(join(directory, "tmp"), 0o1777);
  copyFileSync(busybox, join(directory, "bin/busybox"));
  const applets = (await mustRun([busybox, "--list"]))
    .split("\n")
    .filter((name) => name !== "" && name !== "busybox");
  for (const applet of applets) symlinkSync("busybox", join(directory, "bin", applet));
  writeFileSync(join(directory, "etc/passwd"), PASSWD);
  writeFileSync(join(directory, "etc/group"), GROUP);
  for (const [path, text] of Object.entries(extra)) {
    mkdirSync(join(directory, path, ".."), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
}
