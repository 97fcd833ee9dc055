import { DEFAULT_CONTEXT, endpointOfContext, formatEndpoint } from "../../sdk/index.ts";
import type { Cli } from "../cli.ts";
import { currentContext, warnOfHost } from "../contexts/current.ts";
import { ContextStore } from "../contexts/store.ts";
import { bool, string } from "../flags.ts";
import { CONTEXT_LIST, type ContextRow, contextFormat } from "../lists/contexts.ts";
import { printList } from "../show/format.ts";
import { FORMAT_HELP } from "../show/format-help.ts";
import { naturalOrder } from "../show/natural-order.ts";
import { defineCommand, NO_ARGUMENTS } from "../spec.ts";

export const command = defineCommand({
  summary: "List contexts",
  usage: "[OPTIONS]",
  arity: NO_ARGUMENTS,
  flags: {
    format: string(FORMAT_HELP),
    quiet: bool("Only print names", { short: "q" }),
  },
  async run({ cli, flags }) {
    await printList(cli, CONTEXT_LIST, contextFormat(flags.format, flags.quiet), await rows(cli));
    warnOfHost(cli, "a context");
  },
});

async function rows(cli: Cli): Promise<ContextRow[]> {
  const store = new ContextStore(cli.configDirectory);
  const current = await currentContext(cli);
  const rows = (await store.list()).map(({ name, meta, error = "" }): ContextRow => {
    const row = { name, current: name === current, description: meta?.Metadata?.Description ?? "" };
    if (meta === undefined) return { ...row, endpoint: "", error };
    try {
      return { ...row, endpoint: endpointOfContext(meta).Host, error };
    } catch (failure) {
      return { ...row, endpoint: "", error: (failure as Error).message };
    }
  });
  rows.push(await defaultRow(cli, current));
  if (!rows.some((row) => row.current)) {
    // What is chosen and missing is shown, with the reason.
    const error = await store.read(current).then(
      () => "",
      (failure: Error) => failure.message,
    );
    rows.push({ name: current, current: true, description: "", endpoint: "", error });
  }
  return rows.sort((a, b) => naturalOrder(a.name, b.name));
}

async function defaultRow(cli: Cli, current: string): Promise<ContextRow> {
  const row = {
    name: DEFAULT_CONTEXT,
    current: current === DEFAULT_CONTEXT,
    description: "Current DOCKER_HOST based configuration",
  };
  try {
    const { endpoint } = await cli.addressedEndpoint();
    return { ...row, endpoint: formatEndpoint(endpoint), error: "" };
  } catch (error) {
    return { ...row, endpoint: "", error: (error as Error).message };
  }
}
