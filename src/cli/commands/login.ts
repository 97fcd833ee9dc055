import type { AuthConfig } from "../../wire/index.ts";
import { updateConfig, withAuth } from "../actions/config-store.ts";
import { DOCKER_HUB, findCredentials, helperFor, registryKey, runHelper } from "../actions/credentials.ts";
import type { Cli } from "../cli.ts";
import { bool, string, type Values } from "../flags.ts";
import { between, defineCommand } from "../spec.ts";
import { ask } from "../terminal/ask.ts";
import { standardInput } from "../terminal/stdin.ts";
import { isTerminal } from "../terminal/tty.ts";

const FLAGS = {
  password: string("Password or access token", { short: "p" }),
  "password-stdin": bool("Read the password from stdin"),
  username: string("User name", { short: "u" }),
};

export const command = defineCommand({
  summary: "Log in to a registry",
  description: "Log in to a registry; without one, to Docker Hub",
  usage: "[OPTIONS] [SERVER]",
  arity: between(0, 1),
  flags: FLAGS,
  async run({ cli, args, flags }) {
    const server = serverOf(args[0] ?? "");
    const given = await credentialsOf(cli, server, flags);
    const { Status, IdentityToken = "" } = await (await cli.engine()).system.auth(given);
    await store(
      cli,
      server,
      IdentityToken === "" ? given : { ...given, password: "", identitytoken: IdentityToken },
    );
    if (Status !== "") cli.line(Status);
  },
});

/** People paste addresses with a scheme. */
export function serverOf(text: string): string {
  const host = text.replace(/^https?:\/\//, "").replace(/\/+$/, "");
  if (host === "" || host === "index.docker.io/v1") return DOCKER_HUB;
  return registryKey(host.split("/")[0] ?? host);
}

async function credentialsOf(cli: Cli, server: string, flags: Values<typeof FLAGS>): Promise<AuthConfig> {
  if (flags["password-stdin"] && flags.password !== "")
    throw new Error("--password and --password-stdin are mutually exclusive");
  if (flags["password-stdin"] && flags.username === "")
    throw new Error("the --password-stdin option requires --username to be set");
  if (flags.password !== "")
    cli.note("WARNING! Using --password via the CLI is insecure. Use --password-stdin.");
  const stored =
    flags.username === "" && flags.password === ""
      ? await findCredentials(await cli.config(), server)
      : undefined;
  if (stored?.username && stored.password) {
    cli.line(`Authenticating with existing credentials... [Username: ${stored.username}]`);
    return { ...stored, serveraddress: server };
  }
  const username = flags.username || (await askFor(cli, "Username: ", false));
  const password = flags["password-stdin"]
    ? await readAll()
    : flags.password || (await askFor(cli, "Password: ", true));
  if (username === "") throw new Error("username is required");
  if (password === "") throw new Error("password is required");
  return { username, password, serveraddress: server };
}

async function askFor(cli: Cli, question: string, secret: boolean): Promise<string> {
  if (!isTerminal(0)) throw new Error("Error: Cannot perform an interactive login from a non TTY device");
  return (await ask(cli, question, { secret })).trim();
}

async function readAll(): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of standardInput()) text += decoder.decode(bytes, { stream: true });
  return text.replace(/\r?\n$/, "");
}

async function store(cli: Cli, server: string, auth: AuthConfig): Promise<void> {
  const { username = "", password = "", identitytoken = "" } = auth;
  const helper = helperFor(await cli.config(), server);
  if (helper !== undefined) {
    const Secret = identitytoken === "" ? password : identitytoken;
    const Username = identitytoken === "" ? username : "<token>";
    await runHelper(helper, "store", JSON.stringify({ ServerURL: server, Username, Secret }));
    return;
  }
  const encoded = Buffer.from(`${username}:${password}`).toString("base64");
  const stored = identitytoken === "" ? { auth: encoded } : { auth: encoded, identitytoken };
  await updateConfig(cli.configDirectory, (config) => withAuth(config, server, stored));
  cli.note(`\nWARNING! Your credentials are stored unencrypted in '${cli.configDirectory}/config.json'.`);
  cli.note("Configure a credential helper to remove this warning.\n");
}
