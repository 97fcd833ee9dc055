import { type AddInstruction, type CopyInstruction, quote } from "../../lib/dockerfile/index.ts";
import { cleanPath } from "../../lib/ignore/index.ts";
import { invalidParameter, isDigest } from "../../lib/index.ts";
import { withoutCredentials } from "../credentials.ts";
import type { InstructionContext } from "./evaluate.ts";
import { type GitReference, parseGitReference } from "./git-reference.ts";
import { climbsOut, destinationPath, inRoot } from "./paths.ts";
import { layerHistory } from "./stage-state.ts";
import type { CopyItem, CopyStep, Source } from "./step.ts";

/** `ADD` and `COPY` with variables put in. @throws InvalidParameter */
export function evaluateCopy(
  context: InstructionContext,
  instruction: AddInstruction | CopyInstruction,
): CopyStep {
  const { state, linked, expand } = context;
  const chown = expand(instruction.chown);
  const chmod = expand(instruction.chmod);
  checkMode(chmod);
  const words = instruction.sources.map(expand);
  const written = expand(instruction.destination);
  const checksum = instruction.name === "ADD" ? expand(instruction.checksum) : "";
  const source: Source = linked.sources[0] ?? { kind: "context" };
  const items = words.map((word) =>
    instruction.name === "ADD"
      ? addItem(context, instruction, word, checksum)
      : copyItem(context, instruction, word, source),
  );
  if (checksum !== "") checkChecksum(items);
  // Only addresses that are fetched may hold a password.
  const shown = (text: string) => (instruction.name === "ADD" ? withoutCredentials(text) : text);
  const files = instruction.files.map(({ name, content, expand: expands }) => ({
    kind: "inline" as const,
    fileName: fileName(name),
    content: expands ? context.expandContent(content) : content,
  }));
  return {
    kind: "copy",
    title: shown(context.title()),
    lines: instruction.source.lines,
    onBuild: linked.onBuild,
    history: layerHistory(
      [
        instruction.name,
        ...(instruction.name === "COPY" && instruction.parents ? ["--parents"] : []),
        ...(chown === "" ? [] : [`--chown=${chown}`]),
        ...(chmod === "" ? [] : [`--chmod=${chmod}`]),
        ...words.map(shown),
        ...files.map(({ fileName }) => `<<${fileName}`),
        written,
        "# buildkit",
      ].join(" "),
    ),
    items: [...items, ...files],
    destination: destinationPath(state.config.WorkingDir ?? "", written),
    chown,
    chmod,
    link: instruction.link,
    exclude: instruction.exclude,
  };
}

function copyItem(
  context: InstructionContext,
  { from, parents }: CopyInstruction,
  word: string,
  source: Source,
): CopyItem {
  if (parseGitReference(word) !== undefined) throw invalidParameter("source can't be a git ref for COPY");
  if (isHttp(word)) throw invalidParameter("source can't be a URL for COPY");
  // The context is only ever looked at from its root; of another image's files whoever writes `..` means something else.
  if (from !== "" && climbsOut(word)) {
    throw invalidParameter(`forbidden path outside of ${quote(from)}: ${word}`);
  }
  if (source.kind === "context") checkIgnored(context, "Copy", word);
  return {
    kind: "path",
    source,
    unpack: false,
    ...(parents ? pivoted(word) : { path: inRoot(word), pattern: undefined }),
  };
}

/** `a/./b/c` with `--parents`: `b/c` of `a`; without a `/./` all of the path. */
function pivoted(word: string): { path: string; pattern: string } {
  const pivot = word.indexOf("/./");
  const [folder, pattern] =
    pivot < 0 ? ["/", word] : [word.slice(0, pivot), word.slice(pivot + "/./".length)];
  return { path: inRoot(folder), pattern: inRoot(pattern).slice(1) };
}

function addItem(
  context: InstructionContext,
  { unpack, keepGitDir }: AddInstruction,
  word: string,
  checksum: string,
): CopyItem {
  const git = parseGitReference(word);
  if (git !== undefined) return { kind: "git", reference: gitItem(git, keepGitDir, checksum) };
  if (isHttp(word)) {
    if (checksum !== "" && !isDigest(checksum))
      throw invalidParameter(`invalid checksum digest format: ${checksum}`);
    return { kind: "http", url: word, fileName: urlFileName(word), checksum, unpack: unpack ?? false };
  }
  checkIgnored(context, "Add", word);
  const source = { kind: "context" as const };
  return { kind: "path", source, path: inRoot(word), pattern: undefined, unpack: unpack ?? true };
}

function gitItem(git: GitReference, keepGitDir: boolean | undefined, checksum: string): GitReference {
  if (keepGitDir !== undefined && git.keepGitDir !== undefined && keepGitDir !== git.keepGitDir) {
    throw invalidParameter("inconsistent keep-git-dir configuration");
  }
  if (checksum !== "" && git.checksum !== "" && checksum !== git.checksum) {
    throw invalidParameter(`checksum mismatch ${quote(checksum)} != ${quote(git.checksum)}`);
  }
  return { ...git, keepGitDir: git.keepGitDir ?? keepGitDir, checksum: git.checksum || checksum };
}

function checkChecksum(items: readonly CopyItem[]): void {
  if (items.length !== 1) throw invalidParameter("checksum can't be specified for multiple sources");
  if (items[0]!.kind === "path") throw invalidParameter("checksum requires HTTP(S) or Git sources");
}

const isHttp = (word: string) => /^https?:\/\//.test(word);

/** The last part of an address's path; BuildKit's name where there is none. */
function urlFileName(url: string): string {
  const path = URL.canParse(url) ? new URL(url).pathname : "";
  const last =
    path
      .split("/")
      .filter((part) => part !== "")
      .at(-1) ?? "";
  let name = last;
  try {
    name = decodeURIComponent(last);
  } catch {
    // A percent sign that means itself.
  }
  return /^(?:\.{0,2})$|[/\0]/.test(name) ? "__unnamed__" : name;
}

function fileName(name: string): string {
  const path = cleanPath(name);
  if (path === "." || climbsOut(path) || path.startsWith("/") || path.includes("\0")) {
    throw invalidParameter(`invalid heredoc name ${quote(name)}`);
  }
  return path;
}

const SYMBOLIC_MODE = /^[ugoa]*(?:[-+=](?:[ugo]|[rwxXst]*))+(?:,[ugoa]*(?:[-+=](?:[ugo]|[rwxXst]*))+)*$/;
const MODE_LENGTH_MAX = 64;

/** `--chmod`: octal up to 07777, or as for chmod(1). */
function checkMode(mode: string): void {
  if (mode === "" || /^0*[0-7]{1,4}$/.test(mode)) return;
  if (mode.length <= MODE_LENGTH_MAX && SYMBOLIC_MODE.test(mode)) return;
  throw invalidParameter(
    `invalid chmod parameter: '${mode}'. it should be octal string and between 0 and 07777`,
  );
}

/**
 * A source that the ignore file leaves out is not there to copy. Where the file has exceptions, no more is known without the
 * files (BuildKit's `validateCopySourcePath`).
 */
function checkIgnored(
  { options, linked, checks }: InstructionContext,
  verb: "Copy" | "Add",
  word: string,
): void {
  const { ignore } = options;
  if (ignore === undefined || ignore.hasExceptions) return;
  const path = cleanPath(word).replace(/^\/+/, "") || ".";
  const isRoot = path === ".";
  if (isRoot && !ignore.patterns.some((pattern) => ["*", "**", "**" + "/*"].includes(pattern))) return;
  if (!isRoot && !ignore.leavesOut(path)) return;
  const message = `Attempting to ${verb} file ${quote(path)} that is excluded by .dockerignore`;
  checks.report("CopyIgnoredFile", linked.instruction.source.lines, message);
}
