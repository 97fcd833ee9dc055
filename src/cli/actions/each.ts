import type { ContainerStatus } from "../../wire/index.ts";
import type { Cli } from "../cli.ts";
import { joinErrors } from "../errors.ts";
import { bool, type Flag } from "../flags.ts";
import { type Arity, atLeast } from "../spec.ts";

/** So many containers are worked on at once. */
const PARALLEL = 50;

/** Does the same to several containers at once, prints each in the order given, and joins the failures. */
export async function forEach(
  cli: Cli,
  refs: readonly string[],
  work: (ref: string) => Promise<void>,
  parallel = PARALLEL,
): Promise<void> {
  const errors: unknown[] = [];
  for (const outcome of startAll(refs, work, parallel)) {
    const { ref, error } = await outcome;
    if (error === undefined) cli.line(ref);
    else errors.push(error);
  }
  joinErrors(errors);
}

interface Outcome {
  readonly ref: string;
  readonly error?: unknown;
}

/** Outcomes in order, with a bound on how many are under way. */
export function startAll(
  refs: readonly string[],
  work: (ref: string) => Promise<void>,
  parallel = PARALLEL,
): Promise<Outcome>[] {
  const started: Promise<Outcome>[] = [];
  for (const [index, ref] of refs.entries()) {
    const turn = started[index - parallel] ?? Promise.resolve();
    const outcome = turn
      .then(() => work(ref))
      .then(
        () => ({ ref }),
        (error: unknown) => ({ ref, error }),
      );
    started.push(outcome);
  }
  return started;
}

/** `-a, --all`: every container that the command can act on. */
export function allFlag(description: string, short?: string): Flag<boolean> {
  return bool(description, short === undefined ? {} : { short });
}

/** Containers are named one by one, or all of them are meant. */
export function oneOrAll(flags: { readonly all: boolean }): Arity {
  return flags.all ? { min: 0, max: 0 } : atLeast(1);
}

/** The containers named, or with `--all` the names of those in one of these states. */
export async function chosenContainers(
  cli: Cli,
  args: readonly string[],
  all: boolean,
  states: readonly ContainerStatus[],
): Promise<readonly string[]> {
  if (!all) return args;
  const containers = await (await cli.engine()).containers.list({ all: true });
  return containers
    .filter(({ State }) => states.includes(State))
    .map(({ Names, Id }) => Names.map((name) => name.slice(1)).find((name) => !name.includes("/")) ?? Id);
}
