import { invalidParameter } from "../../lib/index.ts";
import type { NamedService } from "../application.ts";
import type { Project } from "../project/index.ts";

/** The platform that a service's containers run on; undefined: the machine's. `DOCKER_DEFAULT_PLATFORM` counts where it says none. */
export function platformOf(project: Project, service: NamedService): string | undefined {
  return service.platform || project.environment.get("DOCKER_DEFAULT_PLATFORM") || undefined;
}

/**
 * The platforms for which a service's image is built.
 *
 * @param single the image is to run here, so that it is built for one.
 * @throws InvalidParameter in Docker Compose's words where the service's platform is none of its build.
 */
export function buildPlatforms(project: Project, service: NamedService, single: boolean): readonly string[] {
  const declared = service.build?.platforms ?? [];
  const wanted = platformOf(project, service);
  if (wanted === undefined) return single && declared.length > 1 ? [] : declared;
  if (declared.length > 0 && !declared.includes(wanted)) {
    throw invalidParameter(
      service.platform
        ? `service "${service.name}" build configuration does not support platform: ${wanted}`
        : `service "${service.name}" build.platforms does not support value set by DOCKER_DEFAULT_PLATFORM: ${wanted}`,
    );
  }
  return single || declared.length === 0 ? [wanted] : declared;
}

/** A platform's parts as images name them. */
export interface Platform {
  readonly os?: string;
  readonly architecture?: string;
  readonly variant?: string;
}

const ARCHITECTURES: Readonly<Record<string, string>> = {
  x86_64: "amd64",
  "x86-64": "amd64",
  aarch64: "arm64",
  armhf: "arm",
  armel: "arm",
  i386: "386",
};

/** `linux/arm64/v8`, `linux`, `arm64` → its parts; what is not said is not there. */
export function parsePlatform(text: string): Platform {
  const [first = "", second, third] = text.toLowerCase().split("/");
  const lone = second === undefined && first !== "linux" && first !== "windows";
  const architecture = lone ? first : second;
  return {
    ...(lone ? {} : { os: first }),
    ...(architecture === undefined ? {} : { architecture: ARCHITECTURES[architecture] ?? architecture }),
    ...(third === undefined ? {} : { variant: third }),
  };
}

/** Whether an image of one platform is what somebody who wants the other means. */
export function matchesPlatform(image: Platform, wanted: Platform): boolean {
  const variant = ({ architecture, variant: given = "" }: Platform) =>
    given === "" && architecture === "arm64" ? "v8" : given === "" && architecture === "arm" ? "v7" : given;
  const differs = (key: "os" | "architecture") => wanted[key] !== undefined && image[key] !== wanted[key];
  if (differs("os") || differs("architecture")) return false;
  return wanted.architecture === undefined || variant(image) === variant(wanted);
}
