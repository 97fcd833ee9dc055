import { ConnectionError, Engine, formatEndpoint } from "../../sdk/index.ts";
import type { Cli } from "../cli.ts";
import type { EngineFacts } from "../doctor/checks/engine.ts";
import { countsOf, examine, type Section } from "../doctor/doctor.ts";
import { realHost } from "../doctor/real-host.ts";
import { report, reportData } from "../doctor/report.ts";
import { describeError } from "../errors.ts";
import { bool, string } from "../flags.ts";
import { SHOW_FORMAT_HELP } from "../show/format-help.ts";
import { yamlOf } from "../show/yaml.ts";
import { defineCommand, NO_ARGUMENTS } from "../spec.ts";
import { fromJson, Template } from "../template/index.ts";
import { isTerminal, terminalSize } from "../terminal/tty.ts";

/** How long an engine may take to answer before it counts as one that does not. */
const ENGINE_TIMEOUT_MS = 10_000;

export const command = defineCommand({
  summary: "Check this machine and its engine, and tell how to mend what is not well",
  description: `Check this machine and its engine, and tell how to mend what is not well

Nothing is changed, and no engine is started. Some checks need root; those that
cannot be made are marked with a question mark. Ends with 1 where something is
so that containers will not work.`,
  usage: "[OPTIONS]",
  arity: NO_ARGUMENTS,
  flags: {
    format: string(SHOW_FORMAT_HELP),
    quiet: bool("Only show what is not well", { short: "q" }),
  },
  async run({ cli, flags }) {
    const template = flags.format === "" ? undefined : new Template(flags.format);
    const sections = await examine(realHost(), await askEngine(cli));
    cli.print(await shown(sections, flags, template));
    return countsOf(sections).fail > 0 ? 1 : 0;
  },
});

async function shown(
  sections: readonly Section[],
  { format, quiet }: { readonly format: string; readonly quiet: boolean },
  template: Template | undefined,
): Promise<string> {
  if (template === undefined) {
    const colour = isTerminal(1) && (process.env["NO_COLOR"] ?? "") === "";
    return report(sections, { quiet, colour, width: terminalSize().columns || 100 });
  }
  const json = JSON.stringify(reportData(sections));
  if (format === "json") return `${json}\n`;
  if (format === "yaml") return yamlOf(json);
  return `${template.execute(fromJson(json))}\n`;
}

/** Not by `cli.engine()`, which would start one. */
async function askEngine(cli: Cli): Promise<EngineFacts> {
  const { endpoint } = await cli.endpoint();
  const facts = {
    address: formatEndpoint(endpoint),
    ...(endpoint.kind === "unix" && { socket: endpoint.path }),
  };
  const engine = new Engine(endpoint, { trace: (line) => cli.debug(line) });
  const signal = AbortSignal.timeout(ENGINE_TIMEOUT_MS);
  try {
    const [version, info] = await Promise.all([engine.system.version(signal), engine.system.info(signal)]);
    return { ...facts, version, info };
  } catch (error) {
    const code = error instanceof ConnectionError ? { code: error.code } : {};
    return { ...facts, failure: { ...code, message: describeError(error) } };
  }
}
