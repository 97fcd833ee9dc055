import { bool } from "../flags.ts";
import { imageManifest, parseNamed } from "../manifests/registry.ts";
import { ManifestStore } from "../manifests/store.ts";
import { atLeast, defineCommand } from "../spec.ts";
import { fullName } from "../text/reference.ts";

export const command = defineCommand({
  summary: "Begin a manifest list, to be annotated and pushed to a registry",
  usage: "MANIFEST_LIST MANIFEST [MANIFEST...]",
  arity: atLeast(2),
  flags: {
    amend: bool("Go on with a manifest list that is there", { short: "a" }),
    insecure: bool("The registry may do without TLS, or have any certificate"),
  },
  async run({ cli, args, flags }) {
    const [listText = "", ...imageTexts] = args;
    const list = parseNamed(listText, "error parsing name for manifest list");
    const store = new ManifestStore(cli.configDirectory);
    if (!flags.amend && (await store.has(list)))
      throw new Error("refusing to amend an existing manifest list with no --amend flag");
    for (const text of imageTexts) {
      const image = parseNamed(text);
      await store.save(list, image, await imageManifest(cli, store, list, image, flags.insecure));
    }
    cli.line(`Created manifest list ${fullName(list)}`);
  },
});
