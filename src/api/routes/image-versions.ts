import { invalidParameter } from "../../lib/index.ts";
import type {
  ImageDiff,
  ImageFile,
  ImageFileChange,
  ImageFileTotals,
  ImageLayers,
  ImageRollbackResponse,
  ImageVersion,
  ImageVersionsPruneResponse,
} from "../../wire/index.ts";
import type { Call } from "../call.ts";
import type { Filters } from "../filters.ts";
import type { Router } from "../router.ts";

/** What these routes ask of the engine. An image is a reference, an id, or a version: `app:1@3`, `app~`. */
export interface ImageVersionsBackend {
  readonly versions: {
    list(name: string): Promise<ImageVersion[]>;
    rollBack(name: string, version?: number): Promise<ImageRollbackResponse>;
    prune(filters: Filters): Promise<ImageVersionsPruneResponse>;
    diff(from: string, to: string): Promise<ComparedImages>;
    layers(name: string): Promise<ImageLayers>;
    /** `layer`: a number from the bottom, the beginning of a digest, or `all`. */
    files(name: string, layer: string): Promise<AsyncIterable<ImageFile>>;
  };
}

/** Two images, of whose files there may be a million, which come one by one. */
interface ComparedImages extends Omit<ImageDiff, "Files" | "Totals"> {
  readonly files: AsyncIterable<ImageFileChange>;
}

/** What Docker has no routes for: below a word of berth's own, which no later version of Docker's API will have. */
export function addImageVersionRoutes(router: Router, { versions }: ImageVersionsBackend): void {
  router.get("/berth/images/diff", async (call) => {
    const [from, to] = [call.query.text("from"), call.query.text("to")];
    if (from === "" || to === "") throw invalidParameter("both from and to are required");
    await call.stream("application/json", diffText(await versions.diff(from, to)));
  });

  router.post("/berth/images/versions/prune", async (call) => {
    const filters = call.query.filters();
    call.json(200, await call.onBehalf(() => versions.prune(filters)));
  });

  router.get("/berth/images/:name{.+}/versions", async (call) => {
    call.json(200, await versions.list(call.param("name")));
  });

  router.post("/berth/images/:name{.+}/rollback", async (call) => {
    const version = versionOf(call);
    call.json(200, await call.onBehalf(() => versions.rollBack(call.param("name"), version)));
  });

  router.get("/berth/images/:name{.+}/layers", async (call) => {
    call.json(200, await versions.layers(call.param("name")));
  });

  router.get("/berth/images/:name{.+}/layers/:layer/files", async (call) => {
    const files = await versions.files(call.param("name"), call.param("layer"));
    await call.stream("application/x-ndjson", batched(jsonLines(files)));
  });
}

function versionOf(call: Call): number | undefined {
  const text = call.query.text("version");
  if (text === "") return undefined;
  if (!/^\d{1,9}$/.test(text))
    throw invalidParameter(`invalid version: ${JSON.stringify(text.slice(0, 100))}`);
  return Number(text);
}

/** The JSON of an `ImageDiff`, of which only the files that are being written are in memory. */
async function* diffText({ files, ...head }: ComparedImages): AsyncGenerator<Uint8Array, void, undefined> {
  const totals = { Added: 0, Changed: 0, Removed: 0, TimeOnly: 0, SizeDelta: 0 };
  async function* text(): AsyncGenerator<string, void, undefined> {
    yield `${JSON.stringify(head).slice(0, -1)},"Files":[`;
    let comma = "";
    for await (const file of files) {
      count(totals, file);
      yield `${comma}${JSON.stringify(file)}`;
      comma = ",";
    }
    yield `],"Totals":${JSON.stringify(totals satisfies ImageFileTotals)}}\n`;
  }
  yield* batched(text());
}

function count(totals: ImageFileTotals, { Change, What, Size, SizeBefore }: ImageFileChange): void {
  if (Change === "added") totals.Added++;
  else if (Change === "removed") totals.Removed++;
  else if (What?.length === 1 && What[0] === "time") totals.TimeOnly++;
  else totals.Changed++;
  totals.SizeDelta += Size - SizeBefore;
}

async function* jsonLines(values: AsyncIterable<unknown>): AsyncGenerator<string, void, undefined> {
  for await (const value of values) yield `${JSON.stringify(value)}\n`;
}

const BATCH_CHARACTERS = 32 * 1024;

/** Few large pieces in place of many small ones. */
async function* batched(texts: AsyncIterable<string>): AsyncGenerator<Uint8Array, void, undefined> {
  let parts: string[] = [];
  let length = 0;
  for await (const text of texts) {
    parts.push(text);
    length += text.length;
    if (length < BATCH_CHARACTERS) continue;
    yield Buffer.from(parts.join(""));
    parts = [];
    length = 0;
  }
  // Also where there is nothing: the head of an answer waits for the first piece.
  yield Buffer.from(parts.join(""));
}
