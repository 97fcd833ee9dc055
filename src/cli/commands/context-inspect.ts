import { DEFAULT_CONTEXT } from "../../sdk/index.ts";
import type { Cli } from "../cli.ts";
import { currentContext, wholeContext } from "../contexts/current.ts";
import { ContextStore } from "../contexts/store.ts";
import { string } from "../flags.ts";
import { SHOW_FORMAT_HELP } from "../show/format-help.ts";
import { inspectAll } from "../show/inspect.ts";
import { atLeast, defineCommand } from "../spec.ts";

export const command = defineCommand({
  summary: "Show everything about contexts",
  usage: "[OPTIONS] [CONTEXT] [CONTEXT...]",
  arity: { ...atLeast(1), min: 0 },
  complete: "contexts",
  flags: { format: string(SHOW_FORMAT_HELP, { short: "f" }) },
  async run({ cli, args, flags }) {
    const names = args.length > 0 ? args : [await currentContext(cli)];
    await inspectAll(cli, names, flags.format, (name) => describe(cli, name));
  },
});

async function describe(cli: Cli, name: string): Promise<string> {
  const store = new ContextStore(cli.configDirectory);
  const { meta, tls } = await wholeContext(cli, store, name);
  const place =
    name === DEFAULT_CONTEXT ? { meta: "<IN MEMORY>", tls: "<IN MEMORY>" } : await store.place(name);
  const { Name, Metadata = {}, Endpoints = {} } = meta;
  const TLSMaterial = Object.fromEntries(
    Object.entries(tls).map(([endpoint, files]) => [endpoint, Object.keys(files)]),
  );
  const Storage = { MetadataPath: place.meta, TLSPath: place.tls };
  // Go writes these so.
  return JSON.stringify({ Name, Metadata, Endpoints, TLSMaterial, Storage })
    .replaceAll("<", "\\u003c")
    .replaceAll(">", "\\u003e");
}
