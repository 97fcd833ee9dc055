import { harmless } from "./progress/texts.ts";

interface Outline {
  readonly name?: string;
  readonly description?: string;
  readonly args?: readonly {
    readonly name: string;
    readonly value?: string;
    readonly description?: string;
  }[];
  readonly secrets?: readonly Named[];
  readonly ssh?: readonly Named[];
  readonly cache?: readonly { readonly ID: string }[];
}

interface Named {
  readonly name: string;
  readonly required?: boolean;
}

interface Targets {
  readonly targets: readonly {
    readonly name?: string;
    readonly default?: boolean;
    readonly description?: string;
  }[];
}

/** `--call=outline` as buildx prints it. */
export function outlineReport(answer: unknown): string {
  const { name = "", description = "", args = [], secrets = [], ssh = [], cache = [] } = answer as Outline;
  const head =
    name === "" && description === ""
      ? []
      : [["TARGET:", name || "(default)"], ...(description === "" ? [] : [["DESCRIPTION:", description]])];
  const required = (title: string, list: readonly Named[]) =>
    list.length === 0
      ? []
      : [[title, "REQUIRED"], ...list.map((one) => [one.name, one.required ? "true" : ""])];
  const tables = [
    { rows: head, gap: 1 },
    {
      rows:
        args.length === 0
          ? []
          : [
              ["BUILD ARG", "VALUE", "DESCRIPTION"],
              ...args.map((arg) => [arg.name, arg.value ?? "", arg.description ?? ""]),
            ],
      gap: 4,
    },
    { rows: required("SECRET", secrets), gap: 4 },
    { rows: required("SSH", ssh), gap: 4 },
    { rows: cache.length === 0 ? [] : [["CACHE"], ...cache.map(({ ID }) => [ID])], gap: 4 },
  ];
  return tables
    .filter(({ rows }) => rows.length > 0)
    .map(({ rows, gap }) => table(rows, gap))
    .join("\n");
}

/** `--call=targets` as buildx prints it. */
export function targetsReport(answer: unknown): string {
  const { targets } = answer as Targets;
  const rows = targets.map(({ name = "", default: isDefault = false, description = "" }) => [
    isDefault ? (name === "" ? "(default)" : `${name} (default)`) : name,
    description,
  ]);
  return table([["TARGET", "DESCRIPTION"], ...rows], 4);
}

function table(rows: readonly (readonly string[])[], gap: number): string {
  const shown = rows.map((row) => row.map(harmless));
  const widths = shown[0]!.map((_, column) => Math.max(...shown.map((row) => row[column]!.length)) + gap);
  const lines = shown.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join("")
      .trimEnd(),
  );
  return `${lines.join("\n")}\n`;
}
