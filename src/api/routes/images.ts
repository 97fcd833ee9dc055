import { invalidParameter } from "../../lib/index.ts";
import {
  CommitRequestSchema,
  type ContainerConfig,
  type ImageDeleteItem,
  type ImageHistoryItem,
  type ImageInspect,
  type ImagePruneResponse,
  type ImageSummary,
  type JsonMessage,
} from "../../wire/index.ts";
import type { Call } from "../call.ts";
import { adaptImageInspect } from "../compat.ts";
import type { Filters } from "../filters.ts";
import { platformIn } from "../platform.ts";
import type { Router } from "../router.ts";
import { sendProgress } from "../streams/json-lines.ts";

export interface ImportOptions {
  readonly repository?: string;
  readonly tag?: string;
  readonly message?: string;
  readonly platform?: string;
  /** Dockerfile instructions: `CMD ["x"]`. */
  readonly changes: readonly string[];
}

type Report = (message: JsonMessage) => void;

/** What these routes ask of the engine. `name` is a reference, an id or the beginning of an id. */
export interface ImageBackend {
  list(options: {
    all: boolean;
    sharedSize: boolean;
    manifests: boolean;
    filters: Filters;
  }): Promise<ImageSummary[]>;
  inspect(name: string, options: { platform?: string; manifests: boolean }): Promise<ImageInspect>;
  history(name: string, options: { platform?: string }): Promise<ImageHistoryItem[]>;
  tag(name: string, repository: string, tag: string | undefined): Promise<void>;
  remove(name: string, options: { force: boolean; noPrune: boolean }): Promise<ImageDeleteItem[]>;
  prune(filters: Filters): Promise<ImagePruneResponse>;
  /** Resolves with the image's id. */
  import(tar: AsyncIterable<Uint8Array>, options: ImportOptions): Promise<string>;
  load(
    tar: AsyncIterable<Uint8Array>,
    options: { quiet: boolean; platform?: string },
    report: Report,
  ): Promise<void>;
  /** With `reuse`, each piece holds only until the next is asked for. */
  save(names: readonly string[], options: { platform?: string; reuse?: boolean }): AsyncIterable<Uint8Array>;
  /** Without a tag: all tags. `auth` is the value of `X-Registry-Auth`. */
  pull(
    reference: { name: string; tag?: string; platform?: string },
    auth: string | undefined,
    report: Report,
    signal: AbortSignal,
  ): Promise<void>;
  push(
    reference: { name: string; tag?: string; platform?: string },
    auth: string | undefined,
    report: Report,
    signal: AbortSignal,
  ): Promise<void>;
}

export interface CommitOptions {
  readonly repository?: string;
  readonly tag?: string;
  readonly comment?: string;
  readonly author?: string;
  readonly pause: boolean;
  readonly changes: readonly string[];
  readonly config?: ContainerConfig;
}

export interface CommitBackend {
  commit(ref: string, options: CommitOptions): Promise<{ Id: string }>;
}

export function addImageRoutes(router: Router, images: ImageBackend, containers: CommitBackend): void {
  router.get("/images/json", async (call) => {
    const summaries = await images.list({
      all: call.query.bool("all"),
      sharedSize: call.minor >= 42 && call.query.bool("shared-size"),
      manifests: call.minor >= 47 && call.query.bool("manifests"),
      filters: listFilters(call),
    });
    if (call.minor < 44) for (const summary of summaries) summary.VirtualSize = summary.Size;
    call.json(200, summaries);
  });

  router.get("/images/get", (call) => sendImages(call, images, call.query.all("names")));

  router.post("/images/load", async (call) => {
    const platform = call.minor >= 48 ? platformOf(call) : undefined;
    const archive = call.upload();
    // Docker's failures of `load` come in the stream, never as a status: clients look for them there.
    await sendProgress(
      call,
      (report) =>
        call.onBehalf(() => images.load(archive, { quiet: call.query.bool("quiet"), platform }, report)),
      "in-stream",
    );
  });

  router.post("/images/create", (call) => createImage(call, images));

  router.post("/images/prune", async (call) => {
    call.json(200, await call.onBehalf(() => images.prune(call.query.filters())));
  });

  router.get("/images/:name{.+}/json", async (call) => {
    const inspect = await images.inspect(call.param("name"), {
      platform: call.minor >= 49 ? platformOf(call) : undefined,
      manifests: call.minor >= 48 && call.query.bool("manifests"),
    });
    call.json(200, adaptImageInspect(inspect, call.minor, call.header("user-agent")));
  });

  router.get("/images/:name{.+}/history", async (call) => {
    const platform = call.minor >= 48 ? platformOf(call) : undefined;
    call.json(200, await images.history(call.param("name"), { platform }));
  });

  router.get("/images/:name{.+}/get", (call) => sendImages(call, images, [call.param("name")]));

  router.post("/images/:name{.+}/tag", async (call) => {
    const [repository, tag] = [call.query.text("repo"), call.query.optional("tag")];
    await call.onBehalf(() => images.tag(call.param("name"), repository, tag));
    call.empty(201);
  });

  router.post("/images/:name{.+}/push", async (call) => {
    const reference = {
      name: call.param("name"),
      tag: call.query.optional("tag"),
      platform: platformOf(call),
    };
    const auth = call.header("x-registry-auth");
    await sendProgress(call, (report) => images.push(reference, auth, report, call.signal));
  });

  router.delete("/images/:name{.+}", async (call) => {
    const options = { force: call.query.bool("force"), noPrune: call.query.bool("noprune") };
    await checkPlatforms(call, images);
    call.json(200, await call.onBehalf(() => images.remove(call.param("name"), options)));
  });

  router.post("/commit", async (call) => {
    const config = await call.body("CommitRequest", CommitRequestSchema);
    const options: CommitOptions = {
      repository: call.query.optional("repo"),
      tag: call.query.optional("tag"),
      comment: call.query.optional("comment"),
      author: call.query.optional("author"),
      pause: call.query.text("pause") === "" || call.query.bool("pause"),
      changes: call.query.all("changes"),
      // `docker commit` sends an empty configuration where it means the container's own.
      config: config !== undefined && Object.keys(config).length > 0 ? config : undefined,
    };
    call.json(201, await call.onBehalf(() => containers.commit(call.query.text("container"), options)));
  });
}

/** Until v1.40 a name was given beside the filters. */
function listFilters(call: Call): Filters {
  const filters = call.query.filters();
  const name = call.minor <= 40 ? call.query.optional("filter") : undefined;
  return name === undefined ? filters : { ...filters, reference: [name] };
}

function platformOf(call: Call): string | undefined {
  const text = call.query.optional("platform");
  return text === undefined ? undefined : platformIn(text);
}

/** Of those asked for, each must be the image's: it has one, and goes with it. @throws NotFound */
async function checkPlatforms(call: Call, images: ImageBackend): Promise<void> {
  const platforms = call.minor >= 50 ? call.query.all("platforms").map(platformIn) : [];
  await Promise.all(
    platforms.map((platform) => images.inspect(call.param("name"), { platform, manifests: false })),
  );
}

async function sendImages(call: Call, images: ImageBackend, names: readonly string[]): Promise<void> {
  const platform = call.minor >= 48 ? platformOf(call) : undefined;
  // `names=a,b` is as old as `names=a&names=b`.
  const each = names.flatMap((name) => name.split(",")).filter((name) => name !== "");
  await call.stream("application/x-tar", images.save(each, { platform, reuse: true }));
}

async function createImage(call: Call, images: ImageBackend): Promise<void> {
  const { query } = call;
  const fromImage = query.optional("fromImage");
  if (fromImage !== undefined) {
    const reference = { name: fromImage, tag: query.optional("tag"), platform: query.optional("platform") };
    const auth = call.header("x-registry-auth");
    await sendProgress(call, (report) =>
      call.onBehalf(() => images.pull(reference, auth, report, call.signal)),
    );
    return;
  }
  const source = query.text("fromSrc");
  const options: ImportOptions = {
    repository: query.optional("repo"),
    tag: query.optional("tag"),
    message: query.optional("message"),
    platform: query.optional("platform"),
    changes: query.all("changes"),
  };
  const sent = source === "-" || source === "" ? call.upload() : undefined;
  await sendProgress(call, async (report) => {
    const tar = sent ?? (await download(source, call.signal, report));
    report({ status: await call.onBehalf(() => images.import(tar, options)) });
  });
}

/** `docker import http://…`: the engine fetches it. */
async function download(
  source: string,
  signal: AbortSignal,
  report: Report,
): Promise<AsyncIterable<Uint8Array>> {
  const url = /^https?:\/\//.test(source) ? source : `http://${source}`;
  if (!URL.canParse(url)) throw invalidParameter(`invalid URL ${JSON.stringify(source.slice(0, 200))}`);
  report({ status: `Downloading from ${url}` });
  const response = await fetch(url, { signal });
  if (!response.ok || response.body === null) {
    throw invalidParameter(`Got HTTP status code >= 400: ${response.status} ${response.statusText}`);
  }
  return response.body;
}
