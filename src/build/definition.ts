import { type IgnoreRules, ignoreFileNames, parseIgnoreFile } from "../lib/ignore/index.ts";
import { invalidParameter } from "../lib/index.ts";
import { isErrno, openRoot } from "../linux/index.ts";
import type { BuildRequest, ContextSource } from "./builder-contract.ts";
import type { Contexts, ContextWish, OpenedContext } from "./contexts/index.ts";
import { internalStep } from "./internal-step.ts";
import type { Report } from "./progress/events.ts";
import type { Lease } from "./solve/lease.ts";
import type { WorkDirectory } from "./work-directory.ts";

/** What a build goes by. */
export interface Definition {
  /** As it is shown: `Dockerfile`. */
  readonly fileName: string;
  readonly text: string;
  /** Undefined where there is no ignore file. */
  readonly ignore: IgnoreRules | undefined;
  /** The build context, where all of it had to be brought here to find the Dockerfile in it. */
  readonly context: OpenedContext | undefined;
}

export interface DefinitionOptions {
  readonly request: BuildRequest;
  readonly contexts: Contexts;
  /** Keeps what is opened. */
  readonly lease: Lease;
  /** A directory of the build's own. */
  readonly directory: WorkDirectory;
  readonly report: Report;
  readonly signal: AbortSignal;
}

const DEFAULT_NAME = "Dockerfile";
/** What BuildKit looks for where there is no file of the default name. */
const DEFAULT_NAME_TOO = "dockerfile";
const DEFINITION_BYTES_MAX = 16 << 20;

/** Finds the Dockerfile and the ignore file that goes with it. @throws InvalidParameter where there is no Dockerfile */
export async function loadDefinition(options: DefinitionOptions): Promise<Definition> {
  const { request } = options;
  const source = request.contexts.get("");
  if (source?.kind === "session") return await loadFromSession(options, source);
  const { fileName, text } = request.dockerfile;
  const opened = await openWhole(options, source);
  if (opened?.dockerfile !== undefined && text === undefined) {
    const alone = readText(opened, opened.dockerfile) ?? "";
    return { fileName: opened.dockerfile, text: alone, ignore: undefined, context: opened };
  }
  const title = `[internal] load build definition from ${baseName(fileName)}`;
  const found = await internalStep(title, options.report, async () =>
    text === undefined ? readDockerfileText(opened, fileName) : { name: fileName, text },
  );
  const ignore = await internalStep("[internal] load .dockerignore", options.report, async () =>
    ignoreOf(ignoreFileNames(found.name).map((name) => opened && readText(opened, name))),
  );
  return { fileName: found.name, text: found.text, ignore, context: opened };
}

/** A client with a session is asked only for what is needed: of the context no more than its ignore file. */
async function loadFromSession(
  options: DefinitionOptions,
  source: Extract<ContextSource, { kind: "session" }>,
): Promise<Definition> {
  const { fileName, text } = options.request.dockerfile;
  const names = [fileName, ...(fileName === DEFAULT_NAME ? [DEFAULT_NAME_TOO] : [])];
  const title = `[internal] load build definition from ${baseName(fileName)}`;
  const [definition, common] = await Promise.all([
    internalStep(title, options.report, async ({ progress }) => {
      const include = names.flatMap((name) => [name, `${name}.dockerignore`]);
      const files = await openContext(options, source, { name: "dockerfile", include, progress });
      const found = text === undefined ? readDockerfileText(files, fileName) : { name: fileName, text };
      return { ...found, ignore: readText(files, `${found.name}.dockerignore`) };
    }),
    internalStep("[internal] load .dockerignore", options.report, async ({ progress }) => {
      const files = await openContext(options, source, {
        name: "context",
        include: [".dockerignore"],
        progress,
      });
      return readText(files, ".dockerignore");
    }),
  ]);
  const ignore = ignoreOf([definition.ignore, common]);
  return { fileName: definition.name, text: definition.text, ignore, context: undefined };
}

async function openWhole(
  options: DefinitionOptions,
  source: ContextSource | undefined,
): Promise<OpenedContext | undefined> {
  if (source === undefined) return undefined;
  if (source.kind === "image") throw invalidParameter("the build context can not be an image");
  if (source.kind === "directory") return await openContext(options, source, { name: "context" });
  const title =
    source.kind === "tar" ? "[internal] load build context" : `[internal] load remote build context`;
  return await internalStep(title, options.report, ({ progress }) =>
    openContext(options, source, { name: "context", progress }),
  );
}

/** Opens a context of the build's, which the lease keeps. */
export async function openContext(
  { contexts, directory, lease, request, signal }: Omit<DefinitionOptions, "report">,
  source: Exclude<ContextSource, { kind: "image" }>,
  wish: Pick<ContextWish, "name"> & Partial<ContextWish>,
): Promise<OpenedContext> {
  const nothing = { include: [], exclude: [], follow: [] };
  return lease.use(
    await contexts.open(
      source,
      directory.forWish({
        ...nothing,
        services: request.services,
        keepGitDir: keepsGitDir(request),
        ...wish,
      }),
      signal,
    ),
  );
}

/** BuildKit's argument for repositories that are contexts. */
function keepsGitDir({ buildArgs }: BuildRequest): boolean {
  return /^(1|true)$/i.test(buildArgs.get("BUILDKIT_CONTEXT_KEEP_GIT_DIR") ?? "");
}

function readDockerfileText(
  opened: OpenedContext | undefined,
  fileName: string,
): { name: string; text: string } {
  const names = [fileName, ...(fileName === DEFAULT_NAME ? [DEFAULT_NAME_TOO] : [])];
  for (const name of names) {
    const text = opened && readText(opened, name);
    if (text !== undefined) return { name, text };
  }
  throw invalidParameter(`failed to read dockerfile: open ${fileName}: no such file or directory`);
}

/** A file's text; undefined where it is not there. Links lead nowhere else than into the context. */
function readText(opened: OpenedContext, name: string): string | undefined {
  using root = openRoot(opened.path);
  try {
    return new TextDecoder().decode(root.readFile(name, DEFINITION_BYTES_MAX));
  } catch (error) {
    if (isErrno(error, 2) || isErrno(error, 20)) return undefined;
    throw error;
  }
}

/** The first that exists counts. */
function ignoreOf(texts: readonly (string | undefined)[]): IgnoreRules | undefined {
  const text = texts.find((candidate) => candidate !== undefined);
  return text === undefined ? undefined : parseIgnoreFile(text);
}

const baseName = (path: string) => path.slice(path.lastIndexOf("/") + 1);
