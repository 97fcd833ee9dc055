import type { Flag, Flags } from "../../src/cli/flags.ts";
import { GLOBAL_FLAGS } from "../../src/cli/globals.ts";
import { COMMANDS, isGroup, type Leaf, spellings } from "../../src/cli/tree.ts";
import type { ClientCommand, ClientFlag, DockerClient } from "./docker-client.ts";

/** One thing in which the two clients differ. */
export interface Difference {
  /** `container run --gpus`, `trust sign`, `run [OPTIONS] …`: see `kind`. */
  readonly name: string;
  readonly kind:
    | "missing command"
    | "own command"
    | "missing flag"
    | "own flag"
    | "other flag"
    | "other usage"
    | "missing spelling"
    | "own spelling";
  /** What differs, where the kind does not say it all. */
  readonly what?: string;
}

/** Our client as Docker's is described. Flags that help hides or that only Windows has are optional: told apart by `hidden`. */
interface OwnCommand extends ClientCommand {
  readonly hidden: ReadonlySet<string>;
}

/** Everything in which our client differs from Docker's: names, flags, kinds of values, usage. */
export async function differences(docker: DockerClient): Promise<Difference[]> {
  const own = await ownCommands();
  const found: Difference[] = [];
  const matched = new Set<OwnCommand>();
  for (const [name, theirs] of Object.entries(docker.commands)) {
    const ours = own.find((one) => theirs.spellings.some((spelling) => one.spellings.includes(spelling)));
    if (ours === undefined) {
      found.push({ name, kind: "missing command" });
      continue;
    }
    matched.add(ours);
    found.push(...differencesOf(name, theirs, ours));
  }
  for (const one of own) {
    if (!matched.has(one)) found.push({ name: one.spellings.join(", "), kind: "own command" });
  }
  return found;
}

function differencesOf(name: string, theirs: ClientCommand, ours: OwnCommand): Difference[] {
  const found: Difference[] = [];
  const label = name === "" ? "docker" : name;
  for (const spelling of theirs.spellings) {
    if (!ours.spellings.includes(spelling)) found.push({ name: spelling, kind: "missing spelling" });
  }
  for (const spelling of ours.spellings) {
    if (!theirs.spellings.includes(spelling)) found.push({ name: spelling, kind: "own spelling" });
  }
  // Docker's help shows the second of two ways on a line of its own.
  const [usage] = ours.usage.split("\n");
  if (theirs.usage !== usage) {
    found.push({ name: label, kind: "other usage", what: `\`${usage}\` for \`${theirs.usage}\`` });
  }
  for (const [flag, one] of Object.entries(theirs.flags)) {
    const other = ours.flags[flag];
    if (other === undefined) found.push({ name: `${label} --${flag}`, kind: "missing flag" });
    else if (other.type !== one.type || other.short !== one.short) {
      found.push({
        name: `${label} --${flag}`,
        kind: "other flag",
        what: `\`${shown(flag, other)}\` for \`${shown(flag, one)}\``,
      });
    }
  }
  for (const flag of Object.keys(ours.flags)) {
    if (theirs.flags[flag] === undefined && !ours.hidden.has(flag)) {
      found.push({ name: `${label} --${flag}`, kind: "own flag" });
    }
  }
  return found;
}

function shown(name: string, { short, type }: ClientFlag): string {
  return `${short === undefined ? "" : `-${short}, `}--${name}${type === "" ? "" : ` ${type}`}`;
}

async function ownCommands(): Promise<OwnCommand[]> {
  const leaves = new Map<Leaf["load"], Leaf>();
  for (const node of Object.values(COMMANDS)) {
    for (const leaf of isGroup(node) ? Object.values(node.commands) : [node]) {
      if (leaf.hidden !== true) leaves.set(leaf.load, leaf);
    }
  }
  const root: OwnCommand = { usage: "[OPTIONS] COMMAND", ...described(GLOBAL_FLAGS), spellings: [""] };
  const commands = [...leaves.values()].map(async (leaf): Promise<OwnCommand> => {
    const { command } = await leaf.load();
    return { usage: command.usage, ...described(command.flags), spellings: spellings(leaf) };
  });
  return [root, ...(await Promise.all(commands))];
}

function described(flags: Flags): Pick<OwnCommand, "flags" | "hidden"> {
  const entries = Object.entries(flags).map(([name, { short, type }]: [string, Flag]) => [
    name,
    { ...(short === undefined ? {} : { short }), type },
  ]);
  const hidden = Object.entries(flags).filter(([, flag]) => flag.hidden || flag.windows);
  return { flags: Object.fromEntries(entries), hidden: new Set(hidden.map(([name]) => name)) };
}
