import {
  type Digest,
  digestHex,
  type EngineError,
  invalidParameter,
  isDigest,
  shortId,
} from "../lib/index.ts";

/**
 * Names of images, as Docker reads and writes them (the grammar is distribution/reference's). A user types
 * the familiar form (`debian`, `debian:12`, `me/tool`); the engine keeps the full one
 * (`docker.io/library/debian:latest`).
 */
export interface ImageName {
  /** Host of the registry, with its port if it has one: `docker.io`, `localhost:5000`. */
  readonly domain: string;
  /** Repository on that host: `library/debian`. */
  readonly path: string;
  readonly tag?: string | undefined;
  readonly digest?: Digest | undefined;
}

/** What somebody typed where an image is wanted: a whole id, or a name that may also be an id's beginning. */
export type ImageReference =
  | { readonly kind: "id"; readonly id: Digest }
  | { readonly kind: "name"; readonly name: ImageName };

export const DEFAULT_DOMAIN = "docker.io";
const LEGACY_DOMAIN = "index.docker.io";
const OFFICIAL_PREFIX = "library/";
export const DEFAULT_TAG = "latest";
const NAME_LENGTH_MAX = 255;

const DOMAIN_COMPONENT = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const DOMAIN = `(?:${DOMAIN_COMPONENT}(?:\\.${DOMAIN_COMPONENT})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const PATH_COMPONENT = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const PATH = `${PATH_COMPONENT}(?:/${PATH_COMPONENT})*`;
const TAG = "[\\w][\\w.-]{0,127}";
const DIGEST = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}";
const REFERENCE = new RegExp(`^((?:(?:${DOMAIN})/)?${PATH})(?::(${TAG}))?(?:@(${DIGEST}))?$`);
const WHOLE_TAG = new RegExp(`^${TAG}$`);
const HEX_ID = /^[a-f0-9]{64}$/;

/** Longer than any valid reference; keeps the expressions above away from megabytes of input. */
const REFERENCE_LENGTH_MAX = NAME_LENGTH_MAX + 1 + 128 + 1 + 256;

/** Docker's error for a name that is none. */
function invalidFormat(detail = ""): EngineError {
  return invalidParameter(`invalid reference format${detail}`);
}

/**
 * A name in familiar or full form.
 * @throws InvalidParameter with Docker's words.
 */
export function parseImageName(text: string): ImageName {
  if (HEX_ID.test(text)) {
    throw invalidParameter(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);
  }
  if (text.length > REFERENCE_LENGTH_MAX) throw invalidFormat();
  const { domain, rest } = splitDomain(text);
  const colon = rest.indexOf(":");
  const at = rest.indexOf("@");
  const cuts = [colon, at].filter((i) => i >= 0);
  const repository = cuts.length > 0 ? rest.slice(0, Math.min(...cuts)) : rest;
  if (repository.toLowerCase() !== repository) {
    throw invalidFormat(`: repository name (${repository}) must be lowercase`);
  }
  const match = REFERENCE.exec(`${domain}/${rest}`);
  if (match === null) throw invalidFormat();
  const [, name, tag, digest] = match;
  if (name!.length > NAME_LENGTH_MAX) {
    throw invalidParameter(`repository name must not be more than ${NAME_LENGTH_MAX} characters`);
  }
  return { domain, path: name!.slice(domain.length + 1), tag, digest: checkDigest(digest) };
}

function checkDigest(text: string | undefined): Digest | undefined {
  if (text === undefined || isDigest(text)) return text;
  if (!text.startsWith("sha256:")) throw invalidParameter("unsupported digest algorithm");
  throw invalidParameter(
    /^sha256:[0-9a-f]*$/.test(text) ? "invalid checksum digest length" : "invalid checksum digest format",
  );
}

/** The first part is a host where it looks like one: has a dot, a colon or a capital, or is `localhost`. */
function splitDomain(text: string): { domain: string; rest: string } {
  const slash = text.indexOf("/");
  const first = slash < 0 ? "" : text.slice(0, slash);
  const isHost = slash >= 0 && (/[.:]/.test(first) || first === "localhost" || first.toLowerCase() !== first);
  const domain = !isHost || first === LEGACY_DOMAIN ? DEFAULT_DOMAIN : first;
  const rest = isHost ? text.slice(slash + 1) : text;
  const official = domain === DEFAULT_DOMAIN && !rest.includes("/");
  return { domain, rest: official ? OFFICIAL_PREFIX + rest : rest };
}

/**
 * Whatever a user may type for an image.
 * @throws InvalidParameter where it can be neither a name nor an id.
 */
export function parseImageReference(text: string): ImageReference {
  if (HEX_ID.test(text)) return { kind: "id", id: `sha256:${text}` as Digest };
  if (isDigest(text)) return { kind: "id", id: text };
  return { kind: "name", name: parseImageName(text) };
}

/** `docker.io/library/debian`, without tag and digest: the repository. */
export function repositoryOf(name: ImageName): string {
  return `${name.domain}/${name.path}`;
}

/** `debian`, `me/tool`, `localhost:5000/x`: the repository as people know it. */
export function familiarRepository(name: ImageName): string {
  if (name.domain !== DEFAULT_DOMAIN) return repositoryOf(name);
  return name.path.startsWith(OFFICIAL_PREFIX) ? name.path.slice(OFFICIAL_PREFIX.length) : name.path;
}

const suffix = (name: ImageName) =>
  (name.tag === undefined ? "" : `:${name.tag}`) + (name.digest === undefined ? "" : `@${name.digest}`);

/** The form people see. */
export function familiarName(name: ImageName): string {
  return familiarRepository(name) + suffix(name);
}

/** The form the engine keeps. */
export function fullName(name: ImageName): string {
  return repositoryOf(name) + suffix(name);
}

/** A name without tag and digest means the tag `latest`. */
export function withDefaultTag(name: ImageName): ImageName {
  return name.tag === undefined && name.digest === undefined ? { ...name, tag: DEFAULT_TAG } : name;
}

/**
 * Which tag a user means by a repository and a tag given apart, as `import`, `commit` and `tag` have them.
 * @throws InvalidParameter where there is a digest, or the tag is none.
 */
export function parseRepositoryAndTag(repository: string, tag: string): ImageName {
  const name = parseImageName(repository);
  if (name.digest !== undefined) throw invalidParameter("cannot import digest reference");
  if (tag === "") return withDefaultTag(name);
  if (tag.includes(":") || isDigest(tag)) throw invalidParameter("invalid tag format");
  if (!WHOLE_TAG.test(tag)) throw invalidParameter("invalid tag format");
  return { ...name, tag };
}

/** Docker's text for an image that is not there. */
export function noSuchImageText(reference: ImageReference): string {
  if (reference.kind === "id") return `No such image: ${reference.id}`;
  return `No such image: ${familiarName(withDefaultTag(reference.name))}`;
}

/** The first 12 digits of an image's id. */
export function shortImageId(id: Digest): string {
  return shortId(digestHex(id));
}
