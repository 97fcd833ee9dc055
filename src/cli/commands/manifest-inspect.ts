import { bool } from "../flags.ts";
import { goJson, manifestList } from "../manifests/manifest-list.ts";
import { parseNamed, remoteManifests } from "../manifests/registry.ts";
import { type ListedManifest, ManifestStore } from "../manifests/store.ts";
import { between, defineCommand } from "../spec.ts";
import { fullName, type Reference } from "../text/reference.ts";

export const command = defineCommand({
  summary: "Show an image's manifest, or a manifest list",
  usage: "[OPTIONS] [MANIFEST_LIST] MANIFEST",
  arity: between(1, 2),
  flags: {
    insecure: bool("The registry may do without TLS, or have any certificate"),
    verbose: bool("Show layers and platforms, too", { short: "v" }),
  },
  async run({ cli, args, flags }) {
    const store = new ManifestStore(cli.configDirectory);
    if (args.length === 2) {
      const [list, image] = [parseNamed(args[0]!), parseNamed(args[1]!)];
      const kept = await store.get(list, image);
      if (kept === undefined) throw new Error(`No such manifest: ${fullName(image)}`);
      cli.line(imageText(kept, flags.verbose));
      return;
    }
    const name = parseNamed(args[0]!);
    if (await store.has(name)) {
      cli.line(listText(name, await store.list(name), flags.verbose));
      return;
    }
    const { isList, manifests } = await remoteManifests(cli, name, flags.insecure);
    cli.line(isList ? listText(name, manifests, flags.verbose) : imageText(manifests[0]!, flags.verbose));
  },
});

function imageText(manifest: ListedManifest, verbose: boolean): string {
  return goJson(verbose ? manifest : JSON.parse(Buffer.from(manifest.Raw, "base64").toString("utf8")), "\t");
}

function listText(name: Reference, manifests: readonly ListedManifest[], verbose: boolean): string {
  return verbose ? goJson(manifests, "\t") : manifestList(name, manifests).text;
}
