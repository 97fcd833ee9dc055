import { DOCKER_FLAG, describeKeys, readDockerEndpoint } from "../contexts/docker-endpoint.ts";
import { ContextStore, checkContextName } from "../contexts/store.ts";
import { string } from "../flags.ts";
import { defineCommand, exactly } from "../spec.ts";

export const command = defineCommand({
  summary: "Change a context",
  description: describeKeys("Change a context", "update"),
  usage: "[OPTIONS] CONTEXT",
  arity: exactly(1),
  complete: "contexts",
  flags: {
    description: string("Description of the context"),
    docker: DOCKER_FLAG,
  },
  async run({ cli, args, flags, changed }) {
    const name = args[0]!;
    checkContextName(name);
    const store = new ContextStore(cli.configDirectory);
    const meta = await store.read(name);
    const Metadata = flags.description === "" ? {} : { Description: flags.description };
    const changedMeta = { ...meta, Name: name, Metadata: { ...meta.Metadata, ...Metadata } };
    if (changed("docker")) {
      const { endpoint, tls } = await readDockerEndpoint(store, flags.docker);
      await store.write({ ...changedMeta, Endpoints: { ...meta.Endpoints, docker: endpoint } });
      await store.writeTls(name, { ...(await store.readTls(name)), docker: tls });
    } else await store.write(changedMeta);
    cli.line(name);
    cli.note(`Successfully updated context ${JSON.stringify(name)}`);
  },
});
