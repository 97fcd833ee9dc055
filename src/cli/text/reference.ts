/**
 * Image references in people's spelling (`busybox`) and in full (`docker.io/library/busybox:latest`), by the
 * grammar of distribution's reference package.
 */
export interface Reference {
  /** The registry: `docker.io`. */
  readonly domain: string;
  /** `library/busybox`. */
  readonly path: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

const DOMAIN = String.raw`(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?`;
const COMPONENT = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const TAG = "\\w[\\w.-]{0,127}";
const DIGEST = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}";
let pattern: RegExp | undefined;

/** Made when it is first needed: it costs more than a whole list without it. */
function grammar(): RegExp {
  pattern ??= new RegExp(
    `^(?:(${DOMAIN})/)?(${COMPONENT}(?:/${COMPONENT})*)(?::(${TAG}))?(?:@(${DIGEST}))?$`,
  );
  return pattern;
}

const HEX_ID = /^[a-f0-9]{64}$/;

/** @throws Error `invalid reference format`, and why where it is known. */
export function parseReference(text: string): Reference {
  if (HEX_ID.test(text)) {
    throw new Error(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);
  }
  const { domain, rest } = splitDomain(text);
  const remote = rest.split(/[:@]/, 1)[0]!;
  if (remote !== remote.toLowerCase())
    throw new Error(`invalid reference format: repository name (${remote}) must be lowercase`);
  const match = grammar().exec(`${domain}/${rest}`);
  if (match === null) throw new Error("invalid reference format");
  const [, , path = "", tag, digest] = match;
  if (path.length > 255) throw new Error("repository name must not be more than 255 characters");
  return { domain, path, tag, digest };
}

/** Most names that people give: to compile the whole grammar takes a quarter of a millisecond. */
const PLAIN = /^[a-z0-9]+(?:[./-][a-z0-9]+)*(?::\w[\w.-]*)?$/;
const PLAIN_LENGTH_MAX = 60;

/** @throws as `parseReference` */
export function checkReference(text: string): void {
  if (text.length > PLAIN_LENGTH_MAX || !PLAIN.test(text)) parseReference(text);
}

/** The first part is a registry where it looks like a host; else the image is Docker Hub's. */
function splitDomain(text: string): { domain: string; rest: string } {
  const slash = text.indexOf("/");
  const first = slash < 0 ? "" : text.slice(0, slash);
  const isHost =
    first !== "" && (/[.:]/.test(first) || first === "localhost" || first.toLowerCase() !== first);
  const domain = isHost ? first : "docker.io";
  const rest = isHost ? text.slice(slash + 1) : text;
  if (domain === "index.docker.io") return splitDomain(`docker.io/${rest}`);
  return { domain, rest: domain === "docker.io" && !rest.includes("/") ? `library/${rest}` : rest };
}

/** The shortest spelling that means the same: `busybox:latest`. */
export function familiarName(reference: Reference): string {
  const { domain, path } = reference;
  if (domain !== "docker.io") return `${domain}/${path}`;
  return path.startsWith("library/") && !path.slice("library/".length).includes("/")
    ? path.slice("library/".length)
    : path;
}

export function familiarReference(reference: Reference): string {
  const { tag, digest } = reference;
  return (
    familiarName(reference) +
    (tag === undefined ? "" : `:${tag}`) +
    (digest === undefined ? "" : `@${digest}`)
  );
}

/** With the registry, whichever it is: `docker.io/library/busybox:latest`. */
export function fullName({ domain, path, tag, digest }: Reference): string {
  const tagged = `${domain}/${path}${tag === undefined ? "" : `:${tag}`}`;
  return digest === undefined ? tagged : `${tagged}@${digest}`;
}

/** With the tag `latest` where neither tag nor digest is given. */
export function withDefaultTag(reference: Reference): Reference {
  return reference.tag === undefined && reference.digest === undefined
    ? { ...reference, tag: "latest" }
    : reference;
}
