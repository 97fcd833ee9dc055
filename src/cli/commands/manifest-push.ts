import { bool } from "../flags.ts";
import { manifestList } from "../manifests/manifest-list.ts";
import { parseNamed, pushList } from "../manifests/registry.ts";
import { ManifestStore } from "../manifests/store.ts";
import { defineCommand, exactly } from "../spec.ts";
import { parseReference } from "../text/reference.ts";

export const command = defineCommand({
  summary: "Push a manifest list to its repository",
  usage: "[OPTIONS] MANIFEST_LIST",
  arity: exactly(1),
  flags: {
    insecure: bool("The registry may do without TLS, or have any certificate"),
    purge: bool("Remove the local manifest list afterwards", { short: "p" }),
  },
  async run({ cli, args, flags }) {
    const list = parseNamed(args[0]!);
    const store = new ManifestStore(cli.configDirectory);
    const manifests = await store.list(list);
    const { mediaType, text } = manifestList(list, manifests);
    const elsewhere = manifests.filter(({ Ref }) => parseReference(Ref).path !== list.path);
    const request = {
      MediaType: mediaType,
      Raw: Buffer.from(text).toString("base64"),
      Images: elsewhere.map(({ Ref, Descriptor, Raw }) => ({
        Repository: parseReference(Ref).path,
        MediaType: Descriptor.mediaType,
        Raw,
      })),
    };
    const { Pushed, Digest } = await pushList(cli, list, request, flags.insecure);
    for (const digest of Pushed)
      cli.line(`Pushed ref ${list.domain}/${list.path}@${digest} with digest: ${digest}`);
    cli.line(Digest);
    if (flags.purge) await store.remove(list);
  },
});
