import { expect, test } from "bun:test";
import { bool, duration, filter, int, list, map, string, strings } from "./flags.ts";
import { FlagError, parseArguments } from "./parse.ts";

const FLAGS = {
  all: bool("", { short: "a" }),
  interactive: bool("", { short: "i" }),
  proxy: bool("", { initial: true }),
  name: string("", { short: "n" }),
  env: list("", { short: "e" }),
  tail: int("", { initial: -1 }),
  opt: map("", { short: "o" }),
  filter: filter(""),
  alias: strings(""),
  wait: duration(""),
};

const parse = (words: string, stopAtFirstArgument = false) =>
  parseArguments(words === "" ? [] : words.split(" "), FLAGS, { stopAtFirstArgument });

test("values are given in every spelling", () => {
  for (const words of ["--name x", "--name=x", "-n x", "-nx", "-n=x", "-an x", "-ainx", "-ain=x"]) {
    expect(parse(words).values["name"]).toBe("x");
  }
  for (const words of ["-ai", "-a -i", "--all --interactive", "-a=true --interactive=1", "-aifx=y"]) {
    expect(parse(words).values).toMatchObject({ all: true, interactive: true });
  }
  expect(parse("-a=false --proxy=false").values).toMatchObject({ all: false, proxy: false });
  expect(parse("--name=").values["name"]).toBe("");
  expect(parse("-e a=b -ec=d --env=e=f").values["env"]).toEqual(["a=b", "c=d", "e=f"]);
  expect(parse("-o a=b -o c").values["opt"]).toEqual({ a: "b", c: "" });
  expect(parse("-f Status=x -f status=y --filter label=a=b").values["filter"]).toEqual({
    status: ["x", "y"],
    label: ["a=b"],
  });
  expect(parse("--alias a,b --alias c").values["alias"]).toEqual(["a", "b", "c"]);
  expect(parse("--tail -5 --wait 1m30s").values).toMatchObject({ tail: -5, wait: 90e9 });
});

test("flags may follow arguments, unless they belong to another program", () => {
  expect(parse("x -a y").args).toEqual(["x", "y"]);
  expect(parse("x -a y").values["all"]).toBe(true);
  const stopped = parse("-i image -a --nope", true);
  expect(stopped.args).toEqual(["image", "-a", "--nope"]);
  expect(stopped.values).toMatchObject({ all: false, interactive: true });
});

test("two dashes end the flags, one dash is an argument", () => {
  expect(parse("-a -- -i --name").args).toEqual(["-i", "--name"]);
  expect(parse("- -a").args).toEqual(["-"]);
  expect(parse("-- image -a", true).args).toEqual(["image", "-a"]);
  expect(parse("image -- x", true).args).toEqual(["image", "--", "x"]);
});

test("what was given is told from what is the default", () => {
  expect([...parse("--tail -1 -a=false").changed].sort()).toEqual(["all", "tail"]);
});

test("help is asked for by --help, and by -h where no flag has it", () => {
  expect(parse("--help").help).toBe(true);
  expect(parse("-ah --nope").help).toBe(true);
});

test("mistakes are told in Docker's words", () => {
  const mistakes: [string, string][] = [
    ["--foo", "unknown flag: --foo"],
    ["--foo=1", "unknown flag: --foo"],
    ["--toString", "unknown flag: --toString"],
    ["-z", "unknown shorthand flag: 'z' in -z"],
    ["-az", "unknown shorthand flag: 'z' in -z"],
    ["--name", "flag needs an argument: --name"],
    ["-an", "flag needs an argument: 'n' in -n"],
    ["---x", "bad flag syntax: ---x"],
    ["--=x", "bad flag syntax: --=x"],
    [
      "--all=maybe",
      'invalid argument "maybe" for "-a, --all" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
    ],
    ["--tail x", 'invalid argument "x" for "--tail" flag: strconv.ParseInt: parsing "x": invalid syntax'],
    [
      "--tail 9223372036854775808",
      'invalid argument "9223372036854775808" for "--tail" flag: strconv.ParseInt: parsing "9223372036854775808": value out of range',
    ],
    ["--wait 5", 'invalid argument "5" for "--wait" flag: time: missing unit in duration "5"'],
    ["--wait 5y", 'invalid argument "5y" for "--wait" flag: time: unknown unit "y" in duration "5y"'],
    ["-f foo", 'invalid argument "foo" for "-f, --filter" flag: bad format of filter (expected name=value)'],
  ];
  for (const [words, message] of mistakes) {
    expect(() => parse(words)).toThrow(FlagError);
    expect(() => parse(words)).toThrow(message);
  }
});
