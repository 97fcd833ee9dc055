import { bool, string } from "../../flags.ts";
import { atLeast } from "../../spec.ts";
import { printConfig } from "../config/print.ts";
import { defineCompose } from "../spec.ts";

export const command = defineCompose({
  summary: "Check the Compose files, and print what they amount to",
  usage: "[OPTIONS] [SERVICE...]",
  arity: atLeast(0),
  flags: {
    environment: bool("Print the variables that the files can use"),
    format: string("How to print: yaml or json", { complete: ["yaml", "json"] }),
    hash: string("Print the configuration hashes of services (a,b, or * for all)"),
    images: bool("Print the services' images"),
    "lock-image-digests": bool("Print an override file with the images' digests"),
    models: bool("Print the language models"),
    networks: bool("Print the networks"),
    "no-consistency": bool("Don't check whether the parts fit together"),
    "no-env-resolution": bool("Leave env_file as it is"),
    "no-interpolate": bool("Leave variables as they are"),
    "no-normalize": bool("Leave out what goes without saying"),
    "no-path-resolution": bool("Leave relative paths as they are"),
    output: string("File to write to", { short: "o", complete: "files" }),
    profiles: bool("Print the profiles"),
    quiet: bool("Only check", { short: "q" }),
    "resolve-image-digests": bool("Name images by their digests"),
    services: bool("Print the services, those that others depend on first"),
    variables: bool("Print the variables that the files name, and their defaults"),
    volumes: bool("Print the volumes"),
  },
  async run({ session, args, flags }) {
    await printConfig(session, args, flags);
  },
});
