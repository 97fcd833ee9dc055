import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ProjectSchema } from "./project.ts";
import { rulesOf, type TSchema } from "./schema.ts";

/**
 * The attributes of our model against those of the Compose Specification's own schema, where a copy of it lies beside the
 * checkout: none is missing, and what only we have is listed.
 */
const path = join(import.meta.dir, "../../../../shared/reference/compose-spec.json");

interface Definition {
  properties?: Record<string, Definition>;
  patternProperties?: Record<string, Definition>;
  items?: Definition;
  oneOf?: Definition[];
  $ref?: string;
  required?: string[];
}

/** Newer than the copy, but for what is filled in while loading. */
const ONLY_OURS = [
  "services.*.build.no_cache_filter",
  "services.*.pre_start",
  "services.*.develop.watch.*.exec.environment",
  "secrets.*.content",
  "secrets.*.driver",
  "secrets.*.driver_opts",
  "services.*.ulimits.*.single",
  "services.*.build.ulimits.*.single",
];

test.skipIf(!existsSync(path))(
  "every attribute of the specification is in the model, and nothing else",
  () => {
    const reference = JSON.parse(readFileSync(path, "utf8")) as Definition & {
      definitions: Record<string, Definition>;
    };
    const resolve = (definition: Definition): Definition[] => {
      const { $ref } = definition;
      const own = $ref === undefined ? definition : reference.definitions[$ref.split("/").at(-1)!]!;
      return own.oneOf === undefined ? [own] : own.oneOf.flatMap(resolve);
    };
    const missing: string[] = [];
    const added: string[] = [];

    const compare = (schema: TSchema, theirs: Definition, at: string): void => {
      const rules = rulesOf(schema);
      const forms = resolve(theirs);
      if (rules.kind === "list") {
        for (const form of forms) if (form.items !== undefined) compare(rules.items, form.items, `${at}.*`);
      } else if (rules.kind === "map") {
        for (const form of forms) {
          const [, values] =
            Object.entries(form.patternProperties ?? {}).find(([key]) => key !== "^x-") ?? [];
          if (values !== undefined) compare(rules.values, values, `${at}.*`);
        }
      } else if (rules.kind === "struct") {
        const fields = Object.assign({}, ...forms.map((form) => form.properties ?? {})) as Record<
          string,
          Definition
        >;
        const where = (name: string) => (at === "" ? name : `${at}.${name}`);
        for (const [name, field] of Object.entries(fields)) {
          const own = rules.properties[name];
          if (own === undefined) missing.push(where(name));
          else compare(own, field, where(name));
        }
        added.push(
          ...Object.keys(rules.properties)
            .filter((name) => fields[name] === undefined)
            .map(where),
        );
      }
    };
    compare(ProjectSchema, reference, "");
    expect(missing).toEqual([]);
    expect(added.filter((name) => !ONLY_OURS.includes(name))).toEqual([]);
  },
);
