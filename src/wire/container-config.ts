import { Bool, Int, nil, opt, type Static, struct, Text, TextMap, TextSet, Texts, Words } from "./schema.ts";

/** A check of health, as an image or a container asks for it. Durations are nanoseconds; 0 means "inherit". */
export const HealthConfigSchema = struct({
  /** `[]` inherit, `["NONE"]` off, `["CMD", …]` execute, `["CMD-SHELL", command]` through the shell. */
  Test: nil(Texts),
  Interval: opt(Int),
  Timeout: opt(Int),
  Retries: opt(Int),
  StartPeriod: opt(Int),
  StartInterval: opt(Int),
  /** Ours, not Docker's: what happens to a container found unhealthy: `none`, `kill`, `restart` or `stop`. */
  OnFailure: opt(Text),
});
export type HealthConfig = Static<typeof HealthConfigSchema>;

const configOfImage = {
  User: opt(Text),
  /** Keys are `80/tcp`. */
  ExposedPorts: nil(TextSet),
  Env: nil(Texts),
  Cmd: nil(Words),
  Healthcheck: nil(HealthConfigSchema),
  ArgsEscaped: nil(Bool),
  Volumes: nil(TextSet),
  WorkingDir: opt(Text),
  Entrypoint: nil(Words),
  OnBuild: nil(Texts),
  Labels: nil(TextMap),
  StopSignal: nil(Text),
  Shell: nil(Texts),
};

/** What an image says about the containers made from it: the `config` of an OCI image configuration. */
export const ImageConfigSchema = struct(configOfImage);
export type ImageConfig = Static<typeof ImageConfigSchema>;

export const containerConfigFields = {
  ...configOfImage,
  Hostname: opt(Text),
  Domainname: opt(Text),
  AttachStdin: opt(Bool),
  AttachStdout: opt(Bool),
  AttachStderr: opt(Bool),
  Tty: opt(Bool),
  OpenStdin: opt(Bool),
  StdinOnce: opt(Bool),
  Image: opt(Text),
  NetworkDisabled: nil(Bool),
  /** Seconds. */
  StopTimeout: nil(Int),
  /** Until v1.43; later an endpoint has it. */
  MacAddress: nil(Text),
};

/** The portable part of a container's configuration: what an image could have said too. */
export const ContainerConfigSchema = struct(containerConfigFields);
export type ContainerConfig = Static<typeof ContainerConfigSchema>;
