import { invalidParameter } from "../../lib/index.ts";
import type { PathStat } from "../../wire/index.ts";
import type { Call } from "../call.ts";
import type { Router } from "../router.ts";

/** What these routes ask of the engine: `docker cp`. */
export interface ArchiveBackend {
  archiveStat(ref: string, path: string): Promise<PathStat>;
  archiveGet(ref: string, path: string): Promise<{ stat: PathStat; tar: AsyncIterable<Uint8Array> }>;
  archivePut(
    ref: string,
    path: string,
    body: AsyncIterable<Uint8Array>,
    options: { noOverwriteDirNonDir: boolean; copyUIDGID: boolean },
  ): Promise<void>;
}

const STAT_HEADER = "X-Docker-Container-Path-Stat";

export function addArchiveRoutes(router: Router, containers: ArchiveBackend): void {
  router.head("/containers/:id{.+}/archive", async (call) => {
    const stat = await containers.archiveStat(call.param("id"), pathOf(call));
    call.empty(200, { [STAT_HEADER]: encodeStat(stat) });
  });

  router.get("/containers/:id{.+}/archive", async (call) => {
    const { stat, tar } = await containers.archiveGet(call.param("id"), pathOf(call));
    await call.stream("application/x-tar", tar, { [STAT_HEADER]: encodeStat(stat) });
  });

  router.put("/containers/:id{.+}/archive", async (call) => {
    await containers.archivePut(call.param("id"), pathOf(call), call.bytes(), {
      noOverwriteDirNonDir: call.query.bool("noOverwriteDirNonDir"),
      copyUIDGID: call.query.bool("copyUIDGID"),
    });
    call.empty(200);
  });
}

function pathOf(call: Call): string {
  const path = call.query.text("path");
  if (path === "") throw invalidParameter("bad parameter: path cannot be empty");
  if (path.includes("\0")) throw invalidParameter("bad parameter: path must not contain NUL");
  return path;
}

function encodeStat(stat: PathStat): string {
  return Buffer.from(JSON.stringify(stat)).toString("base64");
}
