/**
 * What JSON says, as YAML: keys in their order, all digits of numbers, a line for each value. The library is loaded by
 * whoever asks for it: no other command waits for that.
 */
export async function yamlOf(json: string): Promise<string> {
  return (await loadYaml())(json);
}

/** The same for many texts. */
export async function loadYaml(): Promise<(json: string) => string> {
  const library = await import("yaml");
  return (json) => convert(library, json);
}

function convert({ parse, stringify }: typeof import("yaml"), json: string): string {
  // JSON is YAML, and JavaScript's numbers do not hold what an engine's limits may be.
  const value: unknown = parse(json, { intAsBigInt: true, maxAliasCount: 0, schema: "json" });
  // Nothing is folded: whoever searches for a text finds it. No aliases: two equal values are two. What old readers (YAML
  // 1.1: most of them) take for something else than a text, such as `yes` and `2020-01-01`, is quoted.
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false, compat: "yaml-1.1" });
}
