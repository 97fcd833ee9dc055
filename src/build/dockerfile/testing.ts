/** What tests of plans share: a machine, image names, and images by their short names. */
import { invalidParameter } from "../../lib/index.ts";
import type { ImageConfig } from "../../wire/index.ts";
import { type BaseImage, type BuildPlan, type PlanOptions, planBuild } from "./plan.ts";
import type { Platform } from "./platform.ts";
import { imageKey } from "./resolve.ts";
import { readDockerfile } from "./stages.ts";

export const MACHINE: Platform = { os: "linux", architecture: "amd64", variant: "", osVersion: "" };

/** Enough of the grammar of image names to tell right from wrong. */
export function imageName(text: string): string {
  const found =
    /^(?:([a-z0-9.-]+\.[a-z0-9.-]+|localhost)(?::\d+)?\/)?([a-z0-9]+(?:[/._-]+[a-z0-9]+)*)(:[\w.-]+)?(@sha256:[0-9a-f]{64})?$/.exec(
      text,
    );
  if (found === null) throw invalidParameter("invalid reference format");
  const [, domain, path = "", tag, digest] = found;
  const full =
    domain === undefined ? `docker.io/${path.includes("/") ? "" : "library/"}${path}` : `${domain}/${path}`;
  return full + (tag ?? (digest === undefined ? ":latest" : "")) + (digest ?? "");
}

export type TestOptions = Partial<Omit<PlanOptions, "images" | "buildArgs">> & {
  readonly images?: Readonly<Record<string, ImageConfig>>;
  readonly buildArgs?: Readonly<Record<string, string>>;
};

/** A plan with every image known: those that are not given have nothing in their configuration. */
export function planText(text: string, options: TestOptions = {}): BuildPlan {
  const known = new Map<string, BaseImage>();
  const dockerfile = readDockerfile(text);
  for (let round = 0; round < 10; round++) {
    const plan = planBuild(dockerfile, {
      buildPlatform: MACHINE,
      imageName,
      ...options,
      buildArgs: new Map(Object.entries(options.buildArgs ?? {})),
      images: known,
    });
    if (plan.missing.length === 0) return plan;
    for (const { reference, platform } of plan.missing) {
      const name = reference.replace(/^docker\.io\/(?:library\/)?/, "").replace(/:latest$/, "");
      const config = options.images?.[name] ?? {};
      known.set(imageKey({ reference, platform }), { config, platform });
    }
  }
  throw new Error("images go on missing");
}
