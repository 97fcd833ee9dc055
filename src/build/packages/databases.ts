import { type Package, plainText } from "./package.ts";

/** Blocks of `Name: value` lines with empty lines between; what a line is continued with does not count. */
function* stanzas(text: string, separator: RegExp): Generator<ReadonlyMap<string, string>, void> {
  for (const block of text.split(/\r?\n(?:[ \t]*\r?\n)+/)) {
    const fields = new Map<string, string>();
    for (const line of block.split("\n")) {
      const found = separator.exec(line);
      if (found !== null && !fields.has(found[1]!)) fields.set(found[1]!, plainText(found[2]!));
    }
    if (fields.size > 0) yield fields;
  }
}

interface Place {
  readonly path: string;
  /** The distribution's `ID`. */
  readonly distribution: string;
}

/** dpkg's `status`, and the single ones of images without dpkg. */
export function debPackages(text: string, { path, distribution }: Place): Package[] {
  const packages: Package[] = [];
  for (const fields of stanzas(text, /^([A-Za-z-]+):[ \t]*(.*)$/)) {
    const [name, version, status] = ["Package", "Version", "Status"].map((field) => fields.get(field) ?? "");
    const isInstalled = status === "" || / installed$/.test(status!);
    if (name === "" || version === "" || !isInstalled) continue;
    packages.push({
      type: "deb",
      name: name!,
      version: version!,
      namespace: distribution || "debian",
      architecture: fields.get("Architecture") ?? "",
      license: "",
      supplier: fields.get("Maintainer") ?? "",
      path,
    });
  }
  return packages;
}

/** apk's `installed`. */
export function apkPackages(text: string, { path, distribution }: Place): Package[] {
  const packages: Package[] = [];
  for (const fields of stanzas(text, /^([A-Za-z]):(.*)$/)) {
    const [name, version] = [fields.get("P") ?? "", fields.get("V") ?? ""];
    if (name === "" || version === "") continue;
    packages.push({
      type: "apk",
      name,
      version,
      namespace: distribution || "alpine",
      architecture: fields.get("A") ?? "",
      license: fields.get("L") ?? "",
      supplier: fields.get("m") ?? "",
      path,
    });
  }
  return packages;
}

/** A `package.json` in a folder of `node_modules`. */
export function npmPackage(text: string, path: string): Package[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return [];
  }
  if (typeof json !== "object" || json === null) return [];
  const { name, version, license, author } = json as Record<string, unknown>;
  const found = {
    name: plainText(name),
    version: plainText(version),
    license: plainText(typeof license === "object" ? (license as { type?: unknown } | null)?.type : license),
    supplier: plainText(typeof author === "object" ? (author as { name?: unknown } | null)?.name : author),
  };
  if (found.name === "" || found.version === "") return [];
  return [{ type: "npm", namespace: "", architecture: "", ...found, path }];
}

/** A `METADATA` of a `.dist-info`, or a `PKG-INFO`. */
export function pypiPackage(text: string, path: string): Package[] {
  const [fields] = stanzas(text, /^([A-Za-z-]+):[ \t]*(.*)$/);
  const [name, version] = [fields?.get("Name") ?? "", fields?.get("Version") ?? ""];
  if (name === "" || version === "") return [];
  return [
    {
      type: "pypi",
      name: name.toLowerCase().replaceAll(/[-_.]+/g, "-"),
      version,
      namespace: "",
      architecture: "",
      license: fields?.get("License") ?? "",
      supplier: fields?.get("Author") ?? "",
      path,
    },
  ];
}
