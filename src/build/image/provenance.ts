import { type Digest, digestHex } from "../../lib/index.ts";
import { withoutCredentials } from "../credentials.ts";
import { formatPlatform, type Platform } from "../dockerfile/index.ts";
import { isSecretName } from "../dockerfile/static-checks.ts";

/** What is told of a build. */
export interface ProvenanceFacts {
  readonly imageId: Digest;
  readonly names: readonly string[];
  readonly platform: Platform;
  readonly builderId: string;
  readonly invocationId: string;
  readonly dockerfile: { readonly fileName: string; readonly digest: Digest };
  /** Where the context came from; undefined for a directory of the client's. */
  readonly contextOrigin: string | undefined;
  readonly target: string;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly labels: ReadonlyMap<string, string>;
  readonly bases: readonly { readonly reference: string; readonly digest: Digest }[];
  readonly startedMs: number;
  readonly finishedMs: number;
}

/**
 * An in-toto statement with SLSA's provenance, version 1 (https://slsa.dev/spec/v1.0/provenance), with BuildKit's definition
 * of what is in it.
 */
export function provenanceStatement(facts: ProvenanceFacts): string {
  const { platform, dockerfile, contextOrigin } = facts;
  const at = (milliseconds: number) => new Date(milliseconds).toISOString();
  const digest = { sha256: digestHex(facts.imageId) };
  const args = {
    ...Object.fromEntries(
      Object.entries(facts.buildArgs).map(([name, value]) => [`build-arg:${name}`, value]),
    ),
    ...Object.fromEntries([...facts.labels].map(([name, value]) => [`label:${name}`, value])),
    ...(facts.target === "" ? {} : { target: facts.target }),
  };
  const subjects = facts.names.length === 0 ? ["_"] : facts.names.map((name) => packageUrl(name, platform));
  return JSON.stringify({
    _type: "https://in-toto.io/Statement/v1",
    subject: subjects.map((name) => ({ name, digest })),
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: {
      buildDefinition: {
        buildType: "https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md",
        externalParameters: {
          configSource: {
            ...(contextOrigin === undefined ? {} : { uri: withoutCredentials(contextOrigin) }),
            digest: { sha256: digestHex(dockerfile.digest) },
            path: dockerfile.fileName,
          },
          request: {
            frontend: "dockerfile.v0",
            args,
            ...(contextOrigin === undefined ? { locals: [{ name: "context" }, { name: "dockerfile" }] } : {}),
          },
        },
        internalParameters: { builderPlatform: formatPlatform(platform) },
        resolvedDependencies: facts.bases.map((base) => ({
          uri: packageUrl(base.reference, platform),
          digest: { sha256: digestHex(base.digest) },
        })),
      },
      runDetails: {
        builder: { id: facts.builderId },
        metadata: {
          invocationId: facts.invocationId,
          startedOn: at(facts.startedMs),
          finishedOn: at(facts.finishedMs),
        },
      },
    },
  });
}

/** `docker.io/library/debian:12` → `pkg:docker/debian@12?platform=linux%2Famd64` (package-url's type `docker`). */
function packageUrl(reference: string, platform: Platform): string {
  const familiar = reference.replace(/^docker\.io\/(?:library\/)?/, "").replace(/@.*$/, "");
  const colon = familiar.lastIndexOf(":");
  const hasTag = colon > familiar.lastIndexOf("/");
  const name = hasTag ? familiar.slice(0, colon) : familiar;
  const tag = hasTag ? `@${encodeURIComponent(familiar.slice(colon + 1))}` : "";
  return `pkg:docker/${name}${tag}?platform=${encodeURIComponent(formatPlatform(platform))}`;
}

const PROXY = /^(?:https?|ftp|no|all)_proxy$/i;

/** Build arguments that may be told: none whose name promises a secret, no proxies, no passwords in addresses. */
export function tellableArguments(buildArgs: ReadonlyMap<string, string>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...buildArgs]
      .filter(([name]) => !isSecretName(name) && !PROXY.test(name))
      .map(([name, value]) => [name, withoutCredentials(value)]),
  );
}
