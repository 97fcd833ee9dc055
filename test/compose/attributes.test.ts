import { describe, expect, test } from "bun:test";
import { ProjectSchema } from "../../src/compose/model/project.ts";
import { rulesOf, type TSchema } from "../../src/compose/model/schema.ts";
import { proved, withEngine } from "./attributes/bench.ts";
import { builds } from "./attributes/builds.ts";
import { files, hardPlaces } from "./attributes/files.ts";
import { lifecycle, refusals } from "./attributes/lifecycle.ts";
import { limits } from "./attributes/limits.ts";
import { mounts } from "./attributes/mounts.ts";
import { networks } from "./attributes/networks.ts";
import { rights } from "./attributes/rights.ts";
import { running } from "./attributes/running.ts";

/*
 * Every attribute of the Compose Specification on a real engine: it does what it says, or it is refused, or it is told
 * that it has no effect. The last test holds what is proved here to the model, which another test holds to the
 * specification's own schema.
 */
withEngine();

describe("what runs, as whom, where", running);
describe("what it may do", rights);
describe("what it may use", limits);
describe("what is mounted", mounts);
describe("how it is reached, and what it reaches", networks);
describe("secrets and configs", files);
describe("secrets and configs in hard places", hardPlaces);
describe("when it starts and ends, and how many", lifecycle);
describe("how its image is built, and what is done when files change", builds);
describe("what is refused", refusals);

test("no attribute is forgotten, and none is proved that is not there", () => {
  const all = new Set(attributesOf(ProjectSchema, ""));
  expect([...all].filter((path) => !proved.has(path))).toEqual([]);
  expect([...proved].filter((path) => !all.has(path))).toEqual([]);
});

/** `services.*.healthcheck.test` and all its like. */
function* attributesOf(schema: TSchema, path: string): Generator<string> {
  const rules = rulesOf(schema);
  if (rules.kind === "list") yield* attributesOf(rules.items, path);
  else if (rules.kind === "map") yield* attributesOf(rules.values, `${path}.*`);
  else if (rules.kind === "struct") {
    for (const [name, inner] of Object.entries(rules.properties))
      yield* attributesOf(inner, path === "" ? name : `${path}.${name}`);
  } else yield path;
}
