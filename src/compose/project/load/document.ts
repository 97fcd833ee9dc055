import { ProjectSchema } from "../../model/project.ts";
import { ComposeError, type Problem } from "../problem.ts";
import { shape } from "../shape/shape.ts";
import { describeKind, isNull, type Mapping, type Node, withEntries } from "../yaml/node.ts";
import { parseYaml } from "../yaml/parse.ts";
import { type Load, lookupIn, sourceOf, type Variables } from "./context.ts";
import { interpolate } from "./interpolate.ts";

/**
 * The documents of a Compose file, each checked and in canonical form, its variables filled in. Paths are still as
 * written, `include` and `extends` still there.
 *
 * @throws ComposeError listing everything that is wrong with it.
 */
export function readDocuments(load: Load, path: string, variables: Variables): Mapping[] {
  const source = sourceOf(load, path);
  return parseYaml(source).flatMap((document) => {
    const whole =
      document.kind === "scalar" && isNull(document) ? undefined : readDocument(load, document, variables);
    if (whole?.entries.has("version")) {
      load.warn(
        `${source.name}: the attribute \`version\` is obsolete, it will be ignored, please remove it to avoid potential confusion`,
      );
    }
    return whole === undefined ? [] : [withEntries(whole, { version: undefined })];
  });
}

function readDocument(load: Load, document: Node, variables: Variables): Mapping {
  const problems: Problem[] = [];
  const throwIfAny = () => {
    if (problems.length > 0) throw new ComposeError(problems);
  };
  if (document.kind !== "mapping") {
    const message = `top-level object must be a mapping, not ${describeKind(document)}`;
    throw new ComposeError([{ path: "", message, at: document.at }]);
  }
  const onUnset = (name: string) =>
    load.warn(`The "${name}" variable is not set. Defaulting to a blank string.`);
  const filled = load.interpolate ? interpolate(document, lookupIn(variables), onUnset, problems) : document;
  throwIfAny();
  const shaped = shape(filled, ProjectSchema, "", { problems, uninterpolated: !load.interpolate });
  throwIfAny();
  return shaped as Mapping;
}
