import { invalidParameter, messageOf } from "../../lib/index.ts";
import { DEFAULT_PROPAGATION, type MountMode, parseMode } from "./mode.ts";
import { cleanPath, parseDestination } from "./path.ts";
import type { PlannedMount } from "./plan-types.ts";

/**
 * `HostConfig.Binds`: `/host:/container[:mode]`, `volume:/container[:mode]`, or `/container` alone for an
 * anonymous
 * volume. A host path that is missing will be made.
 * @throws InvalidParameter in Docker's words
 */
export function parseBind(text: string, volumeDriver: string | undefined): PlannedMount {
  const invalid = (why?: string) =>
    invalidParameter(`invalid volume specification: '${text}'${why === undefined ? "" : `: ${why}`}`);
  const { source, target, mode: modeText } = splitBind(text) ?? never(invalid());
  const mode = parseMode(modeText) ?? never(invalidParameter(`invalid mode: ${modeText}`));
  const type = source.startsWith("/") ? "bind" : "volume";
  try {
    checkOptions(type, mode);
    const common = {
      destination: parseDestination(target),
      mode: modeText,
      readOnly: mode.readOnly,
    } as const;
    if (type === "bind") return { ...common, ...bindOf(source, mode) };
    return { ...common, ...volumeOf(source, mode, volumeDriver) };
  } catch (error) {
    throw invalid(`invalid mount config for type "${type}": ${messageOf(error)}`);
  }
}

function splitBind(text: string): { source: string; target: string; mode: string } | undefined {
  const [first = "", second, third, ...more] = text.split(":");
  if (first === "" || more.length > 0) return undefined;
  if (second === undefined) return { source: "", target: first, mode: "" };
  // `/data:ro` is no volume: a mode needs a source and a destination before it.
  if (third === undefined && parseMode(second) !== undefined) return undefined;
  return { source: first, target: second, mode: third ?? "" };
}

function checkOptions(type: "bind" | "volume", mode: MountMode): void {
  const forbidden =
    type === "volume" ? mode.propagation !== undefined && "BindOptions" : mode.noCopy && "VolumeOptions";
  if (forbidden) throw invalidParameter(`field ${forbidden} must not be specified`);
}

function bindOf(source: string, mode: MountMode) {
  return {
    type: "bind",
    source: cleanPath(source),
    propagation: mode.propagation ?? DEFAULT_PROPAGATION,
    createSource: true,
    origin: "bind",
  } as const;
}

function volumeOf(name: string, mode: MountMode, driver: string | undefined) {
  return {
    type: "volume",
    source: "",
    propagation: "",
    copyUp: mode.noCopy !== true,
    origin: "bind",
    ...(name === "" ? { anonymous: true } : { name }),
    ...(driver ? { volume: { driver } } : {}),
  } as const;
}

function never(error: Error): never {
  throw error;
}
