import {
  AnyText,
  Bytes,
  but,
  Contexts,
  Distinct,
  Flag,
  Hosts,
  list,
  Pairs,
  SshKeys,
  type Static,
  struct,
  Text,
  TextOrTexts,
  Texts,
  Variables,
} from "./schema.ts";
import { SecretMounts, Ulimits } from "./shared.ts";

/** How a service's image is built. */
export const BuildSchema = struct(
  {
    /** A directory, or the URL of a repository or archive. */
    context: but(Text, { path: "context" }),
    dockerfile: Text,
    dockerfile_inline: Text,
    entitlements: Texts,
    args: Variables,
    provenance: AnyText,
    sbom: AnyText,
    ssh: SshKeys,
    labels: Pairs,
    cache_from: Texts,
    cache_to: Texts,
    no_cache: Flag,
    /** Stages that are built anew. */
    no_cache_filter: TextOrTexts,
    additional_contexts: Contexts,
    pull: Flag,
    extra_hosts: Hosts,
    isolation: Text,
    network: Text,
    target: Text,
    secrets: SecretMounts,
    shm_size: Bytes,
    tags: Distinct,
    ulimits: Ulimits,
    platforms: list(Text),
    privileged: Flag,
  },
  { short: "build" },
);
export type Build = Static<typeof BuildSchema>;
