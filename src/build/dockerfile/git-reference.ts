import { parseBool } from "../../lib/dockerfile/index.ts";
import { invalidParameter } from "../../lib/index.ts";

/** A repository that `ADD` or a build context names (BuildKit's `dfgitutil.ParseGitRef`). */
export interface GitReference {
  /** What git is told to fetch from, without ref, folder and query. */
  readonly remote: string;
  /** A branch, a tag or a commit; empty for the default branch. */
  readonly ref: string;
  /** A folder in the repository, without slashes at its ends; empty for all of it. */
  readonly subdirectory: string;
  /** The commit that the ref must be; empty where any will do. */
  readonly checksum: string;
  readonly keepGitDir: boolean | undefined;
  readonly submodules: boolean;
  /** What files' times are: that of the checkout, or that of the commit. */
  readonly mtime: "checkout" | "commit";
  /** The commit is fetched by its name alone, whatever the ref points to. */
  readonly fetchByCommit: boolean;
}

const SCP_STYLE = /^([A-Za-z0-9_-]+@[A-Za-z0-9.-]+:[^?#]*)(?:\?([^#]*))?(?:#(.*))?$/;
const WITH_SCHEME = /^(https?|ssh|git):\/\/[^?#]+$/i;
const LENGTH_MAX = 4096;

/**
 * `https://host/repository.git#ref:folder`, `git@host:repository.git`, `ssh://…`, `git://…`; http(s) only where the path
 * ends in `.git`.
 * @returns undefined for what is no repository.
 * @throws InvalidParameter for one whose query, ref or folder can not be.
 */
export function parseGitReference(text: string): GitReference | undefined {
  if (text.length > LENGTH_MAX || text.startsWith("./") || text.startsWith("../")) return undefined;
  const parts = splitUrl(text) ?? splitScp(text);
  if (parts === undefined) return undefined;
  const { remote, query, fragment } = parts;
  const colon = fragment.indexOf(":");
  const found = {
    remote,
    ref: colon < 0 ? fragment : fragment.slice(0, colon),
    subdirectory: colon < 0 ? "" : fragment.slice(colon + 1),
    checksum: "",
    keepGitDir: undefined as boolean | undefined,
    submodules: true,
    mtime: "checkout" as const,
    fetchByCommit: false,
  };
  const named: Record<string, string> = {};
  for (const [key, value] of new URLSearchParams(query)) applyQuery(found, named, key, value);
  if (named["tag"] !== undefined && named["branch"] !== undefined) {
    throw invalidParameter("branch conflicts with tag");
  }
  return checked({ ...found, ref: refOf(found.ref, named) });
}

interface UrlParts {
  readonly remote: string;
  readonly query: string;
  readonly fragment: string;
}

function splitUrl(text: string): UrlParts | undefined {
  const [beforeFragment = "", fragment = ""] = cut(text, "#");
  const [remote = "", query = ""] = cut(beforeFragment, "?");
  const scheme = WITH_SCHEME.exec(remote)?.[1]?.toLowerCase();
  if (scheme === undefined || (scheme.startsWith("http") && !remote.endsWith(".git"))) return undefined;
  return { remote, query, fragment };
}

function splitScp(text: string): UrlParts | undefined {
  const found = SCP_STYLE.exec(text);
  return found === null ? undefined : { remote: found[1]!, query: found[2] ?? "", fragment: found[3] ?? "" };
}

function cut(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function applyQuery(
  into: Mutable<GitReference>,
  named: Record<string, string>,
  key: string,
  value: string,
): void {
  if (Object.hasOwn(named, key)) throw invalidParameter(`query "${key}" has multiple values`);
  named[key] = value;
  if (key === "keep-git-dir") into.keepGitDir = flag(key, value);
  else if (key === "submodules") into.submodules = flag(key, value);
  else if (key === "fetch-by-commit") into.fetchByCommit = flag(key, value);
  else if (value === "") throw invalidParameter(`query "${key}" has no value`);
  else if (key === "subdir") {
    if (into.subdirectory !== "" && into.subdirectory !== value) {
      throw invalidParameter(`subdir conflicts: "${into.subdirectory}" vs "${value}"`);
    }
    into.subdirectory = value;
  } else if (key === "checksum" || key === "commit") into.checksum = value;
  else if (key === "mtime") {
    if (value !== "checkout" && value !== "commit") {
      throw invalidParameter(`invalid mtime value: "${value}" (must be "checkout" or "commit")`);
    }
    into.mtime = value;
  } else if (key !== "ref" && key !== "tag" && key !== "branch") {
    throw invalidParameter(`unexpected query "${key}"`);
  }
}

function flag(key: string, value: string): boolean {
  const parsed = value === "" ? true : parseBool(value);
  if (parsed === undefined) throw invalidParameter(`invalid ${key} value: "${value}"`);
  return parsed;
}

const prefixed = (prefix: string, name: string) => (name.startsWith(prefix) ? name : prefix + name);

function refOf(fragment: string, named: Readonly<Record<string, string>>): string {
  const { ref, tag, branch } = named;
  const wanted = [ref, tag && prefixed("refs/tags/", tag), branch && prefixed("refs/heads/", branch)].filter(
    (name) => name !== undefined,
  );
  let result = fragment;
  for (const name of wanted) {
    if (result !== "" && result !== name) throw invalidParameter(`ref conflicts: "${result}" vs "${name}"`);
    result = name;
  }
  return result;
}

/** What would be an option to git, or lead out of the repository, is refused here and not left to git. */
function checked(reference: GitReference): GitReference {
  for (const word of [reference.remote, reference.ref, reference.checksum]) {
    if (word.startsWith("-") || /[\0-\x20\x7f]/.test(word)) {
      throw invalidParameter(`invalid git reference: ${JSON.stringify(word)}`);
    }
  }
  const parts = reference.subdirectory.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..") || reference.subdirectory.includes("\0")) {
    throw invalidParameter(`invalid git subdirectory: ${JSON.stringify(reference.subdirectory)}`);
  }
  return { ...reference, subdirectory: parts.join("/") };
}
