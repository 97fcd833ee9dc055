import type { ContextMeta } from "../../sdk/index.ts";
import { currentContext, wholeContext } from "../contexts/current.ts";
import { DOCKER_FLAG, describeKeys, readDockerEndpoint } from "../contexts/docker-endpoint.ts";
import { ContextStore, checkContextName } from "../contexts/store.ts";
import { string } from "../flags.ts";
import { defineCommand, exactly } from "../spec.ts";

export const command = defineCommand({
  summary: "Create a context",
  description: describeKeys("Create a context", "create"),
  usage: "[OPTIONS] CONTEXT",
  arity: exactly(1),
  flags: {
    description: string("Description of the context"),
    docker: DOCKER_FLAG,
    from: string("Create it from this context", { complete: "contexts" }),
  },
  async run({ cli, args, flags, changed }) {
    const name = args[0]!;
    const store = new ContextStore(cli.configDirectory);
    checkContextName(name);
    if (await store.exists(name)) throw new Error(`context "${name}" already exists`);
    if (flags.from === "" && changed("docker")) {
      const { endpoint, tls } = await readDockerEndpoint(store, flags.docker);
      await store.write({
        Name: name,
        Metadata: described({}, flags.description),
        Endpoints: { docker: endpoint },
      });
      await store.writeTls(name, { docker: tls });
    } else {
      if (changed("docker")) throw new Error("cannot use --docker flag when --from is set");
      const { meta, tls } = await wholeContext(cli, store, flags.from || (await currentContext(cli)));
      await store.write({ ...meta, Name: name, Metadata: described(meta.Metadata ?? {}, flags.description) });
      await store.writeTls(name, tls);
    }
    cli.line(name);
    cli.note(`Successfully created context ${JSON.stringify(name)}`);
  },
});

function described(metadata: object, Description: string): NonNullable<ContextMeta["Metadata"]> {
  return Description === "" ? { ...metadata } : { ...metadata, Description };
}
