import { defineCommand, exactly } from "../spec.ts";
import { familiarName, parseReference } from "../text/reference.ts";

export const command = defineCommand({
  summary: "Give an image another name",
  usage: "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
  arity: exactly(2),
  complete: "images",
  flags: {},
  async run({ cli, args }) {
    const [source = "", target = ""] = args;
    const reference = targetReference(target);
    if (reference.digest !== undefined) throw new Error("refusing to create a tag with a digest reference");
    const { images } = await cli.engine();
    await images.tag(source, { repo: familiarName(reference), tag: reference.tag ?? "latest" });
  },
});

function targetReference(target: string) {
  try {
    return parseReference(target);
  } catch (error) {
    const reason = (error as Error).message;
    throw new Error(
      `Error parsing reference: ${JSON.stringify(target)} is not a valid repository/tag: ${reason}`,
      {
        cause: error,
      },
    );
  }
}
