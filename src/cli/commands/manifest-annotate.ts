import type { OciPlatform } from "../../wire/index.ts";
import { string, strings } from "../flags.ts";
import { isKnownPlatform } from "../manifests/manifest-list.ts";
import { parseNamed } from "../manifests/registry.ts";
import { ManifestStore } from "../manifests/store.ts";
import { defineCommand, exactly } from "../spec.ts";

export const command = defineCommand({
  summary: "Say more of an image in a manifest list",
  usage: "[OPTIONS] MANIFEST_LIST MANIFEST",
  arity: exactly(2),
  flags: {
    arch: string("Architecture"),
    os: string("Operating system"),
    "os-features": strings("Features of the operating system"),
    "os-version": string("Version of the operating system"),
    variant: string("Variant of the architecture"),
  },
  async run({ cli, args, flags }) {
    const [listText = "", imageText = ""] = args;
    const list = parseNamed(listText, "annotate: error parsing name for manifest list");
    const image = parseNamed(imageText, "annotate: error parsing name for manifest");
    const store = new ManifestStore(cli.configDirectory);
    const manifest = await store.get(list, image);
    if (manifest === undefined)
      throw new Error(`manifest for image ${imageText} does not exist in ${listText}`);
    const platform = withChanges(manifest.Descriptor.platform ?? { architecture: "", os: "" }, {
      os: flags.os,
      architecture: flags.arch,
      version: flags["os-version"],
      variant: flags.variant,
      features: flags["os-features"],
    });
    if (!isKnownPlatform(platform.os, platform.architecture)) {
      throw new Error(
        `manifest entry for image has unsupported os/arch combination: ${flags.os}/${flags.arch}`,
      );
    }
    await store.save(list, image, { ...manifest, Descriptor: { ...manifest.Descriptor, platform } });
  },
});

interface Changes {
  readonly os: string;
  readonly architecture: string;
  readonly version: string;
  readonly variant: string;
  readonly features: readonly string[];
}

/** What is empty stays; features are added. The order of keys is that of Docker's files. */
function withChanges(platform: OciPlatform, changes: Changes): OciPlatform {
  const features = [...new Set([...(platform["os.features"] ?? []), ...changes.features])];
  const version = changes.version || platform["os.version"];
  const variant = changes.variant || platform.variant;
  return {
    architecture: changes.architecture || platform.architecture,
    os: changes.os || platform.os,
    ...(version ? { "os.version": version } : {}),
    ...(features.length > 0 ? { "os.features": features } : {}),
    ...(variant ? { variant } : {}),
  };
}
