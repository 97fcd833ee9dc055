import { Bool, Int, list, nil, opt, type Static, struct, Text, Texts, Uint, Words } from "./schema.ts";

export const ExecConfigSchema = struct({
  User: opt(Text),
  Privileged: opt(Bool),
  Tty: opt(Bool),
  /** `[height, width]` */
  ConsoleSize: nil(list(Uint)),
  AttachStdin: opt(Bool),
  AttachStdout: opt(Bool),
  AttachStderr: opt(Bool),
  DetachKeys: opt(Text),
  Env: nil(Texts),
  WorkingDir: opt(Text),
  Cmd: nil(Words),
});
export type ExecConfig = Static<typeof ExecConfigSchema>;

export const ExecStartRequestSchema = struct({
  Detach: opt(Bool),
  Tty: opt(Bool),
  /** `[height, width]` */
  ConsoleSize: nil(list(Uint)),
});
export type ExecStartRequest = Static<typeof ExecStartRequestSchema>;

export const ProcessConfigSchema = struct({
  tty: Bool,
  entrypoint: Text,
  arguments: Texts,
  privileged: nil(Bool),
  user: opt(Text),
});
export type ProcessConfig = Static<typeof ProcessConfigSchema>;

export const ExecInspectSchema = struct({
  ID: Text,
  Running: Bool,
  /** `null` while it runs. */
  ExitCode: nil(Int),
  ProcessConfig: ProcessConfigSchema,
  OpenStdin: Bool,
  OpenStderr: Bool,
  OpenStdout: Bool,
  CanRemove: Bool,
  ContainerID: Text,
  DetachKeys: Text,
  Pid: Int,
});
export type ExecInspect = Static<typeof ExecInspectSchema>;
