import { ConfigSchema, ModelSchema, NetworkSchema, SecretSchema, VolumeSchema } from "./resources.ts";
import { list, map, type Static, struct, Text, TextOrTexts } from "./schema.ts";
import { ServiceSchema } from "./service.ts";

/** Another project's files taken in: the first is its main file, the others override it. */
export const IncludeSchema = struct(
  { path: TextOrTexts, env_file: TextOrTexts, project_directory: Text },
  { short: "include", extensions: false },
);
export type Include = Static<typeof IncludeSchema>;

/** A whole Compose file. */
export const ProjectSchema = struct({
  /** Of no meaning any more. */
  version: Text,
  name: Text,
  include: list(IncludeSchema),
  services: map(ServiceSchema),
  networks: map(NetworkSchema),
  volumes: map(VolumeSchema),
  secrets: map(SecretSchema),
  configs: map(ConfigSchema),
  models: map(ModelSchema),
});
export type ProjectModel = Static<typeof ProjectSchema>;
