import type { Heredoc } from "./heredoc.ts";
import type { Statement } from "./statement.ts";

/** What every instruction has: where it stands and how it is written. */
interface Written {
  readonly source: Statement;
}

/** `name=value`; in the old form, `name value`, nothing stands between. */
export interface Pair {
  readonly name: string;
  readonly value: string;
  readonly legacy: boolean;
}

/** A command as words to execute, or as one text for the stage's shell, with the here-documents that belong to it. */
export interface CommandLine {
  readonly words: readonly string[];
  readonly shell: boolean;
  readonly heredocs: readonly Heredoc[];
}

/** A file whose content stands in the Dockerfile itself. */
export interface InlineFile {
  readonly name: string;
  readonly content: string;
  readonly expand: boolean;
}

/** What `ADD` and `COPY` copy where. */
export interface Copied {
  readonly sources: readonly string[];
  readonly files: readonly InlineFile[];
  readonly destination: string;
}

export interface AddInstruction extends Written, Copied {
  readonly name: "ADD";
  readonly chown: string;
  readonly chmod: string;
  readonly link: boolean;
  readonly exclude: readonly string[];
  readonly checksum: string;
  readonly keepGitDir: boolean | undefined;
  /** Undefined: archives of the context are unpacked, those from elsewhere are not. */
  readonly unpack: boolean | undefined;
}

export interface ArgInstruction extends Written {
  readonly name: "ARG";
  readonly args: readonly { readonly name: string; readonly value: string | undefined }[];
}

export interface CmdInstruction extends Written {
  readonly name: "CMD";
  readonly command: CommandLine;
}

export interface CopyInstruction extends Written, Copied {
  readonly name: "COPY";
  /** A stage, its number, an image or a named context; empty for the build context. */
  readonly from: string;
  readonly chown: string;
  readonly chmod: string;
  readonly link: boolean;
  readonly parents: boolean;
  readonly exclude: readonly string[];
}

export interface EntrypointInstruction extends Written {
  readonly name: "ENTRYPOINT";
  readonly command: CommandLine;
}

export interface EnvInstruction extends Written {
  readonly name: "ENV";
  readonly pairs: readonly Pair[];
}

export interface ExposeInstruction extends Written {
  readonly name: "EXPOSE";
  /** Sorted, as BuildKit keeps them. */
  readonly ports: readonly string[];
}

export interface FromInstruction extends Written {
  readonly name: "FROM";
  readonly base: string;
  /** In lower case; empty where the stage has none. */
  readonly stage: string;
  readonly platform: string;
}

/** A container's health check; durations are in nanoseconds, zero means the default. */
export interface HealthCheck {
  readonly Test: string[];
  readonly Interval: number;
  readonly Timeout: number;
  readonly StartPeriod: number;
  readonly StartInterval: number;
  readonly Retries: number;
}

export interface HealthcheckInstruction extends Written {
  readonly name: "HEALTHCHECK";
  readonly check: HealthCheck;
}

export interface LabelInstruction extends Written {
  readonly name: "LABEL";
  readonly pairs: readonly Pair[];
}

export interface MaintainerInstruction extends Written {
  readonly name: "MAINTAINER";
  readonly maintainer: string;
}

export interface OnbuildInstruction extends Written {
  readonly name: "ONBUILD";
  /** The instruction as the image keeps it, here-documents included. */
  readonly expression: string;
}

/** `--mount=…` before its variables are put in: where it comes from must be known earlier, and can have none. */
export interface MountFlag {
  readonly text: string;
  readonly from: string;
}

/** `--device=…`: a CDI device. */
export interface DeviceFlag {
  readonly name: string;
  readonly required: boolean;
}

export type RunNetwork = "default" | "none" | "host";
export type RunSecurity = "sandbox" | "insecure";

export interface RunInstruction extends Written {
  readonly name: "RUN";
  readonly command: CommandLine;
  readonly mounts: readonly MountFlag[];
  readonly network: RunNetwork;
  readonly security: RunSecurity;
  readonly devices: readonly DeviceFlag[];
}

export interface ShellInstruction extends Written {
  readonly name: "SHELL";
  readonly shell: readonly string[];
}

export interface StopsignalInstruction extends Written {
  readonly name: "STOPSIGNAL";
  readonly signal: string;
}

export interface UserInstruction extends Written {
  readonly name: "USER";
  readonly user: string;
}

export interface VolumeInstruction extends Written {
  readonly name: "VOLUME";
  readonly volumes: readonly string[];
}

export interface WorkdirInstruction extends Written {
  readonly name: "WORKDIR";
  readonly path: string;
}

/** An instruction of a Dockerfile, checked but not expanded. */
export type Instruction =
  | AddInstruction
  | ArgInstruction
  | CmdInstruction
  | CopyInstruction
  | EntrypointInstruction
  | EnvInstruction
  | ExposeInstruction
  | FromInstruction
  | HealthcheckInstruction
  | LabelInstruction
  | MaintainerInstruction
  | OnbuildInstruction
  | RunInstruction
  | ShellInstruction
  | StopsignalInstruction
  | UserInstruction
  | VolumeInstruction
  | WorkdirInstruction;
