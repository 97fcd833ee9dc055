import { bool, list, string } from "../flags.ts";
import { between, defineCommand } from "../spec.ts";
import { familiarName, parseReference } from "../text/reference.ts";

export const command = defineCommand({
  summary: "Make an image of a container's changes",
  usage: "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
  arity: between(1, 2),
  stopAtFirstArgument: true,
  complete: "all-containers",
  flags: {
    author: string('Author, e.g. "Jane Doe <jane@example.com>"', { short: "a" }),
    change: list("Dockerfile instruction to apply to the image", { short: "c" }),
    message: string("Message to keep in the image's history", { short: "m" }),
    pause: bool("Pause the container meanwhile", { short: "p", initial: true }),
  },
  async run({ cli, args, flags }) {
    const [container = "", name] = args;
    const options = { container, comment: flags.message, author: flags.author, pause: flags.pause };
    const target = name === undefined || name === "" ? {} : splitName(name);
    const { images } = await cli.engine();
    cli.line(await images.commit({ ...options, ...target, changes: flags.change }));
  },
});

function splitName(name: string): { repo: string; tag: string } {
  const reference = parseReference(name);
  if (reference.digest !== undefined) throw new Error("refusing to create a tag with a digest reference");
  return { repo: familiarName(reference), tag: reference.tag ?? "latest" };
}
