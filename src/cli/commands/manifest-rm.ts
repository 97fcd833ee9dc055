import { joinErrors } from "../errors.ts";
import { parseNamed } from "../manifests/registry.ts";
import { ManifestStore } from "../manifests/store.ts";
import { atLeast, defineCommand } from "../spec.ts";

export const command = defineCommand({
  summary: "Remove manifest lists that were not pushed",
  usage: "MANIFEST_LIST [MANIFEST_LIST...]",
  arity: atLeast(1),
  flags: {},
  async run({ cli, args }) {
    const store = new ManifestStore(cli.configDirectory);
    const errors: unknown[] = [];
    for (const text of args) {
      try {
        await store.remove(parseNamed(text));
      } catch (error) {
        errors.push(error);
      }
    }
    joinErrors(errors);
  },
});
