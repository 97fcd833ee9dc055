import type { Cli } from "./cli.ts";
import type { Command } from "./spec.ts";

/** A command that is loaded only when it is called: that keeps the client's start short. */
export interface Leaf {
  readonly load: () => Promise<{ command: Command }>;
  readonly aliases?: readonly string[];
  readonly hidden?: boolean;
  /** Of a command with commands of its own behind its flags. */
  readonly nested?: () => Promise<Nested>;
}

/** What help and completion know of commands behind a command's flags. */
export interface Nested {
  readonly commands: Readonly<Record<string, NestedLeaf>>;
  /** Help for one of them, or for all without a name. */
  help(cli: Cli, name?: string): Promise<string>;
  /** What the arguments of a command may be, behind these words; nothing where that is not known. */
  argumentNames(cli: Cli, words: readonly string[]): Promise<readonly string[]>;
}

export interface NestedLeaf {
  readonly load: () => Promise<{ command: Omit<Command, "run" | "arity"> }>;
  readonly hidden?: boolean;
}

/** Commands under one word: `berth container …`. */
export interface Group {
  readonly summary: string;
  readonly commands: Readonly<Record<string, Leaf>>;
}

export type Node = Leaf | Group;

const attach: Leaf = { load: async () => import("./commands/attach.ts") };
const build: Leaf = { load: async () => import("./commands/build.ts") };
const commit: Leaf = { load: async () => import("./commands/commit.ts") };
const copy: Leaf = { load: async () => import("./commands/cp.ts") };
const create: Leaf = { load: async () => import("./commands/create.ts") };
const diff: Leaf = { load: async () => import("./commands/diff.ts") };
const events: Leaf = { load: async () => import("./commands/events.ts") };
const exec: Leaf = { load: async () => import("./commands/exec.ts") };
const exportContainer: Leaf = { load: async () => import("./commands/export.ts") };
const history: Leaf = { load: async () => import("./commands/history.ts") };
const images: Leaf = { load: async () => import("./commands/images.ts") };
const importImage: Leaf = { load: async () => import("./commands/import.ts") };
const info: Leaf = { load: async () => import("./commands/info.ts") };
const kill: Leaf = { load: async () => import("./commands/kill.ts") };
const load: Leaf = { load: async () => import("./commands/load.ts") };
const logs: Leaf = { load: async () => import("./commands/logs.ts") };
const pause: Leaf = { load: async () => import("./commands/pause.ts") };
const port: Leaf = { load: async () => import("./commands/port.ts") };
const ps: Leaf = { load: async () => import("./commands/ps.ts") };
const pull: Leaf = { load: async () => import("./commands/pull.ts") };
const push: Leaf = { load: async () => import("./commands/push.ts") };
const rename: Leaf = { load: async () => import("./commands/rename.ts") };
const restart: Leaf = { load: async () => import("./commands/restart.ts") };
const rm: Leaf = { load: async () => import("./commands/rm.ts") };
const rmi: Leaf = { load: async () => import("./commands/rmi.ts") };
const run: Leaf = { load: async () => import("./commands/run.ts") };
const save: Leaf = { load: async () => import("./commands/save.ts") };
const start: Leaf = { load: async () => import("./commands/start.ts") };
const stats: Leaf = { load: async () => import("./commands/stats.ts") };
const stop: Leaf = { load: async () => import("./commands/stop.ts") };
const tag: Leaf = { load: async () => import("./commands/tag.ts") };
const top: Leaf = { load: async () => import("./commands/top.ts") };
const unpause: Leaf = { load: async () => import("./commands/unpause.ts") };
const update: Leaf = { load: async () => import("./commands/update.ts") };
const wait: Leaf = { load: async () => import("./commands/wait.ts") };

const builder: Group = {
  summary: "Manage builds",
  commands: {
    build,
    du: { load: async () => import("./commands/builder-du.ts") },
    prune: { load: async () => import("./commands/builder-prune.ts") },
  },
};

const container: Group = {
  summary: "Manage containers",
  commands: {
    attach,
    commit,
    cp: copy,
    create,
    diff,
    exec,
    export: exportContainer,
    inspect: { load: async () => import("./commands/container-inspect.ts") },
    kill,
    logs,
    ls: { ...ps, aliases: ["ps", "list"] },
    pause,
    port,
    prune: { load: async () => import("./commands/container-prune.ts") },
    rename,
    restart,
    rm: { ...rm, aliases: ["remove"] },
    run,
    start,
    stats,
    stop,
    top,
    unpause,
    update,
    wait,
  },
};

const image: Group = {
  summary: "Manage images",
  commands: {
    build,
    diff: { load: async () => import("./commands/image-diff.ts") },
    explore: { load: async () => import("./commands/image-explore.ts") },
    history,
    import: importImage,
    inspect: { load: async () => import("./commands/image-inspect.ts") },
    load,
    log: { load: async () => import("./commands/image-log.ts") },
    ls: { ...images, aliases: ["list"] },
    prune: { load: async () => import("./commands/image-prune.ts") },
    pull,
    push,
    rm: { ...rmi, aliases: ["remove"] },
    rollback: { load: async () => import("./commands/image-rollback.ts") },
    save,
    tag,
    tree: { load: async () => import("./commands/image-tree.ts") },
  },
};

const manifest: Group = {
  summary: "Manage manifests and manifest lists in registries",
  commands: {
    annotate: { load: async () => import("./commands/manifest-annotate.ts") },
    create: { load: async () => import("./commands/manifest-create.ts") },
    inspect: { load: async () => import("./commands/manifest-inspect.ts") },
    push: { load: async () => import("./commands/manifest-push.ts") },
    rm: { load: async () => import("./commands/manifest-rm.ts") },
  },
};

const network: Group = {
  summary: "Manage networks",
  commands: {
    connect: { load: async () => import("./commands/network-connect.ts") },
    create: { load: async () => import("./commands/network-create.ts") },
    disconnect: { load: async () => import("./commands/network-disconnect.ts") },
    inspect: { load: async () => import("./commands/network-inspect.ts") },
    ls: { load: async () => import("./commands/network-ls.ts"), aliases: ["list"] },
    prune: { load: async () => import("./commands/network-prune.ts") },
    rm: { load: async () => import("./commands/network-rm.ts"), aliases: ["remove"] },
  },
};

const context: Group = {
  summary: "Manage contexts",
  commands: {
    create: { load: async () => import("./commands/context-create.ts") },
    export: { load: async () => import("./commands/context-export.ts") },
    import: { load: async () => import("./commands/context-import.ts") },
    inspect: { load: async () => import("./commands/context-inspect.ts") },
    ls: { load: async () => import("./commands/context-ls.ts"), aliases: ["list"] },
    rm: { load: async () => import("./commands/context-rm.ts"), aliases: ["remove"] },
    show: { load: async () => import("./commands/context-show.ts") },
    update: { load: async () => import("./commands/context-update.ts") },
    use: { load: async () => import("./commands/context-use.ts") },
  },
};

const system: Group = {
  summary: "Manage the engine",
  commands: {
    df: { load: async () => import("./commands/system-df.ts") },
    "dial-stdio": { load: async () => import("./commands/dial-stdio.ts"), hidden: true },
    events,
    info,
    prune: { load: async () => import("./commands/system-prune.ts") },
  },
};

const volume: Group = {
  summary: "Manage volumes",
  commands: {
    clone: { load: async () => import("./commands/volume-clone.ts") },
    create: { load: async () => import("./commands/volume-create.ts") },
    export: { load: async () => import("./commands/volume-export.ts") },
    import: { load: async () => import("./commands/volume-import.ts") },
    inspect: { load: async () => import("./commands/volume-inspect.ts") },
    ls: { load: async () => import("./commands/volume-ls.ts"), aliases: ["list"] },
    prune: { load: async () => import("./commands/volume-prune.ts") },
    rm: { load: async () => import("./commands/volume-rm.ts"), aliases: ["remove"] },
    update: { load: async () => import("./commands/volume-update.ts") },
  },
};

const swarm: Leaf = { load: async () => (await import("./commands/refused.ts")).swarm, hidden: true };

/** Docker's commands of which there is nothing here, and which say so. */
const REFUSED: Readonly<Record<string, Leaf>> = {
  checkpoint: { load: async () => (await import("./commands/refused.ts")).checkpoint, hidden: true },
  config: swarm,
  node: swarm,
  plugin: { load: async () => (await import("./commands/refused.ts")).plugin, hidden: true },
  secret: swarm,
  service: swarm,
  stack: swarm,
  swarm,
  trust: { load: async () => (await import("./commands/refused.ts")).trust, hidden: true },
};

/** Every command by its name, as Docker's client has them: the short spelling, and the groups. */
export const COMMANDS: Readonly<Record<string, Node>> = {
  attach,
  build,
  builder,
  // The name of Docker's plugin, for fingers and scripts that know it.
  buildx: builder,
  commit,
  completion: { load: async () => import("./commands/completion.ts") },
  compose: {
    load: async () => import("./compose/command.ts"),
    nested: async () => (await import("./compose/nested.ts")).nested,
  },
  container,
  context,
  cp: copy,
  create,
  diff,
  doctor: { load: async () => import("./commands/doctor.ts") },
  events,
  exec,
  export: exportContainer,
  history,
  image,
  images,
  import: importImage,
  info,
  install: { load: async () => import("./commands/install.ts") },
  inspect: { load: async () => import("./commands/inspect.ts") },
  kill,
  load,
  login: { load: async () => import("./commands/login.ts") },
  logout: { load: async () => import("./commands/logout.ts") },
  logs,
  manifest,
  network,
  pause,
  port,
  ps,
  pull,
  push,
  rename,
  restart,
  rm,
  rmi,
  run,
  save,
  search: { load: async () => import("./commands/search.ts") },
  start,
  stats,
  stop,
  system,
  tag,
  top,
  uninstall: { load: async () => import("./commands/uninstall.ts") },
  unpause,
  update,
  version: { load: async () => import("./commands/version.ts") },
  volume,
  wait,
  ...REFUSED,
  __complete: { load: async () => import("./commands/complete.ts"), hidden: true },
};

export function isGroup(node: Node | NestedLeaf): node is Group {
  return "commands" in node;
}

/** A command by one of its names. */
export function findIn<N extends Node>(commands: Readonly<Record<string, N>>, name: string): N | undefined {
  if (Object.hasOwn(commands, name)) return commands[name];
  return Object.values(commands).find((node) => !isGroup(node) && node.aliases?.includes(name));
}

/** Every way to call a command: `container ls`, `container ps`, `ps`. */
export function spellings(leaf: Leaf): string[] {
  const same = (node: Node): node is Leaf => !isGroup(node) && node.load === leaf.load;
  const inGroups = Object.entries(COMMANDS).flatMap(([group, node]) =>
    !isGroup(node)
      ? []
      : Object.entries(node.commands)
          .filter(([, child]) => same(child))
          .flatMap(([name, child]) => [name, ...(child.aliases ?? [])].map((each) => `${group} ${each}`)),
  );
  const plain = Object.entries(COMMANDS).filter(([, node]) => same(node));
  return [...inGroups, ...plain.map(([name]) => name)];
}
