import { updateConfig, withAuth } from "../actions/config-store.ts";
import { helperFor, runHelper } from "../actions/credentials.ts";
import { between, defineCommand } from "../spec.ts";
import { serverOf } from "./login.ts";

export const command = defineCommand({
  summary: "Log out of a registry",
  description: "Log out of a registry; without one, of Docker Hub",
  usage: "[SERVER]",
  arity: between(0, 1),
  flags: {},
  async run({ cli, args }) {
    const server = serverOf(args[0] ?? "");
    cli.line(`Removing login credentials for ${server}`);
    const config = await cli.config();
    const helper = helperFor(config, server);
    if (helper !== undefined) await runHelper(helper, "erase", server);
    else if (config.auths?.[server] !== undefined) {
      await updateConfig(cli.configDirectory, (before) => withAuth(before, server, undefined));
    }
  },
});
