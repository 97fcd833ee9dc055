import { bool, type Flag, type Flags, int, list, string } from "../flags.ts";

/** May be given several times; help's word is that of Docker Compose. */
export function array(description: string, short?: string): Flag<readonly string[]> {
  return list(description, { type: "stringArray", ...(short !== undefined && { short }) });
}

/** Flags of `compose` itself, before its command. */
export const COMPOSE_FLAGS = {
  "all-resources": bool("Keep resources that no service uses"),
  ansi: string("When to use colours and move the cursor: never, always or auto", {
    initial: "auto",
    complete: ["never", "always", "auto"],
  }),
  compatibility: bool("Behave as the first docker-compose did, as far as that has a meaning"),
  "dry-run": bool("Show what would be done, and do nothing"),
  "env-file": { ...array("File of variables for the Compose files, instead of .env"), complete: "files" },
  file: { ...array("Compose file; several are merged in this order", "f"), complete: "files" },
  help: bool("Show help", { short: "h", hidden: true }),
  "insecure-registry": list("Registry to be spoken to without TLS", { hidden: true }),
  "no-ansi": bool("Old name of --ansi never", { hidden: true }),
  parallel: int("How much may be done at the same time; -1: no limit", { initial: -1 }),
  profile: array("Enable the services of a profile"),
  progress: string("How to show progress: auto, tty, plain, json or quiet", {
    complete: ["auto", "tty", "plain", "json", "quiet"],
  }),
  "project-directory": string("Where relative paths start (default: the folder of the first Compose file)", {
    complete: "files",
  }),
  "project-name": string("Name of the project", { short: "p" }),
  verbose: bool("Say more", { hidden: true }),
  version: bool("Print the version and quit", { short: "v", hidden: true }),
  workdir: string("Old name of --project-directory", { hidden: true }),
} satisfies Flags;

/** Which of a service's containers. */
export const INDEX_FLAG = { index: int("Which container of the service, from 1") } satisfies Flags;

/** How containers are ended. */
export const TIMEOUT_FLAG = {
  timeout: int("Seconds until a container that does not stop is killed", { short: "t" }),
} satisfies Flags;

/** Every command has it, too. */
export const DRY_RUN = COMPOSE_FLAGS["dry-run"];
