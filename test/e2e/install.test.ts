// berth install and uninstall: into a tree of its own, as for a package, and for real, on a copy of this machine's folders.
import { expect, test } from "bun:test";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { busyboxRootTar } from "../../scripts/lib/base-image.ts";
import { EXECUTABLE } from "../../scripts/lib/shell.ts";
import { runCommand } from "../support/engine.ts";
import { bePatient } from "../support/suite.ts";

bePatient();

function temporary(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), "berth-install-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

const berth = (...args: string[]) => runCommand([EXECUTABLE, ...args]);
const filesOf = (root: string) =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
    .sort();

test("into the tree of a package: exactly these files, and exactly these back", async () => {
  using folder = temporary();
  const root = join(folder.path, "tree");
  const place = ["--root", root, "--prefix", "/usr"];
  mkdirSync(root);
  expect(await berth("install", ...place)).toMatchObject({ code: 0, stderr: "" });
  expect(filesOf(root)).toEqual([
    "/usr/bin/berth",
    "/usr/lib/systemd/system/berth.service",
    "/usr/lib/systemd/system/berth.socket",
    "/usr/share/bash-completion/completions/berth",
    "/usr/share/berth/installed.json",
    "/usr/share/fish/vendor_completions.d/berth.fish",
    "/usr/share/zsh/site-functions/_berth",
  ]);
  const program = join(root, "usr/bin/berth");
  expect((await runCommand([program, "--version"])).stdout).toStartWith("berth version ");
  for (const shell of ["bash"])
    expect(
      await runCommand([shell, "-n", join(root, "usr/share/bash-completion/completions/berth")]),
    ).toEqual({
      code: 0,
      stdout: "",
      stderr: "",
    });
  // The program that is there takes back itself.
  expect(await runCommand([program, "uninstall", ...place])).toMatchObject({ code: 0, stderr: "" });
  expect(readdirSync(root)).toEqual([]);
  expect(await berth("uninstall", ...place)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("berth install has written nothing here"),
  });
});

test("what makes no sense is refused", async () => {
  expect(await berth("install", "--prefix", "relative")).toMatchObject({ code: 1 });
  expect(await berth("install", "--prefix", "/a/../b")).toMatchObject({ code: 1 });
  expect(await berth("uninstall", "--data", "--root", "/nonexistent")).toMatchObject({ code: 1 });
  using folder = temporary();
  chmodSync(folder.path, 0o755);
  const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", EXECUTABLE];
  const env = { DOCKER_CONFIG: folder.path };
  expect((await runCommand([...nobody, "install"], { env })).stderr).toContain("only root may change");
  expect(await runCommand([...nobody, "install", "--dry-run"], { env })).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("KillMode=process"),
  });
});

const ANALYZE = Bun.which("systemd-analyze");

test.skipIf(ANALYZE === null)("systemd understands the units", async () => {
  using folder = temporary();
  const root = folder.path;
  await berth("install", "--root", root);
  // What the units need of their machine.
  cpSync("/usr/lib/systemd/system", join(root, "usr/lib/systemd/system"), {
    recursive: true,
    verbatimSymlinks: true,
  });
  mkdirSync(join(root, "bin"));
  writeFileSync(join(root, "bin/kill"), "", { mode: 0o755 });
  const verify = () =>
    runCommand([ANALYZE!, "verify", "--man=no", `--root=${root}`, "berth.service", "berth.socket"]);
  const ofUnits = ({ stderr }: { stderr: string }) =>
    stderr.split("\n").filter((line) => line.includes("berth"));
  expect(ofUnits(await verify())).toEqual([]);
  const unit = join(root, "etc/systemd/system/berth.service");
  const text = readFileSync(unit, "utf8");
  for (const line of [
    "Type=notify",
    "Delegate=yes",
    "KillMode=process",
    "TasksMax=infinity",
    "LimitNOFILE=infinity",
  ])
    expect(text).toContain(`${line}\n`);
  // The look itself looks.
  writeFileSync(unit, text.replace("Restart=always", "Restart=sometimes"));
  expect(ofUnits(await verify()).join("\n")).toContain("Failed to parse service restart specifier");
});

/**
 * On this machine, in a namespace of mounts where its folders are copies, and one of networks: an installation, an engine
 * with a container, and the end of both.
 */
const FOR_REAL = `
set -eu
mount --make-rprivate /
mount -t tmpfs none "$1"
mkdir "$1/image"
cat > "$1/image/root.tar"
for folder in etc usr/local var/log; do
  name=$(echo $folder | tr / _)
  mkdir "$1/$name.upper" "$1/$name.work"
  mount -t overlay none -o "lowerdir=/$folder,upperdir=$1/$name.upper,workdir=$1/$name.work" "/$folder"
done
mount -t tmpfs none /run
# What containers write is not kept on an overlay.
mount -t tmpfs none /var/lib
rm -rf /etc/berth /etc/docker
sed -i '/^berth:/d;/^docker:/d' /etc/group /etc/gshadow
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
cd /
say() { echo "== $1: $?"; }
# The tools that make groups keep these.
touch /etc/group- /etc/gshadow- /etc/.pwd.lock
find /etc /usr/local /var/lib -xdev | sort > "$1/before"
"$2" install > "$1/install"; say installed
command -v berth
berth import "$1/image/root.tar" box:1 >/dev/null 2>&1; say imported
stat -c '%a %U %G' /run/berth.sock
berth run -d --name keeper --network none box:1 sleep 1000 >/dev/null; say running
berth uninstall --data </dev/null 2>&1 || say refused
berth uninstall --data --dry-run --force > "$1/dry"; grep 'would end' "$1/dry"
command -v berth
berth volume create kept >/dev/null
mount -t tmpfs none /var/lib/berth/volumes/kept/_data
echo precious > /var/lib/berth/volumes/kept/_data/precious
monitor=$(cat /run/berth/containers/*/conmon.pid)
engine=$(cat /run/berth.pid)
berth uninstall --data --force > "$1/uninstall"; say uninstalled
for pid in $monitor $engine; do if kill -0 $pid 2>/dev/null; then echo "$pid still runs"; fi; done
ls -d /var/lib/berth /run/berth /run/berth.sock /run/berth.pid 2>/dev/null || true
find /etc /usr/local /var/lib -xdev | sort > "$1/after"
diff "$1/before" "$1/after" && echo as before
`;

/** Whatever the script has started ends with it. */
const OWN_PROCESSES = ["--pid", "--fork", "--kill-child", "--mount-proc"];

test("for real: an engine starts, a running container is in the way, and nothing is left at the end", async () => {
  using folder = temporary();
  const result = await runCommand(
    [
      "unshare",
      "--mount",
      "--net",
      ...OWN_PROCESSES,
      "--",
      "bash",
      "-c",
      FOR_REAL,
      "bash",
      folder.path,
      EXECUTABLE,
    ],
    {
      stdin: await busyboxRootTar(),
      env: { DOCKER_HOST: "", BERTH_HOST: "", DOCKER_CONFIG: folder.path },
    },
  );
  expect(result.stderr).toBe("");
  expect(result.stdout.split("\n").filter((line) => !line.startsWith("End "))).toEqual([
    "== installed: 0",
    "/usr/local/bin/berth",
    "== imported: 0",
    "660 root berth",
    "== running: 0",
    "1 container runs: nothing was changed",
    "Or by the way with: berth uninstall --force",
    "== refused: 1",
    "would end 1 running container",
    "/usr/local/bin/berth",
    "== uninstalled: 0",
    "as before",
    "",
  ]);
});
