import { type Common, type Rules, rulesOf, type TSchema } from "./schema.ts";

/**
 * Whether something is true of a schema, or of one that it holds at any depth: what has nothing below that matters need not
 * be looked at. Found out once for each schema.
 */
export function anywhereIn(isTrue: (rules: Rules & Common) => boolean): (schema: TSchema) => boolean {
  const known = new WeakMap<object, boolean>();
  const holds = (schema: TSchema): boolean => {
    let answer = known.get(schema);
    if (answer === undefined) {
      const rules = rulesOf(schema);
      answer = isTrue(rules) || inside(rules).some(holds);
      known.set(schema, answer);
    }
    return answer;
  };
  return holds;
}

function inside(rules: Rules): readonly TSchema[] {
  if (rules.kind === "struct") return Object.values(rules.properties);
  if (rules.kind === "map") return [rules.values];
  return rules.kind === "list" ? [rules.items] : [];
}
