import { expect, test } from "bun:test";
import { commandHelp, groupHelp, rootHelp } from "./help.ts";
import { COMMANDS, isGroup, type Leaf } from "./tree.ts";

const leaves: [string, Leaf][] = Object.entries(COMMANDS).flatMap(([name, node]): [string, Leaf][] =>
  isGroup(node)
    ? Object.entries(node.commands).map(([child, leaf]) => [`${name} ${child}`, leaf])
    : [[name, node]],
);

for (const [name, leaf] of leaves) {
  test(`berth ${name} --help`, async () => {
    const { command } = await leaf.load();
    const text = commandHelp(`berth ${name}`, leaf, command, 80);
    expect(text).toStartWith(`Usage:  berth ${name}`);
    expect(text).toContain(command.summary.split("\n")[0]!);
    for (const [flag, { hidden, description }] of Object.entries(command.flags)) {
      expect(text.includes(`--${flag} `) || text.includes(`--${flag}\n`)).toBe(hidden !== true);
      expect(description).not.toBe("");
    }
    const shorts = Object.values(command.flags).flatMap(({ short }) => (short === undefined ? [] : [short]));
    expect(new Set(shorts).size).toBe(shorts.length);
    expect(
      text.split("\n").filter((line) => line.startsWith("  ") && line.length > 84 && line.includes("--")),
    ).toEqual([]);
  });
}

test("the whole help names every command", async () => {
  const text = await rootHelp(80);
  for (const [name, node] of Object.entries(COMMANDS)) {
    if (isGroup(node)) expect(await groupHelp(name, node)).toContain(node.summary);
    if (isGroup(node) || !node.hidden) expect(text).toMatch(new RegExp(`^  ${name} `, "m"));
  }
});
