import type { PairsRules } from "../../model/schema.ts";
import { below } from "../problem.ts";
import { asText, formatScalar } from "../units/number.ts";
import {
  describeKind,
  type Entry,
  type Mapping,
  type Node,
  scalar,
  sequence,
  textOf,
  withValues,
} from "../yaml/node.ts";

/** Notes a problem, and gives a value to go on with. */
export type Fail = (node: Node, path: string, message: string) => Node;

const expected = (node: Node, wanted: string) => `${wanted} was expected, not ${describeKind(node)}`;

/** Names with values: a mapping, or a list of `name=value`. The values become texts. */
export function shapePairs(node: Node, rules: PairsRules, path: string, fail: Fail): Node {
  const lone = (at: Node) => scalar(rules.lone === "null" ? null : "", at.at);
  if (node.kind === "sequence" && !rules.noList) return listToPairs(node.items, node, lone, path, fail);
  if (node.kind !== "mapping") {
    return fail(node, path, expected(node, rules.noList ? "a mapping" : "a mapping or a list of KEY=value"));
  }
  return withValues(node, (key, value) => {
    if (value.mark === "reset") return value;
    if (rules.lists) return texts(value, below(path, key), fail);
    if (value.kind === "scalar") return value.value === null ? lone(value) : asText(value);
    return fail(value, below(path, key), expected(value, "a string, number, boolean or nothing"));
  });
}

function listToPairs(
  items: readonly Node[],
  node: Node,
  lone: (item: Node) => Node,
  path: string,
  fail: Fail,
): Mapping {
  const entries = new Map<string, Entry>();
  for (const [index, item] of items.entries()) {
    const text = textOf(item);
    if (item.mark === "reset") continue;
    if (text === undefined) {
      fail(item, below(path, index), expected(item, "KEY=value"));
      continue;
    }
    const equals = text.indexOf("=");
    const key = equals === -1 ? text : text.slice(0, equals);
    if (/\s$/.test(key))
      fail(item, below(path, index), `variable "${key}" is declared with a trailing space`);
    entries.set(key, {
      at: item.at,
      value: equals === -1 ? lone(item) : scalar(text.slice(equals + 1), item.at),
    });
  }
  return { kind: "mapping", entries, at: node.at };
}

function texts(node: Node, path: string, fail: Fail): Node {
  const items = node.kind === "sequence" ? node.items : [node];
  return sequence(
    items.map((item) => {
      if (item.kind === "scalar" && item.value !== null) return scalar(formatScalar(item), item.at);
      return fail(item, path, expected(item, "a string, number or boolean"));
    }),
    node.at,
  );
}

/** Host names with addresses: a mapping, or a list of `name=address` or `name:address`. */
export function shapeHosts(node: Node, path: string, fail: Fail): Node {
  const entries = new Map<string, Entry>();
  const add = (host: string, addresses: readonly string[], from: Node, where: string) => {
    if (host === "" || /[:=]/.test(host)) return void fail(from, where, `bad host name '${host}'`);
    const known = entries.get(host)?.value;
    const before = known?.kind === "sequence" ? known.items : [];
    const items = addresses.map((address) => scalar(address.replace(/^\[(.+)\]$/, "$1"), from.at));
    entries.set(host, { at: from.at, value: sequence([...before, ...items], from.at) });
  };
  if (node.kind === "sequence") {
    for (const [index, item] of node.items.entries()) {
      const match = /^(.*?)=(.*)$/s.exec(textOf(item) ?? "") ?? /^(.*?):(.*)$/s.exec(textOf(item) ?? "");
      if (match === null) fail(item, below(path, index), "HOST=address was expected: the address is missing");
      else add(match[1]!, match[2]!.split(","), item, below(path, index));
    }
  } else if (node.kind === "mapping") {
    for (const [host, { value }] of node.entries) {
      const where = below(path, host);
      const given = value.kind === "sequence" ? value.items : [value];
      const addresses = given.map((one) => (one.kind === "scalar" ? formatScalar(one) : undefined));
      if (addresses.includes(undefined))
        fail(value, where, expected(value, "an address or a list of addresses"));
      else add(host, addresses as string[], value, where);
    }
  } else {
    return fail(node, path, expected(node, "a mapping or a list of HOST=address"));
  }
  return { kind: "mapping", entries, at: node.at };
}

/** SSH agents and keys: `default`, `id=path`, or a mapping of both. */
export function shapeKeys(node: Node, path: string, fail: Fail): Node {
  if (node.kind === "mapping") {
    return shapePairs(node, { kind: "pairs", lone: "null" }, path, fail);
  }
  if (node.kind !== "sequence") return fail(node, path, expected(node, "a mapping or a list of id=path"));
  for (const [index, item] of node.items.entries()) {
    const text = textOf(item) ?? "";
    if (text !== "default" && !text.includes("="))
      fail(item, below(path, index), `invalid ssh key "${text}"`);
  }
  return shapePairs(node, { kind: "pairs", lone: "null" }, path, fail);
}
