import { describe, expect, test } from "bun:test";
import { ProjectSchema } from "../../model/project.ts";
import { describe as describeProblem, type Problem } from "../problem.ts";
import { parseYaml } from "../yaml/parse.ts";
import { Source } from "../yaml/source.ts";
import { didYouMean } from "./nearest.ts";
import { shape } from "./shape.ts";

function problemsOf(text: string): string[] {
  const problems: Problem[] = [];
  const [node] = parseYaml(new Source("compose.yaml", text));
  shape(node!, ProjectSchema, "", { problems, uninterpolated: false });
  return problems.map(describeProblem);
}
/** A service `a` with these fields, on line 3 and following. */
const inService = (fields: string) => problemsOf(`services:\n  a:\n    ${fields}`);

describe("what is wrong is named with its place, and with what was expected", () => {
  const rows: [fields: string, problem: string][] = [
    ["imge: x", '3:5: services.a.imge: unknown attribute (did you mean "image"?)'],
    ["qqq: x", "3:5: services.a.qqq: unknown attribute"],
    ["image: 5", "3:12: services.a.image: a string was expected, not a number"],
    ["image: [x]", "3:12: services.a.image: a string was expected, not a list"],
    ["privileged: maybe", '3:17: services.a.privileged: true or false was expected, not "maybe"'],
    ["use_api_socket: 'true'", '3:21: services.a.use_api_socket: true or false was expected, not "true"'],
    ["mem_limit: lots", '3:16: services.a.mem_limit: a size such as 64m was expected, not "lots"'],
    ["scale: two", '3:12: services.a.scale: a whole number was expected, not "two"'],
    ["scale: 1.5", "3:12: services.a.scale: a whole number was expected, not a number"],
    [
      "oom_score_adj: 2000",
      "services.a.oom_score_adj: a whole number, -1000 to 1000, was expected, not 2000",
    ],
    ["cgroup: x", '3:13: services.a.cgroup: one of host, private was expected, not "x"'],
    ["stop_grace_period: 5", "a duration such as 1m30s was expected, not a number"],
    ["ports: 80", "3:12: services.a.ports: a list was expected, not a number"],
    ["ports: [a]", "3:13: services.a.ports[0]: invalid containerPort: a"],
    ["ports: [{targt: 5}]", '3:14: services.a.ports[0].targt: unknown attribute (did you mean "target"?)'],
    ["volumes: [5]", "a string or a mapping was expected, not a number"],
    ["volumes: [{type: x, target: /x}]", "one of bind, volume, tmpfs, cluster, npipe, image was expected"],
    ["environment: x", "a mapping or a list of KEY=value was expected, not a string"],
    [
      "environment: {A: [1]}",
      "services.a.environment.A: a string, number, boolean or nothing was expected, not a list",
    ],
    ["environment: ['A =1']", 'variable "A " is declared with a trailing space'],
    ["command: 'a \"b'", "services.a.command: invalid command line string: a quote is left open"],
    ["command: [1]", "3:15: services.a.command[0]: a string was expected, not a number"],
    [
      "depends_on: {b: {condition: up}}",
      "one of service_started, service_healthy, service_completed_successfully",
    ],
    ["depends_on: [[b]]", "services.a.depends_on[0]: a name was expected, not a list"],
    ["ulimits: {nofile: x}", 'services.a.ulimits.nofile: a number or a mapping was expected, not "x"'],
    ["ulimits: {NOFILE: 1}", "services.a.ulimits.NOFILE: "],
    ["extra_hosts: [x]", "HOST=address was expected: the address is missing"],
    ["build: {ssh: [k]}", 'services.a.build.ssh[0]: invalid ssh key "k"'],
    ["secrets: [{source: a, mode: '9'}]", "a file mode such as 0440 was expected"],
    ["devices: ['a:b:c:d']", "confusing device mapping, please use long syntax: a:b:c:d"],
    ["networks: {n: {alias: []}}", '(did you mean "aliases"?)'],
    ["pull_policy: sometimes", "services.a.pull_policy: a string of the form"],
    ["env_file: [{path: x, x-y: 1}]", "services.a.env_file[0].x-y: unknown attribute"],
  ];
  for (const [fields, problem] of rows) {
    test(fields, () => {
      const [found = "", ...others] = inService(fields);
      expect(found).toContain(problem);
      expect(others).toEqual([]);
    });
  }

  test("all at once, each with its own line", () => {
    const text = "services:\n  a:\n    imge: x\n    tty: 5\nvolums: {}\n";
    expect(problemsOf(text).map((problem) => problem.split(" ", 1)[0])).toEqual([
      "compose.yaml:3:5:",
      "compose.yaml:4:10:",
      "compose.yaml:5:1:",
    ]);
  });

  test("extensions are let through, names are looked at", () => {
    expect(problemsOf("x-any: {a: [1]}\nservices: {a: {x-b: 1}}")).toEqual([]);
    expect(problemsOf("services: {'a b': {}}")[0]).toContain("services.a b: a name of letters");
  });
});

test("didYouMean", () => {
  expect(didYouMean("enviroment", ["environment", "env_file"])).toContain("environment");
  expect(didYouMean("depends-on", ["depends_on"])).toContain("depends_on");
  expect(didYouMean("zzz", ["image"])).toBe("");
});
