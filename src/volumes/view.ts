import type { Volume } from "../wire/index.ts";
import type { DriverVolume } from "./driver.ts";
import type { VolumeRecord } from "./records.ts";

/** What its driver adds to what is kept of a volume. */
export interface DriverView {
  readonly scope: "local" | "global";
  /** Empty where nobody knows. */
  readonly path: string;
  readonly status?: Readonly<Record<string, unknown>>;
}

/** A volume as the API shows it. */
export function volumeView(volume: VolumeRecord, { scope, path, status }: DriverView): Volume {
  return {
    CreatedAt: volume.created,
    Driver: volume.driver,
    Labels: nullIfEmpty(volume.labels),
    Mountpoint: path,
    Name: volume.name,
    Options: nullIfEmpty(volume.options),
    Scope: scope,
    ...(status === undefined ? {} : { Status: status as NonNullable<Volume["Status"]> }),
  };
}

/** What would be kept of a volume that a driver has and that nobody made here. */
export function recordOf(driver: string, volume: DriverVolume): VolumeRecord {
  return { name: volume.name, driver, created: volume.created ?? nowText(), labels: {}, options: {} };
}

/** RFC 3339 in seconds, as Docker keeps it. */
export function nowText(): string {
  return `${new Date().toISOString().slice(0, 19)}Z`;
}

const nullIfEmpty = (map: Readonly<Record<string, string>>) =>
  Object.keys(map).length === 0 ? null : { ...map };
