import type { ImageConfigChange } from "../../wire/index.ts";
import type { ImageDocument } from "../config.ts";

type Fields = ReadonlyMap<string, unknown>;

/**
 * What is different between two configurations: fields by name, and of those that are maps (labels, variables of the
 * environment, ports, volumes) each entry by itself. In the order of names.
 */
export function configChanges(before: ImageDocument, after: ImageDocument): ImageConfigChange[] {
  const [ours, theirs] = [fieldsOf(before), fieldsOf(after)];
  const names = [...new Set([...ours.keys(), ...theirs.keys()])].sort();
  return names.flatMap((Field) => {
    const [old, now] = [textOf(ours, Field), textOf(theirs, Field)];
    if (old === now) return [];
    const Change = old === undefined ? "added" : now === undefined ? "removed" : "changed";
    return [
      {
        Field,
        Change,
        ...(old === undefined ? {} : { Before: old }),
        ...(now === undefined ? {} : { After: now }),
      },
    ];
  });
}

/** Names of the fields that are different, each once: `Env`, `Cmd`. */
export function changedFields(before: ImageDocument, after: ImageDocument): string[] {
  return [...new Set(configChanges(before, after).map(({ Field }) => Field.replace(/\..*$/s, "")))];
}

function textOf(fields: Fields, name: string): string | undefined {
  const value = fields.get(name);
  return value === undefined ? undefined : typeof value === "string" ? value : JSON.stringify(value);
}

/** Nothing is said, and nothing is said with an empty value, is the same. */
function fieldsOf({ config, architecture, os, variant, osVersion, author }: ImageDocument): Fields {
  const fields = new Map<string, unknown>();
  const set = (name: string, value: unknown) => {
    if (value === undefined || value === null || value === "" || value === false) return;
    if (typeof value === "object" && Object.keys(value).length === 0) return;
    fields.set(name, value);
  };
  for (const [name, value] of Object.entries({
    Architecture: architecture,
    Os: os,
    Variant: variant,
    OsVersion: osVersion,
    Author: author,
  })) {
    set(name, value);
  }
  for (const [name, value] of Object.entries(config)) {
    if (name === "Env") {
      for (const [key, text] of variables(config.Env ?? [])) fields.set(`Env.${key}`, text);
    } else if (["Labels", "ExposedPorts", "Volumes"].includes(name)) {
      for (const [key, entry] of Object.entries(value ?? {})) {
        fields.set(`${name}.${key}`, name === "Labels" ? entry : "");
      }
    } else {
      set(name, value);
    }
  }
  return fields;
}

/** Of a variable that stands there twice, the later one counts. */
function variables(texts: readonly string[]): Map<string, string> {
  return new Map(
    texts.map((text) => {
      const at = text.indexOf("=");
      return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}
