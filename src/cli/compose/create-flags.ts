import type { CreateOptions } from "../../compose/index.ts";
import { bool, cut, type Flag, type Flags, string, type Values } from "../flags.ts";
import { isTerminal } from "../terminal/tty.ts";
import { parseDecimal } from "../text/numbers.ts";
import type { Session } from "./session.ts";

/** How many containers a service is to have: `web=3`. */
const SCALE: Flag<readonly string[]> = {
  type: "scale",
  description: "Have so many containers of a service (SERVICE=NUM), whatever the file says",
  initial: [],
  take: (text, before) => [...before, text],
};

/** What `up` and `create` share. */
export const CREATE_FLAGS = {
  build: bool("Build images before"),
  "force-recreate": bool("Make containers anew even where nothing has changed"),
  "no-build": bool("Build no images, even where they are missing"),
  "no-recreate": bool("Leave containers that are there as they are"),
  pull: string("Pull images before: always, missing, never or policy", {
    initial: "policy",
    complete: ["always", "missing", "never", "policy"],
  }),
  "quiet-pull": bool("Show no progress of pulls"),
  "remove-orphans": bool("Remove containers of services that the files do not have"),
  scale: SCALE,
  y: bool("Old name of --yes", { hidden: true }),
  yes: bool("Answer every question with yes", { short: "y" }),
} satisfies Flags;

type CreateFlags = Values<typeof CREATE_FLAGS>;

/** What the flags mean for an operation. @throws where they contradict one another. */
export function createOptions(
  session: Session,
  flags: CreateFlags,
  changed: (flag: keyof typeof CREATE_FLAGS) => boolean,
): CreateOptions {
  if (flags.build && flags["no-build"]) throw new Error("--build and --no-build are incompatible");
  if (flags["force-recreate"] && flags["no-recreate"])
    throw new Error("--force-recreate and --no-recreate are incompatible");
  return {
    build: flags.build || (changed("pull") && flags.pull === "build"),
    noBuild: flags["no-build"],
    pull: pullChoice(flags.pull),
    quietPull: flags["quiet-pull"],
    forceRecreate: flags["force-recreate"],
    noRecreate: flags["no-recreate"],
    ...orphanOptions(session, flags["remove-orphans"], changed("remove-orphans")),
    scale: scaleOf(flags.scale),
    confirm: (question) => confirm(session, question, flags.yes || flags.y),
  };
}

/** What becomes of containers whose services the files do not have. */
export function orphanOptions(
  session: Session,
  flag: boolean,
  isGiven: boolean,
): { removeOrphans: boolean; ignoreOrphans: boolean } {
  const removeOrphans = isGiven ? flag : session.isSet("COMPOSE_REMOVE_ORPHANS");
  const ignoreOrphans = session.isSet("COMPOSE_IGNORE_ORPHANS");
  if (removeOrphans && ignoreOrphans)
    throw new Error("cannot combine COMPOSE_IGNORE_ORPHANS and --remove-orphans");
  return { removeOrphans, ignoreOrphans };
}

/** @throws for what is no choice. */
export function pullChoice(text: string): "always" | "missing" | "never" | "policy" {
  switch (text) {
    case "always":
    case "missing":
    case "never":
    case "policy":
      return text;
    case "if_not_present":
      return "missing";
    case "build":
      return "policy";
    default:
      throw new Error(`invalid --pull option ${JSON.stringify(text)}`);
  }
}

function scaleOf(texts: readonly string[]): Record<string, number> {
  const pairs = texts.map((text): [string, number] => {
    const [service, number] = cut(text, "=");
    if (number === undefined || number === "") {
      throw new Error(`invalid --scale option ${JSON.stringify(text)}. Should be SERVICE=NUM`);
    }
    try {
      return [service, parseDecimal(number)];
    } catch {
      throw new Error(`invalid --scale option ${JSON.stringify(text)}. Should be SERVICE=NUM`);
    }
  });
  return Object.fromEntries(pairs);
}

/** Asks on the terminal; no where nobody answers. */
export async function confirm(session: Session, question: string, assumeYes: boolean): Promise<boolean> {
  if (assumeYes) return true;
  const { readLine } = await import("../terminal/ask.ts");
  session.cli.output.warn(`${question} [y/N] `);
  const answer = await readLine();
  // Whoever types ends the line; a file or nobody does not.
  if (!isTerminal(0)) session.cli.output.warn("\n");
  return /^y(es)?$/i.test(answer.trim());
}
