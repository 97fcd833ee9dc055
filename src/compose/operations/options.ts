import type { Project } from "../project/index.ts";
import type { ServiceContainer } from "../state/index.ts";

/** What may be said of `create`. */
export interface CreateOptions {
  /** Only these and those they depend on; all that are enabled where undefined or empty. */
  readonly services?: readonly string[];
  /** Build images even where they are there. */
  readonly build?: boolean;
  readonly noBuild?: boolean;
  readonly pull?: "always" | "missing" | "never" | "policy";
  readonly quietPull?: boolean;
  readonly forceRecreate?: boolean;
  readonly noRecreate?: boolean;
  /** What `forceRecreate` does for the services that were not named. */
  readonly alwaysRecreateDeps?: boolean;
  readonly noDeps?: boolean;
  /** Anonymous volumes begin anew instead of being handed on. */
  readonly renewAnonVolumes?: boolean;
  readonly removeOrphans?: boolean;
  readonly ignoreOrphans?: boolean;
  /** How many containers each service is to have, over what the file says. */
  readonly scale?: Readonly<Record<string, number>>;
  /** How long containers that are replaced have to stop; their own time where undefined. */
  readonly timeoutSeconds?: number;
  /**
   * Asked before something is done that loses data: a volume whose configuration has changed is made anew. No where
   * nobody answers.
   */
  readonly confirm?: (question: string) => Promise<boolean>;
}

/** What may be said of `up`. */
export interface UpOptions extends CreateOptions {
  readonly noStart?: boolean;
  /** Until all run or are healthy. */
  readonly wait?: boolean;
  readonly waitTimeoutSeconds?: number;
  /** Called when all are made and before any is started: the time to attach. */
  readonly onCreated?: (containers: readonly ServiceContainer[]) => Promise<void>;
  /** What `post_start` hooks print. */
  readonly onHookOutput?: HookOutput;
}

export type HookOutput = (container: ServiceContainer, chunk: Uint8Array) => void;

export interface UpResult {
  /** What was brought up: with the services that were chosen, and scaled as told. */
  readonly project: Project;
  /** The containers of its services, new ones and kept ones. */
  readonly containers: readonly ServiceContainer[];
}

export interface StopOptions {
  /** Before they are killed; their own time where undefined. */
  readonly timeoutSeconds?: number;
  readonly onHookOutput?: HookOutput;
}

export interface StartOptions {
  readonly wait?: boolean;
  readonly waitTimeoutSeconds?: number;
  readonly onHookOutput?: HookOutput;
}

export interface RestartOptions extends StopOptions {
  /** Leave alone what depends on them with `restart: true`. */
  readonly noDeps?: boolean;
}

export interface DownOptions extends StopOptions {
  /** Only these services; then networks and volumes stay while something uses them. */
  readonly services?: readonly string[];
  readonly removeOrphans?: boolean;
  /** Named volumes of the file and anonymous ones of the containers, too. */
  readonly volumes?: boolean;
  /** Images, too: of all services, or only those without a name of their own. */
  readonly images?: "all" | "local";
}

export interface RemoveOptions {
  /** Stop those that run first; else they are left. */
  readonly stop?: boolean;
  /** Anonymous volumes, too. */
  readonly volumes?: boolean;
  readonly timeoutSeconds?: number;
  /** Asked with the names of what would be removed: `Going to remove a, b`. */
  readonly confirm?: (names: readonly string[]) => Promise<boolean>;
}

export interface KillOptions {
  /** `SIGKILL` where undefined. */
  readonly signalName?: string;
  readonly removeOrphans?: boolean;
}

export interface ScaleOptions {
  readonly noDeps?: boolean;
}

export interface WaitOptions {
  /** Take the project down when the first has ended. */
  readonly downProject?: boolean;
  readonly onExit?: (container: ServiceContainer, exitCode: number) => void;
}
