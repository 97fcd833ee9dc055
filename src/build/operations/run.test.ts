import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestStore } from "../../images/testing-store.ts";
import { type Digest, digestOf, notFound } from "../../lib/index.ts";
import { createNetworkNamespace, mountsBelow, openRoot, packTree, type RootDir } from "../../linux/index.ts";
import { type Cgroups, hostFacts, type OciRuntimes, openCgroups, openRuntimes } from "../../runtime/index.ts";
import { CacheMountStore, CacheRecords } from "../cache/index.ts";
import { FileDigests, LocalTree } from "../contents/index.ts";
import type { OperationMount, Vertex } from "../graph/index.ts";
import type { ClientServices, DiffId, HeldLayers, SshConnection } from "../ports.ts";
import type { BuildScope, LayersResult, Result, RunSettings, Work } from "../solve/contract.ts";
import { NO_LIMITS } from "../solve/limits.ts";
import { RunOperation, sweepRuns } from "./run.ts";
import type { RunMachine } from "./run-step.ts";
import { SourceLayers } from "./source-layers.ts";

const PATIENCE_MS = 60_000;
const APPLETS =
  "sh true false cat echo ls id sleep kill env pwd stat dd mkdir touch rm ln chmod hostname nc printf df grep mount wc ps".split(
    " ",
  );

let directory: string;
let store: TestStore;
let cgroups: Cgroups;
let runtimes: OciRuntimes;
let machine: RunMachine;
let operation: RunOperation;
let busybox: HeldLayers;
let caches: CacheMountStore;
const cgroupParent = `/berth-run-${process.pid}`;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "berth-run-"));
  mkdirSync(join(directory, "store"));
  store = await TestStore.open(join(directory, "store"));
  cgroups = openCgroups();
  const facts = hostFacts(cgroups);
  const execRoot = join(directory, "x");
  runtimes = openRuntimes({ execRoot, cgroupParent, cgroups, facts });
  for (const name of ["builds", "caches", "scope"]) mkdirSync(join(directory, name), { mode: 0o700 });
  caches = new CacheMountStore(store.db, join(directory, "caches"), async (path) =>
    rmSync(path, { recursive: true, force: true }),
  );
  machine = {
    runtime: () => runtimes.get(undefined),
    networks: { open: openNetwork },
    directory: join(directory, "builds"),
    defaults: { facts, cgroupParent },
  };
  operation = new RunOperation(machine, {
    mounts: caches,
    digests: new FileDigests(undefined),
    known: undefined,
    sources: undefined,
  });
  busybox = await layerOf((root) => {
    for (const name of ["bin", "proc", "sys", "dev", "tmp", "etc", "root"]) mkdirSync(join(root, name));
    const program = ["/usr/bin/busybox", "/bin/busybox"].find((path) => existsSync(path))!;
    cpSync(program, join(root, "bin/busybox"));
    for (const applet of APPLETS) symlinkSync("busybox", join(root, "bin", applet));
    writeFileSync(join(root, "etc/passwd"), "root:x:0:0::/root:/bin/sh\nme:x:1000:1000::/home/me:/bin/sh\n");
    writeFileSync(join(root, "etc/group"), "root:x:0:\nme:x:1000:\n");
  });
});

afterAll(async () => {
  busybox[Symbol.dispose]();
  cgroups.removeIfEmpty(cgroupParent);
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Nothing of any step is left. */
afterEach(async () => {
  expect(readdirSync(machine.directory)).toEqual([]);
  expect(mountsBelow(machine.directory)).toEqual([]);
  expect(readdirSync(join(directory, "x/runtime"))).toEqual([]);
  expect(await cgroups.processes(cgroupParent)).toEqual([]);
  expect(openNetworks).toBe(0);
  const writable = readdirSync(join(directory, "store/snapshots/writable"));
  expect(writable).toEqual([]);
});

let openNetworks = 0;
const asked: string[] = [];

async function openNetwork(mode: string) {
  asked.push(mode);
  openNetworks++;
  const namespace = mode === "host" ? undefined : createNetworkNamespace();
  return {
    namespace,
    hosts: "127.0.0.1 localhost\n",
    resolvConf: "nameserver 192.0.2.1\n",
    [Symbol.asyncDispose]: async () => {
      openNetworks--;
      namespace?.close();
    },
  };
}

async function layerOf(fill: (root: string) => void): Promise<HeldLayers> {
  const path = mkdtempSync(join(directory, "tree-"));
  fill(path);
  using root = openRoot(path);
  await using layer = await store.images.builds.layers.receive(packTree(root, "/", { name: "" }));
  return await layer.keep();
}

const asResult = (held: HeldLayers): LayersResult => ({ kind: "layers", ...held, layers: held.layers });
const NOTHING: LayersResult = { kind: "layers", layers: [], [Symbol.dispose]: () => {} };

interface Wishes {
  readonly mounts?: readonly OperationMount[];
  readonly inputs?: readonly Result[];
  readonly user?: string;
  readonly directory?: string;
  readonly env?: readonly (readonly [string, string])[];
  readonly network?: "default" | "none" | "host";
  readonly security?: "sandbox" | "insecure";
  readonly devices?: readonly { name: string; required: boolean }[];
  readonly settings?: Partial<RunSettings>;
  readonly services?: Partial<ClientServices>;
  readonly signal?: AbortSignal;
  readonly onLog?: (text: string) => void;
}

const SETTINGS: RunSettings = {
  network: "",
  extraHosts: [],
  hostname: undefined,
  shmSizeBytes: undefined,
  ulimits: [],
  cgroupParent: undefined,
  ...NO_LIMITS,
  securityOptions: [],
  entitlements: [],
  proxies: new Map(),
};

const SERVICES: ClientServices = {
  secret: async (id) => {
    throw notFound(`no secret ${id}`);
  },
  sshAgent: async (id) => {
    throw notFound(`no agent ${id}`);
  },
  credentials: async () => undefined,
};

let printed = "";

function workOf(args: readonly string[], wishes: Wishes): Work<"run"> {
  const context = {
    layers: store.images.builds.layers,
    services: { ...SERVICES, ...wishes.services },
    epoch: undefined,
    directory: join(directory, "scope"),
    run: { ...SETTINGS, ...wishes.settings },
  } as unknown as BuildScope;
  const inputs = [asResult(busybox), ...(wishes.inputs ?? [])];
  printed = "";
  return {
    vertex: {
      digest: digestOf("vertex"),
      inputs: inputs.map((_, at) => digestOf(String(at))),
    } as unknown as Vertex,
    operation: {
      kind: "run",
      args,
      env: wishes.env ?? [["PATH", "/bin"]],
      directory: wishes.directory ?? "/",
      user: wishes.user ?? "",
      mounts: wishes.mounts ?? [],
      network: wishes.network ?? "default",
      security: wishes.security ?? "sandbox",
      devices: wishes.devices ?? [],
    },
    inputs,
    context,
    signal: wishes.signal ?? new AbortController().signal,
    log: (_, bytes) => {
      const text = new TextDecoder().decode(bytes);
      printed += text;
      wishes.onLog?.(text);
    },
    progress: () => {},
  };
}

interface Ran {
  readonly printed: string;
  /** The layer's entries: `etc/x file`. */
  readonly entries: readonly string[];
  readonly view: RootDir;
  readonly layers: readonly DiffId[];
}

/** Runs a shell's script and looks at the layer that comes of it. */
async function run<T>(script: string, wishes: Wishes = {}, look?: (ran: Ran) => T): Promise<Ran> {
  const result = (await operation.run(workOf(["/bin/sh", "-c", script], wishes))) as LayersResult;
  using _result = result;
  expect(result.layers.slice(0, -1)).toEqual([...busybox.layers]);
  using view = await store.images.builds.layers.view(result.layers.slice(-1));
  const ran = { printed, entries: entriesOf(view), view, layers: result.layers };
  look?.(ran);
  return ran;
}

function entriesOf(view: RootDir, path = ""): string[] {
  return view
    .list(path || "/")
    .map(({ name }) => `${path}/${name}`)
    .flatMap((each) => {
      const { kind } = view.stat(each, { follow: false });
      return [`${each.slice(1)} ${kind}`, ...(kind === "directory" ? entriesOf(view, each) : [])];
    })
    .sort();
}

const bind = (input: number, target: string, path = "/", readOnly = true): OperationMount => ({
  type: "bind",
  input,
  path,
  target,
  readOnly,
});
const cache = (id: string, target: string, more: object = {}): OperationMount => ({
  type: "cache",
  id,
  sharing: "shared",
  input: 1,
  path: "/",
  target,
  readOnly: false,
  mode: undefined,
  uid: undefined,
  gid: undefined,
  ...more,
});
const secret = (id: string, more: object = {}): OperationMount => ({
  type: "secret",
  id,
  required: false,
  target: `/run/secrets/${id}`,
  env: undefined,
  mode: 0o400,
  uid: 0,
  gid: 0,
  ...more,
});

test(
  "a command's changes are a layer, and nothing else is",
  async () => {
    const ran = await run("echo hello; echo data > /tmp/file; rm /etc/group");
    expect(ran.printed).toBe("hello\n");
    expect(ran.entries.filter((entry) => !/^(etc|tmp) directory/.test(entry))).toEqual([
      "etc/group char",
      "tmp/file file",
    ]);
    expect((await run("true")).entries).toEqual([]);
  },
  PATIENCE_MS,
);

test(
  "user, directory, variables and files of the network are there",
  async () => {
    const ran = await run(
      "id -u; pwd; echo $A $HOME; cat /etc/resolv.conf; hostname; grep -c localhost /etc/hosts",
      {
        user: "me",
        directory: "/made/for/it",
        env: [["A", "b"]],
        settings: { proxies: new Map([["HTTP_PROXY", "http://p"]]) },
      },
    );
    expect(ran.printed).toBe("1000\n/made/for/it\nb /home/me\nnameserver 192.0.2.1\nbuildkitsandbox\n1\n");
    expect(ran.entries).toEqual(["made directory", "made/for directory", "made/for/it directory"]);
    await expect(run("true", { user: "nobody-here" })).rejects.toThrow(
      "unable to find user nobody-here: no matching entries in passwd file",
    );
  },
  PATIENCE_MS,
);

test(
  "a step is confined as a container is",
  async () => {
    const ran = await run(
      "grep -E 'Seccomp:|CapInh|CapEff|NoNewPrivs' /proc/self/status; cat /proc/kcore 2>/dev/null | wc -c; mount -t tmpfs x /tmp 2>/dev/null || echo refused; ls /proc/self/fd | wc -l; ps | wc -l",
    );
    expect(ran.printed).toContain("CapInh:\t0000000000000000\n");
    expect(ran.printed).toContain("CapEff:\t00000000a80425fb\n");
    expect(ran.printed).toContain("Seccomp:\t2\n");
    expect(ran.printed).toContain("refused\n4\n");
    for (const path of ["/proc/self/fd/7", "/proc/self/fd/../fd/8", "/dev/fd/9"]) {
      await expect(run("true", { directory: path })).rejects.toThrow("open files");
    }
  },
  PATIENCE_MS,
);

test(
  "failures are told in BuildKit's words",
  async () => {
    await expect(run("exit 3")).rejects.toThrow(
      'process "/bin/sh -c exit 3" did not complete successfully: exit code: 3',
    );
    const noShell = operation.run({
      ...workOf(["/bin/bash", "-c", "x"], {}),
    });
    await expect(noShell).rejects.toThrow(
      /exit code: 127: exec: "\/bin\/bash": .*\(the image has no \/bin\/bash/,
    );
    await expect(run("true", { security: "insecure" })).rejects.toThrow("security.insecure is not allowed");
    await expect(run("true", { network: "host" })).rejects.toThrow("network.host is not allowed");
    for (const required of [true, false])
      await expect(run("true", { devices: [{ name: "vendor.com/gpu", required }] })).rejects.toThrow(
        'requested device "vendor.com/gpu" is not available',
      );
  },
  PATIENCE_MS,
);

test(
  "a step's network is the one that was asked for",
  async () => {
    asked.length = 0;
    await run("true", { network: "none" });
    await run("true", { settings: { network: "mine" } });
    await run("true");
    await run("true", { network: "host", settings: { network: "host" } });
    expect(asked).toEqual(["none", "mine", "default", "host"]);
  },
  PATIENCE_MS,
);

test(
  "want of memory is told",
  async () => {
    if (!machine.defaults.facts.limits.memory) return;
    const hungry = run("dd if=/dev/zero of=/dev/null bs=200M count=1", {
      settings: { memoryBytes: 16 << 20, memorySwapBytes: 16 << 20 },
    });
    await expect(hungry).rejects.toThrow("exit code: 137: cannot allocate memory");
  },
  PATIENCE_MS,
);

test(
  "aborting ends a step at once and leaves nothing",
  async () => {
    const abort = new AbortController();
    const running = run("echo up; sleep 1000", {
      signal: abort.signal,
      mounts: [cache("c", "/cache")],
      inputs: [NOTHING],
      onLog: () => abort.abort(new Error("enough")),
    });
    await expect(running).rejects.toThrow("enough");
  },
  PATIENCE_MS,
);

test(
  "what a bind mount shows can be written to only where that is thrown away",
  async () => {
    using source = await layerOf((root) => {
      mkdirSync(join(root, "sub"));
      writeFileSync(join(root, "sub/file"), "content");
      symlinkSync("/sub/file", join(root, "link"));
      symlinkSync("../../../../etc", join(root, "out"));
    });
    const inputs = [asResult(source)];
    const reading = await run("cat /m/sub/file /one; touch /m/x 2>/dev/null || echo no", {
      mounts: [bind(1, "/m"), bind(1, "/one", "/link")],
      inputs,
    });
    expect(reading.printed).toBe("contentcontentno\n");
    expect(reading.entries).toEqual([]);
    const writing = await run("echo more > /m/sub/file; cat /m/sub/file", {
      mounts: [bind(1, "/m", "/", false)],
      inputs,
    });
    expect(writing).toMatchObject({ printed: "more\n", entries: [] });
    // Links of a source lead nowhere outside it.
    await expect(run("true", { mounts: [bind(1, "/m", "/out/passwd")], inputs })).rejects.toThrow(
      '"/out/passwd": not found',
    );
    expect((await run("cat /m/sub/file", { mounts: [bind(1, "/m")], inputs })).printed).toBe("content");
  },
  PATIENCE_MS,
);

test(
  "a context is mounted as root's, without what is ignored",
  async () => {
    const path = mkdtempSync(join(directory, "context-"));
    for (const name of ["a", "hidden"]) writeFileSync(join(path, name), name);
    await using source = new LocalTree({ path }, (each) => each !== "hidden", new FileDigests(undefined));
    const input: Result = { kind: "source", source, [Symbol.asyncDispose]: async () => {} };
    const ran = await run("ls /m; stat -c %u /m/a; cat /f", {
      mounts: [bind(1, "/m"), bind(1, "/f", "/a")],
      inputs: [input],
    });
    expect(ran).toMatchObject({ printed: "a\n0\na", entries: [] });
    // Its layer, which nobody has a use for any more, is gone.
    const layers = store.db.all<{ diff_id: DiffId }>(
      "SELECT diff_id FROM images_layers WHERE content_bytes > 0",
    );
    expect(layers.map(({ diff_id }) => diff_id)).toEqual([...busybox.layers]);
    // A link of a context leads nowhere outside it, nor to what is ignored.
    symlinkSync("/etc/passwd", join(path, "passwd"));
    symlinkSync("../../../../../../etc/passwd", join(path, "up"));
    symlinkSync("hidden", join(path, "shown"));
    for (const name of ["passwd", "up", "shown", "../../etc/passwd", "hidden"]) {
      const reaching = run("cat /f", { mounts: [bind(1, "/f", `/${name}`)], inputs: [input] });
      await expect(reaching).rejects.toThrow("not found");
    }
  },
  PATIENCE_MS,
);

test(
  "a context that several steps mount becomes a layer once, as long as it is the same",
  async () => {
    const path = mkdtempSync(join(directory, "context-"));
    writeFileSync(join(path, "a"), "one");
    const records = new CacheRecords(store.db, store.images.builds.layers);
    const parts = { mounts: caches, digests: new FileDigests(undefined), known: undefined };
    const keeping = new RunOperation(machine, { ...parts, sources: new SourceLayers(records) });
    const mounting = async () => {
      await using source = new LocalTree({ path }, undefined, new FileDigests(undefined));
      const input: Result = { kind: "source", source, [Symbol.asyncDispose]: async () => {} };
      const work = workOf(["/bin/cat", "/m/a"], { mounts: [bind(1, "/m")], inputs: [input] });
      using _result = (await keeping.run(work)) as LayersResult;
      return printed;
    };
    expect(await mounting()).toBe("one");
    const [kept] = await records.list();
    expect(kept).toMatchObject({ type: "source.local", inUse: false });
    await Promise.all([mounting(), mounting()]);
    expect((await records.list()).map(({ id }) => id)).toEqual([kept!.id]);
    writeFileSync(join(path, "a"), "two");
    expect(await mounting()).toBe("two");
    // The same again at another time is another, for tools that go by times.
    utimesSync(join(path, "a"), 1_000_000_000, 1_000_000_000);
    expect(await mounting()).toBe("two");
    const all = await records.list();
    expect(all.length).toBe(3);
    await records.remove(new Set(all.map(({ id }) => id)));
    await store.images.builds.layers.collect();
  },
  PATIENCE_MS,
);

test(
  "a script of a here-document is run",
  async () => {
    const path = mkdtempSync(join(directory, "script-"));
    writeFileSync(join(path, "EOF"), "#!/bin/sh\necho from the script\n", { mode: 0o755 });
    await using source = new LocalTree({ path, shownAs: path }, undefined, new FileDigests(undefined));
    const input: Result = { kind: "source", source, [Symbol.asyncDispose]: async () => {} };
    const work = workOf(["/dev/pipes/EOF"], { mounts: [bind(1, "/dev/pipes/")], inputs: [input] });
    using _result = (await operation.run(work)) as LayersResult;
    expect(printed).toBe("from the script\n");
  },
  PATIENCE_MS,
);

test(
  "caches last, begin as they are told to, and are no part of the layer",
  async () => {
    const inputs = [NOTHING];
    const first = await run("echo 1 >> /var/cache/x/n; ls /var/cache/x", {
      mounts: [cache("c", "/var/cache/x")],
      inputs,
    });
    expect(first.entries).toEqual([]);
    const second = await run("echo 2 >> /c/n; cat /c/n", { mounts: [cache("c", "/c")], inputs });
    expect(second.printed).toBe("1\n2\n");
    using from = await layerOf((root) => {
      mkdirSync(join(root, "seed"));
      writeFileSync(join(root, "seed/file"), "seeded");
    });
    const seeded = await run("cat /c/*; (echo x > /c/y) 2>/dev/null || echo no", {
      mounts: [cache("c", "/c", { path: "/seed", readOnly: true })],
      inputs: [asResult(from)],
    });
    expect(seeded.printed).toBe("seededno\n");
    const owned = await run("stat -c '%a %u %g' /c", {
      mounts: [cache("c", "/c", { mode: 0o770, uid: 7, gid: 8 })],
      inputs,
    });
    expect(owned.printed).toBe("770 7 8\n");
    await expect(
      run("true", { mounts: [cache("d", "/c", { path: "/none" })], inputs: [asResult(from)] }),
    ).rejects.toThrow('"/none": not found');
  },
  PATIENCE_MS,
);

test(
  "links in a cache, however they change, lead nowhere outside it (CVE-2024-23651)",
  async () => {
    const canary = join(directory, "canary");
    mkdirSync(canary, { recursive: true });
    writeFileSync(join(canary, "file"), "host");
    const inputs = [NOTHING];
    await run(`rm -rf /c/sub; ln -s ${canary} /c/sub; ls -l /c`, { mounts: [cache("race", "/c")], inputs });
    // A cache with a path of its own in the same cache is another one: nothing in it is looked up.
    const seen = await run("ls /c/ /c/inner; touch /c/inner/made", {
      mounts: [cache("race", "/c"), { type: "tmpfs", target: "/c/inner", size: undefined }],
      inputs,
    });
    expect(seen.printed).not.toContain("file");
    expect(readdirSync(canary)).toEqual(["file"]);
    // The mount's place itself is a link: it is followed in the container's root, never in the host's.
    await run("true", {
      mounts: [cache("race", "/c"), { type: "tmpfs", target: "/c/sub", size: undefined }],
      inputs,
    }).catch(() => {});
    expect(readdirSync(canary)).toEqual(["file"]);
    expect(readFileSync(join(canary, "file"), "utf8")).toBe("host");
  },
  PATIENCE_MS,
);

test(
  "places that were made for mounts go, and nothing outside the root with them (CVE-2024-23652)",
  async () => {
    const canary = join(directory, "empty-directory-of-the-host");
    mkdirSync(canary);
    const mounts = [cache("p", `${canary}/in`)];
    const ran = await run(`rm -rf /work; umount -l ${canary}/in 2>/dev/null; ls ${canary}`, {
      mounts,
      inputs: [NOTHING],
    });
    expect(ran.entries).toEqual([]);
    expect(existsSync(canary)).toBe(true);
    // The folder of a mount's place is replaced by a link out of the root while the step runs.
    const replaced = await run(`echo kept > /tmp/kept; mkdir -p /a; ln -s ${directory} /a/b`, {
      mounts: [cache("p", "/x/y")],
      inputs: [NOTHING],
    });
    expect(replaced.entries).toContain("tmp/kept file");
    expect(replaced.entries.some((entry) => entry.startsWith("x"))).toBe(false);
    expect(existsSync(directory)).toBe(true);
    rmSync(canary, { recursive: true });
  },
  PATIENCE_MS,
);

test(
  "what a command puts where a mount was is kept",
  async () => {
    const ran = await run("echo own > /data/file; mkdir -p /other/kept", {
      mounts: [{ type: "tmpfs", target: "/data/t", size: undefined }, cache("o", "/other/c")],
      inputs: [NOTHING],
    });
    expect(ran.entries).toEqual([
      "data directory",
      "data/file file",
      "other directory",
      "other/kept directory",
    ]);
  },
  PATIENCE_MS,
);

test(
  "a tmpfs has the size that was asked for and leaves nothing",
  async () => {
    const ran = await run("echo x > /t/file; df -k /t | grep -o ' 1024 '", {
      mounts: [{ type: "tmpfs", target: "/t", size: 1 << 20 }],
    });
    expect(ran.printed).toBe(" 1024 \n");
    expect(ran.entries).toEqual([]);
  },
  PATIENCE_MS,
);

test(
  "secrets are files and variables for the one step, and nowhere else",
  async () => {
    const value = "s3cret-d41d8cd98f";
    const services = { secret: async () => Buffer.from(value) };
    const ran = await run(
      'cat /run/secrets/s | wc -c; stat -c \'%a %u %g\' /run/secrets/s /own; test "$TOKEN" = "$(cat /own)" && echo same; (echo x > /own) 2>/dev/null || echo no',
      {
        mounts: [secret("s"), secret("s", { target: "/own", env: "TOKEN", mode: 0o440, uid: 5, gid: 6 })],
        services,
      },
    );
    expect(ran.printed).toBe(`${value.length}\n400 0 0\n440 5 6\nsame\nno\n`);
    expect(ran.entries).toEqual([]);
    const grep = Bun.spawnSync([
      "grep",
      "-r",
      "-l",
      value,
      join(directory, "store"),
      join(directory, "x"),
      machine.directory,
    ]);
    expect(grep.stdout.toString()).toBe("");
    const key = (secretValue: string) =>
      operation.key(
        workOf(["x"], { mounts: [secret("s")], services: { secret: async () => Buffer.from(secretValue) } }),
      );
    expect(await key("a")).toBe(await key("b"));
    const failing = run("exit 1", { mounts: [secret("s", { env: "TOKEN" })], services });
    expect(String(await failing.catch((error: Error) => error))).not.toContain(value);
  },
  PATIENCE_MS,
);

test(
  "a secret that nobody has is an empty place, or an error where it is needed",
  async () => {
    expect((await run("ls /run/secrets 2>&1 || echo none", { mounts: [secret("s")] })).printed).toContain(
      "none",
    );
    await expect(run("true", { mounts: [secret("s", { required: true })] })).rejects.toThrow(
      "secret s: not found",
    );
    await expect(
      run("true", { mounts: [secret("s")], services: { secret: async () => Buffer.alloc(600_000) } }),
    ).rejects.toThrow("larger than");
  },
  PATIENCE_MS,
);

/** An agent that says everything back. */
async function echo(): Promise<SshConnection> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  return {
    received: readable as unknown as AsyncIterable<Uint8Array>,
    send: (bytes) => writer.write(bytes),
    end: () => void writer.close().catch(() => {}),
    [Symbol.asyncDispose]: async () => {
      await writer.abort().catch(() => {});
    },
  };
}

const agent = (more: object = {}): OperationMount => ({
  ...(secret("default", { target: undefined, mode: 0o600 }) as Extract<
    OperationMount,
    { type: "secret" | "ssh" }
  >),
  type: "ssh",
  ...more,
});

test(
  "the client's ssh agent is reached by a socket, whose end is the step's",
  async () => {
    const up = Promise.withResolvers<void>();
    const done = new AbortController();
    const running = run("echo $SSH_AUTH_SOCK; stat -c '%F %a %u' $SSH_AUTH_SOCK; echo up; sleep 1000", {
      mounts: [agent({ uid: 9 })],
      services: { sshAgent: echo },
      signal: done.signal,
      onLog: (text) => {
        if (text.includes("up")) up.resolve();
      },
    });
    running.catch(() => {});
    await Promise.race([up.promise, running]);
    expect(printed).toBe("/run/buildkit/ssh_agent.0\nsocket 600 9\nup\n");
    const [id] = readdirSync(machine.directory);
    const socket = createConnection(join(machine.directory, id!, "agent-0"));
    const answer = new Promise<string>((resolve) => socket.once("data", (bytes) => resolve(String(bytes))));
    socket.write("hello agent");
    expect(await answer).toBe("hello agent");
    const closed = new Promise((resolve) => socket.once("close", resolve));
    done.abort(new Error("enough"));
    await expect(running).rejects.toThrow("enough");
    await closed;
    await expect(run("true", { mounts: [agent({ required: true })] })).rejects.toThrow(
      "unset ssh forward key default",
    );
    expect((await run("echo -$SSH_AUTH_SOCK-", { mounts: [agent()] })).printed).toBe("--\n");
  },
  PATIENCE_MS,
);

test("a key tells what is mounted apart, and forgets where it came from", async () => {
  using a = await layerOf((root) => writeFileSync(join(root, "file"), "a"));
  using b = await layerOf((root) => {
    writeFileSync(join(root, "file"), "a");
    writeFileSync(join(root, "other"), "b");
  });
  const key = (input: Result, mount: OperationMount, more: Wishes = {}): Promise<Digest | undefined> =>
    operation.key(workOf(["x"], { mounts: [mount], inputs: [input], ...more }));
  const whole = bind(1, "/m");
  const one = bind(1, "/m", "/file");
  expect(await key(asResult(a), one)).toBe(await key(asResult(b), one));
  expect(await key(asResult(a), whole)).not.toBe(await key(asResult(b), whole));
  expect(await key(asResult(a), one, { user: "me" })).not.toBe(await key(asResult(a), one));
  const proxied = { settings: { proxies: new Map([["HTTP_PROXY", "x"]]) } };
  expect(await key(asResult(a), one, proxied)).toBe(await key(asResult(a), one));
  await expect(key(asResult(a), bind(1, "/m", "/none"))).rejects.toThrow(
    'failed to compute cache key: "/none": not found',
  );
});

test(
  "what a killed daemon left is ended and removed at the next start",
  async () => {
    const up = Promise.withResolvers<void>();
    const running = run("echo up; sleep 1000", {
      mounts: [cache("left", "/c")],
      inputs: [NOTHING],
      onLog: () => up.resolve(),
    });
    running.catch(() => {});
    await Promise.race([up.promise, running]);
    expect(readdirSync(machine.directory)).toHaveLength(1);
    await sweepRuns(machine);
    expect(readdirSync(machine.directory)).toEqual([]);
    await expect(running).rejects.toThrow();
  },
  PATIENCE_MS,
);
