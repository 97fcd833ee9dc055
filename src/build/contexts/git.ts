import {
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { digestOf, invalidParameter, kindOf, newId, notFound } from "../../lib/index.ts";
import { withoutCredentials } from "../credentials.ts";
import type { GitReference } from "../dockerfile/index.ts";
import type { ClientServices } from "../ports.ts";
import type { FetchedRepository, GitRequest } from "./contract.ts";
import { checkCommit, GitError, type GitSettings, runGit } from "./git-command.ts";
import { type AgentSocket, openAgentSocket } from "./git-ssh.ts";
import type { Place, Shelf } from "./shelf.ts";
import { redactUrl } from "./urls.ts";

const isCommit = (text: string) => /^[0-9a-f]{40}([0-9a-f]{24})?$/.test(text);

/**
 * Fetches a repository at a ref, which the server is asked for each time unless it is a commit; the checkout of a commit that is
 * here is taken as it is. Nothing that a repository brings is run: no hooks, no filters, no helpers of its own.
 * @throws NotFound for a ref that is none, InvalidParameter for a commit that differs, System with what git said
 */
export async function fetchRepository(
  shelf: Shelf,
  request: GitRequest,
  signal: AbortSignal,
): Promise<FetchedRepository> {
  const { reference, keepGitDir } = request;
  await using stack = new AsyncDisposableStack();
  const settings = await settingsFor(shelf, request, stack);
  const commit = await resolve(reference, settings, signal);
  checkChecksum(reference, commit);
  const { remote, subdirectory, submodules, mtime } = reference;
  // The key is written down, and the address may hold a password.
  const key = JSON.stringify([
    ...["checkout/2", digestOf(remote), commit],
    ...[subdirectory, keepGitDir, submodules, mtime],
  ]);
  const known = shelf.takeShared(key);
  if (known !== undefined) return held(shelf, known, commit);
  const place = await shelf.takeAlone(`${key} ${newId()}`, `${redactUrl(remote)}#${commit}`);
  try {
    await checkout({ ...request, commit }, place.path, settings, signal);
    shelf.rename(place.id, key);
    shelf.share(place.id, { commit });
    return held(shelf, place, commit);
  } catch (error) {
    await shelf.discard(place.id);
    throw error;
  }
}

function held(shelf: Shelf, place: Place, commit: string): FetchedRepository {
  let isHeld = true;
  return {
    directory: join(place.path, "files"),
    commit,
    async [Symbol.asyncDispose]() {
      if (isHeld) shelf.giveBack(place.id);
      isHeld = false;
    },
  };
}

async function settingsFor(
  shelf: Shelf,
  { reference, services }: GitRequest,
  stack: AsyncDisposableStack,
): Promise<GitSettings> {
  const home = await shelf.takeAlone("git home", "settings of git");
  stack.defer(() => shelf.giveBack(home.id));
  const { remote } = reference;
  const isSsh = /^ssh:\/\//i.test(remote) || !/^[a-z]+:\/\//i.test(remote);
  let agent: AgentSocket | undefined;
  if (isSsh && services !== undefined) {
    agent = await openAgentSocket(services, home.path);
    if (agent !== undefined) stack.use(agent);
  }
  return {
    home: home.path,
    knownHosts: join(home.path, "known_hosts"),
    config: services === undefined || isSsh ? {} : await credentials(remote, services),
    sshAuthSocket: agent?.path,
  };
}

/** BuildKit's secrets: `GIT_AUTH_HEADER` or `GIT_AUTH_TOKEN`, each with `.host` for one host only. */
async function credentials(remote: string, services: ClientServices): Promise<Record<string, string>> {
  if (!/^https?:\/\//i.test(remote)) return {};
  const { origin, host } = new URL(remote);
  for (const [name, header] of [
    ["GIT_AUTH_HEADER", (text: string) => text],
    ["GIT_AUTH_TOKEN", (text: string) => `basic ${Buffer.from(`x-access-token:${text}`).toString("base64")}`],
  ] as const) {
    for (const id of [`${name}.${host}`, name]) {
      const secret = await optionalSecret(services, id);
      if (secret !== undefined)
        return { [`http.${origin}/.extraheader`]: `Authorization: ${header(secret)}` };
    }
  }
  return {};
}

async function optionalSecret(services: ClientServices, id: string): Promise<string | undefined> {
  try {
    const text = new TextDecoder().decode(await services.secret(id)).trim();
    return /[\r\n\0]/.test(text) ? undefined : text;
  } catch (error) {
    if (kindOf(error) === "NotFound") return undefined;
    throw error;
  }
}

/** The commit that a ref is, by the server. */
async function resolve(reference: GitReference, settings: GitSettings, signal: AbortSignal): Promise<string> {
  const { remote, ref, checksum, fetchByCommit } = reference;
  if (isCommit(ref)) return ref;
  if (fetchByCommit && isCommit(checksum)) return checksum;
  const name = ref === "" ? "HEAD" : ref;
  const patterns =
    name === "HEAD" || name.startsWith("refs/") ? [name] : [`refs/heads/${name}`, `refs/tags/${name}`, name];
  let output: string;
  try {
    output = await runGit(
      ["ls-remote", "--", remote, ...patterns.flatMap((one) => [one, `${one}^{}`])],
      settings.home,
      settings,
      signal,
    );
  } catch (error) {
    throw failed(`failed to fetch remote ${redactUrl(remote)}`, error);
  }
  const found = new Map(
    output
      .split("\n")
      .map((line) => line.split("\t"))
      .map(([commit = "", full = ""]): [string, string] => [full, commit]),
  );
  // An annotated tag is an object of its own, `^{}` the commit that it is put on; BuildKit prefers tags.
  for (const pattern of patterns.toReversed()) {
    const commit = found.get(`${pattern}^{}`) ?? found.get(pattern);
    if (commit !== undefined && commit !== "") return checkCommit(commit);
  }
  throw notFound(`repository ${redactUrl(remote)} does not contain ref ${name}`);
}

function checkChecksum({ checksum, ref }: GitReference, commit: string): void {
  if (checksum === "" || commit.startsWith(checksum)) return;
  throw invalidParameter(
    `expected checksum to match ${checksum}, got ${commit}${ref === "" ? "" : ` for ${ref}`}`,
  );
}

const failed = (message: string, error: unknown) =>
  error instanceof GitError ? Object.assign(error, { message: `${message}: ${error.message}` }) : error;

interface Checkout extends GitRequest {
  readonly commit: string;
}

/** Brings the files into `<place>/files`. */
async function checkout(
  wanted: Checkout,
  place: string,
  settings: GitSettings,
  signal: AbortSignal,
): Promise<void> {
  const { reference, commit, keepGitDir } = wanted;
  const work = join(place, "work");
  mkdirSync(work, { mode: 0o755 });
  const git = (...args: string[]) => runGit(args, work, settings, signal);
  try {
    await git("init", "--quiet", "--template=");
    await git("remote", "add", "origin", "--", reference.remote);
    await fetchCommit(git, wanted);
    await git("checkout", "--quiet", "--force", "--detach", commit);
    if (reference.submodules && lstatSync(join(work, ".gitmodules"), { throwIfNoEntry: false })?.isFile()) {
      await git("submodule", "update", "--init", "--recursive", "--depth=1", "--quiet");
    }
  } catch (error) {
    throw failed(`failed to fetch remote ${redactUrl(reference.remote)}`, error);
  }
  const time = reference.mtime === "commit" ? Number(await git("log", "-1", "--format=%ct")) : undefined;
  if (!keepGitDir) removeGitDirectories(work);
  else cleanGitDirectory(join(work, ".git"));
  const files = folderOf(work, reference.subdirectory);
  if (time !== undefined) setTimes(files, time);
  renameSync(files, join(place, "files"));
  rmSync(work, { recursive: true, force: true });
}

type Git = (...args: string[]) => Promise<string>;

/** Only this commit; where the server gives no single commits, all of the ref, or of the repository. */
async function fetchCommit(git: Git, { reference: { ref }, commit }: Checkout): Promise<void> {
  const attempts = [
    ["--depth=1", "origin", commit],
    ...(isCommit(ref) || ref === "" ? [] : [["--depth=1", "origin", ref]]),
  ];
  for (const attempt of attempts) {
    try {
      await git("fetch", "--quiet", "--no-tags", "--force", "--no-recurse-submodules", ...attempt);
      await git("cat-file", "-e", `${commit}^{commit}`);
      return;
    } catch (error) {
      if (!(error instanceof GitError)) throw error;
    }
  }
  await git(
    "fetch",
    "--quiet",
    "--tags",
    "--force",
    "--no-recurse-submodules",
    "origin",
    "+refs/heads/*:refs/remotes/origin/*",
  );
}

/** Also those of submodules, wherever they are. */
function removeGitDirectories(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.name === ".git") rmSync(path, { recursive: true, force: true });
    else if (entry.isDirectory()) removeGitDirectories(path);
  }
}

const TRACES = new Set(["FETCH_HEAD", "ORIG_HEAD", "logs", "hooks", "index"]);

/** What differs from one fetch to the next would make each a new layer; and no password becomes part of one. Submodules' too. */
function cleanGitDirectory(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (TRACES.has(entry.name)) rmSync(path, { recursive: true, force: true });
    else if (entry.isDirectory() && entry.name !== "objects" && entry.name !== "refs")
      cleanGitDirectory(path);
    else if (entry.isFile() && entry.name === "config") {
      const text = readFileSync(path, "latin1");
      writeFileSync(path, withoutPasswords(text), "latin1");
    }
  }
}

/** The address stays one that can be fetched from. */
const withoutPasswords = (text: string) => withoutCredentials(text).replaceAll("xxxxx:xxxxx@", "");

/** A folder of the checkout. @throws NotFound, InvalidParameter where a link stands in the way: it could lead anywhere */
function folderOf(work: string, subdirectory: string): string {
  let path = work;
  for (const part of subdirectory.split("/").filter((one) => one !== "")) {
    path = join(path, part);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined)
      throw notFound(`subdirectory ${JSON.stringify(subdirectory)} not found in the repository`);
    if (!stat.isDirectory()) {
      throw invalidParameter(
        `subdirectory ${JSON.stringify(subdirectory)} of the repository is not a directory`,
      );
    }
  }
  return path;
}

function setTimes(path: string, seconds: number): void {
  if (lstatSync(path).isDirectory()) {
    for (const name of readdirSync(path)) setTimes(join(path, name), seconds);
  }
  lutimesSync(path, seconds, seconds);
}
