import { notFound } from "../../lib/index.ts";
import { Engine } from "../../sdk/index.ts";
import type { ImageInspect } from "../../wire/index.ts";
import type { Application } from "../application.ts";
import { containerName } from "../labels.ts";
import { loadProject } from "../project/index.ts";
import type { CreateContext } from "./context.ts";

/** What a test's project is made of, besides its text. */
export interface Around {
  readonly environment?: Readonly<Record<string, string>>;
  /** Relative to /srv/app. */
  readonly files?: Readonly<Record<string, string>>;
  readonly engine?: Engine;
}

/** An application in /srv/app on an engine that nobody asks anything, with what it warned of. */
export function applicationOf(
  yaml: string,
  around: Around = {},
): Application & { readonly warnings: string[] } {
  const files: Readonly<Record<string, string>> = { "compose.yaml": yaml, ...around.files };
  const nameOf = (path: string) => path.slice("/srv/app/".length);
  const has = (path: string) => path.startsWith("/srv/app/") && Object.hasOwn(files, nameOf(path));
  const warnings: string[] = [];
  const warn = (message: string) => warnings.push(message);
  const project = loadProject({
    name: "shop",
    workingDirectory: "/srv/app",
    environment: { HOME: "/nowhere", ...around.environment },
    warn,
    reading: {
      has,
      read(path) {
        if (!has(path)) throw notFound(`open ${path}: no such file or directory`);
        return files[nameOf(path)]!;
      },
      readStdin: () => "",
    },
  });
  const engine = around.engine ?? new Engine("unix:///nowhere.sock", { apiVersion: "1.51" });
  return { engine, project, dryRun: false, warnings, report: { progress: () => {}, warn } };
}

/** The first container of a service; each other service has one container, `id-of-db` called `shop-db-1`. */
export function contextOf(app: Application, name = "web", more: Partial<CreateContext> = {}): CreateContext {
  const service = { ...app.project.services[name]!, name };
  const containersOf = (other: string) => [{ id: `id-of-${other}`, name: `shop-${other}-1` }];
  const own = containerName("shop", service, 1);
  return { app, service, number: 1, name: own, imageId: "sha256:1", hash: "h", containersOf, ...more };
}

/** An engine with one image, which declares these volumes. */
export function engineWithImage(volumes: readonly string[]): Engine {
  const engine = new Engine("unix:///nowhere.sock", { apiVersion: "1.51" });
  const image = { Config: { Volumes: Object.fromEntries(volumes.map((path) => [path, {}])) } };
  engine.images.inspect = async () => image as unknown as ImageInspect;
  return engine;
}
