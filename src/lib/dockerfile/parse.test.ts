import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DockerfileError, renderDockerfileError } from "./error.ts";
import { typedInstruction } from "./instructions.ts";
import { parseDockerfile } from "./parse.ts";
import type { Statement } from "./statement.ts";

const REFERENCE = join(import.meta.dir, "../../../../shared/reference/dockerfile-parser");

/** Go's `%q`. */
const quoted = (text: string) => JSON.stringify(text).replace(/\\u00([01].)/g, "\\x$1");

/** The tree of one instruction as BuildKit's parser prints it. */
function dump(statement: Statement): string {
  const { keyword, flags, trigger } = statement;
  const flagList = flags.length === 0 ? [] : [`[${flags.map(({ text }) => quoted(text)).join(" ")}]`];
  const words = trigger ? [dump(trigger)] : statement.arguments.map(quoted);
  return `(${[keyword.toLowerCase(), ...flagList, ...words].join(" ")})`;
}

const treeOf = (text: string) => parseDockerfile(text).statements.map(dump);

/** The error of a text that can not be read, and how it is shown. */
function refusal(text: string): { error: DockerfileError; shown: string } {
  try {
    parseDockerfile(text).statements.forEach(typedInstruction);
  } catch (error) {
    if (!(error instanceof DockerfileError)) throw error;
    return { error, shown: renderDockerfileError(error, "Dockerfile", text) };
  }
  throw new Error(`nothing wrong with ${JSON.stringify(text)}`);
}

describe.skipIf(!existsSync(REFERENCE))("the reference parser", () => {
  const names = existsSync(REFERENCE) ? readdirSync(REFERENCE).sort() : [];
  for (const name of names.filter((name) => name !== "negative")) {
    test(`has the same tree for ${name}`, () => {
      const text = readFileSync(join(REFERENCE, name, "Dockerfile"), "utf8");
      const result = readFileSync(join(REFERENCE, name, "result"), "utf8");
      expect(treeOf(text)).toEqual(result.trimEnd().split("\n"));
    });
  }

  const negative = join(REFERENCE, "negative");
  for (const name of existsSync(negative) ? readdirSync(negative) : []) {
    test(`refuses ${name} too`, () => {
      const { error, shown } = refusal(readFileSync(join(negative, name, "Dockerfile"), "utf8"));
      expect(error.kind).toBe("InvalidParameter");
      expect(shown).toMatch(/^Dockerfile:\d+:\d+\n(?:.*\n)* +\| [ \t]*\^~*\n/);
    });
  }
});

describe("parseDockerfile()", () => {
  const trees: [text: string, ...tree: string[]][] = [
    ["FROM a", '(from "a")'],
    ["\uFEFFFROM a\r\nRUN b\r\n", '(from "a")', '(run "b")'],
    ["  from a  as  b  ", '(from "a" "as" "b")'],
    ["RUN a \\\n  b\\\nc", '(run "a   bc")'],
    ["RUN a \\  \n b", '(run "a  b")'],
    ["RUN a \\\\\nUSER b", '(run "a \\\\\\\\")', '(user "b")'],
    ["RUN a \\\n# comment\n\n  # more\n b", '(run "a  b")'],
    ["\\\nRUN a", '(run "a")'],
    ["# escape=`\nRUN a `\n b \\\nUSER c", '(run "a  b \\\\")', '(user "c")'],
    ["#escape = `\nRUN a `\nb", '(run "a b")'],
    ["# comment\n# escape=`\nRUN a \\\nb", '(run "a b")'],
    ["# unknown=x\n# escape=`\nRUN a \\\nb", '(run "a b")'],
    ["#!/usr/bin/env x\n# escape=`\nRUN a \\\nb", '(run "a b")'],
    [
      "RUN --mount=type=cache,target=/x --network=none a --b",
      '(run ["--mount=type=cache,target=/x" "--network=none"] "a --b")',
    ],
    ['COPY --chown="a b" --x=y\\ z c d', '(copy ["--chown=a b" "--x=y z"] "c" "d")'],
    ["COPY --chown=ü a b", '(copy ["--chown=ü"] "a" "b")'],
    ["COPY --a -- --b c", '(copy ["--a"] "--b" "c")'],
    ['COPY ["a b", "c"]', '(copy "a b" "c")'],
    ['RUN ["a", "\\u0041\\n"]', '(run "a" "A\\n")'],
    ["RUN [ -f x ] && y", '(run "[ -f x ] && y")'],
    ["CMD []", "(cmd)"],
    [
      'ENV a=b c=\'d e\' f="g\\"h" i=j\\ k',
      '(env "a" "b" "=" "c" "\'d e\'" "=" "f" "\\"g\\\\\\"h\\"" "=" "i" "j\\\\ k" "=")',
    ],
    ["ENV a b  c", '(env "a" "b  c" "")'],
    ['LABEL a= b=""', `(label "a" "" "=" "b" "\\"\\"" "=")`],
    ["ARG a b=c", '(arg "a" "b=c")'],
    ["EXPOSE 80  443/tcp", '(expose "80" "443/tcp")'],
    ["HEALTHCHECK --interval=1s CMD  a b", '(healthcheck ["--interval=1s"] "CMD" "a b")'],
    ['ONBUILD COPY --from=x ["a", "b"]', '(onbuild (copy ["--from=x"] "a" "b"))'],
    ["ONBUILD ONBUILD RUN a", "(onbuild (onbuild))"],
    ["NONE of this", "(none)"],
    ["MAINTAINER a b <c@d>", '(maintainer "a b <c@d>")'],
    ["WORKDIR a b", '(workdir "a b")'],
  ];
  for (const [text, ...tree] of trees) {
    test(`reads ${JSON.stringify(text)}`, () => expect(treeOf(text)).toEqual(tree));
  }

  test("an instruction knows its lines, comments and code", () => {
    const text =
      "# check=skip=all\n# syntax=x/y:1\n\n# apart\n\n# a is b\nARG a\n\nRUN x \\\n\n  y\nRUN <<E\nz\nE\n";
    const parsed = parseDockerfile(text);
    expect(parsed.statements.map(({ lines }) => lines)).toEqual([
      { start: 7, end: 7 },
      { start: 9, end: 11 },
      { start: 12, end: 14 },
    ]);
    expect(parsed.statements[0]!.comments).toEqual(["a is b"]);
    expect(parsed.statements[1]!.comments).toEqual([]);
    expect(parsed.directives).toEqual({
      check: { name: "check", value: "skip=all", line: 1 },
      syntax: { name: "syntax", value: "x/y:1", line: 2 },
    });
    expect(parsed.emptyContinuations).toEqual([11]);
  });

  test("directives may follow the line that makes a file executable", () => {
    const { directives } = parseDockerfile("#!/usr/bin/env berth\n# syntax=a\n# check=error=true\nFROM x");
    expect(directives).toMatchObject({
      syntax: { value: "a", line: 2 },
      check: { value: "error=true", line: 3 },
    });
  });
});

describe("here-documents", () => {
  const docs = (text: string) =>
    parseDockerfile(text).statements.map(({ heredocs }) =>
      heredocs.map(({ name, content, expand, chomp, fileDescriptor }) => [
        name,
        content,
        expand,
        chomp,
        fileDescriptor,
      ]),
    );
  const cases: [name: string, text: string, docs: (string | boolean | number)[][][]][] = [
    ["one", "RUN <<EOF\n a\n\n# b \\\nEOF\nUSER x", [[["EOF", " a\n\n# b \\\n", true, false, 0]], []]],
    [
      "several",
      "COPY <<a <<'b' /\n1\na\n2\nb\n",
      [
        [
          ["a", "1\n", true, false, 0],
          ["b", "2\n", false, false, 0],
        ],
      ],
    ],
    ["with tabs", "RUN <<-E\n\ta\n\t\tE\n", [[["E", "\ta\n", true, true, 0]]]],
    ["partly quoted", 'RUN cat <<E"O"F\nx\nEOF', [[["EOF", "x\n", false, false, 0]]]],
    ["of a descriptor", "RUN cat 3<<E\nE", [[["E", "", true, false, 3]]]],
    ["with a blank", "RUN cat << E && y\nE", [[["E", "", true, false, 0]]]],
    ["in ONBUILD", "ONBUILD RUN <<E\nx\nE", [[["E", "x\n", true, false, 0]]]],
    ["after a continuation", "RUN a \\\n <<E\nx\nE", [[["E", "x\n", true, false, 0]]]],
    ["with other line ends", "RUN <<E\r\nx\r\nE\r\n", [[["E", "x\r\n", true, false, 0]]]],
    ["none in a here-string", "RUN cat <<<x", [[]]],
    ["none in quotes", "RUN echo '<<E' \"<<E\"", [[]]],
    ["none in a JSON list", 'RUN ["<<E"]', [[]]],
    ["none where none may be", "ENV a=<<E\nUSER E", [[], []]],
    ["none where quotes do not end", "RUN it's <<E", [[]]],
  ];
  for (const [name, text, expected] of cases) test(name, () => expect(docs(text)).toEqual(expected));
});

describe("what can not be read is refused with its place", () => {
  const cases: [text: string, reason: string, place: string][] = [
    ["", "file with no instructions", "1:1"],
    ["# only\n# comments", "file with no instructions", "1:1"],
    ["FROM a\n\nENV PATH", "ENV must have two arguments", "3:5"],
    ["ENV a=b \\\n  c d", `Syntax error - can't find = in "c"`, "2:3"],
    ["LABEL a", "LABEL must have two arguments", "1:7"],
    ['CMD ["a", ["b"]]', "arrays must be comprised of strings only", "1:5"],
    ["RUN <<E\nx", "unterminated heredoc", "1:5"],
    ["# escape=x\nFROM a", "invalid escape token 'x'", "1:1"],
    ["# escape=`\n# escape=`\nFROM a", "only one escape parser directive can be used", "2:1"],
    ["FRMO a", "unknown instruction: FRMO (did you mean FROM?)", "1:1"],
    ["\n  copi a b", "unknown instruction: copi (did you mean copy?)", "2:3"],
    ["NOTHING", "unknown instruction: NOTHING", "1:1"],
    ["\\", "unknown instruction: ", "1:1"],
    ["FROM a b", "FROM requires either one or three arguments", "1:6"],
    ["FROM a AS 1", 'invalid name for build stage: "1"', "1:6"],
    ["FROM --plaform=x a", "unknown flag: --plaform (did you mean platform?)", "1:6"],
    [
      "RUN \\\n --mount=type=cache \\\n --netwrk=none x",
      "unknown flag: --netwrk (did you mean network?)",
      "3:2",
    ],
    ["RUN --network=x y", 'invalid network mode "x"', "1:5"],
    ["RUN --security=x y", 'security "x" is not valid', "1:5"],
    ["RUN --mount=from=$x y", "'from' doesn't support variable expansion", "1:5"],
    ['RUN --mount=a\\"b x', 'failed to parse csv mounts: parse error on line 1, column 2: bare " in', "1:5"],
    ["COPY a", "COPY requires at least two arguments", "1:6"],
    ["ADD --link=x a b", "expecting boolean value for flag --link, not: x", "1:5"],
    ["ADD --link= a b", "missing a value on flag: --link", "1:5"],
    ["COPY --from a b", "missing a value on flag: --from", "1:6"],
    ["COPY --from=a --from=b c d", "duplicate flag specified: --from", "1:15"],
    ["COPY a <<E\nE", "COPY cannot accept a heredoc as a destination", "1:8"],
    ["ENV", "ENV requires at least one argument", "1:4"],
    ["ENV =b", "ENV names can not be blank", "1:5"],
    ["ARG =b", "ARG names can not be blank", "1:5"],
    ["ARG", "ARG requires at least one argument", "1:4"],
    ["USER", "USER requires exactly one argument", "1:5"],
    ["USER --x y", "unknown flag: --x", "1:6"],
    ["SHELL a b", "SHELL requires the arguments to be in JSON form", "1:7"],
    ["SHELL []", "SHELL requires at least one argument", "1:7"],
    ['VOLUME [" "]', "VOLUME specified can not be an empty string", "1:8"],
    ["EXPOSE", "EXPOSE requires at least one argument", "1:7"],
    ["ONBUILD", "ONBUILD requires at least one argument", "1:8"],
    ["ONBUILD ONBUILD RUN x", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed", "1:9"],
    ["ONBUILD from x", "FROM isn't allowed as an ONBUILD trigger", "1:9"],
    ["HEALTHCHECK", "HEALTHCHECK requires at least one argument", "1:12"],
    ["HEALTHCHECK NONE x", "HEALTHCHECK NONE takes no arguments", "1:13"],
    ["HEALTHCHECK CMD", "Missing command after HEALTHCHECK CMD", "1:13"],
    ["HEALTHCHECK TCP x", 'Unknown type "TCP" in HEALTHCHECK (try CMD)', "1:13"],
    ["HEALTHCHECK --interval=1us CMD x", 'Interval "interval" cannot be less than 1ms', "1:13"],
    ["HEALTHCHECK --retries=-1 CMD x", "--retries cannot be negative (-1)", "1:13"],
    ["HEALTHCHECK --retris=1 CMD x", "unknown flag: --retris (did you mean retries?)", "1:13"],
  ];
  for (const [text, reason, place] of cases) {
    test(JSON.stringify(text), () => {
      const { error, shown } = refusal(text);
      expect(error.reason).toContain(reason);
      expect(shown.split("\n", 1)[0]).toBe(`Dockerfile:${place}`);
    });
  }

  test("the lines around are shown, with a caret", () => {
    const text =
      "FROM a\nRUN one\nRUN two\n\tRUN --netwrk=none three\nRUN four\nRUN five\nRUN six\nRUN seven\n";
    expect(refusal(text).shown).toBe(
      [
        "Dockerfile:4:6",
        "   1 | FROM a",
        "   2 | RUN one",
        "   3 | RUN two",
        "   4 | \tRUN --netwrk=none three",
        "     | \t    ^~~~~~~~~~~~~",
        "   5 | RUN four",
        "   6 | RUN five",
        "   7 | RUN six",
        "unknown flag: --netwrk (did you mean network?)",
      ].join("\n"),
    );
  });
});

describe("hostile texts come to an end", () => {
  test("lines, files and instructions have limits", () => {
    expect(() => parseDockerfile(`RUN ${"x".repeat(65_531)}`)).not.toThrow();
    expect(() => parseDockerfile(`RUN ${"x".repeat(65_532)}`)).toThrow(
      "greater than max allowed size of 65535",
    );
    expect(() => parseDockerfile(`RUN ${"ü".repeat(32_766)}`)).toThrow(
      "greater than max allowed size of 65535",
    );
    expect(() => parseDockerfile(`RUN <<E\n${"x".repeat(65_536)}\nE`)).toThrow("greater than max");
    expect(() => parseDockerfile("#\n".repeat(3_000_000))).toThrow("the Dockerfile is longer than");
    expect(() => parseDockerfile("RUN x\n".repeat(10_001))).toThrow("more than 10000 instructions");
  });

  const long = (piece: string) => Array.from({ length: 60 }, () => piece.repeat(1000)).join("\\\n");
  const texts: Record<string, string> = {
    "blanks and continuations": `RUN ${" ".repeat(60_000)}\\\n`.repeat(20),
    "open brackets": `RUN ${long("[")}`,
    "nested lists": `RUN ${"[".repeat(30_000)}${"]".repeat(30_000)}`,
    "braces in a line with a heredoc": `RUN <<E $${"{a:-$".repeat(10_000)}\nE`,
    "heredoc marks": `RUN ${"<<".repeat(30_000)}`,
    ONBUILDs: `ONBUILD ${long("ONBUILD ")}`,
    quotes: `ENV a=${long("'\"")}`,
    escapes: `ENV a=${long("\\\\")}`,
    flags: `RUN ${long("--x ")}`,
    dollars: `COPY <<E ${long("$")} x\nE`,
  };
  for (const [name, text] of Object.entries(texts)) {
    test(name, () => {
      try {
        parseDockerfile(text).statements.forEach(typedInstruction);
      } catch (error) {
        expect(error).toBeInstanceOf(DockerfileError);
      }
    });
  }
});
