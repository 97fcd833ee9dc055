import { describe, expect, test } from "bun:test";
import { InvalidTemplate, MissingVariable, references, substitute } from "./template.ts";

const variables: Record<string, string> = { USER: "jenny", EMPTY: "", _x1: "under" };
const lookup = (name: string) => variables[name];
const expand = (template: string) => substitute(template, lookup);

describe("substitute", () => {
  const rows: [template: string, result: string][] = [
    ["plain", "plain"],
    ["$USER and ${USER}", "jenny and jenny"],
    ["${_x1}", "under"],
    ["$$USER $${USER}", "$USER ${USER}"],
    ["costs $5 $ $-", "costs $5 $ $-"],
    ["${NONE}|$NONE", "|"],
    ["${NONE:-a}${EMPTY:-b}${USER:-c}", "abjenny"],
    ["${NONE-a}${EMPTY-b}${USER-c}", "ajenny"],
    ["${NONE:+a}${EMPTY:+b}${USER:+c}", "c"],
    ["${NONE+a}${EMPTY+b}${USER+c}", "bc"],
    ["${USER:?why}${EMPTY?why}", "jenny"],
    ["${NONE:-${USER}-x}-y", "jenny-x-y"],
    ["${NONE:-${EMPTY:-${USER:+deep}}}", "deep"],
    ['${NONE:-{"a":{}}}!', '{"a":{}}!'],
    ["${NONE:-a:-b?c+d}", "a:-b?c+d"],
    ["${NONE:-$$USER}", "$USER"],
    ["${USER}:${NONE-8080}:80", "jenny:8080:80"],
  ];
  for (const [template, result] of rows) test(template, () => expect(expand(template)).toBe(result));

  test("says which variable is missing, and why", () => {
    expect(() => expand("${NONE:?say who}")).toThrow(new MissingVariable("NONE", "say who").message);
    expect(() => expand("${EMPTY:?}")).toThrow("required variable EMPTY is missing a value");
    expect(() => expand("${NONE?for ${USER}}")).toThrow("for jenny");
  });

  test("refuses what is no reference", () => {
    for (const bad of ["${", "${}", "${1}", "${A", "${A!b}", "${A:-b", "${A :-b}"]) {
      expect(() => expand(bad)).toThrow(InvalidTemplate);
    }
  });

  test("names variables that are not set, but none that has a default", () => {
    const unset: string[] = [];
    substitute("$A ${B} ${C:-} ${D+x} ${USER}", lookup, (name) => unset.push(name));
    expect(unset).toEqual(["A", "B"]);
  });

  test("nesting without end is refused, not followed", () => {
    expect(() => expand(`${"${A:-".repeat(5000)}${"}".repeat(5000)}`)).toThrow(InvalidTemplate);
  });
});

test("references lists what a template names, inside defaults too", () => {
  expect(references("$A${B:-${C?no}}$$D")).toEqual([
    { name: "A", operator: "", operand: "" },
    { name: "B", operator: ":-", operand: "${C?no}" },
    { name: "C", operator: "?", operand: "no" },
  ]);
});
