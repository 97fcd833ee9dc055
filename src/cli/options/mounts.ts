import { resolve } from "node:path";
import type { Mount } from "../../wire/index.ts";
import { cut } from "../flags.ts";
import { parseBool } from "../text/numbers.ts";
import { parseRamBytes } from "../text/units.ts";
import { parseCsv } from "./csv.ts";

type Draft = { -readonly [K in keyof Mount]: Mount[K] };

/** Reads one `--mount`: `type=bind,source=/data,target=/data,readonly`. @throws with Docker's words. */
export function parseMount(text: string): Mount {
  const mount: Draft = { Type: "volume" };
  for (const field of parseCsv(text)) readField(mount, field);
  checkMount(mount);
  return mount;
}

function readField(mount: Draft, field: string): void {
  const [name, value] = cut(field, "=");
  const key = name.toLowerCase();
  if (value === undefined) {
    if (!isSwitch(key)) throw new Error(`invalid field '${field}' must be a key=value pair`);
    setField(mount, key, "true", field);
    return;
  }
  setField(mount, key, value, field);
}

function isSwitch(key: string): boolean {
  return key === "readonly" || key === "ro" || key === "volume-nocopy" || key === "bind-nonrecursive";
}

function setField(mount: Draft, key: string, value: string, field: string): void {
  switch (key) {
    case "type":
      mount.Type = value.toLowerCase();
      return;
    case "source":
    case "src":
      mount.Source = value.startsWith(".") ? resolve(value) : value;
      return;
    case "target":
    case "dst":
    case "destination":
      mount.Target = value;
      return;
    case "readonly":
    case "ro":
      mount.ReadOnly = truth(key, value);
      return;
    case "consistency":
      mount.Consistency = value.toLowerCase();
      return;
  }
  const [family] = cut(key, "-");
  if (family === "bind") setBindField(mount, key, value, field);
  else if (family === "volume") setVolumeField(mount, key, value, field);
  else if (family === "tmpfs") setTmpfsField(mount, key, value, field);
  else if (key === "image-subpath") mount.ImageOptions = { ...mount.ImageOptions, Subpath: value };
  else throw unexpected(key, field);
}

function setBindField(mount: Draft, key: string, value: string, field: string): void {
  const options = { ...mount.BindOptions };
  mount.BindOptions = options;
  switch (key) {
    case "bind-propagation":
      options.Propagation = value.toLowerCase();
      return;
    case "bind-nonrecursive":
      options.NonRecursive = truth(key, value);
      return;
    case "bind-create-src":
      options.CreateMountpoint = truth(key, value);
      return;
    case "bind-recursive":
      if (value === "disabled") options.NonRecursive = true;
      else if (value === "writable") options.ReadOnlyNonRecursive = true;
      else if (value === "readonly") options.ReadOnlyForceRecursive = true;
      else if (value !== "enabled") {
        throw new Error(
          `invalid value for ${key}: ${value} (must be "enabled", "disabled", "writable", or "readonly")`,
        );
      }
      return;
    default:
      throw unexpected(key, field);
  }
}

function setVolumeField(mount: Draft, key: string, value: string, field: string): void {
  const options = { ...mount.VolumeOptions };
  mount.VolumeOptions = options;
  const driver = { ...options.DriverConfig };
  switch (key) {
    case "volume-subpath":
      options.Subpath = value;
      return;
    case "volume-nocopy":
      options.NoCopy = truth(key, value);
      return;
    case "volume-label":
      options.Labels = { ...options.Labels, ...pair(value) };
      return;
    case "volume-driver":
      options.DriverConfig = { ...driver, Name: value };
      return;
    case "volume-opt":
      options.DriverConfig = { ...driver, Options: { ...driver.Options, ...pair(value) } };
      return;
    default:
      throw unexpected(key, field);
  }
}

function setTmpfsField(mount: Draft, key: string, value: string, field: string): void {
  const options = { ...mount.TmpfsOptions };
  mount.TmpfsOptions = options;
  switch (key) {
    case "tmpfs-size":
      options.SizeBytes = sizeOf(key, value);
      return;
    case "tmpfs-mode":
      if (!/^[0-7]+$/.test(value)) throw new Error(`invalid value for ${key}: ${value}`);
      options.Mode = Number.parseInt(value, 8);
      return;
    default:
      throw unexpected(key, field);
  }
}

function checkMount(mount: Mount): void {
  if (mount.Type === "") throw new Error("type is required");
  if (mount.Target === undefined || mount.Target === "") throw new Error("target is required");
  const families = [
    ["volume", mount.VolumeOptions],
    ["image", mount.ImageOptions],
    ["bind", mount.BindOptions],
    ["tmpfs", mount.TmpfsOptions],
  ] as const;
  for (const [family, options] of families) {
    if (options && mount.Type !== family) {
      throw new Error(`cannot mix '${family}-*' options with mount type '${mount.Type}'`);
    }
  }
  checkRecursion(mount);
}

function checkRecursion({ BindOptions, ReadOnly }: Mount): void {
  const needs = (option: string, other: string) =>
    new Error(`option 'bind-recursive=${option}' requires '${other}' to be specified in conjunction`);
  if (BindOptions?.ReadOnlyNonRecursive && !ReadOnly) throw needs("writable", "readonly");
  if (!BindOptions?.ReadOnlyForceRecursive) return;
  if (!ReadOnly) throw needs("readonly", "readonly");
  if (BindOptions.Propagation !== "rprivate") throw needs("readonly", "bind-propagation=rprivate");
}

function truth(key: string, value: string): boolean {
  try {
    return parseBool(value);
  } catch (cause) {
    throw new Error(`invalid value for ${key}: ${value}`, { cause });
  }
}

function sizeOf(key: string, value: string): number {
  try {
    return parseRamBytes(value);
  } catch (cause) {
    throw new Error(`invalid value for ${key}: ${value}`, { cause });
  }
}

function pair(text: string): Record<string, string> {
  const [key, value = ""] = cut(text, "=");
  return key === "" ? {} : { [key]: value };
}

function unexpected(key: string, field: string): Error {
  return new Error(`unexpected key '${key}' in '${field}'`);
}
