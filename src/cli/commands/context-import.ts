import { unpackContext } from "../contexts/archive.ts";
import { ContextStore, checkContextName } from "../contexts/store.ts";
import { defineCommand, exactly } from "../spec.ts";
import { fileChunks } from "../terminal/file-chunks.ts";
import { standardInput } from "../terminal/stdin.ts";

export const command = defineCommand({
  summary: "Read a context from a tar archive: a file or (-) stdin",
  usage: "CONTEXT FILE|-",
  arity: exactly(2),
  complete: "files",
  flags: {},
  async run({ cli, args }) {
    const [name = "", source = ""] = args;
    const store = new ContextStore(cli.configDirectory);
    checkContextName(name);
    if (await store.exists(name)) throw new Error(`context "${name}" already exists`);
    const { meta, tls } = await unpackContext(name, source === "-" ? standardInput() : fileChunks(source));
    await store.write(meta);
    await store.writeTls(name, tls);
    cli.line(name);
    cli.note(`Successfully imported context ${JSON.stringify(name)}`);
  },
});
