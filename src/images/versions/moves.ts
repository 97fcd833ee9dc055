import type { Digest } from "../../lib/index.ts";
import type { ImageMove } from "../../wire/index.ts";

/** What a build says of the image that it made: digests only, and no argument's secret value. */
export interface BuildFacts {
  readonly dockerfile: Digest;
  /** Of all files of the context that were used; undefined where none was. */
  readonly context: Digest | undefined;
  readonly arguments: Readonly<Record<string, string>>;
  readonly bases: readonly { readonly reference: string; readonly digest: Digest }[];
  /** Of the provenance document, where there is one. */
  readonly provenance: Digest | undefined;
}

/** How a name came to point at an image. */
export type Move =
  /** `digest`: of what the registry has under the name, an index perhaps. */
  | { readonly kind: "pull"; readonly registry: string; readonly digest: Digest }
  | ({ readonly kind: "build" } & BuildFacts)
  | { readonly kind: "commit"; readonly container: string; readonly containerName: string | undefined }
  | { readonly kind: "load" }
  | { readonly kind: "import" }
  /** `from`: the name or id that was given. */
  | { readonly kind: "tag"; readonly from: string }
  | { readonly kind: "rollback"; readonly version: number }
  | { readonly kind: "untag" }
  /** It pointed there before moves were recorded. */
  | { readonly kind: "earlier" };

/** As the API shows it, and as it is kept. */
export function describeMove(move: Move): ImageMove {
  switch (move.kind) {
    case "pull":
      return { Kind: "pull", Registry: move.registry, Digest: move.digest };
    case "build":
      return {
        Kind: "build",
        Dockerfile: move.dockerfile,
        ...(move.context === undefined ? {} : { Context: move.context }),
        Arguments: { ...move.arguments },
        Bases: move.bases.map(({ reference, digest }) => ({ Reference: reference, Digest: digest })),
        ...(move.provenance === undefined ? {} : { Provenance: move.provenance }),
      };
    case "commit":
      return {
        Kind: "commit",
        Container: move.container,
        ...(move.containerName === undefined ? {} : { ContainerName: move.containerName }),
      };
    case "tag":
      return { Kind: "tag", From: move.from };
    case "rollback":
      return { Kind: "rollback", Version: move.version };
    default:
      return { Kind: move.kind };
  }
}
