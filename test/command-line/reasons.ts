import type { Difference } from "./differences.ts";

interface Reason {
  readonly kind: Difference["kind"];
  readonly name: RegExp;
  readonly reason: string;
}

/** Why our client differs from Docker's. A difference without a reason fails the tests, as does a reason without one. */
export const REASONS: readonly Reason[] = [
  { kind: "missing command", name: /^checkpoint /, reason: "refused: berth has no checkpoints" },
  { kind: "missing command", name: /^plugin /, reason: "refused: berth has no plugins of this kind" },
  {
    kind: "missing command",
    name: /^trust /,
    reason: "refused: signatures of Docker Content Trust are neither made nor checked",
  },
  {
    kind: "missing flag",
    name: /^container (create|run) --help$/,
    reason: "every command has it, and Docker's client lists it at these two alone",
  },
  {
    kind: "other usage",
    name: /^container logs$/,
    reason: "[several containers at once](client.md#logs-of-several-containers)",
  },
  {
    kind: "other usage",
    name: /^builder prune$/,
    reason: "Docker's client forgets that there are options",
  },
  {
    kind: "other usage",
    name: /^container (un)?pause$/,
    reason: "there are options: `--all`",
  },
  {
    kind: "other usage",
    name: /^context export$/,
    reason: "there are no options, in Docker's client neither",
  },
  {
    kind: "other flag",
    name: /^image build --cache-from$/,
    reason: "as in buildx: a value such as `type=registry,ref=…` has commas of its own",
  },
  {
    kind: "own flag",
    name: /^image build /,
    reason: "of buildx: one builder does what `docker build` and `docker buildx build` do",
  },
  {
    kind: "own flag",
    name: /^builder prune /,
    reason: "of `docker buildx prune`",
  },
  {
    kind: "own spelling",
    name: /^buildx /,
    reason: "the name of Docker's plugin leads to the same commands",
  },
  { kind: "own command", name: /^builder du/, reason: "of `docker buildx du`" },
  {
    kind: "own command",
    name: /^completion$/,
    reason: "Docker's client has it, hidden: scripts of completion for bash, zsh and fish",
  },
  {
    kind: "own command",
    name: /^compose$/,
    reason: "Docker's client has it as a plugin: [compose](compose.md)",
  },
  {
    kind: "own command",
    name: /^image (diff|explore|log|rollback|tree)$/,
    reason: "[versions of images](images.md#versions-and-rollback)",
  },
  {
    kind: "own command",
    name: /^doctor$/,
    reason: "[a check of the machine](client.md#berth-doctor)",
  },
  {
    kind: "own command",
    name: /^(install|uninstall)$/,
    reason: "[program, service and completion](daemon.md#installation)",
  },
  {
    kind: "own command",
    name: /^volume (clone|export|import)$/,
    reason: "[files of volumes](volumes.md#export-import-clone)",
  },
  {
    kind: "own flag",
    name: /^container (create|run) --health-on-failure$/,
    reason: "[what is done with an unhealthy container](containers.md#health-checks)",
  },
  {
    kind: "own flag",
    name: /^container (kill|pause|restart|rm|start|stop|unpause) --all$/,
    reason: "every container there is, without `$(docker ps -aq)`",
  },
  {
    kind: "own flag",
    name: /^image prune --versions$/,
    reason: "[versions](images.md#versions-and-rollback)",
  },
  { kind: "own flag", name: /^volume ls --size$/, reason: "what each volume takes on the disk" },
];

export function reasonOf({ kind, name }: Difference): string | undefined {
  return REASONS.find((one) => one.kind === kind && one.name.test(name))?.reason;
}
